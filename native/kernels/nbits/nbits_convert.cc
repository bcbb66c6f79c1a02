// Weights to few bits and back: done once for a model, so plain C++, with the rounding steps of the oracle.
#include <algorithm>
#include <cmath>

#include "kernels/nbits/nbits.h"

namespace lowp {
namespace {

struct Params {
  float scale;
  int32_t zero;
};

struct Extremes {
  float min = 0, max = 0;
};

Params SymmetricParams(Extremes range, const NBitsShape& shape) {
  const float extreme = range.max > -range.min ? range.max : range.min;
  const float scale = extreme / static_cast<float>(-shape.middle());
  return {scale == 0 ? 1.0f : scale, shape.middle()};
}

Params AsymmetricParams(Extremes range, const NBitsShape& shape) {
  const float top = static_cast<float>((1 << shape.bits) - 1);
  float scale = (range.max - range.min) / top;
  // The span of two large finite values may overflow.
  if (!std::isfinite(scale)) scale = range.max / top - range.min / top;
  if (scale == 0) scale = 1;
  const float zero = std::nearbyintf(0.0f - range.min / scale);
  return {scale, static_cast<int32_t>(std::min(std::max(zero, 0.0f), top))};
}

uint32_t Code4Or8(float w, Params params, int32_t top) {
  const float x = w / params.scale;
  if (x != x) return static_cast<uint32_t>(params.zero);
  const float low = static_cast<float>(-params.zero), high = static_cast<float>(top - params.zero);
  return static_cast<uint32_t>(static_cast<int32_t>(std::nearbyintf(std::min(std::max(x, low), high))) + params.zero);
}

void Put(uint8_t* row, size_t i, size_t bits, uint32_t code) {
  if (bits == 8) {
    row[i] = static_cast<uint8_t>(code);
  } else {
    // The low nibble comes first and clears the other, which stays 0 where nothing follows.
    row[i / 2] = static_cast<uint8_t>(i % 2 == 0 ? code : row[i / 2] | code << 4);
  }
}

uint32_t Get(const uint8_t* row, size_t i, size_t bits) { return bits == 8 ? row[i] : (row[i / 2] >> (i % 2 * 4)) & 15; }

}  // namespace

void QuantizeNBits(const NBitsShape& shape, const NBitsWeights& weights, uint8_t* data, float* scales, uint8_t* zeros) {
  const size_t k_stride = weights.transpose ? 1 : weights.ldw, n_stride = weights.transpose ? weights.ldw : 1;
  const int32_t top = (1 << shape.bits) - 1;
  float values[kNBitsMaxGroup];
  for (size_t n = 0; n < shape.n; ++n) {
    for (size_t g = 0; g < shape.groups(); ++g) {
      const size_t depth = std::min(shape.group, shape.k - g * shape.group);
      const float* from = weights.w + n * n_stride + g * shape.group * k_stride;
      Extremes range;
      for (size_t i = 0; i < depth; ++i) {
        values[i] = from[i * k_stride];
        if (!std::isfinite(values[i])) continue;
        range.min = std::min(range.min, values[i]);
        range.max = std::max(range.max, values[i]);
      }
      const Params params = zeros == nullptr ? SymmetricParams(range, shape) : AsymmetricParams(range, shape);
      scales[n * shape.groups() + g] = params.scale;
      if (zeros != nullptr) Put(zeros + n * shape.zero_row_bytes(), g, shape.bits, static_cast<uint32_t>(params.zero));
      uint8_t* to = data + n * shape.row_bytes() + g * shape.group_bytes();
      for (size_t i = 0; i < shape.group; ++i)
        Put(to, i, shape.bits, i < depth ? Code4Or8(values[i], params, top) : static_cast<uint32_t>(params.zero));
    }
  }
}

void DequantizeNBits(const NBitsShape& shape, const uint8_t* data, const float* scales, const uint8_t* zeros, float* out) {
  for (size_t n = 0; n < shape.n; ++n) {
    const uint8_t* row = data + n * shape.row_bytes();
    for (size_t g = 0; g < shape.groups(); ++g) {
      const int32_t zero =
          zeros == nullptr ? shape.middle() : static_cast<int32_t>(Get(zeros + n * shape.zero_row_bytes(), g, shape.bits));
      const float scale = scales[n * shape.groups() + g];
      for (size_t k = g * shape.group; k < std::min(shape.k, (g + 1) * shape.group); ++k)
        out[n * shape.k + k] = scale * static_cast<float>(static_cast<int32_t>(Get(row, k, shape.bits)) - zero);
    }
  }
}

}  // namespace lowp
