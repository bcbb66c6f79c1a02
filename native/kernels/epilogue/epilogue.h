// What the matrix products do to a tile before it is stored:
//
//   y[m,n] = activation(x[m,n] + bias[n] + residual[m,n])           each step rounded to float32
//
// with x the real value of the product. The residual comes before the activation, as ResNet blocks have it (relu(conv +
// residual)); a transformer block adds its residual to a projection without an activation, where the order does not matter.
//
// This family has no kernels of its own. Its headers are templates over a vector type, which the microkernel files of qgemm,
// sgemm and nbits instantiate:
//
//   epilogue_kernel.h      plain data: which activation, where the residual is
//   epilogue_vector.h      what a vector type offers; epilogue_vector256.h, ..512.h, ..neon.h, ..scalar.h: the vector types
//   epilogue_activation.h  the activations, their rounding steps and errors
//   epilogue_residual.h    a vector of the residual
//   epilogue_store.h       the whole of it where sums are float32: sgemm, nbits and spmm
//   epilogue_int_store.h   the whole of it where sums are int32, scales and zero points included: qgemm and qspmm
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_H_

#include "core/status.h"
#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

Status CheckEpilogue(const Activation& activation, const Residual& residual);

enum class OutputKind : uint8_t { kInt32, kFloat32, kU8, kS8 };
// Bytes of an element.
inline size_t SizeOf(OutputKind kind) { return kind == OutputKind::kInt32 || kind == OutputKind::kFloat32 ? 4 : 1; }
inline size_t SizeOf(ResidualKind kind) { return kind == ResidualKind::kNone ? 0 : kind == ResidualKind::kFloat32 ? 4 : 1; }

// What becomes of exact int32 sums: see qgemm.h for the formulas. scale and zero: of an 8-bit output.
struct IntOutput {
  OutputKind kind = OutputKind::kFloat32;
  float scale = 1;
  int32_t zero = 0;
  const int32_t* bias_s32 = nullptr;
  const float* bias_f32 = nullptr;
  Activation activation{};
  Residual residual{};
};
// `dynamic`: the activations are float32, so that sums have no unit that the caller knows.
Status CheckIntOutput(const IntOutput& output, bool dynamic);
// Nothing in real units lies between the sum and the rounding.
bool Requantizes(const IntOutput& output);
// Mode, activation, residual, and what 8-bit output needs; not the arrays, nor where C is.
void SetOutput(const IntOutput& output, IntStore* store);

bool IsValidScale(float scale);

// The residual as seen from `rows` rows further down.
Residual SkipRows(Residual residual, size_t rows);

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_H_
