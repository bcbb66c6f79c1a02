#include <iterator>

#include "core/isa_built.h"
#include "kernels/spmm/spmm.h"

namespace lowp {

extern const SpmmKernel kSpmmAvx512, kSpmmAvx2, kSpmmNeon, kSpmmScalar;

namespace {

// clang-format off
const SpmmEntry kTable[] = {
    LOWP_IF_AVX512({Isa::kAvx512, &kSpmmAvx512}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kSpmmAvx2}, )
    LOWP_IF_NEON({Isa::kNeon, &kSpmmNeon}, )
    {Isa::kScalar, &kSpmmScalar},
};
// clang-format on

}  // namespace

const SpmmEntry& SelectSpmm(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<SpmmEntry> SpmmKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
