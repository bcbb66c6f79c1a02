// AVX2 without VNNI, exact.
//
// 4 bits: vpmaddubsw of weights 0..15 and activations -127..127. It cannot saturate: a pair of products is at most 2 * 15 * 127 =
// 3810. Nor can the sum of eight such pairs in 16 bits, 8 * 3810 = 30480 < 32768, so that 32 depths are added before one vpmaddwd
// widens them. A group of 32 costs 8 vpmaddubsw, 7 vpaddw, 1 vpmaddwd and 5 for the correction and the scales: 21 vector
// operations for 256 multiply-adds (12.2 each, four a cycle), where exact int8 has 16 a vpmaddwd and its vpaddd (8 each).
//
// Zen 3 does 3.2 of them a cycle, not four, as soon as half of them add to sums, in whatever order they stand: at 3.24 GHz 255
// GOPS. A tile of unpacked weights reaches 238 with all in L1, 236 with A in L2; unpacking as they are read 222. A panel is
// unpacked once for a block of rows, in a quarter of the time of one tile: 1 % at 128x768x768. Quantizing A is 3.5 % there.
// Saturating additions are slower (7.7 in place of 10.5 operations a ns): they have two ports.
//
// 8 bits: s16 x s8 widened, vpmaddwd, as in qgemm_avx2.cc. The sign trick (vpsignb, vpmaddubsw of values in +-127, vpmaddwd,
// vpaddd) takes the same four operations for 32 multiply-adds.
#include "kernels/nbits/nbits_vector256.h"

namespace lowp {
namespace {

constexpr size_t kMr = 6, kNr = 16;

// In assembly, because gcc 12 otherwise copies each sum to another register and back, or to the stack: see qgemm_avx2.cc.
inline void Add16(__m256i& c, __m256i x) {
#if defined(__GNUC__)
  __asm__("vpaddw %1, %0, %0" : "+x"(c) : "x"(x));
#else
  c = _mm256_add_epi16(c, x);
#endif
}
inline void Add32(__m256i& c, __m256i x) {
#if defined(__GNUC__)
  __asm__("vpaddd %1, %0, %0" : "+x"(c) : "x"(x));
#else
  c = _mm256_add_epi32(c, x);
#endif
}

inline int32_t Load32(const char* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof(x));
  return x;
}

// One step of 4 depths; the first one of a run begins the sums.
template <int kRows, bool kFirst>
inline void Step4(__m256i (&c)[kRows][2], const char* a, __m256i b0, __m256i b1) {
  constexpr size_t kStride = NBitsRowStride(1);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    const __m256i ar = _mm256_set1_epi32(Load32(a + r * kStride));
    const __m256i p0 = _mm256_maddubs_epi16(b0, ar), p1 = _mm256_maddubs_epi16(b1, ar);
    if (kFirst) {
      c[r][0] = p0;
      c[r][1] = p1;
    } else {
      Add16(c[r][0], p0);
      Add16(c[r][1], p1);
    }
  }
}

// Two steps from one load of nibbles (two registers), or from two of bytes.
template <int kRows, bool kUnpacked, bool kFirst>
inline void TwoSteps(__m256i (&c)[kRows][2], const char* a, const uint8_t* b) {
  const __m256i* v = reinterpret_cast<const __m256i*>(b);
  if (kUnpacked) {
    Step4<kRows, kFirst>(c, a, _mm256_load_si256(v), _mm256_load_si256(v + 1));
    Step4<kRows, false>(c, a + 4, _mm256_load_si256(v + 2), _mm256_load_si256(v + 3));
  } else {
    const __m256i nibble = _mm256_set1_epi8(15);
    Step4<kRows, kFirst>(c, a, _mm256_and_si256(_mm256_loadu_si256(v), nibble),
                         _mm256_and_si256(_mm256_loadu_si256(v + 1), nibble));
    Step4<kRows, false>(c, a + 4, _mm256_and_si256(_mm256_srli_epi16(_mm256_loadu_si256(v), 4), nibble),
                        _mm256_and_si256(_mm256_srli_epi16(_mm256_loadu_si256(v + 1), 4), nibble));
  }
}

