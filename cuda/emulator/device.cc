#include "cuda/emulator/device.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cuda/emulator/stream.h"

namespace lowp {
namespace emulator {
namespace {

constexpr struct {
  const char* name;
  int capability;
  size_t shared;  // bytes that a block may have
} kCapabilities[] = {{"7.5", 75, 64 << 10},  {"8.0", 80, 163 << 10}, {"8.6", 86, 99 << 10},
                     {"8.7", 87, 163 << 10}, {"8.9", 89, 99 << 10},  {"9.0", 90, 227 << 10}};

bool ReadNumber(const char* text, uint64_t* number) {
  char* end = nullptr;
  errno = 0;
  *number = std::strtoull(text, &end, 10);
  return errno == 0 && end != text && *end == 0 && *text != '-';
}

// What is wrong, or nothing.
std::string ReadEnvironment(Options* options) {
  if (const char* text = std::getenv("LOWP_CUDA_EMULATED_CAPABILITY")) {
    const auto* const found = std::find_if(std::begin(kCapabilities), std::end(kCapabilities),
                                           [&](const auto& known) { return std::strcmp(known.name, text) == 0; });
    if (found == std::end(kCapabilities)) return std::string("no device of LOWP_CUDA_EMULATED_CAPABILITY=") + text;
    options->capability = found->capability;
  }
  uint64_t number = 0;
  if (const char* text = std::getenv("LOWP_CUDA_EMULATED_MEMORY")) {
    if (!ReadNumber(text, &number)) return std::string("no number of bytes in LOWP_CUDA_EMULATED_MEMORY=") + text;
    options->memory = number;
  }
  if (const char* text = std::getenv("LOWP_CUDA_EMULATED_FAULT")) {
    if (!ReadNumber(text, &options->fault)) return std::string("no number in LOWP_CUDA_EMULATED_FAULT=") + text;
  }
  if (const char* text = std::getenv("LOWP_CUDA_EMULATED_ORDER")) {
    if (std::strcmp(text, "descending") == 0) {
      options->order = Order::kDescending;
    } else if (ReadNumber(text, &options->seed)) {
      options->order = Order::kRandom;
    } else if (std::strcmp(text, "ascending") != 0) {
      return std::string("no order in LOWP_CUDA_EMULATED_ORDER=") + text;
    }
  }
  return {};
}

}  // namespace

void FillWithGarbage(void* memory, size_t bytes) {
  auto* const at = static_cast<uint8_t*>(memory);
  for (size_t i = 0; i < std::min<size_t>(bytes, 4); ++i) at[i] = static_cast<uint8_t>(kGarbage >> 8 * i);
  for (size_t done = 4; done < bytes; done *= 2) std::memcpy(at + done, at, std::min(done, bytes - done));
}

Device& Device::Get() {
  // Streams may outlive static objects: never destroyed.
  static Device* const device = new Device;
  return *device;
}

Device::Device() {
  const std::string wrong = ReadEnvironment(&options_);
  if (!wrong.empty()) Lose(cudaErrorInitializationError, wrong);
}

Options Device::options() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return options_;
}

void Device::SetOptions(const Options& options) {
  Drain();
  const std::lock_guard<std::mutex> lock(mutex_);
  options_ = options;
  launches_ = 0;
  lost_.store(cudaSuccess, std::memory_order_release);
}

size_t Device::SharedLimit() {
  const int capability = options().capability;
  for (const auto& known : kCapabilities) {
    if (known.capability == capability) return known.shared;
  }
  return 48 << 10;
}

void Device::Lose(cudaError_t error, const std::string& report) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (lost_.load(std::memory_order_relaxed) != cudaSuccess) return;
  reports_.push_back(report);
  lost_.store(error, std::memory_order_release);
}

