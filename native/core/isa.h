// Instruction sets: which exist, which this build has code for, which this machine can run, and which one was asked for.
#ifndef LOWP_CORE_ISA_H_
#define LOWP_CORE_ISA_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/status.h"

namespace lowp {

// Best first within an architecture. A family's table may leave any of them out, except kScalar.
enum class Isa : uint8_t { kAvx512Vnni, kAvx512, kAvxVnni, kAvx2, kNeonDot, kNeon, kScalar };

struct IsaInfo {
  Isa isa;
  const char* name;
  bool built;         // this binary has code for it
  bool supported;     // this machine runs it
  uint32_t includes;  // bit set of the ISAs whose kernels may run under it, itself included
};

inline constexpr uint32_t Bit(Isa isa) { return 1u << static_cast<uint32_t>(isa); }

class IsaSet {
 public:
  explicit constexpr IsaSet(uint32_t bits) : bits_(bits) {}
  constexpr bool Has(Isa isa) const { return (bits_ & Bit(isa)) != 0; }

 private:
  uint32_t bits_;
};

// All ISAs that this build could have, best first.
struct IsaTable {
  const IsaInfo* begin_;
  const IsaInfo* end_;
  const IsaInfo* begin() const { return begin_; }
  const IsaInfo* end() const { return end_; }
};
IsaTable AllIsas();

const IsaInfo& InfoOf(Isa isa);

// The ISAs whose kernels may be chosen now: those the machine supports, cut down by SetIsa.
IsaSet ActiveIsas();

// The best active one.
Isa CurrentIsa();

// A family's kernels: built ones, best first, the scalar one last.
template <class Kernel>
struct KernelEntry {
  Isa isa;
  const Kernel* kernel;
};

// The first row whose ISA is active. The last row is scalar, which always is.
template <class Kernel, size_t kRows>
const KernelEntry<Kernel>& SelectKernel(const KernelEntry<Kernel> (&table)[kRows], IsaSet active) {
  size_t row = 0;
  while (row + 1 < kRows && !active.Has(table[row].isa)) ++row;
  return table[row];
}

// Process-wide. "" returns to detection. Refuses names that are unknown, not built or not supported.
Status SetIsa(std::string_view name);

}  // namespace lowp

#endif  // LOWP_CORE_ISA_H_
