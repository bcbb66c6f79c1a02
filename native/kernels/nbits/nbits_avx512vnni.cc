// AVX-512 VNNI: vpdpbusd on 512-bit registers, u8 weights x s8 activations, no saturation (the ...ds form is not used).
// The 14x32 tile keeps 28 sums, 2 of B, 1 broadcast of A and the mask of a nibble in 32 of 32 registers.
#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/nbits/nbits_dot.h"
#include "kernels/nbits/nbits_vector256.h"

namespace lowp {
namespace {

constexpr size_t kMr = 14, kNr = 32;
constexpr int kCols = 2;

struct Dot512 {
  using F = __m512;
  using I = __m512i;
  using B = __m512i;
  static constexpr size_t kWidth = 16;
  static I SetI(int32_t x) { return _mm512_set1_epi32(x); }
  static F SetF(float x) { return _mm512_set1_ps(x); }
  static F LoadF(const float* p) { return _mm512_loadu_ps(p); }
  static void StoreF(float* p, F x) { _mm512_storeu_ps(p, x); }
  static I LoadI16(const int16_t* p) { return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static I SubI(I x, I y) { return _mm512_sub_epi32(x, y); }
  static I MulI(I x, I y) { return _mm512_mullo_epi32(x, y); }
  static F ToF(I x) { return _mm512_cvtepi32_ps(x); }
  static F AddF(F x, F y) { return _mm512_add_ps(x, y); }
  static F MulF(F x, F y) { return _mm512_mul_ps(x, y); }
  static B LoadB(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static void StoreB(uint8_t* p, B x) { _mm512_storeu_si512(p, x); }
  static B Low(B x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
  static B High(B x) { return Low(_mm512_srli_epi16(x, 4)); }
  static B Four(const char* p) {
    int32_t x;
    __builtin_memcpy(&x, p, sizeof(x));
    return _mm512_set1_epi32(x);
  }
  // In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
  static void DotAdd(I& c, B weights, B activations) {
#if defined(__GNUC__)
    __asm__("vpdpbusd %2, %1, %0" : "+v"(c) : "v"(weights), "v"(activations));
#else
    c = _mm512_dpbusd_epi32(c, weights, activations);
#endif
  }
};

template <int kRows, bool kNibbles>
constexpr NBitsUkernelFn kUkernel = DotUkernel<Dot512, kRows, kCols, kNibbles>;

constexpr NBitsUkernelFn kDirect4[kMr] = {kUkernel<1, true>,  kUkernel<2, true>,  kUkernel<3, true>,  kUkernel<4, true>,
                                          kUkernel<5, true>,  kUkernel<6, true>,  kUkernel<7, true>,  kUkernel<8, true>,
                                          kUkernel<9, true>,  kUkernel<10, true>, kUkernel<11, true>, kUkernel<12, true>,
                                          kUkernel<13, true>, kUkernel<14, true>};
constexpr NBitsUkernelFn kBytes[kMr] = {kUkernel<1, false>,  kUkernel<2, false>,  kUkernel<3, false>,  kUkernel<4, false>,
                                        kUkernel<5, false>,  kUkernel<6, false>,  kUkernel<7, false>,  kUkernel<8, false>,
                                        kUkernel<9, false>,  kUkernel<10, false>, kUkernel<11, false>, kUkernel<12, false>,
                                        kUkernel<13, false>, kUkernel<14, false>};

}  // namespace

extern const NBitsKernel kNBitsAvx512Vnni;
const NBitsKernel kNBitsAvx512Vnni = {"nbits_14x32c4__avx512vnni",
                                      kMr,
                                      kNr,
                                      {4, 1, 0, QuantizeA<int8_t>, kDirect4, kBytes, DotUnpack<Dot512, kCols>, kMr},
                                      {4, 1, 0, QuantizeA<int8_t>, kBytes, nullptr, nullptr, 0},
                                      StoreFloatTile<Vector512, kNr>};

}  // namespace lowp