const char* Device::Describe(cudaError_t error, const char* otherwise) {
  if (error == cudaSuccess || error != lost()) return otherwise;
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string described = std::string(otherwise) + " (" + reports_.back() + ")";
  for (const std::string& known : reports_) {
    if (known == described) return known.c_str();
  }
  // Behind it, so that the report stays the last.
  reports_.push_front(described);
  return reports_.front().c_str();
}

bool Device::NextLaunchFails() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return ++launches_ == options_.fault;
}

cudaError_t Device::Allocate(void** memory, size_t bytes) {
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::lock_guard<std::mutex> lock(mutex_);
  void* made = nullptr;
  if (bytes > options_.memory || used_ > options_.memory - bytes) return cudaErrorMemoryAllocation;
  if (posix_memalign(&made, 256, bytes) != 0) return cudaErrorMemoryAllocation;
  FillWithGarbage(made, bytes);
  used_ += bytes;
  allocations_.emplace(reinterpret_cast<uintptr_t>(made), bytes);
  *memory = made;
  return cudaSuccess;
}

cudaError_t Device::Free(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  Drain();
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = allocations_.find(reinterpret_cast<uintptr_t>(memory));
  if (found == allocations_.end()) return cudaErrorInvalidValue;
  used_ -= found->second;
  allocations_.erase(found);
  std::free(memory);
  return cudaSuccess;
}

cudaError_t Device::AllocateHost(void** memory, size_t bytes) {
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (posix_memalign(memory, 4096, bytes) != 0) return cudaErrorMemoryAllocation;
  FillWithGarbage(*memory, bytes);
  host_allocations_.emplace(reinterpret_cast<uintptr_t>(*memory), bytes);
  return cudaSuccess;
}

cudaError_t Device::FreeHost(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  Drain();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (host_allocations_.erase(reinterpret_cast<uintptr_t>(memory)) == 0) return cudaErrorInvalidValue;
  std::free(memory);
  return cudaSuccess;
}

void Device::MemoryInfo(size_t* free, size_t* total) {
  const std::lock_guard<std::mutex> lock(mutex_);
  *total = options_.memory;
  *free = options_.memory - std::min(used_, options_.memory);
}

std::vector<Range> Device::Allocations() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Range> ranges;
  ranges.reserve(allocations_.size());
  for (const auto& [address, bytes] : allocations_) ranges.push_back({address, address + bytes});
  return ranges;
}

bool Device::IsDevice(const void* memory, size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto next = allocations_.upper_bound(reinterpret_cast<uintptr_t>(memory));
  if (next == allocations_.begin()) return false;
  --next;
  return Contains({next->first, next->first + next->second}, memory, bytes);
}

bool Device::TouchesDevice(const void* memory, size_t bytes) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto next = allocations_.lower_bound(address + bytes);
  if (next == allocations_.begin()) return false;
  const auto last = std::prev(next);
  return last->first + last->second > address;
}

std::shared_ptr<Stream> Device::DefaultStream() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (default_stream_ == nullptr) {
    default_stream_ = std::make_shared<Stream>();
    streams_.push_back(default_stream_);
  }
  return default_stream_;
}

void Device::Add(const std::shared_ptr<Stream>& stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  streams_.push_back(stream);
}

void Device::Remove(const Stream* stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  streams_.erase(std::remove_if(streams_.begin(), streams_.end(),
                                [&](const std::weak_ptr<Stream>& known) {
                                  const std::shared_ptr<Stream> held = known.lock();
                                  return held == nullptr || held.get() == stream;
                                }),
                 streams_.end());
}

void Device::Drain() {
  std::vector<std::shared_ptr<Stream>> streams;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const std::weak_ptr<Stream>& known : streams_) {
      if (std::shared_ptr<Stream> held = known.lock()) streams.push_back(std::move(held));
    }
  }
  for (const std::shared_ptr<Stream>& stream : streams) stream->Drain();
}

void Reset(const Options& options) { Device::Get().SetOptions(options); }

}  // namespace emulator
}  // namespace lowp
