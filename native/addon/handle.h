// Packed weights behind a JavaScript value: native memory, immutable, shared with the async calls that use it. The value is a
// napi_external, which only lib/ ever sees: it is read in 5 ns, what napi_wrap hides in an object in 60.
#ifndef LOWP_ADDON_HANDLE_H_
#define LOWP_ADDON_HANDLE_H_

#include <napi.h>

#include <cstddef>
#include <memory>
#include <unordered_set>
#include <variant>

#include "addon/cuda.h"
#include "kernels/conv/conv.h"
#include "kernels/lowrank/lowrank.h"
#include "kernels/nbits/nbits.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/qspmm/qspmm.h"
#include "kernels/search/search.h"
#include "kernels/sgemm/sgemm.h"
#include "kernels/spmm/spmm.h"

namespace lowp {

// The handles of one environment, which may outlive the environment's own data by a moment and therefore share this. An
// external is ours if its pointer is in the set: that of another addon is refused without being followed, at a fraction of the
// cost of napi_check_object_type_tag.
struct HandleRegistry {
  std::unordered_set<const void*> known;
  size_t live = 0, bytes = 0;
};

template <class Weights>
size_t BytesOf(const Weights& weights) {
  return weights.storage.size();
}
inline size_t BytesOf(const SpmmPacked& packed) { return packed.layout.storage.size(); }
inline size_t BytesOf(const QSpmmPacked& packed) { return packed.layout.storage.size() + packed.constants.size(); }
template <class Weights>
size_t BytesOf(const LowRankPacked<Weights>& packed) {
  return BytesOf(*packed.first) + BytesOf(*packed.second);
}
inline size_t BytesOf(const CudaArray& array) { return array.bytes(); }
template <class Weights>
size_t BytesOf(const CudaPacked<Weights>& packed) {
  return packed.weights.bytes;
}
inline size_t BytesOf(const ConvPackedF& packed) { return packed.bytes(); }
inline size_t BytesOf(const ConvPackedQ& packed) { return packed.bytes(); }

using CudaPackedQ = CudaPacked<CudaQGemmWeights>;
using CudaPackedF = CudaPacked<CudaSGemmWeights>;
using CudaPackedN = CudaPacked<CudaNBitsWeights>;
using CudaPackedSparse = CudaPacked<CudaSparseWeights>;
using CudaPackedConv = CudaPacked<CudaConvWeights>;

struct Packed {
  std::variant<QGemmPackedB, SGemmPackedB, NBitsPackedB, SearchCorpus, SpmmPacked, QSpmmPacked, ConvPackedF, ConvPackedQ,
               LowRankPackedF, LowRankPackedQ, CudaArray, CudaPackedQ, CudaPackedF, CudaPackedN, CudaPackedSparse, CudaPackedConv>
      weights;
  size_t bytes() const {
    return std::visit([](const auto& w) { return BytesOf(w); }, weights);
  }
};

// A new handle, which owns `packed`.
napi_value MakeHandle(napi_env env, std::shared_ptr<const Packed> packed, const std::shared_ptr<HandleRegistry>& registry);

// Null unless it is a live one.
const CudaArray* TryReadCudaArray(napi_env env, napi_value value, const HandleRegistry& registry);

// Refuses what is no handle of this environment, and disposed ones. Valid until the handle is disposed of or collected: for the
// rest of a synchronous call, which its argument keeps alive.
const std::shared_ptr<const Packed>& ReadPacked(napi_env env, napi_value handle, const HandleRegistry& registry);

// The weights in it, if they are of this kind.
template <class Weights>
const Weights& WeightsOf(const Packed& packed, const char* expected);

void DisposePacked(napi_env env, napi_value handle, const HandleRegistry& registry);

}  // namespace lowp

#endif  // LOWP_ADDON_HANDLE_H_
