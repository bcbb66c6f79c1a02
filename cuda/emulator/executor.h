// What runs a grid on the host's thread that calls RunGrid: its blocks in turn, the threads of a block as fibers.
#ifndef LOWP_CUDA_EMULATOR_EXECUTOR_H_
#define LOWP_CUDA_EMULATOR_EXECUTOR_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cuda/emulator/device.h"
#include "cuda/emulator/fiber.h"

namespace lowp {
namespace emulator {

constexpr int kWarpSize = 32, kWarpgroupSize = 128, kMaxBlock = 1024;
constexpr size_t kChunkBytes = 16;
// Where shared memory begins in its window: the first KiB is the system's on recent devices.
constexpr uint32_t kSharedWindow = 1024;

class Executor;

// A copy to shared memory that a thread, or an engine for it, will do.
struct AsyncCopy {
  uint8_t* to;
  const uint8_t* from;  // null: zeros
  uint32_t bytes;
};

struct Thread {
  View view;
  Executor* executor = nullptr;
  int number = 0;    // within the block
  int position = 0;  // in the order of the block
  std::unique_ptr<Fiber> fiber;
  const char* waits_at = nullptr;  // null: runs
  bool exited = false;
  // cp.async: copies not yet done, of which the first groups.back() belong to closed groups; groups holds where each ends.
  std::vector<AsyncCopy> copies;
  std::vector<size_t> groups;
  // wgmma: how many fences it has made.
  uint64_t fences = 0;
  // When it last made what it and others had written visible to the async proxy.
  uint64_t proxy_fence = 0;

  int lane() const { return number % kWarpSize; }
  int warp() const { return number / kWarpSize; }
};

// A set of positions in the order.
class Positions {
 public:
  void Set(int position) { words_[position / 64] |= uint64_t{1} << position % 64; }
  void Clear(int position) { words_[position / 64] &= ~(uint64_t{1} << position % 64); }
  void Add(const Positions& more) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= more.words_[i];
  }
  void Empty() { words_.fill(0); }
  // The first at or after `from`, and from the beginning where there is none; -1: empty.
  int Next(int from) const;

 private:
  std::array<uint64_t, kMaxBlock / 64> words_{};
};

// A call that threads of a warp (warpgroup) make together: what to do when the last has come, and with which arguments.
struct Call;
using Perform = void (*)(Executor&, const Call&);
struct Call {
  const char* name;
  Perform perform;
  int first;               // the number of the first of the threads
  uint32_t mask;           // of a warp's lanes
  int come, expected;      // threads
  void* const* arguments;  // by number - first
};

struct Barrier {
  uint32_t come = 0, expected = 0;
  Positions waiting;
  uint32_t sum = 0, result = 0;  // of __syncthreads_count
};

struct MBarrier {
  uint64_t* memory;
  uint32_t arrivals, pending;
  int64_t bytes;
  uint32_t phase;
  bool fenced;
  Positions waiting;
};

// Who last copied to 16 bytes of shared memory, and when.
struct Chunk {
  static constexpr int kUnknown = -1;  // nobody, or plain stores since
  static constexpr int kEngine = -2;   // a bulk copy, of the async proxy itself
  int writer = kUnknown;
  uint64_t when = 0;
};

// What goes on beside the threads. It is done as late as may be: when no thread can run.
struct EngineWork {
  const Thread* thread;  // whose cp.async these are; null: a bulk copy
  std::vector<AsyncCopy> copies;
  uint64_t* barrier;
};

struct Warpgroup;

class Executor {
 public:
  Executor();
  ~Executor();

  void Run(dim3 grid, dim3 block, size_t shared, const std::function<void()>& body);

  // Of the thread that runs.
  Thread& current() { return *current_; }
  int capability() const { return options_.capability; }

  // Ends the launch and loses the device.
  [[noreturn]] void Fail(cudaError_t error, const std::string& what);
  void Require(int capability, const char* name);

