#include <arm_neon.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/sparse/sparse_transpose_neon.h"
#include "kernels/spmm/spmm_ukernel.h"

namespace lowp {
namespace {

struct FmaNeon {
  using F = float32x4_t;
  static constexpr size_t kWidth = 4;
  static constexpr int kStrip = 4;  // 16 sums, 4 of the tile, 1 value
  static F Load(const float* p) { return vld1q_f32(p); }
  static void Store(float* p, F x) { vst1q_f32(p, x); }
  static F Set(float x) { return vdupq_n_f32(x); }
  static F Add(F x, F y) { return vaddq_f32(x, y); }
  static F Fma(F x, F y, F sum) { return vfmaq_f32(sum, x, y); }
  static float FmaOne(float x, float y, float sum) { return __builtin_fmaf(x, y, sum); }
};

}  // namespace

extern const SpmmKernel kSpmmNeon;
const SpmmKernel kSpmmNeon = {{"spmm_f32_1x64__neon", {Spmm1<FmaNeon, 1>, Spmm4<FmaNeon, 1>}, {Spmv1<FmaNeon>, Spmv4<FmaNeon>}},
                              {"spmm_quads_f32_1x64__neon",
                               {Spmm1<FmaNeon, kSparseWidth>, Spmm4<FmaNeon, kSparseWidth>},
                               {SpmvQuads1<FmaNeon>, SpmvQuads4<FmaNeon>}},
                              {kWholeQuads, kWholeQuads},
                              nullptr,
                              TransposeBy<float, 4, TransposeSquare<float>>,
                              StoreFloatTile<VectorNeon, kSparseNb>};

}  // namespace lowp
