// sgemm(ctl, a, b, out, bias, residual) and its asynchronous form.
#include "addon/float_gemm.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {
namespace {

struct SGemmFamily {
  using Args = SGemmArgs;
  using Weights = SGemmPackedB;
  static constexpr const char* kWeights = "float32 packed weights";
  static Status Run(const Args& args) { return SGemm(args); }
  static bool ReadTranspose(const Control& ctl, Args* args) { return args->transpose_a = ctl.Flag(GemmSlot::transposeA); }
  static void SetOut(Args* args, float* c, size_t ldc) {
    args->c = c;
    args->ldc = ldc;
    args->batch_stride_c = args->m * ldc;
  }
};

}  // namespace

void BindSGemm(Napi::Env env, Napi::Object exports, AddonData* data) {
  Export<CallSync<FloatGemm<SGemmFamily>>>(env, exports, "sgemm", data);
  Export<CallAsync<FloatGemm<SGemmFamily>>>(env, exports, "sgemmAsync", data);
}

}  // namespace lowp
