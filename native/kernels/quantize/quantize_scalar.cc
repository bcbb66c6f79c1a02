#include "kernels/quantize/quantize_scalar.h"

namespace lowp {
namespace {

void Range(const float* x, size_t count, float* min, float* max) {
  *min = *max = 0;
  FiniteRangeScalar(x, count, min, max);
}

}  // namespace

extern const QuantizeKernel kQuantizeScalar;
const QuantizeKernel kQuantizeScalar = {"quantize__scalar", Range, QuantizeScalar, DequantizeScalar<uint8_t>,
                                        DequantizeScalar<int8_t>};

}  // namespace lowp
