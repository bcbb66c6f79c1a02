#include "cuda/emulator/fiber.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "cuda/emulator/sanitizer.h"

// void lowp_emulator_switch(void** from, void* to): stores the stack pointer in *from and takes on `to`.
// void lowp_emulator_start(): what a new stack returns into, with the fiber in a saved register.
extern "C" {
void lowp_emulator_switch(void** from, void* to) __attribute__((visibility("hidden")));
void lowp_emulator_start() __attribute__((visibility("hidden")));
void lowp_emulator_enter(void* fiber) __attribute__((visibility("hidden"), noreturn));
}

#if !defined(__ELF__)
#error "The emulator is for systems with ELF"
#elif defined(__x86_64__)
asm(R"(
.text
.hidden lowp_emulator_switch
.globl lowp_emulator_switch
.type lowp_emulator_switch, @function
lowp_emulator_switch:
  endbr64
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size lowp_emulator_switch, .-lowp_emulator_switch
.hidden lowp_emulator_start
.globl lowp_emulator_start
.type lowp_emulator_start, @function
lowp_emulator_start:
  endbr64
  movq %rbx, %rdi
  xorl %ebp, %ebp
  call lowp_emulator_enter
  ud2
.size lowp_emulator_start, .-lowp_emulator_start
)");
constexpr size_t kFiberRegister = 4, kReturn = 6, kFrame = 7;  // in words of what the switch pops
#elif defined(__aarch64__)
asm(R"(
.text
.hidden lowp_emulator_switch
.globl lowp_emulator_switch
.type lowp_emulator_switch, %function
lowp_emulator_switch:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size lowp_emulator_switch, .-lowp_emulator_switch
.hidden lowp_emulator_start
.globl lowp_emulator_start
.type lowp_emulator_start, %function
lowp_emulator_start:
  mov x0, x19
  mov x29, #0
  bl lowp_emulator_enter
  brk #0
.size lowp_emulator_start, .-lowp_emulator_start
)");
constexpr size_t kFiberRegister = 0, kReturn = 11, kFrame = 20;
#else
#error "The emulator's switch of fibers is written for x86-64 and aarch64"
#endif

namespace lowp {
namespace emulator {
namespace {

constexpr size_t kPage = 64 << 10;  // a multiple of every page size
constexpr size_t kStackBytes = 256 << 10;

}  // namespace

void EnterFiber(Fiber* fiber) { Fiber::Enter(fiber); }

Fiber::Fiber() {
#ifdef LOWP_ADDRESS_SANITIZER
  pthread_attr_t attributes;
  void* lowest = nullptr;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) std::abort();
  pthread_attr_getstack(&attributes, &lowest, &stack_bytes_);
  pthread_attr_destroy(&attributes);
  stack_ = static_cast<char*>(lowest);
#endif
#ifdef LOWP_THREAD_SANITIZER
  tsan_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(void (*enter)(void*), void* user, size_t color) : enter_(enter), user_(user) {
  mapped_ = mmap(nullptr, kStackBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped_ == MAP_FAILED) throw std::bad_alloc();
  mprotect(mapped_, kPage, PROT_NONE);
  stack_ = static_cast<char*>(mapped_) + kPage;
  stack_bytes_ = kStackBytes;
  color_ = color % 32 * 576;
#ifdef LOWP_THREAD_SANITIZER
  tsan_ = __tsan_create_fiber(0);
#endif
  Restart();
}

Fiber::~Fiber() {
  if (mapped_ == nullptr) return;
#ifdef LOWP_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(stack_, stack_bytes_);
#endif
#ifdef LOWP_THREAD_SANITIZER
  __tsan_destroy_fiber(tsan_);
#endif
  munmap(mapped_, kStackBytes + kPage);
}

void Fiber::Restart() {
#ifdef LOWP_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(stack_, stack_bytes_);
  fake_stack_ = nullptr;
#endif
#ifdef LOWP_THREAD_SANITIZER
  __tsan_destroy_fiber(tsan_);
  tsan_ = __tsan_create_fiber(0);
#endif
  auto* const frame = reinterpret_cast<uintptr_t*>(stack_ + stack_bytes_ - color_) - kFrame;
  for (size_t i = 0; i < kFrame; ++i) frame[i] = 0;
  frame[kFiberRegister] = reinterpret_cast<uintptr_t>(this);
  frame[kReturn] = reinterpret_cast<uintptr_t>(&lowp_emulator_start);
  stack_pointer_ = frame;
}

#ifdef LOWP_THREAD_SANITIZER
__attribute__((no_sanitize_thread))
#endif
void Fiber::Switch(Fiber& from, Fiber& to) {
#ifdef LOWP_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.stack_, to.stack_bytes_);
#endif
#ifdef LOWP_THREAD_SANITIZER
  __tsan_switch_to_fiber(to.tsan_, 0);
#endif
  lowp_emulator_switch(&from.stack_pointer_, to.stack_pointer_);
#ifdef LOWP_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(from.fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::Enter(Fiber* fiber) {
#ifdef LOWP_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  fiber->enter_(fiber->user_);
}

}  // namespace emulator
}  // namespace lowp

void lowp_emulator_enter(void* fiber) {
  lowp::emulator::EnterFiber(static_cast<lowp::emulator::Fiber*>(fiber));
  std::abort();
}
