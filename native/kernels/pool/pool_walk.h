// How windows are walked: a template over the reductions of pool_reduce.h.
#ifndef LOWP_KERNELS_POOL_POOL_WALK_H_
#define LOWP_KERNELS_POOL_POOL_WALK_H_

#include <algorithm>
#include <atomic>

#include "kernels/pool/pool_reduce.h"

namespace lowp {

enum class PoolPath {
  kPixels,   // all channels of a pixel of NHWC together
  kLines,    // a row of NCHW together
  kImages,   // whole images of NCHW, one result each
  kWindows,  // each result by itself: wide windows, and what nothing else takes
};

// Sums of a line, or of the channels of a pixel, that are made at a time: 8 KB of float64, a quarter of L1.
inline constexpr size_t kPoolMaxLanes = 1024;
// Lines that are made one after another: with what becomes of them they stay in L1.
inline constexpr size_t kPoolLineBytes = size_t{8} << 10;
inline constexpr size_t kPoolMaxLineStride = 8;
inline constexpr size_t kPoolMaxLineExtent = size_t{1} << 16;
// Results of runs that are fetched by one call.
inline constexpr size_t kPoolRunBlock = 64;

template <class R>
class PoolWalk {
  using T = typename R::In;
  using Line = typename R::Line;

 public:
  PoolWalk(const PoolArgs& args, const R& reduction)
      : s_(args.shape),
        rows_(RowsOf(s_)),
        columns_(ColumnsOf(s_)),
        x_(static_cast<const T*>(args.x)),
        nhwc_(args.nhwc && s_.channels > 1),
        include_pad_(args.count_include_pad),
        stop_(args.stop),
        reduction_(reduction),
        path_(Choose()) {
    lanes_ = path_ == PoolPath::kPixels ? LaneBlock(args.threads) : path_ == PoolPath::kLines ? s_.out_w : kPoolRunBlock;
    lanes_ = std::min(lanes_, kPoolMaxLanes);
    const size_t taps = path_ == PoolPath::kLines ? s_.kernel_w : columns_.most();
    // A phase has room for the last window of the last vector.
    if (path_ == PoolPath::kLines) {
      phase_ = RoundUp(DivUp((lanes_ - 1) * s_.stride_w + columns_.extent(), s_.stride_w), kPoolPadding);
      block_rows_ = std::clamp<size_t>(kPoolLineBytes / (phase_ * s_.stride_w * sizeof(Line)), 1, s_.out_h);
    }
    BufferLayout layout;
    offsets_at_ = layout.Add(taps * sizeof(ptrdiff_t));
    sums_at_ = layout.Add(std::max(RoundUp(lanes_, kPoolPadding), block_rows_ * phase_) * sizeof(Line));
    if constexpr (R::kDivides) divisors_at_ = layout.Add(R::Divisors::Bytes(lanes_));
    if (path_ == PoolPath::kLines) {
      const size_t lines = block_rows_ * phase_ * s_.stride_w * sizeof(Line);
      line_at_ = layout.Add(lines);
      if (s_.stride_w > 1) parted_at_ = layout.Add(lines);
    }
    bytes_ = layout.size();
  }

  size_t scratch_bytes() const { return bytes_; }

  // Independent pieces, of which a task takes several that stand together.
  size_t units() const {
    switch (path_) {
      case PoolPath::kPixels: return s_.batch * s_.out_h * DivUp(s_.channels, lanes_);
      case PoolPath::kLines: return s_.batch * s_.channels * DivUp(s_.out_h, block_rows_) * DivUp(s_.out_w, lanes_);
      case PoolPath::kImages: return DivUp(s_.batch * s_.channels, kPoolRunBlock);
      case PoolPath::kWindows: return s_.batch * s_.channels * s_.out_h;
    }
    return 0;
  }

  void Run(size_t begin, size_t end, uint8_t* scratch) const {
    Task task(*this, scratch);
    for (size_t unit = begin; unit < end; ++unit) {
      if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return;
      switch (path_) {
        case PoolPath::kPixels: Pixels(unit, task); break;
        case PoolPath::kLines: Lines(unit, task); break;
        case PoolPath::kImages: Images(unit, task); break;
        case PoolPath::kWindows: Windows(unit, task); break;
      }
    }
  }

