"""The servers that are compared: each a configuration, a command line and a way to reload, all set up to do the same.

One worker on one core; the same ports' worth of listeners (P-256 with mutual TLS, RSA-2048 with mutual TLS, clear text), the
same keep-alive backend, no access log, X25519 first, idle time-outs longer than any measurement. Sessions are resumed as
each server does by default (tickets; Portcullis has a store).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from .pki import Chain

LISTENERS = ("ec", "rsa", "plain")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen, log: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{process.args[0]} did not come up on port {port}: {said}")
        time.sleep(0.05)


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            found += family(int(child))
    return found


class Server:
    """A process of ours, pinned to cores; ended with everything it started."""

    def __init__(self, name: str, folder: Path, cores: set[int]) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cores = cores
        self.process: subprocess.Popen | None = None
        self.log = self.folder / "output.log"

    def spawn(self, command: list[str], port: int, environment: dict[str, str] | None = None, patience: float = 20) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **(environment or {})}, preexec_fn=lambda: os.sched_setaffinity(0, self.cores))
        wait_for_port(port, self.process, self.log, patience)

    def pids(self) -> list[int]:
        return family(self.process.pid) if self.process else []

    def stop(self) -> None:
        if self.process is None:
            return
        everyone = self.pids()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        for pid in everyone:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process = None


class Backend(Server):
    def __init__(self, program: Path, folder: Path, cores: set[int]) -> None:
        super().__init__("backend", folder, cores)
        self.program = program
        self.port = free_port()

    def start(self) -> None:
        self.spawn([str(self.program), str(self.port)], self.port)


class Peer(Server):
    """A server under measurement. `wrap` goes before its command (valgrind); `single` asks for one process only."""

    program = ""
    countable = True  # its instructions
    trusted_chains = 1  # CA chains that the listener `ec` trusts; Portcullis only
    issuer_dn = False  # the issuer-DN rule of its profiles; Portcullis only
    serves_on_first_thread = True
    client_auth = "{}"  # of the host file, as YAML; Portcullis only
    ocsp_responder = ""  # the URL of the one that is asked about clients; empty: none is; Portcullis only

    def __init__(self, folder: Path, chains: dict[str, Chain], backend: int, cores: set[int]) -> None:
        super().__init__(type(self).__name__.lower(), folder, cores)
        self.chains = chains
        self.backend = backend
        self.ports = {listener: free_port() for listener in LISTENERS}

    @classmethod
    def installed(cls) -> bool:
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None

    def empty_journal(self) -> None:
        """The one that earlier runs have left, Portcullis'. Trimming it would be at the next run's cost."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)

    def version(self) -> str:
        raise NotImplementedError

    def configure(self, single: bool) -> list[str]:
        """Writes the configuration; the command that serves it in the foreground."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def start(self, wrap: list[str] | None = None, single: bool = False) -> None:
        command = (wrap or []) + self.configure(single)
        self.spawn(command, self.ports["ec"], self.environment(), 120 if wrap else 20)
        time.sleep(0.2)  # the other listeners, and the workers of those that have a master

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)


def said_by(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return (run.stdout + run.stderr).strip().splitlines()[0]


class Nginx(Peer):
    program = "nginx"

    def version(self) -> str:
        return said_by("/usr/sbin/nginx", "-v").rpartition(" ")[2]

    def configure(self, single: bool) -> list[str]:
        place = ('location / { proxy_pass http://be; proxy_http_version 1.1; proxy_set_header Connection ""; '
                 "proxy_set_header Host $host; }")
        servers = ""
        for name, chain in self.chains.items():
            servers += f"""
  server {{ listen 127.0.0.1:{self.ports[name]} ssl http2 backlog=4096; server_name localhost;
    ssl_certificate {chain.server_chain}; ssl_certificate_key {chain.server_key};
    ssl_client_certificate {chain.root}; ssl_verify_depth 3; ssl_verify_client on; {place} }}"""
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind}; "
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file = self.folder / "nginx.conf"
        file.write_text(f"""
