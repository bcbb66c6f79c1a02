#include <iterator>

#include "core/isa_built.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {

extern const SGemmKernel kSGemmAvx512, kSGemmAvx2, kSGemmNeon, kSGemmScalar;

namespace {

// clang-format off
const SGemmEntry kTable[] = {
    LOWP_IF_AVX512({Isa::kAvx512, &kSGemmAvx512}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kSGemmAvx2}, )
    LOWP_IF_NEON({Isa::kNeon, &kSGemmNeon}, )
    {Isa::kScalar, &kSGemmScalar},
};
// clang-format on

}  // namespace

const SGemmEntry& SelectSGemm(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<SGemmEntry> SGemmKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
