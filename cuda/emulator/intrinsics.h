// The emulator's side of cuda/device/intrinsics.cuh, which describes each function.
#ifndef LOWP_CUDA_EMULATOR_INTRINSICS_H_
#define LOWP_CUDA_EMULATOR_INTRINSICS_H_

#include <cstddef>
#include <cstdint>

#include "cuda/device/fragments.h"
#include "cuda/emulator/device_functions.h"
#include "kernels/sgemm/sgemm_storage.h"

#define LOWP_DEVICE inline
#define LOWP_KERNEL void
#define LOWP_UNROLL
#define LOWP_NO_UNROLL

namespace lowp {
namespace emulator {

// Elements of a matrix operand: two of them name a product.
enum class Element { kS8, kU8, kBf16, kF16, kTf32 };

void Mma8(Element a_type, Element b_type, int* d, const uint32_t* a, const uint32_t* b);
void MmaSparse8(Element b_type, int* d, const uint32_t* a, const uint32_t* b, uint32_t metadata);
void MmaFloat(Element type, float* d, const uint32_t* a, const uint32_t* b);
void LoadMatrix(uint32_t* d, const void* row, int count, bool transposed);
void StartCopy(void* shared, const void* global, uint32_t bytes, bool valid, const char* name);
void WaitForGroups(size_t left);
uint32_t RoundToTf32(float x);
void Wgmma(Element a_type, Element b_type, int n, uint32_t* d, uint64_t desc_a, uint64_t desc_b, bool accumulate);
void WaitForWgmma(size_t left);
void SetRegisters(int count);

}  // namespace emulator

uint8_t* DynamicShared();
uint32_t SharedAddress(const void* shared);

inline void MmaS8(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::Mma8(emulator::Element::kS8, emulator::Element::kS8, d, a, b);
}
inline void MmaU8S8(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::Mma8(emulator::Element::kU8, emulator::Element::kS8, d, a, b);
}
inline void MmaS8U8(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::Mma8(emulator::Element::kS8, emulator::Element::kU8, d, a, b);
}
inline void MmaU8U8(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::Mma8(emulator::Element::kU8, emulator::Element::kU8, d, a, b);
}
inline void MmaSparseS8(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[4], uint32_t metadata) {
  emulator::MmaSparse8(emulator::Element::kS8, d, a, b, metadata);
}
inline void MmaSparseS8U8(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[4], uint32_t metadata) {
  emulator::MmaSparse8(emulator::Element::kU8, d, a, b, metadata);
}
inline void MmaBf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::MmaFloat(emulator::Element::kBf16, d, a, b);
}
inline void MmaF16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::MmaFloat(emulator::Element::kF16, d, a, b);
}
inline void MmaTf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::MmaFloat(emulator::Element::kTf32, d, a, b);
}
inline uint32_t FloatToTf32(float x) { return emulator::RoundToTf32(x); }

inline void LdMatrix4(uint32_t (&d)[4], const void* row) { emulator::LoadMatrix(d, row, 4, false); }
inline void LdMatrix4Trans(uint32_t (&d)[4], const void* row) { emulator::LoadMatrix(d, row, 4, true); }
inline void LdMatrix2(uint32_t (&d)[2], const void* row) { emulator::LoadMatrix(d, row, 2, false); }
inline void LdMatrix2Trans(uint32_t (&d)[2], const void* row) { emulator::LoadMatrix(d, row, 2, true); }

inline void CpAsync16(void* shared, const void* global, bool valid) {
  emulator::StartCopy(shared, global, 16, valid, "CpAsync16");
}
inline void CpAsync4(void* shared, const void* global, bool valid) { emulator::StartCopy(shared, global, 4, valid, "CpAsync4"); }
void CpAsyncCommit();
template <int N>
inline void CpAsyncWait() {
  static_assert(N >= 0, "groups");
  emulator::WaitForGroups(N);
}

namespace emulator {

template <class A, class B>
inline int Dp4a(uint32_t a, uint32_t b, int c) {
  uint32_t sum = static_cast<uint32_t>(c);
  for (int i = 0; i < 32; i += 8) sum += static_cast<uint32_t>(static_cast<A>(a >> i) * static_cast<B>(b >> i));
  return static_cast<int>(sum);
}

}  // namespace emulator

