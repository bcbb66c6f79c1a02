// Portable C++. Also what a machine without AVX2 or NEON dot product runs: loops along NR for auto-vectorization by the base ISA.
#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/nbits/nbits_finish.h"
#include "kernels/nbits/nbits_quantize_scalar.h"

namespace lowp {
namespace {

constexpr size_t kMr = 4, kNr = 8, kKr = 1;
constexpr size_t kStride = NBitsRowStride(1), kGroupsAt = NBitsRowGroupsAt(1);

struct GroupVectorScalar : VectorScalar {
  static I LoadI16(const int16_t* p) { return *p; }
};

template <size_t kRows, int kBits>
void Ukernel(const NBitsTile& tile) {
  const uint8_t* scales = tile.scale;
  GroupConstants constants{nullptr, tile.zero};
  for (size_t g = 0; g < tile.groups; ++g, scales += tile.scale_stride) {
    constants.scale = reinterpret_cast<const float*>(scales);
    for (size_t row = 0; row < kRows; ++row) {
      const char* start = static_cast<const char*>(tile.a) + row * kStride;
      const int8_t* a = reinterpret_cast<const int8_t*>(start) + g * tile.group;
      const NBitsRowGroup& meta = reinterpret_cast<const NBitsRowGroup*>(start + kGroupsAt)[g];
      const uint8_t* b = tile.b + g * tile.b_stride;
      int32_t sum[kNr];
      for (size_t col = 0; col < kNr; ++col) sum[col] = tile.zero == nullptr ? meta.correction : 0;
      if (kBits == 4) {
        for (size_t k = 0; k < tile.group; k += 2, b += kNr) {
          for (size_t col = 0; col < kNr; ++col) sum[col] += a[k] * (b[col] & 15) + a[k + 1] * (b[col] >> 4);
        }
      } else {
        for (size_t k = 0; k < tile.group; ++k, b += kNr) {
          for (size_t col = 0; col < kNr; ++col) sum[col] += a[k] * b[col];
        }
      }
      float* acc = tile.acc + row * kNr;
      for (size_t col = 0; col < kNr; ++col) {
        acc[col] += tile.zero == nullptr ? Scaled<GroupVectorScalar, false>(sum[col], meta, constants, col)
                                         : Scaled<GroupVectorScalar, true>(sum[col], meta, constants, col);
      }
    }
    if (constants.zero != nullptr) constants.zero += kNr;
  }
}

void QuantizeA(size_t k, size_t group, const float* x, int32_t factor, void* row) {
  int8_t* to = static_cast<int8_t*>(row);
  NBitsRowGroup* groups = reinterpret_cast<NBitsRowGroup*>(static_cast<char*>(row) + kGroupsAt);
  for (size_t k0 = 0; k0 < k; k0 += group, ++groups) {
    *groups = QuantizeGroupScalar(x + k0, k - k0 < group ? k - k0 : group, group, to + k0);
    groups->correction *= factor;
  }
}

constexpr NBitsUkernelFn kUkernels4[kMr] = {Ukernel<1, 4>, Ukernel<2, 4>, Ukernel<3, 4>, Ukernel<4, 4>};
constexpr NBitsUkernelFn kUkernels8[kMr] = {Ukernel<1, 8>, Ukernel<2, 8>, Ukernel<3, 8>, Ukernel<4, 8>};

}  // namespace

extern const NBitsKernel kNBitsScalar;
const NBitsKernel kNBitsScalar = {"nbits_4x8c1__scalar",
                                  kMr,
                                  kNr,
                                  {kKr, 1, 0, QuantizeA, kUkernels4, nullptr, nullptr, 0},
                                  {kKr, 1, 0, QuantizeA, kUkernels8, nullptr, nullptr, 0},
                                  StoreFloatTile<VectorScalar, kNr>};

}  // namespace lowp
