// The two forms of a native function on the CUDA device, from the same description of the call as async_call.h, with
//   RunOnDevice(device, stop) queues the call, whose arrays are all on the device
//   kWaits                    true where it has to wait for the device in between, and polls `stop` there
// Arrays of the host are copied over, and so is a result that goes to one. Memory and weights may be given back as soon as the
// call is queued: whoever gets them next is queued behind it.
#ifndef LOWP_ADDON_CUDA_CALL_H_
#define LOWP_ADDON_CUDA_CALL_H_

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "addon/async_call.h"
#include "addon/cuda.h"

namespace lowp {

// At least max|bias|, of an int32 one; 0 where there is none.
uint32_t BiasMagnitude(const ArrayView& bias);

// Device memory of one call.
class CudaFrame {
 public:
  explicit CudaFrame(std::shared_ptr<CudaDevice> device) : device_(std::move(device)) {}

  // `snapshot`: also of arrays that are on the device, for a call that runs later than others which change or free them.
  template <class Call>
  void UploadInputs(Call& call, bool snapshot) {
    call.EachInput([&](auto*& from, size_t bytes) {
      const bool on_device = device_->Owns(from);
      if (from == nullptr || bytes == 0 || (on_device && !snapshot)) return;
      void* to = Take(bytes);
      Check(on_device ? device_->Copy(to, from, bytes) : device_->Upload(to, from, bytes));
      from = static_cast<std::remove_reference_t<decltype(from)>>(to);
    });
  }

  // Where the elements are on the device.
  template <class T>
  const T* OnDevice(const ArrayView& view) {
    if (!view.present || view.on_device != nullptr) return view.As<const T>();
    void* to = Take(view.bytes());
    Check(device_->Upload(to, view.data, view.bytes()));
    return static_cast<const T*>(to);
  }

  // Where the elements of a result come to lie; Deliver takes them to the host if they belong there.
  template <class T>
  T* Out(const ArrayView& view) {
    if (view.on_device == nullptr) return Make<T>(view.bytes());
    view.on_device->Forget();
    return view.As<T>();
  }
  // `count` elements: the caller's array may be longer.
  void Deliver(const ArrayView& view, const void* from, size_t count) const {
    if (view.on_device == nullptr) Check(device_->Download(view.data, from, count * view.element_size()));
  }
  template <class T>
  T* Make(size_t bytes) {
    return static_cast<T*>(Take(bytes));
  }

  // Room for a result that goes to the host, its rows without gaps; null for one that stays on the device.
  template <class Call>
  const void* MakeResult(Call& call, size_t bytes) {
    if (call.out.on_device != nullptr) {
      call.out.on_device->Forget();
      return nullptr;
    }
    void* result = Take(bytes);
    call.SetResult(result, call.result().length);
    return result;
  }

 private:
  void* Take(size_t bytes) {
    buffers_.push_back(CudaBuffer::Take(device_, bytes));
    return buffers_.back().memory();
  }