// 2 * kPairs steps: 16 or 32 depths, the sums still in 16 bits.
template <int kRows, bool kUnpacked, int kPairs>
inline void Run(__m256i (&c)[kRows][2], const char* a, const uint8_t* b) {
  constexpr size_t kPairBytes = kUnpacked ? 4 * 32 : 2 * 32;
  TwoSteps<kRows, kUnpacked, true>(c, a, b);
#pragma GCC unroll 3
  for (int pair = 1; pair < kPairs; ++pair) TwoSteps<kRows, kUnpacked, false>(c, a + 8 * pair, b + kPairBytes * pair);
}

inline void AddTo(float* acc, __m256 x) { _mm256_store_ps(acc, _mm256_add_ps(_mm256_load_ps(acc), x)); }

inline const NBitsRowGroup& RowGroup(const char* meta, size_t at) { return *reinterpret_cast<const NBitsRowGroup*>(meta + at); }

// Widens the last 16-bit sums of a group, adds those before it (null: there are none) and the correction, and scales.
template <int kRows, bool kZeros>
inline void Finish4(const __m256i (&c)[kRows][2], const __m256i* before, const char* meta, const GroupConstants& b, float* acc) {
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    const NBitsRowGroup& row = RowGroup(meta, r * NBitsRowStride(1));
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      __m256i sum = _mm256_madd_epi16(c[r][j], ones);
      if (before != nullptr) sum = _mm256_add_epi32(sum, before[2 * r + j]);
      if (!kZeros) sum = _mm256_add_epi32(sum, _mm256_set1_epi32(row.correction));
      AddTo(acc + r * kNr + 8 * j, Scaled<GroupVector256, kZeros>(sum, row, b, 8 * j));
    }
  }
}

// kPairs: 2 for groups of 16; 4 for groups of 32, or of several 32s, whose sums wait in memory.
template <int kRows, bool kUnpacked, int kPairs, bool kSeveral>
void Groups4(const NBitsTile& tile) {
  constexpr size_t kRun = 8 * kPairs, kRunBytes = kRun * kNr / (kUnpacked ? 1 : 2);
  const char* a = static_cast<const char*>(tile.a);
  const char* meta = a + NBitsRowGroupsAt(1);
  const uint8_t *weights = tile.b, *scales = tile.scale;
  GroupConstants constants{nullptr, tile.zero};
  for (size_t g = 0; g < tile.groups; ++g, meta += sizeof(NBitsRowGroup), weights += tile.b_stride, scales += tile.scale_stride) {
    constants.scale = reinterpret_cast<const float*>(scales);
    const uint8_t* b = weights;
    __m256i c[kRows][2];
    Run<kRows, kUnpacked, kPairs>(c, a, b);
    a += kRun;
    alignas(32) __m256i before[kSeveral ? 2 * kRows : 1];
    if (kSeveral) {
      const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 12
      for (int i = 0; i < 2 * kRows; ++i) before[i] = _mm256_madd_epi16(c[i / 2][i % 2], ones);
      for (size_t k = 2 * kRun;; k += kRun) {
        b += kRunBytes;
        Run<kRows, kUnpacked, kPairs>(c, a, b);
        a += kRun;
        if (k == tile.group) break;
#pragma GCC unroll 12
        for (int i = 0; i < 2 * kRows; ++i) before[i] = _mm256_add_epi32(before[i], _mm256_madd_epi16(c[i / 2][i % 2], ones));
      }
    }
    if (tile.zero == nullptr) {
      Finish4<kRows, false>(c, kSeveral ? before : nullptr, meta, constants, tile.acc);
    } else {
      Finish4<kRows, true>(c, kSeveral ? before : nullptr, meta, constants, tile.acc);
      constants.zero += kNr;
    }
  }
}

template <int kRows, bool kUnpacked>
void Ukernel4(const NBitsTile& tile) {
  if (tile.group == 16) return Groups4<kRows, kUnpacked, 2, false>(tile);
  if (tile.group == 32) return Groups4<kRows, kUnpacked, 4, false>(tile);
  Groups4<kRows, kUnpacked, 4, true>(tile);
}

