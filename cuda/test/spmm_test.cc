// The sparse products on the device: float32 against sums in double, int8 bit for bit against kernels/qspmm's scalar kernel.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cuda/test/plugin_test.h"
#include "kernels/qspmm/qspmm.h"
#include "test/epilogue_cases.h"

namespace lowp {
namespace test {
namespace {

struct Shape {
  size_t rows, cols, n;
  size_t block_rows = 1, block_cols = 1;
  double density = 0.3;
  enum Form { kEven, kUneven, kTwoOfFour } form = kEven;  // uneven: one row has everything, most have nothing
};

template <class T>
struct TestMatrix {
  std::vector<int32_t> row_list{0}, col_list;
  std::vector<T> values;
  std::vector<std::vector<std::pair<size_t, T>>> rows;  // column and value
  SparseMatrix matrix;

  template <class Value>
  TestMatrix(Random& random, const Shape& s, Value&& value) : rows(s.rows) {
    std::vector<bool> stored(s.cols);
    for (size_t row = 0; row < s.rows; row += s.block_rows) {
      const double density = s.form != Shape::kUneven ? s.density : row == 0 ? 1 : random.Below(4) == 0 ? s.density : 0;
      for (size_t col = 0; col < s.cols; col += s.block_cols) {
        if (s.form != Shape::kTwoOfFour) stored[col] = static_cast<double>(random.Below(1000)) < density * 1000;
        if (s.form == Shape::kTwoOfFour && col % 4 == 0) {
          for (size_t i = 0; i < 4; ++i) stored[col + i] = false;
          const size_t first = random.Below(4), second = (first + 1 + random.Below(3)) % 4;
          stored[col + first] = stored[col + second] = true;
        }
        if (!stored[col]) continue;
        col_list.push_back(static_cast<int32_t>(col / s.block_cols));
        for (size_t r = 0; r < s.block_rows; ++r) {
          for (size_t c = 0; c < s.block_cols; ++c) {
            values.push_back(value());
            rows[row + r].push_back({col + c, values.back()});
          }
        }
      }
      row_list.push_back(static_cast<int32_t>(col_list.size()));
    }
    matrix = {s.rows, s.cols, s.block_rows, s.block_cols, row_list.data(), col_list.data(), values.data(), col_list.size()};
  }
};

std::string Describe(const Shape& s, bool right, size_t gap, size_t skip) {
  const auto text = [](size_t x) { return std::to_string(x); };
  return " " + text(s.rows) + "x" + text(s.cols) + (right ? " right " : " left ") + text(s.n) + " block " + text(s.block_rows) +
         "x" + text(s.block_cols) + " density " + std::to_string(s.density) + " form " + text(s.form) + " gap " + text(gap) +
         " skip " + text(skip);
}

// Rows and columns of the dense operand and of the result, which may have gaps behind each row and begin off a boundary.
struct Extents {
  size_t gap, skip, d_rows, d_cols, c_rows, c_cols, ld, ldc;
  Extents(Random& random, const Shape& s, bool right)
      : gap(random.Below(2) == 0 ? 0 : random.Below(5)),
        skip(random.Below(2) == 0 ? 0 : random.Below(5)),
        d_rows(right ? s.n : s.cols),
        d_cols(right ? s.cols : s.n),
        c_rows(right ? s.n : s.rows),
        c_cols(right ? s.rows : s.n),
        ld(d_cols + gap),
        ldc(c_cols + gap) {}
  size_t d_count() const { return d_rows == 0 || d_cols == 0 ? 0 : (d_rows - 1) * ld + d_cols; }
  size_t c_count() const { return (c_rows - 1) * ldc + c_cols; }
};

// Packs; the storage is freed at the end.
class Weights {
 public:
  explicit Weights(const Plugin& plugin) : plugin_(plugin) {}
  ~Weights() { plugin_.api.runtime.free(plugin_.context, packed.storage); }
  CudaSparseWeights packed{};

