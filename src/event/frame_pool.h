// Memory for coroutine frames: a free list a size class, one set a thread, so that starting a coroutine costs a pop.
// Under a sanitizer every frame is its own allocation, so that a use after free is seen.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define PORTCULLIS_PLAIN_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PORTCULLIS_PLAIN_FRAMES 1
#endif
#endif

namespace portcullis::event {

void* allocate_frame(std::size_t size);
void release_frame(void* frame, std::size_t size) noexcept;

}  // namespace portcullis::event
