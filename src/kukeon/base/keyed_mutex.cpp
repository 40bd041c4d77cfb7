// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/keyed_mutex.h"

namespace kukeon {

KeyedMutex::Lock::Lock(KeyedMutex& owner, std::string key) : owner_{&owner}, key_{std::move(key)} {
  {
    const std::lock_guard guard{owner.mutex_};
    auto& slot = owner.entries_[key_];
    if (!slot) slot = std::make_unique<Entry>();
    entry_ = slot.get();
    ++entry_->users;
  }
  entry_->mutex.lock();
}

// Entries live only while somebody holds or awaits them, so one that is there is held.
KeyedMutex::Lock::Lock(KeyedMutex& owner, std::string key, std::try_to_lock_t)
    : owner_{&owner}, key_{std::move(key)} {
  const std::lock_guard guard{owner.mutex_};
  auto& slot = owner.entries_[key_];
  if (slot) return;
  slot = std::make_unique<Entry>();
  entry_ = slot.get();
  entry_->users = 1;
  entry_->mutex.lock();
}

KeyedMutex::Lock::~Lock() {
  if (owner_ == nullptr || entry_ == nullptr) return;
  entry_->mutex.unlock();
  const std::lock_guard guard{owner_->mutex_};
  if (--entry_->users == 0) owner_->entries_.erase(key_);
}

}  // namespace kukeon
