#!/usr/bin/python3
"""Tests check_rooms.py on small trees."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check_rooms

TABLE = "# rooms\nbase:\ntelemetry: base\nx509: base\nevent: base\nnet: event\ntls: x509 net\nhttp: base\n"


class CheckRooms(unittest.TestCase):
    def findings(self, files, table=TABLE):
        """Writes `files` (and an a.h into every room) and returns the findings as `file:line: rule`."""
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for room in ("base", "telemetry", "x509", "event", "net", "tls", "http"):
                (root / "src" / room / "internal").mkdir(parents=True)
                (root / "src" / room / "a.h").write_text("")
                (root / "src" / room / "internal" / "i.h").write_text("")
            (root / "src" / "rooms.txt").write_text(table)
            for path, text in files.items():
                (root / "src" / path).parent.mkdir(parents=True, exist_ok=True)
                (root / "src" / path).write_text(text)
            return [f"{path.relative_to(root / 'src')}:{line}: {rule}" for path, line, rule, _ in check_rooms.check(root)]

    def include(self, path, what):
        return self.findings({path: f"\n#include {what}\n"})

    def test_what_the_table_reaches_is_allowed(self):
        for path, what in [
            ("tls/x.cc", '"tls/a.h"'), ("tls/x.cc", '"x509/a.h"'), ("tls/x.cc", '"base/a.h"'), ("tls/x.cc", '"event/a.h"'),
            ("tls/x.cc", '"telemetry/a.h"'), ("http/x.cc", '"telemetry/a.h"'), ("tls/internal/x.cc", '"tls/internal/i.h"'),
            ("tls/x.cc", '"tls/internal/i.h"'), ("tls/x.cc", "<openssl/ssl.h>"), ("net/x.cc", "<ares.h>"),
            ("http/x.cc", "<vector>"), ("http/x.cc", "<sys/socket.h>"), ("main.cc", '"tls/a.h"'), ("main.cc", "<CLI/CLI.hpp>"),
        ]:
            with self.subTest(path=path, what=what):
                self.assertEqual(self.include(path, what), [])

    def test_what_it_does_not_reach_is_found(self):
        for path, what, rule in [
            ("base/x.h", '"x509/a.h"', "direction"), ("x509/x.cc", '"telemetry/a.h"', "direction"),
            ("http/x_test.cc", '"net/a.h"', "direction"), ("net/internal/x.cc", '"tls/a.h"', "direction"),
            ("tls/x.cc", '"x509/internal/i.h"', "internal"), ("main.cc", '"tls/internal/i.h"', "internal"),
            ("http/x.cc", "<openssl/evp.h>", "library"), ("tls/x.cc", "<sodium.h>", "library"), ("tls/x.cc", "<nlohmann/json.hpp>", "library"),
            ("tls/x.h", "<sqlite3.h>", "library"), ("tls/x.h", "<CLI/CLI.hpp>", "library"),
            ("tls/x.cc", '"a.h"', "form"), ("tls/x.cc", '"../x509/a.h"', "form"), ("tls/x.cc", "<x509/a.h>", "form"),
            ("tls/x.cc", '"x509/none.h"', "form"), ("other.cc", '"tls/a.h"', "form"),
        ]:
            with self.subTest(path=path, what=what):
                found = self.include(path, what)
                self.assertEqual([f.split(": ")[1] for f in found], [rule])
                self.assertTrue(found[0].startswith(path))
        self.assertEqual(self.include("http/x.cc", '"net/a.h"'), ["http/x.cc:2: direction"])

    def test_spelling_does_not_hide_an_include(self):
        for text in ['  #  include "net/a.h"', '#include"net/a.h"', '#\tinclude\t"net/a.h"',
                     '/* x */ #include "net/a.h"', 'char c = \'"\'; // "\n#include "net/a.h"']:
            with self.subTest(text):
                self.assertEqual(len(self.findings({"http/x.cc": text})), 1)

    def test_comments_and_strings_are_no_includes(self):
        for text in ['// #include "net/a.h"', '/*\n#include "net/a.h"\n*/', 'auto s = R"x(\n#include "net/a.h"\n)x";']:
            with self.subTest(text):
                self.assertEqual(self.findings({"http/x.cc": text}), [])

    def test_table_must_be_in_order_and_complete(self):
        for table, expected in [
            ("a: b\nb:\n", ["rooms.txt:1: table"]),
            ("a: a\n", ["rooms.txt:1: table"]),
            ("a:\na:\n", ["rooms.txt:2: table"]),
            ("a b\n", ["rooms.txt:1: table"]),
        ]:
            with self.subTest(table):
                found = [f for f in self.findings({}, table) if f.startswith("rooms.txt")]
                self.assertEqual(found, expected)
        self.assertIn("attic:1: table", self.findings({"attic/x.cc": ""}))

    def test_circle_cannot_be_written(self):
        table = TABLE.replace("base:\n", "base: tls\n")
        self.assertIn("rooms.txt:2: table", self.findings({"base/x.h": '#include "tls/a.h"'}, table))


if __name__ == "__main__":
    unittest.main()
