// Launchers of the float32 product. See sgemm_abi.h for the contract.
#ifndef LOWP_CUDA_SGEMM_SGEMM_H_
#define LOWP_CUDA_SGEMM_SGEMM_H_

#include "cuda/runtime/context.h"
#include "cuda/sgemm/sgemm_abi.h"
#include "cuda/sgemm/sgemm_task.h"

namespace lowp {

Status CudaPackSGemm(CudaContext& context, const CudaSGemmPackArgs& args, CudaSGemmWeights* weights);
Status CudaCastFloats(CudaContext& context, SGemmStorage from, const void* x, SGemmStorage to, uint64_t count, void* out);

// splits > 1 cuts every sum into that many, which are then added in order: for few rows and columns of great depth. The bits then
// depend on it, so the ABI's products have one. batch has to be 1 then.
Status CudaSGemm(CudaContext& context, const CudaSGemmArgs& args, uint32_t splits = 1);

// The kernels behind it.
Status LaunchSGemmTiles(CudaContext& context, SGemmStorage storage, bool large, SGemmTask task);
Status LaunchSGemmSkinny(CudaContext& context, SGemmStorage storage, SGemmTask task);
Status LaunchSGemmTensor(CudaContext& context, SGemmStorage storage, SGemmTask task);

}  // namespace lowp

#endif  // LOWP_CUDA_SGEMM_SGEMM_H_
