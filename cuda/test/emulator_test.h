// What the emulator's own tests share. They run kernels of their own on the emulated device only; those of the plugin are in the
// other files here.
#ifndef LOWP_CUDA_TEST_EMULATOR_TEST_H_
#define LOWP_CUDA_TEST_EMULATOR_TEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/device/intrinsics.cuh"
#include "cuda/emulator/emulator.h"
#include "test/harness.h"

namespace lowp {
namespace test {

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count) : count_(count) { Expect(cudaMalloc(&data_, Bytes()) == cudaSuccess, "cudaMalloc"); }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    Expect(cudaMemcpy(data_, values.data(), Bytes(), cudaMemcpyHostToDevice) == cudaSuccess, "upload");
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  T* data() { return data_; }
  std::vector<T> Read() {
    std::vector<T> values(count_);
    Expect(cudaMemcpy(values.data(), data_, Bytes(), cudaMemcpyDeviceToHost) == cudaSuccess, "download");
    return values;
  }

 private:
  size_t Bytes() const { return count_ * sizeof(T); }
  size_t count_;
  T* data_ = nullptr;
};

// Queues it on the default stream and waits.
template <class... Parameters, class... Arguments>
cudaError_t Run(dim3 grid, dim3 block, size_t shared, void (*kernel)(Parameters...), Arguments... arguments) {
  const cudaError_t error = emulator::Launch(nullptr, grid, block, shared, kernel, arguments...);
  return error == cudaSuccess ? cudaStreamSynchronize(nullptr) : error;
}

inline void ExpectError(cudaError_t expected, const char* words, cudaError_t error, const std::string& what) {
  const std::string text = cudaGetErrorString(error);
  Expect(error == expected && text.find(words) != std::string::npos, what + ": " + cudaGetErrorName(error) + ", " + text);
}

inline emulator::Options Capability(int capability) {
  emulator::Options options;
  options.capability = capability;
  return options;
}

// With each order of threads, on a device of this capability; `body(name)`.
template <class Body>
void ForOrders(int capability, Body&& body) {
  emulator::Options options = Capability(capability);
  const struct {
    const char* name;
    emulator::Order order;
    uint64_t seed;
  } orders[] = {{" ascending", emulator::Order::kAscending, 0},
                {" descending", emulator::Order::kDescending, 0},
                {" seed 1", emulator::Order::kRandom, 1},
                {" seed 2", emulator::Order::kRandom, 2}};
  for (const auto& order : orders) {
    options.order = order.order;
    options.seed = order.seed;
    emulator::Reset(options);
    body(std::string(order.name));
  }
  emulator::Reset(Capability(80));
}

inline std::vector<uint8_t> RandomBytes(Random& random, size_t count) {
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next() >> 40);
  return bytes;
}

void TestEmulatedEnvironment();  // before any other use of the device
void TestEmulatedRuntime();
void TestEmulatedFunctions();
void TestEmulatedCalls();
void TestEmulatedMma();
void TestEmulatedCopies();
void TestEmulatedWgmma();
void TestEmulatedOrder();

}  // namespace test
}  // namespace lowp

#endif  // LOWP_CUDA_TEST_EMULATOR_TEST_H_
