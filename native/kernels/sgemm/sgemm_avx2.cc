// 6x16: 12 sums, 2 of B, 1 broadcast of A in 15 of 16 registers; 12 fused multiply-adds for 8 loads a step, so the two
// multipliers are the limit, not the two load ports.
#include <immintrin.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 6, kNr = 16;

// Load: NR columns of one step.
struct Float32 {
  using Element = float;
  static void Load(const float* p, __m256 (&b)[2]) {
    b[0] = _mm256_load_ps(p);
    b[1] = _mm256_load_ps(p + 8);
  }
};

struct Bfloat16 {
  using Element = uint16_t;
  static void Load(const uint16_t* p, __m256 (&b)[2]) {
    const __m256i pairs = _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
    b[0] = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
    b[1] = _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
};

struct Float16 {
  using Element = uint16_t;
  static void Load(const uint16_t* p, __m256 (&b)[2]) {
    b[0] = _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
    b[1] = _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p + 8)));
  }
};

// In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
inline void MultiplyAdd(__m256& c, __m256 a, __m256 b) {
#if defined(__GNUC__)
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
#else
  c = _mm256_fmadd_ps(a, b, c);
#endif
}

// c[panel][row] += a[row] * b[panel][0..NR)
template <class B, int kRows, int kPanels>
inline void Step(const float* a, const typename B::Element* b, size_t b_stride, __m256 (&c)[kPanels][kRows][2]) {
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
    __m256 bp[2];
    B::Load(b + p * b_stride, bp);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const __m256 ar = _mm256_broadcast_ss(a + r * kSGemmRowStride);
      MultiplyAdd(c[p][r][0], ar, bp[0]);
      MultiplyAdd(c[p][r][1], ar, bp[1]);
    }
  }
}

template <class B, int kRows, int kPanels>
void Ukernel(size_t k, const float* a, const void* packed, size_t b_stride, float* acc, size_t acc_stride, bool accumulate) {
  auto* b = static_cast<const typename B::Element*>(packed);
  __m256 c[kPanels][kRows][2];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) c[p][r][0] = c[p][r][1] = _mm256_setzero_ps();
  }
  for (; k >= 4; k -= 4, a += 4, b += 4 * kNr) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) Step<B>(a + i, b + i * kNr, b_stride, c);
  }
  for (; k > 0; --k, ++a, b += kNr) Step<B>(a, b, b_stride, c);
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p, acc += acc_stride) {
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        float* out = acc + r * kNr + 8 * j;
        if (accumulate) c[p][r][j] = _mm256_add_ps(c[p][r][j], _mm256_load_ps(out));
        _mm256_store_ps(out, c[p][r][j]);
      }
    }
  }
}

template <class B>
void Widen(const uint16_t* from, size_t count, float* to) {
  for (size_t i = 0; i < count; i += kNr) {
    __m256 b[2];
    B::Load(from + i, b);
    _mm256_store_ps(to + i, b[0]);
    _mm256_store_ps(to + i + 8, b[1]);
  }
}

template <class B>
constexpr SGemmUkernelFn kTile[kMr] = {Ukernel<B, 1, 1>, Ukernel<B, 2, 1>, Ukernel<B, 3, 1>,
                                       Ukernel<B, 4, 1>, Ukernel<B, 5, 1>, Ukernel<B, 6, 1>};
template <class B>
constexpr SGemmUkernelFn kWide[kSGemmWideRows] = {Ukernel<B, 1, kSGemmWidePanels[0]>, Ukernel<B, 2, kSGemmWidePanels[1]>};

}  // namespace

extern const SGemmKernel kSGemmAvx2;
const SGemmKernel kSGemmAvx2 = {"sgemm_f32_6x16__avx2",
                                kMr,
                                kNr,
                                true,
                                {{kTile<Float32>, kWide<Float32>, nullptr},
                                 {kTile<Bfloat16>, kWide<Bfloat16>, Widen<Bfloat16>},
                                 {kTile<Float16>, kWide<Float16>, Widen<Float16>}},
                                StoreFloatTile<Vector256, kNr>};

}  // namespace lowp
