// How the weights of a convolution lie on the device. Written by conv_pack.cc, on the host.
//
// Dense: rows of K, one for each output channel, K running over taps and then the channels of the group, padded with zeros:
//
//   [out_channels][depth_padded]     depth_padded: taps * padded channels, to a multiple of 64 bytes
//
// A kernel takes K in chunks of 16 or of 4 bytes, none of which crosses from one tap to the next. So int8 channels are padded, in
// the image too where it is not so already: up to 8 of them to a multiple of 4, more to a multiple of 16. float32's are not.
//
// Depthwise int8: taps by fours, as a dot product takes them, [DivUp(taps, 4)][out_channels][4]; float32: [taps][out_channels].
//
// int8 weights are s8; of u8 ones, and of their zero points, 128 has been taken away. Beside them scales, zero points and the
// sums of w - zw over the depth, one for each output channel.
#ifndef LOWP_CUDA_CONV_CONV_LAYOUT_H_
#define LOWP_CUDA_CONV_CONV_LAYOUT_H_

#include <cstddef>

#include "core/aligned_buffer.h"

namespace lowp {

inline constexpr size_t kConvStepBytes = 64;  // of K, that kernels take at a time
inline constexpr size_t kConvChunkBytes = 16;
inline constexpr size_t kConvTapGroup = 4;

inline constexpr size_t ConvPaddedChannels(size_t channels, bool is_int8) {
  if (!is_int8) return channels;
  return RoundUp(channels, channels <= 8 ? 4 : kConvChunkBytes);
}

}  // namespace lowp

#endif  // LOWP_CUDA_CONV_CONV_LAYOUT_H_
