// What threads do together: calls of warps and warpgroups, barriers, shuffles and votes.
#include <string>

#include "cuda/emulator/executor.h"

namespace lowp {
namespace emulator {
namespace {

std::string Hex(uint32_t value) {
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 15];
  return text;
}

struct ShuffleArguments {
  ShuffleKind kind;
  uint64_t value;
  int lane, width;
  uint64_t result;
};

void PerformShuffle(Executor& executor, const Call& call) {
  const auto at = [&](int lane) { return static_cast<ShuffleArguments*>(call.arguments[lane]); };
  for (int lane = 0; lane < kWarpSize; ++lane) {
    if ((call.mask >> lane & 1) == 0) continue;
    ShuffleArguments& mine = *at(lane);
    const int width = mine.width;
    if (width < 1 || width > kWarpSize || (width & (width - 1)) != 0) {
      executor.Fail(cudaErrorLaunchFailure, "a shuffle of width " + std::to_string(width));
    }
    const int segment = lane & ~(width - 1), end = segment + width;
    int from = lane;
    switch (mine.kind) {
      case ShuffleKind::kIndex: from = segment | (mine.lane & (width - 1)); break;
      case ShuffleKind::kUp: from = lane - mine.lane >= segment ? lane - mine.lane : lane; break;
      case ShuffleKind::kDown: from = lane + mine.lane < end ? lane + mine.lane : lane; break;
      case ShuffleKind::kXor: from = (lane ^ mine.lane) < end ? lane ^ mine.lane : lane; break;
    }
    // A lane that takes no part has no value.
    const bool known = from >= 0 && from < kWarpSize && (call.mask >> from & 1) != 0;
    mine.result = known ? at(from)->value : uint64_t{kGarbage} << 32 | kGarbage;
  }
}

struct BallotArguments {
  bool predicate;
  uint32_t result;
};

void PerformBallot(Executor&, const Call& call) {
  uint32_t votes = 0;
  for (int lane = 0; lane < kWarpSize; ++lane) {
    if ((call.mask >> lane & 1) != 0 && static_cast<BallotArguments*>(call.arguments[lane])->predicate) votes |= 1u << lane;
  }
  for (int lane = 0; lane < kWarpSize; ++lane) {
    if ((call.mask >> lane & 1) != 0) static_cast<BallotArguments*>(call.arguments[lane])->result = votes;
  }
}

}  // namespace

// The last to come does it while the others wait; it goes on at once, they in their turn.
void Executor::Join(std::vector<Call>& calls, const Call& call, void* argument) {
  Thread& self = *current_;
  arguments_[static_cast<size_t>(self.number)] = argument;
  size_t i = 0;
  while (i < calls.size() && (calls[i].mask & call.mask) == 0) ++i;
  if (i == calls.size()) calls.push_back(call);
  Call& pending = calls[i];
  if (pending.perform != call.perform || pending.mask != call.mask || pending.name != call.name) {
    Fail(cudaErrorLaunchFailure, std::string("divergence: it calls ") + call.name + " (mask " + Hex(call.mask) +
                                     ") where others of its warp are at " + pending.name + " (mask " + Hex(pending.mask) + ")");
  }
  if (++pending.come < pending.expected) {
    Leave(call.name);
    return;
  }
  const Call complete = pending;
  calls[i] = calls.back();
  calls.pop_back();
  complete.perform(*this, complete);
  for (int i = 0; i < (complete.expected > kWarpSize ? complete.expected : kWarpSize); ++i) {
    if ((complete.mask >> i % kWarpSize & 1) != 0) runnable_.Set(thread(complete.first + i).position);
  }
}

void Executor::CallWarp(const char* name, uint32_t mask, void* argument, Perform perform) {
  Thread& self = *current_;
  const int first = self.number - self.lane();
  const uint32_t exist = size_ - first >= kWarpSize ? ~0u : (1u << (size_ - first)) - 1;
  if ((mask & ~exist) != 0 || (mask >> self.lane() & 1) == 0) {
    Fail(cudaErrorLaunchFailure, std::string(name) + " with the mask " + Hex(mask) + " by lane " + std::to_string(self.lane()) +
                                     " of a warp with the lanes " + Hex(exist));
  }
  Join(warp_calls_[static_cast<size_t>(self.warp())],
       {name, perform, first, mask, 0, mask == ~0u ? kWarpSize : __builtin_popcount(mask),
        &arguments_[static_cast<size_t>(first)]},
       argument);
}

void Executor::CallWarpgroup(const char* name, void* argument, Perform perform) {
  Thread& self = *current_;
  const int group = self.number / kWarpgroupSize, first = group * kWarpgroupSize;
  if (size_ - first < kWarpgroupSize) {
    Fail(cudaErrorLaunchFailure, std::string(name) + " in a warpgroup of " + std::to_string(size_ - first) + " threads");
  }
  Join(warpgroup_calls_[static_cast<size_t>(group)],
       {name, perform, first, ~0u, 0, kWarpgroupSize, &arguments_[static_cast<size_t>(first)]}, argument);
}

uint32_t Executor::SyncThreads(uint32_t value) {
  barriers_[0].sum += value;
  Wait(0, static_cast<uint32_t>(size_), true, "__syncthreads");
  return barriers_[0].result;
}

void Executor::Wait(int number, uint32_t threads, bool stays, const char* name) {
  if (number < 0 || number >= static_cast<int>(barriers_.size()) || threads == 0 || threads > static_cast<uint32_t>(size_) ||
      (number != 0 && threads % kWarpSize != 0)) {
    Fail(cudaErrorLaunchFailure, std::string(name) + " of barrier " + std::to_string(number) + " and " + std::to_string(threads) +
                                     " threads in a block of " + std::to_string(size_));
  }
  Barrier& barrier = barriers_[static_cast<size_t>(number)];
  if (barrier.come == 0) barrier.expected = threads;
  if (barrier.expected != threads) {
    Fail(cudaErrorLaunchFailure, std::string(name) + " of barrier " + std::to_string(number) + " with " +
                                     std::to_string(threads) + " threads where others expect " +
                                     std::to_string(barrier.expected));
  }
  if (++barrier.come == barrier.expected) {
    runnable_.Add(barrier.waiting);
    const uint32_t sum = barrier.sum;
    barrier = {};
    barrier.result = sum;
  } else if (stays) {
    barrier.waiting.Set(current_->position);
    Leave(name);
  }
}

void SyncThreads() { CurrentExecutor().SyncThreads(0); }

unsigned int SyncThreadsCount(bool predicate) { return CurrentExecutor().SyncThreads(predicate ? 1 : 0); }

unsigned int BlockThreads() {
  const uint3& shape = current_view->block_shape;
  return shape.x * shape.y * shape.z;
}

void SyncWarp(unsigned int mask) {
  CurrentExecutor().CallWarp("__syncwarp", mask, nullptr, [](Executor&, const Call&) {});
}

uint64_t Shuffle(ShuffleKind kind, unsigned int mask, uint64_t value, int lane, int width) {
  static constexpr const char* kNames[] = {"__shfl_sync", "__shfl_up_sync", "__shfl_down_sync", "__shfl_xor_sync"};
  ShuffleArguments arguments{kind, value, lane, width, 0};
  CurrentExecutor().CallWarp(kNames[static_cast<int>(kind)], mask, &arguments, PerformShuffle);
  return arguments.result;
}

unsigned int Ballot(unsigned int mask, bool predicate) {
  BallotArguments arguments{predicate, 0};
  CurrentExecutor().CallWarp("__ballot_sync", mask, &arguments, PerformBallot);
  return arguments.result;
}

void Trap() { CurrentExecutor().Fail(cudaErrorIllegalInstruction, "__trap"); }

}  // namespace emulator
}  // namespace lowp
