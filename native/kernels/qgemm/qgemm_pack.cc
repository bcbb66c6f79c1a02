#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/qgemm/qgemm.h"

namespace lowp {
namespace {

// See kNarrowPair. Most weights that are not show it in their first rows.
bool IsNarrow(const QGemmPackArgs& args) {
  constexpr size_t kColumns = 16;  // at a time, so that transposed ones are read along their rows
  const uint8_t shift = args.b_signed ? 0 : 0x80;
  const size_t k_stride = args.transpose ? 1 : args.ldb, n_stride = args.transpose ? args.ldb : 1;
  for (size_t n0 = 0; n0 < args.n; n0 += kColumns) {
    const size_t columns = std::min(args.n - n0, kColumns);
    for (size_t k = 0; k + 1 < args.k; k += 2) {  // a last one alone is at most 128
      const uint8_t* b = static_cast<const uint8_t*>(args.b) + k * k_stride + n0 * n_stride;
      int most = 0;
      for (size_t n = 0; n < columns; ++n) {
        const int first = static_cast<int8_t>(b[n * n_stride] ^ shift);
        const int second = static_cast<int8_t>(b[n * n_stride + k_stride] ^ shift);
        most = std::max({most, std::max(first, 0) + std::max(second, 0), -std::min(first, 0) - std::min(second, 0)});
      }
      if (most > kNarrowPair) return false;
    }
  }
  return true;
}

// One micropanel: columns n0 .. n0 + cols of B, all K. Adds each column's values to sums.
void PackPanel(const QGemmPackArgs& args, const QGemmKernel& kernel, size_t n0, size_t cols, int8_t* panel, int32_t* sums) {
  const size_t nr = kernel.nr, kr = kernel.kr;
  const uint8_t shift = args.b_signed ? 0 : 0x80;  // u8 becomes s8 by subtracting 128, which flips the top bit
  const uint8_t* b = static_cast<const uint8_t*>(args.b);
  const size_t k_stride = args.transpose ? 1 : args.ldb, n_stride = args.transpose ? args.ldb : 1;
  for (size_t k = 0; k < args.k; ++k) {
    const uint8_t* from = b + k * k_stride + n0 * n_stride;
    int8_t* to = panel + (k / kr) * nr * kr + k % kr;
    for (size_t col = 0; col < cols; ++col) {
      const int8_t value = static_cast<int8_t>(from[col * n_stride] ^ shift);
      to[col * kr] = value;
      sums[col] += value;
    }
  }
}

}  // namespace

Status PackQGemmB(const QGemmPackArgs& args, const QGemmEntry& entry, QGemmPackedB* packed) {
  if (Status status = CheckQGemmWeights(args); !status.ok()) return status;
  const QGemmKernel* narrow = entry.kernel->narrow;
  const QGemmKernel& kernel = narrow != nullptr && IsNarrow(args) ? *narrow : *entry.kernel;
  QGemmPackedB p;
  p.entry = &entry;
  p.kernel = &kernel;
  p.k = args.k;
  p.n = args.n;
  p.k_padded = RoundUp(args.k, kernel.kr);
  p.n_padded = RoundUp(args.n, kernel.nr);

  BufferLayout layout;
  const size_t panels_at = layout.Add(p.k_padded * p.n_padded);
  const size_t scale_at = layout.Add(p.n_padded * sizeof(float));
  const size_t zero_at = layout.Add(p.n_padded * sizeof(int32_t));
  const size_t corr_at = layout.Add(p.n_padded * sizeof(int32_t));
  if (!p.storage.Reserve(std::max<size_t>(layout.size(), 1))) {
    return {Code::kNoMemory, "Expected " + std::to_string(layout.size()) + " bytes for packed weights but the system gave none"};
  }
  std::memset(p.storage.data(), 0, layout.size());
  int8_t* panels = p.storage.As<int8_t>(panels_at);
  float* scale = p.storage.As<float>(scale_at);
  int32_t* zero = p.storage.As<int32_t>(zero_at);
  int32_t* corr = p.storage.As<int32_t>(corr_at);

  for (size_t n0 = 0; n0 < args.n; n0 += kernel.nr) {
    PackPanel(args, kernel, n0, std::min<size_t>(kernel.nr, args.n - n0), panels + n0 * p.k_padded, corr + n0);
  }
  const int32_t low = args.b_signed ? -128 : 0, high = args.b_signed ? 127 : 255;
  for (size_t n = 0; n < args.n; ++n) {
    const size_t i = args.per_channel ? n : 0;
    scale[n] = args.scales[i];
    zero[n] = args.zeros[i] - (args.b_signed ? 0 : 128);
    // Depth times 255 fits: QGemm refuses depths at which even the product with a would not.
    corr[n] -= static_cast<int32_t>(static_cast<uint32_t>(args.k) * static_cast<uint32_t>(zero[n]));
    p.has_zero |= zero[n] != 0;
    p.max_magnitude = std::max({p.max_magnitude, high - args.zeros[i], args.zeros[i] - low});
  }
  p.panels = panels;
  p.scale = scale;
  p.zero = zero;
  p.corr = corr;
  *packed = std::move(p);
  return {};
}

}  // namespace lowp
