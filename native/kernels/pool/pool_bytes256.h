// 8-bit values in 256 bits of AVX2. Only for files compiled with AVX2.
#ifndef LOWP_KERNELS_POOL_POOL_BYTES256_H_
#define LOWP_KERNELS_POOL_POOL_BYTES256_H_

#include <immintrin.h>

#include "kernels/pool/pool_ukernel.h"

namespace lowp {
namespace {

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

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_POOL_POOL_BYTES256_H_
