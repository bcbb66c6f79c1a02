// embeddingRanges, quantizeEmbeddings, packEmbeddings, search and its asynchronous form, rescore.
#include <algorithm>
#include <string>
#include <utility>

#include "addon/async_call.h"
#include "addon/ctl.h"
#include "core/thread_pool.h"
#include "kernels/search/search.h"

namespace lowp {
namespace {

size_t ReadThreads(const Control& ctl) {
  const size_t threads = std::min(ctl.Size(SearchSlot::threads, "threads"), kMaxThreads);
  return threads == 0 ? DefaultThreads() : threads;
}

// x [rows][dimensions], float32.
EmbeddingShape ReadShape(const Control& ctl, const ArrayView& x) {
  const EmbeddingShape shape{ctl.Size(SearchSlot::rows, "the rows"), ctl.Size(SearchSlot::dimensions, "the dimensions"),
                             ctl.Size(SearchSlot::ld, "the row stride")};
  if (shape.ld < shape.dimensions)
    Fail(Code::kShape,
         "Expected a row stride of at least " + std::to_string(shape.dimensions) + " but received " + std::to_string(shape.ld));
  // An empty matrix of very many rows or dimensions has nothing to loop over.
  if (shape.rows > kSearchMaxRows || shape.dimensions > kSearchMaxRows)
    Fail(Code::kShape, "Expected at most " + std::to_string(kSearchMaxRows) + " rows and dimensions but received " +
                           std::to_string(std::max(shape.rows, shape.dimensions)));
  CheckExtent(x, Extent(1, 0, shape.rows, shape.ld, shape.dimensions), "x");
  return shape;
}

napi_value BoundRanges(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], SearchSlot::length);
  const ArrayView x = ReadArray(env, arguments.values[1], "x", napi_float32_array);
  const ArrayView min = ReadArray(env, arguments.values[2], "min", napi_float32_array);
  const ArrayView max = ReadArray(env, arguments.values[3], "max", napi_float32_array);
  const EmbeddingShape shape = ReadShape(ctl, x);
  CheckLength(min, shape.dimensions, "min");
  CheckLength(max, shape.dimensions, "max");
  CheckAlias(min, x, "x");
  CheckAlias(max, x, "x");
  CheckAlias(max, min, "min");
  EmbeddingRanges(shape, x.As<const float>(), min.As<float>(), max.As<float>());
  return nullptr;
}

napi_value BoundQuantize(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], SearchSlot::length);
  const ArrayView x = ReadArray(env, arguments.values[1], "x", napi_float32_array);
  const ArrayView out = ReadArray(env, arguments.values[2], "out");
  if (out.type != napi_int8_array && out.type != napi_uint8_array) Fail(Code::kType, "Expected Int8Array or Uint8Array for out");
  const EmbeddingShape shape = ReadShape(ctl, x);
  const bool binary = out.type == napi_uint8_array;
  const size_t bytes = SaturatingMul(shape.rows, SearchCodeBytes(shape.dimensions, binary));
  CheckLength(out, bytes, "out");
  CheckAlias(out, x, "x");
  if (bytes == 0) return nullptr;
  if (binary) {
    BinarizeEmbeddings(shape, x.As<const float>(), out.As<uint8_t>());
    return nullptr;
  }
  const ArrayView centre = ReadArray(env, arguments.values[3], "the centres", napi_float32_array);
  const ArrayView step = ReadArray(env, arguments.values[4], "the steps", napi_float32_array);
  const bool per_dimension = centre.length != 1 || step.length != 1;
  if (per_dimension) {
    CheckLength(centre, shape.dimensions, "the centres");
    CheckLength(step, shape.dimensions, "the steps");
  }
  CheckAlias(out, centre, "the centres");
  CheckAlias(out, step, "the steps");
  QuantizeEmbeddings(shape, x.As<const float>(), centre.As<const float>(), step.As<const float>(), per_dimension,
                     out.As<int8_t>());
  return nullptr;
}

// packEmbeddings(ctl, codes)
napi_value BoundPack(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], SearchSlot::length);
  const ArrayView codes = ReadArray(env, arguments.values[1], "the codes");
  if (codes.type != napi_int8_array && codes.type != napi_uint8_array)
    Fail(Code::kType, "Expected Int8Array or Uint8Array for the codes");
  const bool binary = codes.type == napi_uint8_array;
  const size_t rows = ctl.Size(SearchSlot::rows, "the rows"), dimensions = ctl.Size(SearchSlot::dimensions, "the dimensions");
  CheckLength(codes, SaturatingMul(rows, SearchCodeBytes(dimensions, binary)), "the codes");
  SearchCorpus corpus;
  Check(PackSearchCorpus({rows, dimensions, codes.As<const uint8_t>(), binary}, SelectSearch(ActiveIsas()), &corpus));
  return MakeHandle(env, std::make_shared<const Packed>(Packed{std::move(corpus)}), DataOf(arguments).handles);
}

// search(ctl, codes, corpus, out): out takes the rows [queries][k], then the scores [queries][k].
struct Call {
  using Slot = SearchSlot;
  static constexpr size_t kOut = 3;
  SearchArgs args;
  const std::shared_ptr<const Packed>& packed;
  std::shared_ptr<const Packed> held;
  size_t code_bytes, hits;
  ArrayView out;

