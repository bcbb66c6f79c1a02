// By itself, because the CUDA plugin has it too.
#include <algorithm>
#include <string>

#include "kernels/pool/pool_window.h"

namespace lowp {
namespace {

// All that the arithmetic of the windows relies on.
Status CheckAxis(const PoolAxis& axis, size_t out, const char* name) {
  constexpr size_t kMax = size_t{1} << 31;
  const bool small = std::max({axis.size, axis.kernel, axis.stride, axis.dilation, axis.before, axis.after, out}) < kMax;
  if (axis.kernel == 0 || axis.stride == 0 || axis.dilation == 0 || !small)
    return {Code::kShape, std::string("Expected a kernel, strides and dilations from 1 to 2^31 - 1 for the ") + name};
  const size_t reach = std::max({axis.extent(), out * axis.stride, axis.size + axis.before + axis.after});
  if (reach <= kPoolMaxReach) return {};
  return {Code::kShape, "Expected windows within " + std::to_string(kPoolMaxReach) + " elements for the " + name +
                            " but received " + std::to_string(reach)};
}

}  // namespace

Status CheckPoolShape(const PoolShape& s) {
  if (Status status = CheckAxis(RowsOf(s), s.out_h, "rows"); !status.ok()) return status;
  return CheckAxis(ColumnsOf(s), s.out_w, "columns");
}

}  // namespace lowp
