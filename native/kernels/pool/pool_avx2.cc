#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/pool/pool_ukernel.h"

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

inline __m128i Larger(__m128i x, __m128i y, uint8_t) { return _mm_max_epu8(x, y); }
inline __m128i Larger(__m128i x, __m128i y, int8_t) { return _mm_max_epi8(x, y); }
inline __m256i Larger(__m256i x, __m256i y, uint8_t) { return _mm256_max_epu8(x, y); }
inline __m256i Larger(__m256i x, __m256i y, int8_t) { return _mm256_max_epi8(x, y); }

template <class T>
struct MaxBytes8 {
  using In = T;
  using Out = T;
  using Acc = __m128i;
  using Scalar = ScalarMax<T>;
  using Narrow = Scalar;
  static constexpr size_t kWidth = 8, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 1;
  static Acc First() { return _mm_set1_epi8(static_cast<char>(Scalar::First())); }
  static void Add(Acc& acc, const T* p) { acc = Larger(acc, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)), T{}); }
  static void Add(Acc& acc, const T* p, const T* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(T* to, Acc acc) { _mm_storel_epi64(reinterpret_cast<__m128i*>(to), acc); }
  static T Fold(Acc acc) {
    acc = Larger(acc, _mm_srli_epi64(acc, 32), T{});
    acc = Larger(acc, _mm_srli_epi32(acc, 16), T{});
    acc = Larger(acc, _mm_srli_epi16(acc, 8), T{});
    return static_cast<T>(_mm_cvtsi128_si32(acc));
  }
};

template <class T>
struct MaxBytes16 {
  using In = T;
  using Out = T;
  using Acc = __m128i;
  using Scalar = ScalarMax<T>;
  using Narrow = MaxBytes8<T>;
  static constexpr size_t kWidth = 16, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 1;
  static Acc First() { return Narrow::First(); }
  static void Add(Acc& acc, const T* p) { acc = Larger(acc, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), T{}); }
  static void Add(Acc& acc, const T* p, const T* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(T* to, Acc acc) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), acc); }
  static T Fold(Acc acc) { return Narrow::Fold(Larger(acc, _mm_unpackhi_epi64(acc, acc), T{})); }
};

template <class T>
struct MaxBytes {
  using In = T;
  using Out = T;
  using Acc = __m256i;
  using Scalar = ScalarMax<T>;
  using Narrow = MaxBytes16<T>;
  static constexpr size_t kWidth = 32, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 4;
  static Acc First() { return _mm256_set1_epi8(static_cast<char>(Scalar::First())); }
  static void Join(Acc& acc, __m256i x) { acc = Larger(acc, x, T{}); }
  static void Add(Acc& acc, const T* p) { Join(acc, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static void Add(Acc& acc, const T* p, const T* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(T* to, Acc acc) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), acc); }
  static T Fold(Acc acc) { return Narrow::Fold(Larger(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1), T{})); }
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
  static constexpr int kVectors = 4;
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

// 256 bytes fit a word of either sign.
constexpr size_t kWordTaps = 256;

inline __m128i Words8(const uint8_t* p) { return _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))); }
inline __m128i Words8(const int8_t* p) { return _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))); }
inline __m256i Words16(const uint8_t* p) { return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline __m256i Words16(const int8_t* p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline __m256i Ints(__m128i words, uint8_t) { return _mm256_cvtepu16_epi32(words); }
inline __m256i Ints(__m128i words, int8_t) { return _mm256_cvtepi16_epi32(words); }

template <class T>
struct SumBytes8 {
  using In = T;
  using Out = int32_t;
  struct Acc {
    __m128i words;
    __m256i sums;
  };
  using Narrow = ScalarSum<T, int32_t>;
  static constexpr size_t kWidth = 8, kTaps = kWordTaps;
  static constexpr int kVectors = 1;
  static Acc First() { return {_mm_setzero_si128(), _mm256_setzero_si256()}; }
  static void Add(Acc& acc, const T* p) { acc.words = _mm_add_epi16(acc.words, Words8(p)); }
  static void Add(Acc& acc, const T* p, const T* q) { acc.words = _mm_add_epi16(acc.words, _mm_add_epi16(Words8(p), Words8(q))); }
  static void Settle(Acc& acc) {
    acc.sums = _mm256_add_epi32(acc.sums, Ints(acc.words, T{}));
    acc.words = _mm_setzero_si128();
  }
  static void Store(int32_t* to, const Acc& acc) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), acc.sums); }
};

template <class T>
struct SumBytes {
  using In = T;
  using Out = int32_t;
  struct Acc {
    __m256i words, low, high;
  };
  using Narrow = SumBytes8<T>;
  static constexpr size_t kWidth = 16, kTaps = kWordTaps;
  static constexpr int kVectors = 4;
  static Acc First() { return {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static void Add(Acc& acc, const T* p) { acc.words = _mm256_add_epi16(acc.words, Words16(p)); }
  static void Add(Acc& acc, const T* p, const T* q) {
    acc.words = _mm256_add_epi16(acc.words, _mm256_add_epi16(Words16(p), Words16(q)));
  }
  static void Settle(Acc& acc) {
    acc.low = _mm256_add_epi32(acc.low, Ints(_mm256_castsi256_si128(acc.words), T{}));
    acc.high = _mm256_add_epi32(acc.high, Ints(_mm256_extracti128_si256(acc.words, 1), T{}));
    acc.words = _mm256_setzero_si256();
  }
  static void Store(int32_t* to, const Acc& acc) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), acc.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 8), acc.high);
  }
};

