// cuda.describe, cuda.allocate(type, length), cuda.upload(array, from), cuda.download(array, out), cuda.downloadAsync(job, array,
// out), cuda.finish(job), cuda.memory, cuda.setLimit(bytes), cuda.trim.
#include <cstdlib>
#include <string>

#include "addon/addon_data.h"
#include "addon/ctl.h"
#include "addon/cuda_call.h"

namespace lowp {
namespace {

// In the order of ElementCode of addon/ctl.h.
constexpr napi_typedarray_type kTypes[] = {napi_int8_array, napi_uint8_array, napi_int32_array, napi_float32_array,
                                           napi_uint16_array};

size_t ReadCount(const Arguments& arguments, size_t index, const char* name) {
  constexpr double kMax = 1099511627776.0;  // 2^40
  const double number = ReadNumber(arguments, index, name);
  if (!(number >= 0 && number <= kMax && number == static_cast<double>(static_cast<int64_t>(number))))
    Fail(Code::kValue,
         std::string("Expected a whole number from 0 to 2^40 for ") + name + " but received " + std::to_string(number));
  return static_cast<size_t>(number);
}

// Which device, or why there is none.
napi_value DescribeDevice(Arguments& arguments) {
  Napi::Object answer = Napi::Object::New(arguments.env);
  std::string reason;
  int32_t ordinal = 0, count = 0;
  CudaDeviceInfo info{};
  Status status = CudaOrdinal(&ordinal);
  const CudaApi* api = status.ok() ? CudaPlugin(&reason) : nullptr;
  if (status.ok() && api == nullptr) status = {Code::kUnsupported, reason};
  if (status.ok()) status = CudaDevice::Call(api->runtime.count, &count);
  if (status.ok()) status = CudaDevice::Call(api->runtime.info, ordinal, &info);
  answer.Set("reason", status.message());
  if (!status.ok()) return answer;
  Napi::Object device = Napi::Object::New(arguments.env);
  device.Set("name", static_cast<const char*>(info.name));
  device.Set("ordinal", info.ordinal);
  device.Set("devices", count);
  device.Set("capability", std::to_string(info.major) + "." + std::to_string(info.minor));
  device.Set("multiprocessors", info.multiprocessors);
  const auto version = [](int32_t number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); };
  device.Set("driver", version(info.driver));
  device.Set("runtime", version(info.runtime));
  device.Set("totalBytes", static_cast<double>(info.total_bytes));
  device.Set("freeBytes", static_cast<double>(info.free_bytes));
  device.Set("emulated", info.emulated);
  answer.Set("device", device);
  return answer;
}

napi_value AllocateArray(Arguments& arguments) {
  const std::shared_ptr<CudaDevice> device = UseCuda(arguments);
  const size_t code = ReadCount(arguments, 0, "the type"), length = ReadCount(arguments, 1, "the length");
  static_assert(sizeof(kTypes) / sizeof(kTypes[0]) == ElementCode::length);
  if (code >= ElementCode::length) Fail(Code::kValue, "Expected a type of elements but received " + std::to_string(code));
  ArrayView view;
  view.type = kTypes[code];
  CudaArray array(CudaBuffer::Take(device, length * view.element_size()), view.type, length);
  return MakeHandle(arguments.env, std::make_shared<const Packed>(Packed{std::move(array)}), DataOf(arguments).handles);
}

ArrayView ReadOnDevice(const Arguments& arguments, size_t index, const char* name) {
  const ArrayView view = ReadArray(arguments, index, name);
  if (view.on_device == nullptr) Fail(Code::kType, std::string("Expected an array on the device for ") + name);
  return view;
}

void CheckFits(const ArrayView& array, const ArrayView& host) {
  if (array.type != host.type) Fail(Code::kType, "Expected arrays of one type on both sides");
  if (array.length != host.length) {
    Fail(Code::kShape, "Expected " + std::to_string(array.length) + " elements (those on the device) but received " +
                           std::to_string(host.length));
  }
}

napi_value UploadArray(Arguments& arguments) {
  const std::shared_ptr<CudaDevice> device = UseCuda(arguments);
  const ArrayView array = ReadOnDevice(arguments, 0, "the array"), from = ReadArray(arguments.env, arguments.values[1], "from");
  CheckFits(array, from);
  Check(device->Upload(array.data, from.data, from.bytes()));
  if (from.type == napi_int32_array) array.on_device->SetMagnitude(MagnitudeOf(from.As<const int32_t>(), from.length));
  return nullptr;
}

napi_value DownloadArray(Arguments& arguments) {
  const std::shared_ptr<CudaDevice> device = UseCuda(arguments);
  const ArrayView array = ReadOnDevice(arguments, 0, "the array"), out = ReadArray(arguments.env, arguments.values[1], "out");
  CheckFits(array, out);
  Check(device->Download(out.data, array.data, out.bytes()));
  return nullptr;
}

napi_value DownloadArrayAsync(Arguments& arguments) {
  const std::shared_ptr<CudaDevice> device = UseCuda(arguments);
  auto job = std::make_unique<Job>();
  job->id = ReadNumber(arguments, 0, "the job");
  const ArrayView array = ReadOnDevice(arguments, 1, "the array"), out = ReadArray(arguments.env, arguments.values[2], "out");
  CheckFits(array, out);
  CopiesOut(*job, {1, out.length, out.length}, out.element_size());
  FetchLater(*job, device, array.data, out.bytes());
  return DataOf(arguments).queue.SubmitToDevice(std::move(job), device, arguments.values[2]);
}

// A promise of all that is queued.
napi_value Finish(Arguments& arguments) {
  const std::shared_ptr<CudaDevice> device = UseCuda(arguments);
  auto job = std::make_unique<Job>();
  job->id = ReadNumber(arguments, 0, "the job");
  Napi::Object kept = Napi::Object::New(arguments.env);
  return DataOf(arguments).queue.SubmitToDevice(std::move(job), device, kept);
}

napi_value GetCudaMemory(Arguments& arguments) {
  const std::shared_ptr<CudaDevice>& device = DataOf(arguments).cuda;
  const CudaMemory memory = device == nullptr ? CudaMemory{} : device->memory();
  Napi::Object answer = Napi::Object::New(arguments.env);
  answer.Set("usedBytes", static_cast<double>(memory.used));
  answer.Set("cachedBytes", static_cast<double>(memory.cached));
  answer.Set("peakBytes", static_cast<double>(memory.peak));
  answer.Set("limitBytes", static_cast<double>(memory.limit));
  return answer;
}

napi_value SetLimit(Arguments& arguments) {
  const std::shared_ptr<CudaDevice> device = UseCuda(arguments);
  Check(CudaDevice::Call(device->api().runtime.set_limit, device->context(),
                         static_cast<uint64_t>(ReadCount(arguments, 0, "the limit"))));
  return nullptr;
}

napi_value Trim(Arguments& arguments) {
  const std::shared_ptr<CudaDevice>& device = DataOf(arguments).cuda;
  if (device != nullptr) Check(CudaDevice::Call(device->api().runtime.trim, device->context()));
  return nullptr;
}

}  // namespace

void BindCuda(Napi::Env env, Napi::Object exports, AddonData* data) {
  const Napi::Object cuda = CudaExports(exports);
  Export<DescribeDevice>(env, cuda, "describe", data);
  Export<AllocateArray>(env, cuda, "allocate", data);
  Export<UploadArray>(env, cuda, "upload", data);
  Export<DownloadArray>(env, cuda, "download", data);
  Export<DownloadArrayAsync>(env, cuda, "downloadAsync", data);
  Export<Finish>(env, cuda, "finish", data);
  Export<GetCudaMemory>(env, cuda, "memory", data);
  Export<SetLimit>(env, cuda, "setLimit", data);
  Export<Trim>(env, cuda, "trim", data);
}

}  // namespace lowp