  Call(Arguments& arguments, const Control& ctl)
      : packed(ReadPacked(arguments.env, arguments.values[2], *DataOf(arguments).handles)) {
    napi_env env = arguments.env;
    const ArrayView codes = ReadArray(env, arguments.values[1], "the codes of the queries");
    const SearchCorpus& corpus = WeightsOf<SearchCorpus>(*packed, "packed embeddings");
    if (codes.type != (corpus.binary ? napi_uint8_array : napi_int8_array)) {
      Fail(Code::kType,
           std::string("Expected ") + (corpus.binary ? "Uint8Array" : "Int8Array") + " for the codes of the queries");
    }
    out = ReadArray(env, arguments.values[3], "out", napi_int32_array);
    const size_t dimensions = ctl.Size(SearchSlot::dimensions, "the dimensions");
    if (dimensions != corpus.k)
      Fail(Code::kShape, "Expected " + std::to_string(corpus.k) + " dimensions but received " + std::to_string(dimensions));
    args.corpus = &corpus;
    args.queries = ctl.Size(SearchSlot::queries, "the queries");
    args.k = ctl.Size(SearchSlot::k, "k");
    args.threads = ReadThreads(ctl);
    code_bytes = SaturatingMul(args.queries, SearchCodeBytes(dimensions, corpus.binary));
    hits = SaturatingMul(args.queries, args.k);
    CheckLength(codes, code_bytes, "the codes of the queries");
    CheckLength(out, SaturatingMul(hits, 2), "out");
    CheckAlias(out, codes, "the codes of the queries");
    args.codes = codes.As<const uint8_t>();
    SetResult(out.data, 0);
  }

  Status Run(const std::atomic<bool>* stop) {
    args.stop = stop;
    return Search(args);
  }
  void Hold() { held = packed; }
  template <class Visit>
  void EachInput(Visit&& visit) {
    visit(args.codes, code_bytes);
  }
  static bool OwnsOut(const Control&) { return false; }
  ResultRows result() const { return {1, 2 * hits, 2 * hits}; }
  void SetResult(void* data, size_t) {
    args.rows = static_cast<int32_t*>(data);
    args.scores = args.rows + hits;
  }
};

// rescore(ctl, queries, x, candidates, rows, scores)
napi_value BoundRescore(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], SearchSlot::length);
  const ArrayView query = ReadArray(env, arguments.values[1], "the queries", napi_float32_array);
  const ArrayView x = ReadArray(env, arguments.values[2], "x", napi_float32_array);
  const ArrayView candidates = ReadArray(env, arguments.values[3], "the candidates", napi_int32_array);
  const ArrayView rows = ReadArray(env, arguments.values[4], "rows", napi_int32_array);
  const ArrayView scores = ReadArray(env, arguments.values[5], "scores", napi_float32_array);
  const EmbeddingShape shape = ReadShape(ctl, x);
  RescoreArgs args;
  args.dimensions = shape.dimensions;
  args.ld = shape.ld;
  args.queries = ctl.Size(SearchSlot::queries, "the queries");
  args.candidates = ctl.Size(SearchSlot::candidates, "the candidates");
  args.k = ctl.Size(SearchSlot::k, "k");
  args.threads = ReadThreads(ctl);
  if (args.k > args.candidates) {
    Fail(Code::kValue, "Expected at most " + std::to_string(args.candidates) + " (the candidates) for k but received " +
                           std::to_string(args.k));
  }
  const size_t hits = SaturatingMul(args.queries, args.k), count = SaturatingMul(args.queries, args.candidates);
  CheckLength(query, SaturatingMul(args.queries, args.dimensions), "the queries");
  CheckLength(candidates, count, "the candidates");
  CheckLength(rows, hits, "rows");
  CheckLength(scores, hits, "scores");
  for (const ArrayView* out : {&rows, &scores}) {
    CheckAlias(*out, query, "the queries");
    CheckAlias(*out, x, "x");
    CheckAlias(*out, candidates, "the candidates");
  }
  CheckAlias(rows, scores, "scores");
  if (hits == 0) return nullptr;
  const int32_t* row = candidates.As<const int32_t>();
  for (size_t i = 0; i < count; ++i) {
    if (row[i] < 0 || static_cast<size_t>(row[i]) >= shape.rows) {
      Fail(Code::kValue,
           "Expected candidates below " + std::to_string(shape.rows) + " (rows of x) but received " + std::to_string(row[i]));
    }
  }
  args.query = query.As<const float>();
  args.x = x.As<const float>();
  args.candidate_rows = row;
  args.rows = rows.As<int32_t>();
  args.scores = scores.As<float>();
  Check(Rescore(args));
  return nullptr;
}

}  // namespace

void BindSearch(Napi::Env env, Napi::Object exports, AddonData* data) {
  Export<BoundRanges>(env, exports, "embeddingRanges", data);
  Export<BoundQuantize>(env, exports, "quantizeEmbeddings", data);
  Export<BoundPack>(env, exports, "packEmbeddings", data);
  Export<CallSync<Call>>(env, exports, "search", data);
  Export<CallAsync<Call>>(env, exports, "searchAsync", data);
  Export<BoundRescore>(env, exports, "rescore", data);
}

}  // namespace lowp
