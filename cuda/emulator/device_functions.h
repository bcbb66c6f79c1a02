// What CUDA declares for kernels, in its names.
#ifndef LOWP_CUDA_EMULATOR_DEVICE_FUNCTIONS_H_
#define LOWP_CUDA_EMULATOR_DEVICE_FUNCTIONS_H_

#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda/emulator/vector_types.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

namespace lowp {
namespace emulator {

// What a kernel sees of the thread that it is.
struct View {
  uint3 thread, block, block_shape, grid_shape;
};
extern __thread const View* current_view __attribute__((tls_model("initial-exec")));

enum class ShuffleKind { kIndex, kUp, kDown, kXor };

void SyncThreads();
unsigned int SyncThreadsCount(bool predicate);
unsigned int BlockThreads();
void SyncWarp(unsigned int mask);
uint64_t Shuffle(ShuffleKind kind, unsigned int mask, uint64_t value, int lane, int width);
unsigned int Ballot(unsigned int mask, bool predicate);
[[noreturn]] void Trap();

template <class To, class From>
inline To Bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

template <class T>
inline T ShuffleOf(ShuffleKind kind, unsigned int mask, T value, int lane, int width) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "the types that CUDA shuffles");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(value));
  bits = Shuffle(kind, mask, bits, lane, width);
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// As the hardware converts: NaN is 0, and what does not fit is the nearest that does.
template <class To, class From>
inline To Saturate(From rounded, From least, From beyond) {
  if (rounded != rounded) return 0;
  if (rounded < least) return static_cast<To>(least);
  if (rounded >= beyond) return static_cast<To>(~uint64_t{0} >> (64 - 8 * sizeof(To) + (least < 0 ? 1 : 0)));
  return static_cast<To>(rounded);
}

}  // namespace emulator
}  // namespace lowp

#define threadIdx (::lowp::emulator::current_view->thread)
#define blockIdx (::lowp::emulator::current_view->block)
#define blockDim (::lowp::emulator::current_view->block_shape)
#define gridDim (::lowp::emulator::current_view->grid_shape)
constexpr int warpSize = 32;

inline void __syncthreads() { ::lowp::emulator::SyncThreads(); }
inline int __syncthreads_count(int predicate) { return static_cast<int>(::lowp::emulator::SyncThreadsCount(predicate != 0)); }
inline int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
inline int __syncthreads_and(int predicate) {
  return ::lowp::emulator::SyncThreadsCount(predicate != 0) == ::lowp::emulator::BlockThreads();
}
inline void __syncwarp(unsigned int mask = 0xffffffffu) { ::lowp::emulator::SyncWarp(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}
[[noreturn]] inline void __trap() { ::lowp::emulator::Trap(); }

template <class T>
inline T __shfl_sync(unsigned int mask, T value, int lane, int width = warpSize) {
  return ::lowp::emulator::ShuffleOf(::lowp::emulator::ShuffleKind::kIndex, mask, value, lane, width);
}
template <class T>
inline T __shfl_up_sync(unsigned int mask, T value, unsigned int delta, int width = warpSize) {
  return ::lowp::emulator::ShuffleOf(::lowp::emulator::ShuffleKind::kUp, mask, value, static_cast<int>(delta), width);
}
template <class T>
inline T __shfl_down_sync(unsigned int mask, T value, unsigned int delta, int width = warpSize) {
  return ::lowp::emulator::ShuffleOf(::lowp::emulator::ShuffleKind::kDown, mask, value, static_cast<int>(delta), width);
}
template <class T>
inline T __shfl_xor_sync(unsigned int mask, T value, int lane_mask, int width = warpSize) {
  return ::lowp::emulator::ShuffleOf(::lowp::emulator::ShuffleKind::kXor, mask, value, lane_mask, width);
}
inline unsigned int __ballot_sync(unsigned int mask, int predicate) { return ::lowp::emulator::Ballot(mask, predicate != 0); }
inline int __any_sync(unsigned int mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned int mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

inline int __popc(unsigned int x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned int>(x)); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x)); }
inline unsigned int __byte_perm(unsigned int x, unsigned int y, unsigned int selector) {
  const uint64_t bytes = static_cast<uint64_t>(y) << 32 | x;
  unsigned int result = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned int nibble = selector >> 4 * i;
    unsigned int byte = static_cast<unsigned int>(bytes >> 8 * (nibble & 7)) & 0xffu;
    if ((nibble & 8) != 0) byte = (byte & 0x80u) != 0 ? 0xffu : 0;  // its sign
    result |= byte << 8 * i;
  }
  return result;
}
inline unsigned int __funnelshift_l(unsigned int low, unsigned int high, unsigned int shift) {
  return static_cast<unsigned int>((static_cast<uint64_t>(high) << 32 | low) << (shift & 31) >> 32);
}
inline unsigned int __funnelshift_r(unsigned int low, unsigned int high, unsigned int shift) {
  return static_cast<unsigned int>((static_cast<uint64_t>(high) << 32 | low) >> (shift & 31));
}
inline int __mulhi(int x, int y) { return static_cast<int>(static_cast<int64_t>(x) * y >> 32); }
inline unsigned int __umulhi(unsigned int x, unsigned int y) {
  return static_cast<unsigned int>(static_cast<uint64_t>(x) * y >> 32);
}

