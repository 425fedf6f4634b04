"""What is measured: how the load generator is called, which number counts, and the goal of the ratio to each peer."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .peers import Peer, Portcullis

DISTINCT_BATCHES = 10  # each of them is issued, in the load generator's memory, before its first handshake
BIG_SECONDS = 1.5  # the 10 MiB measure's least time: there are few operations in it


@dataclass
class Goal:
    """Ratio to `peer` at most `gate`; `aim` is where later work shall bring it."""

    peer: str
    gate: float | None = None
    aim: float | None = None


@dataclass
class Measure:
    key: str
    title: str
    unit: str = "µs"
    listener: str = "ec"
    arguments: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    own_gate: dict[str, float] = field(default_factory=dict)  # figures of Portcullis itself, at most
    must_resume: bool = False
    # How far one reading may be off where readings repeat nearly exactly; None: only rounds can tell.
    precision: float | None = None
    kind: str = "load"  # load, idle, syscalls, reload, distinct: the function below that takes it
    client_auth: str = "{}"  # of Portcullis' host file, as YAML; not of kind load, which shares a server
    figures: tuple[str, ...] = ()  # further numbers of a reading that the table shows


def handshake(key: str, title: str, *, listener: str = "ec", tls12: bool = False, new: bool = False,
              goals: list[Goal]) -> Measure:
    arguments = ["--mode", "full"] + (["--tls12"] if tls12 else [])
    # First-seen: as many operations as there are certificates, all of them issued for this one reading.
    arguments += ["--clients", "{new}", "--operations", "{new}", "--warmup", "16"] if new else ["--seconds", "{seconds}"]
    return Measure(key, title, listener=listener, arguments=arguments, goals=goals)


def distinct(key: str, sessions: str, client_auth: str = "{}") -> Measure:
    return Measure(key, f"{{distinct}} distinct client certificates, {sessions}: memory added by the second half", unit="MB",
                   kind="distinct", client_auth=client_auth, figures=("start", "half", "end"), own_gate={"value": 2},
                   arguments=["--mode", "full", "--clients", "{batch}", "--operations", "{batch}", "--warmup", "0",
                              "--patience", "180"])


FULL = "full mTLS handshake + GET + close"
MEASURES = {measure.key: measure for measure in [
    handshake("full13", f"{FULL}, TLS 1.3, P-256, known chain", goals=[Goal("nginx", 0.45, 0.35), Goal("caddy", 0.65, 0.50)]),
    handshake("full13-new", f"{FULL}, TLS 1.3, P-256, first-seen chain", new=True,
              goals=[Goal("nginx", 0.60, 0.50), Goal("caddy", aim=0.80)]),
    handshake("full12", f"{FULL}, TLS 1.2, P-256, known chain", tls12=True, goals=[Goal("nginx", 0.85)]),
    handshake("full12-new", f"{FULL}, TLS 1.2, P-256, first-seen chain", tls12=True, new=True, goals=[Goal("nginx", 0.85)]),
    handshake("full13-rsa", f"{FULL}, TLS 1.3, RSA-2048, known chain", listener="rsa", goals=[Goal("nginx", 0.60, 0.50)]),
    handshake("full13-rsa-new", f"{FULL}, TLS 1.3, RSA-2048, first-seen chain", listener="rsa", new=True,
              goals=[Goal("nginx", 0.85)]),
    handshake("full12-rsa", f"{FULL}, TLS 1.2, RSA-2048, known chain", listener="rsa", tls12=True,
              goals=[Goal("nginx", 0.85)]),
    handshake("full12-rsa-new", f"{FULL}, TLS 1.2, RSA-2048, first-seen chain", listener="rsa", tls12=True, new=True,
              goals=[Goal("nginx", 0.85)]),
    Measure("res13", "resumed mTLS handshake + GET + close, TLS 1.3",
            arguments=["--mode", "resume", "--seconds", "{seconds}"], must_resume=True, goals=[Goal("nginx", 0.40, 0.33)]),
    Measure("res12", "resumed mTLS handshake + GET + close, TLS 1.2",
            arguments=["--mode", "resume", "--tls12", "--seconds", "{seconds}"], must_resume=True,
            goals=[Goal("nginx", 0.60)]),
    Measure("ka1k", "keep-alive GET 1 KB over TLS 1.3, 64 connections",
            arguments=["--mode", "keepalive", "--connections", "64", "--seconds", "{seconds}"],
            goals=[Goal("nginx", 0.85, 0.70), Goal("haproxy", aim=0.70)]),
    Measure("h2-1k", "keep-alive GET 1 KB over HTTP/2, 8 connections of 32 streams",
            arguments=["--mode", "http2", "--connections", "8", "--streams", "32", "--seconds", "{seconds}"],
            goals=[Goal("nginx", 0.65), Goal("haproxy", 1.00, 0.90)]),
    Measure("plain1k", "keep-alive GET 1 KB in clear text, 64 connections", listener="plain",
            arguments=["--mode", "keepalive", "--plain", "--connections", "64", "--seconds", "{seconds}"],
            goals=[Goal("nginx")]),
    Measure("big", "10 MiB responses over TLS 1.3, 8 connections", unit="CPU s/GiB",
            arguments=["--mode", "keepalive", "--path", "/big", "--connections", "8", "--seconds", "{big_seconds}"],
            goals=[Goal("nginx", 0.95), Goal("caddy", aim=0.90)]),
    Measure("idle", "idle mTLS connection: anonymous memory, {idle} connections", unit="KB", kind="idle", precision=0.02,
            arguments=["--mode", "idle", "--connections", "{idle}"], goals=[Goal("nginx", 1.00)], own_gate={"value": 18}),
    Measure("syscalls", "system calls a keep-alive GET of 1 KB over TLS 1.3", unit="calls", kind="syscalls", precision=0.03,
            arguments=["--mode", "keepalive", "--connections", "64"], goals=[Goal("nginx")], own_gate={"value": 5}),
    Measure("reload", "four reloads under 32 busy connections: requests lost", unit="lost", kind="reload",
            arguments=["--mode", "keepalive", "--connections", "32", "--seconds", "{reload_seconds}"],
            own_gate={"value": 0, "reconnects": 0}, figures=("reconnects", "operations")),
    distinct("distinct", "sessions in the store"),
    distinct("distinct-tickets", "sessions in tickets", client_auth="{sessions: tickets}"),
]}


class Skipped(Exception):
    """This reading cannot be taken here; the text says why."""


@dataclass
class Scale:
    """How much is done in one reading."""

    seconds: float = 1.0
    new_clients: int = 1000
    idle_connections: int = 5000
    syscall_operations: tuple[int, int] = (1_000, 4_000)
    reloads: int = 4
    reload_gap: float = 1.0
    instruction_operations: dict[str, tuple[int, int]] = field(default_factory=lambda: {
        "full": (20, 120), "new": (20, 120), "resume": (20, 120), "keepalive": (500, 4_500)})
    stepped_operations: dict[str, int] = field(default_factory=lambda: {"full": 1, "new": 1, "resume": 1, "keepalive": 50})
    distinct_clients: int = 100_000

    def fill(self, text: str) -> str:
        return text.format(seconds=self.seconds, new=self.new_clients, idle=self.idle_connections,
                           big_seconds=max(self.seconds, min(BIG_SECONDS, 2 * self.seconds)),
                           reload_seconds=(self.reloads + 1) * self.reload_gap,
                           distinct=f"{self.distinct_clients:,}", batch=self.distinct_clients // DISTINCT_BATCHES)


class Field:
    """The load generator on its cores, and how each kind of reading is taken with it."""

    def __init__(self, program: Path, cores: set[int], scale: Scale) -> None:
        self.program = program
        self.cores = cores
        self.scale = scale

    def command(self, peer: Peer, listener: str, arguments: list[str]) -> list[str]:
        command = ["taskset", "-c", ",".join(map(str, sorted(self.cores))), str(self.program), "--port",
                   str(peer.ports[listener]), *(self.scale.fill(argument) for argument in arguments)]
        if listener != "plain":
            command += ["--issuer", str(peer.chains[listener].issuer)]
        if listener == "rsa":
            command += ["--keys", str(peer.chains["rsa"].client_keys)]
        return command + ["--server-pids", ",".join(map(str, peer.pids()))]

    def load(self, peer: Peer, listener: str, arguments: list[str], patience: float = 120) -> dict[str, Any]:
        try:
            run = subprocess.run(self.command(peer, listener, arguments), capture_output=True, text=True, timeout=patience,
                                 check=False)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"load generator against {peer.name}: not done in {patience:.0f} s") from None
        if run.returncode != 0:
            raise RuntimeError(f"load generator against {peer.name}: {run.stderr.strip()}")
        return json.loads(run.stdout)

    def take(self, measure: Measure, peer: Peer) -> dict[str, Any]:
        """One reading; its `value` is in the measure's unit. Raises Skipped or RuntimeError."""
        return getattr(self, "_" + measure.kind)(measure, peer)

    def _load(self, measure: Measure, peer: Peer) -> dict[str, Any]:
        out = self.load(peer, measure.listener, measure.arguments)
        require_clean(out, peer)
        if measure.must_resume and out["resumed"] < 0.98 * out["operations"]:
            raise Skipped(f"resumed only {out['resumed']} of {out['operations']}")
        out["value"] = out["server_cpu_us_per_operation"]
        if measure.unit == "CPU s/GiB":
            out["value"] = out["server_cpu_us"] / 1e6 / (out["bytes"] / 2**30)
        return out

    def _idle(self, measure: Measure, peer: Peer) -> dict[str, Any]:
        out = self.load(peer, measure.listener, measure.arguments)
        require_clean(out, peer)
        out["value"] = out["server_kb_per_connection"]
        return out

    def _syscalls(self, measure: Measure, peer: Peer) -> dict[str, Any]:
        if shutil.which("strace") is None:
            raise Skipped("strace is not installed")
        # Backend connections are open, and buffers pooled, before anything is counted.
        self.load(peer, measure.listener, [*measure.arguments, "--operations", "1000"])
        short, long = (self._traced(measure, peer, count) for count in self.scale.syscall_operations)
        less, more = self.scale.syscall_operations
        return {"value": (long - short) / (more - less)}

    def _traced(self, measure: Measure, peer: Peer, operations: int) -> int:
        report = peer.folder / "strace.txt"
        report.unlink(missing_ok=True)
        pids = peer.pids()
        with subprocess.Popen(["strace", "-c", "-f", "-q", "-o", str(report), *(f"-p{pid}" for pid in pids)],
                              stderr=subprocess.PIPE, text=True) as tracer:
            deadline = time.monotonic() + 10
            while not all(traced(pid) for pid in pids):
                if tracer.poll() is not None or time.monotonic() > deadline:
                    tracer.terminate()
                    raise Skipped("strace may not attach here: " + (tracer.stderr.read().strip() or "no reason given"))
                time.sleep(0.02)
            try:
                out = self.load(peer, measure.listener, [*measure.arguments, "--operations", str(operations), "--patience", "110"])
            finally:
                tracer.terminate()
                tracer.wait(20)
        require_clean(out, peer)
        total = [line.split() for line in report.read_text().splitlines() if line.endswith(" total")]
        return int(total[0][3])

    def _reload(self, measure: Measure, peer: Peer) -> dict[str, Any]:
        failures: list[str] = []

        def reload_some() -> None:
            for _ in range(self.scale.reloads):
                time.sleep(self.scale.reload_gap)
                try:
                    peer.reload()
                except (OSError, subprocess.CalledProcessError) as error:
                    failures.append(str(error))

        reloads = threading.Thread(target=reload_some)
        reloads.start()
        try:
            out = self.load(peer, measure.listener, measure.arguments)
        finally:
            reloads.join()
        if failures:
            raise RuntimeError(f"{peer.name} did not reload: {failures[0]}")
        out["value"] = losses(out)
        out["reconnects"] = out["connections_opened"]
        return out


    def _distinct(self, measure: Measure, peer: Peer) -> dict[str, Any]:
        if not isinstance(peer, Portcullis):
            raise Skipped("measured of Portcullis alone: what others keep of a client is theirs to choose")
        out: dict[str, Any] = {"start": resident(peer), "after": [], "operations": 0}
        for _ in range(DISTINCT_BATCHES):
            batch = self.load(peer, measure.listener, measure.arguments, 200)
            require_clean(batch, peer)
            out["operations"] += batch["operations"]
            out["after"].append(resident(peer))
        out["half"], out["end"] = out["after"][DISTINCT_BATCHES // 2 - 1], out["after"][-1]
        out["value"] = out["end"] - out["half"]
        return out


def resident(peer: Peer) -> float:
    """Resident memory of all its processes, in MB."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in peer.pids())
    return pages * resource.getpagesize() / 1e6


def traced(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    return "TracerPid:\t0\n" not in status


def losses(out: dict[str, Any]) -> int:
    return out["lost"] + out["failed_connects"] + out["failed_handshakes"] + sum(out["refused"].values())


def require_clean(out: dict[str, Any], peer: Peer) -> None:
    if losses(out) > 0 or out["operations"] == 0:
        shown = {key: out[key] for key in ("operations", "lost", "failed_connects", "failed_handshakes", "refused")}
        raise RuntimeError(f"{peer.name} did not answer everything: {shown}")
