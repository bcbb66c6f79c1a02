// float32 embeddings to codes. Plain loops over the dimensions of a row, which the compiler vectorizes for any machine: reading
// the vectors from memory takes longer.
#include <algorithm>
#include <cstring>

#include "kernels/search/search.h"

namespace lowp {
namespace {

constexpr float kFiniteMax = 3.402823466e+38f;
// Added to and taken from a float32 of less than 2^22 it leaves the nearest integer, ties to even.
constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23

// kStep: 0 where all dimensions share one centre and step, else 1.
template <size_t kStep>
void QuantizeRow(const float* __restrict x, size_t count, const float* __restrict centre, const float* __restrict step,
                 int8_t* __restrict codes) {
  for (size_t d = 0; d < count; ++d) {
    float v = (x[d] - centre[d * kStep]) / step[d * kStep];
    v = v == v ? v : 0.0f;
    v = v < -127.0f ? -127.0f : v;
    v = v > 127.0f ? 127.0f : v;
    // The integer is then in the low bits.
    const float rounded = v + kRounder;
    int32_t bits;
    std::memcpy(&bits, &rounded, sizeof bits);
    codes[d] = static_cast<int8_t>(bits);
  }
}

}  // namespace

void EmbeddingRanges(const EmbeddingShape& shape, const float* x, float* __restrict min, float* __restrict max) {
  // Bounds that nothing finite beats, so that "no finite value" can be told.
  std::fill(min, min + shape.dimensions, kFiniteMax);
  std::fill(max, max + shape.dimensions, -kFiniteMax);
  for (size_t row = 0; row < shape.rows; ++row) {
    const float* __restrict from = x + row * shape.ld;
    for (size_t d = 0; d < shape.dimensions; ++d) {
      const float v = from[d];
      // NaN and infinities fail one of the two.
      const bool finite = v >= -kFiniteMax && v <= kFiniteMax;
      const float low = finite ? v : kFiniteMax, high = finite ? v : -kFiniteMax;
      min[d] = low < min[d] ? low : min[d];
      max[d] = high > max[d] ? high : max[d];
    }
  }
  for (size_t d = 0; d < shape.dimensions; ++d) {
    if (min[d] > max[d]) min[d] = max[d] = 0;
    // -0 becomes 0.
    min[d] += 0.0f;
    max[d] += 0.0f;
  }
}

void QuantizeEmbeddings(const EmbeddingShape& shape, const float* x, const float* centre, const float* step, bool per_dimension,
                        int8_t* codes) {
  const auto quantize = per_dimension ? QuantizeRow<1> : QuantizeRow<0>;
  for (size_t row = 0; row < shape.rows; ++row)
    quantize(x + row * shape.ld, shape.dimensions, centre, step, codes + row * shape.dimensions);
}

void BinarizeEmbeddings(const EmbeddingShape& shape, const float* x, uint8_t* codes) {
  const size_t whole = shape.dimensions / 8, left = shape.dimensions % 8;
  for (size_t row = 0; row < shape.rows; ++row) {
    const float* from = x + row * shape.ld;
    for (size_t i = 0; i < whole; ++i, from += 8) {
      unsigned bits = 0;
      for (size_t bit = 0; bit < 8; ++bit) bits |= static_cast<unsigned>(from[bit] > 0) << (7 - bit);
      *codes++ = static_cast<uint8_t>(bits);
    }
    if (left == 0) continue;
    unsigned bits = 0;
    for (size_t bit = 0; bit < left; ++bit) bits |= static_cast<unsigned>(from[bit] > 0) << (7 - bit);
    *codes++ = static_cast<uint8_t>(bits);
  }
}

}  // namespace lowp
