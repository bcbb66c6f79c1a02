#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/spmm/spmm_ukernel.h"

namespace lowp {
namespace {

struct Fma512 {
  using F = __m512;
  static constexpr size_t kWidth = 16;
  static constexpr int kStrip = 2;  // 8 sums, 2 of the tile, 1 value
  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static F Set(float x) { return _mm512_set1_ps(x); }
  static F Add(F x, F y) { return _mm512_add_ps(x, y); }
  static F Fma(F x, F y, F sum) { return _mm512_fmadd_ps(x, y, sum); }
  static float FmaOne(float x, float y, float sum) { return __builtin_fmaf(x, y, sum); }
};

}  // namespace

extern const SpmmKernel kSpmmAvx512;
const SpmmKernel kSpmmAvx512 = {"spmm_f32_1x64__avx512",
                                {Spmm1<Fma512>, Spmm4<Fma512>},
                                {Spmv1<Fma512>, Spmv4<Fma512>},
                                TransposeBy<float, 8, TransposeSquare<float>>,
                                StoreFloatTile<Vector512, kSparseNb>};

}  // namespace lowp
