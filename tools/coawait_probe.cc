// Shows, for the compiler that built it, what becomes of temporaries inside a co_await expression. g++ 12.2 destroys an
// aggregate and a capturing lambda twice, which is why tools/check_coawait.py exists. Passes when the good forms are
// right and the verdict on the bad ones agrees with what is known of the compiler; where a compiler is right, it says
// so. The bad forms are the checker's samples too: its test wants every line marked `BAD` here to be found.
#include <coroutine>
#include <cstdio>
#include <cstring>
#include <exception>
#include <set>
#include <utility>

namespace {

std::set<const void*> alive;
int wrong = 0;  // destructions of what is not alive

// Knows when it is destroyed twice.
struct Tracked {
  Tracked() { alive.insert(this); }
  Tracked(const Tracked&) { alive.insert(this); }
  Tracked(Tracked&&) noexcept { alive.insert(this); }
  Tracked& operator=(const Tracked&) = default;
  Tracked& operator=(Tracked&&) = default;
  ~Tracked() { wrong += alive.erase(this) == 0 ? 1 : 0; }
};

struct Aggregate {
  Tracked tracked;
};

struct Task {
  struct promise_type {
    Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

// Suspends once and gives `value`.
struct Pause {
  bool value = true;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> /*waiting*/) const {}
  bool await_resume() const { return value; }
};

Pause pause(Aggregate /*aggregate*/) { return Pause(); }

template <class Function>
Pause call(Function function) {
  function();
  return Pause();
}

Task bad_aggregate() {
  co_await pause(Aggregate{Tracked()});  // BAD  coawait: allow (shown on purpose)
}

Task bad_lambda() {
  Tracked tracked;
  co_await call([tracked] { static_cast<void>(tracked); });  // BAD  coawait: allow (shown on purpose)
}

Task good_aggregate() {
  Aggregate aggregate{Tracked()};
  co_await pause(std::move(aggregate));
}

Task good_lambda() {
  Tracked tracked;
  auto function = [tracked] { static_cast<void>(tracked); };
  co_await call(std::move(function));
}

// Runs to the end; returns how many destructions were wrong, plus what was never destroyed.
int faults(Task (*form)()) {
  alive.clear();
  wrong = 0;
  const Task task = form();
  while (!task.handle.done()) task.handle.resume();
  task.handle.destroy();
  return wrong + static_cast<int>(alive.size());
}

}  // namespace

int main() {
  int status = 0;
  for (const auto& [name, form] : {std::pair("aggregate", &good_aggregate), std::pair("lambda", &good_lambda)}) {
    const int count = faults(form);
    std::printf("good %s: %d faults\n", name, count);
    if (count != 0) status = 1;
  }
  for (const auto& [name, form] : {std::pair("aggregate", &bad_aggregate), std::pair("lambda", &bad_lambda)}) {
    const int count = faults(form);
    std::printf("bad %s: %d faults: this compiler %s\n", name, count, count == 0 ? "is right" : "has the bug");
#if defined(__clang__)
    if (count != 0) status = 1;
#elif __GNUC__ == 12 && __GNUC_MINOR__ == 2
    if (count == 0) status = 1;  // then the rule has lost its reason: have a look, and drop it
#endif
  }
  std::puts(status == 0 ? "as known" : "NOT as known");
  return status;
}
