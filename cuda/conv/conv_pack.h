#ifndef LOWP_CUDA_CONV_CONV_PACK_H_
#define LOWP_CUDA_CONV_CONV_PACK_H_

#include "cuda/plugin_abi.h"
#include "cuda/runtime/context.h"

namespace lowp {

Status PackConvFloat(CudaContext& context, const ConvWeightShape& shape, const float* w, CudaConvWeights* weights);
Status PackConvInt8(CudaContext& context, const CudaConvPackQArgs& args, CudaConvWeights* weights);

}  // namespace lowp

#endif  // LOWP_CUDA_CONV_CONV_PACK_H_
