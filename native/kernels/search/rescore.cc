// Dot products of float32 vectors with the candidates of a search.
#include <algorithm>
#include <cmath>
#include <string>

#include "core/scratch.h"
#include "core/thread_pool.h"
#include "kernels/search/search.h"

namespace lowp {
namespace {

// Candidates whose sums run side by side: each sum is a chain of additions, of which one alone would wait for every one.
constexpr size_t kSideBySide = 4;
// Below this many multiply-adds a second thread costs more than it saves.
constexpr size_t kParallelWork = size_t{1} << 16;

struct Scored {
  float score;
  int32_t row;
};

bool IsBetter(const Scored& a, const Scored& b) {
  const bool a_nan = std::isnan(a.score), b_nan = std::isnan(b.score);
  if (a_nan != b_nan) return b_nan;
  if (!a_nan && a.score != b.score) return a.score > b.score;
  return a.row < b.row;
}

// The exact product of two float32 values fits in float64, so that it does not matter whether a machine fuses it with the
// addition.
template <size_t kCount>
void Dots(const RescoreArgs& args, const float* query, Scored* scored) {
  const float* x[kCount];
  double sum[kCount] = {};
  for (size_t i = 0; i < kCount; ++i) x[i] = args.x + static_cast<size_t>(scored[i].row) * args.ld;
  for (size_t d = 0; d < args.dimensions; ++d) {
    for (size_t i = 0; i < kCount; ++i) sum[i] += double{query[d]} * double{x[i][d]};
  }
  for (size_t i = 0; i < kCount; ++i) scored[i].score = static_cast<float>(sum[i]);
}

}  // namespace

Status Rescore(const RescoreArgs& args) {
  std::atomic<bool> out_of_memory{false};
  const size_t work = args.queries * args.candidates * args.dimensions;
  ParallelFor(args.queries, work < kParallelWork ? 1 : args.threads, [&](size_t q) {
    auto* scored = reinterpret_cast<Scored*>(Scratch(ScratchSlot::kTask, args.candidates * sizeof(Scored)));
    if (scored == nullptr) {
      out_of_memory = true;
      return;
    }
    const int32_t* rows = args.candidate_rows + q * args.candidates;
    for (size_t i = 0; i < args.candidates; ++i) scored[i] = {0, rows[i]};
    const float* query = args.query + q * args.dimensions;
    size_t i = 0;
    for (; i + kSideBySide <= args.candidates; i += kSideBySide) Dots<kSideBySide>(args, query, scored + i);
    for (; i < args.candidates; ++i) Dots<1>(args, query, scored + i);
    std::partial_sort(scored, scored + args.k, scored + args.candidates, IsBetter);
    for (size_t j = 0; j < args.k; ++j) {
      args.rows[q * args.k + j] = scored[j].row;
      args.scores[q * args.k + j] = scored[j].score;
    }
  });
  if (out_of_memory) {
    return {Code::kNoMemory,
            "Expected " + std::to_string(args.candidates * sizeof(Scored)) + " bytes of scratch memory but the system gave none"};
  }
  return {};
}

}  // namespace lowp
