// sgemm(ctl, a, b, out, bias, residual) and its asynchronous form.
#include "addon/float_gemm.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {
namespace {

struct SGemmFamily {
  struct Args : SGemmArgs {
    const LowRankPackedF* low_rank = nullptr;  // in place of b
  };
  static WeightSizes SetWeights(const Packed& packed, Args* args) {
    args->low_rank = std::get_if<LowRankPackedF>(&packed.weights);
    if (args->low_rank != nullptr) return {args->low_rank->first->k, args->low_rank->second->n};
    args->b = &WeightsOf<SGemmPackedB>(packed, "float32 packed weights");
    return {args->b->k, args->b->n};
  }
  static Status Run(const Args& args) { return args.low_rank != nullptr ? LowRankSGemm(args, *args.low_rank) : SGemm(args); }
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
