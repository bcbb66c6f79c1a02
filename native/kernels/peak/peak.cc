#include "kernels/peak/peak.h"

#include <algorithm>
#include <chrono>

#include "core/isa_built.h"

namespace lowp {

extern const PeakKernel kPeakAvx512Vnni, kPeakAvx512, kPeakAvxVnni, kPeakAvx2, kPeakNeonDot, kPeakNeon;

namespace {

using PeakEntry = KernelEntry<PeakKernel>;

const PeakKernel kNone = {{nullptr, 0}, {nullptr, 0}};

// clang-format off
const PeakEntry kTable[] = {
    LOWP_IF_AVX512VNNI({Isa::kAvx512Vnni, &kPeakAvx512Vnni}, )
    LOWP_IF_AVX512({Isa::kAvx512, &kPeakAvx512}, )
    LOWP_IF_AVXVNNI({Isa::kAvxVnni, &kPeakAvxVnni}, )
    LOWP_IF_AVX2({Isa::kAvx2, &kPeakAvx2}, )
    LOWP_IF_NEONDOT({Isa::kNeonDot, &kPeakNeonDot}, )
    LOWP_IF_NEON({Isa::kNeon, &kPeakNeon}, )
    {Isa::kScalar, &kNone},
};
// clang-format on

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

double MeasurePeak(PeakKind kind, Isa isa, double milliseconds) {
  const PeakKernel& kernel = *SelectKernel(kTable, IsaSet(Bit(isa))).kernel;
  const PeakLoop& loop = kind == PeakKind::kInt8 ? kernel.int8 : kernel.float32;
  if (loop.run == nullptr || !InfoOf(isa).supported) return 0;
  constexpr size_t kSteps = 50000;
  double best = 0;
  const double end = Seconds() + milliseconds / 1000;
  do {
    const double start = Seconds();
    loop.run(kSteps);
    best = std::max(best, static_cast<double>(kSteps * loop.ops_per_step) / (Seconds() - start));
  } while (Seconds() < end);
  return best;
}

}  // namespace lowp
