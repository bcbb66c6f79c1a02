#include "core/isa.h"

#include <atomic>
#include <string>

#include "core/cpu.h"
#include "core/isa_built.h"

namespace lowp {
namespace {

// See kernels/dot/dot_avxvnni.h.
#if defined(LOWP_EMULATE_AVXVNNI)
constexpr bool kEmulatesAvxVnni = true;
#else
constexpr bool kEmulatesAvxVnni = false;
#endif

constexpr uint32_t kScalarBit = Bit(Isa::kScalar);
constexpr uint32_t kAvx2Bits = Bit(Isa::kAvx2) | kScalarBit;
constexpr uint32_t kAvx512Bits = Bit(Isa::kAvx512) | kAvx2Bits;

struct Isas {
  IsaInfo table[7];
  uint32_t supported = 0;

  Isas() {
    const CpuFeatures& cpu = Cpu().features;
    const IsaInfo rows[] = {
        {Isa::kAvx512Vnni, "avx512vnni", false LOWP_IF_AVX512VNNI(|| true), cpu.avx2 && cpu.avx512 && cpu.avx512vnni,
         Bit(Isa::kAvx512Vnni) | kAvx512Bits},
        {Isa::kAvx512, "avx512", false LOWP_IF_AVX512(|| true), cpu.avx2 && cpu.avx512, kAvx512Bits},
        {Isa::kAvxVnni, "avxvnni", false LOWP_IF_AVXVNNI(|| true), cpu.avx2 && (cpu.avxvnni || kEmulatesAvxVnni),
         Bit(Isa::kAvxVnni) | kAvx2Bits},
        {Isa::kAvx2, "avx2", false LOWP_IF_AVX2(|| true), cpu.avx2, kAvx2Bits},
        {Isa::kNeonDot, "neondot", false LOWP_IF_NEONDOT(|| true), cpu.neon && cpu.neondot,
         Bit(Isa::kNeonDot) | Bit(Isa::kNeon) | kScalarBit},
        {Isa::kNeon, "neon", false LOWP_IF_NEON(|| true), cpu.neon, Bit(Isa::kNeon) | kScalarBit},
        {Isa::kScalar, "scalar", true, true, kScalarBit},
    };
    static_assert(sizeof(rows) == sizeof(table));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
      table[i] = rows[i];
      if (rows[i].built && rows[i].supported) supported |= Bit(rows[i].isa);
    }
  }
};

const Isas& GetIsas() {
  static const Isas isas;
  return isas;
}

// 0: no limit was set.
std::atomic<uint32_t> limit_bits{0};

}  // namespace

IsaTable AllIsas() {
  const Isas& isas = GetIsas();
  return {isas.table, isas.table + sizeof(isas.table) / sizeof(isas.table[0])};
}

const IsaInfo& InfoOf(Isa isa) { return GetIsas().table[static_cast<size_t>(isa)]; }

IsaSet ActiveIsas() {
  const uint32_t limit = limit_bits.load(std::memory_order_relaxed);
  const uint32_t supported = GetIsas().supported;
  return IsaSet(limit == 0 ? supported : limit & supported);
}

Isa CurrentIsa() {
  const IsaSet active = ActiveIsas();
  for (const IsaInfo& info : AllIsas()) {
    if (active.Has(info.isa)) return info.isa;
  }
  return Isa::kScalar;
}

Status SetIsa(std::string_view name) {
  if (name.empty()) {
    limit_bits.store(0, std::memory_order_relaxed);
    return {};
  }
  std::string usable;
  for (const IsaInfo& info : AllIsas()) {
    if (info.name != name) {
      if (info.built && info.supported) usable += std::string(usable.empty() ? "" : ", ") + info.name;
      continue;
    }
    if (!info.built)
      return {Code::kUnsupported,
              "Expected an ISA of this build but received " + std::string(name) + ", which the compiler could not build"};
    if (!info.supported)
      return {Code::kUnsupported,
              "Expected an ISA of this machine but received " + std::string(name) + ", which its processor lacks"};
    limit_bits.store(info.includes, std::memory_order_relaxed);
    return {};
  }
  return {Code::kValue, "Expected one of " + usable + " for isa but received " + std::string(name)};
}

}  // namespace lowp
