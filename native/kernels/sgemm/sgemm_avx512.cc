// 14x32: 28 sums, 2 of B, 1 broadcast of A in 31 of 32 registers.
#include <immintrin.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 14, kNr = 32;

// Load: NR columns of one step.
struct Float32 {
  using Element = float;
  static void Load(const float* p, __m512 (&b)[2]) {
    b[0] = _mm512_load_ps(p);
    b[1] = _mm512_load_ps(p + 16);
  }
};

struct Bfloat16 {
  using Element = uint16_t;
  static void Load(const uint16_t* p, __m512 (&b)[2]) {
    const __m512i pairs = _mm512_load_si512(p);
    b[0] = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
    b[1] = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
};

struct Float16 {
  using Element = uint16_t;
  static void Load(const uint16_t* p, __m512 (&b)[2]) {
    b[0] = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(p)));
    b[1] = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(p + 16)));
  }
};

// In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
inline void MultiplyAdd(__m512& c, __m512 a, __m512 b) {
#if defined(__GNUC__)
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
#else
  c = _mm512_fmadd_ps(a, b, c);
#endif
}

template <class B, int kRows, int kPanels>
void Ukernel(size_t k, const float* a, const void* packed, size_t b_stride, float* acc, size_t acc_stride, bool accumulate) {
  auto* b = static_cast<const typename B::Element*>(packed);
  __m512 c[kPanels][kRows][2];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) c[p][r][0] = c[p][r][1] = _mm512_setzero_ps();
  }
  for (; k > 0; --k, ++a, b += kNr) {
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) {
      __m512 bp[2];
      B::Load(b + p * b_stride, bp);
#pragma GCC unroll 14
      for (int r = 0; r < kRows; ++r) {
        const __m512 ar = _mm512_set1_ps(a[r * kSGemmRowStride]);
        MultiplyAdd(c[p][r][0], ar, bp[0]);
        MultiplyAdd(c[p][r][1], ar, bp[1]);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p, acc += acc_stride) {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        float* out = acc + r * kNr + 16 * j;
        if (accumulate) c[p][r][j] = _mm512_add_ps(c[p][r][j], _mm512_load_ps(out));
        _mm512_store_ps(out, c[p][r][j]);
      }
    }
  }
}

template <class B>
void Widen(const uint16_t* from, size_t count, float* to) {
  for (size_t i = 0; i < count; i += kNr) {
    __m512 b[2];
    B::Load(from + i, b);
    _mm512_store_ps(to + i, b[0]);
    _mm512_store_ps(to + i + 16, b[1]);
  }
}

template <class B>
constexpr SGemmUkernelFn kTile[kMr] = {Ukernel<B, 1, 1>,  Ukernel<B, 2, 1>,  Ukernel<B, 3, 1>,  Ukernel<B, 4, 1>,
                                       Ukernel<B, 5, 1>,  Ukernel<B, 6, 1>,  Ukernel<B, 7, 1>,  Ukernel<B, 8, 1>,
                                       Ukernel<B, 9, 1>,  Ukernel<B, 10, 1>, Ukernel<B, 11, 1>, Ukernel<B, 12, 1>,
                                       Ukernel<B, 13, 1>, Ukernel<B, 14, 1>};
template <class B>
constexpr SGemmUkernelFn kWide[kSGemmWideRows] = {Ukernel<B, 1, kSGemmWidePanels[0]>, Ukernel<B, 2, kSGemmWidePanels[1]>};

}  // namespace

extern const SGemmKernel kSGemmAvx512;
const SGemmKernel kSGemmAvx512 = {"sgemm_f32_14x32__avx512",
                                  kMr,
                                  kNr,
                                  true,
                                  {{kTile<Float32>, kWide<Float32>, nullptr},
                                   {kTile<Bfloat16>, kWide<Bfloat16>, Widen<Bfloat16>},
                                   {kTile<Float16>, kWide<Float16>, Widen<Float16>}},
                                  StoreFloatTile<Vector512, kNr>};

}  // namespace lowp
