// The runtime API: memory, streams, events, callbacks and errors.
#include <sys/wait.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <future>
#include <thread>

#include "cuda/emulator/sanitizer.h"
#include "cuda/test/emulator_test.h"

namespace lowp {
namespace test {
namespace {

LOWP_KERNEL AddOne(int* values, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) values[i] += 1;
}

LOWP_KERNEL Identify(unsigned int* out) {
  const unsigned int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}

LOWP_KERNEL ReadShared(uint8_t* out) { out[threadIdx.x] = DynamicShared()[threadIdx.x]; }

#ifndef LOWP_ADDRESS_SANITIZER  // which ends the process
LOWP_KERNEL WriteBeyondShared(size_t bytes) { DynamicShared()[bytes + threadIdx.x] = 1; }
#endif

// Keeps a stream busy until told.
class Gate {
 public:
  explicit Gate(cudaStream_t stream) {
    const auto wait = [](cudaStream_t, cudaError_t, void* gate) { static_cast<Gate*>(gate)->open_.get_future().wait(); };
    Expect(cudaStreamAddCallback(stream, wait, this, 0) == cudaSuccess, "cudaStreamAddCallback");
  }
  void Open() { open_.set_value(); }

 private:
  std::promise<void> open_;
};

void TestMemory() {
  emulator::Options options;
  options.memory = 1 << 20;
  emulator::Reset(options);
  size_t free = 0, total = 0;
  Expect(cudaMemGetInfo(&free, &total) == cudaSuccess && total == 1 << 20, "memory > total");
  const size_t free_before = free;
  void *half = nullptr, *more = nullptr;
  Expect(cudaMalloc(&half, 1 << 19) == cudaSuccess && reinterpret_cast<uintptr_t>(half) % 256 == 0, "memory > half");
  Expect(cudaMalloc(&more, (1 << 19) + 1) == cudaErrorMemoryAllocation && more == nullptr, "memory > more than is left");
  Expect(cudaGetLastError() == cudaErrorMemoryAllocation && cudaGetLastError() == cudaSuccess, "memory > the error is forgotten");
  Expect(cudaMalloc(&more, SIZE_MAX) == cudaErrorMemoryAllocation, "memory > all addresses");
  Expect(cudaMemGetInfo(&free, &total) == cudaSuccess && free == free_before - (1 << 19), "memory > free");
  std::vector<float> read(16);
  Expect(cudaMemcpy(read.data(), half, 64, cudaMemcpyDeviceToHost) == cudaSuccess, "memory > read");
  for (float value : read) Expect(std::isnan(value), "memory > filled with NaN");
  Expect(cudaMemcpy(read.data(), static_cast<char*>(half) + (1 << 19) - 32, 64, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue,
         "memory > a copy from beyond its end");
  Expect(cudaMemcpy(half, static_cast<char*>(half) + 64, 64, cudaMemcpyHostToDevice) == cudaErrorInvalidValue,
         "memory > a copy of the wrong direction");
  Expect(cudaMemsetAsync(read.data(), 0, 64) == cudaErrorInvalidValue, "memory > memset of the host");
  Expect(cudaFree(read.data()) == cudaErrorInvalidValue && cudaFree(nullptr) == cudaSuccess, "memory > free of others");
  Expect(cudaFree(half) == cudaSuccess && cudaFree(half) == cudaErrorInvalidValue, "memory > freed twice");
  Expect(cudaMemGetInfo(&free, &total) == cudaSuccess && free == free_before, "memory > free again");
  Expect(cudaMallocHost(&more, 100) == cudaSuccess && cudaFreeHost(more) == cudaSuccess, "memory > pinned");
  emulator::Reset({});
  DeviceArray<uint8_t> out(256);
  Expect(Run(1, 256, 256, ReadShared, out.data()) == cudaSuccess, "memory > shared");
  const std::vector<uint8_t> shared = out.Read();
  for (size_t i = 0; i < shared.size(); ++i) Expect(shared[i] == (i % 2 == 0 ? 0xa5 : 0xff), "memory > shared is garbage");
}

void TestLaunches() {
  const dim3 grid(3, 2, 2), block(4, 8, 2);
  DeviceArray<unsigned int> ids(12 * 64);
  ForOrders(80, [&](const std::string& name) {
    Expect(Run(grid, block, 0, Identify, ids.data()) == cudaSuccess, "launch" + name);
    const std::vector<unsigned int> read = ids.Read();
    for (unsigned int i = 0; i < read.size(); ++i) Expect(read[i] == i / 64 * 1000 + i % 64, "launch > indices" + name);
  });
  const auto refuses = [&](dim3 blocks, dim3 threads, size_t shared, cudaError_t expected, const char* what) {
    Expect(emulator::Launch(nullptr, blocks, threads, shared, Identify, ids.data()) == expected, std::string("launch > ") + what);
    Expect(cudaGetLastError() == expected && cudaGetLastError() == cudaSuccess, std::string("launch > forgets ") + what);
  };
  refuses(1, 1025, 0, cudaErrorInvalidConfiguration, "1025 threads");
  refuses(1, dim3(32, 33), 0, cudaErrorInvalidConfiguration, "32 x 33 threads");
  refuses(1, dim3(1, 1, 65), 0, cudaErrorInvalidConfiguration, "65 threads deep");
  refuses(1, dim3(0), 0, cudaErrorInvalidConfiguration, "no threads");
  refuses(dim3(1, 0), 1, 0, cudaErrorInvalidConfiguration, "no blocks");
  refuses(dim3(1, 65536), 1, 0, cudaErrorInvalidConfiguration, "65536 rows of blocks");
  refuses(1, 1, (163 << 10) + 1, cudaErrorInvalidValue, "more shared memory than there is");
#ifndef LOWP_ADDRESS_SANITIZER
  ExpectError(cudaErrorIllegalAddress, "beyond its 100 bytes", Run(1, 4, 100, WriteBeyondShared, size_t{100}), "launch > beyond");
  emulator::Reset({});
#endif
}

void TestStreams() {
  cudaStream_t first = nullptr, second = nullptr;
  Expect(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking) == cudaSuccess, "stream");
  Expect(cudaStreamCreate(&second) == cudaSuccess, "stream");
  constexpr int kCount = 1000;
  DeviceArray<int> device(kCount);
  std::vector<int> host(kCount, 1), back(kCount, 0);
  const size_t bytes = kCount * sizeof(int);
  Gate gate(first);
  cudaEvent_t event = nullptr, later = nullptr;
  Expect(cudaEventCreate(&event) == cudaSuccess && cudaEventCreateWithFlags(&later, cudaEventDisableTiming) == cudaSuccess,
         "event");
  Expect(cudaEventSynchronize(event) == cudaSuccess && cudaEventQuery(event) == cudaSuccess, "event > never recorded");
  cudaMemcpyAsync(device.data(), host.data(), bytes, cudaMemcpyHostToDevice, first);
  emulator::Launch(first, 4, 256, 0, AddOne, device.data(), kCount);
  emulator::Launch(first, 4, 256, 0, AddOne, device.data(), kCount);
  Expect(cudaEventRecord(event, first) == cudaSuccess, "event > record");
  Expect(cudaEventQuery(event) == cudaErrorNotReady && cudaStreamQuery(first) == cudaErrorNotReady, "event > not ready");
  Expect(cudaStreamWaitEvent(second, event) == cudaSuccess, "event > awaited by a stream");
  cudaMemcpyAsync(back.data(), device.data(), bytes, cudaMemcpyDeviceToHost, second);
  Expect(cudaEventRecord(later, second) == cudaSuccess, "event > record");
  host.assign(host.size(), 7);  // before the copy's turn comes
  Expect(back[0] == 0 && cudaStreamQuery(second) == cudaErrorNotReady, "stream > waits for the other");
  gate.Open();
  Expect(cudaEventSynchronize(later) == cudaSuccess, "event > synchronize");
  for (int value : back) Expect(value == 9, "stream > in order, with the host's memory of then");
  float milliseconds = -1;
  Expect(cudaEventRecord(later, second) == cudaSuccess && cudaStreamSynchronize(second) == cudaSuccess, "event > again");
  Expect(cudaEventElapsedTime(&milliseconds, event, later) == cudaSuccess && milliseconds >= 0, "event > elapsed");
  Expect(cudaStreamSynchronize(first) == cudaSuccess && cudaStreamQuery(first) == cudaSuccess, "stream > idle");

  struct Seen {
    std::thread::id thread;
    cudaError_t status = cudaErrorUnknown, within = cudaSuccess;
  } seen;
  const auto callback = [](cudaStream_t, cudaError_t status, void* user) {
    Seen& wanted = *static_cast<Seen*>(user);
    wanted.thread = std::this_thread::get_id();
    wanted.status = status;
    void* memory = nullptr;
    wanted.within = cudaMalloc(&memory, 1);
  };
  Expect(cudaStreamAddCallback(first, callback, &seen, 0) == cudaSuccess && cudaStreamSynchronize(first) == cudaSuccess,
         "callback");
  Expect(seen.status == cudaSuccess && seen.thread != std::this_thread::get_id(), "callback > on another thread");
  Expect(seen.within == cudaErrorNotPermitted, "callback > no calls there");
  Expect(cudaEventDestroy(event) == cudaSuccess && cudaEventDestroy(later) == cudaSuccess, "event > destroyed");
  Expect(cudaStreamDestroy(first) == cudaSuccess && cudaStreamDestroy(second) == cudaSuccess, "stream > destroyed");
}

void TestLostDevice() {
  emulator::Options options;
  options.fault = 2;
  emulator::Reset(options);
  DeviceArray<int> device(std::vector<int>(100, 0));
  cudaStream_t stream = nullptr;
  cudaStreamCreate(&stream);
  Expect(Run(1, 128, 0, AddOne, device.data(), 100) == cudaSuccess, "lost > the first launch");
  Gate gate(stream);
  cudaError_t seen = cudaSuccess;
  bool called = false;
  Expect(emulator::Launch(stream, 1, 128, 0, AddOne, device.data(), 100) == cudaSuccess, "lost > is queued");
  cudaStreamAddCallback(
      stream, [](cudaStream_t, cudaError_t status, void* user) { *static_cast<cudaError_t*>(user) = status; }, &seen, 0);
  cudaLaunchHostFunc(
      stream, [](void* user) { *static_cast<bool*>(user) = true; }, &called);
  gate.Open();
  ExpectError(cudaErrorIllegalAddress, "LOWP_CUDA_EMULATED_FAULT", cudaStreamSynchronize(stream), "lost");
  Expect(seen == cudaErrorIllegalAddress && !called, "lost > callbacks");
  Expect(cudaGetLastError() == cudaErrorIllegalAddress && cudaGetLastError() == cudaErrorIllegalAddress, "lost > for good");
  void* memory = nullptr;
  Expect(cudaMalloc(&memory, 1) == cudaErrorIllegalAddress, "lost > no memory");
  Expect(emulator::Launch(stream, 1, 1, 0, AddOne, device.data(), 1) == cudaErrorIllegalAddress, "lost > no launch");
  Expect(cudaStreamDestroy(stream) == cudaErrorIllegalAddress, "lost > destroys");
  emulator::Reset({});
  for (int value : device.Read()) Expect(value == 1, "lost > the first launch alone ran");
}

void TestThreads() {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&wrong, t] {
      cudaStream_t stream = nullptr;
      int* device = nullptr;
      std::vector<int> values(500, t);
      const size_t bytes = values.size() * sizeof(int);
      if (cudaSetDevice(0) != cudaSuccess || cudaStreamCreate(&stream) != cudaSuccess) ++wrong;
      for (int round = 0; round < 20; ++round) {
        if (cudaMalloc(&device, bytes) != cudaSuccess) ++wrong;
        cudaMemcpyAsync(device, values.data(), bytes, cudaMemcpyHostToDevice, stream);
        emulator::Launch(stream, 2, 256, 0, AddOne, device, 500);
        cudaMemcpyAsync(values.data(), device, bytes, cudaMemcpyDeviceToHost, stream);
        if (cudaStreamSynchronize(stream) != cudaSuccess || cudaFree(device) != cudaSuccess) ++wrong;
      }
      cudaStreamDestroy(stream);
      for (int value : values) wrong += value != t + 20;
    });
  }
  for (std::thread& thread : threads) thread.join();
  Expect(wrong == 0, "threads with streams of their own");
}