worker_processes 1; daemon off; master_process {'off' if single else 'on'}; pid {self.folder}/pid;
error_log {self.folder}/error.log warn; worker_rlimit_nofile 20000;
events {{ worker_connections 16384; use epoll; multi_accept on; }}
http {{ access_log off; keepalive_timeout 900s; keepalive_requests 1000000000; client_header_timeout 900s;
  sendfile on; tcp_nopush on; tcp_nodelay on; server_tokens off; {temporary}
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on; ssl_session_cache off; ssl_ecdh_curve X25519:prime256v1;
  proxy_buffering on; proxy_buffer_size 16k; proxy_buffers 16 16k; proxy_busy_buffers_size 64k; proxy_max_temp_file_size 0;
  upstream be {{ server 127.0.0.1:{self.backend}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 900s; }}
{servers}
  server {{ listen 127.0.0.1:{self.ports['plain']} backlog=4096; {place} }}
}}
""")
        return ["/usr/sbin/nginx", "-c", str(file)]


class Haproxy(Peer):
    program = "haproxy"

    def version(self) -> str:
        return said_by("/usr/sbin/haproxy", "-v").split()[2]

    def configure(self, single: bool) -> list[str]:
        fronts = ""
        for name, chain in self.chains.items():
            fronts += f"""
frontend {name}
  bind 127.0.0.1:{self.ports[name]} ssl crt {chain.server_bundle} ca-file {chain.root} verify required alpn h2,http/1.1
  default_backend be"""
        file = self.folder / "haproxy.cfg"
        file.write_text(f"""
global
  nbthread 1
  maxconn 9500
  stats socket {self.folder}/admin.sock level admin expose-fd listeners
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ssl-default-bind-curves X25519:P-256
  tune.ssl.cachesize 0
defaults
  mode http
  timeout connect 5s
  timeout client 900s
  timeout server 900s
  timeout http-request 900s
  timeout http-keep-alive 900s
  option http-keep-alive
  http-reuse always
  backlog 4096
{fronts}
frontend plain
  bind 127.0.0.1:{self.ports['plain']}
  default_backend be
backend be
  server sample 127.0.0.1:{self.backend} pool-max-conn 512
