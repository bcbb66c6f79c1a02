#include "kernels/peak/peak.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/aligned_buffer.h"
#include "core/isa_built.h"

namespace lowp {

extern const PeakKernel kPeakAvx512Vnni, kPeakAvx512, kPeakAvxVnni, kPeakAvx2, kPeakNeonDot, kPeakNeon;

namespace {

using PeakEntry = KernelEntry<PeakKernel>;

const PeakKernel kNone = {{nullptr, 0}, {nullptr, 0}, nullptr};

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

double MeasureReadBandwidth(size_t bytes, double milliseconds) {
  const IsaSet active = ActiveIsas();
  void (*read)(const void*, size_t) = nullptr;
  for (const PeakEntry& entry : kTable) {
    if (read == nullptr && active.Has(entry.isa)) read = entry.kernel->read;
  }
  AlignedBuffer buffer;
  bytes = RoundUp(bytes, 512);
  if (read == nullptr || !buffer.Reserve(bytes)) return 0;
  std::memset(buffer.data(), 1, bytes);
  const size_t rounds = std::max<size_t>(1, (size_t{1} << 22) / bytes);
  double best = 0;
  const double end = Seconds() + milliseconds / 1000;
  do {
    const double start = Seconds();
    for (size_t i = 0; i < rounds; ++i) read(buffer.data(), bytes);
    best = std::max(best, static_cast<double>(rounds * bytes) / (Seconds() - start));
  } while (Seconds() < end);
  return best;
}

}  // namespace lowp
