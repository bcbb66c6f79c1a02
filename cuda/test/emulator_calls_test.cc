// What threads do together: barriers, shuffles, votes; what they must not do; and that the orders show races.
#include "cuda/test/emulator_test.h"

namespace lowp {
namespace test {
namespace {

constexpr unsigned int kAll = 0xffffffffu;

LOWP_KERNEL Shuffles(const int* values, const int* lanes, int width, int* out) {
  const int t = static_cast<int>(threadIdx.x), n = static_cast<int>(blockDim.x);
  out[t] = __shfl_sync(kAll, values[t], lanes[t], width);
  out[n + t] = __shfl_up_sync(kAll, values[t], static_cast<unsigned int>(lanes[t / 32 * 32] % 32), width);
  out[2 * n + t] = __shfl_down_sync(kAll, values[t], static_cast<unsigned int>(lanes[t / 32 * 32] % 32), width);
  out[3 * n + t] = __shfl_xor_sync(kAll, values[t], lanes[t / 32 * 32] % 32, width);
  const double wide = __shfl_xor_sync(kAll, static_cast<double>(values[t]) + 0.25, 1);
  out[4 * n + t] = static_cast<int>((wide - 0.25));
}

void TestShuffles() {
  constexpr int kThreads = 96;
  Random random(1);
  ForOrders(75, [&](const std::string& name) {
    for (int width = 1; width <= 32; width *= 2) {
      std::vector<int> values(kThreads), lanes(kThreads);
      for (int& value : values) value = random.Between(-1000000, 1000000);
      for (int& lane : lanes) lane = random.Between(0, 63);
      DeviceArray<int> device_values(values), device_lanes(lanes), out(5 * kThreads);
      Expect(Run(1, kThreads, 0, Shuffles, device_values.data(), device_lanes.data(), width, out.data()) == cudaSuccess,
             "shuffle" + name);
      const std::vector<int> read = out.Read();
      for (int t = 0; t < kThreads; ++t) {
        const int warp = t / 32 * 32, lane = t % 32, by = lanes[static_cast<size_t>(warp)] % 32;
        const int segment = lane / width * width;
        const int from[] = {segment + lanes[static_cast<size_t>(t)] % width, lane - by < segment ? lane : lane - by,
                            lane + by >= segment + width ? lane : lane + by, (lane ^ by) >= segment + width ? lane : lane ^ by,
                            lane ^ 1};
        for (int kind = 0; kind < 5; ++kind) {
          Expect(read[static_cast<size_t>(kind * kThreads + t)] == values[static_cast<size_t>(warp + from[kind])],
                 "shuffle " + std::to_string(kind) + " of width " + std::to_string(width) + name);
        }
      }
    }
  });
}

LOWP_KERNEL Votes(const int* flags, unsigned int* out) {
  const int t = static_cast<int>(threadIdx.x), n = static_cast<int>(blockDim.x);
  out[t] = __ballot_sync(kAll, flags[t]);
  out[n + t] = static_cast<unsigned int>(__any_sync(kAll, flags[t]) * 2 + __all_sync(kAll, flags[t]));
  out[2 * n + t] = static_cast<unsigned int>(__syncthreads_count(flags[t]));
  out[3 * n + t] = static_cast<unsigned int>(__syncthreads_or(flags[t]) * 2 + __syncthreads_and(flags[t]));
  // Two parts of a warp on ways of their own.
  if (t % 32 < 12) {
    out[4 * n + t] = __ballot_sync(0xfffu, flags[t]);
  } else {
    __syncwarp(~0xfffu);
    out[4 * n + t] = __ballot_sync(~0xfffu, flags[t]);
  }
}

void TestVotes() {
  constexpr size_t kThreads = 128;
  Random random(2);
  ForOrders(75, [&](const std::string& name) {
    for (int likely : {0, 50, 100}) {
      std::vector<int> flags(kThreads);
      for (int& flag : flags) flag = random.Between(1, 100) <= likely;
      DeviceArray<int> device(flags);
      DeviceArray<unsigned int> out(5 * kThreads);
      Expect(Run(1, kThreads, 0, Votes, device.data(), out.data()) == cudaSuccess, "votes" + name);
      const std::vector<unsigned int> read = out.Read();
      unsigned int total = 0;
      for (int flag : flags) total += static_cast<unsigned int>(flag);
      for (size_t t = 0; t < kThreads; ++t) {
        unsigned int ballot = 0;
        for (size_t lane = 0; lane < 32; ++lane) ballot |= static_cast<unsigned int>(flags[t / 32 * 32 + lane]) << lane;
        Expect(read[t] == ballot, "votes > ballot" + name);
        Expect(read[kThreads + t] == (ballot != 0 ? 2u : 0u) + (ballot == kAll ? 1u : 0u), "votes > any, all" + name);
        Expect(read[2 * kThreads + t] == total, "votes > count" + name);
        Expect(read[3 * kThreads + t] == (total != 0 ? 2u : 0u) + (total == kThreads ? 1u : 0u), "votes > or, and" + name);
        Expect(read[4 * kThreads + t] == (ballot & (t % 32 < 12 ? 0xfffu : ~0xfffu)), "votes > parts" + name);
      }
    }
  });
}

// A block turns its numbers round, through shared memory.
LOWP_KERNEL Reverse(const int* in, int* out, bool synchronizes) {
  int* const shared = reinterpret_cast<int*>(DynamicShared());
  const unsigned int t = threadIdx.x;
  shared[t] = in[t];
  if (synchronizes) __syncthreads();
  out[t] = shared[blockDim.x - 1 - t];
}

void TestRaces() {
  constexpr size_t kThreads = 256;
  std::vector<int> in(kThreads), reversed(kThreads);
  for (size_t i = 0; i < kThreads; ++i) reversed[kThreads - 1 - i] = in[i] = static_cast<int>(i * i);
  DeviceArray<int> device(in), out(kThreads);
  std::vector<std::vector<int>> racy;
  ForOrders(80, [&](const std::string& name) {
    Expect(Run(1, kThreads, kThreads * 4, Reverse, device.data(), out.data(), true) == cudaSuccess, "race" + name);
    Expect(out.Read() == reversed, "race > with a barrier" + name);
    Expect(Run(1, kThreads, kThreads * 4, Reverse, device.data(), out.data(), false) == cudaSuccess, "race" + name);
    racy.push_back(out.Read());
    Expect(racy.back() != reversed, "race > without a barrier" + name);
  });
  Expect(racy[0] != racy[1] && racy[0] != racy[2] && racy[2] != racy[3], "race > each order has its own result");
}

// Three warps hand on a number; the fourth only counts towards it.
LOWP_KERNEL NamedBarriers(int* out) {
  int* const shared = reinterpret_cast<int*>(DynamicShared());
  const int warp = static_cast<int>(threadIdx.x) / 32;
  if (warp == 3) {
    if (threadIdx.x == 96) shared[0] = 5;
    NamedBarrierArrive(1, 128);
    return;
  }
  NamedBarrierSync(1, 128);
  if (threadIdx.x == 0) shared[1] = shared[0] + 1;
  NamedBarrierSync(15, 96);
  out[threadIdx.x] = shared[1];
}

void TestNamedBarriers() {
  DeviceArray<int> out(96);
  ForOrders(75, [&](const std::string& name) {
    Expect(Run(1, 128, 8, NamedBarriers, out.data()) == cudaSuccess, "named barrier" + name);
    for (int value : out.Read()) Expect(value == 6, "named barrier > the number" + name);
  });
}

LOWP_KERNEL Diverge(int how) {
  const unsigned int t = threadIdx.x;
  const int lane = static_cast<int>(t % 32);
  switch (how) {
    case 0:
      if (t == 7) return;
      __syncthreads();
      return;
    case 1:
      if (lane < 16) __syncwarp();
      return;
    case 2:
      if (lane < 16) {
        __shfl_sync(kAll, 1, 0);
      } else {
        __ballot_sync(kAll, 1);
      }
      return;
    case 3: __shfl_sync(1u, 1, 0); return;
    case 4: __shfl_sync(lane < 4 ? 0xffu : kAll, 1, 0); return;
    case 5: __shfl_sync(kAll, 1, 0, 3); return;
    case 6: NamedBarrierSync(1, t < 32 ? 64 : 128); return;
    case 7: NamedBarrierSync(16, 64); return;
    case 8: NamedBarrierSync(0, 64); return;
    case 9: NamedBarrierSync(1, 40); return;
    case 10:
      if (t % 2 == 0) __trap();
      return;
    case 11:
      if (t < 64) {
        __syncthreads();
      } else {
        __syncwarp();
      }
      return;
    default: return;
  }
}

LOWP_KERNEL WholeWarps() { __syncwarp(); }

void TestDivergence() {
  const struct {
    int how;
    cudaError_t error;
    const char* words;
  } cases[] = {{0, cudaErrorLaunchFailure, "127 wait at __syncthreads (thread"},
               {1, cudaErrorLaunchFailure, "wait at __syncwarp"},
               {2, cudaErrorLaunchFailure, "divergence"},
               {3, cudaErrorLaunchFailure, "mask 0x00000001"},
               {4, cudaErrorLaunchFailure, "mask 0x000000ff"},
               {5, cudaErrorLaunchFailure, "width 3"},
               {6, cudaErrorLaunchFailure, "others expect"},
               {7, cudaErrorLaunchFailure, "barrier 16"},
               {8, cudaErrorLaunchFailure, "NamedBarrierSync"},
               {9, cudaErrorLaunchFailure, "40 threads"},
               {10, cudaErrorIllegalInstruction, "__trap"},
               {11, cudaErrorLaunchFailure, "64 wait at __syncthreads"}};
  for (const auto& test : cases) {
    ForOrders(80, [&](const std::string& name) {
      ExpectError(test.error, test.words, Run(2, 128, 0, Diverge, test.how), "divergence " + std::to_string(test.how) + name);
      emulator::Reset({});
      Expect(Run(2, 128, 0, Diverge, 99) == cudaSuccess, "divergence > the next launch after a reset" + name);
    });
  }
  ExpectError(cudaErrorLaunchFailure, "lanes 0x0000ffff", Run(1, 48, 0, WholeWarps), "divergence > half a warp");
  emulator::Reset({});
}

}  // namespace

void TestEmulatedCalls() {
  TestShuffles();
  TestVotes();
  TestRaces();
  TestNamedBarriers();
  TestDivergence();
}

}  // namespace test
}  // namespace lowp