template <class T>
inline T __ldg(const T* memory) {
  return *memory;
}
template <class T>
inline T __ldcs(const T* memory) {
  return *memory;
}
template <class T>
inline T __ldcg(const T* memory) {
  return *memory;
}
template <class T>
inline void __stcs(T* memory, T value) {
  *memory = value;
}
template <class T>
inline void __stcg(T* memory, T value) {
  *memory = value;
}

inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dsub_rn(double x, double y) { return x - y; }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline double __fma_rn(double x, double y, double z) { return std::fma(x, y, z); }
inline double __dsqrt_rn(double x) { return std::sqrt(x); }

inline int __float2int_rn(float x) { return ::lowp::emulator::Saturate<int>(std::nearbyint(x), -0x1p31f, 0x1p31f); }
inline int __float2int_rz(float x) { return ::lowp::emulator::Saturate<int>(std::trunc(x), -0x1p31f, 0x1p31f); }
inline int __float2int_rd(float x) { return ::lowp::emulator::Saturate<int>(std::floor(x), -0x1p31f, 0x1p31f); }
inline int __float2int_ru(float x) { return ::lowp::emulator::Saturate<int>(std::ceil(x), -0x1p31f, 0x1p31f); }
inline unsigned int __float2uint_rn(float x) {
  return ::lowp::emulator::Saturate<unsigned int>(std::nearbyint(x), 0.0f, 0x1p32f);
}
inline unsigned int __float2uint_rz(float x) { return ::lowp::emulator::Saturate<unsigned int>(std::trunc(x), 0.0f, 0x1p32f); }
inline long long __float2ll_rn(float x) { return ::lowp::emulator::Saturate<long long>(std::nearbyint(x), -0x1p63f, 0x1p63f); }
inline int __double2int_rn(double x) { return ::lowp::emulator::Saturate<int>(std::nearbyint(x), -0x1p31, 0x1p31); }
inline int __double2int_rz(double x) { return ::lowp::emulator::Saturate<int>(std::trunc(x), -0x1p31, 0x1p31); }
inline long long __double2ll_rn(double x) { return ::lowp::emulator::Saturate<long long>(std::nearbyint(x), -0x1p63, 0x1p63); }
inline float __double2float_rn(double x) { return static_cast<float>(x); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned int x) { return static_cast<float>(x); }
inline float __ll2float_rn(long long x) { return static_cast<float>(x); }
inline double __int2double_rn(int x) { return x; }
inline double __ll2double_rn(long long x) { return static_cast<double>(x); }
inline unsigned int __float_as_uint(float x) { return ::lowp::emulator::Bits<unsigned int>(x); }
inline int __float_as_int(float x) { return ::lowp::emulator::Bits<int>(x); }
inline float __uint_as_float(unsigned int x) { return ::lowp::emulator::Bits<float>(x); }
inline float __int_as_float(int x) { return ::lowp::emulator::Bits<float>(x); }
inline long long __double_as_longlong(double x) { return ::lowp::emulator::Bits<long long>(x); }
inline double __longlong_as_double(long long x) { return ::lowp::emulator::Bits<double>(x); }

// The value before.
#define LOWP_ATOMICS(type)                                                                                                      \
  inline type atomicAdd(type* memory, type value) { return __atomic_fetch_add(memory, value, __ATOMIC_RELAXED); }               \
  inline type atomicExch(type* memory, type value) { return __atomic_exchange_n(memory, value, __ATOMIC_RELAXED); }             \
  inline type atomicCAS(type* memory, type expected, type value) {                                                              \
    __atomic_compare_exchange_n(memory, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);                           \
    return expected;                                                                                                            \
  }                                                                                                                             \
  inline type atomicMax(type* memory, type value) {                                                                             \
    type before = __atomic_load_n(memory, __ATOMIC_RELAXED);                                                                    \
    while (before < value && !__atomic_compare_exchange_n(memory, &before, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) { \
    }                                                                                                                           \
    return before;                                                                                                              \
  }                                                                                                                             \
  inline type atomicMin(type* memory, type value) {                                                                             \
    type before = __atomic_load_n(memory, __ATOMIC_RELAXED);                                                                    \
    while (value < before && !__atomic_compare_exchange_n(memory, &before, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) { \
    }                                                                                                                           \
    return before;                                                                                                              \
  }                                                                                                                             \
  inline type atomicOr(type* memory, type value) { return __atomic_fetch_or(memory, value, __ATOMIC_RELAXED); }                 \
  inline type atomicAnd(type* memory, type value) { return __atomic_fetch_and(memory, value, __ATOMIC_RELAXED); }
LOWP_ATOMICS(int)
LOWP_ATOMICS(unsigned int)
LOWP_ATOMICS(unsigned long long)
#undef LOWP_ATOMICS

#define LOWP_MIN_MAX(type)                                  \
  inline type min(type x, type y) { return y < x ? y : x; } \
  inline type max(type x, type y) { return x < y ? y : x; }
LOWP_MIN_MAX(int)
LOWP_MIN_MAX(unsigned int)
LOWP_MIN_MAX(long)
LOWP_MIN_MAX(unsigned long)
LOWP_MIN_MAX(long long)
LOWP_MIN_MAX(unsigned long long)
#undef LOWP_MIN_MAX
// Of a NaN and a number the number.
inline float min(float x, float y) { return std::fmin(x, y); }
inline float max(float x, float y) { return std::fmax(x, y); }
inline double min(double x, double y) { return std::fmin(x, y); }
inline double max(double x, double y) { return std::fmax(x, y); }

#endif  // LOWP_CUDA_EMULATOR_DEVICE_FUNCTIONS_H_
