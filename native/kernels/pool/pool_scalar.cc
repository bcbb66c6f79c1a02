#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/pool/pool_ukernel.h"

namespace lowp {
namespace {

template <class T, class S>
constexpr PoolOps<T, S> Ops() {
  return {PoolLanes<ScalarMax<T>>, PoolLanes<ScalarSum<T, S>>, PoolEachRun<ScalarMax<T>>, PoolEachRun<ScalarSum<T, S>>,
          PartScalar<T>};
}

}  // namespace

extern const PoolKernel kPoolScalar;
const PoolKernel kPoolScalar = {"pool__scalar",
                                Ops<float, double>(),
                                Ops<uint8_t, int32_t>(),
                                Ops<int8_t, int32_t>(),
                                PoolLanes<ScalarSum<double, double>>,
                                PoolLanes<ScalarSum<int32_t, int32_t>>,
                                PartScalar<double>,
                                PartScalar<int32_t>,
                                ScaleScalar,
                                Requantize<VectorScalar>};

}  // namespace lowp
