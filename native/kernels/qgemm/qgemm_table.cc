#include <iterator>

#include "core/isa_built.h"
#include "kernels/qgemm/qgemm.h"

namespace lowp {

extern const QGemmKernel kQGemmAvx512Vnni, kQGemmAvxVnni, kQGemmAvx2, kQGemmNeonDot, kQGemmScalar;

namespace {

// clang-format off
const QGemmEntry kTable[] = {
    LOWP_IF_AVX512VNNI({Isa::kAvx512Vnni, &kQGemmAvx512Vnni}, )
    LOWP_IF_AVXVNNI({Isa::kAvxVnni, &kQGemmAvxVnni}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kQGemmAvx2}, )
    LOWP_IF_NEONDOT({Isa::kNeonDot, &kQGemmNeonDot}, )
    {Isa::kScalar, &kQGemmScalar},
};
// clang-format on

}  // namespace

const QGemmEntry& SelectQGemm(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<QGemmEntry> QGemmKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
