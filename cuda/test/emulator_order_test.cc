// What has to come before what around wgmma: groups, fences of registers, fences between the proxies.
#include <array>

#include "cuda/test/emulator_test.h"

namespace lowp {
namespace test {
namespace {

// Who makes copies visible to wgmma: 0 those who copied, 1 the warpgroup that multiplies, 2 some of either, 3 nobody, 4 all but
// too early; 5 nobody after plain stores, 6 nobody after a bulk copy, which needs none.
LOWP_KERNEL CopyAndMultiply(const uint8_t* in, int how, int* out) {
  uint8_t* const shared = DynamicShared();
  uint64_t* const barrier = reinterpret_cast<uint64_t*>(shared + 72 * 128);
  const uint32_t t = threadIdx.x;  // the second warpgroup copies, the first multiplies
  if (t == 0) {
    MBarrierInit(barrier, 1);
    MBarrierInitFence();
  }
  __syncthreads();
  if (how == 6 && t == 128) {
    MBarrierExpect(barrier, 72 * 128);
    BulkLoad(shared, in, 72 * 128, barrier);
  }
  if (how != 6 && t >= 128) {
    for (uint32_t i = t - 128; i < 72 * 8; i += 128) {
      if (how == 5) {
        for (uint32_t j = 0; j < 16; ++j) shared[i * 16 + j] = in[i * 16 + j];
      } else {
        CpAsync16(shared + i * 16, in + i * 16, true);
      }
    }
    CpAsyncCommit();
    if (how == 4) FenceProxyAsync();
    CpAsyncWait<0>();
    if (how == 0 || (how == 2 && t % 2 == 0)) FenceProxyAsync();
  }
  __syncthreads();
  if (t >= 128) return;
  if (how == 1 || (how == 2 && t != 5)) FenceProxyAsync();
  if (how == 6) MBarrierWait(barrier, 0);
  int d[4];
  WgmmaFence();
  WgmmaS8<8>(d, WgmmaDescriptor128(shared), WgmmaDescriptor128(shared + 64 * 128), false);
  WgmmaCommit();
  WgmmaWait<0>();
  out[t] = d[0];
}

void TestProxies() {
  DeviceArray<uint8_t> in(std::vector<uint8_t>(72 * 128, 2));
  DeviceArray<int> out(128);
  ForOrders(90, [&](const std::string& name) {
    for (int how = 0; how <= 6; ++how) {
      const cudaError_t error = Run(1, 256, 72 * 128 + 8, CopyAndMultiply, in.data(), how, out.data());
      const std::string what = "wgmma > fence of proxies " + std::to_string(how) + name;
      if (how < 2 || how == 6) {
        Expect(error == cudaSuccess, what);
        for (int sum : out.Read()) Expect(sum == 128, what);
      } else {
        ExpectError(cudaErrorLaunchFailure, "FenceProxyAsync", error, what);
        emulator::Reset(Capability(90));
      }
    }
  });
}

// Two sums: the first of two groups is complete after WgmmaWait<1>, unless the second adds to it too. `how`: 0 two sums, 1 one, 2
// the first again without a fence.
LOWP_KERNEL TwoGroups(int how, uint32_t* out) {
  uint8_t* const shared = DynamicShared();
  const uint32_t t = threadIdx.x;
  for (uint32_t i = t; i < 72 * 128; i += 128) shared[i] = 1;
  FenceProxyAsync();
  __syncthreads();
  const uint64_t a = WgmmaDescriptor128(shared), b = WgmmaDescriptor128(shared + 64 * 128);
  int first[4] = {1, 1, 1, 1}, second[4] = {2, 2, 2, 2};
  WgmmaFence();
  WgmmaS8<8>(first, a, b);
  WgmmaCommit();
  WgmmaS8<8>(how == 1 ? first : second, a, b);
  WgmmaCommit();
  WgmmaWait<1>();
  out[t] = static_cast<uint32_t>(first[0]);
  out[128 + t] = static_cast<uint32_t>(second[0]);
  if (how == 2) WgmmaS8<8>(first, a, b);
  WgmmaWait<0>();
  out[256 + t] = static_cast<uint32_t>(first[0]);
  out[384 + t] = static_cast<uint32_t>(second[0]);
}

void TestGroups() {
  constexpr uint32_t kGarbage = 0xffa5ffa5u;
  const std::array<uint32_t, 4> expected[] = {{33, kGarbage, 33, 34}, {kGarbage, 2, 65, 2}};
  DeviceArray<uint32_t> out(512);
  ForOrders(90, [&](const std::string& name) {
    for (int how = 0; how < 2; ++how) {
      Expect(Run(1, 128, 72 * 128, TwoGroups, how, out.data()) == cudaSuccess, "wgmma > groups" + name);
      const std::vector<uint32_t> read = out.Read();
      for (size_t i = 0; i < read.size(); ++i)
        Expect(read[i] == expected[how][i / 128], "wgmma > groups complete in turn" + name);
    }
    ExpectError(cudaErrorLaunchFailure, "without a WgmmaFence", Run(1, 128, 72 * 128, TwoGroups, 2, out.data()),
                "wgmma > touched without a fence" + name);
    emulator::Reset({});
  });
}

}  // namespace

void TestEmulatedOrder() {
  TestGroups();
  TestProxies();
}

}  // namespace test
}  // namespace lowp
