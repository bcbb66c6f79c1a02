// Everything that belongs to one environment (the main thread, or one worker).
#ifndef LOWP_ADDON_ADDON_DATA_H_
#define LOWP_ADDON_ADDON_DATA_H_

#include <napi.h>

#include <memory>

#include "addon/args.h"
#include "addon/async.h"
#include "addon/cuda.h"
#include "addon/handle.h"

namespace lowp {

struct AddonData {
  explicit AddonData(napi_env env) : queue(env) {}
  std::shared_ptr<HandleRegistry> handles = std::make_shared<HandleRegistry>();
  std::shared_ptr<CudaDevice> cuda;  // opened at the first use
  AsyncQueue queue;
};

inline AddonData& DataOf(const Arguments& arguments) { return *static_cast<AddonData*>(arguments.data); }

// Adds `name` to exports.
template <napi_value (*kBody)(Arguments&)>
void Export(Napi::Env env, Napi::Object exports, const char* name, AddonData* data) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, Guard<kBody>, data, &function) == napi_ok)
    exports.Set(name, Napi::Value(env, function));
}

void BindRuntime(Napi::Env env, Napi::Object exports, AddonData* data);
void BindHandles(Napi::Env env, Napi::Object exports, AddonData* data);
void BindQGemm(Napi::Env env, Napi::Object exports, AddonData* data);
void BindSGemm(Napi::Env env, Napi::Object exports, AddonData* data);
void BindCast(Napi::Env env, Napi::Object exports, AddonData* data);
void BindNBits(Napi::Env env, Napi::Object exports, AddonData* data);
void BindQuantize(Napi::Env env, Napi::Object exports, AddonData* data);
void BindSearch(Napi::Env env, Napi::Object exports, AddonData* data);
void BindConv(Napi::Env env, Napi::Object exports, AddonData* data);
void BindPool(Napi::Env env, Napi::Object exports, AddonData* data);
void BindSvd(Napi::Env env, Napi::Object exports, AddonData* data);
void BindCuda(Napi::Env env, Napi::Object exports, AddonData* data);
void BindSparse(Napi::Env env, Napi::Object exports, AddonData* data);

}  // namespace lowp

#endif  // LOWP_ADDON_ADDON_DATA_H_
