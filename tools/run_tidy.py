#!/usr/bin/python3
"""Runs clang-tidy over the program's sources, on all cores, and remembers what was clean.

Reads build/clang/compile_commands.json. Tests (*_test.cc) are left to the compilers: two of them, with -Werror. A source is
not looked at again while nothing that it can see of ours has changed: the key of a clean result is the digest of
.clang-tidy, the tool's version, the command line, the source and every header of src/ that it reaches.

usage: run_tidy.py [--all]      --all: forget what was clean
exit status: 0 clean, 1 findings
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATABASE = ROOT / "build" / "clang"
CLEAN = ROOT / "build" / "tidy"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def reached(path, seen):
    """Adds `path` and every header of ours that it reaches to `seen`: {path: bytes}."""
    if path in seen or not path.is_file():
        return seen
    seen[path] = path.read_bytes()
    for name in INCLUDE.findall(seen[path].decode("utf-8", "replace")):
        reached(ROOT / "src" / name, seen)
    return seen


def key_of(entry, base):
    digest = hashlib.sha256(base)
    digest.update(entry["command"].encode())
    for path, content in sorted(reached(pathlib.Path(entry["file"]), {}).items()):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def tidy(entry):
    started = time.monotonic()
    run = subprocess.run(["clang-tidy", "-p", str(DATABASE), "--quiet", entry["file"]], capture_output=True, text=True,
                         cwd=ROOT, check=False)
    return run, time.monotonic() - started


def main(arguments):
    entries = json.loads((DATABASE / "compile_commands.json").read_text(encoding="utf-8"))
    entries = [e for e in entries if not e["file"].endswith("_test.cc") and e["file"].startswith(str(ROOT / "src"))]
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    base = (ROOT / ".clang-tidy").read_bytes() + version
    CLEAN.mkdir(parents=True, exist_ok=True)
    if "--all" in arguments:
        for old in CLEAN.iterdir():
            old.unlink()
    due = [(entry, CLEAN / key_of(entry, base)) for entry in entries]
    due = [(entry, mark) for entry, mark in due if not mark.exists()]
    # The biggest first, so that no core is left with one of them at the end.
    due.sort(key=lambda item: -os.path.getsize(item[0]["file"]))
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        runs = {pool.submit(tidy, entry): (entry, mark) for entry, mark in due}
        for done in concurrent.futures.as_completed(runs):
            entry, mark = runs[done]
            run, seconds = done.result()
            name = os.path.relpath(entry["file"], ROOT)
            print(f"{'ok' if run.returncode == 0 else 'FAILED'} {name} ({seconds:.1f} s)", flush=True)
            if run.returncode == 0:
                mark.touch()
            else:
                failures += 1
                print(run.stdout + run.stderr, flush=True)
    print(f"clang-tidy: {len(entries)} sources, {len(due)} looked at, {failures} with findings", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
