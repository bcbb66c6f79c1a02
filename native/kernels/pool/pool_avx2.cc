#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/pool/pool_bytes256.h"

namespace lowp {
namespace {

// vmaxps gives its second operand where either is NaN: one that was met stays, and a new one sets all bits.
struct MaxF32x4 {
  using In = float;
  using Out = float;
  using Acc = __m128;
  using Scalar = ScalarMax<float>;
  using Narrow = Scalar;
  static constexpr size_t kWidth = 4, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 1;
  static Acc First() { return _mm_set1_ps(-__builtin_inff()); }
  static void Join(Acc& acc, __m128 x) { acc = _mm_or_ps(_mm_max_ps(x, acc), _mm_cmpunord_ps(x, x)); }
  static void Add(Acc& acc, const float* p) { Join(acc, _mm_loadu_ps(p)); }
  static void Add(Acc& acc, const float* p, const float* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(float* to, Acc acc) { _mm_storeu_ps(to, _mm_add_ps(acc, _mm_setzero_ps())); }
  static float Fold(Acc acc) {
    Join(acc, _mm_movehl_ps(acc, acc));
    Join(acc, _mm_movehdup_ps(acc));
    return Scalar::Fold(_mm_cvtss_f32(acc));
  }
};

struct MaxF32 {
  using In = float;
  using Out = float;
  using Acc = __m256;
  using Scalar = ScalarMax<float>;
  using Narrow = MaxF32x4;
  static constexpr size_t kWidth = 8, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 4;
  static Acc First() { return _mm256_set1_ps(-__builtin_inff()); }
  static void Join(Acc& acc, __m256 x) { acc = _mm256_or_ps(_mm256_max_ps(x, acc), _mm256_cmp_ps(x, x, _CMP_UNORD_Q)); }
  static void Add(Acc& acc, const float* p) { Join(acc, _mm256_loadu_ps(p)); }
  // One comparison looks for NaN in both.
  static void Add(Acc& acc, const float* p, const float* q) {
    const __m256 x = _mm256_loadu_ps(p), y = _mm256_loadu_ps(q);
    acc = _mm256_or_ps(_mm256_max_ps(y, _mm256_max_ps(x, acc)), _mm256_cmp_ps(x, y, _CMP_UNORD_Q));
  }
  static void Settle(Acc&) {}
  static void Store(float* to, Acc acc) { _mm256_storeu_ps(to, _mm256_add_ps(acc, _mm256_setzero_ps())); }
  static float Fold(Acc acc) {
    __m128 half = _mm256_castps256_ps128(acc);
    Narrow::Join(half, _mm256_extractf128_ps(acc, 1));
    return Narrow::Fold(half);
  }
};

inline __m256d Widen(const float* p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
inline __m256d Widen(const double* p) { return _mm256_loadu_pd(p); }

template <class T>
struct SumF64 {
  using In = T;
  using Out = double;
  using Acc = __m256d;
  using Scalar = ScalarSum<T, double>;
  using Narrow = Scalar;
  static constexpr size_t kWidth = 4, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 8;
  static Acc First() { return _mm256_setzero_pd(); }
  static void Join(Acc& acc, __m256d x) { acc = _mm256_add_pd(acc, x); }
  static void Add(Acc& acc, const T* p) { Join(acc, Widen(p)); }
  static void Add(Acc& acc, const T* p, const T* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(double* to, Acc acc) { _mm256_storeu_pd(to, acc); }
  static double Fold(Acc acc) {
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(acc), _mm256_extractf128_pd(acc, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
  }
};

struct SumS32x4 {
  using In = int32_t;
  using Out = int32_t;
  using Acc = __m128i;
  using Narrow = ScalarSum<int32_t, int32_t>;
  static constexpr size_t kWidth = 4, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 1;
  static Acc First() { return _mm_setzero_si128(); }
  static void Add(Acc& acc, const int32_t* p) { acc = _mm_add_epi32(acc, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static void Add(Acc& acc, const int32_t* p, const int32_t* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(int32_t* to, Acc acc) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), acc); }
};

struct SumS32 {
  using In = int32_t;
  using Out = int32_t;
  using Acc = __m256i;
  using Narrow = SumS32x4;
  static constexpr size_t kWidth = 8, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 4;
  static Acc First() { return _mm256_setzero_si256(); }
  static void Add(Acc& acc, const int32_t* p) {
    acc = _mm256_add_epi32(acc, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void Add(Acc& acc, const int32_t* p, const int32_t* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(int32_t* to, Acc acc) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), acc); }
};

// Halves are loaded one by one in the order that the shuffles within halves of 128 bits want: a permutation across them takes
// longer.
void PartWords(const void* from, size_t ld, void* to) {
  const float* line = static_cast<const float*>(from);
  float* out = static_cast<float*>(to);
  for (size_t i = 0; i < ld; i += 8) {
    const float* p = line + 2 * i;
    const __m256 x = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + 8), 1);
    const __m256 y = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p + 4)), _mm_loadu_ps(p + 12), 1);
    _mm256_storeu_ps(out + i, _mm256_shuffle_ps(x, y, 0x88));
    _mm256_storeu_ps(out + ld + i, _mm256_shuffle_ps(x, y, 0xdd));
  }
}

void PartF32(const float* line, size_t ld, float* to) { PartWords(line, ld, to); }
void PartS32(const int32_t* line, size_t ld, int32_t* to) { PartWords(line, ld, to); }

void PartF64(const double* line, size_t ld, double* to) {
  for (size_t i = 0; i < ld; i += 4) {
    const double* p = line + 2 * i;
    const __m256d x = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p)), _mm_loadu_pd(p + 4), 1);
    const __m256d y = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p + 2)), _mm_loadu_pd(p + 6), 1);
    _mm256_storeu_pd(to + i, _mm256_unpacklo_pd(x, y));
    _mm256_storeu_pd(to + ld + i, _mm256_unpackhi_pd(x, y));
  }
}

void Scale(const double* sums, const double* factors, size_t lanes, float* y) {
  size_t i = 0;
  for (; i + 4 <= lanes; i += 4)
    _mm_storeu_ps(y + i, _mm256_cvtpd_ps(_mm256_mul_pd(_mm256_loadu_pd(sums + i), _mm256_loadu_pd(factors + i))));
  ScaleScalar(sums + i, factors + i, lanes - i, y + i);
}

template <class T>
constexpr PoolOps<T, int32_t> ByteOps() {
  return {PoolLanes<MaxBytes<T>>, PoolLanes<SumBytes<T>>, PoolEachRun<MaxBytes<T>>, PoolEachRun<RunBytes<T>>, PartBytes<T>};
}

}  // namespace

extern const PoolKernel kPoolAvx2;
const PoolKernel kPoolAvx2 = {
    "pool__avx2",
    {PoolLanes<MaxF32>, PoolLanes<SumF64<float>>, PoolEachRun<MaxF32>, PoolEachRun<SumF64<float>>, PartF32},
    ByteOps<uint8_t>(),
    ByteOps<int8_t>(),
    PoolLanes<SumF64<double>>,
    PoolLanes<SumS32>,
    PartF64,
    PartS32,
    Scale,
    Requantize<Vector256>};

}  // namespace lowp
