// Packed weights behind a JavaScript object: native memory, immutable, shared with the async calls that use it.
#ifndef LOWP_ADDON_HANDLE_H_
#define LOWP_ADDON_HANDLE_H_

#include <napi.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <variant>

#include "kernels/qgemm/qgemm.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {

// Of one environment. Handles may outlive the environment's own data by a moment, so they share it.
struct HandleCounters {
  std::atomic<size_t> handles{0}, bytes{0};
};

struct Packed {
  std::variant<QGemmPackedB, SGemmPackedB> weights;
  size_t bytes() const {
    return std::visit([](const auto& w) { return w.storage.size(); }, weights);
  }
};

// `holder` owns `packed` from now on; it must not hold anything yet.
void WrapPacked(napi_env env, napi_value holder, std::shared_ptr<const Packed> packed,
                const std::shared_ptr<HandleCounters>& counters);

// Refuses objects of others and disposed handles.
std::shared_ptr<const Packed> ReadPacked(napi_env env, napi_value holder);

// The weights in it, if they are of this kind.
template <class Weights>
const Weights& WeightsOf(const Packed& packed, const char* expected);

void DisposePacked(napi_env env, napi_value holder);

}  // namespace lowp

#endif  // LOWP_ADDON_HANDLE_H_
