#include <iterator>

#include "core/isa_built.h"
#include "kernels/nbits/nbits.h"

namespace lowp {

extern const NBitsKernel kNBitsAvx512Vnni, kNBitsAvxVnni, kNBitsAvx2, kNBitsNeonDot, kNBitsScalar;

namespace {

// clang-format off
const NBitsEntry kTable[] = {
    LOWP_IF_AVX512VNNI({Isa::kAvx512Vnni, &kNBitsAvx512Vnni}, )
    LOWP_IF_AVXVNNI({Isa::kAvxVnni, &kNBitsAvxVnni}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kNBitsAvx2}, )
    LOWP_IF_NEONDOT({Isa::kNeonDot, &kNBitsNeonDot}, )
    {Isa::kScalar, &kNBitsScalar},
};
// clang-format on

}  // namespace

const NBitsEntry& SelectNBits(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<NBitsEntry> NBitsKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
