// AVX-VNNI: vpdpbusd on 256-bit registers, u8 weights x s8 activations, no saturation (the ...ds form is not used).
// The 6x16 tile keeps 12 sums, 2 of B, 1 broadcast of A and the mask of a nibble in 16 of 16 registers.
#include "kernels/dot/dot_avxvnni.h"
#include "kernels/nbits/nbits_dot.h"
#include "kernels/nbits/nbits_vector256.h"

namespace lowp {
namespace {

constexpr size_t kMr = 6, kNr = 16;
constexpr int kCols = 2;

struct Dot256 : GroupVector256 {
  using B = __m256i;
  static B LoadB(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void StoreB(uint8_t* p, B x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }
  static B Low(B x) { return _mm256_and_si256(x, _mm256_set1_epi8(15)); }
  static B High(B x) { return Low(_mm256_srli_epi16(x, 4)); }
  static B Four(const char* p) {
    int32_t x;
    __builtin_memcpy(&x, p, sizeof(x));
    return _mm256_set1_epi32(x);
  }
  static void DotAdd(I& c, B weights, B activations) { lowp::DotAdd(c, weights, activations); }
};

template <int kRows, bool kNibbles>
constexpr NBitsUkernelFn kUkernel = DotUkernel<Dot256, kRows, kCols, kNibbles>;

constexpr NBitsUkernelFn kDirect4[kMr] = {kUkernel<1, true>, kUkernel<2, true>, kUkernel<3, true>,
                                          kUkernel<4, true>, kUkernel<5, true>, kUkernel<6, true>};
constexpr NBitsUkernelFn kBytes[kMr] = {kUkernel<1, false>, kUkernel<2, false>, kUkernel<3, false>,
                                        kUkernel<4, false>, kUkernel<5, false>, kUkernel<6, false>};

}  // namespace

extern const NBitsKernel kNBitsAvxVnni;
const NBitsKernel kNBitsAvxVnni = {"nbits_6x16c4__avxvnni",
                                   kMr,
                                   kNr,
                                   {4, 1, 0, QuantizeA<int8_t>, kDirect4, kBytes, DotUnpack<Dot256, kCols>, kMr},
                                   {4, 1, 0, QuantizeA<int8_t>, kBytes, nullptr, nullptr, 0},
                                   StoreFloatTile<Vector256, kNr>};

}  // namespace lowp
