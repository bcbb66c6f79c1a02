#include "addon/gemm_args.h"

#include <algorithm>
#include <string>

#include "core/thread_pool.h"

namespace lowp {

GemmSizes ReadGemmSizes(const Control& ctl, size_t weights_k, size_t weights_n, const ArrayView& out) {
  GemmSizes s{};
  s.batch = ctl.Size(GemmSlot::batch, "batch");
  s.m = ctl.Size(GemmSlot::m, "M");
  s.n = ctl.Size(GemmSlot::n, "N");
  s.k = ctl.Size(GemmSlot::k, "K");
  s.lda = ctl.Size(GemmSlot::lda, "lda");
  s.batch_stride_a = ctl.Size(GemmSlot::batchStrideA, "the batch stride of a");
  s.ldc = ctl.Size(GemmSlot::ldc, "ldc");
  const size_t batch_stride_c = ctl.Size(GemmSlot::batchStrideC, "the batch stride of out");
  s.threads = std::min(ctl.Size(GemmSlot::threads, "threads"), kMaxThreads);
  if (s.threads == 0) s.threads = DefaultThreads();
  if (s.k != weights_k || s.n != weights_n) {
    Fail(Code::kShape, "Expected packed weights of " + std::to_string(s.k) + "x" + std::to_string(s.n) + " but received " +
                           std::to_string(weights_k) + "x" + std::to_string(weights_n));
  }
  s.rows = SaturatingMul(s.batch, s.m);
  if (s.ldc < s.n)
    Fail(Code::kShape, "Expected ldc of at least " + std::to_string(s.n) + " but received " + std::to_string(s.ldc));
  if (s.batch > 1 && batch_stride_c != SaturatingMul(s.m, s.ldc)) {
    Fail(Code::kShape, "Expected a batch stride of out of M * ldc = " + std::to_string(SaturatingMul(s.m, s.ldc)) +
                           " but received " + std::to_string(batch_stride_c));
  }
  s.extent_c = Extent(1, 0, s.rows, s.ldc, s.n);
  CheckExtent(out, s.extent_c, "out");
  return s;
}

void* PrepareResult(Job& job, const Control& ctl, const GemmSizes& sizes, const ArrayView& out, size_t* ldc) {
  if (ctl.Flag(GemmSlot::ownsOut)) return out.data;
  job.copy_out = true;
  job.rows = sizes.rows;
  job.row_bytes = sizes.n * out.element_size();
  job.out_stride_bytes = sizes.ldc * out.element_size();
  job.out_bytes = sizes.extent_c * out.element_size();
  *ldc = sizes.n;
  if (!job.result.Reserve(job.rows * job.row_bytes + 1))
    Fail(Code::kNoMemory,
         "Expected " + std::to_string(job.rows * job.row_bytes) + " bytes for the result but the system gave none");
  return job.result.data();
}

}  // namespace lowp
