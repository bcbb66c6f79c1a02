// Both sparse products against the dense ones: spmm against sums in double, qspmm bit for bit against the scalar kernel of qgemm.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/qgemm/qgemm.h"
#include "kernels/qspmm/qspmm.h"
#include "kernels/spmm/spmm.h"
#include "test/epilogue_cases.h"
#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

struct Shape {
  size_t rows, cols, n, block_rows, block_cols;
  double density;
  bool skewed;               // one row has everything, most have nothing
  bool fours = false;        // CSR whose rows have the same columns four by four
  bool two_of_four = false;  // two entries in every four columns
};

// A random matrix whose arrays end at unmapped pages, and the same densely.
template <class T>
struct TestMatrix {
  std::vector<int32_t> row_list{0}, col_list;
  std::vector<T> value_list, dense;
  SparseMatrix matrix;

  template <class Value>
  TestMatrix(Random& random, const Shape& s, Value&& value) : dense(s.rows * s.cols) {
    std::vector<bool> stored(s.cols);
    for (size_t row = 0; row < s.rows; row += s.block_rows) {
      const double density = !s.skewed ? s.density : row == 0 ? 1 : random.Below(4) == 0 ? s.density : 0;
      for (size_t col = 0; col < s.cols; col += s.block_cols) {
        if (!s.two_of_four && (!s.fours || row % kSparseHeight == 0))
          stored[col] = static_cast<double>(random.Below(1000)) < density * 1000;
        if (s.two_of_four && col % 4 == 0) {
          for (size_t i = 0; i < 4; ++i) stored[col + i] = false;
          const size_t first = random.Below(4), second = (first + 1 + random.Below(3)) % 4;
          stored[col + first] = stored[col + second] = true;
        }
        if (!stored[col]) continue;
        col_list.push_back(static_cast<int32_t>(col / s.block_cols));
        for (size_t r = 0; r < s.block_rows; ++r) {
          for (size_t c = 0; c < s.block_cols; ++c) {
            value_list.push_back(value());
            dense[(row + r) * s.cols + col + c] = value_list.back();
          }
        }
      }
      row_list.push_back(static_cast<int32_t>(col_list.size()));
    }
    matrix = {s.rows, s.cols, s.block_rows, s.block_cols, row_list.data(), col_list.data(), value_list.data(), col_list.size()};
  }
};

std::string Describe(const Shape& s, bool right) {
  return " " + std::to_string(s.rows) + "x" + std::to_string(s.cols) + (right ? " right " : " left ") + std::to_string(s.n) +
         " block " + std::to_string(s.block_rows) + "x" + std::to_string(s.block_cols) + " density " + std::to_string(s.density) +
         (s.skewed ? " skewed" : "") +
         (s.fours         ? " fours"
          : s.two_of_four ? " two of four"
                          : "");
}

// That the kernels run which the shape is there for.
bool LaidOut(const Shape& s, const SparseLayout& layout) {
  const bool quads = s.block_cols % kSparseWidth == 0 && layout.nnz > 0;
  return (!s.fours || layout.height == kSparseHeight) && (!s.two_of_four || layout.two_of_four) &&
         (!quads || layout.width == kSparseWidth);
}

