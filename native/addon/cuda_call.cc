#include "addon/cuda_call.h"

#include <cstring>
#include <string>

namespace lowp {

std::shared_ptr<CudaDevice> UseCuda(Arguments& arguments) {
  std::shared_ptr<CudaDevice>& device = DataOf(arguments).cuda;
  if (device == nullptr) Check(CudaDevice::Open(&device));
  arguments.device = &device;
  return device;
}

uint32_t BiasMagnitude(const ArrayView& bias) {
  if (!bias.present || bias.type != napi_int32_array) return 0;
  return bias.on_device != nullptr ? bias.on_device->magnitude() : MagnitudeOf(bias.As<const int32_t>(), bias.length);
}

void DownloadRows(const CudaDevice& device, const void* from, const ResultRows& rows, size_t element_size, void* to) {
  const size_t row_bytes = rows.length * element_size, bytes = rows.count * row_bytes;
  if (rows.ld == rows.length || rows.count <= 1) {
    Check(device.Download(to, from, bytes));
    return;
  }
  AlignedBuffer host;
  if (!host.Reserve(bytes + 1))
    Fail(Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for the result but the system gave none");
  Check(device.Download(host.data(), from, bytes));
  for (size_t row = 0; row < rows.count && row_bytes > 0; ++row)
    std::memcpy(static_cast<uint8_t*>(to) + row * rows.ld * element_size, host.data() + row * row_bytes, row_bytes);
}

void FetchLater(Job& job, const std::shared_ptr<CudaDevice>& device, const void* from, size_t bytes) {
  void* host = nullptr;
  Check(CudaDevice::Call(device->api().runtime.download_later, device->context(), &host, from, bytes));
  job.fetched = std::shared_ptr<const uint8_t>(static_cast<const uint8_t*>(host), [device](const uint8_t* memory) {
    device->api().runtime.release_host(device->context(), const_cast<uint8_t*>(memory));
  });
}

}  // namespace lowp
