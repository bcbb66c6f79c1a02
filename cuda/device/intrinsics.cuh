// Everything in a kernel that is inline PTX or not plain C++, and its emulated counterpart. cuda/device/fragments.h tells which
// element is in which register; a wrapper names the function there.
//
// An instruction that an architecture lacks is a trap there: a launcher chooses kernels by the device's capability. Warp-level
// calls (Mma*, LdMatrix*, shuffles, ...) must be reached by all 32 lanes, wgmma's by all 128 threads of a warpgroup, and pointers
// called `shared` or `row` point into DynamicShared().
#ifndef LOWP_CUDA_DEVICE_INTRINSICS_CUH_
#define LOWP_CUDA_DEVICE_INTRINSICS_CUH_

#include <stdint.h>

#include "cuda/device/fragments.h"

#ifdef LOWP_CUDA_EMULATOR
#include "cuda/emulator/intrinsics.h"
#else

#define LOWP_DEVICE __device__ __forceinline__
#define LOWP_KERNEL __global__ void
// Before a loop. g++ warns of `#pragma unroll`.
#define LOWP_UNROLL _Pragma("unroll")
#define LOWP_NO_UNROLL _Pragma("unroll 1")

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define LOWP_SM80(...) asm volatile(__VA_ARGS__)
#else
#define LOWP_SM80(...) __trap()
#endif

namespace lowp {

// On a boundary of 1024 bytes.
LOWP_DEVICE uint8_t* DynamicShared() {
  extern __shared__ __align__(1024) uint8_t lowp_dynamic_shared[];
  return lowp_dynamic_shared;
}

// An address in the window of shared memory, as instructions and descriptors take it.
LOWP_DEVICE uint32_t SharedAddress(const void* shared) { return static_cast<uint32_t>(__cvta_generic_to_shared(shared)); }

// --- mma.sync, capability >= 80: d += a b. D as MmaCellD.

// m16n8k32; A as MmaCellA8, B as MmaCellB8. The first type is A's. Sums wrap.
#define LOWP_MMA_8(name, types)                                                      \
  LOWP_DEVICE void name(int(&d)[4], const uint32_t(&a)[4], const uint32_t(&b)[2]) {  \
    LOWP_SM80("mma.sync.aligned.m16n8k32.row.col.s32." types                         \
              ".s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
              : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                       \
              : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));   \
  }
LOWP_MMA_8(MmaS8, "s8.s8")
LOWP_MMA_8(MmaU8S8, "u8.s8")
LOWP_MMA_8(MmaS8U8, "s8.u8")
LOWP_MMA_8(MmaU8U8, "u8.u8")
#undef LOWP_MMA_8

// m16n8k64 of a sparse A, two of four columns stored: A as MmaCellA8 of the stored columns, B (b[0..3]) as MmaCellB8, metadata as
// MmaCellMetadata.
#define LOWP_MMA_SPARSE_8(name, types)                                                                                  \
  LOWP_DEVICE void name(int(&d)[4], const uint32_t(&a)[4], const uint32_t(&b)[4], uint32_t metadata) {                  \
    LOWP_SM80("mma.sp::ordered_metadata.sync.aligned.m16n8k64.row.col.s32." types                                       \
              ".s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9, %10, %11}, {%0, %1, %2, %3}, %12, 0x0;"                \
              : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                                                          \
              : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(metadata)); \
  }
LOWP_MMA_SPARSE_8(MmaSparseS8, "s8.s8")
LOWP_MMA_SPARSE_8(MmaSparseS8U8, "s8.u8")
#undef LOWP_MMA_SPARSE_8