  uint8_t* shared() const { return shared_; }
  void CheckShared(const void* memory, size_t bytes, size_t alignment, const char* name);
  void CheckGlobal(const void* memory, size_t bytes, size_t alignment, const char* name);
  uint32_t SharedAddressOf(const void* memory);

  // Until all the lanes of the mask (the warpgroup) are there; the last does it.
  void CallWarp(const char* name, uint32_t mask, void* argument, Perform perform);
  void CallWarpgroup(const char* name, void* argument, Perform perform);
  void Wait(int barrier, uint32_t threads, bool stays, const char* name);
  uint32_t SyncThreads(uint32_t value);

  void StartCopy(void* to, const void* from, uint32_t bytes, bool valid, const char* name);
  void CloseGroup();
  void WaitForGroups(size_t left);
  void QueueArrival(uint64_t* barrier);
  void QueueLoad(void* to, const void* from, uint32_t bytes, uint64_t* barrier);
  void InitMBarrier(uint64_t* barrier, uint32_t arrivals);
  void FenceMBarriers();
  void ArriveMBarrier(uint64_t* barrier, int64_t bytes);
  void WaitMBarrier(uint64_t* barrier, uint32_t parity);

  void FenceProxy();
  // That wgmma of the warpgroup from thread `first` on may read a chunk: after a copy by a thread comes a fence of that thread or
  // of the whole warpgroup; after plain stores one of any thread at least.
  void CheckProxy(const uint8_t* chunk, int first);

  Warpgroup& warpgroup(int number) { return *warpgroups_[static_cast<size_t>(number)]; }
  Thread& thread(int number) { return *threads_[static_cast<size_t>(number)]; }

 private:
  static void EnterThread(void* thread);
  void RunThread(Thread& self);
  void RunBlock();
  void Arrange();
  // Lets others run until the current thread's position is among the runnable ones again.
  void Leave(const char* waits_at);
  void SwitchToNext(int from);
  bool RunEngine();
  void Join(std::vector<Call>& calls, const Call& call, void* argument);
  MBarrier& Find(uint64_t* barrier, const char* name);
  void Settle(MBarrier& barrier);
  void FinishCopies(std::vector<AsyncCopy>& copies, size_t count, int writer);
  std::string Stuck() const;
  uint64_t Random();

  Options options_;
  std::vector<Range> allocations_;
  const std::function<void()>* body_ = nullptr;

  Fiber home_;
  std::vector<std::unique_ptr<Thread>> threads_;  // kept for the blocks to come
  int size_ = 0;                                  // of the block
  std::vector<int> order_;                        // the thread at each position
  Thread* current_ = nullptr;
  Positions runnable_;
  int left_ = 0;
  bool failed_ = false;
  uint64_t random_ = 0;

  uint8_t* shared_ = nullptr;
  size_t shared_bytes_ = 0;
  std::vector<Chunk> chunks_;                    // of shared memory; empty where there is no async proxy
  uint64_t clock_ = 0, latest_proxy_fence_ = 0;  // counts ends of copies and fences
  // Calls not all have come to, by warp and by warpgroup, and what each thread has brought.
  std::array<std::vector<Call>, kMaxBlock / kWarpSize> warp_calls_;
  std::array<std::vector<Call>, kMaxBlock / kWarpgroupSize> warpgroup_calls_;
  std::array<void*, kMaxBlock> arguments_;
  std::array<Barrier, 16> barriers_;
  std::vector<MBarrier> mbarriers_;
  std::deque<EngineWork> engine_;
  std::array<std::unique_ptr<Warpgroup>, kMaxBlock / kWarpgroupSize> warpgroups_;
};

// The thread of the device that the host's thread is running.
extern __thread Thread* current_thread __attribute__((tls_model("initial-exec")));
inline Executor& CurrentExecutor() { return *current_thread->executor; }

void RunGrid(dim3 grid, dim3 block, size_t shared, const std::function<void()>& body);

}  // namespace emulator
}  // namespace lowp

#endif  // LOWP_CUDA_EMULATOR_EXECUTOR_H_
