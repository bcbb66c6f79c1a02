#include <iterator>

#include "core/isa_built.h"
#include "kernels/conv/conv.h"

namespace lowp {

extern const ConvKernel kConvAvx2, kConvNeon, kConvScalar;

namespace {

// clang-format off
const ConvEntry kTable[] = {
    LOWP_IF_AVX2({Isa::kAvx2, &kConvAvx2}, )
    LOWP_IF_NEON({Isa::kNeon, &kConvNeon}, )
    {Isa::kScalar, &kConvScalar},
};
// clang-format on

}  // namespace

const ConvEntry& SelectConv(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<ConvEntry> ConvKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
