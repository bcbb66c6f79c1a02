// The int8 product of the plugin, as its own files and other families see it.
#ifndef LOWP_CUDA_QGEMM_QGEMM_H_
#define LOWP_CUDA_QGEMM_QGEMM_H_

#include "core/status.h"
#include "cuda/plugin_abi.h"
#include "cuda/qgemm/qgemm_task.h"

namespace lowp {

struct CudaDevice;

Status PackQGemmWeights(CudaContext& context, const CudaQGemmPackArgs& args, CudaQGemmWeights* weights);
Status RunQGemm(CudaContext& context, const CudaQGemmArgs& args);

// A kernel and how it divides C and K.
struct QGemmPlan {
  const char* name;
  Status (*run)(CudaContext& context, const QGemmTask& task, bool a_signed);
  uint32_t tiles_m, tiles_n;
  uint32_t splits, steps_of_split;
};
QGemmPlan ChooseQGemm(const CudaDevice& device, uint32_t rows, uint32_t n, uint32_t k);

}  // namespace lowp

#endif  // LOWP_CUDA_QGEMM_QGEMM_H_
