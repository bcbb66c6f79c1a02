#include "addon/async_call.h"

#include <string>

namespace lowp {

void ReserveInputs(Job& job, size_t bytes) {
  if (!job.inputs.Reserve(bytes + 1))
    Fail(Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes to copy the inputs but the system gave none");
}

void* PrepareResult(Job& job, bool owns_out, const ResultRows& rows, const ArrayView& out, size_t* ld) {
  if (owns_out) return out.data;
  const size_t size = out.element_size();
  job.copy_out = true;
  job.rows = rows.count;
  job.row_bytes = rows.length * size;
  job.out_stride_bytes = rows.ld * size;
  job.out_bytes = Extent(1, 0, rows.count, rows.ld, rows.length) * size;
  *ld = rows.length;
  if (!job.result.Reserve(job.rows * job.row_bytes + 1))
    Fail(Code::kNoMemory,
         "Expected " + std::to_string(job.rows * job.row_bytes) + " bytes for the result but the system gave none");
  return job.result.data();
}

}  // namespace lowp
