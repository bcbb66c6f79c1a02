// LOWP_IF_<ISA>(...) stands for its arguments where the compiler could build that ISA, else for nothing: rows of kernel tables.
#ifndef LOWP_CORE_ISA_BUILT_H_
#define LOWP_CORE_ISA_BUILT_H_

#if defined(LOWP_HAVE_AVX512VNNI)
#define LOWP_IF_AVX512VNNI(...) __VA_ARGS__
#else
#define LOWP_IF_AVX512VNNI(...)
#endif
#if defined(LOWP_HAVE_AVX512)
#define LOWP_IF_AVX512(...) __VA_ARGS__
#else
#define LOWP_IF_AVX512(...)
#endif
#if defined(LOWP_HAVE_AVXVNNI)
#define LOWP_IF_AVXVNNI(...) __VA_ARGS__
#else
#define LOWP_IF_AVXVNNI(...)
#endif
#if defined(LOWP_HAVE_AVX2)
#define LOWP_IF_AVX2(...) __VA_ARGS__
#else
#define LOWP_IF_AVX2(...)
#endif
#if defined(LOWP_HAVE_NEONDOT)
#define LOWP_IF_NEONDOT(...) __VA_ARGS__
#else
#define LOWP_IF_NEONDOT(...)
#endif
#if defined(LOWP_HAVE_NEON)
#define LOWP_IF_NEON(...) __VA_ARGS__
#else
#define LOWP_IF_NEON(...)
#endif

#endif  // LOWP_CORE_ISA_BUILT_H_
