// cast(ctl, x, out): float32, bfloat16 and float16 from each other.
#include "addon/addon_data.h"
#include "addon/ctl.h"
#include "addon/gemm_args.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {
namespace {

napi_value Cast(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], CastSlot::length);
  const SGemmStorage from = ReadStorage(ctl, CastSlot::from, "the dtype of x"), to = ReadStorage(ctl, CastSlot::to, "the dtype");
  const ArrayView x = ReadArray(arguments.env, arguments.values[1], "x");
  const ArrayView out = ReadArray(arguments.env, arguments.values[2], "out");
  const size_t count = ctl.Size(CastSlot::count, "the number of elements");
  CheckHolds(x, from, "x");
  CheckHolds(out, to, "out");
  CheckLength(x, count, "x");
  CheckLength(out, count, "out");
  CheckAlias(out, x, "x");
  CastFloats(from, x.data, to, count, out.data);
  return nullptr;
}

}  // namespace

void BindCast(Napi::Env env, Napi::Object exports, AddonData* data) { Export<Cast>(env, exports, "cast", data); }

}  // namespace lowp
