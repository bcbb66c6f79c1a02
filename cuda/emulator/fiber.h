// A thread of the emulated device: a stack of its own, entered and left by a switch of registers (the callee-saved ones of the
// host's calling convention), a few ns; swapcontext makes a system call each time.
#ifndef LOWP_CUDA_EMULATOR_FIBER_H_
#define LOWP_CUDA_EMULATOR_FIBER_H_

#include <cstddef>

namespace lowp {
namespace emulator {

class Fiber {
 public:
  // Of the calling thread itself.
  Fiber();
  // Of a stack of its own; the first switch to it calls enter(user), which never returns. `color` spreads the stacks' hot parts
  // over the cache.
  Fiber(void (*enter)(void*), void* user, size_t color);
  ~Fiber();
  Fiber(const Fiber&) = delete;

  // As made, whatever it was doing.
  void Restart();
  // Leaves `from`, which runs, for `to`.
  static void Switch(Fiber& from, Fiber& to);

 private:
  static void Enter(Fiber* fiber);
  friend void EnterFiber(Fiber* fiber);

  void* stack_pointer_ = nullptr;
  void* mapped_ = nullptr;
  char* stack_ = nullptr;  // its lowest address
  size_t stack_bytes_ = 0;
  size_t color_ = 0;
  void (*enter_)(void*) = nullptr;
  void* user_ = nullptr;
  void* fake_stack_ = nullptr;  // AddressSanitizer's
  void* tsan_ = nullptr;        // ThreadSanitizer's
};

}  // namespace emulator
}  // namespace lowp

#endif  // LOWP_CUDA_EMULATOR_FIBER_H_
