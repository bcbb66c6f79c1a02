// wgmma: products of tiles in shared memory for a warpgroup, which go on while its threads do.
#include <cstring>
#include <utility>

#include "cuda/emulator/arithmetic.h"
#include "cuda/emulator/executor.h"
#include "cuda/emulator/warpgroup.h"

namespace lowp {
namespace emulator {
namespace {

constexpr int kRows = 64, kRowBytes = 32, kChunk = static_cast<int>(kChunkBytes);

struct WgmmaArguments {
  Element a_type, b_type;
  int n;
  uint32_t* d;
  uint64_t desc_a, desc_b;
  bool accumulate;
};

// Where chunk `chunk` of 16 bytes of row `row` lies in the window of shared memory.
uint32_t ChunkAddress(uint64_t descriptor, int row, int chunk) {
  const auto field = [&](int shift) { return static_cast<uint32_t>(descriptor >> shift & 0x3fff) << 4; };
  const uint32_t start = field(0), leading = field(16), stride = field(32);
  const uint32_t group = static_cast<uint32_t>(row / 8), r = static_cast<uint32_t>(row % 8), c = static_cast<uint32_t>(chunk);
  const uint32_t begin = start + group * stride;
  switch (static_cast<WgmmaSwizzle>(descriptor >> 62)) {
    case WgmmaSwizzle::k128: return Swizzle128(begin + r * 128 + c * kChunk);
    case WgmmaSwizzle::k64: return Swizzle64(begin + r * 64 + c * kChunk);
    case WgmmaSwizzle::k32: return Swizzle32(begin + r * 32 + c * kChunk);
    case WgmmaSwizzle::kNone: break;
  }
  return begin + c * leading + r * kChunk;  // 8 rows of 16 bytes make a core matrix, without gaps
}

// The rows of A, or the columns of B, 32 bytes each, for the warpgroup from thread `first` on.
std::vector<uint8_t> Gather(Executor& executor, int first, uint64_t descriptor, int rows) {
  constexpr uint64_t kFields = uint64_t{3} << 62 | uint64_t{7} << 49 | uint64_t{0x3fff} << 32 | uint64_t{0x3fff} << 16 | 0x3fff;
  if ((descriptor & ~kFields) != 0)
    executor.Fail(cudaErrorLaunchFailure, "wgmma: bits of the descriptor that mean nothing are set");
  if ((descriptor >> 49 & 7) != 0)
    executor.Fail(cudaErrorLaunchFailure, "wgmma: a base offset, which the emulator does not know");
  // The pattern repeats after 8 rows, from where the rows have to begin.
  static constexpr uint32_t kRowPitch[] = {0, 128, 64, 32};
  const uint32_t pitch = kRowPitch[descriptor >> 62], start = static_cast<uint32_t>(descriptor & 0x3fff) << 4;
  const uint32_t stride = static_cast<uint32_t>(descriptor >> 32 & 0x3fff) << 4;
  if (pitch != 0 && (start % (8 * pitch) >= pitch || stride % (8 * pitch) != 0)) {
    executor.Fail(cudaErrorMisalignedAddress, "wgmma: a swizzled tile at " + std::to_string(start) + " with groups of rows " +
                                                  std::to_string(stride) + " bytes apart, not multiples of " +
                                                  std::to_string(8 * pitch));
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(rows) * kRowBytes);
  for (int row = 0; row < rows; ++row) {
    for (int chunk = 0; chunk < kRowBytes / kChunk; ++chunk) {
      const intptr_t offset = static_cast<intptr_t>(ChunkAddress(descriptor, row, chunk)) - intptr_t{kSharedWindow};
      const uint8_t* const from = executor.shared() + offset;
      executor.CheckShared(from, kChunk, kChunk, "wgmma");
      executor.CheckProxy(from, first);
      std::memcpy(&bytes[static_cast<size_t>(row) * kRowBytes + static_cast<size_t>(chunk) * kChunk], from, kChunk);
    }
  }
  return bytes;
}

std::vector<int16_t> WidenAll(Element type, const std::vector<uint8_t>& bytes) {
  std::vector<int16_t> wide(bytes.size());
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint32_t four;
    std::memcpy(&four, &bytes[i], sizeof(four));
    Widen(type, four, &wide[i]);
  }
  return wide;
}

std::vector<Vector> UnpackAll(Element type, const std::vector<uint8_t>& bytes) {
  std::vector<Vector> vectors(bytes.size() / kRowBytes);
  for (size_t i = 0; i < vectors.size(); ++i) {
    uint32_t words[kRowBytes / 4];
    std::memcpy(words, &bytes[i * kRowBytes], sizeof(words));
    Unpack(type, words, &vectors[i]);
  }
  return vectors;
}

void AddProducts(const WgmmaArguments& call, int capability, const std::vector<uint8_t>& a, const std::vector<uint8_t>& b,
                 Warpgroup::Accumulator& sums) {
  const bool integers = ElementsOf(call.a_type) == 4;
  std::vector<int16_t> wide_a, wide_b;
  std::vector<Vector> vectors_a, vectors_b;
  if (integers) {
    wide_a = WidenAll(call.a_type, a);
    wide_b = WidenAll(call.b_type, b);
  } else {
    vectors_a = UnpackAll(call.a_type, a);
    vectors_b = UnpackAll(call.b_type, b);
  }
  for (int thread = 0; thread < kWarpgroupSize; ++thread) {
    for (size_t i = 0; i < sums.words; ++i) {
      const Cell cell = WgmmaCellD(thread, static_cast<int>(i));
      const size_t row = static_cast<size_t>(cell.row), column = static_cast<size_t>(cell.column);
      uint32_t& sum = sums.values[static_cast<size_t>(thread) * sums.words + i];
      if (integers) {
        sum += static_cast<uint32_t>(Dot<kRowBytes>(&wide_a[row * kRowBytes], &wide_b[column * kRowBytes]));
      } else {
        sum = FloatBits(FusedDot(vectors_a[row], vectors_b[column], FloatFromBits(sum), DepthOf(call.a_type), capability));
      }
    }
  }
}

void PerformWgmma(Executor& executor, const Call& call) {
  const auto at = [&](int thread) -> const WgmmaArguments& {
    return *static_cast<const WgmmaArguments*>(call.arguments[thread]);
  };
  const WgmmaArguments& first = at(0);
  for (int i = 1; i < kWarpgroupSize; ++i) {
    const WgmmaArguments& other = at(i);
    if (other.a_type != first.a_type || other.b_type != first.b_type || other.n != first.n || other.desc_a != first.desc_a ||
        other.desc_b != first.desc_b || other.accumulate != first.accumulate) {
      executor.Fail(cudaErrorLaunchFailure, "divergence: threads of a warpgroup are at different wgmma");
    }
  }
  Warpgroup& warpgroup = executor.warpgroup(call.first / kWarpgroupSize);
  const size_t words = static_cast<size_t>(first.n) / 2;
  Warpgroup::Accumulator* sums = nullptr;
  for (Warpgroup::Accumulator& known : warpgroup.accumulators) {
    if (known.d[0] == first.d && known.words == words) sums = &known;
  }
  if (sums == nullptr) {
    for (int i = 0; i < kWarpgroupSize; ++i) {
      if (executor.thread(call.first + i).fences <= warpgroup.fences[static_cast<size_t>(i)]) {
        executor.Fail(cudaErrorLaunchFailure, "wgmma without a WgmmaFence since its registers may have been touched");
      }
    }
    warpgroup.accumulators.emplace_back();
    sums = &warpgroup.accumulators.back();
    sums->words = words;
    sums->values.resize(words * kWarpgroupSize);
    for (int i = 0; i < kWarpgroupSize; ++i) {
      sums->d[static_cast<size_t>(i)] = at(i).d;
      std::memcpy(&sums->values[static_cast<size_t>(i) * words], at(i).d, words * sizeof(uint32_t));
      FillWithGarbage(at(i).d, words * sizeof(uint32_t));
    }
  }
  if (!first.accumulate) sums->values.assign(sums->values.size(), 0);
  sums->group = warpgroup.closed;
  std::vector<uint8_t> a = Gather(executor, call.first, first.desc_a, kRows),
                       b = Gather(executor, call.first, first.desc_b, first.n);
  AddProducts(first, executor.capability(), a, b, *sums);
  warpgroup.operands.push_back({first.desc_a, kRows, std::move(a), warpgroup.closed});
  warpgroup.operands.push_back({first.desc_b, first.n, std::move(b), warpgroup.closed});
}

void PerformCommit(Executor& executor, const Call& call) { ++executor.warpgroup(call.first / kWarpgroupSize).closed; }

void PerformWait(Executor& executor, const Call& call) {
  Warpgroup& warpgroup = executor.warpgroup(call.first / kWarpgroupSize);
  const size_t left = *static_cast<const size_t*>(call.arguments[0]);
  for (int i = 1; i < kWarpgroupSize; ++i) {
    if (*static_cast<const size_t*>(call.arguments[i]) != left) {
      executor.Fail(cudaErrorLaunchFailure, "divergence: threads of a warpgroup are at different WgmmaWait");
    }
  }
  if (warpgroup.closed <= left) return;
  const size_t complete = warpgroup.closed - left;  // groups below
  std::vector<Warpgroup::Operand> operands;
  for (Warpgroup::Operand& operand : warpgroup.operands) {
    if (operand.group >= complete) {
      operands.push_back(std::move(operand));
    } else if (Gather(executor, call.first, operand.descriptor, operand.rows) != operand.bytes) {
      executor.Fail(cudaErrorLaunchFailure, "shared memory changed while wgmma read it");
    }
  }
  warpgroup.operands = std::move(operands);
  std::vector<Warpgroup::Accumulator> accumulators;
  for (Warpgroup::Accumulator& sums : warpgroup.accumulators) {
    if (sums.group >= complete) {
      accumulators.push_back(std::move(sums));
      continue;
    }
    for (size_t i = 0; i < kWarpgroupSize; ++i) {
      std::memcpy(sums.d[i], &sums.values[i * sums.words], sums.words * sizeof(uint32_t));
      warpgroup.fences[i] = executor.thread(call.first + static_cast<int>(i)).fences;
    }
  }
  warpgroup.accumulators = std::move(accumulators);
}

void PerformSetRegisters(Executor& executor, const Call& call) {
  for (int i = 1; i < kWarpgroupSize; ++i) {
    if (*static_cast<const int*>(call.arguments[i]) != *static_cast<const int*>(call.arguments[0])) {
      executor.Fail(cudaErrorLaunchFailure, "divergence: threads of a warpgroup ask for different numbers of registers");
    }
  }
}

Executor& Hopper(const char* name) {
  Executor& executor = CurrentExecutor();
  executor.Require(90, name);
  return executor;
}

}  // namespace

void Wgmma(Element a_type, Element b_type, int n, uint32_t* d, uint64_t desc_a, uint64_t desc_b, bool accumulate) {
  WgmmaArguments arguments{a_type, b_type, n, d, desc_a, desc_b, accumulate};
  Hopper("wgmma").CallWarpgroup("wgmma", &arguments, PerformWgmma);
}

void WaitForWgmma(size_t left) { Hopper("WgmmaWait").CallWarpgroup("WgmmaWait", &left, PerformWait); }

void SetRegisters(int count) { Hopper("setmaxnreg").CallWarpgroup("setmaxnreg", &count, PerformSetRegisters); }

}  // namespace emulator

void WgmmaFence() {
  emulator::Hopper("WgmmaFence");
  ++emulator::current_thread->fences;
}

void WgmmaCommit() { emulator::Hopper("WgmmaCommit").CallWarpgroup("WgmmaCommit", nullptr, emulator::PerformCommit); }

}  // namespace lowp
