#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/pool/pool_ukernel.h"

namespace lowp {
namespace {

// fmax gives NaN where either is NaN.
struct MaxF32 {
  using In = float;
  using Out = float;
  using Acc = float32x4_t;
  using Scalar = ScalarMax<float>;
  using Narrow = Scalar;
  static constexpr size_t kWidth = 4, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 4;
  static Acc First() { return vdupq_n_f32(-__builtin_inff()); }
  static void Join(Acc& acc, float32x4_t x) { acc = vmaxq_f32(acc, x); }
  static void Add(Acc& acc, const float* p) { Join(acc, vld1q_f32(p)); }
  static void Add(Acc& acc, const float* p, const float* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(float* to, Acc acc) { vst1q_f32(to, vaddq_f32(acc, vdupq_n_f32(0))); }
  static float Fold(Acc acc) { return Scalar::Fold(vmaxvq_f32(acc)); }
};

inline uint8x8_t Load8(const uint8_t* p) { return vld1_u8(p); }
inline int8x8_t Load8(const int8_t* p) { return vld1_s8(p); }
inline uint8x16_t Load16(const uint8_t* p) { return vld1q_u8(p); }
inline int8x16_t Load16(const int8_t* p) { return vld1q_s8(p); }
inline uint8x8_t Set8(uint8_t x) { return vdup_n_u8(x); }
inline int8x8_t Set8(int8_t x) { return vdup_n_s8(x); }
inline uint8x16_t Set16(uint8_t x) { return vdupq_n_u8(x); }
inline int8x16_t Set16(int8_t x) { return vdupq_n_s8(x); }
inline uint8x8_t Larger(uint8x8_t x, uint8x8_t y) { return vmax_u8(x, y); }
inline int8x8_t Larger(int8x8_t x, int8x8_t y) { return vmax_s8(x, y); }
inline uint8x16_t Larger(uint8x16_t x, uint8x16_t y) { return vmaxq_u8(x, y); }
inline int8x16_t Larger(int8x16_t x, int8x16_t y) { return vmaxq_s8(x, y); }
inline uint8_t Largest(uint8x8_t x) { return vmaxv_u8(x); }
inline int8_t Largest(int8x8_t x) { return vmaxv_s8(x); }
inline uint8_t Largest(uint8x16_t x) { return vmaxvq_u8(x); }
inline int8_t Largest(int8x16_t x) { return vmaxvq_s8(x); }
inline void StoreAll(uint8_t* p, uint8x8_t x) { vst1_u8(p, x); }
inline void StoreAll(int8_t* p, int8x8_t x) { vst1_s8(p, x); }
inline void StoreAll(uint8_t* p, uint8x16_t x) { vst1q_u8(p, x); }
inline void StoreAll(int8_t* p, int8x16_t x) { vst1q_s8(p, x); }

template <class T>
struct MaxBytes8 {
  using In = T;
  using Out = T;
  using Acc = decltype(Set8(T{}));
  using Scalar = ScalarMax<T>;
  using Narrow = Scalar;
  static constexpr size_t kWidth = 8, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 1;
  static Acc First() { return Set8(Scalar::First()); }
  static void Add(Acc& acc, const T* p) { acc = Larger(acc, Load8(p)); }
  static void Add(Acc& acc, const T* p, const T* q) { acc = Larger(acc, Larger(Load8(p), Load8(q))); }
  static void Settle(Acc&) {}
  static void Store(T* to, Acc acc) { StoreAll(to, acc); }
  static T Fold(Acc acc) { return Largest(acc); }
};

template <class T>
struct MaxBytes {
  using In = T;
  using Out = T;
  using Acc = decltype(Set16(T{}));
  using Scalar = ScalarMax<T>;
  using Narrow = MaxBytes8<T>;
  static constexpr size_t kWidth = 16, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 4;
  static Acc First() { return Set16(Scalar::First()); }
  static void Join(Acc& acc, Acc x) { acc = Larger(acc, x); }
  static void Add(Acc& acc, const T* p) { Join(acc, Load16(p)); }
  static void Add(Acc& acc, const T* p, const T* q) { Join(acc, Larger(Load16(p), Load16(q))); }
  static void Settle(Acc&) {}
  static void Store(T* to, Acc acc) { StoreAll(to, acc); }
  static T Fold(Acc acc) { return Largest(acc); }
};

struct Pair {
  float64x2_t low, high;
};
inline Pair Widen(const float* p) {
  const float32x4_t x = vld1q_f32(p);
  return {vcvt_f64_f32(vget_low_f32(x)), vcvt_high_f64_f32(x)};
}
inline Pair Widen(const double* p) { return {vld1q_f64(p), vld1q_f64(p + 2)}; }

template <class T>
struct SumF64 {
  using In = T;
  using Out = double;
  using Acc = Pair;
  using Scalar = ScalarSum<T, double>;
  using Narrow = Scalar;
  static constexpr size_t kWidth = 4, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 4;
  static Acc First() { return {vdupq_n_f64(0), vdupq_n_f64(0)}; }
  static void Join(Acc& acc, const Pair& x) { acc = {vaddq_f64(acc.low, x.low), vaddq_f64(acc.high, x.high)}; }
  static void Add(Acc& acc, const T* p) { Join(acc, Widen(p)); }
  static void Add(Acc& acc, const T* p, const T* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(double* to, const Acc& acc) {
    vst1q_f64(to, acc.low);
    vst1q_f64(to + 2, acc.high);
  }
  static double Fold(const Acc& acc) { return vaddvq_f64(vaddq_f64(acc.low, acc.high)); }
};

struct SumS32 {
  using In = int32_t;
  using Out = int32_t;
  using Acc = int32x4_t;
  using Narrow = ScalarSum<int32_t, int32_t>;
  static constexpr size_t kWidth = 4, kTaps = kPoolAnyTaps;
  static constexpr int kVectors = 4;
  static Acc First() { return vdupq_n_s32(0); }
  static void Add(Acc& acc, const int32_t* p) { acc = vaddq_s32(acc, vld1q_s32(p)); }
  static void Add(Acc& acc, const int32_t* p, const int32_t* q) {
    Add(acc, p);
    Add(acc, q);
  }
  static void Settle(Acc&) {}
  static void Store(int32_t* to, Acc acc) { vst1q_s32(to, acc); }
};

inline int16x8_t Words(const int8_t* p) { return vmovl_s8(vld1_s8(p)); }
inline uint16x8_t Words(const uint8_t* p) { return vmovl_u8(vld1_u8(p)); }
inline int16x8_t AddWords(int16x8_t x, int16x8_t y) { return vaddq_s16(x, y); }
inline uint16x8_t AddWords(uint16x8_t x, uint16x8_t y) { return vaddq_u16(x, y); }
inline int16x8_t SetWords(int8_t) { return vdupq_n_s16(0); }
inline uint16x8_t SetWords(uint8_t) { return vdupq_n_u16(0); }
inline int32x4_t AddLow(int32x4_t sum, int16x8_t x) { return vaddw_s16(sum, vget_low_s16(x)); }
inline int32x4_t AddHigh(int32x4_t sum, int16x8_t x) { return vaddw_high_s16(sum, x); }
inline int32x4_t AddLow(int32x4_t sum, uint16x8_t x) { return vaddq_s32(sum, vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(x)))); }
inline int32x4_t AddHigh(int32x4_t sum, uint16x8_t x) { return vaddq_s32(sum, vreinterpretq_s32_u32(vmovl_high_u16(x))); }

template <class T>
struct SumBytes {
  using In = T;
  using Out = int32_t;
  struct Acc {
    decltype(SetWords(T{})) words;
    int32x4_t low, high;
  };
  using Narrow = ScalarSum<T, int32_t>;
  static constexpr size_t kWidth = 8, kTaps = 256;  // so many bytes fit a word of either sign
  static constexpr int kVectors = 4;
  static Acc First() { return {SetWords(T{}), vdupq_n_s32(0), vdupq_n_s32(0)}; }
  static void Add(Acc& acc, const T* p) { acc.words = AddWords(acc.words, Words(p)); }
  static void Add(Acc& acc, const T* p, const T* q) { acc.words = AddWords(acc.words, AddWords(Words(p), Words(q))); }
  static void Settle(Acc& acc) { acc = {SetWords(T{}), AddLow(acc.low, acc.words), AddHigh(acc.high, acc.words)}; }
  static void Store(int32_t* to, const Acc& acc) {
    vst1q_s32(to, acc.low);
    vst1q_s32(to + 4, acc.high);
  }
};

inline int32_t SumOf(uint8x16_t x) { return vaddlvq_u8(x); }
inline int32_t SumOf(int8x16_t x) { return vaddlvq_s8(x); }

template <class T>
struct RunBytes {
  using In = T;
  using Out = int32_t;
  using Acc = int32_t;
  using Scalar = ScalarSum<T, int32_t>;
  using Narrow = Scalar;
  static constexpr size_t kWidth = 16;
  static constexpr int kVectors = 2;
  static Acc First() { return 0; }
  static void Join(Acc& acc, int32_t x) { acc += x; }
  static void Add(Acc& acc, const T* p) { acc += SumOf(Load16(p)); }
  static int32_t Fold(Acc acc) { return acc; }
};

void PartF32(const float* line, size_t ld, float* to) {
  for (size_t i = 0; i < ld; i += 4) {
    const float32x4x2_t x = vld2q_f32(line + 2 * i);
    vst1q_f32(to + i, x.val[0]);
    vst1q_f32(to + ld + i, x.val[1]);
  }
}

void PartS32(const int32_t* line, size_t ld, int32_t* to) {
  for (size_t i = 0; i < ld; i += 4) {
    const int32x4x2_t x = vld2q_s32(line + 2 * i);
    vst1q_s32(to + i, x.val[0]);
    vst1q_s32(to + ld + i, x.val[1]);
  }
}

void PartF64(const double* line, size_t ld, double* to) {
  for (size_t i = 0; i < ld; i += 2) {
    const float64x2x2_t x = vld2q_f64(line + 2 * i);
    vst1q_f64(to + i, x.val[0]);
    vst1q_f64(to + ld + i, x.val[1]);
  }
}

template <class T>
void PartBytes(const T* line, size_t ld, T* to) {
  for (size_t i = 0; i < ld; i += 16) {
    const uint8x16x2_t x = vld2q_u8(reinterpret_cast<const uint8_t*>(line) + 2 * i);
    vst1q_u8(reinterpret_cast<uint8_t*>(to) + i, x.val[0]);
    vst1q_u8(reinterpret_cast<uint8_t*>(to) + ld + i, x.val[1]);
  }
}

void Scale(const double* sums, const double* factors, size_t lanes, float* y) {
  size_t i = 0;
  for (; i + 2 <= lanes; i += 2) vst1_f32(y + i, vcvt_f32_f64(vmulq_f64(vld1q_f64(sums + i), vld1q_f64(factors + i))));
  ScaleScalar(sums + i, factors + i, lanes - i, y + i);
}

template <class T>
constexpr PoolOps<T, int32_t> ByteOps() {
  return {PoolLanes<MaxBytes<T>>, PoolLanes<SumBytes<T>>, PoolEachRun<MaxBytes<T>>, PoolEachRun<RunBytes<T>>, PartBytes<T>};
}

}  // namespace

extern const PoolKernel kPoolNeon;
const PoolKernel kPoolNeon = {
    "pool__neon",
    {PoolLanes<MaxF32>, PoolLanes<SumF64<float>>, PoolEachRun<MaxF32>, PoolEachRun<SumF64<float>>, PartF32},
    ByteOps<uint8_t>(),
    ByteOps<int8_t>(),
    PoolLanes<SumF64<double>>,
    PoolLanes<SumS32>,
    PartF64,
    PartS32,
    Scale,
    Requantize<VectorNeon>};

}  // namespace lowp
