#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/sgemm/sgemm_kernel.h"
#include "kernels/sgemm/sgemm_storage.h"

namespace lowp {
namespace {

constexpr size_t kMr = 4, kNr = 8;

struct Float32 {
  using Element = float;
  static float Load(const float* p) { return *p; }
};

struct Bfloat16 {
  using Element = uint16_t;
  static float Load(const uint16_t* p) { return WidenBfloat16(*p); }
};

struct Float16 {
  using Element = uint16_t;
  static float Load(const uint16_t* p) { return WidenFloat16(*p); }
};

template <class B, size_t kRows, size_t kPanels>
void Ukernel(size_t k, const float* a, const void* packed, size_t b_stride, float* acc, size_t acc_stride, bool accumulate) {
  for (size_t panel = 0; panel < kPanels; ++panel, acc += acc_stride) {
    auto* b = static_cast<const typename B::Element*>(packed) + panel * b_stride;
    float sum[kRows][kNr] = {};
    for (size_t i = 0; i < k; ++i, b += kNr) {
      for (size_t row = 0; row < kRows; ++row) {
        for (size_t col = 0; col < kNr; ++col) sum[row][col] += a[row * kSGemmRowStride + i] * B::Load(b + col);
      }
    }
    for (size_t row = 0; row < kRows; ++row) {
      for (size_t col = 0; col < kNr; ++col) acc[row * kNr + col] = sum[row][col] + (accumulate ? acc[row * kNr + col] : 0.0f);
    }
  }
}

template <class B>
void Widen(const uint16_t* from, size_t count, float* to) {
  for (size_t i = 0; i < count; ++i) to[i] = B::Load(from + i);
}

template <class B>
constexpr SGemmUkernelFn kTile[kMr] = {Ukernel<B, 1, 1>, Ukernel<B, 2, 1>, Ukernel<B, 3, 1>, Ukernel<B, 4, 1>};
template <class B>
constexpr SGemmUkernelFn kWide[kSGemmWideRows] = {Ukernel<B, 1, kSGemmWidePanels[0]>, Ukernel<B, 2, kSGemmWidePanels[1]>};

}  // namespace

extern const SGemmKernel kSGemmScalar;
const SGemmKernel kSGemmScalar = {"sgemm_f32_4x8__scalar",
                                  kMr,
                                  kNr,
                                  false,
                                  {{kTile<Float32>, kWide<Float32>, nullptr},
                                   {kTile<Bfloat16>, kWide<Bfloat16>, Widen<Bfloat16>},
                                   {kTile<Float16>, kWide<Float16>, Widen<Float16>}},
                                  StoreFloatTile<VectorScalar, kNr>};

}  // namespace lowp
