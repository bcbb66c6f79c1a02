#include <iterator>

#include "core/isa_built.h"
#include "kernels/search/search.h"

namespace lowp {

extern const SearchKernel kSearchAvx512Vnni, kSearchAvxVnni, kSearchAvx2, kSearchNeonDot, kSearchScalar;

namespace {

// clang-format off
const SearchEntry kTable[] = {
    LOWP_IF_AVX512VNNI({Isa::kAvx512Vnni, &kSearchAvx512Vnni}, )
    LOWP_IF_AVXVNNI({Isa::kAvxVnni, &kSearchAvxVnni}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kSearchAvx2}, )
    LOWP_IF_NEONDOT({Isa::kNeonDot, &kSearchNeonDot}, )
    {Isa::kScalar, &kSearchScalar},
};
// clang-format on

}  // namespace

const SearchEntry& SelectSearch(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<SearchEntry> SearchKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
