// What capability 9.0 alone has, compiled for sm_90a: mbarriers, bulk copies, wgmma. A trap elsewhere, on later architectures
// too. Part of intrinsics.cuh.
//
// A stage of a pipeline: one thread does MBarrierExpect(full, bytes) and BulkLoad(..., full); the consumers MBarrierWait(full,
// phase), multiply, WgmmaWait, and each does MBarrierArrive(empty). Where shared memory that wgmma or a bulk copy reads was
// written by ordinary stores or cp.async, each writer does FenceProxyAsync before the barrier behind which it is read.
#ifndef LOWP_CUDA_DEVICE_HOPPER_CUH_
#define LOWP_CUDA_DEVICE_HOPPER_CUH_

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define LOWP_SM90A(...) asm volatile(__VA_ARGS__)
#else
#define LOWP_SM90A(...) __trap()
#endif

namespace lowp {

// Of the code being compiled; what the device has is in CudaDevice::capability.
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
inline constexpr bool kHasWgmma = true;
#else
inline constexpr bool kHasWgmma = false;
#endif

// --- mbarrier: 8 bytes of shared memory, on a boundary of 8.

// By one thread; then MBarrierInitFence by it and a __syncthreads. A phase ends at `arrivals` and when the bytes expected have
// come.
LOWP_DEVICE void MBarrierInit(uint64_t* barrier, uint32_t arrivals) {
  LOWP_SM90A("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(SharedAddress(barrier)), "r"(arrivals) : "memory");
}
// Makes initialized barriers visible to bulk copies.
LOWP_DEVICE void MBarrierInitFence() { LOWP_SM90A("fence.mbarrier_init.release.cluster;" ::: "memory"); }
// Arrives, and expects `bytes` of bulk copies in this phase.
LOWP_DEVICE void MBarrierExpect(uint64_t* barrier, uint32_t bytes) {
  LOWP_SM90A("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(SharedAddress(barrier)), "r"(bytes) : "memory");
}
LOWP_DEVICE void MBarrierArrive(uint64_t* barrier) {
  LOWP_SM90A("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(SharedAddress(barrier)) : "memory");
}
// One arrival, counted in MBarrierInit, when the thread's cp.async so far are complete. They are not yet visible to the async
// proxy.
LOWP_DEVICE void CpAsyncMBarrierArrive(uint64_t* barrier) {
  LOWP_SM90A("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(SharedAddress(barrier)) : "memory");
}
// Until the phase of this parity is over: 0 for the first, 1 for the second, 0 ... A fresh barrier counts as being past parity 1.
LOWP_DEVICE void MBarrierWait(uint64_t* barrier, uint32_t parity) {
  LOWP_SM90A(
      "{\n"
      ".reg .pred over;\n"
      "LOWP_WAIT:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 over, [%0], %1;\n"
      "@over bra LOWP_OVER;\n"
      "bra LOWP_WAIT;\n"
      "LOWP_OVER:\n"
      "}" ::"r"(SharedAddress(barrier)),
      "r"(parity)
      : "memory");
}

// --- Bulk copies, by one thread. Addresses and bytes are multiples of 16.

LOWP_DEVICE void BulkLoad(void* shared, const void* global, uint32_t bytes, uint64_t* barrier) {
  LOWP_SM90A(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(SharedAddress(shared)),
      "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(SharedAddress(barrier))
      : "memory");
}
// Makes the thread's earlier writes to shared memory visible to wgmma and bulk copies.
LOWP_DEVICE void FenceProxyAsync() { LOWP_SM90A("fence.proxy.async.shared::cta;" ::: "memory"); }

// --- Registers of a warpgroup, all of whose warps call it: 24 to 256, a multiple of 8. One needs __launch_bounds__.

template <int N>
LOWP_DEVICE void MoreRegisters() {
  LOWP_SM90A("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}
template <int N>
LOWP_DEVICE void FewerRegisters() {
  LOWP_SM90A("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}

// --- wgmma: d (+)= a b for a warpgroup. a is 64 x K, b is K x N, both in shared memory and K-major (each row of a, each column
// of b contiguous) in the layout of WgmmaOffset128, 32 bytes of K a time. D as WgmmaCellD.

// Of a tile as WgmmaOffset128 has it, on a boundary of 1024 bytes, of any number of rows; `+ 2 * i`: K from byte 32 i of 128 on.
LOWP_DEVICE uint64_t WgmmaDescriptor128(const void* shared) {
  return WgmmaDescriptorBits(SharedAddress(shared), 16, 1024, WgmmaSwizzle::k128);
}
// Before the first wgmma and whenever d was touched since the last.
LOWP_DEVICE void WgmmaFence() { LOWP_SM90A("wgmma.fence.sync.aligned;" ::: "memory"); }
LOWP_DEVICE void WgmmaCommit() { LOWP_SM90A("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Until at most the N latest groups are under way: before d is read and before the operands are overwritten.
template <int N>
LOWP_DEVICE void WgmmaWait() {
  LOWP_SM90A("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}
// Keeps the compiler from moving uses of d over a WgmmaFence or a WgmmaWait: call it beside each.
template <int N>
LOWP_DEVICE void WgmmaKeep(int (&d)[N]) {
#if defined(__CUDA_ARCH__)
  LOWP_UNROLL
  for (int i = 0; i < N; ++i) asm volatile("" : "+r"(d[i])::"memory");
#endif
}
template <int N>
LOWP_DEVICE void WgmmaKeep(float (&d)[N]) {
#if defined(__CUDA_ARCH__)
  LOWP_UNROLL
  for (int i = 0; i < N; ++i) asm volatile("" : "+f"(d[i])::"memory");
#endif
}

// The registers' numbers and operands, 4 (16, 64) at a time.
#define LOWP_D4(c, i) c(d[i]), c(d[(i) + 1]), c(d[(i) + 2]), c(d[(i) + 3])
#define LOWP_D16(c, i) LOWP_D4(c, i), LOWP_D4(c, (i) + 4), LOWP_D4(c, (i) + 8), LOWP_D4(c, (i) + 12)
#define LOWP_D64(c, i) LOWP_D16(c, i), LOWP_D16(c, (i) + 16), LOWP_D16(c, (i) + 32), LOWP_D16(c, (i) + 48)
#define LOWP_R4 "%0, %1, %2, %3"
#define LOWP_R8 LOWP_R4 ", %4, %5, %6, %7"
#define LOWP_R16 LOWP_R8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define LOWP_R32 LOWP_R16 ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define LOWP_R64                                                                                                     \
  LOWP_R32                                                                                                           \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, " \
  "%54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define LOWP_R128                                                                                                      \
  LOWP_R64                                                                                                             \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, "   \
  "%86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, "   \
  "%107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, " \
  "%126, %127"
#define LOWP_INT(x) "+r"(x)
#define LOWP_FLOAT(x) "+f"(x)

#define LOWP_WGMMA_N(n, regs, a, b, p, k, types, tail, operands)                                                          \
  LOWP_SM90A("{\n.reg .pred p;\nsetp.ne.b32 p, %" p ", 0;\nwgmma.mma_async.sync.aligned.m64n" n "k" k "." types " {" regs \
             "}, %" a ", %" b ", p" tail ";\n}"                                                                           \
             : operands                                                                                                   \
             : "l"(desc_a), "l"(desc_b), "r"(static_cast<int>(accumulate)))
#define LOWP_ALL4(c) LOWP_D4(c, 0)
#define LOWP_ALL8(c) LOWP_D4(c, 0), LOWP_D4(c, 4)
#define LOWP_ALL16(c) LOWP_D16(c, 0)
#define LOWP_ALL32(c) LOWP_D16(c, 0), LOWP_D16(c, 16)
#define LOWP_ALL64(c) LOWP_D64(c, 0)
#define LOWP_ALL128(c) LOWP_D64(c, 0), LOWP_D64(c, 64)

// N is 8, 16, 32, 64, 128 or 256; without `accumulate` d = a b.
#define LOWP_WGMMA(name, type, c, k, types, tail)                                                         \
  template <int N>                                                                                        \
  LOWP_DEVICE void name(type(&d)[N / 2], uint64_t desc_a, uint64_t desc_b, bool accumulate = true) {      \
    static_assert(N == 8 || N == 16 || N == 32 || N == 64 || N == 128 || N == 256, "no such wgmma here"); \
    if constexpr (N == 8) {                                                                               \
      LOWP_WGMMA_N("8", LOWP_R4, "4", "5", "6", k, types, tail, LOWP_ALL4(c));                            \
    } else if constexpr (N == 16) {                                                                       \
      LOWP_WGMMA_N("16", LOWP_R8, "8", "9", "10", k, types, tail, LOWP_ALL8(c));                          \
    } else if constexpr (N == 32) {                                                                       \
      LOWP_WGMMA_N("32", LOWP_R16, "16", "17", "18", k, types, tail, LOWP_ALL16(c));                      \
    } else if constexpr (N == 64) {                                                                       \
      LOWP_WGMMA_N("64", LOWP_R32, "32", "33", "34", k, types, tail, LOWP_ALL32(c));                      \
    } else if constexpr (N == 128) {                                                                      \
      LOWP_WGMMA_N("128", LOWP_R64, "64", "65", "66", k, types, tail, LOWP_ALL64(c));                     \
    } else {                                                                                              \
      LOWP_WGMMA_N("256", LOWP_R128, "128", "129", "130", k, types, tail, LOWP_ALL128(c));                \
    }                                                                                                     \
  }

// K = 32 of bytes; the first type is a's. Sums wrap.
LOWP_WGMMA(WgmmaS8, int, LOWP_INT, "32", "s32.s8.s8", "")
LOWP_WGMMA(WgmmaU8S8, int, LOWP_INT, "32", "s32.u8.s8", "")
LOWP_WGMMA(WgmmaS8U8, int, LOWP_INT, "32", "s32.s8.u8", "")
LOWP_WGMMA(WgmmaU8U8, int, LOWP_INT, "32", "s32.u8.u8", "")
// K = 16 of 16-bit floats, K = 8 of tf32 (of which the lowest 13 bits are ignored); float32 sums, of which the hardware's
// rounding is not that of IEEE 754.
LOWP_WGMMA(WgmmaBf16, float, LOWP_FLOAT, "16", "f32.bf16.bf16", ", 1, 1, 0, 0")
LOWP_WGMMA(WgmmaF16, float, LOWP_FLOAT, "16", "f32.f16.f16", ", 1, 1, 0, 0")
LOWP_WGMMA(WgmmaTf32, float, LOWP_FLOAT, "8", "f32.tf32.tf32", ", 1, 1")

#undef LOWP_WGMMA
#undef LOWP_WGMMA_N

}  // namespace lowp

#endif  // LOWP_CUDA_DEVICE_HOPPER_CUH_