void RunFloat(const SpmmEntry& entry, Random& random, const Shape& s, bool right, size_t threads) {
  const TestMatrix<float> sparse(random, s, [&] { return random.Float(); });
  const size_t gap = random.Below(3), d_rows = right ? s.n : s.cols, d_cols = right ? s.cols : s.n;
  const size_t c_rows = right ? s.n : s.rows, c_cols = right ? s.rows : s.n, ld = d_cols + gap, ldc = c_cols + gap;
  GuardedArray<float> d(d_rows == 0 || d_cols == 0 ? 0 : (d_rows - 1) * ld + d_cols), c((c_rows - 1) * ldc + c_cols),
      bias(s.rows);
  for (size_t i = 0; i < d.size(); ++i) d[i] = random.Float();
  for (size_t i = 0; i < c.size(); ++i) c[i] = -77;
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = random.Float();
  const bool use_bias = random.Below(2) == 0;

  SpmmPacked packed;
  Status status = PackSpmm(sparse.matrix, entry, &packed);
  SpmmArgs args;
  args.sparse = &packed;
  args.right = right;
  args.dense = d.data();
  args.ld = ld;
  args.n = s.n;
  args.c = c.data();
  args.ldc = ldc;
  args.bias = use_bias ? bias.data() : nullptr;
  args.activation = random.Below(2) == 0 ? kRelu : kNoActivation;
  args.threads = threads;
  if (status.ok()) status = Spmm(args);

  bool close = status.ok() && LaidOut(s, packed.layout);
  const double bound = 1.2e-7 * (static_cast<double>(s.cols) + 2) * 2;
  for (size_t i = 0; i < c_rows && close; ++i) {
    for (size_t j = 0; j < c_cols && close; ++j) {
      const size_t row = right ? j : i, n = right ? i : j;
      double sum = use_bias ? bias[row] : 0;
      for (size_t k = 0; k < s.cols; ++k) sum += double{sparse.dense[row * s.cols + k]} * d[right ? n * ld + k : k * ld + n];
      close = std::fabs(Activated(args.activation, static_cast<float>(sum)) - c[i * ldc + j]) <= bound;
    }
    for (size_t j = c_cols; i + 1 < c_rows && j < ldc; ++j) close = close && c[i * ldc + j] == -77;
  }
  Expect(close,
         std::string(packed.kernel_name()) + Describe(s, right) + (use_bias ? " bias" : "") + " t" + std::to_string(threads));
}

struct Dense {
  QSpmmDense kind;
  std::vector<uint8_t> bytes;
  std::vector<float> floats;

  Dense(Random& random, QSpmmDense k, size_t count) : kind(k), bytes(count), floats(count) {
    const bool extreme = random.Below(3) == 0;
    for (uint8_t& x : bytes) x = static_cast<uint8_t>(extreme ? (k == QSpmmDense::kS8 ? 0x80 : 0xff) : random.Below(256));
    for (float& x : floats) x = 3 * random.Float();
  }
  bool is_float() const { return kind == QSpmmDense::kFloat32PerRow || kind == QSpmmDense::kFloat32PerTensor; }
  const void* data() const { return is_float() ? static_cast<const void*>(floats.data()) : bytes.data(); }
};

