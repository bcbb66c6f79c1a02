#include "cuda/emulator/executor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cuda/emulator/sanitizer.h"
#include "cuda/emulator/warpgroup.h"

namespace lowp {
namespace emulator {
namespace {

// Behind shared memory, to see what was written there; AddressSanitizer sees it by itself.
#ifdef LOWP_ADDRESS_SANITIZER
constexpr size_t kBehind = 0;
#else
constexpr size_t kBehind = 1024;
#endif
constexpr size_t kSharedAlignment = 1024;

// Ends the thread that made the mistake.
struct Failed {};

std::string Describe(const uint3& at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

}  // namespace

__thread const View* current_view = nullptr;
__thread Thread* current_thread = nullptr;

int Positions::Next(int from) const {
  const size_t words = words_.size();
  const size_t first = static_cast<size_t>(from) / 64 % words;
  const uint64_t at_least = words_[first] & ~uint64_t{0} << from % 64;
  if (at_least != 0) return static_cast<int>(first * 64) + __builtin_ctzll(at_least);
  for (size_t i = 1; i <= words; ++i) {
    const size_t word = (first + i) % words;
    if (words_[word] != 0) return static_cast<int>(word * 64) + __builtin_ctzll(words_[word]);
  }
  return -1;
}

Executor::Executor() {
  for (std::unique_ptr<Warpgroup>& warpgroup : warpgroups_) warpgroup = std::make_unique<Warpgroup>();
}

Executor::~Executor() = default;

uint64_t Executor::Random() {
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  return random_ * 2685821657736338717u >> 32;
}

void Executor::Arrange() {
  order_.resize(static_cast<size_t>(size_));
  for (int i = 0; i < size_; ++i) {
    order_[static_cast<size_t>(i)] = options_.order == Order::kDescending ? size_ - 1 - i : i;
  }
  if (options_.order == Order::kRandom) {
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[Random() % i]);
  }
  for (int i = 0; i < size_; ++i) thread(order_[static_cast<size_t>(i)]).position = i;
}

void Executor::Run(dim3 grid, dim3 block, size_t shared, const std::function<void()>& body) {
  options_ = Device::Get().options();
  allocations_ = Device::Get().Allocations();
  random_ = options_.seed * 2685821657736338717u + 0x9e3779b97f4a7c15u;
  body_ = &body;
  failed_ = false;
  size_ = static_cast<int>(block.x * block.y * block.z);
  for (int i = static_cast<int>(threads_.size()); i < size_; ++i) {
    threads_.push_back(std::make_unique<Thread>());
    Thread& made = *threads_.back();
    made.executor = this;
    made.number = i;
    made.fiber = std::make_unique<Fiber>(EnterThread, &made, static_cast<size_t>(i));
  }
  void* memory = nullptr;
  if (posix_memalign(&memory, kSharedAlignment, shared + kBehind) != 0) std::abort();
  shared_ = static_cast<uint8_t*>(memory);
  shared_bytes_ = shared;
  for (uint3 at{0, 0, 0}; at.z < grid.z && !failed_; ++at.z) {
    for (at.y = 0; at.y < grid.y && !failed_; ++at.y) {
      for (at.x = 0; at.x < grid.x && !failed_; ++at.x) {
        for (int i = 0; i < size_; ++i) {
          const unsigned int number = static_cast<unsigned int>(i);
          const uint3 index{number % block.x, number / block.x % block.y, number / block.x / block.y};
          thread(i).view = {index, at, block, grid};
        }
        RunBlock();
      }
    }
  }
  if (failed_) {
    for (const std::unique_ptr<Thread>& thread : threads_) thread->fiber->Restart();
  }
  std::free(memory);
}

void Executor::RunBlock() {
  Arrange();
  FillWithGarbage(shared_, shared_bytes_ + kBehind);
  runnable_.Empty();
  for (int i = 0; i < size_; ++i) {
    Thread& starting = thread(i);
    starting.waits_at = nullptr;
    starting.exited = false;
    starting.copies.clear();
    starting.groups.clear();
    starting.fences = 0;
    starting.proxy_fence = 0;
    runnable_.Set(i);
  }
  for (auto& calls : warp_calls_) calls.clear();
  for (auto& calls : warpgroup_calls_) calls.clear();
  for (std::unique_ptr<Warpgroup>& warpgroup : warpgroups_) warpgroup->Clear();
  barriers_.fill({});
  mbarriers_.clear();
  engine_.clear();
  chunks_.assign(options_.capability >= 90 ? (shared_bytes_ + kChunkBytes - 1) / kChunkBytes : 0, Chunk());
  clock_ = latest_proxy_fence_ = 0;
  left_ = size_;
  current_ = &thread(order_[0]);
  current_thread = current_;
  current_view = &current_->view;
  Fiber::Switch(home_, *current_->fiber);
  const View view = *current_view;
  current_thread = nullptr;
  current_view = nullptr;
  if (failed_) return;
  std::array<uint8_t, kBehind + 4> untouched;
  FillWithGarbage(untouched.data(), untouched.size());
  if (std::memcmp(shared_ + shared_bytes_, untouched.data() + shared_bytes_ % 4, kBehind) != 0) {
    failed_ = true;
    Device::Get().Lose(cudaErrorIllegalAddress, "lowp emulator: block " + Describe(view.block) + " wrote beyond its " +
                                                    std::to_string(shared_bytes_) + " bytes of shared memory");
  }
}

void Executor::EnterThread(void* given) {
  Thread& self = *static_cast<Thread*>(given);
  Executor& executor = *self.executor;
  try {
    while (true) executor.RunThread(self);
  } catch (const Failed&) {
    Fiber::Switch(*self.fiber, executor.home_);
  }
  std::abort();  // nobody comes back
}

// Returns when the thread's next block begins.
void Executor::RunThread(Thread& self) {
  (*body_)();
  if (!warpgroup(self.number / kWarpgroupSize).IsIdle()) Fail(cudaErrorLaunchFailure, "it exits while wgmma are under way");
  self.exited = true;
  --left_;
  runnable_.Clear(self.position);
  SwitchToNext(self.position + 1);
}

void Executor::Leave(const char* waits_at) {
  Thread& self = *current_;
  self.waits_at = waits_at;
  runnable_.Clear(self.position);
  SwitchToNext(self.position + 1);
  self.waits_at = nullptr;
}

void Executor::SwitchToNext(int from) {
  Thread& self = *current_;
  int next = -1;
  while (true) {
    if (options_.order == Order::kRandom) {
      from = static_cast<int>(Random() % static_cast<uint64_t>(size_));
      if (Random() % 16 == 0) RunEngine();
    }
    next = runnable_.Next(from);
    if (next >= 0 || left_ == 0) break;
    if (!RunEngine()) Fail(cudaErrorLaunchFailure, Stuck());
  }
  if (next < 0) {
    Fiber::Switch(*self.fiber, home_);
    return;
  }
  Thread& other = thread(order_[static_cast<size_t>(next)]);
  if (&other == &self) return;
  current_ = &other;
  current_thread = &other;
  current_view = &other.view;
  Fiber::Switch(*self.fiber, *other.fiber);
}

void Executor::Fail(cudaError_t error, const std::string& what) {
  const Thread& self = *current_;
  failed_ = true;
  Device::Get().Lose(
      error, "lowp emulator: thread " + Describe(self.view.thread) + " of block " + Describe(self.view.block) + ": " + what);
  // The other threads' stacks, which hold plain data, are left as they are.
  throw Failed();
}

// Who waits where, the first of each.
std::string Executor::Stuck() const {
  std::vector<std::pair<std::string, std::pair<int, int>>> places;  // how many, and the first
  for (int i = 0; i < size_; ++i) {
    const Thread& waiting = *threads_[static_cast<size_t>(i)];
    const std::string place = waiting.exited ? "exited" : std::string("wait at ") + waiting.waits_at;
    auto found = std::find_if(places.begin(), places.end(), [&](const auto& known) { return known.first == place; });
    if (found == places.end()) found = places.insert(places.end(), {place, {0, i}});
    ++found->second.first;
  }
  std::string text = "the block is stuck: of " + std::to_string(size_) + " threads";
  for (const auto& [place, who] : places) {
    text += (&place == &places.front().first ? " " : ", ") + std::to_string(who.first) + " " + place + " (thread " +
            std::to_string(who.second) + ")";
  }
  return text;
}

void Executor::Require(int capability, const char* name) {
  if (options_.capability < capability || (capability == 90 && options_.capability != 90)) {
    Fail(cudaErrorIllegalInstruction, std::string(name) + " needs compute capability " + std::to_string(capability / 10) + "." +
                                          std::to_string(capability % 10));
  }
}

void Executor::CheckShared(const void* memory, size_t bytes, size_t alignment, const char* name) {
  const uintptr_t begin = reinterpret_cast<uintptr_t>(shared_);
  if (!Contains({begin, begin + shared_bytes_}, memory, bytes)) {
    const intptr_t offset = static_cast<intptr_t>(reinterpret_cast<uintptr_t>(memory) - begin);
    Fail(cudaErrorIllegalAddress, std::string(name) + " of " + std::to_string(bytes) + " bytes at offset " +
                                      std::to_string(offset) + " of " + std::to_string(shared_bytes_) +
                                      " bytes of shared memory");
  }
  if (reinterpret_cast<uintptr_t>(memory) % alignment != 0) {
    Fail(cudaErrorMisalignedAddress, std::string(name) + " at offset " +
                                         std::to_string(static_cast<const uint8_t*>(memory) - shared_) +
                                         " of shared memory, which is no multiple of " + std::to_string(alignment));
  }
}

void Executor::CheckGlobal(const void* memory, size_t bytes, size_t alignment, const char* name) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  auto next = std::upper_bound(allocations_.begin(), allocations_.end(), address,
                               [](uintptr_t value, const Range& range) { return value < range.begin; });
  if (next == allocations_.begin() || !Contains(*--next, memory, bytes)) {
    Fail(cudaErrorIllegalAddress, std::string(name) + " of " + std::to_string(bytes) + " bytes outside the device's memory");
  }
  if (address % alignment != 0) {
    Fail(cudaErrorMisalignedAddress,
         std::string(name) + " of global memory at an address that is no multiple of " + std::to_string(alignment));
  }
}

uint32_t Executor::SharedAddressOf(const void* memory) {
  CheckShared(memory, 0, 1, "SharedAddress");
  return kSharedWindow + static_cast<uint32_t>(static_cast<const uint8_t*>(memory) - shared_);
}

void RunGrid(dim3 grid, dim3 block, size_t shared, const std::function<void()>& body) {
  thread_local std::unique_ptr<Executor> executor;  // its stacks are worth keeping
  if (executor == nullptr) executor = std::make_unique<Executor>();
  executor->Run(grid, block, shared, body);
}

}  // namespace emulator
}  // namespace lowp
