// What goes on beside a block's threads: cp.async, mbarriers and bulk copies.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "cuda/emulator/executor.h"
#include "cuda/emulator/intrinsics.h"

namespace lowp {
namespace emulator {
namespace {

// What an initialized barrier holds, to see whether it has been written over.
uint64_t Mark(const uint64_t* barrier) { return reinterpret_cast<uintptr_t>(barrier) ^ 0x6c6f77706d626172u; }

constexpr int64_t kMostBytes = (1 << 20) - 1;
constexpr uint32_t kMostArrivals = (1 << 20) - 1;

}  // namespace

// The destination holds garbage until the copy is waited for, so that reading too early shows and so does a start while others
// still read what was there.
void Executor::StartCopy(void* to, const void* from, uint32_t bytes, bool valid, const char* name) {
  CheckShared(to, bytes, bytes, name);
  if (valid) CheckGlobal(from, bytes, bytes, name);
  FillWithGarbage(to, bytes);
  current_->copies.push_back({static_cast<uint8_t*>(to), valid ? static_cast<const uint8_t*>(from) : nullptr, bytes});
}

void Executor::CloseGroup() { current_->groups.push_back(current_->copies.size()); }

void Executor::FinishCopies(std::vector<AsyncCopy>& copies, size_t count, int writer) {
  ++clock_;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = static_cast<size_t>(copies[i].to - shared_);
    for (size_t at = begin / kChunkBytes; at * kChunkBytes < begin + copies[i].bytes && at < chunks_.size(); ++at) {
      chunks_[at] = {writer, clock_};
    }
    if (copies[i].from != nullptr) {
      std::memcpy(copies[i].to, copies[i].from, copies[i].bytes);
    } else {
      std::memset(copies[i].to, 0, copies[i].bytes);
    }
  }
  copies.erase(copies.begin(), copies.begin() + static_cast<ptrdiff_t>(count));
}

void Executor::WaitForGroups(size_t left) {
  Thread& self = *current_;
  const auto mine = [&](const EngineWork& work) { return work.thread == &self; };
  while (std::any_of(engine_.begin(), engine_.end(), mine)) RunEngine();
  if (self.groups.size() <= left) return;
  const size_t closed = self.groups.size() - left, count = self.groups[closed - 1];
  FinishCopies(self.copies, count, self.number);
  self.groups.erase(self.groups.begin(), self.groups.begin() + static_cast<ptrdiff_t>(closed));
  for (size_t& end : self.groups) end -= count;
}

// Work that was queued is done in its order, one a call.
bool Executor::RunEngine() {
  if (engine_.empty()) return false;
  EngineWork work = std::move(engine_.front());
  engine_.pop_front();
  int64_t bytes = 0;
  for (const AsyncCopy& copy : work.copies) bytes += copy.bytes;
  FinishCopies(work.copies, work.copies.size(), work.thread == nullptr ? Chunk::kEngine : work.thread->number);
  MBarrier& barrier = Find(work.barrier, "the end of an asynchronous copy");
  if (work.thread == nullptr) {
    barrier.bytes -= bytes;
  } else if (barrier.pending-- == 0) {
    Fail(cudaErrorLaunchFailure, "CpAsyncMBarrierArrive: more arrivals than MBarrierInit said");
  }
  Settle(barrier);
  return true;
}

void Executor::FenceProxy() { latest_proxy_fence_ = current_->proxy_fence = ++clock_; }

void Executor::CheckProxy(const uint8_t* memory, int first) {
  const Chunk& chunk = chunks_[static_cast<size_t>(memory - shared_) / kChunkBytes];
  if (chunk.writer == Chunk::kEngine) return;
  bool fenced = false;
  if (chunk.writer == Chunk::kUnknown) {
    fenced = latest_proxy_fence_ != 0;
  } else {
    fenced = true;
    for (int i = 0; i < kWarpgroupSize; ++i) fenced = fenced && thread(first + i).proxy_fence > chunk.when;
    fenced = fenced || thread(chunk.writer).proxy_fence > chunk.when;
  }
  if (!fenced) Fail(cudaErrorLaunchFailure, "wgmma reads shared memory that no FenceProxyAsync followed the writing of");
}

MBarrier& Executor::Find(uint64_t* barrier, const char* name) {
  CheckShared(barrier, sizeof(*barrier), sizeof(*barrier), name);
  const auto found =
      std::find_if(mbarriers_.begin(), mbarriers_.end(), [&](const MBarrier& known) { return known.memory == barrier; });
  if (found == mbarriers_.end()) Fail(cudaErrorLaunchFailure, std::string(name) + " of a barrier that MBarrierInit has not made");
  if (*barrier != Mark(barrier)) Fail(cudaErrorLaunchFailure, std::string(name) + " of a barrier that has been written over");
  return *found;
}

void Executor::Settle(MBarrier& barrier) {
  if (barrier.pending != 0 || barrier.bytes != 0) return;
  ++barrier.phase;
  barrier.pending = barrier.arrivals;
  runnable_.Add(barrier.waiting);
  barrier.waiting.Empty();
}

void Executor::InitMBarrier(uint64_t* barrier, uint32_t arrivals) {
  CheckShared(barrier, sizeof(*barrier), sizeof(*barrier), "MBarrierInit");
  if (arrivals == 0 || arrivals > kMostArrivals) {
    Fail(cudaErrorLaunchFailure, "MBarrierInit for " + std::to_string(arrivals) + " arrivals");
  }
  for (const MBarrier& known : mbarriers_) {
    if (known.memory == barrier) Fail(cudaErrorLaunchFailure, "MBarrierInit of a barrier that is in use");
  }
  *barrier = Mark(barrier);
  mbarriers_.push_back({barrier, arrivals, arrivals, 0, 0, false, {}});
}

void Executor::FenceMBarriers() {
  for (MBarrier& barrier : mbarriers_) barrier.fenced = true;
}

void Executor::ArriveMBarrier(uint64_t* barrier, int64_t bytes) {
  MBarrier& found = Find(barrier, "an arrival");
  if (found.pending == 0) Fail(cudaErrorLaunchFailure, "an arrival at a barrier that has had all its arrivals of this phase");
  if (found.bytes + bytes > kMostBytes) {
    Fail(cudaErrorLaunchFailure,
         "MBarrierExpect: " + std::to_string(found.bytes + bytes) + " bytes are more than a barrier counts");
  }
  found.bytes += bytes;
  --found.pending;
  Settle(found);
}

void Executor::WaitMBarrier(uint64_t* barrier, uint32_t parity) {
  if (parity > 1) Fail(cudaErrorLaunchFailure, "MBarrierWait for parity " + std::to_string(parity));
  while (true) {
    MBarrier& found = Find(barrier, "MBarrierWait");
    if (found.phase % 2 != parity) return;
    found.waiting.Set(current_->position);
    Leave("MBarrierWait");
  }
}

void Executor::QueueArrival(uint64_t* barrier) {
  Find(barrier, "CpAsyncMBarrierArrive");
  Thread& self = *current_;
  engine_.push_back({&self, std::move(self.copies), barrier});
  self.copies.clear();
  self.groups.clear();
}

void Executor::QueueLoad(void* to, const void* from, uint32_t bytes, uint64_t* barrier) {
  if (!Find(barrier, "BulkLoad").fenced)
    Fail(cudaErrorLaunchFailure, "BulkLoad with a barrier that no MBarrierInitFence followed");
  if (bytes == 0 || bytes % 16 != 0) {
    Fail(cudaErrorMisalignedAddress, "BulkLoad of " + std::to_string(bytes) + " bytes, no multiple of 16");
  }
  CheckShared(to, bytes, 16, "BulkLoad");
  CheckGlobal(from, bytes, 16, "BulkLoad");
  FillWithGarbage(to, bytes);
  engine_.push_back({nullptr, {{static_cast<uint8_t*>(to), static_cast<const uint8_t*>(from), bytes}}, barrier});
}

void StartCopy(void* shared, const void* global, uint32_t bytes, bool valid, const char* name) {
  Executor& executor = CurrentExecutor();
  executor.StartCopy(shared, global, bytes, valid, name);
  // Below 80 the wrapper is a plain copy.
  if (executor.capability() < 80) {
    executor.CloseGroup();
    executor.WaitForGroups(0);
  }
}

}  // namespace emulator

