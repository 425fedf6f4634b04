// Memory for coroutine frames: a free list a size class, one set a thread, so that starting a coroutine costs a pop.
// Under a sanitizer every frame is its own allocation, so that a use after free is seen.
#pragma once

#include <cstddef>

namespace portcullis::event {

void* allocate_frame(std::size_t size);
void release_frame(void* frame, std::size_t size) noexcept;

}  // namespace portcullis::event
