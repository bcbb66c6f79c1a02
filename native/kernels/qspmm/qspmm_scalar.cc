#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/qspmm/qspmm_plain.h"
#include "kernels/sparse/sparse_transpose.h"

namespace lowp {
namespace {

struct Traits {
  using Value = int8_t;
  using Element = uint8_t;
  static constexpr size_t kGroup = 1;
  static constexpr size_t At(size_t k, size_t col) { return k * kSparseNb + col; }
};

template <size_t kHeight>
void Ukernel(const QSpmmBlock& block, size_t cols, const void* tile, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32_t* out = acc + row->row * kHeight * kSparseNb;
    for (size_t r = 0; r < kHeight && !accumulate; ++r) {
      for (size_t col = 0; col < cols; ++col) out[r * kSparseNb + col] = 0;
    }
    for (size_t i = 0; i < row->count; ++i, ++index) {
      const uint8_t* from = static_cast<const uint8_t*>(tile) + *index * kSparseNb;
      for (size_t r = 0; r < kHeight; ++r, ++value) {
        for (size_t col = 0; col < cols; ++col) out[r * kSparseNb + col] += *value * from[col];
      }
    }
  }
}

template <size_t kHeight>
void UkernelQuads(const QSpmmBlock& block, size_t cols, const void* tile, int32_t* acc, bool accumulate) {
  constexpr size_t kWidth = kSparseWidth;
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32_t* out = acc + row->row * kHeight * kSparseNb;
    for (size_t r = 0; r < kHeight && !accumulate; ++r) {
      for (size_t col = 0; col < cols; ++col) out[r * kSparseNb + col] = 0;
    }
    for (size_t i = 0; i < row->count; ++i, ++index) {
      const uint8_t* from = static_cast<const uint8_t*>(tile) + *index * kSparseNb;
      for (size_t r = 0; r < kHeight; ++r, value += kWidth) {
        for (size_t col = 0; col < cols; ++col) {
          out[r * kSparseNb + col] += value[0] * from[col] + value[1] * from[kSparseNb + col] +
                                      value[2] * from[2 * kSparseNb + col] + value[3] * from[3 * kSparseNb + col];
        }
      }
    }
  }
}

inline void TransposeOne(const int32_t* from, size_t, int32_t* to, size_t) { *to = *from; }

}  // namespace

extern const QSpmmKernel kQSpmmScalar = {{"qspmm_s8u8s32_1x64__scalar",
                                          false,
                                          {Ukernel<1>, Ukernel<kSparseHeight>},
                                          {QSpmv<Traits, 1>, QSpmv<Traits, kSparseHeight>},
                                          FillRowsPlainly<Traits>,
                                          FillColumnsPlainly<Traits>},
                                         {"qspmm_quads_s8u8s32_1x64__scalar",
                                          false,
                                          {UkernelQuads<1>, UkernelQuads<kSparseHeight>},
                                          {QSpmvQuads<Traits, 1>, QSpmvQuads<Traits, kSparseHeight>},
                                          FillRowsPlainly<Traits>,
                                          FillColumnsPlainly<Traits>},
                                         {kWholeQuads, kWholeQuads},
                                         nullptr,
                                         sizeof(Traits::Value),
                                         Traits::kGroup,
                                         kSparseNb * sizeof(Traits::Element),
                                         TransposeBy<int32_t, 1, TransposeOne>,
                                         StoreIntTile<VectorScalar, kSparseNb>};

}  // namespace lowp