 private:
  struct NoDivisors {
    NoDivisors(uint8_t*, size_t) {}
  };
  template <class Reduction, bool kDivides>
  struct DivisorsOf {
    using Type = NoDivisors;
  };
  template <class Reduction>
  struct DivisorsOf<Reduction, true> {
    using Type = typename Reduction::Divisors;
  };

  struct Task {
    Line *sums, *line, *parted;
    ptrdiff_t* offsets;
    typename DivisorsOf<R, R::kDivides>::Type divisors;

    Task(const PoolWalk& walk, uint8_t* scratch)
        : sums(reinterpret_cast<Line*>(scratch + walk.sums_at_)),
          line(reinterpret_cast<Line*>(scratch + walk.line_at_)),
          parted(walk.s_.stride_w > 1 ? reinterpret_cast<Line*>(scratch + walk.parted_at_) : line),
          offsets(reinterpret_cast<ptrdiff_t*>(scratch + walk.offsets_at_)),
          divisors(scratch + walk.divisors_at_, walk.lanes_) {
      const PoolShape& s = walk.s_;
      if (walk.path_ == PoolPath::kLines) {
        for (size_t i = 0; i < s.kernel_w; ++i) {
          const size_t column = i * s.dilation_w;
          offsets[i] = static_cast<ptrdiff_t>(column % s.stride_w * walk.block_rows_ * walk.phase_ + column / s.stride_w);
        }
      } else {
        const size_t step = s.dilation_w * (walk.nhwc_ ? s.channels : 1);
        for (size_t i = 0; i < walk.columns_.most(); ++i) offsets[i] = static_cast<ptrdiff_t>(i * step);
      }
    }
  };

  PoolPath Choose() const {
    const bool huge = R::kDivides && sizeof(T) == 1 && rows_.most() * columns_.most() > kPoolMaxBytes;
    if (huge) return PoolPath::kWindows;
    if (nhwc_) return PoolPath::kPixels;
    const bool whole = s_.out_pixels() == 1 && s_.dilation_h == 1 && s_.dilation_w == 1 && rows_.Inside(0).count == s_.height &&
                       columns_.Inside(0).count == s_.width;
    if (whole) return PoolPath::kImages;
    if (s_.stride_w > kPoolMaxLineStride || columns_.extent() > kPoolMaxLineExtent) return PoolPath::kWindows;
    // The longer of the two is the inner loop.
    return s_.out_w < s_.kernel_w && s_.dilation_w == 1 ? PoolPath::kWindows : PoolPath::kLines;
  }

  // Few rows have to be cut by channels for the threads.
  size_t LaneBlock(size_t threads) const {
    const size_t rows = s_.batch * s_.out_h, wanted = threads == 1 ? 1 : DivUp(4 * threads, rows);
    return std::max(RoundUp(DivUp(s_.channels, wanted), 64), size_t{64});
  }

  PoolCount CountOf(size_t inside_rows, size_t padded_rows, size_t ox) const {
    const size_t inside = inside_rows * columns_.Inside(ox).count;
    return {inside, include_pad_ ? padded_rows * columns_.Padded(ox) : inside};
  }

  // Where the first of these rows of a window begins; x where there are none.
  const T* RowAt(size_t plane, size_t oy, const PoolSpan& rows) const {
    if (rows.count == 0) return x_;
    const size_t row = static_cast<size_t>(rows_.Origin(oy) + static_cast<int64_t>(rows.begin * s_.dilation_h));
    return x_ + (plane * s_.height + row) * s_.width * (nhwc_ ? s_.channels : 1);
  }
  // The first of these columns, counted in elements of the row; 0 where there are none.
  size_t ColumnAt(size_t ox, const PoolSpan& columns) const {
    if (columns.count == 0) return 0;
    const size_t column = static_cast<size_t>(columns_.Origin(ox) + static_cast<int64_t>(columns.begin * s_.dilation_w));
    return column * (nhwc_ ? s_.channels : 1);
  }

