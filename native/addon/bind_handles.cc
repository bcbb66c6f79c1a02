// packQ, packF, packLowRank, dispose, handleInfo.
#include <utility>

#include "addon/addon_data.h"
#include "addon/ctl.h"
#include "addon/cuda_call.h"
#include "addon/gemm_args.h"

namespace lowp {
namespace {

struct Stored {
  size_t k, n, ldb;
  bool transpose;

  Stored(const Control& ctl, const ArrayView& b) {
    k = ctl.Size(PackSlot::k, "K");
    n = ctl.Size(PackSlot::n, "N");
    ldb = ctl.Size(PackSlot::ldb, "ldb");
    transpose = ctl.Flag(PackSlot::transposeB);
    const size_t rows = transpose ? n : k, cols = transpose ? k : n;
    if (ldb < cols)
      Fail(Code::kShape, "Expected ldb of at least " + std::to_string(cols) + " but received " + std::to_string(ldb));
    CheckExtent(b, Extent(1, 0, rows, ldb, cols), "b");
    // An empty product with one huge side passes the extent; its column arrays must still fit.
    constexpr size_t kMaxColumns = size_t{1} << 27;
    if (n > kMaxColumns)
      Fail(Code::kShape, "Expected at most " + std::to_string(kMaxColumns) + " columns but received " + std::to_string(n));
  }
};

napi_value PackQ(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], PackSlot::length);
  const ArrayView b = ReadArray(arguments, 1, "b");
  if (b.type != napi_int8_array && b.type != napi_uint8_array) Fail(Code::kType, "Expected Int8Array or Uint8Array for b");
  const ArrayView scales = ReadArray(arguments, 2, "the scales of b", napi_float32_array);
  const ArrayView zeros = ReadArray(arguments, 3, "the zero points of b", napi_int32_array);
  const Stored stored(ctl, b);
  const bool per_channel = scales.length != 1 || zeros.length != 1;
  if (per_channel) {
    CheckLength(scales, stored.n, "the scales of b");
    CheckLength(zeros, stored.n, "the zero points of b");
  }
  if (arguments.device != nullptr) {
    CudaFrame frame(*arguments.device);
    const CudaQGemmPackArgs args{stored.k,   stored.n,         frame.OnDevice<void>(b),       b.type == napi_int8_array,
                                 stored.ldb, stored.transpose, frame.OnDevice<float>(scales), frame.OnDevice<int32_t>(zeros),
                                 per_channel};
    CudaQGemmWeights weights{};
    Check(CallPlugin(**arguments.device, &CudaApi::qgemm, &CudaQGemmApi::pack, &args, &weights));
    return MakeCudaHandle(arguments, weights);
  }
  QGemmPackedB packed;
  Check(PackQGemmB({stored.k, stored.n, b.data, b.type == napi_int8_array, stored.ldb, stored.transpose, scales.As<const float>(),
                    zeros.As<const int32_t>(), per_channel},
                   SelectQGemm(ActiveIsas()), &packed));
  return MakeHandle(env, std::make_shared<const Packed>(Packed{std::move(packed)}), DataOf(arguments).handles);
}

napi_value PackF(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], PackSlot::length);
  const ArrayView b = ReadArray(arguments, 1, "b");
  const SGemmStorage stored_as = ReadStorage(ctl, PackSlot::storage, "the storage");
  const SGemmStorage given_as = b.type == napi_float32_array ? SGemmStorage::kFloat32 : stored_as;
  CheckHolds(b, given_as, "b");
  const Stored stored(ctl, b);
  if (arguments.device != nullptr) {
    CudaFrame frame(*arguments.device);
    const CudaSGemmPackArgs args{stored.k, stored.n, frame.OnDevice<void>(b), stored.ldb, stored.transpose, given_as, stored_as};
    CudaSGemmWeights weights{};
    Check(CallPlugin(**arguments.device, &CudaApi::sgemm, &CudaSGemmApi::pack, &args, &weights));
    return MakeCudaHandle(arguments, weights);
  }
  SGemmPackedB packed;
  Check(PackSGemmB({stored.k, stored.n, b.data, stored.ldb, stored.transpose, given_as, stored_as}, SelectSGemm(ActiveIsas()),
                   &packed));
  return MakeHandle(env, std::make_shared<const Packed>(Packed{std::move(packed)}), DataOf(arguments).handles);
}

// The weights in a handle of their own, kept alive by it.
template <class Weights>
std::shared_ptr<const Weights> Share(const std::shared_ptr<const Packed>& packed) {
  return {packed, std::get_if<Weights>(&packed->weights)};
}

// False where they are of another kind.
template <class Weights>
bool Join(const std::shared_ptr<const Packed>& first, const std::shared_ptr<const Packed>& second, Packed* joined) {
  const LowRankPacked<Weights> both{Share<Weights>(first), Share<Weights>(second)};
  if (both.first == nullptr || both.second == nullptr) return false;
  if (both.first->n != both.second->k) {
    Fail(Code::kShape, "Expected " + std::to_string(both.first->n) + " rows (the columns of the first factor) but received " +
                           std::to_string(both.second->k));
  }
  joined->weights = both;
  return true;
}

napi_value PackLowRank(Arguments& arguments) {
  const HandleRegistry& registry = *DataOf(arguments).handles;
  const std::shared_ptr<const Packed> first = ReadPacked(arguments.env, arguments.values[0], registry),
                                      second = ReadPacked(arguments.env, arguments.values[1], registry);
  auto joined = std::make_shared<Packed>();
  if (!Join<SGemmPackedB>(first, second, joined.get()) && !Join<QGemmPackedB>(first, second, joined.get()))
    Fail(Code::kHandle, "Expected two factors that are both float or both 8-bit but these handles hold others");
  return MakeHandle(arguments.env, std::move(joined), DataOf(arguments).handles);
}

