#include <iterator>

#include "core/isa_built.h"
#include "kernels/pool/pool.h"

namespace lowp {

extern const PoolKernel kPoolAvx2, kPoolNeon, kPoolScalar;

namespace {

// clang-format off
const PoolEntry kTable[] = {
    LOWP_IF_AVX2({Isa::kAvx2, &kPoolAvx2}, )
    LOWP_IF_NEON({Isa::kNeon, &kPoolNeon}, )
    {Isa::kScalar, &kPoolScalar},
};
// clang-format on

}  // namespace

const PoolEntry& SelectPool(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<PoolEntry> PoolKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
