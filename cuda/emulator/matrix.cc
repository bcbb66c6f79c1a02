// mma.sync and ldmatrix.
#include <cstring>

#include "cuda/emulator/arithmetic.h"
#include "cuda/emulator/executor.h"

namespace lowp {
namespace emulator {
namespace {

constexpr int kRows = 16, kColumns = 8;
constexpr uint32_t kAll = 0xffffffffu;

struct MmaArguments {
  void* d;
  const uint32_t *a, *b;
  uint32_t metadata;
};

const MmaArguments& At(const Call& call, int lane) { return *static_cast<const MmaArguments*>(call.arguments[lane]); }

template <Element kType, int kDepth>
void GatherB(const Call& call, int16_t (&b)[kColumns][kDepth]) {
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int i = 0; i < kDepth / 16; ++i) {
      const Cell cell = MmaCellB8(lane, i, 0);
      Widen(kType, At(call, lane).b[i], &b[cell.column][cell.row]);
    }
  }
}

template <int kDepth>
void AddProducts(const Call& call, const int16_t (&a)[kRows][kDepth], const int16_t (&b)[kColumns][kDepth]) {
  for (int lane = 0; lane < kWarpSize; ++lane) {
    int* const d = static_cast<int*>(At(call, lane).d);
    for (int i = 0; i < 4; ++i) {
      const Cell cell = MmaCellD(lane, i);
      d[i] = Add(d[i], Dot<kDepth>(a[cell.row], b[cell.column]));
    }
  }
}

template <Element kTypeA, Element kTypeB>
void PerformMma8(Executor&, const Call& call) {
  int16_t a[kRows][32], b[kColumns][32];
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const Cell cell = MmaCellA8(lane, i, 0);
      Widen(kTypeA, At(call, lane).a[i], &a[cell.row][cell.column]);
    }
  }
  GatherB<kTypeB, 32>(call, b);
  AddProducts<32>(call, a, b);
}

template <Element kTypeB>
void PerformMmaSparse8(Executor& executor, const Call& call) {
  int16_t a[kRows][64] = {}, b[kColumns][64];
  uint32_t metadata[kRows][2];
  for (int lane = 0; lane < kWarpSize; ++lane) {
    const Cell cell = MmaCellMetadata(lane);
    metadata[cell.row][cell.column / 16] = At(call, lane).metadata;
  }
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const Cell cell = MmaCellA8(lane, i, 0);
      int16_t stored[4];
      Widen(Element::kS8, At(call, lane).a[i], stored);
      for (int j = 0; j < 4; j += 2) {
        const int column = cell.column + j;
        const uint32_t places = metadata[cell.row][column / 16] >> 2 * (column % 16);
        const uint32_t first = places & 3, second = places >> 2 & 3;
        if (first >= second) {
          executor.Fail(cudaErrorLaunchFailure, "sparse mma: metadata of row " + std::to_string(cell.row) + " name the places " +
                                                    std::to_string(first) + " and " + std::to_string(second));
        }
        int16_t* const four = &a[cell.row][column / 2 * 4];
        four[first] = stored[j];
        four[second] = stored[j + 1];
      }
    }
  }
  GatherB<kTypeB, 64>(call, b);
  AddProducts<64>(call, a, b);
}

template <Element kType>
void PerformMmaFloat(Executor& executor, const Call& call) {
  constexpr bool kIsTf32 = kType == Element::kTf32;
  uint32_t words_a[kRows][8], words_b[kColumns][8];
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const Cell a = kIsTf32 ? MmaCellATf32(lane, i) : MmaCellA16(lane, i, 0);
      words_a[a.row][kIsTf32 ? a.column : a.column / 2] = At(call, lane).a[i];
    }
    for (int i = 0; i < 2; ++i) {
      const Cell b = kIsTf32 ? MmaCellBTf32(lane, i) : MmaCellB16(lane, i, 0);
      words_b[b.column][kIsTf32 ? b.row : b.row / 2] = At(call, lane).b[i];
    }
  }
  Vector a[kRows], b[kColumns];
  for (int i = 0; i < kRows; ++i) Unpack(kType, words_a[i], &a[i]);
  for (int i = 0; i < kColumns; ++i) Unpack(kType, words_b[i], &b[i]);
  for (int lane = 0; lane < kWarpSize; ++lane) {
    float* const d = static_cast<float*>(At(call, lane).d);
    for (int i = 0; i < 4; ++i) {
      const Cell cell = MmaCellD(lane, i);
      d[i] = FusedDot(a[cell.row], b[cell.column], d[i], kIsTf32 ? 8 : 16, executor.capability());
    }
  }
}