void RunInt(const QSpmmEntry& entry, Random& random, const Shape& s, bool right, size_t threads) {
  const bool extreme = random.Below(4) == 0;
  const TestMatrix<int8_t> sparse(random, s, [&] { return static_cast<int8_t>(extreme ? -128 : random.Between(-128, 127)); });
  const bool per_row = random.Below(2) == 0;
  std::vector<float> scales(s.rows), bias_f(s.rows);
  std::vector<int32_t> bias_s(s.rows), zeros(s.rows);
  for (float& x : scales) x = 0.001f + 0.01f * std::fabs(random.Float());
  for (float& x : bias_f) x = 10 * random.Float();
  for (int32_t& x : bias_s) x = random.Between(-100000, 100000);
  const auto dense_kind = static_cast<QSpmmDense>(random.Below(right ? 4 : 3));
  const Dense dense(random, dense_kind, s.n * s.cols);
  IntOutput output;
  output.kind = static_cast<OutputKind>(dense.is_float() ? 1 + random.Below(3) : random.Below(4));
  output.scale = 0.37f;
  output.zero = output.kind == OutputKind::kS8 ? -5 : 17;
  const size_t which = random.Below(3);
  if (which == 1 && output.kind != OutputKind::kInt32) output.bias_f32 = bias_f.data();
  if (which == 2 && output.kind != OutputKind::kFloat32 && !dense.is_float()) output.bias_s32 = bias_s.data();
  output.activation = output.kind == OutputKind::kInt32 ? kNoActivation : RandomActivation(random);

  // The dense product in the orientation of `right`.
  const std::vector<QGemmEntry> kernels = QGemmKernels();
  QGemmPackedB weights;
  Status status = PackQGemmB({s.cols, s.rows, sparse.dense.data(), true, s.cols, true, scales.data(), zeros.data(), per_row},
                             kernels.back(), &weights);
  const size_t size = SizeOf(output.kind);
  GuardedArray<uint8_t> expected(s.n * s.rows * size);
  QGemmArgs q;
  q.m = s.n;
  q.a_kind = static_cast<QGemmA>(dense_kind);
  q.a = dense.data();
  q.lda = s.cols;
  q.a_scale = 0.02f;
  q.a_zero = dense_kind == QSpmmDense::kS8 ? -3 : 120;
  q.b = &weights;
  q.output = output;
  q.c = expected.data();
  q.ldc = s.rows;
  if (status.ok()) status = QGemm(q);

  const size_t gap = random.Below(3), d_rows = right ? s.n : s.cols, d_cols = right ? s.cols : s.n;
  const size_t c_rows = right ? s.n : s.rows, c_cols = right ? s.rows : s.n, ld = d_cols + gap, ldc = c_cols + gap;
  const size_t d_size = dense.is_float() ? 4 : 1;
  GuardedArray<uint8_t> d(d_rows == 0 || d_cols == 0 ? 0 : ((d_rows - 1) * ld + d_cols) * d_size);
  for (size_t i = 0; i < d_rows; ++i) {
    for (size_t j = 0; j < d_cols; ++j) {
      const size_t from = right ? i * s.cols + j : j * s.cols + i;
      std::memcpy(d.data() + (i * ld + j) * d_size, static_cast<const uint8_t*>(dense.data()) + from * d_size, d_size);
    }
  }
  GuardedArray<uint8_t> c(((c_rows - 1) * ldc + c_cols) * size);
  std::memset(c.data(), 0x5a, c.size());
  QSpmmPacked packed;
  if (status.ok()) status = PackQSpmm({sparse.matrix, scales.data(), per_row}, entry, &packed);
  QSpmmArgs args;
  args.sparse = &packed;
  args.right = right;
  args.dense_kind = dense_kind;
  args.dense = d.data();
  args.ld = ld;
  args.n = s.n;
  args.dense_scale = q.a_scale;
  args.dense_zero = q.a_zero;
  args.output = output;
  args.c = c.data();
  args.ldc = ldc;
  args.threads = threads;
  if (status.ok()) status = QSpmm(args);

  bool equal = status.ok() && LaidOut(s, packed.layout);
  for (size_t i = 0; i < c_rows && equal; ++i) {
    for (size_t j = 0; j < c_cols && equal; ++j) {
      const size_t at = right ? i * s.rows + j : j * s.rows + i;
      equal = std::memcmp(c.data() + (i * ldc + j) * size, expected.data() + at * size, size) == 0;
    }
    for (size_t j = c_cols * size; i + 1 < c_rows && j < ldc * size; ++j) equal = equal && c[i * ldc * size + j] == 0x5a;
  }
  Expect(equal, std::string(packed.kernel_name()) + Describe(s, right) + " dense" + std::to_string(static_cast<int>(dense_kind)) +
                    " out" + std::to_string(static_cast<int>(output.kind)) + " bias" + std::to_string(which) +
                    (per_row ? " row " : " ") + NameOf(output.activation) + " t" + std::to_string(threads) + " " +
                    status.message());
}

