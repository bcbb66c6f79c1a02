#include "core/scratch.h"

namespace lowp {
namespace {

constexpr size_t kKeptBytes = size_t{8} << 20;

AlignedBuffer& Slot(ScratchSlot slot) {
  thread_local AlignedBuffer buffers[4];
  return buffers[static_cast<size_t>(slot)];
}

}  // namespace

uint8_t* Scratch(ScratchSlot slot, size_t bytes) {
  AlignedBuffer& buffer = Slot(slot);
  return buffer.Reserve(bytes) ? buffer.data() : nullptr;
}

void TrimScratch(ScratchSlot slot) {
  if (Slot(slot).size() > kKeptBytes) Slot(slot).Free();
}

}  // namespace lowp