// vpsadbw adds 8 bytes to one quadword; signed ones as if they were 128 more. Of 16 bytes the upper quadword is left aside.
template <class T>
struct RunBytes8 {
  using In = T;
  using Out = int32_t;
  using Acc = __m128i;
  using Scalar = ScalarSum<T, int32_t>;
  using Narrow = Scalar;
  static constexpr size_t kWidth = 8;
  static constexpr int kVectors = 1;
  static constexpr char kFlip = static_cast<char>(static_cast<T>(-1) < 0 ? 0x80 : 0);
  static constexpr int kMore = static_cast<T>(-1) < 0 ? 8 * 128 : 0;
  static Acc First() { return _mm_setzero_si128(); }
  static void Add(Acc& acc, const T* p) {
    const __m128i x = _mm_xor_si128(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)), _mm_set1_epi8(kFlip));
    acc = _mm_add_epi32(acc, _mm_sub_epi32(_mm_sad_epu8(x, _mm_setzero_si128()), _mm_set1_epi32(kMore)));
  }
  static int32_t Fold(Acc acc) { return _mm_cvtsi128_si32(acc); }
};

template <class T>
struct RunBytes {
  using In = T;
  using Out = int32_t;
  using Acc = __m256i;
  using Scalar = ScalarSum<T, int32_t>;
  using Narrow = RunBytes8<T>;
  static constexpr size_t kWidth = 32;
  static constexpr int kVectors = 2;
  static Acc First() { return _mm256_setzero_si256(); }
  static void Join(Acc& acc, __m256i x) { acc = _mm256_add_epi64(acc, x); }
  static void Add(Acc& acc, const T* p) {
    const __m256i x = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), _mm256_set1_epi8(Narrow::kFlip));
    Join(acc, _mm256_sub_epi64(_mm256_sad_epu8(x, _mm256_setzero_si256()), _mm256_set1_epi64x(Narrow::kMore)));
  }
  static int32_t Fold(Acc acc) {
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));
    return _mm_cvtsi128_si32(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)));
  }
};

void PartWords(const void* from, size_t ld, void* to) {
  const float* line = static_cast<const float*>(from);
  float* out = static_cast<float*>(to);
  for (size_t i = 0; i < ld; i += 8) {
    const __m256 x = _mm256_loadu_ps(line + 2 * i), y = _mm256_loadu_ps(line + 2 * i + 8);
    const __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(x, y, 0x88)), odd = _mm256_castps_pd(_mm256_shuffle_ps(x, y, 0xdd));
    _mm256_storeu_ps(out + i, _mm256_castpd_ps(_mm256_permute4x64_pd(even, 0xd8)));
    _mm256_storeu_ps(out + ld + i, _mm256_castpd_ps(_mm256_permute4x64_pd(odd, 0xd8)));
  }
}

void PartF32(const float* line, size_t ld, float* to) { PartWords(line, ld, to); }
void PartS32(const int32_t* line, size_t ld, int32_t* to) { PartWords(line, ld, to); }

void PartF64(const double* line, size_t ld, double* to) {
  for (size_t i = 0; i < ld; i += 4) {
    const __m256d x = _mm256_loadu_pd(line + 2 * i), y = _mm256_loadu_pd(line + 2 * i + 4);
    _mm256_storeu_pd(to + i, _mm256_permute4x64_pd(_mm256_unpacklo_pd(x, y), 0xd8));
    _mm256_storeu_pd(to + ld + i, _mm256_permute4x64_pd(_mm256_unpackhi_pd(x, y), 0xd8));
  }
}

template <class T>
void PartBytes(const T* line, size_t ld, T* to) {
  const __m256i low = _mm256_set1_epi16(0x00ff);
  for (size_t i = 0; i < ld; i += 16) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + 2 * i));
    const __m256i both = _mm256_packus_epi16(_mm256_and_si256(x, low), _mm256_srli_epi16(x, 8));
    const __m256i parted = _mm256_permute4x64_epi64(both, 0xd8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm256_castsi256_si128(parted));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + ld + i), _mm256_extracti128_si256(parted, 1));
  }
}

void Divide(const double* sums, const double* counts, size_t lanes, float* y) {
  size_t i = 0;
  for (; i + 4 <= lanes; i += 4)
    _mm_storeu_ps(y + i, _mm256_cvtpd_ps(_mm256_div_pd(_mm256_loadu_pd(sums + i), _mm256_loadu_pd(counts + i))));
  DivideScalar(sums + i, counts + i, lanes - i, y + i);
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
    Divide,
    Requantize<Vector256>};

}  // namespace lowp