void CpAsyncCommit() { emulator::CurrentExecutor().CloseGroup(); }

namespace emulator {
void WaitForGroups(size_t left) { CurrentExecutor().WaitForGroups(left); }
}  // namespace emulator

void NamedBarrierSync(int barrier, int threads) {
  emulator::CurrentExecutor().Wait(barrier == 0 ? -1 : barrier, static_cast<uint32_t>(threads), true, "NamedBarrierSync");
}

void NamedBarrierArrive(int barrier, int threads) {
  emulator::CurrentExecutor().Wait(barrier == 0 ? -1 : barrier, static_cast<uint32_t>(threads), false, "NamedBarrierArrive");
}

uint8_t* DynamicShared() { return emulator::CurrentExecutor().shared(); }

uint32_t SharedAddress(const void* shared) { return emulator::CurrentExecutor().SharedAddressOf(shared); }

namespace {

emulator::Executor& Hopper(const char* name) {
  emulator::Executor& executor = emulator::CurrentExecutor();
  executor.Require(90, name);
  return executor;
}

}  // namespace

void MBarrierInit(uint64_t* barrier, uint32_t arrivals) { Hopper("MBarrierInit").InitMBarrier(barrier, arrivals); }
void MBarrierInitFence() { Hopper("MBarrierInitFence").FenceMBarriers(); }
void MBarrierExpect(uint64_t* barrier, uint32_t bytes) { Hopper("MBarrierExpect").ArriveMBarrier(barrier, bytes); }
void MBarrierArrive(uint64_t* barrier) { Hopper("MBarrierArrive").ArriveMBarrier(barrier, 0); }
void MBarrierWait(uint64_t* barrier, uint32_t parity) { Hopper("MBarrierWait").WaitMBarrier(barrier, parity); }
void CpAsyncMBarrierArrive(uint64_t* barrier) { Hopper("CpAsyncMBarrierArrive").QueueArrival(barrier); }
void BulkLoad(void* shared, const void* global, uint32_t bytes, uint64_t* barrier) {
  Hopper("BulkLoad").QueueLoad(shared, global, bytes, barrier);
}
void FenceProxyAsync() { Hopper("FenceProxyAsync").FenceProxy(); }

}  // namespace lowp
