// 14x32: 28 sums, 2 of B, 1 broadcast of A in 31 of 32 registers.
#include <immintrin.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/sgemm/sgemm_ukernel.h"

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

struct Fma512 {
  using F = __m512;
  static constexpr size_t kWidth = 16, kSteps = 1;
  static F Zero() { return _mm512_setzero_ps(); }
  static F Load(const float* p) { return _mm512_load_ps(p); }
  static void Store(float* p, F x) { _mm512_store_ps(p, x); }
  static F Add(F x, F y) { return _mm512_add_ps(x, y); }
  static F Broadcast(const float* p) { return _mm512_set1_ps(*p); }
  // In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
  static void MultiplyAdd(F& c, F a, F b) {
#if defined(__GNUC__)
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
#else
    c = _mm512_fmadd_ps(a, b, c);
#endif
  }
};

template <class B>
constexpr SGemmUkernelFn kTile[kMr] = {
    SGemmUkernel<Fma512, B, 1, 1>,  SGemmUkernel<Fma512, B, 2, 1>,  SGemmUkernel<Fma512, B, 3, 1>,
    SGemmUkernel<Fma512, B, 4, 1>,  SGemmUkernel<Fma512, B, 5, 1>,  SGemmUkernel<Fma512, B, 6, 1>,
    SGemmUkernel<Fma512, B, 7, 1>,  SGemmUkernel<Fma512, B, 8, 1>,  SGemmUkernel<Fma512, B, 9, 1>,
    SGemmUkernel<Fma512, B, 10, 1>, SGemmUkernel<Fma512, B, 11, 1>, SGemmUkernel<Fma512, B, 12, 1>,
    SGemmUkernel<Fma512, B, 13, 1>, SGemmUkernel<Fma512, B, 14, 1>};

}  // namespace

extern const SGemmKernel kSGemmAvx512;
const SGemmKernel kSGemmAvx512 = {"sgemm_f32_14x32__avx512",
                                  kMr,
                                  kNr,
                                  true,
                                  {{kTile<Float32>, kSGemmWide<Fma512, Float32>, nullptr},
                                   {kTile<Bfloat16>, kSGemmWide<Fma512, Bfloat16>, SGemmWiden<Fma512, Bfloat16>},
                                   {kTile<Float16>, kSGemmWide<Fma512, Float16>, SGemmWiden<Fma512, Float16>}},
                                  StoreFloatTile<Vector512, kNr>};

}  // namespace lowp
