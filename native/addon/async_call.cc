#include "addon/async_call.h"

#include <string>

namespace lowp {

void ReserveInputs(Job& job, size_t bytes) {
  if (!job.inputs.Reserve(bytes + 1))
    Fail(Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes to copy the inputs but the system gave none");
}

void CopiesOut(Job& job, const ResultRows& rows, size_t element_size) {
  job.copy_out = true;
  job.rows = rows.count;
  job.row_bytes = rows.length * element_size;
  job.out_stride_bytes = rows.ld * element_size;
  job.out_bytes = Extent(1, 0, rows.count, rows.ld, rows.length) * element_size;
}

void ReserveResult(Job& job, size_t bytes) {
  if (!job.result.Reserve(bytes + 1))
    Fail(Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for the result but the system gave none");
}

void* PrepareResult(Job& job, bool owns_out, const ResultRows& rows, const ArrayView& out, size_t* ld) {
  if (owns_out) return out.data;
  CopiesOut(job, rows, out.element_size());
  *ld = rows.length;
  ReserveResult(job, job.rows * job.row_bytes);
  return job.result.data();
}

}  // namespace lowp