  void Pixels(size_t unit, Task& task) const {
    const size_t blocks = DivUp(s_.channels, lanes_), channel = unit % blocks * lanes_, oy = unit / blocks % s_.out_h;
    const size_t image = unit / blocks / s_.out_h, lanes = std::min(lanes_, s_.channels - channel);
    const PoolSpan rows = rows_.Inside(oy);
    const T* top = RowAt(image, oy, rows) + channel;
    const auto step = static_cast<ptrdiff_t>(s_.dilation_h * s_.width * s_.channels);
    for (size_t ox = 0; ox < s_.out_w; ++ox) {
      const PoolSpan columns = columns_.Inside(ox);
      const size_t taps_rows = columns.count == 0 ? 0 : rows.count;
      const size_t to = ((image * s_.out_h + oy) * s_.out_w + ox) * s_.channels + channel;
      Line* target = reduction_.Target(task.sums, to);
      reduction_.Lanes({top + ColumnAt(ox, columns), taps_rows, step, task.offsets, columns.count}, lanes, target);
      if constexpr (R::kDivides) {
        const size_t inside = rows.count * columns.count;
        const PoolCount count{inside, include_pad_ ? rows_.Padded(oy) * columns_.Padded(ox) : inside};
        const size_t slot = task.divisors.Slot(reduction_, {count.inside, count.divisor}, lanes, [&](size_t) { return count; });
        reduction_.Store(task.divisors, slot, target, lanes, to);
      }
    }
  }

  // Several rows at a time: fewer calls, results of narrow images fill vectors, and what one step stores has left the store
  // buffer when the next one reads it at another offset.
  void Lines(size_t unit, Task& task) const {
    const size_t blocks = DivUp(s_.out_w, lanes_), ox = unit % blocks * lanes_, lanes = std::min(lanes_, s_.out_w - ox);
    const size_t row_blocks = DivUp(s_.out_h, block_rows_), plane = unit / blocks / row_blocks;
    const size_t first = unit / blocks % row_blocks * block_rows_, rows = std::min(block_rows_, s_.out_h - first);
    for (size_t row = 0; row < rows; ++row) FillLine(plane, first + row, ox, lanes, task.line + row * phase_ * s_.stride_w);
    if (s_.stride_w > 1) PartLines(task.line, task.parted);
    const size_t to = (plane * s_.out_h + first) * s_.out_w + ox;
    const bool direct = !R::kDivides && rows == 1;
    Line* target = direct ? reduction_.Target(task.sums, to) : task.sums;
    reduction_.Along({task.parted, 1, 0, task.offsets, s_.kernel_w}, (rows - 1) * phase_ + lanes, target);
    if (direct) return;
    for (size_t row = 0; row < rows; ++row) {
      const Line* sums = task.sums + row * phase_;
      const size_t at = to + row * s_.out_w;
      if constexpr (R::kDivides) {
        const size_t inside = rows_.Inside(first + row).count, padded = include_pad_ ? rows_.Padded(first + row) : 0;
        const size_t slot = task.divisors.Slot(reduction_, {inside, padded, ox}, lanes,
                                               [&](size_t lane) { return CountOf(inside, padded, ox + lane); });
        reduction_.Store(task.divisors, slot, sums, lanes, at);
      } else {
        std::copy_n(sums, lanes, reduction_.Target(nullptr, at));
      }
    }
  }

  void FillLine(size_t plane, size_t oy, size_t ox, size_t lanes, Line* line) const {
    const PoolSpan rows = rows_.Inside(oy);
    // Columns `left` to `right` of the line stand in the image.
    const int64_t origin = columns_.Origin(ox), width = static_cast<int64_t>(s_.width);
    const int64_t length = static_cast<int64_t>((lanes - 1) * s_.stride_w + columns_.extent());
    const int64_t left = std::clamp<int64_t>(-origin, 0, length), right = std::clamp<int64_t>(width - origin, left, length);
    std::fill(line, line + left, reduction_.First());
    const ptrdiff_t zero = 0;
    if (left < right) {
      const T* at = RowAt(plane, oy, rows) + origin + left;
      reduction_.Lanes({at, rows.count, static_cast<ptrdiff_t>(s_.dilation_h * s_.width), &zero, 1},
                       static_cast<size_t>(right - left), line + left);
    }
    std::fill(line + right, line + phase_ * s_.stride_w, reduction_.First());  // to where the next line begins
  }

