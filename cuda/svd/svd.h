// The truncated SVD on the device. See svd_abi.h for the contract.
#ifndef LOWP_CUDA_SVD_SVD_H_
#define LOWP_CUDA_SVD_SVD_H_

#include "cuda/runtime/context.h"
#include "cuda/svd/svd_abi.h"

namespace lowp {

Status CudaSvd(CudaContext& context, const CudaSvdArgs& args, SvdResult* result);

}  // namespace lowp

#endif  // LOWP_CUDA_SVD_SVD_H_
