// sgemm(ctl, a, b, out, bias, residual) and its asynchronous form.
#include "addon/float_gemm.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {
namespace {

struct SGemmFamily {
  struct Args : SGemmArgs {
    const LowRankPackedF* low_rank = nullptr;     // in place of b
    const CudaSGemmWeights* on_device = nullptr;  // likewise
    bool tensor_cores = false;                    // on the device
  };
  static WeightSizes SetWeights(const Packed& packed, bool on_device, Args* args) {
    if (on_device) {
      args->on_device = &WeightsOf<CudaPackedF>(packed, "float weights packed for the CUDA device").weights;
      return {args->on_device->k, args->on_device->n};
    }
    args->low_rank = std::get_if<LowRankPackedF>(&packed.weights);
    if (args->low_rank != nullptr) return {args->low_rank->first->k, args->low_rank->second->n};
    args->b = &WeightsOf<SGemmPackedB>(packed, "float32 packed weights");
    return {args->b->k, args->b->n};
  }
  static Status Run(const Args& args) { return args.low_rank != nullptr ? LowRankSGemm(args, *args.low_rank) : SGemm(args); }
  static Status RunOnDevice(const CudaDevice& device, const Args& args) {
    CudaSGemmArgs c{};
    c.batch = args.batch;
    c.m = args.m;
    c.a = args.a;
    c.lda = args.lda;
    c.batch_stride_a = args.batch_stride_a;
    c.transpose_a = args.transpose_a;
    c.b = args.on_device;
    c.c = args.c;
    c.ldc = args.ldc;
    c.batch_stride_c = args.batch_stride_c;
    c.bias = args.bias;
    c.activation = args.activation;
    c.residual = args.residual;
    c.tensor_cores = args.tensor_cores;
    return CallPlugin(device, &CudaApi::sgemm, &CudaSGemmApi::run, &c);
  }
  static bool ReadTranspose(const Control& ctl, Args* args) {
    args->tensor_cores = ctl.Flag(GemmSlot::tensorCores);
    return args->transpose_a = ctl.Flag(GemmSlot::transposeA);
  }
  static void SetOut(Args* args, float* c, size_t ldc) {
    args->c = c;
    args->ldc = ldc;
    args->batch_stride_c = args->m * ldc;
  }
};

}  // namespace

void BindSGemm(Napi::Env env, Napi::Object exports, AddonData* data) {
  ExportCall<FloatGemm<SGemmFamily>>(env, exports, "sgemm", data);
}

}  // namespace lowp
