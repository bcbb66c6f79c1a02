#include <iterator>

#include "core/isa_built.h"
#include "kernels/winograd/winograd.h"

namespace lowp {

extern const WinogradKernel kWinogradAvx512, kWinogradAvx2, kWinogradNeon, kWinogradScalar;

namespace {

// clang-format off
const WinogradEntry kTable[] = {
    LOWP_IF_AVX512({Isa::kAvx512, &kWinogradAvx512}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kWinogradAvx2}, )
    LOWP_IF_NEON({Isa::kNeon, &kWinogradNeon}, )
    {Isa::kScalar, &kWinogradScalar},
};
// clang-format on

}  // namespace

const WinogradEntry& SelectWinograd(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<WinogradEntry> WinogradKernels() { return {std::begin(kTable), std::end(kTable)}; }

}  // namespace lowp