// Weights are shifted by 128, so that the zero point of symmetric ones is 0 and there is no correction.
template <int kRows, bool kZeros>
inline void Finish8(const __m256i (&c)[kRows][2], const char* meta, const GroupConstants& b, float* acc) {
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    const NBitsRowGroup& row = RowGroup(meta, r * NBitsRowStride(2));
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) AddTo(acc + r * kNr + 8 * j, Scaled<GroupVector256, kZeros>(c[r][j], row, b, 8 * j));
  }
}

template <int kRows>
void Ukernel8(const NBitsTile& tile) {
  constexpr size_t kStride = NBitsRowStride(2);
  const char* a = static_cast<const char*>(tile.a);
  const char* meta = a + NBitsRowGroupsAt(2);
  const uint8_t *weights = tile.b, *scales = tile.scale;
  GroupConstants constants{nullptr, tile.zero};
  for (size_t g = 0; g < tile.groups; ++g, meta += sizeof(NBitsRowGroup), weights += tile.b_stride, scales += tile.scale_stride) {
    constants.scale = reinterpret_cast<const float*>(scales);
    const __m128i* b = reinterpret_cast<const __m128i*>(weights);
    __m256i c[kRows][2];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) c[r][0] = c[r][1] = _mm256_setzero_si256();
    for (size_t k = 0; k < tile.group; k += 2, a += 4, b += 2) {
      const __m256i b0 = _mm256_cvtepi8_epi16(_mm_load_si128(b)), b1 = _mm256_cvtepi8_epi16(_mm_load_si128(b + 1));
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        const __m256i ar = _mm256_set1_epi32(Load32(a + r * kStride));
        const __m256i p0 = _mm256_madd_epi16(ar, b0), p1 = _mm256_madd_epi16(ar, b1);
        Add32(c[r][0], p0);
        Add32(c[r][1], p1);
      }
    }
    if (tile.zero == nullptr) {
      Finish8<kRows, false>(c, meta, constants, tile.acc);
    } else {
      Finish8<kRows, true>(c, meta, constants, tile.acc);
      constants.zero += kNr;
    }
  }
}

void Unpack(size_t groups, size_t bytes, const uint8_t* b, size_t stride, uint8_t* unpacked) {
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i* to = reinterpret_cast<__m256i*>(unpacked);
  for (size_t g = 0; g < groups; ++g, b += stride) {
    for (size_t i = 0; i < bytes; i += 64, to += 4) {
      const __m256i v0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + i));
      const __m256i v1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + i + 32));
      _mm256_store_si256(to, _mm256_and_si256(v0, nibble));
      _mm256_store_si256(to + 1, _mm256_and_si256(v1, nibble));
      _mm256_store_si256(to + 2, _mm256_and_si256(_mm256_srli_epi16(v0, 4), nibble));
      _mm256_store_si256(to + 3, _mm256_and_si256(_mm256_srli_epi16(v1, 4), nibble));
    }
  }
}

constexpr NBitsUkernelFn kDirect4[kMr] = {Ukernel4<1, false>, Ukernel4<2, false>, Ukernel4<3, false>,
                                          Ukernel4<4, false>, Ukernel4<5, false>, Ukernel4<6, false>};
constexpr NBitsUkernelFn kPanel4[kMr] = {Ukernel4<1, true>, Ukernel4<2, true>, Ukernel4<3, true>,
                                         Ukernel4<4, true>, Ukernel4<5, true>, Ukernel4<6, true>};
constexpr NBitsUkernelFn kUkernels8[kMr] = {Ukernel8<1>, Ukernel8<2>, Ukernel8<3>, Ukernel8<4>, Ukernel8<5>, Ukernel8<6>};

}  // namespace

extern const NBitsKernel kNBitsAvx2;
const NBitsKernel kNBitsAvx2 = {"nbits_6x16c4__avx2",
                                kMr,
                                kNr,
                                {4, 1, 0, QuantizeA<int8_t>, kDirect4, kPanel4, Unpack, kMr},
                                {2, 2, 128, QuantizeA<int16_t>, kUkernels8, nullptr, nullptr, 0},
                                StoreFloatTile<Vector256, kNr>};

}  // namespace lowp
