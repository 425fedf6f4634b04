#!/usr/bin/python3
"""Tests check_coawait.py: forms that it must find, forms that it must leave alone."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check_coawait

PROBE = pathlib.Path(__file__).resolve().parent / "coawait_probe.cc"

# What stands in a coroutine's body, and the rules it breaks.
BAD = [
    ("co_await f(Type{1});", ["braces"]),
    ("auto x = co_await f({1, 2});", ["braces"]),
    ("auto x = co_await f(\n    a,\n    {1, 2});", ["braces"]),
    ("return_it(co_await f(), Type{});", ["braces"]),
    ("Type x{co_await f()};", ["braces"]),
    ("co_await f(std::vector<int>{1});", ["braces"]),
    ("co_await f([x] { return x; });", ["lambda"]),
    ("co_await f([&](int y) mutable -> Type<int> { return y; });", ["lambda"]),
    ("co_await f([this] { g(); });", ["lambda"]),
    ("auto x = ready ? co_await f() : 0;", ["conditional"]),
    ("auto x = co_await f(a ? b : c);", ["conditional"]),
    ("if (ready && co_await f()) { g(); }", ["logic"]),
    ("if (co_await f() || late) g();", ["logic"]),
    ("while (co_await f() and more) {}", ["logic"]),
    ("if (auto r = co_await f(a && b); r) g();", ["logic"]),
    ("for (int i = 0; i < 3 && co_await f(); ++i) g();", ["logic"]),
    ("co_return co_await f(Type{});", ["braces"]),
    ("co_await f(Deadline(5));", ["temporary"]),
    ("co_await f(g(std::string(\"x\")));", ["temporary"]),
    ("co_await f(std::vector<int>(5));", ["temporary"]),
    ("co_await this->g.f(a).h(Thing(1));", ["temporary"]),
    ("auto f = [](int x) -> Task<void> { co_await g(x); };", ["coroutine-lambda"]),
    ("spawn([]() -> Task<void> { co_return; }());", ["coroutine-lambda"]),
    ("spawn([] { if (x) { co_yield 1; } });", ["coroutine-lambda"]),
    ("co_await f(\"{\", Type{'}'});", ["braces"]),
    ("co_await f(R\"x(\")\" && {)x\", Type{});", ["braces"]),
    ("#define Y \"\n  co_await f(1'000, Type{});", ["braces"]),
]

GOOD = [
    "co_await f();",
    "auto x = co_await f(std::move(args), a, 5, \"text {?&&}\", ']', kLimit);",
    "Type args{1, 2};\n  co_await f(std::move(args));",
    "if (a && b) { co_await f(); }",
    "if (a && b) co_await f();",
    "while (a || b) { auto r = co_await f(); if (!r || !r->ok) break; }",
    "if (auto r = co_await f(); r && r->ok) g();",
    "for (auto&& x : list) co_await f(x);",
    "auto&& x = co_await f();",
    "std::vector<int>&& x = co_await f();",
    "auto g = [x] { return x ? 1 : 2; };\n  co_await f(std::move(g));",
    "co_await f([] { return Type{}; });",
    "co_await f([](int y) { return y ? Type{} : g(y); });",
    "const int n = a ? 1 : 2;\n  co_await f(n);",
    "auto r = co_await f(deadline_after(5), Clock::now(), Level::kInfo);",
    "auto r = co_await std::move(task);",
    "// co_await f(Type{});\n  /* co_await f(a && b); */ co_await f();",
    "const char* s = \"co_await f(Type{})\";\n  const char* r = R\"(co_await f(a ? b : c))\";",
    "co_await f(table[i], matrix[i][j], (*p)[0]);",
    "switch (co_await f()) { case 1: g(Type{}); break; default: h(a && b); }",
    "do { co_await f(); } while (a && b);",
    "try { co_await f(); } catch (...) { g({1}); }",
    "co_await f(); [[maybe_unused]] auto g = Type{1};",
    "auto r = co_await f();\n  if (!r) co_return tl::unexpected(Error{\"a\", \"b\"});",
    "#define X(a) co_await f(Type{a} && \\\n  b)\n  co_await f();",
    "struct stat info {};\n  co_await f();",
    "int a[] = {1, 2};\n  co_await f(a);",
    "if constexpr (sizeof(T) > 1 && kOn) co_await f();",
    "co_await f(Type{1});  // coawait: allow (a sample)",
]


def rules(body, allow=True):
    text = "namespace a::b {\nTask<Result<int>> Class::go(int x) const {\n  " + body + "\n}\n}  // namespace a::b\n"
    return [rule for _, rule in check_coawait.check_text(text, allow)]


class CheckCoawait(unittest.TestCase):
    def test_finds_every_bad_form(self):
        for body, expected in BAD:
            with self.subTest(body):
                self.assertEqual(rules(body), expected)

    def test_leaves_good_forms_alone(self):
        for body in GOOD:
            with self.subTest(body):
                self.assertEqual(rules(body), [])

    def test_looks_into_members_lambdas_and_templates(self):
        for before, after in [
            ("template <class T>\nstruct X : Y<T> {\n  Task<T> f() override {", "}\n};"),
            ("auto make() {\n  struct Local {\n    Task<> f() noexcept {", "}\n  };\n}"),
            ("class X final {\n public:\n  explicit X(int a) : a_(a), b_{1} {}\n  auto f() -> Task<int> {", "}\n};"),
        ]:
            with self.subTest(before):
                found = list(check_coawait.check_text(before + "\nco_await f(Type{});\n" + after))
                self.assertEqual(found, [(before.count("\n") + 2, "braces")])
                self.assertEqual(list(check_coawait.check_text(before + "\nco_await f();\n" + after)), [])

    def test_allow_needs_a_reason_and_holds_for_its_line(self):
        self.assertEqual(rules("co_await f(Type{1});  // coawait: allow"), ["braces"])
        self.assertEqual(rules("co_await f(Type{1});  // coawait: allow (a sample)", allow=False), ["braces"])
        self.assertEqual(rules("// coawait: allow (x)\n  co_await f(Type{1});"), ["braces"])

    def test_finds_what_the_probe_proves(self):
        text = PROBE.read_text(encoding="utf-8")
        marked = [n for n, line in enumerate(text.split("\n"), 1) if "// BAD" in line]
        self.assertEqual(len(marked), 2)
        self.assertEqual(sorted({line for line, _ in check_coawait.check_text(text, allow=False)}), marked)
        self.assertEqual(list(check_coawait.check_text(text)), [])


if __name__ == "__main__":
    unittest.main()