// m16n8k16 of 16-bit floats, float32 sums; A as MmaCellA16, B as MmaCellB16. Products are exact; the hardware may round sums
// other than to nearest and add several at once.
#define LOWP_MMA_FLOAT(name, types)                                                                            \
  LOWP_DEVICE void name(float(&d)[4], const uint32_t(&a)[4], const uint32_t(&b)[2]) {                          \
    LOWP_SM80("mma.sync.aligned." types ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
              : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                 \
              : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                             \
  }
LOWP_MMA_FLOAT(MmaBf16, "m16n8k16.row.col.f32.bf16.bf16")
LOWP_MMA_FLOAT(MmaF16, "m16n8k16.row.col.f32.f16.f16")
// m16n8k8; A as MmaCellATf32, B as MmaCellBTf32. Of each operand's float32 the lowest 13 bits are ignored: see FloatToTf32.
LOWP_MMA_FLOAT(MmaTf32, "m16n8k8.row.col.f32.tf32.tf32")
#undef LOWP_MMA_FLOAT

// To the nearest with 10 bits of mantissa, ties away from zero; the others are zero. Capability >= 80.
LOWP_DEVICE uint32_t FloatToTf32(float x) {
  uint32_t rounded = 0;
  LOWP_SM80("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
  return rounded;
}

// --- ldmatrix, capability >= 75: lane's `row` is 16 bytes on a boundary of 16. See LdMatrixCell.

#if defined(__CUDA_ARCH__)
#define LOWP_PTX(...) asm volatile(__VA_ARGS__)
// Depends on its operands alone, and so may be moved.
#define LOWP_PTX_VALUE(...) asm(__VA_ARGS__)
#else
#define LOWP_PTX(...) __trap()
#define LOWP_PTX_VALUE(...) __trap()
#endif

LOWP_DEVICE void LdMatrix4(uint32_t (&d)[4], const void* row) {
  LOWP_PTX("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
           : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
           : "r"(SharedAddress(row))
           : "memory");
}
LOWP_DEVICE void LdMatrix4Trans(uint32_t (&d)[4], const void* row) {
  LOWP_PTX("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
           : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
           : "r"(SharedAddress(row))
           : "memory");
}
// Lanes 0 to 15 give the rows; the others' are ignored, though they have to be addresses.
LOWP_DEVICE void LdMatrix2(uint32_t (&d)[2], const void* row) {
  LOWP_PTX("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
           : "=r"(d[0]), "=r"(d[1])
           : "r"(SharedAddress(row))
           : "memory");
}
LOWP_DEVICE void LdMatrix2Trans(uint32_t (&d)[2], const void* row) {
  LOWP_PTX("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
           : "=r"(d[0]), "=r"(d[1])
           : "r"(SharedAddress(row))
           : "memory");
}

// --- cp.async: a thread's own copies from global to shared memory, complete after CpAsyncWait and visible to others after a
// barrier behind it.

// 16 bytes on boundaries of 16; zeros, and nothing is read, where not valid. Below 80 a plain copy, at once.
LOWP_DEVICE void CpAsync16(void* shared, const void* global, bool valid) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(SharedAddress(shared)),
               "l"(__cvta_generic_to_global(global)), "r"(valid ? 16 : 0)
               : "memory");
#else
  *static_cast<uint4*>(shared) = valid ? *static_cast<const uint4*>(global) : make_uint4(0, 0, 0, 0);
#endif
}
// 4 bytes on boundaries of 4, likewise.
LOWP_DEVICE void CpAsync4(void* shared, const void* global, bool valid) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(SharedAddress(shared)), "l"(__cvta_generic_to_global(global)),
               "r"(valid ? 4 : 0)
               : "memory");
#else
  *static_cast<uint32_t*>(shared) = valid ? *static_cast<const uint32_t*>(global) : 0u;
#endif
}
// Closes a group of the thread's copies since the last one.
LOWP_DEVICE void CpAsyncCommit() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
// Until at most the N latest groups are under way.
template <int N>
LOWP_DEVICE void CpAsyncWait() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

// --- c + the sum of four products of bytes; wraps. The first type is a's.

LOWP_DEVICE int Dp4aS8S8(uint32_t a, uint32_t b, int c) { return __dp4a(static_cast<int>(a), static_cast<int>(b), c); }
LOWP_DEVICE int Dp4aU8S8(uint32_t a, uint32_t b, int c) {
  int d = 0;
  LOWP_PTX("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
LOWP_DEVICE int Dp4aS8U8(uint32_t a, uint32_t b, int c) { return Dp4aU8S8(b, a, c); }
LOWP_DEVICE int Dp4aU8U8(uint32_t a, uint32_t b, int c) { return static_cast<int>(__dp4a(a, b, static_cast<unsigned>(c))); }

// --- bar.sync of some of a block's warps: `barrier` 1 to 15 (0 is __syncthreads), `threads` a multiple of 32.

LOWP_DEVICE void NamedBarrierSync(int barrier, int threads) {
  LOWP_PTX("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
// Counts towards it and goes on.
LOWP_DEVICE void NamedBarrierArrive(int barrier, int threads) {
  LOWP_PTX("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

// --- 16-bit floats, as native/kernels/sgemm/sgemm_storage.h: to nearest even; a NaN keeps its sign and highest bits and is
// quiet.

LOWP_DEVICE float Bf16ToFloat(uint16_t x) { return __uint_as_float(static_cast<uint32_t>(x) << 16); }
LOWP_DEVICE uint16_t FloatToBf16(float x) {
  const uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x0040u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
// One instruction; which NaN a NaN becomes is unspecified.
LOWP_DEVICE float HalfToFloatAnyNan(uint16_t x) {
  float wide = 0;
  LOWP_PTX_VALUE("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x));
  return wide;
}
// The instructions give every NaN one form: hence the choice, which is no branch.
LOWP_DEVICE float HalfToFloat(uint16_t x) {
  const float wide = HalfToFloatAnyNan(x), nan = __uint_as_float((x & 0x8000u) << 16 | 0x7fc00000u | (x & 0x03ffu) << 13);
  return (x & 0x7fffu) > 0x7c00u ? nan : wide;
}
LOWP_DEVICE uint16_t FloatToHalf(float x) {
  const uint32_t bits = __float_as_uint(x), nan = (bits >> 16 & 0x8000u) | 0x7e00u | (bits >> 13 & 0x01ffu);
  uint16_t narrow = 0;
  LOWP_PTX_VALUE("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow) : "f"(x));
  return (bits & 0x7fffffffu) > 0x7f800000u ? static_cast<uint16_t>(nan) : narrow;
}

}  // namespace lowp

#include "cuda/device/hopper.cuh"

#endif  // LOWP_CUDA_EMULATOR

#endif  // LOWP_CUDA_DEVICE_INTRINSICS_CUH_
