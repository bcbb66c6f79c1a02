// What a call to QGemm settles before its blocks: are the arguments fit, 8-bit activations, the constants of the epilogue.
#ifndef LOWP_KERNELS_QGEMM_QGEMM_CALL_H_
#define LOWP_KERNELS_QGEMM_QGEMM_CALL_H_

#include <cstddef>
#include <cstdint>

#include "core/status.h"
#include "kernels/qgemm/qgemm.h"

namespace lowp {

// Scales, zero points, kinds that go together, and the depth.
Status CheckQGemm(const QGemmArgs& args);

inline bool IsFloat(QGemmA kind) { return kind == QGemmA::kFloat32PerTensor || kind == QGemmA::kFloat32PerRow; }
// What one call computes once and keeps in scratch: where it lies.
struct QGemmScratch {
  size_t col_add, scale, bias, a_data, a_scales, a_zeros, bytes;

  explicit QGemmScratch(const QGemmArgs& args);
};

// 8-bit A with its parameters, as the blocks see it.
struct QGemmActivations {
  const uint8_t* data;
  bool is_signed;
  size_t lda, batch_stride;
  float scale;           // unless per row
  int32_t zero;          // of the packed values, unless per row
  const float* scales;   // [batch * m], or null
  const int32_t* zeros;  // [batch * m], of the packed values, or null
};

// Quantizes float32 A to u8; the zero points become those of the packed values.
QGemmActivations ReadActivations(const QGemmArgs& args, const QGemmScratch& at, uint8_t* scratch);

// All of it but row_sum and c, which differ from block to block.
IntStore MakeStore(const QGemmArgs& args, const QGemmActivations& a, const QGemmScratch& at, uint8_t* scratch);

}  // namespace lowp

#endif  // LOWP_KERNELS_QGEMM_QGEMM_CALL_H_
