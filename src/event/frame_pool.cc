#include "event/frame_pool.h"

#include <array>
#include <new>

namespace portcullis::event {

#ifdef PORTCULLIS_PLAIN_FRAMES

void* allocate_frame(std::size_t size) { return ::operator new(size); }
void release_frame(void* frame, std::size_t) noexcept { ::operator delete(frame); }

#else

namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 64;         // frames up to 4 KiB are pooled
constexpr std::size_t kKeptPerClass = 1024;  // what a burst leaves behind beyond this goes back to the heap

struct FreeFrame {
  FreeFrame* next;
};

struct ThreadPool {
  std::array<FreeFrame*, kClasses> free{};
  std::array<std::size_t, kClasses> kept{};
  ~ThreadPool() {
    for (FreeFrame* frame : free) {
      while (frame != nullptr) {
        FreeFrame* next = frame->next;
        ::operator delete(frame);
        frame = next;
      }
    }
    kept.fill(kKeptPerClass);  // a frame released later in this thread's end goes to the heap
    free.fill(nullptr);
  }
};

thread_local ThreadPool pool;

}  // namespace

void* allocate_frame(std::size_t size) {
  const std::size_t index = (size - 1) / kStep;
  if (index >= kClasses) return ::operator new(size);
  FreeFrame* frame = pool.free[index];
  if (frame == nullptr) return ::operator new((index + 1) * kStep);
  pool.free[index] = frame->next;
  --pool.kept[index];
  return frame;
}

void release_frame(void* frame, std::size_t size) noexcept {
  const std::size_t index = (size - 1) / kStep;
  if (index >= kClasses || pool.kept[index] >= kKeptPerClass) {
    ::operator delete(frame);
    return;
  }
  auto* node = static_cast<FreeFrame*>(frame);
  node->next = pool.free[index];
  pool.free[index] = node;
  ++pool.kept[index];
}

#endif

}  // namespace portcullis::event
