#include <iterator>

#include "core/isa_built.h"
#include "kernels/svd/svd.h"

namespace lowp {

extern const SvdKernel kSvdAvx512, kSvdAvx2, kSvdNeon, kSvdScalar;

namespace {

// clang-format off
const SvdEntry kTable[] = {
    LOWP_IF_AVX512({Isa::kAvx512, &kSvdAvx512}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kSvdAvx2}, )
    LOWP_IF_NEON({Isa::kNeon, &kSvdNeon}, )
    {Isa::kScalar, &kSvdScalar},
};
// clang-format on

}  // namespace

const SvdEntry& SelectSvd(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<SvdEntry> SvdKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
