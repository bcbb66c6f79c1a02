// Quantization of the plugin, as its own files and other families see it.
#ifndef LOWP_CUDA_QUANTIZE_QUANTIZE_H_
#define LOWP_CUDA_QUANTIZE_QUANTIZE_H_

#include "core/status.h"
#include "cuda/plugin_abi.h"

namespace lowp {

Status QuantizeParametersOnDevice(CudaContext& context, const CudaQuantizeParametersArgs& args);
Status QuantizeOnDevice(CudaContext& context, const CudaQuantizeArgs& args);
Status DequantizeOnDevice(CudaContext& context, const CudaDequantizeArgs& args);
// Rows of args.out are `pitch` bytes apart.
Status QuantizeDynamically(CudaContext& context, const CudaDynamicQuantizeArgs& args, uint64_t pitch);

}  // namespace lowp

#endif  // LOWP_CUDA_QUANTIZE_QUANTIZE_H_
