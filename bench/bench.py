#!/usr/bin/python3
"""Measures Portcullis beside nginx, HAProxy and Caddy, in ratios. `./dev bench` installs, builds and calls it.

Every server has one worker pinned to the first core; the load generator and the backend have the others. All peers take
their turn inside each round, in changing order, so that a ratio compares neighbours in time. What counts is the CPU time
of all the server's processes (schedstat) an operation, never a duration. docs/performance.md says how to read it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from field import instructions, pki, report
from field.measures import MEASURES, Field, Measure, Scale, Skipped
from field.peers import PEERS, Backend, Peer, Portcullis

ROOT = Path(__file__).resolve().parent.parent


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="nginx,haproxy,caddy,portcullis", help="of: %(default)s")
    parser.add_argument("--measures", default="all", help="of: " + ", ".join(MEASURES) + "; or none")
    parser.add_argument("--rounds", type=int, default=5, help="5 or more decide best (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of one reading (%(default)s)")
    parser.add_argument("--instructions", nargs="?", const="all", metavar="OPERATIONS",
                        help="count instructions, too; of: " + ", ".join(instructions.OPERATIONS) + " (all)")
    parser.add_argument("--counter", choices=list(instructions.COUNTERS), default="callgrind",
                        help="of instructions: callgrind, or the real CPU step by step: minutes for a handshake (%(default)s)")
    parser.add_argument("--json", type=Path, help="where the results go (build/bench/results-TIME.json)")
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build" / "release", help="whose programs are used")
    parser.add_argument("--portcullis", type=Path, help="another gateway binary")
    parser.add_argument("--tiny", action="store_true", help="tiny counts: shows that the bench works, measures nothing")
    arguments = parser.parse_args()
    arguments.peers = chosen(parser, arguments.peers, PEERS)
    arguments.measures = [] if arguments.measures == "none" else chosen(parser, arguments.measures, MEASURES)
    if arguments.instructions:
        arguments.instructions = chosen(parser, arguments.instructions, instructions.OPERATIONS)
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds are positive")
    return arguments


def chosen(parser: argparse.ArgumentParser, text: str, known: dict[str, Any]) -> list[str]:
    names = list(known) if text == "all" else text.split(",")
    for name in names:
        if name not in known:
            parser.error(f"no '{name}'; there are: {', '.join(known)}")
    return names


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="" if text else "\r", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load_average": os.getloadavg(),
            "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}


class Bench:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        build = arguments.build_dir.resolve()
        Portcullis.binary = (arguments.portcullis or build / "portcullis").resolve()
        self.folder = build / "bench" / ("tiny" if arguments.tiny else "run")
        cores = sorted(os.sched_getaffinity(0))
        server_cores, own_cores = {cores[0]}, set(cores[1:2] or cores)
        scale = Scale(seconds=arguments.seconds)
        if arguments.tiny:
            scale = Scale(0.05, 20, 50, (100, 300), 2, 0.2,
                          {**dict.fromkeys(instructions.OPERATIONS, (2, 6)), "keepalive": (20, 60)},
                          stepped_operations=dict.fromkeys(instructions.OPERATIONS, 2), distinct_clients=40)
        self.field = Field(build / "bench" / "bench-loadgen", own_cores, scale)
        chains = pki.chains(build / "bench" / "pki")
        self.backend = Backend(build / "bench" / "bench-backend", self.folder, own_cores)
        self.peers: dict[str, Peer] = {
            name: PEERS[name](self.folder, chains, self.backend.port, server_cores) for name in arguments.peers}
        self.readings: dict[str, dict[str, dict[int, dict[str, Any]]]] = {}
        self.skipped: dict[str, dict[str, str]] = {}
        self.failed = False

    def run(self) -> int:
        out: dict[str, Any] = {"machine": machine(), "rounds": self.arguments.rounds,
                               "versions": {name: peer.version() for name, peer in self.peers.items()}}
        try:
            self.backend.start()
            try:
                self._rounds()
            except KeyboardInterrupt:
                # What was measured until then is reported: it is often enough.
                self.failed = True
                self.arguments.instructions = None
            if self.arguments.instructions:
                out["counter"] = self.arguments.counter
                out["instructions"] = instructions.count(self.arguments.instructions, self.arguments.counter, self.field,
                                                         self.peers, self.arguments.rounds, progress)
        finally:
            for server in (*self.peers.values(), self.backend):
                server.stop()
            progress("")
        out["machine"]["load_average_after"] = os.getloadavg()
        self._report(out)
        return 1 if self.failed else 0

    def _rounds(self) -> None:
        """Measures on running servers first, interleaved; then those that want fresh processes."""
        measures = [MEASURES[key] for key in self.arguments.measures]
        warm = [measure for measure in measures if measure.kind == "load"]
        if warm:
            for peer in self.peers.values():
                peer.start()
        for number in range(self.arguments.rounds if warm else 0):
            for measure in warm:
                for name in self._order(number):
                    self._take(measure, name, number, self.arguments.rounds)
        for peer in self.peers.values():
            peer.stop()
        for measure in (measure for measure in measures if measure.kind != "load"):
            for number in range(min(self.arguments.rounds, 2) if measure.kind == "idle" else 1):
                for name in self._order(number):
                    self.peers[name].client_auth = measure.client_auth
                    self.peers[name].start()
                    self._take(measure, name, number, 2 if measure.kind == "idle" else 1)
                    self.peers[name].stop()
                    self.peers[name].client_auth = "{}"

    def _order(self, number: int) -> list[str]:
        names = list(self.peers)
        turn = number % len(names)
        return names[turn:] + names[:turn]

    def _take(self, measure: Measure, name: str, number: int, of: int) -> None:
        progress(f"round {number + 1}/{of}  {measure.key}  {name}")
        try:
            reading = self.field.take(measure, self.peers[name])
            self.readings.setdefault(measure.key, {}).setdefault(name, {})[number] = reading
        except Skipped as why:
            self.skipped.setdefault(measure.key, {})[name] = str(why)
        except RuntimeError as error:
            self.failed = True
            self.skipped.setdefault(measure.key, {})[name] = f"FAILED, {error}"

    def _report(self, out: dict[str, Any]) -> None:
        out["measures"] = {}
        print(f"{out['machine']['cpu']}, {out['machine']['cores']} cores, load {out['machine']['load_average'][0]:.1f} -> "
              f"{out['machine']['load_average_after'][0]:.1f}; {self.arguments.rounds} rounds; "
              + ", ".join(f"{name} {version}" for name, version in out["versions"].items()))
        for key in self.arguments.measures:
            readings = self.readings.get(key, {})
            ordered = {name: readings.get(name, {}) for name in self.peers}
            out["measures"][key] = report.judge(MEASURES[key], ordered)
            skipped = self.skipped.get(key, {})
            out["measures"][key]["skipped"] = skipped
            print("\n" + "\n".join(report.lines_of(out["measures"][key], MEASURES[key], skipped, self.field.scale)))
        if "instructions" in out:
            print("\n" + "\n".join(report.instruction_lines(out["instructions"], out["counter"])))
        print("\n" + "\n".join(report.closing_lines(out["measures"])))
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        file = self.arguments.json or self.folder.parent / f"results-{stamp}.json"
        file.write_text(json.dumps(out, indent=1) + "\n")
        print(f"written to {file}")


def main() -> int:
    arguments = parse_arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20_000, hard) if hard > 0 else 20_000, hard))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bench = Bench(arguments)
    missing = [name for name in arguments.peers if not PEERS[name].installed()]
    if missing:
        print(f"bench: not installed or built: {', '.join(missing)}", file=sys.stderr)
        return 1
    return bench.run()


if __name__ == "__main__":
    sys.exit(main())
