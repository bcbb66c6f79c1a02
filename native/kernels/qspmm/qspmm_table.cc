#include <iterator>

#include "core/isa_built.h"
#include "kernels/qspmm/qspmm.h"

namespace lowp {

extern const QSpmmKernel kQSpmmAvx512Vnni, kQSpmmAvx2, kQSpmmNeonDot, kQSpmmNeon, kQSpmmScalar;

namespace {

// clang-format off
const QSpmmEntry kTable[] = {
    LOWP_IF_AVX512VNNI({Isa::kAvx512Vnni, &kQSpmmAvx512Vnni}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kQSpmmAvx2}, )
    LOWP_IF_NEONDOT({Isa::kNeonDot, &kQSpmmNeonDot}, )
    LOWP_IF_NEON({Isa::kNeon, &kQSpmmNeon}, )
    {Isa::kScalar, &kQSpmmScalar},
};
// clang-format on

}  // namespace

const QSpmmEntry& SelectQSpmm(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<QSpmmEntry> QSpmmKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