""")
        return ["/usr/sbin/haproxy", "-db" if single else "-W", "-f", str(file)]

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR2)


class Caddy(Peer):
    program = "caddy"
    countable = False  # Go's runtime does not bear valgrind, and serves on any thread

    def version(self) -> str:
        return said_by("/usr/bin/caddy", "version").split()[0]

    def configure(self, single: bool) -> list[str]:
        self.admin = free_port()
        proxy = (f"  reverse_proxy 127.0.0.1:{self.backend} {{\n    transport http {{\n"
                 "      keepalive_idle_conns_per_host 256\n    }\n  }\n")
        sites = ""
        for name, chain in self.chains.items():
            sites += (f"https://localhost:{self.ports[name]} {{\n  bind 127.0.0.1\n"
                      f"  tls {chain.server_chain} {chain.server_key} {{\n    curves x25519 secp256r1\n"
                      f"    client_auth {{\n      mode require_and_verify\n      trusted_ca_cert_file {chain.root}\n    }}\n"
                      f"  }}\n{proxy}}}\n")
        (self.folder / "Caddyfile").write_text(f"""{{
  admin 127.0.0.1:{self.admin}
  auto_https off
  servers {{
    protocols h1 h2
    timeouts {{
      idle 900s
    }}
  }}
  log {{
    level ERROR
  }}
}}
{sites}http://:{self.ports['plain']} {{
  bind 127.0.0.1
{proxy}}}
""")
        return ["/usr/bin/caddy", "run", "--config", str(self.folder / "Caddyfile"), "--adapter", "caddyfile"]

    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.folder), "GOMAXPROCS": "1"}

    def reload(self) -> None:
        subprocess.run(["/usr/bin/caddy", "reload", "--force", "--config", str(self.folder / "Caddyfile"), "--adapter",
                        "caddyfile", "--address", f"127.0.0.1:{self.admin}"], check=True, capture_output=True,
                       env={**os.environ, **self.environment()})


class Portcullis(Peer):
    binary = Path()
    serves_on_first_thread = False

    def __init__(self, folder: Path, chains: dict[str, Chain], backend: int, cores: set[int]) -> None:
        super().__init__(folder, chains, backend, cores)
        self.empty_journal()

    @classmethod
    def installed(cls) -> bool:
        return cls.binary.exists()

    def version(self) -> str:
        return said_by(str(self.binary), "--version").rpartition(" ")[2]

    def document(self) -> dict:
        others = [{"name": f"other{number}", "properties": {"data": f"@{path}"}}
                  for number, path in enumerate(self.chains["ec"].others(self.trusted_chains - 1))]
        listeners, rules = [], []
        for number, name in enumerate(LISTENERS):
            properties = {"frontendIPConfiguration": "local", "frontendPort": name,
                          "protocol": "Http" if name == "plain" else "Https"}
            if name != "plain":
                properties |= {"sslCertificate": name, "sslProfile": name}
            listeners.append({"name": name, "properties": properties})
            rules.append({"name": name, "properties": {
                "ruleType": "Basic", "priority": 10 + number, "httpListener": name, "backendAddressPool": "sample",
                "backendHttpSettings": "sample"}})
        revocation = "OCSP" if self.ocsp_responder else "None"
        return {"name": "bench", "location": "here", "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2"}, "enableHttp2": True,
            "sslCertificates": [{"name": name, "properties": {"data": f"@{chain.server_bundle}"}}
                                for name, chain in self.chains.items()],
            "trustedClientCertificates": [{"name": name, "properties": {"data": f"@{chain.cas}"}}
                                          for name, chain in self.chains.items()] + others,
            "sslProfiles": [{"name": name, "properties": {
                "trustedClientCertificates": [name] + [other["name"] for other in others if name == "ec"],
                "clientAuthConfiguration": {"verifyClientAuthMode": "Strict", "verifyClientRevocation": revocation,
                                            "verifyClientCertIssuerDN": self.issuer_dn}}}
                            for name in self.chains],
            "frontendIPConfigurations": [{"name": "local", "properties": {}}],
            "frontendPorts": [{"name": name, "properties": {"port": port}} for name, port in self.ports.items()],
            "backendAddressPools": [{"name": "sample", "properties": {"backendAddresses": [{"ipAddress": "127.0.0.1"}]}}],
            "backendHttpSettingsCollection": [{"name": "sample", "properties": {
                "port": self.backend, "protocol": "Http", "cookieBasedAffinity": "Disabled", "requestTimeout": 30}}],
            "httpListeners": listeners, "requestRoutingRules": rules}}

    def configure(self, single: bool) -> list[str]:
        document, host = self.folder / "gateway.yaml", self.folder / "host.yaml"
        document.write_text(json.dumps(self.document()))  # JSON is YAML, where references may be short
        revocation = f"revocation: {{responder: {self.ocsp_responder}}}\negress: {{deny: []}}\n" if self.ocsp_responder else ""
        host.write_text(f'bind: {{local: 127.0.0.1}}\nworkers: 1\naccess_log: {{path: "off"}}\nadmin: {{listen: "off"}}\n'
                        f"state_dir: {self.folder}/state\n"
                        f"limits: {{http2_requests: 1000000000}}\nclient_auth: {self.client_auth}\n" + revocation +
                        f"log: {{level: warn, path: {self.folder}/program.log}}\n")
        return [str(self.binary), "run", str(document), "--host", str(host)]


PEERS: dict[str, type[Peer]] = {"nginx": Nginx, "haproxy": Haproxy, "caddy": Caddy, "portcullis": Portcullis}
