// The emulated device: its options, memory and whether it is lost.
#ifndef LOWP_CUDA_EMULATOR_DEVICE_H_
#define LOWP_CUDA_EMULATOR_DEVICE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cuda/emulator/emulator.h"

namespace lowp {
namespace emulator {

class Stream;

// Fills memory as if it had never been written: NaN as float, float16 and bfloat16; -91 and -1 as int8.
void FillWithGarbage(void* memory, size_t bytes);
constexpr uint32_t kGarbage = 0xffa5ffa5u;

// Addresses [begin, end).
struct Range {
  uintptr_t begin, end;
};
inline bool Contains(const Range& range, const void* memory, size_t bytes) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  return address >= range.begin && address <= range.end && bytes <= range.end - address;
}

class Device {
 public:
  static Device& Get();

  Options options();
  void SetOptions(const Options& options);
  size_t SharedLimit();  // bytes that a block may have

  // The first error wins.
  void Lose(cudaError_t error, const std::string& report);
  cudaError_t lost() const { return lost_.load(std::memory_order_acquire); }
  const char* Describe(cudaError_t error, const char* otherwise);

  // Whether this launch is the one that Options::fault names.
  bool NextLaunchFails();

  cudaError_t Allocate(void** memory, size_t bytes);
  cudaError_t Free(void* memory);
  cudaError_t AllocateHost(void** memory, size_t bytes);
  cudaError_t FreeHost(void* memory);
  void MemoryInfo(size_t* free, size_t* total);
  std::vector<Range> Allocations();  // sorted
  bool IsDevice(const void* memory, size_t bytes);
  bool TouchesDevice(const void* memory, size_t bytes);

  std::shared_ptr<Stream> DefaultStream();
  void Add(const std::shared_ptr<Stream>& stream);
  void Remove(const Stream* stream);
  void Drain();

 private:
  Device();

  std::mutex mutex_;
  Options options_;
  std::atomic<cudaError_t> lost_{cudaSuccess};
  std::deque<std::string> reports_;  // never shortened: CUDA's descriptions live as long as the process
  uint64_t launches_ = 0;
  std::map<uintptr_t, size_t> allocations_, host_allocations_;
  size_t used_ = 0;
  std::vector<std::weak_ptr<Stream>> streams_;
  std::shared_ptr<Stream> default_stream_;
};

}  // namespace emulator
}  // namespace lowp

#endif  // LOWP_CUDA_EMULATOR_DEVICE_H_
