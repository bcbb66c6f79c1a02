#include "kernels/lowrank/lowrank.h"

#include <limits>
#include <string>

#include "core/scratch.h"

namespace lowp {
namespace {

// Runs both; the products themselves use other slots of scratch memory than this.
template <class Args, class Weights, class Connect, class Run>
Status RunBoth(Args second, const LowRankPacked<Weights>& weights, const Connect& connect, const Run& run) {
  const size_t rank = weights.first->n, rows = second.batch * second.m;
  const size_t bytes = rows * rank * sizeof(float);
  auto* between = reinterpret_cast<float*>(Scratch(ScratchSlot::kImage, bytes + 1));
  if (between == nullptr)
    return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes of scratch memory but the system gave none"};
  Args first = second;
  first.b = weights.first.get();
  first.c = between;
  first.ldc = rank;
  first.batch_stride_c = second.m * rank;
  second.b = weights.second.get();
  second.a = between;
  second.lda = rank;
  second.batch_stride_a = first.batch_stride_c;
  connect(&first, &second);
  Status status = run(first);
  if (status.ok()) status = run(second);
  TrimScratch(ScratchSlot::kImage);
  return status;
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Activation kNone = {ActivationKind::kClamp, -kInfinity, kInfinity, 0};

}  // namespace

Status LowRankSGemm(SGemmArgs args, const LowRankPackedF& weights) {
  const auto connect = [](SGemmArgs* first, SGemmArgs* second) {
    first->bias = nullptr;
    first->activation = kNone;
    first->residual = {};
    second->transpose_a = false;
  };
  return RunBoth(args, weights, connect, [](const SGemmArgs& each) { return SGemm(each); });
}

Status LowRankQGemm(QGemmArgs args, const LowRankPackedQ& weights) {
  const auto connect = [](QGemmArgs* first, QGemmArgs* second) {
    first->output = {};
    first->output.activation = kNone;
    second->a_kind = QGemmA::kFloat32PerRow;
    second->a_scale = 1;
    second->a_zero = 0;
    second->a_scales = nullptr;
    second->a_zeros = nullptr;
  };
  return RunBoth(args, weights, connect, [](const QGemmArgs& each) { return QGemm(each); });
}

}  // namespace lowp
