// Checks a call and cuts the work into pieces for the threads.
#include "kernels/pool/pool.h"

#include <algorithm>
#include <string>

#include "core/partition.h"
#include "core/scratch.h"
#include "core/thread_pool.h"
#include "kernels/pool/pool_walk.h"

namespace lowp {
namespace {

template <class R>
Status RunPool(const PoolArgs& args) {
  const R reduction(args);
  const PoolShape& s = args.shape;
  const PoolWalk<R> walk(args, reduction);
  const size_t work = s.batch * s.channels * s.out_pixels() * RowsOf(s).most() * ColumnsOf(s).most();
  const size_t threads = work < kParallelWork ? 1 : args.threads, units = walk.units();
  // Several pieces for each thread, to even out cores that the system takes away.
  const size_t piece = DivUp(units, threads == 1 ? 1 : std::min(units, 4 * threads));
  std::atomic<bool> out_of_memory{false};
  ParallelFor(DivUp(units, piece), threads, [&](size_t task) {
    uint8_t* scratch = Scratch(ScratchSlot::kTask, walk.scratch_bytes());
    if (scratch == nullptr)
      out_of_memory = true;
    else
      walk.Run(task * piece, std::min(units, (task + 1) * piece), scratch);
    TrimScratch(ScratchSlot::kTask);
  });
  if (out_of_memory) {
    return {Code::kNoMemory,
            "Expected " + std::to_string(walk.scratch_bytes()) + " bytes of scratch memory but the system gave none"};
  }
  if (args.stop != nullptr && args.stop->load(std::memory_order_relaxed)) return {Code::kAborted, "The call was cancelled"};
  return {};
}

template <class T>
Status RunKind(const PoolArgs& args) {
  return args.kind == PoolKind::kMax ? RunPool<PoolMaximum<T>>(args) : RunPool<PoolAverage<T>>(args);
}

}  // namespace

Status Pool(const PoolArgs& args) {
  const PoolShape& s = args.shape;
  if (Status status = CheckPoolShape(s); !status.ok()) return status;
  if (s.batch == 0 || s.channels == 0 || s.out_pixels() == 0) return {};
  switch (args.type) {
    case PoolType::kFloat32: return RunKind<float>(args);
    case PoolType::kU8: return RunKind<uint8_t>(args);
    case PoolType::kS8: return RunKind<int8_t>(args);
  }
  return {};
}

}  // namespace lowp
