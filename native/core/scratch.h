// Scratch memory of the calling thread, kept between calls so that a call allocates nothing once it has run.
#ifndef LOWP_CORE_SCRATCH_H_
#define LOWP_CORE_SCRATCH_H_

#include <cstddef>

#include "core/aligned_buffer.h"

namespace lowp {

// Several slots, because a parallel region runs inside a call that has scratch of its own on the same thread, and a convolution
// holds images in another layout, or transformed tiles, while the matrix product runs.
enum class ScratchSlot { kImage, kTiles, kCall, kTask };

// At least `bytes`, or null where there is no memory. Valid until the next Scratch() of this slot on this thread.
uint8_t* Scratch(ScratchSlot slot, size_t bytes);

// Gives back what one unusually large call left behind in a slot.
void TrimScratch(ScratchSlot slot);

}  // namespace lowp

#endif  // LOWP_CORE_SCRATCH_H_
