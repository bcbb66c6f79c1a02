// wgmma under way in a warpgroup.
#ifndef LOWP_CUDA_EMULATOR_WARPGROUP_H_
#define LOWP_CUDA_EMULATOR_WARPGROUP_H_

#include <array>
#include <cstdint>
#include <vector>

#include "cuda/emulator/executor.h"

namespace lowp {
namespace emulator {

struct Warpgroup {
  // A matrix of shared memory as it was at the start: it must be the same at the end.
  struct Operand {
    uint64_t descriptor;
    int rows;
    std::vector<uint8_t> bytes;  // 32 a row
    size_t group;
  };
  // Sums that are to appear in the threads' registers; those hold garbage so long.
  struct Accumulator {
    std::array<uint32_t*, kWarpgroupSize> d;
    size_t words;                  // a thread
    std::vector<uint32_t> values;  // by thread
    size_t group;                  // the latest that adds to it
  };

  std::vector<Operand> operands;
  std::vector<Accumulator> accumulators;
  size_t closed = 0;  // groups committed; what is not belongs to the next
  // The threads' fences when a result last appeared: registers may have been touched since.
  std::array<uint64_t, kWarpgroupSize> fences{};

  bool IsIdle() const { return accumulators.empty(); }
  void Clear() {
    operands.clear();
    accumulators.clear();
    closed = 0;
    fences.fill(0);
  }
};

}  // namespace emulator
}  // namespace lowp

#endif  // LOWP_CUDA_EMULATOR_WARPGROUP_H_
