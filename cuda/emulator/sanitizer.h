// Which of the compiler's sanitizers this is built with.
#ifndef LOWP_CUDA_EMULATOR_SANITIZER_H_
#define LOWP_CUDA_EMULATOR_SANITIZER_H_

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOWP_ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer)
#define LOWP_THREAD_SANITIZER 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define LOWP_ADDRESS_SANITIZER 1
#endif
#ifdef __SANITIZE_THREAD__
#define LOWP_THREAD_SANITIZER 1
#endif

#ifdef LOWP_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef LOWP_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

#endif  // LOWP_CUDA_EMULATOR_SANITIZER_H_
