#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/device/transpose.h"
#include "cuda/sgemm/sgemm.h"
#include "cuda/svd/svd_space.h"
#include "kernels/svd/svd_cholesky.h"

namespace lowp {
namespace {

// As in svd_krylov.cc.
constexpr float kAlmostOrthogonal = 0.05f;
constexpr size_t kMaxPasses = 20;
constexpr double kLost = 1e-3;

constexpr uint64_t RoundUpToStep(uint64_t count) { return (count + kSGemmColumnStep - 1) / kSGemmColumnStep * kSGemmColumnStep; }

// Rows of vectors as the right operand of a product: packed weights are no more than that.
CudaSGemmWeights View(const SvdRows& rows) { return {SGemmStorage::kFloat32, rows.count, rows.length, rows.ld, rows.data, 0}; }

// Products of few rows have few tiles. Some 500 blocks of no less than 256 depths; of the sizes alone, so that results are the
// same on every device.
uint32_t SplitsFor(uint64_t rows, uint64_t cols, uint64_t depth) {
  constexpr uint64_t kBlocks = 512, kLeastDepth = 256;
  const uint64_t tiles = ((rows + 15) / 16) * ((cols + 31) / 32);
  return static_cast<uint32_t>(std::max<uint64_t>(std::min(kBlocks / tiles, depth / kLeastDepth), 1));
}

}  // namespace

CudaSvdSpace::CudaSvdSpace(CudaContext& context, const CudaSvdArgs& args, double norm)
    : context_(context),
      args_(args),
      short_side_(std::min(args.m, args.n)),
      long_side_(std::max(args.m, args.n)),
      short_ld_(RoundUpToStep(short_side_)),
      long_ld_(RoundUpToStep(long_side_)),
      floor_(norm * 1e-15) {}

CudaSvdSpace::~CudaSvdSpace() {
  for (void* storage : owned_) context_.Free(storage);
}

Status CudaSvdSpace::Begin() {
  const bool tall = args_.m >= args_.n;
  const auto pack = [&](bool transpose, CudaSGemmWeights* packed) -> Status {
    const bool packed_already =
        !transpose && args_.lda == args_.n && args_.n % kSGemmColumnStep == 0 && reinterpret_cast<uintptr_t>(args_.a) % 16 == 0;
    if (packed_already) {
      *packed = View({const_cast<float*>(args_.a), args_.m, args_.n, args_.lda});
      return {};
    }
    const uint64_t k = transpose ? args_.n : args_.m, n = transpose ? args_.m : args_.n;
    Status status =
        CudaPackSGemm(context_, {k, n, args_.a, args_.lda, transpose, SGemmStorage::kFloat32, SGemmStorage::kFloat32}, packed);
    if (status.ok()) owned_.push_back(packed->storage);
    return status;
  };
  if (Status status = pack(tall, &to_long_); !status.ok()) return status;
  return pack(!tall, &to_short_);
}

Status CudaSvdSpace::Reserve(size_t vectors) {
  if (vectors <= capacity_) return {};
  const size_t capacity = std::min(std::max(vectors, capacity_ + capacity_ / 2), short_side_);
  const auto grow = [&](SvdBuffer* buffer, uint64_t ld) {
    return buffer->Reserve(context_, capacity * ld * sizeof(float), size_ * ld * sizeof(float));
  };
  if (Status status = grow(&basis_, short_ld_); !status.ok()) return status;
  if (Status status = grow(&images_, long_ld_); !status.ok()) return status;
  std::vector<double> larger(capacity * capacity);
  for (size_t i = 0; i < size_; ++i) std::copy_n(&gram_[i * capacity_], size_, &larger[i * capacity]);
  gram_.swap(larger);
  capacity_ = capacity;
  return {};
}

Status CudaSvdSpace::Multiply(const float* a, uint64_t lda, uint64_t count, const CudaSGemmWeights& b, float* c, uint64_t ldc,
                              bool adds) {
  CudaSGemmArgs args{};
  args.batch = 1;
  args.m = count;
  args.a = a;
  args.lda = lda;
  args.b = &b;
  args.c = c;
  args.ldc = ldc;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  args.activation = {ActivationKind::kClamp, -kInfinity, kInfinity, 0};
  if (adds) args.residual = {ResidualKind::kFloat32, c, ldc, 1, 0};
  return CudaSGemm(context_, args, SplitsFor(count, b.n, b.k));
}

Status CudaSvdSpace::Draw(const SvdRows& rows) {
  const uint64_t drawn = drawn_;
  drawn_ += rows.count * rows.length;
  return SvdFill(context_, args_.seed, drawn, rows);
}

Status CudaSvdSpace::Orthonormalize(const SvdRows& x, double floor, const std::vector<double>& gram, bool* replaced) {
  std::vector<double> factor = gram;
  std::vector<float> inverse;
  std::vector<bool> depends;
  InvertCholesky(factor, x.count, floor, &inverse, &depends);
  const size_t bytes = x.count * x.ld * sizeof(float);
  CudaScratch weights;
  if (Status status = weights.Take(context_, inverse.size() * sizeof(float)); !status.ok()) return status;
  Status status = context_.Upload(weights.As<float>(), inverse.data(), inverse.size() * sizeof(float));
  if (status.ok()) status = product_.Reserve(context_, bytes);
  if (status.ok()) status = Multiply(weights.As<float>(), x.count, x.count, View(x), product_.As<float>(), x.ld);
  if (status.ok()) status = context_.Copy(x.data, product_.As<float>(), bytes);
  *replaced = false;
  for (size_t i = 0; i < x.count && status.ok(); ++i) {
    if (!depends[i]) continue;
    status = Draw({x.data + i * x.ld, 1, x.length, x.ld});
    *replaced = true;
  }
  return status;
}

Status CudaSvdSpace::DownloadGram(const SvdRows& x, std::vector<double>* gram) {
  gram->resize(x.count * x.count);
  const size_t bytes = gram->size() * sizeof(double);
  if (Status status = small_.Reserve(context_, bytes); !status.ok()) return status;
  if (Status status = SvdGramMatrix(context_, x, x, small_.As<double>()); !status.ok()) return status;
  return context_.Download(gram->data(), small_.As<double>(), bytes);
}

Status CudaSvdSpace::MakeOrthonormal(const SvdRows& x, size_t before, size_t passes) {
  // The Gram matrix, and behind it the coefficients along the basis: one download a pass.
  const size_t square = x.count * x.count, coefficients = x.count * before;
  const size_t bytes = square * sizeof(double) + coefficients * sizeof(float);
  std::vector<double> both((bytes + sizeof(double) - 1) / sizeof(double)), gram;
  if (Status status = small_.Reserve(context_, both.size() * sizeof(double)); !status.ok()) return status;
  float* along = reinterpret_cast<float*>(small_.As<double>(square));
  const float* along_host = reinterpret_cast<const float*>(both.data() + square);
  for (size_t pass = 0, good = 0; pass < kMaxPasses; ++pass) {
    if (before > 0) {
      const SvdRows basis = Basis(0, before);
      if (Status status = SvdCoefficients(context_, x, basis, along); !status.ok()) return status;
      if (Status status = Multiply(along, before, x.count, View(basis), x.data, x.ld, true); !status.ok()) return status;
    }
    if (Status status = SvdGramMatrix(context_, x, x, small_.As<double>()); !status.ok()) return status;
    if (Status status = context_.Download(both.data(), small_.As<double>(), bytes); !status.ok()) return status;
    gram.assign(both.begin(), both.begin() + static_cast<ptrdiff_t>(square));
    float reach = 0;
    for (size_t i = 0; i < coefficients; ++i) reach = std::max(reach, std::fabs(along_host[i]));
    bool replaced = false;
    if (Status status = Orthonormalize(x, pass == 0 ? floor_ : kLost, gram, &replaced); !status.ok()) return status;
    // Rows that were replaced begin again, and so do those that had lost most of themselves.
    good = replaced ? 0 : good + 1;
    if (good >= passes && reach <= kAlmostOrthogonal) return {};
  }
  return {Code::kInternal, "The vectors of a basis did not become orthogonal"};
}

Status CudaSvdSpace::Extend(size_t count) {
  if (args_.stopped != nullptr && args_.stopped(args_.user) != 0) return {Code::kAborted, "The call was cancelled"};
  if (Status status = Reserve(size_ + count); !status.ok()) return status;
  if (Status status = block_.Reserve(context_, count * long_ld_ * sizeof(float)); !status.ok()) return status;
  const SvdRows from{block_.As<float>(), count, long_side_, long_ld_};
  if (size_ == 0) {
    if (Status status = Draw(from); !status.ok()) return status;
  } else {
    const SvdRows last = Images(size_ - last_, count);
    if (Status status = context_.Copy(from.data, last.data, count * long_ld_ * sizeof(float)); !status.ok()) return status;
    // Once: it need not be exactly orthonormal, only well-conditioned.
    std::vector<double> gram;
    bool replaced;
    if (Status status = DownloadGram(from, &gram); !status.ok()) return status;
    if (Status status = Orthonormalize(from, floor_, gram, &replaced); !status.ok()) return status;
  }
  const SvdRows fresh = Basis(size_, count), images = Images(size_, count), all = Images(0, size_ + count);
  if (Status status = Multiply(from.data, from.ld, count, to_short_, fresh.data, fresh.ld); !status.ok()) return status;
  if (Status status = MakeOrthonormal(fresh, size_, 2); !status.ok()) return status;
  if (Status status = Multiply(fresh.data, fresh.ld, count, to_long_, images.data, images.ld); !status.ok()) return status;

  std::vector<double> rows(count * all.count);
  if (Status status = small_.Reserve(context_, rows.size() * sizeof(double)); !status.ok()) return status;
  if (Status status = SvdGramMatrix(context_, images, all, small_.As<double>()); !status.ok()) return status;
  if (Status status = context_.Download(rows.data(), small_.As<double>(), rows.size() * sizeof(double)); !status.ok())
    return status;
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < all.count; ++j) {
      // Of the two halves one, so that it is symmetric to the last bit.
      if (j > size_ + i) break;
      gram_[(size_ + i) * capacity_ + j] = gram_[j * capacity_ + size_ + i] = rows[i * all.count + j];
    }
  }
  size_ += count;
  last_ = count;
  return {};
}

