// The microkernel of two vectors a row, once for AVX2 and AVX-512: templates over V with
//
//   F, kWidth, kSteps                          vector of kWidth floats; steps of K that are unrolled
//   Zero, Load, Store, Add, Broadcast(p)       aligned
//   MultiplyAdd(c, a, b)                       c += a * b, rounded once
//
// and over B, how NR = 2 * kWidth columns of one step are stored: Element, Load(p, vectors).
#ifndef LOWP_KERNELS_SGEMM_SGEMM_UKERNEL_H_
#define LOWP_KERNELS_SGEMM_SGEMM_UKERNEL_H_

#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {

// c[panel][row] += a[row] * b[panel][0..NR)
template <class V, class B, int kRows, int kPanels>
inline void SGemmStep(const float* a, const typename B::Element* b, size_t b_stride, typename V::F (&c)[kPanels][kRows][2]) {
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
    typename V::F bp[2];
    B::Load(b + p * b_stride, bp);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
      const typename V::F ar = V::Broadcast(a + r * kSGemmRowStride);
      V::MultiplyAdd(c[p][r][0], ar, bp[0]);
      V::MultiplyAdd(c[p][r][1], ar, bp[1]);
    }
  }
}

template <class V, class B, int kRows, int kPanels>
void SGemmUkernel(size_t k, const float* a, const void* packed, size_t b_stride, float* acc, size_t acc_stride, bool accumulate) {
  constexpr size_t kNr = 2 * V::kWidth;
  auto* b = static_cast<const typename B::Element*>(packed);
  typename V::F c[kPanels][kRows][2];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) c[p][r][0] = c[p][r][1] = V::Zero();
  }
  if constexpr (V::kSteps > 1) {
    for (; k >= V::kSteps; k -= V::kSteps, a += V::kSteps, b += V::kSteps * kNr) {
#pragma GCC unroll 4
      for (size_t i = 0; i < V::kSteps; ++i) SGemmStep<V, B>(a + i, b + i * kNr, b_stride, c);
    }
  }
  for (; k > 0; --k, ++a, b += kNr) SGemmStep<V, B>(a, b, b_stride, c);
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p, acc += acc_stride) {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        float* out = acc + r * kNr + V::kWidth * j;
        if (accumulate) c[p][r][j] = V::Add(c[p][r][j], V::Load(out));
        V::Store(out, c[p][r][j]);
      }
    }
  }
}

template <class V, class B>
void SGemmWiden(const uint16_t* from, size_t count, float* to) {
  for (size_t i = 0; i < count; i += 2 * V::kWidth) {
    typename V::F b[2];
    B::Load(from + i, b);
    V::Store(to + i, b[0]);
    V::Store(to + i + V::kWidth, b[1]);
  }
}

template <class V, class B>
constexpr SGemmUkernelFn kSGemmWide[kSGemmWideRows] = {SGemmUkernel<V, B, 1, kSGemmWidePanels[0]>,
                                                       SGemmUkernel<V, B, 2, kSGemmWidePanels[1]>};

}  // namespace lowp

#endif  // LOWP_KERNELS_SGEMM_SGEMM_UKERNEL_H_