template <class Entry, class RunOne>
void RunAll(const std::vector<Entry>& kernels, bool quick, RunOne&& run) {
  for (const Entry& entry : kernels) {
    if (!InfoOf(entry.isa).supported) continue;
    Random random(5);
    for (bool right : {false, true}) {
      for (size_t n : {1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65}) {
        for (size_t block : {1, 4}) {
          run(entry, random, Shape{12, 37, n, block, 1, 0.3, false}, right, 1);
          run(entry, random, Shape{12, 44, n, block, 4, 0.4, false}, right, 1);
        }
        run(entry, random, Shape{5, 40, n, 1, 1, 0.8, false}, right, 1);  // quads that are not whole
      }
      for (size_t block : {2, 4, 8, 16}) run(entry, random, Shape{32, 48, 20, block, 4, 0.3, false}, right, 1);
      for (size_t n : {1, 70}) {
        for (size_t block : {1, 4}) {
          run(entry, random, Shape{8, 1300, n, block, 4, 0.2, false}, right, 1);  // several blocks of columns
          run(entry, random, Shape{40, 64, n, block, 4, 0.5, true}, right, 1);
          run(entry, random, Shape{8, 64, n, block, 4, 0, false}, right, 1);
          run(entry, random, Shape{8, 24, n, block, 8, 0.5, false}, right, 1);
        }
        run(entry, random, Shape{8, 1300, n, 1, 2, 0.9, false}, right, 1);
      }
      run(entry, random, Shape{9, 40, 5, 1, 1, 0, false}, right, 1);    // nothing stored
      run(entry, random, Shape{9, 0, 5, 1, 1, 0, false}, right, 1);     // nothing to store
      run(entry, random, Shape{3, 700, 66, 1, 1, 1, false}, right, 1);  // nothing absent
      run(entry, random, Shape{80, 90, 40, 1, 1, 0.2, true}, right, 1);
      run(entry, random, Shape{80, 90, 40, 1, 1, 0.2, false, true}, right, 1);
      for (size_t n : {1, 3}) {
        for (size_t cols : {4, 28, 64, 96, 100, 1200})
          run(entry, random, Shape{9, cols, n, 1, 1, 0, false, false, true}, right, 1);
      }
      run(entry, random, Shape{1100, 300, 3, 1, 1, 0.02, true}, right, 2);  // several bands
      for (int i = 0; i < (quick ? 20 : 300); ++i) {
        const size_t block_rows = size_t{1} << random.Below(5), block_cols = 1 + random.Below(4);
        run(entry, random,
            Shape{block_rows * (1 + random.Below(8)), block_cols * (1 + random.Below(100)), 1 + random.Below(140), block_rows,
                  block_cols, static_cast<double>(random.Below(100)) / 100, random.Below(4) == 0},
            right, 1);
      }
    }
  }
}

void TestRefusals() {
  const float values[] = {1, 2, 3};
  const auto refused = [&](std::vector<int32_t> row_ptr, std::vector<int32_t> col_idx, const char* what) {
    const SparseMatrix matrix{2, 3, 1, 1, row_ptr.data(), col_idx.data(), values, col_idx.size()};
    const Status status = CheckSparse(matrix);
    Expect(status.code() == Code::kValue, std::string("CheckSparse refuses ") + what);
  };
  refused({1, 2, 3}, {0, 1, 2}, "a first row that does not begin at 0");
  refused({0, 2, 1}, {0, 1, 2}, "a row that ends before it begins");
  refused({0, 2, 4}, {0, 1, 2}, "rows beyond the entries");
  refused({0, 1, 2}, {0, 1, 2}, "entries beyond the rows");
  refused({0, 2, 3}, {1, 1, 2}, "a column twice");
  refused({0, 2, 3}, {0, 3, 2}, "a column out of range");
  refused({0, 2, 3}, {-1, 1, 2}, "a negative column");
}

}  // namespace

void TestSparse(bool quick) {
  RunAll(SpmmKernels(), quick, RunFloat);
  RunAll(QSpmmKernels(), quick, RunInt);
  TestRefusals();
}

}  // namespace test
}  // namespace lowp
