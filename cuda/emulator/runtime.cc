// The runtime API: memory, copies, streams, events and launches.
#include "cuda/emulator/runtime.h"

#include <cstring>
#include <utility>

#include "cuda/emulator/device.h"
#include "cuda/emulator/executor.h"
#include "cuda/emulator/stream.h"

namespace {

using lowp::emulator::Device;
using lowp::emulator::Enter;
using lowp::emulator::EventState;
using lowp::emulator::InCallback;
using lowp::emulator::Keep;
using lowp::emulator::Stream;

std::shared_ptr<Stream> Of(cudaStream_t stream) { return stream == nullptr ? Device::Get().DefaultStream() : stream->stream; }

// Work of the device: skipped once it is lost.
cudaError_t Queue(cudaStream_t stream, std::function<void()> work) {
  Of(stream)->Queue([work = std::move(work)] {
    if (Device::Get().lost() == cudaSuccess) work();
  });
  return cudaSuccess;
}

bool IsSide(const void* memory, size_t bytes, bool device) {
  return device ? Device::Get().IsDevice(memory, bytes) : !Device::Get().TouchesDevice(memory, bytes);
}

cudaError_t CheckCopy(const void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0 || kind == cudaMemcpyDefault) return cudaSuccess;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return IsSide(to, bytes, to_device) && IsSide(from, bytes, from_device) ? cudaSuccess : cudaErrorInvalidValue;
}

}  // namespace

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  *memory = nullptr;
  const cudaError_t error = Enter();
  return Keep(error == cudaSuccess ? Device::Get().Allocate(memory, bytes) : error);
}

// Of a lost device the memory is given back all the same: it is the host's.
cudaError_t cudaFree(void* memory) {
  const cudaError_t error = Enter();
  if (error == cudaErrorNotPermitted) return Keep(error);
  const cudaError_t freed = Device::Get().Free(memory);
  return Keep(error == cudaSuccess ? freed : error);
}

cudaError_t cudaMallocHost(void** memory, size_t bytes) { return cudaHostAlloc(memory, bytes, cudaHostAllocDefault); }

cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned int) {
  *memory = nullptr;
  const cudaError_t error = Enter();
  return Keep(error == cudaSuccess ? Device::Get().AllocateHost(memory, bytes) : error);
}

cudaError_t cudaFreeHost(void* memory) {
  const cudaError_t error = Enter();
  if (error == cudaErrorNotPermitted) return Keep(error);
  const cudaError_t freed = Device::Get().FreeHost(memory);
  return Keep(error == cudaSuccess ? freed : error);
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  Device::Get().MemoryInfo(free, total);
  return Keep(Enter());
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  cudaError_t error = Enter();
  if (error == cudaSuccess) error = CheckCopy(to, from, bytes, kind);
  if (error != cudaSuccess || bytes == 0) return Keep(error);
  return Queue(stream, [=] { std::memcpy(to, from, bytes); });
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream) {
  cudaError_t error = Enter();
  if (error == cudaSuccess && (width > to_pitch || width > from_pitch)) error = cudaErrorInvalidValue;
  if (width == 0) height = 0;
  for (size_t y = 0; y < height && error == cudaSuccess; ++y) {
    error = CheckCopy(static_cast<uint8_t*>(to) + y * to_pitch, static_cast<const uint8_t*>(from) + y * from_pitch, width, kind);
  }
  if (error != cudaSuccess || height == 0) return Keep(error);
  return Queue(stream, [=] {
    for (size_t y = 0; y < height; ++y) {
      std::memcpy(static_cast<uint8_t*>(to) + y * to_pitch, static_cast<const uint8_t*>(from) + y * from_pitch, width);
    }
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return error == cudaSuccess ? cudaStreamSynchronize(nullptr) : error;
}

cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  cudaError_t error = Enter();
  if (error == cudaSuccess && bytes != 0 && !IsSide(memory, bytes, true)) error = cudaErrorInvalidValue;
  if (error != cudaSuccess || bytes == 0) return Keep(error);
  return Queue(stream, [=] { std::memset(memory, value, bytes); });
}

cudaError_t cudaMemset(void* memory, int value, size_t bytes) { return cudaMemsetAsync(memory, value, bytes, nullptr); }

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int) {
  *stream = nullptr;
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  *stream = new CUstream_st{std::make_shared<Stream>()};
  Device::Get().Add((*stream)->stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (stream == nullptr) return Keep(cudaErrorInvalidResourceHandle);
  if (InCallback()) return Keep(cudaErrorNotPermitted);
  Device::Get().Remove(stream->stream.get());
  delete stream;
  return Keep(Enter());
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (InCallback()) return Keep(cudaErrorNotPermitted);
  Of(stream)->Drain();
  return Keep(Enter());
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  return Of(stream)->IsIdle() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  Of(stream)->Queue([state = event->state, record = event->state->recorded()] { state->WaitFor(record); });
  return cudaSuccess;
}

cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* user, unsigned int) {
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  Of(stream)->Queue([=] { lowp::emulator::CallBack([=] { callback(stream, Device::Get().lost(), user); }); });
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* user) {
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  return Queue(stream, [=] { lowp::emulator::CallBack([=] { function(user); }); });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int) {
  *event = nullptr;
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  *event = new CUevent_st{std::make_shared<EventState>()};
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (event == nullptr) return Keep(cudaErrorInvalidResourceHandle);
  delete event;
  return Keep(Enter());
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  Of(stream)->Queue([state = event->state, record = event->state->Record()] { state->Reach(record); });
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (InCallback()) return Keep(cudaErrorNotPermitted);
  event->state->Wait();
  return Keep(Enter());
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  return event->state->IsReached() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = 0;
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  EventState::Time from, to;
  if (begin->state->recorded() == 0 || end->state->recorded() == 0) return Keep(cudaErrorInvalidResourceHandle);
  if (!begin->state->TimeOf(&from) || !end->state->TimeOf(&to)) return cudaErrorNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(to - from).count();
  return cudaSuccess;
}

namespace lowp {
namespace emulator {

cudaError_t LaunchBody(cudaStream_t stream, dim3 grid, dim3 block, size_t shared, std::function<void()> body) {
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  using namespace limits;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > kMaxThreads || block.x > kMaxThreads || block.y > kMaxThreads || block.z > kMaxThreadsZ ||
      grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > kMaxGridX || grid.y > kMaxGridYZ || grid.z > kMaxGridYZ) {
    return Keep(cudaErrorInvalidConfiguration);
  }
  if (shared > Device::Get().SharedLimit()) return Keep(cudaErrorInvalidValue);
  const bool fails = Device::Get().NextLaunchFails();
  return Queue(stream, [=, body = std::move(body)] {
    if (fails) {
      Device::Get().Lose(cudaErrorIllegalAddress, "lowp emulator: as LOWP_CUDA_EMULATED_FAULT asks");
    } else {
      RunGrid(grid, block, shared, body);
    }
  });
}

}  // namespace emulator
}  // namespace lowp
