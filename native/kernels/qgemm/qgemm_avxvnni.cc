// AVX-VNNI: vpdpbusd on 256-bit registers, u8 x s8, four products a lane, no saturation (the ...ds form is not used).
// The tile is that of AVX2; s8 activations are shifted to u8 while packing.
#include "kernels/dot/dot_avxvnni.h"
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/qgemm/qgemm_kernel.h"
#include "kernels/qgemm/qgemm_pack_u8.h"
#include "kernels/qgemm/qgemm_tile256.h"

namespace lowp {
namespace {

constexpr size_t kMr = 6, kNr = 16, kKr = 4, kKc = 1024;
constexpr size_t kStride = QGemmRowStride(kKc, 1);

// c[row] += a[row][0..KR) * b[0..KR)[0..NR)
template <int kRows>
inline void Step(const char* a, const int8_t* b, __m256i (&c)[kRows][2]) {
  const __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(b));
  const __m256i b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(b) + 1);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    const __m256i ar = _mm256_set1_epi32(Load32(a + r * kStride));
    DotAdd(c[r][0], ar, b0);
    DotAdd(c[r][1], ar, b1);
  }
}

template <int kRows>
void Ukernel(size_t k_blocks, const void* a, const int8_t* b, int32_t* acc, bool accumulate) {
  // Few rows have too few sums to hide the latency of vpdpbusd (4 to 5 cycles), so their steps take turns at several sets.
  constexpr int kSets = kRows == 1 ? 4 : kRows <= 3 ? 2 : 1;
  const char* pa = static_cast<const char*>(a);
  __m256i sums[kSets][kRows][2];
#pragma GCC unroll 4
  for (int set = 0; set < kSets; ++set) ClearSums(sums[set]);
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
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      c[r][0] = _mm256_add_epi32(c[r][0], sums[set][r][0]);
      c[r][1] = _mm256_add_epi32(c[r][1], sums[set][r][1]);
    }
  }
  StoreSums(c, acc, accumulate);
}

constexpr QGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>, Ukernel<5>, Ukernel<6>};

}  // namespace

extern const QGemmKernel kQGemmAvxVnni;
const QGemmKernel kQGemmAvxVnni = {
    "qgemm_u8s8s32_6x16c4__avxvnni", kMr, kNr, kKr, kKc, 1, 0, 128, kUkernels, PackU8<false, kStride>, PackU8<true, kStride>,
    StoreIntTile<Vector256, kNr>};

}  // namespace lowp