 private:
  const Plugin& plugin_;
};

float RandomReal(Random& random, bool special) {
  const size_t what = random.Below(special ? 400 : 1000000000);
  return what == 0   ? std::numeric_limits<float>::quiet_NaN()
         : what == 1 ? std::numeric_limits<float>::infinity()
                     : random.Float();
}

void RunFloat(const Plugin& p, Random& random, const Shape& s, bool right) {
  const TestMatrix<float> sparse(random, s, [&] { return random.Float(); });
  const Extents e(random, s, right);
  const bool special = random.Below(4) == 0, use_bias = random.Below(2) == 0;
  std::vector<float> d(e.d_count()), bias(s.rows), c(e.c_count(), -77);
  for (float& x : d) x = RandomReal(random, special);
  for (float& x : bias) x = random.Float();
  Weights weights(p);
  CudaError error{};
  int32_t code = p.api.sparse.pack_float(p.context, &sparse.matrix, &weights.packed, &error);
  PluginArray<float> dd(p, d, e.skip), db(p, bias), dc(p, c, e.skip);
  CudaSpmmArgs args;
  args.sparse = &weights.packed;
  args.right = right;
  args.dense = dd.data();
  args.ld = e.ld;
  args.n = s.n;
  args.c = dc.data();
  args.ldc = e.ldc;
  args.bias = use_bias ? db.data() : nullptr;
  args.activation = random.Below(2) == 0 ? kRelu : kNoActivation;
  if (code == 0) code = p.api.sparse.spmm(p.context, &args, &error);
  const std::vector<float> first = dc.Read();
  bool close = code == 0;
  for (size_t row = 0; row < s.rows && close; ++row) {
    for (size_t n = 0; n < s.n && close; ++n) {
      double sum = use_bias ? bias[row] : 0;
      for (const auto& [k, value] : sparse.rows[row]) sum += double{value} * d[right ? n * e.ld + k : k * e.ld + n];
      const float expected = Activated(args.activation, static_cast<float>(sum));
      const float got = first[right ? n * e.ldc + row : row * e.ldc + n];
      const double bound = 1.2e-7 * (static_cast<double>(sparse.rows[row].size()) + 2) * 2;
      close = std::isfinite(expected) ? std::fabs(expected - got) <= bound
                                      : expected == got || (std::isnan(expected) && std::isnan(got));
    }
  }
  for (size_t i = 0; i < e.c_rows && close; ++i) {
    for (size_t j = e.c_cols; i + 1 < e.c_rows && j < e.ldc; ++j) close = close && first[i * e.ldc + j] == -77;
  }
  // The same bits again.
  if (close) close = p.api.sparse.spmm(p.context, &args, &error) == 0;
  const std::vector<float> second = dc.Read();
  close = close && std::memcmp(first.data(), second.data(), first.size() * sizeof(float)) == 0;
  Expect(close,
         "spmm" + Describe(s, right, e.gap, e.skip) + (special ? " special" : "") + (use_bias ? " bias " : " ") + error.message);
}

// Packed weights point to it.
const QSpmmEntry& Scalar() {
  static const std::vector<QSpmmEntry> kernels = QSpmmKernels();
  return kernels.back();
}

void RunInt(const Plugin& p, Random& random, const Shape& s, bool right) {
  const bool extreme = random.Below(4) == 0, per_row = random.Below(2) == 0;
  const TestMatrix<int8_t> sparse(random, s, [&] { return static_cast<int8_t>(extreme ? -128 : random.Between(-128, 127)); });
  const Extents e(random, s, right);
  const auto kind = static_cast<QSpmmDense>(random.Below(right ? 4 : 3));
  const bool is_float = kind == QSpmmDense::kFloat32PerRow || kind == QSpmmDense::kFloat32PerTensor;
  std::vector<uint8_t> d(e.d_count() * (is_float ? sizeof(float) : 1));
  const bool extreme_dense = random.Below(4) == 0;
  for (uint8_t& x : d) x = extreme_dense ? (kind == QSpmmDense::kS8 ? 0x80 : 0xff) : static_cast<uint8_t>(random.Next() >> 16);
  for (size_t i = 0; is_float && i < e.d_count(); ++i) {
    const float x = 3 * random.Float();
    std::memcpy(d.data() + i * sizeof(float), &x, sizeof(float));
  }
  std::vector<float> scales(s.rows), bias_f(s.rows);
  std::vector<int32_t> bias_s(s.rows);
  for (float& x : scales) x = 0.001f + 0.01f * std::fabs(random.Float());
  for (float& x : bias_f) x = 10 * random.Float();
  for (int32_t& x : bias_s) x = random.Between(-100000, 100000);
  IntOutput output;
  output.kind = static_cast<OutputKind>(is_float ? 1 + random.Below(3) : random.Below(4));
  output.scale = 0.37f;
  output.zero = output.kind == OutputKind::kS8 ? -5 : 17;
  const size_t which = random.Below(3);
  if (which == 1 && output.kind != OutputKind::kInt32) output.bias_f32 = bias_f.data();
  if (which == 2 && output.kind != OutputKind::kFloat32 && !is_float) output.bias_s32 = bias_s.data();
  output.activation = output.kind == OutputKind::kInt32 ? kNoActivation : RandomActivation(random);
  const size_t size = SizeOf(output.kind);
  std::vector<uint8_t> expected(e.c_count() * size, 0x5a);
  QSpmmPacked packed;
  Status status = PackQSpmm({sparse.matrix, scales.data(), per_row}, Scalar(), &packed);
  QSpmmArgs on_host;
  on_host.sparse = &packed;
  on_host.right = right;
  on_host.dense_kind = kind;
  on_host.dense = d.data();
  on_host.ld = e.ld;
  on_host.n = s.n;
  on_host.dense_scale = 0.02f;
  on_host.dense_zero = kind == QSpmmDense::kS8 ? -3 : 120;
  on_host.output = output;
  on_host.c = expected.data();
  on_host.ldc = e.ldc;
  if (status.ok()) status = QSpmm(on_host);

  Weights weights(p);
  CudaError error{};
  int32_t code = p.api.sparse.pack_int8(p.context, &sparse.matrix, scales.data(), per_row, &weights.packed, &error);
  PluginArray<uint8_t> dd(p, d, e.skip * (is_float ? sizeof(float) : 1));
  PluginArray<uint8_t> dc(p, std::vector<uint8_t>(expected.size(), 0x5a), e.skip * size);
  PluginArray<float> db(p, bias_f);
  PluginArray<int32_t> dbs(p, bias_s);
  CudaQSpmmArgs args;
  args.sparse = &weights.packed;
  args.right = right;
  args.dense_kind = static_cast<QSpmmDense>(kind);
  args.dense = dd.data();
  args.ld = e.ld;
  args.n = s.n;
  args.dense_scale = on_host.dense_scale;
  args.dense_zero = on_host.dense_zero;
  args.output = output;
  if (output.bias_f32 != nullptr) args.output.bias_f32 = db.data();
  if (output.bias_s32 != nullptr) args.output.bias_s32 = dbs.data();
  args.bias_magnitude = 100000;
  args.c = dc.data();
  args.ldc = e.ldc;
  if (code == 0) code = p.api.sparse.qspmm(p.context, &args, &error);
  const bool form = weights.packed.two_of_four || s.form != Shape::kTwoOfFour || code != 0;
  Expect(status.ok() && code == 0 && dc.Read() == expected,
         "qspmm" + Describe(s, right, e.gap, e.skip) + " dense" + std::to_string(static_cast<int>(kind)) + " out" +
             std::to_string(static_cast<int>(output.kind)) + " bias" + std::to_string(which) + (per_row ? " row " : " ") +
             NameOf(output.activation) + " " + status.message() + error.message);
  CudaDeviceInfo info{};
  if (p.api.runtime.info(0, &info, &error) == 0 && info.major >= 8 && s.rows > 0)
    Expect(form, "two of four is seen" + Describe(s, right, 0, 0));
}

void RunBoth(const Plugin& p, Random& random, const Shape& s) {
  for (bool right : {false, true}) {
    if (s.form != Shape::kTwoOfFour) RunFloat(p, random, s, right);
    RunInt(p, random, s, right);
  }
}

void RunShapes(const Plugin& p, Random& random) {
  for (size_t n : {1, 2, 3, 4, 5, 8, 9, 16, 31, 64, 65, 130}) {
    RunBoth(p, random, {12, 37, n});
    RunBoth(p, random, {33, 70, n, 1, 1, 0.1, Shape::kUneven});
  }
  for (size_t n : {1, 3, 7, 40}) {
    RunBoth(p, random, {9, 40, n, 1, 1, 0});                        // nothing stored
    RunBoth(p, random, {9, 0, n, 1, 1, 0});                         // nothing to store
    RunBoth(p, random, {3, 300, n, 1, 1, 1});                       // nothing absent
    RunBoth(p, random, {300, 600, n, 1, 1, 0.01, Shape::kUneven});  // a row in pieces
    RunBoth(p, random, {16, 48, n, 4, 4, 0.4});
    RunBoth(p, random, {32, 48, n, 16, 3, 0.2});
    RunBoth(p, random, {40, 64, n, 2, 1, 0.3, Shape::kUneven});
  }
  RunBoth(p, random, {2, 5000, 12, 1, 1, 1, Shape::kUneven});  // pieces of many quads
  for (size_t n : {1, 8, 9, 32, 33, 128, 140}) {
    for (size_t cols : {4, 64, 68, 200}) RunBoth(p, random, {21, cols, n, 1, 1, 0, Shape::kTwoOfFour});
  }
  RunBoth(p, random, {150, 128, 150, 1, 1, 0, Shape::kTwoOfFour});
}

void TestRefusals(const Plugin& p) {
  const float values[] = {1, 2, 3};
  const auto refused = [&](std::vector<int32_t> row_ptr, std::vector<int32_t> col_idx, const char* what) {
    const SparseMatrix matrix{2, 3, 1, 1, row_ptr.data(), col_idx.data(), values, col_idx.size()};
    CudaSparseWeights weights{};
    CudaError error{};
    const int32_t code = p.api.sparse.pack_float(p.context, &matrix, &weights, &error);
    Expect(code == static_cast<int32_t>(Code::kValue) && weights.storage == nullptr, std::string("pack refuses ") + what);
  };
  refused({0, 2, 1}, {0, 1, 2}, "a row that ends before it begins");
  refused({0, 2, 3}, {0, 3, 2}, "a column out of range");
  const int32_t row_ptr[] = {0, 2, 3}, col_idx[] = {0, 1, 2};
  const int8_t bytes[] = {1, 2, 3};
  const SparseMatrix matrix{2, 3, 1, 1, row_ptr, col_idx, bytes, 3};
  const float scale = 1, bad_scale = -1;
  Weights weights(p);
  CudaError error{};
  Expect(p.api.sparse.pack_int8(p.context, &matrix, &bad_scale, false, &weights.packed, &error) ==
             static_cast<int32_t>(Code::kValue),
         "pack refuses a scale below 0");
  ExpectOk(p.api.sparse.pack_int8(p.context, &matrix, &scale, false, &weights.packed, &error), error, "pack");
  CudaQSpmmArgs args;
  args.sparse = &weights.packed;
  args.n = 1;
  args.dense_zero = 256;
  Expect(p.api.sparse.qspmm(p.context, &args, &error) == static_cast<int32_t>(Code::kValue),
         "a zero point out of range is refused");
  args.dense_zero = 0;
  args.output.bias_s32 = reinterpret_cast<const int32_t*>(weights.packed.storage);
  args.output.kind = OutputKind::kInt32;
  args.bias_magnitude = 0x7fffffff;
  Expect(p.api.sparse.qspmm(p.context, &args, &error) == static_cast<int32_t>(Code::kValue), "a bias too large is refused");
  CudaSpmmArgs floats;
  floats.sparse = &weights.packed;
  Expect(p.api.sparse.spmm(p.context, &floats, &error) == static_cast<int32_t>(Code::kHandle), "weights of int8 are refused");
}

}  // namespace

void TestPluginSparse(const Plugin& plugin, bool quick) {
  Random random(5);
  RunShapes(plugin, random);
  for (size_t i = 0; i < (quick ? 20u : 250u); ++i) {
    const size_t block_rows = random.Below(2) == 0 ? 1 : size_t{1} << random.Below(5), block_cols = 1 + random.Below(4);
    RunBoth(plugin, random,
            {block_rows * (1 + random.Below(8)), block_cols * (1 + random.Below(100)), 1 + random.Below(140), block_rows,
             block_cols, static_cast<double>(random.Below(100)) / 100, random.Below(4) == 0 ? Shape::kUneven : Shape::kEven});
  }
  TestRefusals(plugin);
}

}  // namespace test
}  // namespace lowp