Status CudaSvdSpace::MakeFactors(size_t rank, std::vector<double>* squares) {
  rank_ = rank;
  const SvdCombination combination(*args_.kernel, *this, rank, floor_);
  *squares = combination.squares;
  const size_t weights_bytes = combination.right.size() * sizeof(float);
  CudaScratch weights;
  if (Status status = weights.Take(context_, weights_bytes); !status.ok()) return status;
  const auto combine = [&](const std::vector<float>& given, const SvdRows& from, SvdBuffer* to) {
    Status status = context_.Upload(weights.As<float>(), given.data(), weights_bytes);
    if (status.ok()) status = to->Reserve(context_, rank * from.ld * sizeof(float));
    if (status.ok()) status = Multiply(weights.As<float>(), size_, rank, View(from), to->As<float>(), from.ld);
    return status;
  };
  if (Status status = combine(combination.right, Basis(0, size_), &right_); !status.ok()) return status;
  if (Status status = combine(combination.left, Images(0, size_), &left_); !status.ok()) return status;
  const SvdRows right{right_.As<float>(), rank, short_side_, short_ld_}, left{left_.As<float>(), rank, long_side_, long_ld_};
  // Directions that the matrix takes to nothing become whatever is orthogonal to the others.
  if (combination.passes > 0) {
    if (Status status = MakeOrthonormal(left, 0, combination.passes); !status.ok()) return status;
  }

  const bool tall = args_.m >= args_.n;
  const SvdRows& u = tall ? left : right;
  const SvdRows& vt = tall ? right : left;
  if (Status status = SvdSetSigns(context_, u, vt); !status.ok()) return status;
  values_.resize(rank);
  for (size_t r = 0; r < rank; ++r) values_[r] = static_cast<float>(combination.values[r]);
  if (Status status = context_.Upload(s(), values_.data(), rank * sizeof(float)); !status.ok()) return status;
  TransposeArgs columns;
  columns.rows = rank;
  columns.cols = args_.m;
  columns.from = u.data;
  columns.ld_from = u.ld;
  columns.to = args_.out;
  columns.ld_to = rank;
  columns.rows_padded = rank;
  if (Status status = TransposeMatrices(context_, columns); !status.ok()) return status;
  PadArgs rows;
  rows.rows = rank;
  rows.cols = rows.cols_padded = args_.n;
  rows.from = vt.data;
  rows.ld_from = vt.ld;
  rows.to = s() + rank;
  return PadRows(context_, rows);
}

