#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

#include "kernels/sgemm/sgemm.h"
#include "kernels/sgemm/sgemm_storage.h"

namespace lowp {
namespace {

// How elements of each storage are read and written, as float32.
struct Float32 {
  using Element = float;
  static float Widen(float x) { return x; }
  static float Round(float x) { return x; }
};

struct Bfloat16 {
  using Element = uint16_t;
  static float Widen(uint16_t x) { return WidenBfloat16(x); }
  static uint16_t Round(float x) { return RoundToBfloat16(x); }
};

struct Float16 {
  using Element = uint16_t;
  static float Widen(uint16_t x) { return WidenFloat16(x); }
  static uint16_t Round(float x) { return RoundToFloat16(x); }
};

// Calls `visit` with the type of the storage.
template <class Visit>
void With(SGemmStorage storage, const Visit& visit) {
  switch (storage) {
    case SGemmStorage::kFloat32: return visit(Float32{});
    case SGemmStorage::kBfloat16: return visit(Bfloat16{});
    case SGemmStorage::kFloat16: return visit(Float16{});
  }
}

// Elements that stay as they are.
template <class T>
struct Same {
  const T* b;
  T operator()(size_t i) const { return b[i]; }
};

template <class To>
struct Rounded {
  const float* b;
  typename To::Element operator()(size_t i) const { return To::Round(b[i]); }
};

// Rows of B that are packed together, for all of its columns, where B is stored as it is read: whole rows, not a line of 64 bytes
// in each page (4096x1024, AVX2: 5.4 ms in place of 7.3). Of a transposed one each micropanel reads whole rows anyway (5.4 ms; in
// slabs 12).
constexpr size_t kSlabRows = 64;

struct Slab {
  size_t begin, end;
};

// Rows `slab` of columns n0 .. n0 + cols of B, to every kStep-th element of a micropanel's rows.
template <size_t kStep, class To, class At>
void PackColumns(const SGemmPackArgs& args, Slab slab, size_t nr, size_t n0, size_t cols, To* to, const At& at) {
  if (args.transpose) {
    for (size_t col = 0; col < cols; ++col) {
      for (size_t k = slab.begin; k < slab.end; ++k) to[k * nr + col * kStep] = at((n0 + col) * args.ldb + k);
    }
  } else {
    for (size_t k = slab.begin; k < slab.end; ++k) {
      const size_t from = k * args.ldb + n0;
      if constexpr (kStep == 1 && std::is_same_v<At, Same<To>>) {
        std::memcpy(to + k * nr, at.b + from, cols * sizeof(To));
      } else {
        for (size_t col = 0; col < cols; ++col) to[k * nr + col * kStep] = at(from + col);
      }
    }
  }
}

template <class To, class At>
void PackPanel(const SGemmPackArgs& args, Slab slab, size_t nr, bool pairs, size_t n0, size_t cols, To* panel, const At& at) {
  if (cols < nr) std::memset(panel + slab.begin * nr, 0, (slab.end - slab.begin) * nr * sizeof(To));
  if (!pairs) return PackColumns<1>(args, slab, nr, n0, cols, panel, at);
  const size_t half = nr / 2, left = std::min(cols, half);
  PackColumns<2>(args, slab, nr, n0, left, panel, at);
  PackColumns<2>(args, slab, nr, n0 + left, cols - left, panel + 1, at);
}

}  // namespace

Status PackSGemmB(const SGemmPackArgs& args, const SGemmEntry& entry, SGemmPackedB* packed) {
  const size_t nr = entry.kernel->nr;
  const bool pairs = args.stored_as == SGemmStorage::kBfloat16 && entry.kernel->pairs_bfloat16;
  SGemmPackedB p;
  p.entry = &entry;
  p.stored_as = args.stored_as;
  p.k = args.k;
  p.n = args.n;
  p.n_padded = RoundUp(args.n, nr);
  const size_t bytes = p.n_padded * p.k * SizeOf(p.stored_as);
  if (!p.storage.Reserve(std::max<size_t>(bytes, 1))) {
    return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for packed weights but the system gave none"};
  }
  With(args.stored_as, [&](auto storage) {
    using To = decltype(storage);
    using Element = typename To::Element;
    const size_t slab_rows = args.transpose ? args.k : kSlabRows;
    for (size_t k0 = 0; k0 < args.k; k0 += slab_rows) {
      const Slab slab{k0, std::min(k0 + slab_rows, args.k)};
      for (size_t n0 = 0; n0 < args.n; n0 += nr) {
        const size_t cols = std::min(nr, args.n - n0);
        auto* panel = p.storage.As<Element>() + n0 * args.k;
        if (args.given_as == args.stored_as) {
          PackPanel(args, slab, nr, pairs, n0, cols, panel, Same<Element>{static_cast<const Element*>(args.b)});
        } else {
          PackPanel(args, slab, nr, pairs, n0, cols, panel, Rounded<To>{static_cast<const float*>(args.b)});
        }
      }
    }
  });
  *packed = std::move(p);
  return {};
}

void CastFloats(SGemmStorage from, const void* x, SGemmStorage to, size_t count, void* out) {
  With(from, [&](auto source) {
    using From = decltype(source);
    With(to, [&](auto target) {
      using To = decltype(target);
      auto* read = static_cast<const typename From::Element*>(x);
      auto* write = static_cast<typename To::Element*>(out);
      if constexpr (std::is_same_v<From, To>) {
        std::copy(read, read + count, write);
      } else {
        for (size_t i = 0; i < count; ++i) write[i] = To::Round(From::Widen(read[i]));
      }
    });
  });
}

}  // namespace lowp
