#ifndef LOWP_CUDA_SPMM_SPMM_PACK_H_
#define LOWP_CUDA_SPMM_SPMM_PACK_H_

#include "cuda/plugin_abi.h"
#include "cuda/runtime/context.h"

namespace lowp {

// scales: of int8 values, one or with per_row one for each row; null for float32.
Status PackSparseWeights(CudaContext& context, const SparseMatrix& matrix, const float* scales, bool per_row,
                         CudaSparseWeights* weights);

}  // namespace lowp

#endif  // LOWP_CUDA_SPMM_SPMM_PACK_H_