  std::shared_ptr<CudaDevice> device_;
  std::vector<CudaBuffer> buffers_;
};

// The environment's device, opened at the first use; from now on arrays may be on it.
std::shared_ptr<CudaDevice> UseCuda(Arguments& arguments);

// Waits for a result without gaps and lays its rows where the caller wants them.
void DownloadRows(const CudaDevice& device, const void* from, const ResultRows& rows, size_t element_size, void* to);
// Queues the copy of a result, and says where it goes when the job is done.
void FetchLater(Job& job, const std::shared_ptr<CudaDevice>& device, const void* from, size_t bytes);

template <class Call>
napi_value CallCuda(Arguments& arguments) {
  const std::shared_ptr<CudaDevice> device = UseCuda(arguments);
  const Control ctl(arguments.env, arguments.values[0], Call::Slot::length);
  Call call(arguments, ctl);
  const ResultRows rows = call.result();
  const size_t size = call.out.element_size();
  void* const out = call.out.data;
  CudaFrame frame(device);
  frame.UploadInputs(call, /*snapshot=*/false);
  const void* result = frame.MakeResult(call, rows.count * rows.length * size);
  Check(call.RunOnDevice(*device, nullptr));
  if (result != nullptr) DownloadRows(*device, result, rows, size, out);
  return nullptr;
}

template <class Call>
napi_value CallCudaAsync(Arguments& arguments) {
  const std::shared_ptr<CudaDevice> device = UseCuda(arguments);
  const Control ctl(arguments.env, arguments.values[0], Call::Slot::length);
  Call call(arguments, ctl);
  auto job = std::make_unique<Job>();
  job->id = ctl.Number(Call::Slot::job);
  const ResultRows rows = call.result();
  const size_t size = call.out.element_size(), bytes = rows.count * rows.length * size;
  const auto frame = std::make_shared<CudaFrame>(device);
  frame->UploadInputs(call, Call::kWaits);
  const void* result = frame->MakeResult(call, bytes);
  if (result != nullptr) CopiesOut(*job, rows, size);
  AsyncQueue& queue = DataOf(arguments).queue;
  if constexpr (Call::kWaits) {
    ReserveResult(*job, bytes);
    call.Hold();
    job->run = [call = std::move(call), device, result, bytes, frame](Job& self) mutable {
      Status status = call.RunOnDevice(*device, &self.stop);
      return status.ok() ? device->Download(self.result.data(), result, bytes) : status;
    };
    return queue.Submit(std::move(job), arguments.values[Call::kOut]);
  } else {
    Check(call.RunOnDevice(*device, nullptr));
    if (result != nullptr) FetchLater(*job, device, result, bytes);
    return queue.SubmitToDevice(std::move(job), device, arguments.values[Call::kOut]);
  }
}

// kBody for what is on the device.
template <napi_value (*kBody)(Arguments&)>
napi_value OnCuda(Arguments& arguments) {
  UseCuda(arguments);
  return kBody(arguments);
}

inline Napi::Object CudaExports(Napi::Object exports) { return exports.Get("cuda").As<Napi::Object>(); }

// A function that looks at arguments.device itself, in `exports` and in its object `cuda`.
template <napi_value (*kBody)(Arguments&)>
void ExportBoth(Napi::Env env, Napi::Object exports, const char* name, AddonData* data) {
  Export<kBody>(env, exports, name, data);
  Export<OnCuda<kBody>>(env, CudaExports(exports), name, data);
}

// One of the plugin's functions.
template <class Family, class... Given, class... Parameters>
Status CallPlugin(const CudaDevice& device, Family CudaApi::*family, int32_t (*Family::*function)(CudaContext*, Parameters...),
                  Given... given) {
  return CudaDevice::Call(device.api().*family.*function, device.context(), given...);
}

// A handle of weights that the plugin has packed.
template <class Weights>
napi_value MakeCudaHandle(const Arguments& arguments, const Weights& weights) {
  CudaPacked<Weights> packed(*arguments.device, weights);
  return MakeHandle(arguments.env, std::make_shared<const Packed>(Packed{std::move(packed)}), DataOf(arguments).handles);
}

// All four forms: name and nameAsync in `exports` and in its object `cuda`.
template <class Call>
void ExportCall(Napi::Env env, Napi::Object exports, const char* name, AddonData* data) {
  const std::string async = std::string(name) + "Async";
  Export<CallSync<Call>>(env, exports, name, data);
  Export<CallAsync<Call>>(env, exports, async.c_str(), data);
  const Napi::Object cuda = CudaExports(exports);
  Export<CallCuda<Call>>(env, cuda, name, data);
  Export<CallCudaAsync<Call>>(env, cuda, async.c_str(), data);
}

}  // namespace lowp

#endif  // LOWP_ADDON_CUDA_CALL_H_
