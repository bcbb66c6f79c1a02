#include <algorithm>
#include <string>

#include "kernels/sparse/sparse_call.h"

namespace lowp {
namespace {

// |sum| <= entries * 128 * max|d - zd| + max|bias| must fit int32.
Status CheckEntries(const QSpmmCall& call, size_t longest_row, int64_t bias) {
  constexpr int64_t kMaxValue = 128;  // |int8|
  int64_t magnitude = 255;
  if (!IsFloat(call.dense_kind)) {
    const int32_t low = call.dense_kind == QSpmmDense::kS8 ? -128 : 0, high = low + 255;
    if (call.dense_zero < low || call.dense_zero > high) {
      return {Code::kValue, "Expected a zero point from " + std::to_string(low) + " to " + std::to_string(high) +
                                " for the dense operand but received " + std::to_string(call.dense_zero)};
    }
    magnitude = std::max(high - call.dense_zero, call.dense_zero - low);
  }
  const int64_t bound = (INT64_C(0x7fffffff) - std::min(bias, INT64_C(0x7fffffff))) / (magnitude * kMaxValue);
  if (static_cast<int64_t>(longest_row) <= bound) return {};
  const std::string beside = bias == 0 ? "" : " beside a bias of " + std::to_string(bias);
  return {Code::kValue, "Expected at most " + std::to_string(bound) + " entries in a row, at which the sum" + beside +
                            " fits int32, but received " + std::to_string(longest_row)};
}

}  // namespace

Status CheckQSpmm(const QSpmmCall& call, size_t longest_row, int64_t bias_magnitude) {
  if (!IsFloat(call.dense_kind) && !IsValidScale(call.dense_scale)) {
    return {Code::kValue,
            "Expected a finite scale above 0 for the dense operand but received " + std::to_string(call.dense_scale)};
  }
  if (call.dense_kind == QSpmmDense::kFloat32PerRow && !call.right)
    return {Code::kValue, "Expected one scale for a dense operand on the right, whose rows are summed over"};
  if (Status status = CheckIntOutput(call.output, IsFloat(call.dense_kind)); !status.ok()) return status;
  return CheckEntries(call, longest_row, call.output.bias_s32 != nullptr ? bias_magnitude : 0);
}

}  // namespace lowp
