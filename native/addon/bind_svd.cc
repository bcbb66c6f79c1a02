// svd(ctl, a, out) and its asynchronous form.
#include <algorithm>
#include <cstring>
#include <string>

#include "addon/addon_data.h"
#include "addon/async_call.h"
#include "addon/ctl.h"
#include "addon/cuda_call.h"
#include "addon/gemm_args.h"
#include "core/thread_pool.h"
#include "kernels/svd/svd.h"

namespace lowp {
namespace {

constexpr size_t kReportFloats = SvdReport::length * sizeof(double) / sizeof(float);

size_t ReadOptional(const Control& ctl, size_t slot, const char* name) {
  return ctl.Number(slot) < 0 ? SvdArgs::kDefault : ctl.Size(slot, name);
}

struct Report {
  double values[SvdReport::length];

  explicit Report(const SvdResult& result) {
    values[SvdReport::rank] = static_cast<double>(result.rank);
    values[SvdReport::energy] = result.energy;
    values[SvdReport::residual] = result.residual;
    values[SvdReport::converged] = result.converged;
  }
};

struct Call {
  using Slot = SvdSlot;
  static constexpr size_t kOut = 2;
  static constexpr bool kWaits = true;
  SvdArgs args;
  size_t a_bytes, out_floats;
  ArrayView out;
  float* to;  // out_floats: the report, and the factors

  Call(Arguments& arguments, const Control& ctl) {
    const ArrayView a = ReadArray(arguments, 1, "a", napi_float32_array);
    out = ReadArray(arguments.env, arguments.values[2], "out", napi_float32_array);
    args.m = ctl.Size(SvdSlot::m, "the rows");
    args.n = ctl.Size(SvdSlot::n, "the columns");
    args.lda = ctl.Size(SvdSlot::lda, "the row stride");
    constexpr size_t kMaxSize = size_t{1} << 27;
    if (args.m == 0 || args.n == 0 || std::max(args.m, args.n) > kMaxSize || args.lda < args.n) {
      Fail(Code::kShape,
           "Expected from 1 to 2^27 rows and columns and a row stride of at least as many as there are columns but received " +
               std::to_string(args.m) + " rows, " + std::to_string(args.n) + " columns and a stride of " +
               std::to_string(args.lda));
    }
    const size_t extent = Extent(1, 0, args.m, args.lda, args.n), most = std::min(args.m, args.n);
    CheckExtent(a, extent, "a");
    a_bytes = extent * sizeof(float);
    const size_t criterion = ctl.Size(SvdSlot::criterion, "the criterion");
    if (criterion >= SvdCriterionCode::length)
      Fail(Code::kValue, "Expected a criterion but received " + std::to_string(criterion));
    args.criterion = static_cast<SvdCriterion>(criterion);
    args.rank = ctl.Size(SvdSlot::rank, "the rank");
    if (args.criterion != SvdCriterion::kRank) args.rank = most;
    if (args.rank < 1 || args.rank > most)
      Fail(Code::kValue, "Expected a rank from 1 to " + std::to_string(most) + " but received " + std::to_string(args.rank));
    args.target = ctl.Number(SvdSlot::target);
    if (!(args.target >= 0 && args.target <= 1))
      Fail(Code::kValue, "Expected a share from 0 to 1 but received " + std::to_string(args.target));
    args.accurate = ctl.Flag(SvdSlot::accurate);
    args.oversample = ReadOptional(ctl, SvdSlot::oversample, "oversample");
    args.power_iterations = ReadOptional(ctl, SvdSlot::powerIterations, "powerIterations");
    const double seed = ctl.Number(SvdSlot::seed);
    if (!(seed >= 0 && seed <= 9007199254740991.0)) Fail(Code::kValue, "Expected a seed from 0 to 2^53 - 1 but received another");
    args.seed = static_cast<uint64_t>(seed);
    args.measure = ctl.Flag(SvdSlot::measure);
    args.threads = std::min(ctl.Size(SvdSlot::threads, "threads"), kMaxThreads);
    if (args.threads == 0) args.threads = DefaultThreads();
    args.a = a.As<const float>();
    out_floats = SaturatingAdd(kReportFloats, SaturatingMul(args.rank, args.m + args.n + 1));
    CheckLength(out, out_floats, "out");
    CheckAlias(out, a, "a");
    to = out.As<float>();
  }

  Status Run(const std::atomic<bool>* stop) {
    args.stop = stop;
    args.out = to + kReportFloats;
    SvdResult result;
    if (Status status = Svd(args, &result); !status.ok()) return status;
    const Report report(result);
    std::memcpy(to, report.values, sizeof(report.values));
    return {};
  }
  Status RunOnDevice(const CudaDevice& device, const std::atomic<bool>* stop) const {
    CudaSvdArgs c{};
    c.m = args.m;
    c.n = args.n;
    c.a = args.a;
    c.lda = args.lda;
    c.criterion = args.criterion;
    c.rank = args.rank;
    c.target = args.target;
    c.accurate = args.accurate;
    c.oversample = args.oversample == SvdArgs::kDefault ? kCudaSvdDefault : args.oversample;
    c.power_iterations = args.power_iterations == SvdArgs::kDefault ? kCudaSvdDefault : args.power_iterations;
    c.seed = args.seed;
    c.measure = args.measure;
    c.kernel = SelectSvd(ActiveIsas()).kernel;
    if (stop != nullptr) {
      c.stopped = [](void* flag) -> int32_t { return *static_cast<const std::atomic<bool>*>(flag); };
      c.user = const_cast<std::atomic<bool>*>(stop);
    }
    c.out = to + kReportFloats;
    SvdResult result;
    Status status = CallPlugin(device, &CudaApi::svd, &CudaSvdApi::run, &c, &result);
    const Report report(result);
    return status.ok() ? device.Upload(to, report.values, sizeof(report.values)) : status;
  }
  void Hold() {}
  template <class Visit>
  void EachInput(Visit&& visit) {
    visit(args.a, a_bytes);
  }
  static bool OwnsOut(const Control&) { return false; }
  ResultRows result() const { return {1, out_floats, out_floats}; }
  void SetResult(void* data, size_t) { to = static_cast<float*>(data); }
};

}  // namespace

void BindSvd(Napi::Env env, Napi::Object exports, AddonData* data) { ExportCall<Call>(env, exports, "svd", data); }

}  // namespace lowp
