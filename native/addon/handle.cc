#include "addon/handle.h"

#include <utility>

#include "addon/args.h"

namespace lowp {
namespace {

struct Handle {
  std::shared_ptr<const Packed> packed;
  std::shared_ptr<HandleRegistry> registry;

  void Release(napi_env env) {
    if (packed == nullptr) return;
    const size_t bytes = packed->bytes();
    packed.reset();
    --registry->live;
    registry->bytes -= bytes;
    int64_t total;
    napi_adjust_external_memory(env, -static_cast<int64_t>(bytes), &total);
  }
};

void Finalize(napi_env env, void* data, void*) {
  auto* handle = static_cast<Handle*>(data);
  handle->Release(env);
  handle->registry->known.erase(handle);
  delete handle;
}

Handle& ReadHandle(napi_env env, napi_value value, const HandleRegistry& registry) {
  void* handle = nullptr;
  if (napi_get_value_external(env, value, &handle) != napi_ok || registry.known.count(handle) == 0) {
    Fail(Code::kHandle, "Expected a handle of packed weights but received another value");
  }
  return *static_cast<Handle*>(handle);
}

}  // namespace

napi_value MakeHandle(napi_env env, std::shared_ptr<const Packed> packed, const std::shared_ptr<HandleRegistry>& registry) {
  const size_t bytes = packed->bytes();
  auto handle = std::make_unique<Handle>(Handle{std::move(packed), registry});
  registry->known.insert(handle.get());
  napi_value value;
  if (napi_create_external(env, handle.get(), Finalize, nullptr, &value) != napi_ok) {
    registry->known.erase(handle.get());
    Fail(Code::kInternal, "The environment takes no packed weights");
  }
  handle.release();
  ++registry->live;
  registry->bytes += bytes;
  int64_t total;
  napi_adjust_external_memory(env, static_cast<int64_t>(bytes), &total);
  return value;
}

const std::shared_ptr<const Packed>& ReadPacked(napi_env env, napi_value value, const HandleRegistry& registry) {
  const Handle& handle = ReadHandle(env, value, registry);
  if (handle.packed == nullptr) Fail(Code::kDisposed, "Expected live packed weights but these were disposed");
  return handle.packed;
}

const CudaArray* TryReadCudaArray(napi_env env, napi_value value, const HandleRegistry& registry) {
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external) return nullptr;
  const Handle& handle = ReadHandle(env, value, registry);
  if (handle.packed == nullptr) Fail(Code::kDisposed, "Expected a live array on the device but it was disposed");
  return std::get_if<CudaArray>(&handle.packed->weights);
}

template <class Weights>
const Weights& WeightsOf(const Packed& packed, const char* expected) {
  const Weights* weights = std::get_if<Weights>(&packed.weights);
  if (weights == nullptr) Fail(Code::kHandle, std::string("Expected ") + expected + " but this handle holds another kind");
  return *weights;
}
template const QGemmPackedB& WeightsOf(const Packed&, const char*);
template const SGemmPackedB& WeightsOf(const Packed&, const char*);
template const SearchCorpus& WeightsOf(const Packed&, const char*);
template const NBitsPackedB& WeightsOf(const Packed&, const char*);
template const SpmmPacked& WeightsOf(const Packed&, const char*);
template const QSpmmPacked& WeightsOf(const Packed&, const char*);
template const ConvPackedF& WeightsOf(const Packed&, const char*);
template const ConvPackedQ& WeightsOf(const Packed&, const char*);
template const CudaArray& WeightsOf(const Packed&, const char*);
template const CudaPackedQ& WeightsOf(const Packed&, const char*);
template const CudaPackedF& WeightsOf(const Packed&, const char*);
template const CudaPackedN& WeightsOf(const Packed&, const char*);
template const CudaPackedSparse& WeightsOf(const Packed&, const char*);
template const CudaPackedConv& WeightsOf(const Packed&, const char*);

void DisposePacked(napi_env env, napi_value handle, const HandleRegistry& registry) {
  ReadHandle(env, handle, registry).Release(env);
}

}  // namespace lowp
