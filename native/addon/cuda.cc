#include "addon/cuda.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>

#ifdef __linux__
#include <dlfcn.h>
#endif

namespace lowp {
namespace {

constexpr const char* kLibrary = "lowp_cuda.so";

#ifdef __linux__

// Beside this addon, unless LOWP_CUDA_LIBRARY says otherwise.
std::string LibraryPath() {
  if (const char* given = std::getenv("LOWP_CUDA_LIBRARY"); given != nullptr && *given != 0) return given;
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&CudaPlugin), &info) == 0 || info.dli_fname == nullptr) return kLibrary;
  const std::string addon = info.dli_fname;
  return addon.substr(0, addon.rfind('/') + 1) + kLibrary;
}

const CudaApi* OpenLibrary(std::string* reason) {
  const std::string path = LibraryPath();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    *reason = std::string("the CUDA plugin was not built or does not load: ") + dlerror();
    return nullptr;
  }
  const auto entry = reinterpret_cast<const CudaApi* (*)()>(dlsym(library, "lowp_cuda_api"));
  const CudaApi* api = entry == nullptr ? nullptr : entry();
  if (api == nullptr || api->version != kCudaAbiVersion || api->bytes != sizeof(CudaApi)) {
    *reason = path + (entry == nullptr ? " is no CUDA plugin of lowp" : " is of another version of lowp");
    dlclose(library);
    return nullptr;
  }
  return api;  // stays open: a context may live as long as the process
}

#else

const CudaApi* OpenLibrary(std::string* reason) {
  *reason = std::string("this platform has no CUDA plugin (") + kLibrary + " is for Linux)";
  return nullptr;
}

#endif

}  // namespace

const CudaApi* CudaPlugin(std::string* reason) {
  static std::mutex mutex;
  static const CudaApi* api = nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  if (api == nullptr) api = OpenLibrary(reason);
  return api;
}

Status CudaOrdinal(int32_t* ordinal) {
  *ordinal = 0;
  const char* given = std::getenv("LOWP_CUDA_DEVICE");
  if (given == nullptr || *given == 0) return {};
  char* end = nullptr;
  const long number = std::strtol(given, &end, 10);
  if (*end != 0 || number < 0 || number > 1023)
    return {Code::kValue, std::string("Expected a whole number for LOWP_CUDA_DEVICE but received ") + given};
  *ordinal = static_cast<int32_t>(number);
  return {};
}

Status CudaDevice::Open(std::shared_ptr<CudaDevice>* device) {
  std::string reason;
  const CudaApi* api = CudaPlugin(&reason);
  if (api == nullptr) return {Code::kUnsupported, "Expected 'cpu' for options.device but received 'cuda': " + reason};
  int32_t ordinal = 0, count = 0;
  Status status = CudaOrdinal(&ordinal);
  if (status.ok()) status = Call(api->runtime.count, &count);
  if (!status.ok()) return status;
  std::shared_ptr<CudaDevice> opened(new CudaDevice);
  opened->api_ = api;
  status = Call(api->runtime.open, ordinal, &opened->context_);
  if (status.ok()) *device = std::move(opened);
  return status;
}

CudaDevice::~CudaDevice() {
  if (context_ != nullptr) api_->runtime.close(context_);
}

Status CudaDevice::Allocate(size_t bytes, void** memory) const { return Call(api_->runtime.allocate, context_, bytes, memory); }

Status CudaDevice::Upload(void* device, const void* host, size_t bytes) const {
  return Call(api_->runtime.upload, context_, device, host, bytes);
}

Status CudaDevice::Download(void* host, const void* device, size_t bytes) const {
  return Call(api_->runtime.download, context_, host, device, bytes);
}

Status CudaDevice::Copy(void* to, const void* from, size_t bytes) const {
  return Call(api_->runtime.copy, context_, to, from, bytes);
}

Status CudaDevice::Synchronize() const { return Call(api_->runtime.synchronize, context_); }

CudaMemory CudaDevice::memory() const {
  CudaMemory memory{};
  api_->runtime.memory(context_, &memory);
  return memory;
}

CudaBuffer CudaBuffer::Take(const std::shared_ptr<CudaDevice>& device, size_t bytes) {
  void* memory = nullptr;
  Check(device->Allocate(bytes, &memory));
  return {device, memory, bytes};
}

uint32_t MagnitudeOf(const int32_t* x, size_t count) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t bits = static_cast<uint32_t>(x[i]);
    largest = std::max(largest, x[i] < 0 ? 0u - bits : bits);
  }
  return largest;
}

CudaArray::CudaArray(CudaBuffer buffer, napi_typedarray_type type, size_t length)
    : buffer_(std::move(buffer)), type_(type), length_(length) {
  buffer_.device()->arrays_.insert(buffer_.memory());
}

CudaArray::~CudaArray() {
  if (buffer_.memory() != nullptr) buffer_.device()->arrays_.erase(buffer_.memory());
}

ArrayView CudaArray::view() const {
  ArrayView view;
  view.type = type_;
  view.length = length_;
  view.data = buffer_.memory();
  view.present = true;
  view.on_device = this;
  return view;
}

}  // namespace lowp
