// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace kukeon::store {

// One row of a running query; valid until the next step.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_{statement} {}
  std::string text(int column) const;
  std::int64_t integer(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// A prepared statement: bind in order, then run() or step through rows.
class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t integer);
  // True while there is a row.
  bool step();
  void run() {
    while (step()) {
    }
  }
  Row row() const { return Row{statement_}; }

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  int next_parameter_ = 1;
};

// One connection: WAL, synchronous=FULL, foreign keys on. Throws disk_full where SQLite says so,
// else os_error.
class Database {
 public:
  explicit Database(const std::filesystem::path& file);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  void execute(const std::string& sql);
  Statement prepare(std::string_view sql) { return Statement{handle_, sql}; }
  int changes() const;

 private:
  sqlite3* handle_ = nullptr;
};

// BEGIN IMMEDIATE … COMMIT; leaving the scope without commit() rolls back.
class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace kukeon::store
