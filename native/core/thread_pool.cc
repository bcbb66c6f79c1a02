#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/cpu.h"

namespace lowp {

// A share of consecutive pieces for each thread: first << 32 | end. Both only move towards each other within a region, so a
// compare and exchange cannot mistake a later state for an earlier one.
class TaskShares {
 public:
  static constexpr size_t kMaxTasks = UINT32_MAX;

  void Divide(size_t tasks, size_t threads) {
    threads_ = threads;
    for (size_t i = 0; i < threads; ++i)
      shares_[i].range.store(Pack(tasks * i / threads, tasks * (i + 1) / threads), std::memory_order_relaxed);
  }

  bool Claim(size_t seat, size_t* task) {
    if (Take(shares_[seat].range, /*at_end=*/false, task)) return true;
    // Then from the end of the largest share that is left.
    for (;;) {
      size_t victim = 0, most = 0;
      for (size_t i = 0; i < threads_; ++i) {
        const size_t left = Left(shares_[i].range.load(std::memory_order_relaxed));
        if (left > most) victim = i, most = left;
      }
      if (most == 0) return false;
      if (Take(shares_[victim].range, /*at_end=*/true, task)) return true;
    }
  }

 private:
  struct alignas(kCacheLine) Share {
    std::atomic<uint64_t> range{0};
  };

  static uint64_t Pack(size_t first, size_t end) { return static_cast<uint64_t>(first) << 32 | end; }
  static size_t Left(uint64_t range) { return static_cast<uint32_t>(range) - static_cast<size_t>(range >> 32); }

  static bool Take(std::atomic<uint64_t>& share, bool at_end, size_t* task) {
    uint64_t range = share.load(std::memory_order_relaxed);
    while (Left(range) != 0) {
      const size_t first = static_cast<size_t>(range >> 32), end = static_cast<uint32_t>(range);
      *task = at_end ? end - 1 : first;
      if (share.compare_exchange_weak(range, at_end ? Pack(first, end - 1) : Pack(first + 1, end), std::memory_order_relaxed))
        return true;
    }
    return false;
  }

  size_t threads_ = 0;
  Share shares_[kMaxThreads];
};

bool Tasks::Claim(size_t* task) { return shares_->Claim(seat_, task); }

namespace {

// Waking a sleeping thread takes 35 to 90 us here, and under 1 us while it still looks for work. So an idle worker looks this
// many times, yielding the core in between (0.7 us each), before it sleeps: about as long as the waking would take.
constexpr int kSpins = 128;
// The caller looks for the others' end longer: each of them is at its last piece. One that slept came back 42 us late, a
// twentieth of two threads' product of 512x512x512.
constexpr int kJoinSpins = 4096;

class ThreadPool {
 public:
  void Run(size_t tasks, size_t threads, ParallelBody body, void* context) {
    std::unique_lock<std::mutex> region(region_mutex_, std::try_to_lock);
    const size_t helpers = std::min(std::min(threads, kMaxThreads), tasks) - 1;
    if (!region.owns_lock() || helpers == 0 || tasks > TaskShares::kMaxTasks || !EnsureWorkers(helpers)) {
      Tasks all(tasks);
      body(context, all);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      body_ = body;
      context_ = context;
      seats_ = std::min(helpers, workers_.size());
      next_seat_ = 1;
      shares_.Divide(tasks, seats_ + 1);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    Tasks mine(shares_, 0);
    body(context, mine);
    // No seat may be taken any more, and those who sat must have left before body_ and context_ go away.
    {
      std::lock_guard<std::mutex> lock(mutex_);
      seats_ = 0;
    }
    for (int spin = 0; spin < kJoinSpins; ++spin) {
      if (active_.load(std::memory_order_acquire) == 0) return;
      std::this_thread::yield();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return active_.load(std::memory_order_acquire) == 0; });
  }

  void Retain() {
    std::lock_guard<std::mutex> region(region_mutex_);
    ++holders_;
  }

  void Release() {
    std::lock_guard<std::mutex> region(region_mutex_);
    if (--holders_ > 0) return;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_ = false;
  }

 private:
  bool EnsureWorkers(size_t count) {
    try {
      while (workers_.size() < count) workers_.emplace_back([this, seen = generation_.load()] { Serve(seen); });
    } catch (const std::system_error&) {
      // The system gives no more threads: use those there are.
    }
    return !workers_.empty();
  }

  void Serve(uint64_t seen) {
    for (;;) {
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; ++spin) std::this_thread::yield();
      ParallelBody body;
      void* context;
      size_t seat;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
        seen = generation_.load(std::memory_order_relaxed);
        if (stop_) return;
        if (seats_ == 0) continue;
        --seats_;
        active_.fetch_add(1, std::memory_order_relaxed);
        body = body_;
        context = context_;
        seat = next_seat_++;
      }
      Tasks mine(shares_, seat);
      body(context, mine);
      {
        std::lock_guard<std::mutex> lock(mutex_);
        if (active_.fetch_sub(1, std::memory_order_release) == 1) done_.notify_one();
      }
    }
  }

  std::mutex region_mutex_;  // held for the length of a region: one at a time
  std::mutex mutex_;         // guards what follows
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;  // guarded by region_mutex_
  size_t holders_ = 0;                // guarded by region_mutex_
  std::atomic<uint64_t> generation_{0};
  TaskShares shares_;
  ParallelBody body_ = nullptr;
  void* context_ = nullptr;
  size_t seats_ = 0;               // workers that may still join the region
  size_t next_seat_ = 1;           // the caller's is 0
  std::atomic<size_t> active_{0};  // workers inside it; changes with mutex_ held
  bool stop_ = false;
};

// Never destroyed: a static destructor would race with threads that outlive main.
ThreadPool& Pool() {
  static ThreadPool* pool = new ThreadPool;
  return *pool;
}

std::atomic<size_t> default_threads{0};

}  // namespace

size_t DefaultThreads() {
  const size_t threads = default_threads.load(std::memory_order_relaxed);
  return threads != 0 ? threads : std::min<size_t>(Cpu().cores, kMaxThreads);
}

void SetDefaultThreads(size_t threads) { default_threads.store(std::min(threads, kMaxThreads), std::memory_order_relaxed); }

void RetainThreadPool() { Pool().Retain(); }
void ReleaseThreadPool() { Pool().Release(); }

void RunParallel(size_t tasks, size_t threads, ParallelBody body, void* context) { Pool().Run(tasks, threads, body, context); }

}  // namespace lowp