void TestProperties() {
  for (int capability : {75, 80, 86, 89, 90}) {
    emulator::Reset(Capability(capability));
    cudaDeviceProp properties;
    int major = 0, minor = 0, shared = 0;
    Expect(cudaGetDeviceProperties(&properties, 0) == cudaSuccess && std::string(properties.name) == "lowp emulator",
           "properties");
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0);
    cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0);
    Expect(10 * major + minor == capability && properties.major == major && properties.minor == minor, "properties > capability");
    Expect(static_cast<size_t>(shared) == properties.sharedMemPerBlockOptin && shared >= 64 << 10, "properties > shared memory");
    Expect(cudaSetDevice(1) == cudaErrorInvalidDevice && cudaGetLastError() == cudaErrorInvalidDevice,
           "properties > no device 1");
  }
  emulator::Reset({});
}

}  // namespace

// Each in a process of its own, since the environment is read once.
void TestEmulatedEnvironment() {
  const auto within = [](std::vector<std::pair<const char*, const char*>> variables, auto&& check, const char* what) {
    const pid_t child = fork();
    if (child == 0) {
      for (const auto& [name, value] : variables) setenv(name, value, 1);
      _exit(check() ? 0 : 1);
    }
    int status = -1;
    Expect(child > 0 && waitpid(child, &status, 0) == child && status == 0, std::string("environment > ") + what);
  };
  int count = 0;
  cudaDeviceProp properties;
  const auto is = [&](int capability, size_t memory) {
    return cudaGetDeviceProperties(&properties, 0) == cudaSuccess && 10 * properties.major + properties.minor == capability &&
           properties.totalGlobalMem == memory;
  };
  within(
      {}, [&] { return is(80, 1 << 30); }, "defaults");
  within(
      {{"LOWP_CUDA_EMULATED_CAPABILITY", "9.0"}, {"LOWP_CUDA_EMULATED_MEMORY", "4096"}}, [&] { return is(90, 4096); }, "both");
  within(
      {{"LOWP_CUDA_EMULATED_FAULT", "1"}},
      [&] {
        int* none = nullptr;
        return Run(1, 1, 0, AddOne, none, 0) == cudaErrorIllegalAddress;
      },
      "fault");
  for (const char* order : {"ascending", "descending", "42"}) {
    within(
        {{"LOWP_CUDA_EMULATED_ORDER", order}}, [&] { return cudaGetDeviceCount(&count) == cudaSuccess && count == 1; }, order);
  }
  for (const char* name : {"CAPABILITY", "MEMORY", "FAULT", "ORDER"}) {
    const std::string variable = std::string("LOWP_CUDA_EMULATED_") + name;
    within(
        {{variable.c_str(), "7x"}},
        [&] {
          const bool failed = cudaGetDeviceCount(&count) == cudaErrorInitializationError;
          return failed && std::string(cudaGetErrorString(cudaErrorInitializationError)).find(variable) != std::string::npos;
        },
        name);
  }
}

void TestEmulatedRuntime() {
  TestMemory();
  TestLaunches();
  TestStreams();
  TestLostDevice();
  TestThreads();
  TestProperties();
}

}  // namespace test
}  // namespace lowp
