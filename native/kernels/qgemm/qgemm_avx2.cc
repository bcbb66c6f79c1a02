// AVX2 without VNNI, exact: s16 x s8 widened, multiplied by vpmaddwd.
//
// vpmaddubsw does twice the products but saturates at 16 bits: 255 * 127 * 2 = 64770 becomes 32767. vpmaddwd on 16-bit
// operands cannot: its pair sum is at most 2 * 255 * 128. Where weights are narrow, qgemm_narrow_avx2.cc takes it all the same.
// Splitting a into 7-bit halves to keep vpmaddubsw exact costs two of them and a vpmaddwd for what two vpmaddwd do here, so it
// is no faster on a machine with two multipliers.
//
// Floor on two multiplier ports: 2 x 16 multiply-adds a cycle. One step of the 6x16 tile is 12 vpmaddwd + 12 vpaddd + 2 vpmovsxbw
// = 26 vector operations for 192 multiply-adds: 6.5 cycles on four vector ports, 92 % of that floor. Keeping B widened in
// memory would save the 2 and double the bytes of the weights.
#include <immintrin.h>

#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/qgemm/qgemm_kernel.h"
#include "kernels/qgemm/qgemm_tile256.h"

namespace lowp {
namespace {

constexpr size_t kMr = 6, kNr = 16, kKr = 2, kKc = 512;
constexpr size_t kStride = QGemmRowStride(kKc, sizeof(int16_t));

// c += sums. In assembly, because gcc 12 otherwise copies each sum to another register and back, or to the stack, and the front
// end becomes the limit: the tile ran at 100 GOPS, now at 160, the peak of these two instructions.
inline void Add(__m256i& c, __m256i sums) {
#if defined(__GNUC__)
  __asm__("vpaddd %1, %0, %0" : "+x"(c) : "x"(sums));
#else
  c = _mm256_add_epi32(c, sums);
#endif
}

// c[row] += a[row][0..KR) * b[0..KR)[0..NR)
template <int kRows>
inline void Step(const char* a, const int8_t* b, __m256i (&c)[kRows][2]) {
  const __m256i b0 = _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(b)));
  const __m256i b1 = _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(b) + 1));
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    const __m256i ar = _mm256_set1_epi32(Load32(a + r * kStride));
    const __m256i sums0 = _mm256_madd_epi16(ar, b0), sums1 = _mm256_madd_epi16(ar, b1);
    Add(c[r][0], sums0);
    Add(c[r][1], sums1);
  }
}

template <int kRows>
void Ukernel(size_t k_blocks, const void* a, const int8_t* b, int32_t* acc, bool accumulate) {
  const char* pa = static_cast<const char*>(a);
  __m256i c[kRows][2];
  ClearSums(c);
  for (; k_blocks > 0; --k_blocks, pa += 4, b += kNr * kKr) Step<kRows>(pa, b, c);
  StoreSums(c, acc, accumulate);
}

inline int32_t SumLanes(__m256i x) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

template <bool kSigned>
void PackA(size_t rows, size_t k, const void* a, size_t lda, void* packed, int32_t* row_sum) {
  const __m256i ones = _mm256_set1_epi16(1);
  for (size_t row = 0; row < rows; ++row) {
    const uint8_t* from = static_cast<const uint8_t*>(a) + row * lda;
    int16_t* to = reinterpret_cast<int16_t*>(static_cast<char*>(packed) + row * kStride);
    __m256i sums = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 16 <= k; i += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
      const __m256i words = kSigned ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), words);
      sums = _mm256_add_epi32(sums, _mm256_madd_epi16(words, ones));
    }
    int32_t sum = SumLanes(sums);
    for (; i < k; ++i) {
      to[i] = kSigned ? static_cast<int16_t>(static_cast<int8_t>(from[i])) : static_cast<int16_t>(from[i]);
      sum += to[i];
    }
    if (k % kKr != 0) to[k] = 0;
    row_sum[row] += sum;
  }
}

constexpr QGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>, Ukernel<5>, Ukernel<6>};

}  // namespace

extern const QGemmKernel kQGemmAvx2, kQGemmNarrowAvx2;
const QGemmKernel kQGemmAvx2 = {
    "qgemm_s16s8s32_6x16c2__avx2", kMr, kNr, kKr, kKc, sizeof(int16_t), 0, 0, kUkernels, PackA<false>, PackA<true>,
    StoreIntTile<Vector256, kNr>, &kQGemmNarrowAvx2};

}  // namespace lowp
