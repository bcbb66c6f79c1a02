// The microkernel of machines whose instruction multiplies four bytes into a 32-bit lane (vpdpbusd, sdot): a template over a
// vector type that each ISA file defines in its anonymous namespace. A group begins with its correction in the sums, so a zero
// point that all groups share costs nothing; in a group of 32 a register of sums takes 8 dot products and 4 operations for the
// scales.
//
// V has what nbits_finish.h wants, and: B; LoadB (a register of bytes), Low and High (nibbles of bytes, as bytes), Four (four
// bytes of A in every lane), DotAdd(I&, B weights, B activations), StoreB.
#ifndef LOWP_KERNELS_NBITS_NBITS_DOT_H_
#define LOWP_KERNELS_NBITS_NBITS_DOT_H_

#include "kernels/nbits/nbits_finish.h"

namespace lowp {

template <class V, int kRows, int kCols>
inline void DotStep(typename V::I (&c)[kRows][kCols], const char* a, const typename V::B (&b)[kCols]) {
  constexpr size_t kStride = NBitsRowStride(1);
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
    const typename V::B ar = V::Four(a + r * kStride);
#pragma GCC unroll 3
    for (int j = 0; j < kCols; ++j) V::DotAdd(c[r][j], b[j], ar);
  }
}

template <class V, bool kZeros, int kRows, int kCols>
inline void Begin(typename V::I (&c)[kRows][kCols], const char* meta) {
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
    const NBitsRowGroup& row = *reinterpret_cast<const NBitsRowGroup*>(meta + r * NBitsRowStride(1));
    const typename V::I start = V::SetI(kZeros ? 0 : row.correction);
#pragma GCC unroll 3
    for (int j = 0; j < kCols; ++j) c[r][j] = start;
  }
}

template <class V, bool kZeros, int kRows, int kCols>
inline void Finish(const typename V::I (&c)[kRows][kCols], const char* meta, const GroupConstants& constants, float* acc) {
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
    const NBitsRowGroup& row = *reinterpret_cast<const NBitsRowGroup*>(meta + r * NBitsRowStride(1));
#pragma GCC unroll 3
    for (int j = 0; j < kCols; ++j, acc += V::kWidth)
      V::StoreF(acc, V::AddF(V::LoadF(acc), Scaled<V, kZeros>(c[r][j], row, constants, j * V::kWidth)));
  }
}

// kNibbles: two steps are packed in a byte; else a byte is a weight.
template <class V, int kRows, int kCols, bool kNibbles>
void DotUkernel(const NBitsTile& tile) {
  constexpr size_t kBytes = V::kWidth * 4, kNr = V::kWidth * kCols;
  const char* a = static_cast<const char*>(tile.a);
  const char* meta = a + NBitsRowGroupsAt(1);
  const uint8_t *weights = tile.b, *scales = tile.scale;
  GroupConstants constants{nullptr, tile.zero};
  for (size_t g = 0; g < tile.groups; ++g, meta += sizeof(NBitsRowGroup), weights += tile.b_stride, scales += tile.scale_stride) {
    constants.scale = reinterpret_cast<const float*>(scales);
    typename V::I c[kRows][kCols];
    if (tile.zero == nullptr) {
      Begin<V, false>(c, meta);
    } else {
      Begin<V, true>(c, meta);
    }
    const uint8_t* from = weights;
    for (size_t k = 0; k < tile.group; k += kNibbles ? 8 : 4, from += kCols * kBytes) {
      typename V::B b[kCols];
#pragma GCC unroll 3
      for (int j = 0; j < kCols; ++j) b[j] = kNibbles ? V::Low(V::LoadB(from + j * kBytes)) : V::LoadB(from + j * kBytes);
      DotStep<V, kRows, kCols>(c, a, b);
      a += 4;
      if (!kNibbles) continue;
#pragma GCC unroll 3
      for (int j = 0; j < kCols; ++j) b[j] = V::High(V::LoadB(from + j * kBytes));
      DotStep<V, kRows, kCols>(c, a, b);
      a += 4;
    }
    if (tile.zero == nullptr) {
      Finish<V, false>(c, meta, constants, tile.acc);
    } else {
      Finish<V, true>(c, meta, constants, tile.acc);
      constants.zero += kNr;
    }
  }
}

// bytes: of one group's nibbles, a multiple of kCols registers.
template <class V, int kCols>
void DotUnpack(size_t groups, size_t bytes, const uint8_t* b, size_t stride, uint8_t* unpacked) {
  constexpr size_t kBytes = V::kWidth * 4;
  for (size_t g = 0; g < groups; ++g, b += stride) {
    for (size_t i = 0; i < bytes; i += kCols * kBytes, unpacked += 2 * kCols * kBytes) {
#pragma GCC unroll 3
      for (int j = 0; j < kCols; ++j) {
        const typename V::B v = V::LoadB(b + i + j * kBytes);
        V::StoreB(unpacked + j * kBytes, V::Low(v));
        V::StoreB(unpacked + (kCols + j) * kBytes, V::High(v));
      }
    }
  }
}

}  // namespace lowp

#endif  // LOWP_KERNELS_NBITS_NBITS_DOT_H_
