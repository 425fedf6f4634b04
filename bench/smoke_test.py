#!/usr/bin/python3
"""The bench does not rot: every measure is taken of the gateway with tiny counts, and the statistics say what they must.

usage: smoke_test.py --build-dir DIR [UNITTEST ARGUMENTS]
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from field.decide import interval, verdict
from field.measures import MEASURES, Field, Scale
from field.stepping import Stepper

BENCH = Path(__file__).resolve().parent
BUILD = BENCH.parent / "build" / "release"


def run_bench(*arguments: str) -> tuple[subprocess.CompletedProcess, dict]:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        run = subprocess.run([sys.executable, str(BENCH / "bench.py"), "--build-dir", str(BUILD), "--peers", "portcullis",
                              "--tiny", "--json", str(results), *arguments], capture_output=True, text=True, timeout=540,
                             check=False)
        return run, json.loads(results.read_text()) if results.exists() else {}


class Decision(unittest.TestCase):
    def test_one_reading_decides_only_with_known_precision(self) -> None:
        self.assertIsNone(interval([0.5]))
        self.assertEqual(verdict([0.5], 0.9), "undecided")
        self.assertEqual(verdict([0.5], 0.9, 0.02), "met")
        self.assertEqual(verdict([0.895], 0.9, 0.02), "undecided")

    def test_few_rounds_are_widened(self) -> None:
        low, high = interval([0.6, 0.8])
        self.assertAlmostEqual(low, 0.5)
        self.assertAlmostEqual(high, 0.9)
        self.assertEqual(verdict([0.6, 0.8], 0.85), "undecided")

    def test_five_rounds_reach_from_smallest_to_largest(self) -> None:
        self.assertEqual(interval([0.7, 0.5, 0.9, 0.6, 0.8]), (0.5, 0.9))

    def test_many_rounds_shed_outliers(self) -> None:
        low, high = interval([0.1, 0.6, 0.61, 0.62, 0.63, 0.64, 0.65, 0.66, 9.0])
        self.assertEqual((low, high), (0.6, 0.66))

    def test_a_goal_within_the_spread_is_undecided(self) -> None:
        rounds = [0.80, 0.82, 0.84, 0.86, 0.88]
        self.assertEqual(verdict(rounds, 0.90), "met")
        self.assertEqual(verdict(rounds, 0.85), "undecided")
        self.assertEqual(verdict(rounds, 0.75), "missed")


class Smoke(unittest.TestCase):
    finished: subprocess.CompletedProcess
    results: dict

    @classmethod
    def setUpClass(cls) -> None:
        cls.finished, cls.results = run_bench("--rounds", "1")

    def reading(self, key: str) -> dict:
        [reading] = self.results["measures"][key]["peers"]["portcullis"]["readings"]
        return reading

    def test_every_measure_is_taken(self) -> None:
        self.assertEqual(self.finished.returncode, 0, self.finished.stdout + self.finished.stderr)
        self.assertEqual(set(self.results["measures"]), set(MEASURES))
        for key, measure in self.results["measures"].items():
            if key == "syscalls" and measure["skipped"]:
                continue  # no strace, or no leave to attach
            with self.subTest(key):
                self.assertEqual(measure["skipped"], {})
                if not key.startswith("distinct"):  # memory may shrink, too
                    self.assertGreaterEqual(self.reading(key)["value"], 0 if key == "reload" else 0.01)

    def test_no_request_is_lost_over_reloads(self) -> None:
        reading = self.reading("reload")
        self.assertEqual((reading["value"], reading["reconnects"]), (0, 0))
        self.assertGreater(reading["operations"], 32)

    def test_first_seen_chains_are_as_many_as_operations(self) -> None:
        reading = self.reading("full13-new")
        self.assertEqual((reading["operations"], reading["resumed"]), (20, 0))
        self.assertEqual(reading["negotiated"], "TLSv1.3 TLS_AES_128_GCM_SHA256 X25519")

    def test_distinct_clients_come_in_batches_and_memory_is_read_after_each(self) -> None:
        for key in ("distinct", "distinct-tickets"):
            with self.subTest(key):
                reading = self.reading(key)
                self.assertEqual((reading["operations"], len(reading["after"])), (40, 10))
                self.assertAlmostEqual(reading["value"], reading["after"][-1] - reading["after"][4])
                self.assertGreater(min(reading["start"], *reading["after"]), 1)

    def test_an_unknown_measure_is_refused(self) -> None:
        run, _ = run_bench("--measures", "nonsense")
        self.assertEqual(run.returncode, 2)
        self.assertIn("there are: full13", run.stderr)


# Says that it is ready, and again after each byte that it reads, for which it runs so many rounds of two instructions, and one string instruction that is repeated as often.
KNOWN_WORK = """
#include <unistd.h>
static char from[8192], to[8192];
int main(void) {
  char size = 0;
  while (write(1, "", 1) == 1 && read(0, &size, 1) == 1) {
    long rounds = size * 100L, count = size * 100L;
    char *source = from, *target = to;
    __asm__ volatile("1: dec %0; jnz 1b; rep movsb" : "+r"(rounds), "+c"(count), "+S"(source), "+D"(target) : : "memory", "cc");
  }
}
"""


class Stepping(unittest.TestCase):
    """The counter that steps the CPU. Where the kernel does not allow that, it must say so, and that is all."""

    stepper: Stepper

    @classmethod
    def setUpClass(cls) -> None:
        cls.stepper = Stepper(BUILD / "bench" / "bench-stepcount", Field(BUILD / "bench" / "bench-loadgen", set(), Scale()))

    def count(self, process: subprocess.Popen, counts: Path, size: int) -> int:
        """Instructions of that program for one byte."""
        assert process.stdin is not None and process.stdout is not None
        lines = len(counts.read_text().splitlines())
        process.send_signal(signal.SIGUSR1)
        self.await_lines(counts, lines + 1)
        process.stdin.write(bytes([size]))
        process.stdin.flush()
        self.assertEqual(len(process.stdout.read(1)), 1)
        process.send_signal(signal.SIGUSR2)
        return int(self.await_lines(counts, lines + 2)[-1])

    def await_lines(self, counts: Path, number: int) -> list[str]:
        deadline = time.monotonic() + 60
        while len(lines := counts.read_text().splitlines()) < number:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return lines

    def test_instructions_are_counted_to_the_last_one(self) -> None:
        if self.stepper.why_not():
            self.skipTest(self.stepper.why_not())
        with tempfile.TemporaryDirectory() as folder:
            program, counts = Path(folder) / "known-work", Path(folder) / "counts"
            subprocess.run(["g++", "-x", "c++", "-O1", "-o", program, "-"], input=KNOWN_WORK, text=True, check=True)
            command = [self.stepper.program, counts, program]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
                assert process.stdin is not None and process.stdout is not None
                self.assertEqual(len(process.stdout.read(1)), 1)
                # The first byte is the one for which functions are looked up.
                _, few, more, many = (self.count(process, counts, size) for size in (1, 1, 21, 81))
                process.stdin.close()
                self.assertEqual(process.wait(60), 0)
            self.assertEqual((more - few, many - few), (2 * 20 * 100, 2 * 80 * 100))

    def test_the_file_of_counts_is_there_before_the_command_runs(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            command = [self.stepper.program, Path(folder) / "missing" / "counts", "touch", run]
            refused = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual((refused.returncode, run.exists()), (1, False))
            self.assertIn("missing/counts: No such file or directory", refused.stderr)

    def test_a_request_is_counted(self) -> None:
        run, results = run_bench("--measures", "none", "--instructions", "keepalive", "--counter", "step", "--rounds", "1")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("stepping the CPU", run.stdout)
        seen = results["instructions"]["keepalive"]["portcullis"]
        if self.stepper.why_not():
            self.assertEqual(seen, self.stepper.why_not())
        else:
            self.assertGreater(seen["value"], 10_000)
            self.assertLess(seen["value"], 200_000)

    def test_who_may_not_trace_is_told_why(self) -> None:
        self.assertIn("is not built", Stepper(Path("/nonexistent"), self.stepper.field).why_not())
        with tempfile.TemporaryDirectory() as folder:
            refused = Path(folder) / "refused"
            refused.write_text("#!/bin/sh\necho may not trace >&2\nexit 77\n")
            refused.chmod(0o755)
            self.assertEqual(Stepper(refused, self.stepper.field).why_not(), "may not trace")


if __name__ == "__main__":
    if "--build-dir" in sys.argv:
        at = sys.argv.index("--build-dir")
        BUILD = Path(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    unittest.main()
