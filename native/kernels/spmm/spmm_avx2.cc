#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/spmm/spmm_ukernel.h"

namespace lowp {
namespace {

struct Fma256 {
  using F = __m256;
  static constexpr size_t kWidth = 8;
  static constexpr int kStrip = 2;  // 8 sums, 2 of the tile, 1 value
  static F Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static F Set(float x) { return _mm256_set1_ps(x); }
  static F Add(F x, F y) { return _mm256_add_ps(x, y); }
  static F Fma(F x, F y, F sum) { return _mm256_fmadd_ps(x, y, sum); }
  static float FmaOne(float x, float y, float sum) { return __builtin_fmaf(x, y, sum); }
};

}  // namespace

extern const SpmmKernel kSpmmAvx2;
const SpmmKernel kSpmmAvx2 = {"spmm_f32_1x64__avx2",
                              {Spmm1<Fma256>, Spmm4<Fma256>},
                              {Spmv1<Fma256>, Spmv4<Fma256>},
                              TransposeBy<float, 8, TransposeSquare<float>>,
                              StoreFloatTile<Vector256, kSparseNb>};

}  // namespace lowp
