// The kernels of the int8 product, one launcher each. They queue; sizes are checked and not 0.
#ifndef LOWP_CUDA_QGEMM_QGEMM_KERNELS_H_
#define LOWP_CUDA_QGEMM_QGEMM_KERNELS_H_

#include "core/status.h"
#include "cuda/plugin_abi.h"
#include "cuda/qgemm/qgemm_task.h"

namespace lowp {

// A kernel's tile of C, and how much of K is one of its steps. Rows of the skinny kernel: at most.
struct QGemmShape {
  uint32_t rows, columns, step;
};
inline constexpr QGemmShape kQGemmDp4a{64, 64, 64}, kQGemmSkinny{16, 16, 128}, kQGemmMma64{64, 64, 64},
    kQGemmMma128{128, 128, 64}, kQGemmWgmma128{128, 128, 128}, kQGemmWgmma256{128, 256, 128};

Status RunQGemmDp4a(CudaContext& context, const QGemmTask& task, bool a_signed);
Status RunQGemmSkinny(CudaContext& context, const QGemmTask& task, bool a_signed);
Status RunQGemmMma64(CudaContext& context, const QGemmTask& task, bool a_signed);
Status RunQGemmMma128(CudaContext& context, const QGemmTask& task, bool a_signed);
Status RunQGemmWgmma128(CudaContext& context, const QGemmTask& task, bool a_signed);
Status RunQGemmWgmma256(CudaContext& context, const QGemmTask& task, bool a_signed);

// C from the sums of task.splits parts of K, int32 [splits][rows][ld], split_stride elements apart.
Status FinishQGemmSplits(CudaContext& context, const QGemmTask& task, const int32_t* sums, size_t ld);

// Rows of 8-bit A, with what a kernel needs of them made in one pass: a copy in which each row begins on a boundary of 16 bytes
// and ends in zeros (`copy`, `pitch` bytes apart), and the rows' sums. Either may be null.
struct QGemmRowsArgs {
  const uint8_t* a;
  MatrixRows a_rows;
  uint32_t rows, k;
  bool is_signed;
  uint8_t* copy;
  size_t pitch;
  int32_t* sums;
};
Status PrepareQGemmRows(CudaContext& context, const QGemmRowsArgs& args);

}  // namespace lowp

#endif  // LOWP_CUDA_QGEMM_QGEMM_KERNELS_H_
