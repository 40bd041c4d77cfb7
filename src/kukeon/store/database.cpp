// SPDX-License-Identifier: Apache-2.0
#include "kukeon/store/database.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/fd.h"
#include "kukeon/base/log.h"

namespace kukeon::store {
namespace {

[[noreturn]] void fail(sqlite3* handle, std::string_view doing) {
  const int code = handle != nullptr ? sqlite3_extended_errcode(handle) : SQLITE_NOMEM;
  const char* text = handle != nullptr ? sqlite3_errmsg(handle) : "out of memory";
  // A full file system shows as FULL, or as a failed write or WAL-index mapping.
  const bool full = (code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE ||
                    (code == SQLITE_IOERR_WRITE && sqlite3_system_errno(handle) == ENOSPC);
  if (full) {
    const char* file = sqlite3_db_filename(handle, "main");
    throw Error{kinds::disk_full,
                fmt::format("{}: no space left on the device that holds {}; free some and retry",
                            doing, file != nullptr ? file : "the state database")};
  }
  throw Error{kinds::os_error, fmt::format("{}: {} (sqlite {})", doing, text, code)};
}

}  // namespace

std::string Row::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes != nullptr ? std::string{bytes, size} : std::string{};
}

std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }

Statement::Statement(sqlite3* database, std::string_view sql) : database_{database} {
  if (sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement_,
                         nullptr) != SQLITE_OK) {
    fail(database, "prepare a statement");
  }
}

Statement::Statement(Statement&& other) noexcept
    : database_{other.database_},
      statement_{std::exchange(other.statement_, nullptr)},
      next_parameter_{other.next_parameter_} {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(std::string_view text) {
  if (sqlite3_bind_text64(statement_, next_parameter_++, text.data(), text.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8) != SQLITE_OK) {
    fail(database_, "bind a value");
  }
  return *this;
}

Statement& Statement::bind(std::int64_t integer) {
  if (sqlite3_bind_int64(statement_, next_parameter_++, integer) != SQLITE_OK) {
    fail(database_, "bind a value");
  }
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  fail(database_, "write the state database");
}

Database::Database(const std::filesystem::path& file) {
  // It holds registry passwords. SQLite gives its other files the mode of this one.
  open_file(file.string(), O_RDWR | O_CREAT, 0600);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string cause = handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close(handle_);
    throw Error{kinds::os_error,
                fmt::format("open the state database {}: {}", file.string(), cause)};
  }
  try {
    sqlite3_busy_timeout(handle_, 5000);
    execute("PRAGMA journal_mode=WAL");
    execute("PRAGMA synchronous=FULL");
    execute("PRAGMA foreign_keys=ON");
  } catch (...) {
    sqlite3_close(handle_);
    throw;
  }
}

Database::~Database() { sqlite3_close_v2(handle_); }

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail(handle_, "write the state database");
  }
}

int Database::changes() const { return sqlite3_changes(handle_); }

Transaction::Transaction(Database& database) : database_{database} {
  database_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const Error& error) {
    log::warn("rollback failed", {{"cause", error.what()}});
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace kukeon::store
