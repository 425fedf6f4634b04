"""The real binary: started with a document and a host file in a directory of its own, watched through its logs, stopped by
its process id, and never left with a sanitizer's report unread."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional

from . import client, env
from .document import Document, to_yaml
from .http_wire import Wire

_TROUBLE = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|terminate called|CHECK failed|Assertion"
)


def environment() -> dict[str, str]:
    result = dict(os.environ)
    result["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:quarantine_size_mb=16:detect_stack_use_after_return=0"
    result["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=0"
    result.pop("NOTIFY_SOCKET", None)
    return result


def run_command(*arguments: str | Path, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    """`portcullis ARGUMENTS` to its end; fails on a sanitizer's report."""
    done = subprocess.run(
        [str(env.BINARY), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=env.patience(timeout),
        env=environment(),
        cwd=env.scratch(),
    )
    assert not _TROUBLE.search(done.stderr), done.stderr
    return done


class LogLine(dict):
    """One access-log record, with short ways to its parts."""

    @property
    def properties(self) -> dict[str, Any]:
        return self["properties"]

    @property
    def own(self) -> dict[str, Any]:
        """The `portcullis` object."""
        return self["portcullis"] if "portcullis" in self else self.properties["portcullis"]

    @property
    def status(self) -> int:
        return self.properties["httpStatus"]

    @property
    def verify(self) -> str:
        return self.properties["sslClientVerify"]

    @property
    def error_info(self) -> str:
        return self.properties["error_info"]

    @property
    def reason(self) -> str:
        return self.own["reason"]

    @property
    def resumed(self) -> bool:
        return self.own["resumed"]


class Tail:
    """The whole lines of a log that is being written to, each parsed once; every one has to be a JSON object. A file that
    was replaced is read anew. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._inode = self._offset = 0
        self._lines: list[LogLine] = []

    def lines(self) -> list[LogLine]:
        with self._lock:
            try:
                with open(self.path, "rb") as file:
                    inode = os.fstat(file.fileno()).st_ino
                    if inode != self._inode:
                        self._inode, self._offset, self._lines = inode, 0, []
                    file.seek(self._offset)
                    data = file.read()
            except FileNotFoundError:
                return list(self._lines)
            whole = data[: data.rfind(b"\n") + 1]
            self._offset += len(whole)
            self._lines += [LogLine(json.loads(line)) for line in whole.splitlines()]
            return list(self._lines)


class Gateway:
    """`portcullis run`. Use as a context manager, or start() and stop()."""

    def __init__(
        self,
        document: Document | str,
        host: Optional[dict[str, Any]] = None,
        *,
        yaml: bool = False,
        bind: str = "127.0.0.1",
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.directory = env.new_dir("gateway")
        self.address = bind
        self.yaml = yaml
        self.document_path = self.directory / ("gateway.yaml" if yaml else "gateway.json")
        self.host_path = self.directory / "portcullis.yaml"
        self.log_path = self.directory / "program.log"
        self.access_path = self.directory / "access.log"
        self.stdout_path = self.directory / "stdout"
        self.stderr_path = self.directory / "stderr"
        self.arguments = arguments
        self.ports: dict[int, int] = {}
        self.host = {
            "bind": {"fip": bind},
            "workers": 2,
            "state_dir": str(self.directory / "state"),
            "access_log": {"path": str(self.access_path)},
            "log": {"level": "debug", "path": str(self.log_path)},
            "admin": {"listen": "off"},
            **(host or {}),
        }
        self.process: Optional[subprocess.Popen[bytes]] = None
        self._access = Tail(self.access_path)
        self._program = Tail(self.log_path)
        self._nudged = 0.0
        self.write(document)

    # --- files --------------------------------------------------------------------------------------------------------

    def write(self, document: Document | str) -> None:
        """Writes the document (and the host file, whose `ports` follow it) for the next start or reload."""
        if isinstance(document, Document):
            for port in document.ports():
                if port not in self.ports:
                    self.ports[port] = env.free_port((self.address,))
            text = document.yaml() if self.yaml else document.json()
        else:
            text = document
        _replace(self.document_path, text)
        _replace(self.host_path, to_yaml({**self.host, "ports": {str(k): v for k, v in self.ports.items()}}))

    def port(self, document_port: int) -> int:
        """The local port behind a frontend port of the document."""
        return self.ports[document_port]

    # --- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Gateway":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def spawn(self) -> "Gateway":
        """Starts the process without waiting for it to be ready."""
        command = [str(env.BINARY), "run", str(self.document_path), "--host", str(self.host_path), *self.arguments]
        if shutil.which("setpriv"):  # a test that is killed leaves no gateway behind
            command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment(), cwd=self.directory
            )
        return self

    def start(self) -> "Gateway":
        before = len(self.events("ready"))
        self.spawn()
        try:
            env.wait_until("the gateway to be ready", lambda: self._alive() and len(self.events("ready")) > before, 20)
        except AssertionError as error:
            if self.process and self.process.poll() is None:
                self.process.kill()
            raise AssertionError(f"{error}\n{self.words()}") from None
        return self

    def _alive(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the gateway ended with {self.process.returncode}\n{self.words()}"
        return True

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def words(self) -> str:
        """What it has said, for failure messages."""
        parts = []
        for path in (self.log_path, self.stdout_path, self.stderr_path):
            if path.exists():
                parts.append(f"--- {path.name}\n{path.read_text(errors='replace')[-6000:]}")
        return "\n".join(parts)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 15) -> int:
        assert self.process is not None
        try:
            code = self.process.wait(timeout=env.patience(seconds))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"the gateway did not end within {env.patience(seconds):.0f} s\n{self.words()}"
            ) from None
        self.assert_clean()
        return code

    def assert_clean(self) -> None:
        text = self.stderr_path.read_text(errors="replace")
        assert not _TROUBLE.search(text), f"the gateway's stderr holds a report:\n{text[-20000:]}"

    def stop(self) -> None:
        """SIGTERM; it has to drain, exit 0 in time, and leave no sanitizer report."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        process, code = self.process, self.wait()
        self.process = None
        assert code == 0, f"the gateway (pid {process.pid}) exited with {code}\n{self.words()}"

    # --- the program log ----------------------------------------------------------------------------------------------

    def log(self) -> list[LogLine]:
        return self._program.lines()

    def events(self, name: str) -> list[LogLine]:
        return [line for line in self.log() if line.get("event") == name]

    def wait_event(self, name: str, count: int = 1, seconds: float = 10) -> dict[str, Any]:
        """Waits until `name` stands `count` times in the log; returns the last one."""
        self.wait_for(f"event {name} ({count})", lambda: len(self.events(name)) >= count, seconds)
        return self.events(name)[-1]

    def wait_for(self, what: str, probe: Callable[[], Any], seconds: float = 10) -> Any:
        """As env.wait_until, with this gateway's words in the failure, and at once where it has ended."""
        try:
            return env.wait_until(what, lambda: self._alive() and probe(), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.words()}") from None

    def reload(self, document: Document | str | None = None, expect: str = "reload.done") -> dict[str, Any]:
        """SIGHUP, and waits for what came of it."""
        if document is not None:
            self.write(document)
        count = {name: len(self.events(name)) for name in ("reload.done", "reload.failed")}
        self.signal(signal.SIGHUP)

        def outcome() -> Optional[dict[str, Any]]:
            for name, before in count.items():
                found = self.events(name)
                if len(found) > before:
                    assert name == expect, f"{name}: {found[-1]}\n{self.words()}"
                    return found[-1]
            return None

        return self.wait_for(expect, outcome)

    # --- the access log -----------------------------------------------------------------------------------------------

    def access(self) -> list[LogLine]:
        return self._access.lines()

    def access_where(self, what: str, wanted: Callable[[LogLine], bool], count: int = 1) -> list[LogLine]:
        """Waits until `count` records satisfy `wanted`, and returns them all."""

        def found() -> Optional[list[LogLine]]:
            lines = [line for line in self.access() if wanted(line)]
            if len(lines) >= count:
                return lines
            self.nudge()
            return None

        return self.wait_for(f"access-log record: {what}", found)

    def nudge(self) -> None:
        """Makes the log's writer write now what it may hold back for half a second: SIGUSR1 reopens the files, and loses
        nothing by it. Keeps the hundreds of look-ups of a test from costing half a second each."""
        if time.monotonic() > self._nudged + 0.05:
            self._nudged = time.monotonic()
            self.signal(signal.SIGUSR1)

    def access_for(self, target_part: str, count: int = 1) -> LogLine:
        """The record of the request whose original target holds `target_part`."""

        def wanted(line: LogLine) -> bool:
            return target_part in line.properties["originalRequestUriWithArgs"]

        lines = self.access_where(f"target with {target_part!r}", wanted, count)
        assert len(lines) == count, f"{len(lines)} records for {target_part!r}"
        return lines[-1]

    # --- what it would say --------------------------------------------------------------------------------------------

    def explain(self, listener: str, who: Any, *more: str) -> tuple[int, dict[str, Any]]:
        """`portcullis explain` of the identity's chain: its exit code, 0 or 2, and its JSON."""
        command = ["explain", self.document_path, "--host", self.host_path, "--json", "--listener", listener]
        done = run_command(*command, "--chain", who.chain, *more)
        assert done.returncode in (0, 2), f"{who.chain}: {done.stderr}"
        return done.returncode, json.loads(done.stdout)

    # --- what it uses -------------------------------------------------------------------------------------------------

    def rss(self) -> int:
        """Resident memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    def descriptors(self) -> int:
        """Open ones, but for the files of `state_dir`: those are opened some time after the start."""
        count = 0
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                count += not os.readlink(f"/proc/{self.pid}/fd/{name}").startswith(self.host["state_dir"] + "/")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def limit_descriptors(self, spare: int) -> None:
        """Leaves it `spare` more file descriptors than it has open, the journal's included."""
        if self.host.get("client_auth", {}).get("journal") != 0:
            self.wait_event("journal.opened")
        limit = max(int(name) for name in os.listdir(f"/proc/{self.pid}/fd")) + 1 + spare
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    # --- clients ------------------------------------------------------------------------------------------------------

    def tcp(self, document_port: int, **how: Any) -> Wire:
        return client.tcp(self.port(document_port), self.address, **how)

    def tls(self, document_port: int, *arguments: Any, **how: Any) -> Wire:
        return client.tls(self.port(document_port), *arguments, **how)

    def accepts(self, document_port: int) -> bool:
        try:
            self.tcp(document_port, timeout=2).close()
            return True
        except OSError:
            return False


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: a reload may read it at any moment."""
    new = path.with_suffix(path.suffix + ".new")
    new.write_text(text)
    new.replace(path)


_serial = iter(range(1, 1_000_000))


def token(prefix: str = "t") -> str:
    """A path segment that no other request of this process has, or begins with."""
    return f"{prefix}-{os.getpid()}-{next(_serial)}z"
