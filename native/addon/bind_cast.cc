// cast(ctl, x, out): float32, bfloat16 and float16 from each other.
#include "addon/addon_data.h"
#include "addon/ctl.h"
#include "addon/cuda_call.h"
#include "addon/gemm_args.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {
namespace {

napi_value Cast(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], CastSlot::length);
  const SGemmStorage from = ReadStorage(ctl, CastSlot::from, "the dtype of x"), to = ReadStorage(ctl, CastSlot::to, "the dtype");
  const ArrayView x = ReadArray(arguments, 1, "x");
  const ArrayView out = ReadArray(arguments, 2, "out");
  const size_t count = ctl.Size(CastSlot::count, "the number of elements");
  CheckHolds(x, from, "x");
  CheckHolds(out, to, "out");
  CheckLength(x, count, "x");
  CheckLength(out, count, "out");
  CheckAlias(out, x, "x");
  if (arguments.device != nullptr) {
    CudaFrame frame(*arguments.device);
    void* to_device = frame.Out<void>(out);
    Check(CallPlugin(**arguments.device, &CudaApi::sgemm, &CudaSGemmApi::cast, from, frame.OnDevice<void>(x), to, uint64_t{count},
                     to_device));
    frame.Deliver(out, to_device, count);
    return nullptr;
  }
  CastFloats(from, x.data, to, count, out.data);
  return nullptr;
}

}  // namespace

void BindCast(Napi::Env env, Napi::Object exports, AddonData* data) { ExportBoth<Cast>(env, exports, "cast", data); }

}  // namespace lowp