napi_value Dispose(Arguments& arguments) {
  DisposePacked(arguments.env, arguments.values[0], *DataOf(arguments).handles);
  return nullptr;
}

template <class Weights>
const char* KernelName(const Weights& weights) {
  return weights.entry->kernel->name;
}
const char* KernelName(const QGemmPackedB& weights) { return weights.kernel->name; }

template <class Weights>
void Describe(const Weights& weights, Napi::Object* info) {
  info->Set("k", static_cast<double>(weights.k));
  info->Set("n", static_cast<double>(weights.n));
  info->Set("kernel", KernelName(weights));
  info->Set("isa", InfoOf(weights.entry->isa).name);
}

template <class Weights>
void DescribeSparse(const Weights& weights, Napi::Object* info) {
  info->Set("k", static_cast<double>(weights.k));
  info->Set("n", static_cast<double>(weights.n));
  info->Set("kernel", weights.kernel_name());
  info->Set("isa", InfoOf(weights.entry->isa).name);
}
void Describe(const SpmmPacked& weights, Napi::Object* info) { DescribeSparse(weights, info); }
void Describe(const QSpmmPacked& weights, Napi::Object* info) { DescribeSparse(weights, info); }

template <class Weights>
void DescribeConv(const Weights& weights, Napi::Object* info) {
  info->Set("k", static_cast<double>(weights.k()));
  info->Set("n", static_cast<double>(weights.n()));
  info->Set("kernel", weights.kernel_name());
  info->Set("isa", InfoOf(weights.isa()).name);
}
template <class Weights>
void Describe(const LowRankPacked<Weights>& weights, Napi::Object* info) {
  Describe(*weights.second, info);
  info->Set("k", static_cast<double>(weights.first->k));
}
void Describe(const ConvPackedF& weights, Napi::Object* info) { DescribeConv(weights, info); }
void Describe(const ConvPackedQ& weights, Napi::Object* info) { DescribeConv(weights, info); }

// Which kernel multiplies by weights on the device is decided at each call.
template <class Weights>
void DescribeCuda(size_t k, size_t n, const CudaPacked<Weights>&, Napi::Object* info) {
  info->Set("k", static_cast<double>(k));
  info->Set("n", static_cast<double>(n));
  info->Set("kernel", "cuda");
  info->Set("isa", "cuda");
}
template <class Weights>
void Describe(const CudaPacked<Weights>& packed, Napi::Object* info) {
  DescribeCuda(packed.weights.k, packed.weights.n, packed, info);
}
void Describe(const CudaPackedSparse& packed, Napi::Object* info) {
  DescribeCuda(packed.weights.cols, packed.weights.rows, packed, info);
  info->Set("kernel", packed.weights.kernel);
}
void Describe(const CudaPackedConv& packed, Napi::Object* info) {
  DescribeCuda(packed.weights.shape.depth(), packed.weights.shape.out_channels, packed, info);
  info->Set("kernel", packed.weights.kernel);
}
void Describe(const CudaArray& array, Napi::Object* info) {
  info->Set("k", static_cast<double>(array.view().length));
  info->Set("n", 1);
  info->Set("kernel", "");
  info->Set("isa", "cuda");
}

napi_value HandleInfo(Arguments& arguments) {
  const std::shared_ptr<const Packed>& packed = ReadPacked(arguments.env, arguments.values[0], *DataOf(arguments).handles);
  Napi::Object info = Napi::Object::New(arguments.env);
  std::visit([&](const auto& weights) { Describe(weights, &info); }, packed->weights);
  info.Set("bytes", static_cast<double>(packed->bytes()));
  const SearchCorpus* corpus = std::get_if<SearchCorpus>(&packed->weights);
  const NBitsPackedB* groups = std::get_if<NBitsPackedB>(&packed->weights);
  const LowRankPackedF* factors = std::get_if<LowRankPackedF>(&packed->weights);
  const SGemmPackedB* floats = factors != nullptr ? factors->second.get() : std::get_if<SGemmPackedB>(&packed->weights);
  const CudaPackedN* cuda_groups = std::get_if<CudaPackedN>(&packed->weights);
  const CudaPackedF* cuda_floats = std::get_if<CudaPackedF>(&packed->weights);
  const bool is_binary = corpus != nullptr && corpus->binary,
             is_int4 = groups != nullptr ? groups->bits == 4 : cuda_groups != nullptr && cuda_groups->weights.bits == 4;
  constexpr const char* kFloatDtypes[kSGemmStorages] = {"float32", "bfloat16", "float16"};
  const char* const dtype = floats != nullptr        ? kFloatDtypes[static_cast<size_t>(floats->stored_as)]
                            : cuda_floats != nullptr ? kFloatDtypes[static_cast<size_t>(cuda_floats->weights.stored_as)]
                            : is_binary              ? "binary"
                            : is_int4                ? "int4"
                                                     : "int8";
  info.Set("dtype", dtype);
  info.Set("groupSize", static_cast<double>(groups != nullptr        ? groups->group
                                            : cuda_groups != nullptr ? cuda_groups->weights.group
                                                                     : 0));
  return info;
}

}  // namespace

void BindHandles(Napi::Env env, Napi::Object exports, AddonData* data) {
  ExportBoth<PackQ>(env, exports, "packQ", data);
  ExportBoth<PackF>(env, exports, "packF", data);
  Export<PackLowRank>(env, exports, "packLowRank", data);
  Export<Dispose>(env, exports, "dispose", data);
  Export<HandleInfo>(env, exports, "handleInfo", data);
}

}  // namespace lowp
