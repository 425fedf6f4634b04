"""The bench's PKI: root, intermediate and server certificate, once in P-256 and once in RSA-2048, made by openssl(1).

Client certificates are issued by the load generator itself, in memory, from the intermediate: new ones in every run. RSA
keys take too long for that, so a pool of them is made here once and used in turn.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RSA_CLIENT_KEYS = 100
EXTENSIONS = """
[root]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[intermediate]
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[server]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""
KEY_OPTIONS = {
    "ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
}


def openssl(*arguments: str) -> str:
    run = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {run.stderr.strip()}")
    return run.stdout


class Chain:
    """Files of one algorithm: PREFIX.crt and PREFIX.key of root, intermediate and server, and what servers ask for."""

    def __init__(self, folder: Path, algorithm: str) -> None:
        self.folder = folder / algorithm
        self.algorithm = algorithm
        self.root = self.folder / "root.crt"
        self.issuer = self.folder / "intermediate"  # prefix
        self.cas = self.folder / "cas.crt"  # intermediate and root
        self.server_chain = self.folder / "server-chain.crt"  # server and intermediate
        self.server_key = self.folder / "server.key"
        self.server_bundle = self.folder / "server.pem"  # both of them in one file
        self.client_keys = self.folder / "client-keys.pem"  # RSA only

    def make(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "extensions.cnf").write_text("[req]\ndistinguished_name=name\n[name]\n" + EXTENSIONS)
        for name, signer, number in (("root", None, 1), ("intermediate", "root", 2), ("server", "intermediate", 3)):
            self._certificate(name, signer, number)
        server, intermediate, root = ((self.folder / f"{n}.crt").read_text() for n in ("server", "intermediate", "root"))
        self.server_chain.write_text(server + intermediate)
        self.server_bundle.write_text(server + intermediate + self.server_key.read_text())
        self.cas.write_text(intermediate + root)
        if self.algorithm == "rsa":
            with ThreadPoolExecutor(2) as pool:
                keys = list(pool.map(lambda _: openssl("genpkey", *KEY_OPTIONS["rsa"]), range(RSA_CLIENT_KEYS)))
            self.client_keys.write_text("".join(keys))

    def others(self, count: int) -> list[Path]:
        """Files of as many other chains, a root and an intermediate each; made when first asked for."""
        folder = self.folder / "others"
        folder.mkdir(exist_ok=True)
        made = [folder / f"{number}.crt" for number in range(count)]
        for number, path in enumerate(made):
            if path.exists():
                continue
            names = ("root", "intermediate")
            keys, files = ([str(folder / f"{number}.{name}.{suffix}") for name in names] for suffix in ("key", "crt"))
            for name, key, file in zip(names, keys, files):
                by = [] if name == "root" else ["-CA", files[0], "-CAkey", keys[0]]
                openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-out", file, "-days", "800", "-subj", f"/C=DE/O=Portcullis bench/CN=other {name} {number}",
                        "-config", str(self.folder / "extensions.cnf"), "-extensions", name, *by)
            path.write_text("".join(Path(file).read_text() for file in reversed(files)))
        return made

    def _certificate(self, name: str, signer: str | None, number: int) -> None:
        key, request, made = (str(self.folder / f"{name}.{suffix}") for suffix in ("key", "csr", "crt"))
        configuration = str(self.folder / "extensions.cnf")
        openssl("genpkey", *KEY_OPTIONS[self.algorithm], "-out", key)
        subject = f"/C=DE/O=Portcullis bench/CN={'localhost' if name == 'server' else self.algorithm + ' ' + name}"
        openssl("req", "-new", "-key", key, "-subj", subject, "-config", configuration, "-out", request)
        by = ["-signkey", key] if signer is None else ["-CA", str(self.folder / f"{signer}.crt"), "-CAkey",
                                                       str(self.folder / f"{signer}.key")]
        openssl("x509", "-req", "-sha256", "-in", request, *by, "-set_serial", str(number), "-days", "800", "-extfile",
                configuration, "-extensions", name, "-out", made)


def chains(folder: Path) -> dict[str, Chain]:
    """Both chains; made where they are missing or end within a day."""
    made = {}
    for algorithm in ("ec", "rsa"):
        chain = Chain(folder, algorithm)
        complete = (folder / algorithm / "complete").exists()
        fresh = complete and subprocess.run(
            ["openssl", "x509", "-in", str(chain.folder / "server.crt"), "-noout", "-checkend", "86400"],
            capture_output=True, check=False).returncode == 0
        if not fresh:
            subprocess.run(["rm", "-rf", str(chain.folder)], check=True)
            chain.make()
            (folder / algorithm / "complete").touch()
        made[algorithm] = chain
    return made
