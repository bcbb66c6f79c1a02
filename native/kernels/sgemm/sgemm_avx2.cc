// 6x16: 12 sums, 2 of B, 1 broadcast of A in 15 of 16 registers; 12 fused multiply-adds for 8 loads a step, so the two
// multipliers are the limit, not the two load ports.
#include <immintrin.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/sgemm/sgemm_ukernel.h"

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

struct Fma256 {
  using F = __m256;
  static constexpr size_t kWidth = 8, kSteps = 4;
  static F Zero() { return _mm256_setzero_ps(); }
  static F Load(const float* p) { return _mm256_load_ps(p); }
  static void Store(float* p, F x) { _mm256_store_ps(p, x); }
  static F Add(F x, F y) { return _mm256_add_ps(x, y); }
  static F Broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  // In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
  static void MultiplyAdd(F& c, F a, F b) {
#if defined(__GNUC__)
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
#else
    c = _mm256_fmadd_ps(a, b, c);
#endif
  }
};

template <class B>
constexpr SGemmUkernelFn kTile[kMr] = {SGemmUkernel<Fma256, B, 1, 1>, SGemmUkernel<Fma256, B, 2, 1>,
                                       SGemmUkernel<Fma256, B, 3, 1>, SGemmUkernel<Fma256, B, 4, 1>,
                                       SGemmUkernel<Fma256, B, 5, 1>, SGemmUkernel<Fma256, B, 6, 1>};

}  // namespace

extern const SGemmKernel kSGemmAvx2;
const SGemmKernel kSGemmAvx2 = {"sgemm_f32_6x16__avx2",
                                kMr,
                                kNr,
                                true,
                                {{kTile<Float32>, kSGemmWide<Fma256, Float32>, nullptr},
                                 {kTile<Bfloat16>, kSGemmWide<Fma256, Bfloat16>, SGemmWiden<Fma256, Bfloat16>},
                                 {kTile<Float16>, kSGemmWide<Fma256, Float16>, SGemmWiden<Fma256, Float16>}},
                                StoreFloatTile<Vector256, kNr>};

}  // namespace lowp
