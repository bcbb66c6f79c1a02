#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/sparse/sparse_transpose.h"
#include "kernels/spmm/spmm_ukernel.h"

namespace lowp {
namespace {

// Four floats that the compiler makes a vector of, or not.
struct Plain {
  struct F {
    float lanes[4];
  };
  static constexpr size_t kWidth = 4;
  static constexpr int kStrip = 1;
  static F Load(const float* p) { return {{p[0], p[1], p[2], p[3]}}; }
  static void Store(float* p, F x) {
    for (size_t i = 0; i < kWidth; ++i) p[i] = x.lanes[i];
  }
  static F Set(float x) { return {{x, x, x, x}}; }
  static F Add(F x, F y) {
    for (size_t i = 0; i < kWidth; ++i) x.lanes[i] += y.lanes[i];
    return x;
  }
  static F Fma(F x, F y, F sum) {
    for (size_t i = 0; i < kWidth; ++i) sum.lanes[i] = FmaOne(x.lanes[i], y.lanes[i], sum.lanes[i]);
    return sum;
  }
  static float FmaOne(float x, float y, float sum) { return x * y + sum; }
};

inline void TransposeOne(const float* from, size_t, float* to, size_t) { *to = *from; }

}  // namespace

extern const SpmmKernel kSpmmScalar;
const SpmmKernel kSpmmScalar = {{"spmm_f32_1x64__scalar", {Spmm1<Plain, 1>, Spmm4<Plain, 1>}, {Spmv1<Plain>, Spmv4<Plain>}},
                                {"spmm_quads_f32_1x64__scalar",
                                 {Spmm1<Plain, kSparseWidth>, Spmm4<Plain, kSparseWidth>},
                                 {SpmvQuads1<Plain>, SpmvQuads4<Plain>}},
                                {kWholeQuads, kWholeQuads},
                                nullptr,
                                TransposeBy<float, 1, TransposeOne>,
                                StoreFloatTile<VectorScalar, kSparseNb>};

}  // namespace lowp
