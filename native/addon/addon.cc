#include <napi.h>

#include "addon/addon_data.h"
#include "addon/ctl.h"
#include "core/thread_pool.h"

namespace lowp {
namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto* data = new AddonData(env);
  env.SetInstanceData(data);
  RetainThreadPool();
  RetainDispatcher();
  // Runs after the queue's own hook, which was added later.
  env.AddCleanupHook([] {
    ReleaseDispatcher();
    ReleaseThreadPool();
  });
  exports.Set("version", kBindingVersion);
  exports.Set("cuda", Napi::Object::New(env));
  BindRuntime(env, exports, data);
  BindHandles(env, exports, data);
  BindQGemm(env, exports, data);
  BindSGemm(env, exports, data);
  BindCast(env, exports, data);
  BindNBits(env, exports, data);
  BindQuantize(env, exports, data);
  BindSearch(env, exports, data);
  BindSparse(env, exports, data);
  BindConv(env, exports, data);
  BindPool(env, exports, data);
  BindSvd(env, exports, data);
  BindCuda(env, exports, data);
  return exports;
}

NODE_API_MODULE(lowp, Init)

}  // namespace
}  // namespace lowp