Status CudaSvdSpace::MeasureResidual(double* squares) {
  // Rows whose product takes some 64 MB.
  const uint64_t most = std::max<uint64_t>((uint64_t{1} << 24) / args_.n, 64), rows = std::min(args_.m, most);
  const uint64_t ld = RoundUpToStep(args_.n);
  CudaScratch left, product;
  if (Status status = left.Take(context_, rows * rank_ * sizeof(float)); !status.ok()) return status;
  if (Status status = product.Take(context_, rows * ld * sizeof(float)); !status.ok()) return status;
  const bool tall = args_.m >= args_.n;
  const SvdRows vt{(tall ? right_ : left_).As<float>(), rank_, args_.n, tall ? short_ld_ : long_ld_};
  *squares = 0;
  for (uint64_t i0 = 0; i0 < args_.m; i0 += rows) {
    const uint64_t count = std::min(rows, args_.m - i0);
    Status status = SvdTimesValues(context_, args_.out + i0 * rank_, s(), count, rank_, left.As<float>());
    if (status.ok()) status = Multiply(left.As<float>(), rank_, count, View(vt), product.As<float>(), ld);
    double sum = 0;
    const SvdRows a{const_cast<float*>(args_.a) + i0 * args_.lda, count, args_.n, args_.lda};
    if (status.ok()) status = SvdSumOfSquares(context_, a, {product.As<float>(), count, args_.n, ld}, &sum);
    if (!status.ok()) return status;
    *squares += sum;
  }
  return {};
}

Status CudaSvdSpace::Unscale(int exponent) {
  if (exponent == 0) return {};
  for (float& value : values_) {
    value = std::ldexp(value, -exponent);
    if (!std::isfinite(value))
      return {Code::kValue, "Expected singular values within float32 for a but the largest is beyond 3.4e38"};
  }
  return context_.Upload(s(), values_.data(), values_.size() * sizeof(float));
}

}  // namespace lowp