  void PartLines(const Line* line, Line* parted) const {
    const size_t stride = s_.stride_w, ld = block_rows_ * phase_;
    if (stride == 2) return reduction_.Part(line, ld, parted);
    for (size_t phase = 0; phase < stride; ++phase)
      for (size_t i = 0; i < ld; ++i) parted[phase * ld + i] = line[i * stride + phase];
  }

  void Images(size_t unit, Task& task) const {
    const size_t plane = unit * kPoolRunBlock, lanes = std::min(kPoolRunBlock, s_.batch * s_.channels - plane);
    Line* target = reduction_.Target(task.sums, plane);
    reduction_.Runs({x_ + plane * s_.pixels(), lanes, s_.pixels(), s_.pixels()}, target);
    if constexpr (R::kDivides) {
      const PoolCount count = CountOf(s_.height, include_pad_ ? rows_.Padded(0) : 0, 0);
      const size_t slot = task.divisors.Slot(reduction_, {}, lanes, [&](size_t) { return count; });
      reduction_.Store(task.divisors, slot, target, lanes, plane);
    }
  }

  void Windows(size_t unit, Task& task) const {
    const size_t oy = unit % s_.out_h, plane = unit / s_.out_h, image = plane / s_.channels, channel = plane % s_.channels;
    const PoolSpan rows = rows_.Inside(oy);
    const size_t padded = include_pad_ ? rows_.Padded(oy) : 0, step = nhwc_ ? s_.channels : 1;
    const T* top = RowAt(nhwc_ ? image : plane, oy, rows);
    const size_t row_step = s_.dilation_h * s_.width * step;
    for (size_t ox = 0; ox < s_.out_w; ++ox) {
      const PoolSpan columns = columns_.Inside(ox);
      typename R::Total total = reduction_.First();
      if (rows.count > 0 && columns.count > 0) {
        const T* at = top + ColumnAt(ox, columns) + (nhwc_ ? channel : 0);
        total = OneWindow({at, rows.count, static_cast<ptrdiff_t>(row_step), task.offsets, columns.count}, task.sums);
      }
      const size_t row = (nhwc_ ? image : plane) * s_.out_h + oy;
      reduction_.Finish(total, CountOf(rows.count, padded, ox), (row * s_.out_w + ox) * step + (nhwc_ ? channel : 0));
    }
  }

  // Piece by piece, none of which has more taps than Line takes.
  typename R::Total OneWindow(const PoolTaps<T>& window, Line* sums) const {
    typename R::Total total = reduction_.First();
    const bool together = !nhwc_ && s_.dilation_w == 1;
    for (size_t column = 0; column < window.col_count; column += kPoolMaxBytes) {
      const size_t columns = std::min(window.col_count - column, kPoolMaxBytes);
      const size_t block = together ? kPoolRunBlock : std::max<size_t>(kPoolMaxBytes / columns, 1);
      for (size_t row = 0; row < window.rows; row += block) {
        const size_t rows = std::min(block, window.rows - row);
        const T* at = window.x + static_cast<ptrdiff_t>(row) * window.row_step;
        if (together) {
          reduction_.Runs({at + column, rows, static_cast<size_t>(window.row_step), columns}, sums);
          for (size_t i = 0; i < rows; ++i) total = reduction_.Join(total, sums[i]);
        } else {
          reduction_.Lanes({at, rows, window.row_step, window.cols + column, columns}, 1, sums);
          total = reduction_.Join(total, sums[0]);
        }
      }
    }
    return total;
  }

  const PoolShape s_;
  const PoolAxis rows_, columns_;
  const T* x_;
  const bool nhwc_, include_pad_;
  const std::atomic<bool>* stop_;
  const R& reduction_;
  const PoolPath path_;
  size_t lanes_, phase_ = 0, block_rows_ = 1, bytes_;
  size_t offsets_at_, sums_at_, divisors_at_ = 0, line_at_ = 0, parted_at_ = 0;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_POOL_POOL_WALK_H_
