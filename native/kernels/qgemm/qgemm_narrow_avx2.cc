// AVX2 without VNNI for narrow weights (see QGemmKernel::narrow): u8 x s8 by vpmaddubsw, whose pair sums then fit 16 bits, so
// that it is exact; vpmaddwd by ones adds those sums by twos. Weights of 7 bits always are narrow.
//
// One step of the 6x16 tile is 36 vector operations for 384 multiply-adds, where qgemm_avx2.cc takes 52: in L1 on Zen 3 205
// against 163 GOPS, with another thread on the same core 175 against 110. Both halves of B are operands in memory: with one of
// them in a register 199. Sums of four that fit 16 bits, which would save a third of that, would need weights of 6 bits.
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/qgemm/qgemm_kernel.h"
#include "kernels/qgemm/qgemm_pack_u8.h"
#include "kernels/qgemm/qgemm_tile256.h"

namespace lowp {
namespace {

constexpr size_t kMr = 6, kNr = 16, kKr = 4, kKc = 1024;
constexpr size_t kStride = QGemmRowStride(kKc, 1);

// c += sums of four. In assembly, because gcc 12 otherwise copies sums to other registers and back: see qgemm_avx2.cc.
inline void DotAdd(__m256i& c, __m256i a, const __m256i* b, __m256i ones) {
#if defined(__GNUC__)
  __m256i pairs;
  __asm__("vpmaddubsw %1, %2, %0" : "=x"(pairs) : "m"(*b), "x"(a));
  __asm__("vpaddd %1, %0, %0" : "+x"(c) : "x"(_mm256_madd_epi16(pairs, ones)));
#else
  c = _mm256_add_epi32(c, _mm256_madd_epi16(_mm256_maddubs_epi16(a, *b), ones));
#endif
}

template <int kRows>
void Ukernel(size_t k_blocks, const void* a, const int8_t* b, int32_t* acc, bool accumulate) {
  const __m256i ones = _mm256_set1_epi16(1);
  const char* pa = static_cast<const char*>(a);
  __m256i c[kRows][2];
  ClearSums(c);
  for (; k_blocks > 0; --k_blocks, pa += kKr, b += kNr * kKr) {
    const __m256i* vectors = reinterpret_cast<const __m256i*>(b);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const __m256i ar = _mm256_set1_epi32(Load32(pa + r * kStride));
      DotAdd(c[r][0], ar, vectors, ones);
      DotAdd(c[r][1], ar, vectors + 1, ones);
    }
  }
  StoreSums(c, acc, accumulate);
}

constexpr QGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>, Ukernel<5>, Ukernel<6>};

}  // namespace

extern const QGemmKernel kQGemmNarrowAvx2;
const QGemmKernel kQGemmNarrowAvx2 = {
    "qgemm_u8s8s32_narrow_6x16c4__avx2", kMr, kNr, kKr, kKc, 1, 0, 128, kUkernels, PackU8<false, kStride>, PackU8<true, kStride>,
    StoreIntTile<Vector256, kNr>};

}  // namespace lowp
