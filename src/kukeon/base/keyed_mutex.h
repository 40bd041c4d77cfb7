// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace kukeon {

// One mutex a key, made on demand and dropped with its last holder. Keys are resource paths;
// whoever takes two takes the parent first.
class KeyedMutex {
  struct Entry {
    std::mutex mutex;
    int users = 0;
  };

 public:
  // Holds one key; leaving the scope releases it.
  class Lock {
   public:
    Lock(KeyedMutex& owner, std::string key);
    // Of a key that somebody holds: is_held() is false.
    Lock(KeyedMutex& owner, std::string key, std::try_to_lock_t how);
    Lock(Lock&& other) noexcept
        : owner_{std::exchange(other.owner_, nullptr)},
          key_{std::move(other.key_)},
          entry_{std::exchange(other.entry_, nullptr)} {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock();

    bool is_held() const { return entry_ != nullptr; }

   private:
    KeyedMutex* owner_;
    std::string key_;
    Entry* entry_ = nullptr;
  };

  [[nodiscard]] Lock lock(std::string key) { return Lock{*this, std::move(key)}; }
  [[nodiscard]] Lock try_lock(std::string key) {
    return Lock{*this, std::move(key), std::try_to_lock};
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
};

}  // namespace kukeon
