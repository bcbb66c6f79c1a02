// cpu, isas, kernels, setIsa, getIsa, setThreads, getThreads, memory, cancel, peak, bandwidth.
#include <string>

#include "addon/addon_data.h"
#include "core/cpu.h"
#include "core/isa.h"
#include "core/thread_pool.h"
#include "kernels/conv/conv.h"
#include "kernels/peak/peak.h"
#include "kernels/pool/pool.h"
#include "kernels/qspmm/qspmm.h"
#include "kernels/quantize/quantize.h"
#include "kernels/search/search.h"
#include "kernels/spmm/spmm.h"
#include "kernels/svd/svd.h"
#include "kernels/winograd/winograd.h"

namespace lowp {
namespace {

napi_value GetCpu(Arguments& arguments) {
  const CpuInfo& cpu = Cpu();
  Napi::Object info = Napi::Object::New(arguments.env);
  info.Set("vendor", cpu.vendor);
  info.Set("model", cpu.model);
  info.Set("arch", cpu.arch);
  info.Set("l1d", static_cast<double>(cpu.l1d));
  info.Set("l2", static_cast<double>(cpu.l2));
  info.Set("l3", static_cast<double>(cpu.l3));
  info.Set("cores", cpu.cores);
  return info;
}

napi_value GetIsas(Arguments& arguments) {
  Napi::Array list = Napi::Array::New(arguments.env);
  for (const IsaInfo& info : AllIsas()) {
    Napi::Object row = Napi::Object::New(arguments.env);
    row.Set("name", info.name);
    row.Set("built", info.built);
    row.Set("supported", info.supported);
    list.Set(list.Length(), row);
  }
  return list;
}

template <class Entry, class NameOf>
void ListKernels(Napi::Array list, const char* family, const std::vector<Entry>& entries, const Entry& selected,
                 NameOf&& name_of) {
  for (const Entry& entry : entries) {
    Napi::Object row = Napi::Object::New(list.Env());
    row.Set("family", family);
    row.Set("name", name_of(*entry.kernel));
    row.Set("isa", InfoOf(entry.isa).name);
    row.Set("supported", InfoOf(entry.isa).supported);
    row.Set("selected", entry.kernel == selected.kernel);
    list.Set(list.Length(), row);
  }
}

template <class Entry>
void ListKernels(Napi::Array list, const char* family, const std::vector<Entry>& entries, const Entry& selected) {
  ListKernels(list, family, entries, selected, [](const auto& kernel) { return kernel.name; });
}

// Two families: which of them a packed matrix has follows from where its values stand.
template <class Entry>
void ListSparse(Napi::Array list, const std::string& family, const std::vector<Entry>& entries, const Entry& selected) {
  ListKernels(list, family.c_str(), entries, selected, [](const auto& kernel) { return kernel.singles.name; });
  ListKernels(list, (family + "_quads").c_str(), entries, selected, [](const auto& kernel) { return kernel.quads.name; });
}

napi_value GetKernels(Arguments& arguments) {
  Napi::Array list = Napi::Array::New(arguments.env);
  const IsaSet active = ActiveIsas();
  ListKernels(list, "qgemm", QGemmKernels(), SelectQGemm(active));
  ListKernels(list, "sgemm", SGemmKernels(), SelectSGemm(active));
  ListKernels(list, "nbits", NBitsKernels(), SelectNBits(active));
  ListKernels(list, "quantize", QuantizeKernels(), SelectQuantize(active));
  ListKernels(list, "conv", ConvKernels(), SelectConv(active));
  ListKernels(list, "winograd", WinogradKernels(), SelectWinograd(active));
  ListKernels(list, "pool", PoolKernels(), SelectPool(active));
  ListSparse(list, "spmm", SpmmKernels(), SelectSpmm(active));
  ListSparse(list, "qspmm", QSpmmKernels(), SelectQSpmm(active));
  ListKernels(list, "svd", SvdKernels(), SelectSvd(active));
  ListKernels(list, "search", SearchKernels(), SelectSearch(active));
  return list;
}

std::string ReadString(const Arguments& arguments, size_t index, const char* name) {
  const Napi::Value value(arguments.env, arguments.values[index]);
  if (!value.IsString()) Fail(Code::kType, std::string("Expected a string for ") + name);
  return value.As<Napi::String>().Utf8Value();
}

napi_value ApplyIsa(Arguments& arguments) {
  Check(SetIsa(ReadString(arguments, 0, "isa")));
  return nullptr;
}

napi_value GetIsa(Arguments& arguments) { return Napi::String::New(arguments.env, InfoOf(CurrentIsa()).name); }

napi_value SetThreads(Arguments& arguments) {
  const double threads = ReadNumber(arguments, 0, "threads");
  if (!(threads >= 1 && threads <= static_cast<double>(kMaxThreads) &&
        threads == static_cast<double>(static_cast<size_t>(threads)))) {
    Fail(Code::kValue, "Expected a whole number of threads from 1 to " + std::to_string(kMaxThreads) + " but received " +
                           std::to_string(threads));
  }
  SetDefaultThreads(static_cast<size_t>(threads));
  return nullptr;
}

napi_value GetThreads(Arguments& arguments) { return Napi::Number::New(arguments.env, static_cast<double>(DefaultThreads())); }

napi_value GetMemory(Arguments& arguments) {
  const AddonData& data = DataOf(arguments);
  Napi::Object memory = Napi::Object::New(arguments.env);
  memory.Set("packedHandles", static_cast<double>(data.handles->live));
  memory.Set("packedBytes", static_cast<double>(data.handles->bytes));
  memory.Set("asyncPending", static_cast<double>(data.queue.pending()));
  return memory;
}

napi_value Cancel(Arguments& arguments) {
  return Napi::Boolean::New(arguments.env, DataOf(arguments).queue.Cancel(ReadNumber(arguments, 0, "job")));
}

napi_value Peak(Arguments& arguments) {
  const std::string kind = ReadString(arguments, 0, "kind"), name = ReadString(arguments, 1, "isa");
  if (kind != "int8" && kind != "float32") Fail(Code::kValue, "Expected int8 or float32 for kind but received " + kind);
  for (const IsaInfo& info : AllIsas()) {
    if (name == info.name) {
      return Napi::Number::New(arguments.env, MeasurePeak(kind == "int8" ? PeakKind::kInt8 : PeakKind::kFloat32, info.isa,
                                                          ReadNumber(arguments, 2, "milliseconds")));
    }
  }
  Fail(Code::kValue, "Expected the name of an ISA but received " + name);
}

napi_value Bandwidth(Arguments& arguments) {
  const double bytes = ReadNumber(arguments, 0, "bytes");
  constexpr double kMax = 4294967296.0;
  if (!(bytes >= 1 && bytes <= kMax)) Fail(Code::kValue, "Expected from 1 to 2^32 bytes but received " + std::to_string(bytes));
  return Napi::Number::New(arguments.env,
                           MeasureReadBandwidth(static_cast<size_t>(bytes), ReadNumber(arguments, 1, "milliseconds")));
}

}  // namespace

void BindRuntime(Napi::Env env, Napi::Object exports, AddonData* data) {
  Export<GetCpu>(env, exports, "cpu", data);
  Export<GetIsas>(env, exports, "isas", data);
  Export<GetKernels>(env, exports, "kernels", data);
  Export<ApplyIsa>(env, exports, "setIsa", data);
  Export<GetIsa>(env, exports, "getIsa", data);
  Export<SetThreads>(env, exports, "setThreads", data);
  Export<GetThreads>(env, exports, "getThreads", data);
  Export<GetMemory>(env, exports, "memory", data);
  Export<Cancel>(env, exports, "cancel", data);
  Export<Peak>(env, exports, "peak", data);
  Export<Bandwidth>(env, exports, "bandwidth", data);
}

}  // namespace lowp
