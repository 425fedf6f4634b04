"""Start, drain, end: what the operator and the service manager see. product.md "Set-up", "Command line"."""

from __future__ import annotations

import os
import pwd
import re
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

from harness import env
from harness.backend import Backend
from harness.case import main
from harness.document import NO_PROFILE, PLAIN, STRICT, standard
from harness.gateway import Gateway, environment, token
from harness.pki import pki

DEMO_PORTS = (8443, 8444)


class Lifecycle(unittest.TestCase):
    def setUp(self) -> None:
        self.backend = Backend()
        self.addCleanup(self.backend.stop)

    def gateway(self, host: dict | None = None, arguments: tuple[str, ...] = ()) -> Gateway:
        gateway = Gateway(standard(self.backend.port), host, arguments=arguments)
        self.addCleanup(gateway.stop)
        return gateway

    def test_ready_is_said_once_every_listener_accepts(self) -> None:
        gateway = self.gateway().start()
        for port in gateway.ports:
            self.assertTrue(gateway.accepts(port))
        self.assertEqual(len(gateway.events("ready")), 1)
        self.assertEqual(len(gateway.events("listener.up")), len(gateway.ports))

    def test_sd_notify_says_ready(self) -> None:
        gateway = self.gateway()
        path = gateway.directory / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(env.patience(15))
            settings = {**environment(), "NOTIFY_SOCKET": str(path)}
            command = [str(env.BINARY), "run", str(gateway.document_path), "--host", str(gateway.host_path)]
            with open(gateway.stderr_path, "ab") as err:
                gateway.process = subprocess.Popen(command, stdout=err, stderr=err, env=settings)
            said = manager.recv(4096).decode()
            self.assertIn("READY=1", said.split("\n"))
            gateway.stop()

    def test_sigterm_waits_for_the_request_in_flight(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.backend.release.clear()
                gateway = self.gateway().start()
                target = "/hold/" + token()
                with gateway.tls(STRICT, pki().good) as busy, gateway.tcp(PLAIN) as idle, gateway.tcp(PLAIN) as silent:
                    self.assertEqual(idle.request().status, 200)
                    busy.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.backend.request_for(target)
                    gateway.signal(number)
                    # Idle connections end at once, and nobody new is let in.
                    self.assertTrue(idle.ends())
                    self.assertTrue(silent.ends())
                    gateway.wait_for("the listeners to close", lambda: not gateway.accepts(PLAIN))
                    self.assertIsNone(gateway.process.poll())
                    self.backend.release.set()
                    response = busy.read()
                    self.assertEqual(response.status, 200)
                    self.assertEqual(response.get("connection"), "close")
                    self.assertTrue(busy.ends())
                self.assertEqual(gateway.wait(), 0)
                self.assertEqual(gateway.access()[-1].status, 200)

    def test_a_big_answer_in_flight_is_finished(self) -> None:
        gateway = self.gateway().start()
        size = 20_000_000
        with gateway.tls(NO_PROFILE, timeout=30) as wire:
            wire.send(f"GET /big?n={size} HTTP/1.1\r\nHost: x\r\n\r\n")
            wire.reader.head()
            gateway.signal(signal.SIGTERM)
            while len(wire.reader.buffer) < size:
                wire.reader.fill()
        self.assertEqual(gateway.wait(), 0)

    def hung(self, gateway: Gateway, again: bool) -> float:
        """Seconds from SIGTERM to the end, with clients and a backend that never go on. `again`: a second SIGTERM."""
        target = "/hold/" + token()
        with gateway.tcp(PLAIN) as a, gateway.tcp(STRICT) as b, gateway.tls(STRICT, pki().good) as c:
            a.send("GET / HT")
            b.send(b"\x16\x03\x01")
            c.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
            self.backend.request_for(target)
            started = time.monotonic()
            gateway.signal(signal.SIGTERM)
            if again:
                gateway.wait_event("draining")
                gateway.signal(signal.SIGTERM)
            self.assertEqual(gateway.wait(), 0)
            return time.monotonic() - started

    def test_silent_peers_hold_it_up_no_longer_than_the_drain_limit(self) -> None:
        taken = self.hung(self.gateway(arguments=("--drain-seconds", "2")).start(), again=False)
        self.assertGreater(taken, 1.5)
        self.assertLess(taken, env.patience(5))

    def test_a_second_sigterm_ends_the_waiting(self) -> None:
        self.assertLess(self.hung(self.gateway().start(), again=True), env.patience(5))

    def test_a_port_in_use_is_a_clear_error(self) -> None:
        gateway = self.gateway()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", gateway.port(STRICT)))
            taken.listen()
            gateway.spawn()
            self.assertEqual(gateway.wait(), 1)
            said = gateway.stderr_path.read_text()
            self.assertIn(str(gateway.port(STRICT)), said)
            self.assertRegex(said, re.compile("in use", re.I))
            self.assertEqual(gateway.events("ready"), [])
        gateway.process = None

    def test_a_second_gateway_cannot_take_the_first_one_s_ports(self) -> None:
        """SO_REUSEPORT must not let two processes share a port unawares."""
        first = self.gateway().start()
        second = Gateway(standard(self.backend.port))
        second.ports = first.ports
        second.write(standard(self.backend.port))
        second.spawn()
        self.assertEqual(second.wait(), 1, "two gateways serve one port")
        second.process = None

    def test_a_log_directory_that_does_not_exist_is_a_clear_error(self) -> None:
        gateway = self.gateway({"access_log": {"path": "/nowhere/at/all/access.log"}}).spawn()
        self.assertEqual(gateway.wait(), 1)
        self.assertIn("/nowhere/at/all/access.log", gateway.stderr_path.read_text())
        gateway.process = None

    def test_privileges_are_dropped_once_ports_are_bound(self) -> None:
        if os.getuid() != 0:
            self.skipTest("needs root")
        gateway = self.gateway({"user": "nobody"})
        gateway.directory.chmod(0o777)
        (gateway.directory / "state").mkdir()
        os.chown(gateway.directory / "state", pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        for path in (pki().server_pem, pki().server.key):
            path.chmod(0o600)  # readable by root only: it has to be read before
        self.addCleanup(pki().server_pem.chmod, 0o644)
        gateway.start()
        nobody = pwd.getpwnam("nobody")
        for task in Path(f"/proc/{gateway.pid}/task").iterdir():
            status = (task / "status").read_text()
            self.assertRegex(
                status, rf"(?m)^Uid:\s+{nobody.pw_uid}\s+{nobody.pw_uid}\s+{nobody.pw_uid}\s+{nobody.pw_uid}$"
            )
            self.assertRegex(
                status, rf"(?m)^Gid:\s+{nobody.pw_gid}\s+{nobody.pw_gid}\s+{nobody.pw_gid}\s+{nobody.pw_gid}$"
            )
            self.assertRegex(status, r"(?m)^CapEff:\s+0+$")
            groups = re.search(r"(?m)^Groups:\s*(.*)$", status)[1].split()
            self.assertIn(groups, ([], [str(nobody.pw_gid)]))
        with gateway.tls(STRICT, pki().good) as wire:
            self.assertEqual(wire.request("/as-nobody").status, 200)
        gateway.access_for("/as-nobody")

    def test_an_unknown_user_is_a_clear_error(self) -> None:
        gateway = self.gateway({"user": "no-such-user-here"}).spawn()
        self.assertEqual(gateway.wait(), 1)
        self.assertIn("no-such-user-here", gateway.stderr_path.read_text())
        gateway.process = None


class Demo(unittest.TestCase):
    def test_it_prints_three_lines_that_give_what_they_say(self) -> None:
        held = []
        for port in DEMO_PORTS:
            name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                name.bind(f"\0portcullis-e2e-port-{port}")
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            except OSError:
                self.skipTest(f"port {port} of the demonstration is in use")
            held.append(name)
        directory = env.new_dir("demo")
        output = env.scratch() / "demo.out"
        with open(output, "wb") as out:
            process = subprocess.Popen(
                [str(env.BINARY), "demo", "--dir", str(directory / "d")],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment(),
                cwd=directory,
            )
        self.addCleanup(process.kill)

        def lines() -> list[str]:
            self.assertIsNone(process.poll(), output.read_text())
            return re.findall(r"(?m)^\s*(curl .*)$", output.read_text())

        shown = env.wait_until("three curl lines", lambda: len(found := lines()) >= 3 and found, 30)
        self.assertEqual(len(shown), 3)

        def run(line: str) -> str:
            settings = {**os.environ, "no_proxy": "*"}
            code = ["sh", "-c", line.replace("curl ", "curl -q -s -w '\\n%{http_code}' ", 1)]
            return subprocess.run(code, capture_output=True, text=True, env=settings, timeout=60).stdout

        env.wait_until("the demonstration to serve", lambda: run(shown[0]).endswith("200"), 20)
        results = [run(line) for line in shown]
        self.assertEqual([result[-3:] for result in results], ["200", "400", "200"], results)
        self.assertRegex(
            results[1], "<title>400 (No required SSL certificate was sent|The SSL certificate error)</title>"
        )
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(env.patience(20)), 0)
        said = output.read_text()
        self.assertNotRegex(said, r"AddressSanitizer|runtime error")
        for key in directory.rglob("*.key"):
            self.assertEqual(key.stat().st_mode & 0o077, 0, f"{key} can be read by others")
        for name in held:
            name.close()


if __name__ == "__main__":
    main()
