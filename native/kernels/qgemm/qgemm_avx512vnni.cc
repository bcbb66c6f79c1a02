// AVX-512 VNNI: vpdpbusd on 512-bit registers, u8 x s8, no saturation (the ...ds form is not used).
//
// The 14x32 tile keeps 28 sums in registers, with two of B and one broadcast of A: 31 of 32. A step does 28 vpdpbusd for
// 3 loads' worth of B and A per 9.3 of them, so the multiplier, not a load port, is the limit.
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/qgemm/qgemm_kernel.h"
#include "kernels/qgemm/qgemm_pack_u8.h"

namespace lowp {
namespace {

constexpr size_t kMr = 14, kNr = 32, kKr = 4, kKc = 1024;
constexpr size_t kStride = QGemmRowStride(kKc, 1);

// In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
inline void DotAdd(__m512i& c, __m512i a, __m512i b) {
#if defined(__GNUC__)
  __asm__("vpdpbusd %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
#else
  c = _mm512_dpbusd_epi32(c, a, b);
#endif
}

// c[row] += a[row][0..KR) * b[0..KR)[0..NR)
template <int kRows>
inline void Step(const char* a, const int8_t* b, __m512i (&c)[kRows][2]) {
  const __m512i b0 = _mm512_load_si512(b);
  const __m512i b1 = _mm512_load_si512(b + 64);
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
    const __m512i ar = _mm512_set1_epi32(Load32(a + r * kStride));
    DotAdd(c[r][0], ar, b0);
    DotAdd(c[r][1], ar, b1);
  }
}

template <int kRows>
void Ukernel(size_t k_blocks, const void* a, const int8_t* b, int32_t* acc, bool accumulate) {
  // Few rows have too few sums to hide the latency of vpdpbusd (4 to 5 cycles), so their steps take turns at several sets.
  constexpr int kSets = kRows == 1 ? 4 : kRows <= 2 ? 2 : 1;
  const char* pa = static_cast<const char*>(a);
  __m512i sums[kSets][kRows][2];
#pragma GCC unroll 4
  for (int set = 0; set < kSets; ++set) {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) sums[set][r][0] = sums[set][r][1] = _mm512_setzero_si512();
  }
  for (; k_blocks >= kSets; k_blocks -= kSets, pa += kSets * kKr, b += kSets * kNr * kKr) {
#pragma GCC unroll 4
    for (int set = 0; set < kSets; ++set) Step<kRows>(pa + set * kKr, b + set * kNr * kKr, sums[set]);
  }
  if constexpr (kSets > 1) {
    for (; k_blocks > 0; --k_blocks, pa += kKr, b += kNr * kKr) Step<kRows>(pa, b, sums[0]);
  }
  auto& c = sums[0];
#pragma GCC unroll 4
  for (int set = 1; set < kSets; ++set) {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
      c[r][0] = _mm512_add_epi32(c[r][0], sums[set][r][0]);
      c[r][1] = _mm512_add_epi32(c[r][1], sums[set][r][1]);
    }
  }
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      int32_t* out = acc + r * kNr + 16 * j;
      if (accumulate) c[r][j] = _mm512_add_epi32(c[r][j], _mm512_load_si512(out));
      _mm512_store_si512(out, c[r][j]);
    }
  }
}

constexpr QGemmUkernelFn kUkernels[kMr] = {Ukernel<1>,  Ukernel<2>,  Ukernel<3>,  Ukernel<4>, Ukernel<5>,
                                           Ukernel<6>,  Ukernel<7>,  Ukernel<8>,  Ukernel<9>, Ukernel<10>,
                                           Ukernel<11>, Ukernel<12>, Ukernel<13>, Ukernel<14>};

}  // namespace

extern const QGemmKernel kQGemmAvx512Vnni;
const QGemmKernel kQGemmAvx512Vnni = {
    "qgemm_u8s8s32_14x32c4__avx512vnni", kMr, kNr, kKr, kKc, 1, 0, 128, kUkernels, PackU8<false, kStride>, PackU8<true, kStride>,
    StoreIntTile<Vector512, kNr>};

}  // namespace lowp