struct LoadArguments {
  uint32_t* d;
  const void* row;
};

template <int kCount, bool kTransposed>
void PerformLoad(Executor& executor, const Call& call) {
  const auto at = [&](int lane) { return static_cast<const LoadArguments*>(call.arguments[lane]); };
  uint16_t matrices[kCount][8][8];
  for (int lane = 0; lane < 8 * kCount; ++lane) {
    executor.CheckShared(at(lane)->row, 16, 16, "ldmatrix");
    std::memcpy(matrices[lane / 8][lane % 8], at(lane)->row, 16);
  }
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int i = 0; i < kCount; ++i) {
      uint32_t pair = 0;
      for (int element = 0; element < 2; ++element) {
        const Cell cell = LdMatrixCell(lane, element);
        const uint16_t value = kTransposed ? matrices[i][cell.column][cell.row] : matrices[i][cell.row][cell.column];
        pair |= static_cast<uint32_t>(value) << 16 * element;
      }
      at(lane)->d[i] = pair;
    }
  }
}

void CallMma(const char* name, MmaArguments arguments, Perform perform) {
  Executor& executor = CurrentExecutor();
  executor.Require(80, name);
  executor.CallWarp(name, kAll, &arguments, perform);
}

}  // namespace

void Mma8(Element a_type, Element b_type, int* d, const uint32_t* a, const uint32_t* b) {
  const bool unsigned_a = a_type == Element::kU8, unsigned_b = b_type == Element::kU8;
  CallMma("mma.m16n8k32", {d, a, b, 0},
          unsigned_a ? (unsigned_b ? PerformMma8<Element::kU8, Element::kU8> : PerformMma8<Element::kU8, Element::kS8>)
                     : (unsigned_b ? PerformMma8<Element::kS8, Element::kU8> : PerformMma8<Element::kS8, Element::kS8>));
}

void MmaSparse8(Element b_type, int* d, const uint32_t* a, const uint32_t* b, uint32_t metadata) {
  CallMma("mma.sp.m16n8k64", {d, a, b, metadata},
          b_type == Element::kU8 ? PerformMmaSparse8<Element::kU8> : PerformMmaSparse8<Element::kS8>);
}

void MmaFloat(Element type, float* d, const uint32_t* a, const uint32_t* b) {
  CallMma(type == Element::kTf32 ? "mma.m16n8k8" : "mma.m16n8k16", {d, a, b, 0},
          type == Element::kTf32   ? PerformMmaFloat<Element::kTf32>
          : type == Element::kBf16 ? PerformMmaFloat<Element::kBf16>
                                   : PerformMmaFloat<Element::kF16>);
}

uint32_t RoundToTf32(float x) {
  CurrentExecutor().Require(80, "FloatToTf32");
  const uint32_t bits = FloatBits(x);
  if (x != x) return 0x7fffffffu;
  return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & ~0x1fffu;
}

void LoadMatrix(uint32_t* d, const void* row, int count, bool transposed) {
  LoadArguments arguments{d, row};
  CurrentExecutor().CallWarp("ldmatrix", kAll, &arguments,
                             count == 4 ? (transposed ? PerformLoad<4, true> : PerformLoad<4, false>)
                                        : (transposed ? PerformLoad<2, true> : PerformLoad<2, false>));
}

}  // namespace emulator
}  // namespace lowp
