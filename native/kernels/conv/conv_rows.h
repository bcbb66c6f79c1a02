// The left operand of a convolution seen as a matrix product: a row for each output pixel, in it kernel_h x kernel_w taps of the
// group's channels, read from an image [height][width][channels]. What a block of the product needs is copied, never all of it.
#ifndef LOWP_KERNELS_CONV_CONV_ROWS_H_
#define LOWP_KERNELS_CONV_CONV_ROWS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/row_source.h"
#include "kernels/conv/conv_shape.h"

namespace lowp {

template <class T>
class ConvRows final : public RowSource<T> {
 public:
  // `padding` is what pixels outside of the image are.
  ConvRows(const ConvShape& shape, const T* x, size_t group, T padding)
      : s_(shape), x_(x), channel_(group * shape.group_channels()), padding_(padding) {
    // Taps of a row of the kernel stand next to each other in the image, so that one copy fetches them.
    const bool together = s_.groups == 1 && s_.dilation_w == 1;
    run_taps_ = together ? s_.kernel_w : 1;
    runs_ = s_.taps() / run_taps_;
  }

  void Read(size_t batch, size_t m0, size_t rows, size_t k0, size_t depth, T* to, size_t ld) const override {
    const T* image = x_ + batch * s_.pixels() * s_.channels;
    size_t oy = m0 / s_.out_w, ox = m0 % s_.out_w;
    const size_t first_run = k0 / (run_taps_ * s_.group_channels());
    const size_t ky = first_run * run_taps_ / s_.kernel_w, kx = first_run * run_taps_ % s_.kernel_w;
    const bool whole = k0 == 0 && depth >= s_.taps() * s_.group_channels() && run_taps_ == s_.kernel_w;
    for (size_t i = 0; i < rows; ++i) {
      if (whole && IsInside(oy, ox))
        ReadInside(image, oy, ox, to + i * ld);
      else
        ReadRow(image, oy, ox, first_run, ky, kx, k0, k0 + depth, to + i * ld);
      if (++ox == s_.out_w) {
        ox = 0;
        ++oy;
      }
    }
  }

 private:
  using Signed = std::ptrdiff_t;

  // Whether all taps of an output pixel lie in the image.
  bool IsInside(size_t oy, size_t ox) const {
    const Signed y = At(oy, s_.stride_h, s_.pad_top, 0, 0), x = At(ox, s_.stride_w, s_.pad_left, 0, 0);
    const size_t tall = (s_.kernel_h - 1) * s_.dilation_h + 1, wide = (s_.kernel_w - 1) * s_.dilation_w + 1;
    return y >= 0 && x >= 0 && static_cast<size_t>(y) + tall <= s_.height && static_cast<size_t>(x) + wide <= s_.width;
  }

  // The plain case of ReadRow, which costs a first layer half its time: whole rows of the kernel, nothing to pad.
  void ReadInside(const T* image, size_t oy, size_t ox, T* to) const {
    const size_t length = run_taps_ * s_.group_channels(), step = s_.dilation_h * s_.width * s_.channels;
    const size_t y = oy * s_.stride_h - s_.pad_top, x = ox * s_.stride_w - s_.pad_left;
    const T* from = image + (y * s_.width + x) * s_.channels + channel_;
    for (size_t ky = 0; ky < s_.kernel_h; ++ky, from += step, to += length) CopyRun(from, length * sizeof(T), to);
  }

  // Of the run that begins with tap (ky, kx) on. Nothing is divided here: for a first layer that took longer than the copies.
  void ReadRow(const T* image, size_t oy, size_t ox, size_t run, size_t ky, size_t kx, size_t begin, size_t end, T* to) const {
    const size_t channels = s_.group_channels(), length = run_taps_ * channels;
    for (; run < runs_ && run * length < end; ++run) {
      const size_t first = std::max(begin, run * length) - run * length, last = std::min(end - run * length, length);
      const Signed y = At(oy, s_.stride_h, s_.pad_top, ky, s_.dilation_h),
                   x = At(ox, s_.stride_w, s_.pad_left, kx, s_.dilation_w);
      // Elements of the run that lie in the image.
      size_t in_begin = last, in_end = last;
      if (y >= 0 && y < static_cast<Signed>(s_.height)) {
        const Signed left = std::max<Signed>(-x, 0),
                     right = std::min<Signed>(static_cast<Signed>(s_.width) - x, static_cast<Signed>(run_taps_));
        if (left < right) {
          in_begin = std::clamp(static_cast<size_t>(left) * channels, first, last);
          in_end = std::clamp(static_cast<size_t>(right) * channels, in_begin, last);
        }
      }
      to = std::fill_n(to, in_begin - first, padding_);
      if (in_begin < in_end) {
        const Signed pixel = y * static_cast<Signed>(s_.width) + x;
        const T* from = image + pixel * static_cast<Signed>(s_.channels) + static_cast<Signed>(channel_ + in_begin);
        CopyRun(from, (in_end - in_begin) * sizeof(T), to);
        to += in_end - in_begin;
      }
      to = std::fill_n(to, last - in_end, padding_);
      kx += run_taps_;
      if (kx == s_.kernel_w) {
        kx = 0;
        ++ky;
      }
    }
  }

  // A run is often a few dozen bytes, for which a call of memcpy takes longer than the copy. The last piece overlaps the one
  // before.
  static void CopyRun(const T* from, size_t bytes, T* to) {
    const char* source = reinterpret_cast<const char*>(from);
    char* target = reinterpret_cast<char*>(to);
    if (bytes >= 256) {
      std::memcpy(target, source, bytes);
    } else if (bytes >= 32) {
      CopyPieces<32>(source, bytes, target);
    } else if (bytes >= 16) {
      CopyPieces<16>(source, bytes, target);
    } else if (bytes >= 8) {
      CopyPieces<8>(source, bytes, target);
    } else if (bytes >= 4) {
      CopyPieces<4>(source, bytes, target);
    } else {
      for (size_t at = 0; at < bytes; ++at) target[at] = source[at];
    }
  }

  template <size_t kPiece>
  static void CopyPieces(const char* source, size_t bytes, char* target) {
    for (size_t at = 0; at + kPiece < bytes; at += kPiece) std::memcpy(target + at, source + at, kPiece);
    std::memcpy(target + bytes - kPiece, source + bytes - kPiece, kPiece);
  }

  static Signed At(size_t out, size_t stride, size_t pad, size_t tap, size_t dilation) {
    return static_cast<Signed>(out * stride + tap * dilation) - static_cast<Signed>(pad);
  }

  const ConvShape s_;
  const T* x_;
  size_t channel_;
  T padding_;
  size_t run_taps_, runs_;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_ROWS_H_
