#include "addon/handle.h"

#include <utility>

#include "addon/args.h"

namespace lowp {
namespace {

constexpr napi_type_tag kTag = {0x6c6f77702d706163, 0x6b65642d77656967};

struct Handle {
  std::shared_ptr<const Packed> packed;
  std::shared_ptr<HandleCounters> counters;

  void Release(napi_env env) {
    if (packed == nullptr) return;
    const size_t bytes = packed->bytes();
    packed.reset();
    --counters->handles;
    counters->bytes -= bytes;
    int64_t total;
    napi_adjust_external_memory(env, -static_cast<int64_t>(bytes), &total);
  }
};

Handle& ReadHandle(napi_env env, napi_value holder) {
  bool ours = false;
  void* handle = nullptr;
  if (napi_check_object_type_tag(env, holder, &kTag, &ours) != napi_ok || !ours || napi_unwrap(env, holder, &handle) != napi_ok) {
    Fail(Code::kHandle, "Expected packed weights made by packWeights but received another value");
  }
  return *static_cast<Handle*>(handle);
}

}  // namespace

void WrapPacked(napi_env env, napi_value holder, std::shared_ptr<const Packed> packed,
                const std::shared_ptr<HandleCounters>& counters) {
  const size_t bytes = packed->bytes();
  auto handle = std::make_unique<Handle>(Handle{std::move(packed), counters});
  const auto finalize = [](napi_env e, void* data, void*) {
    auto* owned = static_cast<Handle*>(data);
    owned->Release(e);
    delete owned;
  };
  if (napi_wrap(env, holder, handle.get(), finalize, nullptr, nullptr) != napi_ok) {
    Fail(Code::kHandle, "Expected an object that holds no packed weights yet");
  }
  handle.release();
  ++counters->handles;
  counters->bytes += bytes;
  int64_t total;
  napi_adjust_external_memory(env, static_cast<int64_t>(bytes), &total);
  if (napi_type_tag_object(env, holder, &kTag) != napi_ok)
    Fail(Code::kHandle, "Expected an object that carries no other type tag");
}

std::shared_ptr<const Packed> ReadPacked(napi_env env, napi_value holder) {
  Handle& handle = ReadHandle(env, holder);
  if (handle.packed == nullptr) Fail(Code::kDisposed, "Expected live packed weights but these were disposed");
  return handle.packed;
}

template <class Weights>
const Weights& WeightsOf(const Packed& packed, const char* expected) {
  const Weights* weights = std::get_if<Weights>(&packed.weights);
  if (weights == nullptr)
    Fail(Code::kHandle, std::string("Expected ") + expected + " packed weights but these are of another dtype");
  return *weights;
}
template const QGemmPackedB& WeightsOf(const Packed&, const char*);
template const SGemmPackedB& WeightsOf(const Packed&, const char*);

void DisposePacked(napi_env env, napi_value holder) { ReadHandle(env, holder).Release(env); }

}  // namespace lowp
