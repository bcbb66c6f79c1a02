// What the processor says of itself.
#ifndef LOWP_CORE_CPU_H_
#define LOWP_CORE_CPU_H_

#include <cstddef>
#include <string>

namespace lowp {

// True only where the operating system also saves the registers (XCR0).
struct CpuFeatures {
  bool avx2 = false;    // with FMA and F16C
  bool avx512 = false;  // F, BW, VL, DQ
  bool avx512vnni = false;
  bool avxvnni = false;
  bool neon = false;
  bool neondot = false;
};

struct CpuInfo {
  CpuFeatures features;
  std::string vendor;
  std::string model;
  const char* arch;
  size_t l1d = 0;  // bytes, of one core; 0 where unknown
  size_t l2 = 0;
  size_t l3 = 0;
  unsigned cores = 1;
};

const CpuInfo& Cpu();

}  // namespace lowp

#endif  // LOWP_CORE_CPU_H_
