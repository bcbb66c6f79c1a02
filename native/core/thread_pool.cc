#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/cpu.h"

namespace lowp {
namespace {

// Waking a sleeping thread costs tens of microseconds; a service calls again sooner than that. So an idle worker looks
// for work this many times, yielding the core in between, before it sleeps.
constexpr int kSpins = 64;

class ThreadPool {
 public:
  void Run(size_t tasks, size_t threads, ParallelBody body, void* context) {
    std::unique_lock<std::mutex> region(region_mutex_, std::try_to_lock);
    const size_t helpers = std::min(std::min(threads, kMaxThreads), tasks) - 1;
    if (!region.owns_lock() || helpers == 0 || !EnsureWorkers(helpers)) {
      for (size_t task = 0; task < tasks; ++task) body(context, task);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      body_ = body;
      context_ = context;
      tasks_ = tasks;
      next_.store(0, std::memory_order_relaxed);
      seats_ = helpers;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    Work(body, context, tasks);
    // No seat may be taken any more, and those who sat must have left before body_ and context_ go away.
    std::unique_lock<std::mutex> lock(mutex_);
    seats_ = 0;
    done_.wait(lock, [this] { return active_ == 0; });
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

  void Work(ParallelBody body, void* context, size_t tasks) {
    for (size_t task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < tasks;) body(context, task);
  }

  void Serve(uint64_t seen) {
    for (;;) {
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; ++spin) std::this_thread::yield();
      ParallelBody body;
      void* context;
      size_t tasks;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
        seen = generation_.load(std::memory_order_relaxed);
        if (stop_) return;
        if (seats_ == 0) continue;
        --seats_;
        ++active_;
        body = body_;
        context = context_;
        tasks = tasks_;
      }
      Work(body, context, tasks);
      {
        std::lock_guard<std::mutex> lock(mutex_);
        if (--active_ == 0) done_.notify_one();
      }
    }
  }

  std::mutex region_mutex_;  // held for the length of a region: one at a time
  std::mutex mutex_;         // guards what follows
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;  // guarded by region_mutex_
  size_t holders_ = 0;                // guarded by region_mutex_
  std::atomic<uint64_t> generation_{0};
  std::atomic<size_t> next_{0};
  ParallelBody body_ = nullptr;
  void* context_ = nullptr;
  size_t tasks_ = 0;
  size_t seats_ = 0;   // workers that may still join the region
  size_t active_ = 0;  // workers inside it
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