inline int Dp4aS8S8(uint32_t a, uint32_t b, int c) { return emulator::Dp4a<int8_t, int8_t>(a, b, c); }
inline int Dp4aU8S8(uint32_t a, uint32_t b, int c) { return emulator::Dp4a<uint8_t, int8_t>(a, b, c); }
inline int Dp4aS8U8(uint32_t a, uint32_t b, int c) { return emulator::Dp4a<int8_t, uint8_t>(a, b, c); }
inline int Dp4aU8U8(uint32_t a, uint32_t b, int c) { return emulator::Dp4a<uint8_t, uint8_t>(a, b, c); }

void NamedBarrierSync(int barrier, int threads);
void NamedBarrierArrive(int barrier, int threads);

inline float Bf16ToFloat(uint16_t x) { return WidenBfloat16(x); }
inline uint16_t FloatToBf16(float x) { return RoundToBfloat16(x); }
inline float HalfToFloat(uint16_t x) { return WidenFloat16(x); }
inline float HalfToFloatAnyNan(uint16_t x) { return (x & 0x7fffu) > 0x7c00u ? FloatFromBits(0x7fffffffu) : WidenFloat16(x); }
inline uint16_t FloatToHalf(float x) { return RoundToFloat16(x); }

// --- Capability 9.0.

inline constexpr bool kHasWgmma = true;

void MBarrierInit(uint64_t* barrier, uint32_t arrivals);
void MBarrierInitFence();
void MBarrierExpect(uint64_t* barrier, uint32_t bytes);
void MBarrierArrive(uint64_t* barrier);
void CpAsyncMBarrierArrive(uint64_t* barrier);
void MBarrierWait(uint64_t* barrier, uint32_t parity);
void BulkLoad(void* shared, const void* global, uint32_t bytes, uint64_t* barrier);
void FenceProxyAsync();

template <int N>
inline void MoreRegisters() {
  static_assert(N >= 24 && N <= 256 && N % 8 == 0, "registers");
  emulator::SetRegisters(N);
}
template <int N>
inline void FewerRegisters() {
  static_assert(N >= 24 && N <= 256 && N % 8 == 0, "registers");
  emulator::SetRegisters(N);
}

inline uint64_t WgmmaDescriptor128(const void* shared) {
  return WgmmaDescriptorBits(SharedAddress(shared), 16, 1024, WgmmaSwizzle::k128);
}
void WgmmaFence();
void WgmmaCommit();
template <int N>
inline void WgmmaWait() {
  static_assert(N >= 0, "groups");
  emulator::WaitForWgmma(N);
}
template <class T, int N>
inline void WgmmaKeep(T (&)[N]) {}

#define LOWP_WGMMA(name, type, a_type, b_type)                                                                               \
  template <int N>                                                                                                           \
  inline void name(type(&d)[N / 2], uint64_t desc_a, uint64_t desc_b, bool accumulate = true) {                              \
    static_assert(N == 8 || N == 16 || N == 32 || N == 64 || N == 128 || N == 256, "no such wgmma here");                    \
    emulator::Wgmma(emulator::Element::a_type, emulator::Element::b_type, N, reinterpret_cast<uint32_t*>(d), desc_a, desc_b, \
                    accumulate);                                                                                             \
  }
LOWP_WGMMA(WgmmaS8, int, kS8, kS8)
LOWP_WGMMA(WgmmaU8S8, int, kU8, kS8)
LOWP_WGMMA(WgmmaS8U8, int, kS8, kU8)
LOWP_WGMMA(WgmmaU8U8, int, kU8, kU8)
LOWP_WGMMA(WgmmaBf16, float, kBf16, kBf16)
LOWP_WGMMA(WgmmaF16, float, kF16, kF16)
LOWP_WGMMA(WgmmaTf32, float, kTf32, kTf32)
#undef LOWP_WGMMA

}  // namespace lowp

#endif  // LOWP_CUDA_EMULATOR_INTRINSICS_H_
