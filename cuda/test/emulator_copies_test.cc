// cp.async, mbarriers and bulk copies: right where they are waited for, and seen where they are not.
#include "cuda/test/emulator_test.h"

namespace lowp {
namespace test {
namespace {

enum Mistake { kNone, kNoWait, kWaitTooFew, kNoBarrier, kStartTooEarly };

// Adds up rows of 512 bytes that go through two stages of shared memory.
LOWP_KERNEL Pipeline(const uint8_t* in, int rows, int* out, int mistake) {
  uint8_t* const shared = DynamicShared();
  const uint32_t t = threadIdx.x;  // 32 threads of 16 bytes
  const auto start = [&](int row) {
    if (row < rows) CpAsync16(shared + row % 2 * 512 + t * 16, in + row * 512 + t * 16, true);
    CpAsyncCommit();
  };
  int sum = 0;
  start(0);
  for (int row = 0; row < rows; ++row) {
    if (mistake == kStartTooEarly) start(row + 1);
    if (mistake != kStartTooEarly) {
      __syncthreads();  // before the other stage is written again
      start(row + 1);
    }
    if (mistake == kWaitTooFew) CpAsyncWait<2>();
    if (mistake != kNoWait && mistake != kWaitTooFew) CpAsyncWait<1>();
    if (mistake != kNoBarrier) __syncthreads();
    for (uint32_t i = 0; i < 16; ++i) sum += shared[static_cast<uint32_t>(row % 2) * 512 + (511 - t) % 32 * 16 + i];
  }
  out[t] = sum;
}

void TestPipeline() {
  constexpr int kRows = 7;
  Random random(5);
  const std::vector<uint8_t> bytes = RandomBytes(random, kRows * 512);
  std::vector<int> expected(32);
  for (size_t i = 0; i < bytes.size(); ++i) expected[31 - i % 512 / 16] += bytes[i];
  DeviceArray<uint8_t> device(bytes);
  DeviceArray<int> out(32);
  ForOrders(80, [&](const std::string& name) {
    for (int mistake : {kNone, kNoWait, kWaitTooFew, kNoBarrier, kStartTooEarly}) {
      Expect(Run(1, 32, 1024, Pipeline, device.data(), kRows, out.data(), mistake) == cudaSuccess, "cp.async" + name);
      Expect((out.Read() == expected) == (mistake == kNone), "cp.async > mistake " + std::to_string(mistake) + name);
    }
  });
  // Below 8.0 copies are plain ones: they need no wait.
  emulator::Reset(Capability(75));
  for (int mistake : {kNone, kNoWait}) {
    Expect(Run(1, 32, 1024, Pipeline, device.data(), kRows, out.data(), mistake) == cudaSuccess, "cp.async > 7.5");
    Expect(out.Read() == expected, "cp.async > 7.5, mistake " + std::to_string(mistake));
  }
  emulator::Reset({});
}

LOWP_KERNEL CopyPart(const uint8_t* in, uint32_t bytes, uint8_t* out) {
  uint8_t* const shared = DynamicShared();
  const uint32_t t = threadIdx.x;
  CpAsync16(shared + t * 16, in + t * 16, t * 16 + 16 <= bytes);
  CpAsync4(shared + 512 + t * 4, in + t * 4, t * 4 + 4 <= bytes);
  CpAsyncCommit();
  CpAsyncWait<0>();
  __syncthreads();
  for (uint32_t i = t; i < 640; i += 32) out[i] = shared[i];
}

LOWP_KERNEL CopyWrongly(const uint8_t* in, int how) {
  uint8_t* const shared = DynamicShared();
  if (how == 0) CpAsync16(shared, in + 1024, true);
  if (how == 1) CpAsync16(shared, in + 1024 - 8, true);
  if (how == 2) CpAsync16(shared + 1024, in, true);
  if (how == 3) CpAsync16(shared + 8, in, true);
  if (how == 4) CpAsync16(shared, in + 8, true);
  if (how == 5) CpAsync4(shared + 2, in, true);
  if (how == 6) CpAsync16(const_cast<uint8_t*>(in), in, true);
}

void TestCopies() {
  Random random(6);
  const std::vector<uint8_t> bytes = RandomBytes(random, 1024);
  DeviceArray<uint8_t> device(bytes), out(640);
  ForOrders(80, [&](const std::string& name) {
    Expect(Run(1, 32, 640, CopyPart, device.data(), 100u, out.data()) == cudaSuccess, "cp.async > zeros" + name);
    const std::vector<uint8_t> read = out.Read();
    for (size_t i = 0; i < 512; ++i) Expect(read[i] == (i < 96 ? bytes[i] : 0), "cp.async > 16 bytes" + name);
    for (size_t i = 0; i < 128; ++i) Expect(read[512 + i] == (i < 100 ? bytes[i] : 0), "cp.async > 4 bytes" + name);
  });
  const struct {
    cudaError_t error;
    const char* words;
  } cases[] = {{cudaErrorIllegalAddress, "outside the device's memory"}, {cudaErrorIllegalAddress, "outside the device's memory"},
               {cudaErrorIllegalAddress, "offset 1024 of 1024"},         {cudaErrorMisalignedAddress, "offset 8 of shared"},
               {cudaErrorMisalignedAddress, "of global memory"},         {cudaErrorMisalignedAddress, "no multiple of 4"},
               {cudaErrorIllegalAddress, "bytes of shared memory"}};
  for (int how = 0; how < 7; ++how) {
    ExpectError(cases[how].error, cases[how].words, Run(1, 1, 1024, CopyWrongly, device.data(), how),
                "cp.async > wrong " + std::to_string(how));
    emulator::Reset({});
  }
}

enum BulkMistake {
  kBulkNone,
  kBulkNoWait,
  kBulkNoFence,
  kBulkFewBytes,
  kBulkManyBytes,
  kBulkTwice,
  kBulkNoInit,
  kBulkWrittenOver
};

// One producer and two consuming warps, four stages of 256 bytes.
LOWP_KERNEL BulkPipeline(const uint8_t* in, int rows, int* out, int mistake) {
  constexpr int kStages = 4;
  uint8_t* const shared = DynamicShared();
  uint64_t* const full = reinterpret_cast<uint64_t*>(shared + kStages * 256);
  uint64_t* const empty = full + kStages;
  const int t = static_cast<int>(threadIdx.x), warp = t / 32;
  if (t == 0 && mistake != kBulkNoInit) {
    for (int stage = 0; stage < kStages; ++stage) {
      MBarrierInit(full + stage, 1);
      MBarrierInit(empty + stage, 64);
    }
    if (mistake != kBulkNoFence) MBarrierInitFence();
  }
  __syncthreads();
  if (warp == 0) {
    if (t != 0) return;
    for (int row = 0; row < rows; ++row) {
      const int stage = row % kStages;
      MBarrierWait(empty + stage, static_cast<uint32_t>(row / kStages + 1) % 2);
      if (mistake == kBulkWrittenOver && row == 2) full[stage] = 0;
      MBarrierExpect(full + stage, mistake == kBulkFewBytes ? 128 : mistake == kBulkManyBytes ? 272 : 256);
      BulkLoad(shared + stage * 256, in + row * 256, 256, full + stage);
      if (mistake == kBulkTwice) MBarrierArrive(full + stage);
    }
    return;
  }
  int sum = 0;
  for (int row = 0; row < rows; ++row) {
    const int stage = row % kStages;
    if (mistake != kBulkNoWait) MBarrierWait(full + stage, static_cast<uint32_t>(row / kStages) % 2);
    for (int i = 0; i < 4; ++i) sum += shared[stage * 256 + (t - 32) * 4 + i];
    MBarrierArrive(empty + stage);
  }
  out[t - 32] = sum;
}

void TestBulk() {
  constexpr int kRows = 19;
  constexpr size_t kShared = 4 * 256 + 64;
  Random random(7);
  const std::vector<uint8_t> bytes = RandomBytes(random, kRows * 256);
  std::vector<int> expected(64);
  for (size_t i = 0; i < bytes.size(); ++i) expected[i % 256 / 4] += bytes[i];
  DeviceArray<uint8_t> device(bytes);
  DeviceArray<int> out(64);
  ForOrders(90, [&](const std::string& name) {
    Expect(Run(1, 96, kShared, BulkPipeline, device.data(), kRows, out.data(), int{kBulkNone}) == cudaSuccess, "bulk" + name);
    Expect(out.Read() == expected, "bulk > sums" + name);
  });
  const struct {
    int mistake;
    const char* words;
  } cases[] = {
      {kBulkNoFence, "MBarrierInitFence"}, {kBulkFewBytes, "wait at MBarrierWait"}, {kBulkManyBytes, "wait at MBarrierWait"},
      {kBulkTwice, "all its arrivals"},    {kBulkNoInit, "has not made"},           {kBulkWrittenOver, "written over"}};
  for (const auto& test : cases) {
    emulator::Reset(Capability(90));
    ExpectError(cudaErrorLaunchFailure, test.words,
                Run(1, 96, kShared, BulkPipeline, device.data(), kRows, out.data(), test.mistake),
                "bulk > mistake " + std::to_string(test.mistake));
  }
  emulator::Reset(Capability(90));
  Expect(Run(1, 96, kShared, BulkPipeline, device.data(), 4, out.data(), int{kBulkNoWait}) == cudaSuccess, "bulk > no wait");
  int first = 0;
  for (size_t row = 0; row < 4; ++row) {
    for (size_t i = 0; i < 4; ++i) first += bytes[row * 256 + i];
  }
  Expect(out.Read()[0] != first, "bulk > no wait is seen");
  emulator::Reset(Capability(80));
  ExpectError(cudaErrorIllegalInstruction, "needs compute capability 9.0",
              Run(1, 96, kShared, BulkPipeline, device.data(), kRows, out.data(), int{kBulkNone}), "bulk > capability 8.0");
  emulator::Reset({});
}

// cp.async of a warp, of whose end an mbarrier tells the other.
LOWP_KERNEL CopyAndArrive(const uint8_t* in, int* out, bool also_waits) {
  uint8_t* const shared = DynamicShared();
  uint64_t* const barrier = reinterpret_cast<uint64_t*>(shared + 512);
  const uint32_t t = threadIdx.x;
  if (t == 0) {
    MBarrierInit(barrier, 32);
    MBarrierInitFence();
  }
  __syncthreads();
  if (t < 32) {
    CpAsync16(shared + t * 16, in + t * 16, true);
    CpAsyncMBarrierArrive(barrier);
    if (also_waits) {
      CpAsyncCommit();
      CpAsyncWait<0>();
      out[32 + t] = shared[t * 16];
    }
    return;
  }
  MBarrierWait(barrier, 0);
  out[t - 32] = shared[(63 - t) * 16 + 15];
}

void TestCopyAndArrive() {
  Random random(8);
  const std::vector<uint8_t> bytes = RandomBytes(random, 512);
  DeviceArray<uint8_t> device(bytes);
  ForOrders(90, [&](const std::string& name) {
    for (bool also_waits : {false, true}) {
      DeviceArray<int> out(64);
      Expect(Run(1, 64, 520, CopyAndArrive, device.data(), out.data(), also_waits) == cudaSuccess, "cp.async arrives" + name);
      const std::vector<int> read = out.Read();
      for (size_t i = 0; i < 32; ++i) {
        Expect(read[i] == bytes[(31 - i) * 16 + 15], "cp.async arrives > bytes" + name);
        if (also_waits) Expect(read[32 + i] == bytes[i * 16], "cp.async arrives > waits too" + name);
      }
    }
  });
}

}  // namespace

void TestEmulatedCopies() {
  TestPipeline();
  TestCopies();
  TestBulk();
  TestCopyAndArrive();
}

}  // namespace test
}  // namespace lowp
