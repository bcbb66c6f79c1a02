#include "cuda/emulator/stream.h"

#include <utility>

namespace lowp {
namespace emulator {
namespace {

thread_local bool in_callback = false;

}  // namespace

bool InCallback() { return in_callback; }

void CallBack(const std::function<void()>& callback) {
  in_callback = true;
  callback();
  in_callback = false;
}

Stream::Stream() : thread_([this] { Run(); }) {}

Stream::~Stream() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Stream::Queue(std::function<void()> work) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    work_.push_back(std::move(work));
  }
  changed_.notify_all();
}

bool Stream::IsIdle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return work_.empty() && !running_;
}

void Stream::Drain() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return work_.empty() && !running_; });
}

void Stream::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || !work_.empty(); });
    if (work_.empty()) return;
    {
      const std::function<void()> work = std::move(work_.front());
      work_.pop_front();
      running_ = true;
      lock.unlock();
      work();
    }
    lock.lock();
    running_ = false;
    changed_.notify_all();
  }
}

uint64_t EventState::Record() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return ++recorded_;
}

void EventState::Reach(uint64_t record) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (record > reached_) {
      reached_ = record;
      time_ = std::chrono::steady_clock::now();
    }
  }
  changed_.notify_all();
}

void EventState::Wait() { WaitFor(recorded()); }

void EventState::WaitFor(uint64_t record) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return reached_ >= record; });
}

bool EventState::IsReached() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reached_ == recorded_;
}

uint64_t EventState::recorded() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return recorded_;
}

bool EventState::TimeOf(Time* time) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (recorded_ == 0 || reached_ != recorded_) return false;
  *time = time_;
  return true;
}

}  // namespace emulator
}  // namespace lowp
