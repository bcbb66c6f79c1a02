// Products with weights of low rank:  C[M,N] = Output((A[M,K] * First[K,r]) * Second[r,N])
//
// Two packed products. What is between them, [M, r], stays in scratch memory: float32, and with 8-bit weights quantized row by
// row by the second one. Bias, residual, activation and output are the second's. NaN propagates as in sgemm and qgemm.
#ifndef LOWP_KERNELS_LOWRANK_LOWRANK_H_
#define LOWP_KERNELS_LOWRANK_LOWRANK_H_

#include <cstddef>
#include <memory>

#include "core/status.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {

// first->n is second->k. Immutable.
template <class Weights>
struct LowRankPacked {
  std::shared_ptr<const Weights> first, second;
};
using LowRankPackedF = LowRankPacked<SGemmPackedB>;
using LowRankPackedQ = LowRankPacked<QGemmPackedB>;

// args.b is not read.
Status LowRankSGemm(SGemmArgs args, const LowRankPackedF& weights);
Status LowRankQGemm(QGemmArgs args, const LowRankPackedQ& weights);

}  // namespace lowp

#endif  // LOWP_KERNELS_LOWRANK_LOWRANK_H_
