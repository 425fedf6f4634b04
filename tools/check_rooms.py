#!/usr/bin/python3
"""Checks that every #include of src/ goes the way that src/rooms.txt allows.

Rules, each with the name it is reported by:

  direction   a room includes headers of itself, of the rooms its row lists, and of all that those reach
  internal    src/<room>/internal/ is included by its own room only
  library     a library's headers are included only by the rooms that wrap it (table below)
  table       rooms.txt itself: rows are `room: rooms`, each known and above the row (so that no circle is possible);
              a folder of src/ has a row
  form        a header of ours is written "room/file.h", from src/, and exists

src/main.cc is the composition root and may include anything but internal headers.
usage: check_rooms.py [ROOT]     exit status: 0 nothing found, 1 findings, each as `file:line: rule: why`
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)')
COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)

# The first folder of a library's headers, or the whole name -> the rooms that wrap it.
LIBRARIES = {
    "openssl": {"crypto", "x509", "revocation", "tls"},
    "sodium.h": {"crypto"},
    "intel-ipsec-mb.h": {"crypto"},
    "nghttp2": {"http"},
    "re2": {"routing"},
    "nlohmann": {"arm", "admin"},
    "yaml-cpp": {"arm", "admin"},
    "sqlite3.h": {"store"},
    "spdlog": {"telemetry"},
    "ares.h": {"net"},
    "ares_build.h": {"net"},
    "CLI": {"cli"},
}


def without_comments(text):
    """The text with comments and raw strings blanked; other literals stay, for they hold the names included."""

    def replace(match):
        found = match.group(0)
        return re.sub(r"[^\n]", " ", found) if found.startswith(("/", "R")) else found

    return COMMENT_OR_LITERAL.sub(replace, text)


def read_table(path):
    """Returns {room: rooms it lists} and the findings."""
    table, findings = {}, []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        match = re.fullmatch(r"([a-z0-9_]+):((?:\s+[a-z0-9_]+)*)", line)
        if match is None:
            findings.append((path, number, "table", f"cannot read '{line}': write `room: rooms it may include`"))
            continue
        room, listed = match.group(1), match.group(2).split()
        if room in table:
            findings.append((path, number, "table", f"room {room} has two rows"))
        for other in listed:
            if other not in table:
                findings.append((path, number, "table", f"{room} lists {other}, which has no row above it"))
        table[room] = [other for other in listed if other in table]
    return table, findings


def reach(table):
    """{room: all rooms that it may include}. Every room from event up may also include telemetry."""
    allowed = {}
    from_event = False
    for room, listed in table.items():
        from_event = from_event or room == "event"
        allowed[room] = {room}.union(*(allowed[other] for other in listed))
        if from_event and "telemetry" in allowed:
            allowed[room] |= allowed["telemetry"]
    return allowed


def check_include(room, name, quoted, source, allowed):
    """Returns (rule, why) or None. `room` is None for main.cc."""
    top = name.split("/")[0]
    if quoted:
        if not (source / name).is_file():
            return "form", f'"{name}" is not a file of src/; write "room/file.h"'
        if "/" not in name:
            return "form", f'"{name}" is in no room'
        if name.split("/")[1] == "internal" and top != room:
            return "internal", f'"{name}" belongs to {top} alone'
        if room is not None and top not in allowed[room]:
            return "direction", f'{room} may not include "{name}": its row in src/rooms.txt does not reach {top}'
        return None
    if top in allowed:
        return "form", f'<{name}> looks like a header of ours; write "{name}"'
    if room is not None and top in LIBRARIES and room not in LIBRARIES[top]:
        return "library", f"<{name}> is wrapped by {', '.join(sorted(LIBRARIES[top]))}; {room} must use what they offer"
    return None


def check(root):
    """Returns the findings: (file, line, rule, why)."""
    source = root / "src"
    table, findings = read_table(source / "rooms.txt")
    allowed = reach(table)
    for folder in sorted(p for p in source.iterdir() if p.is_dir()):
        if folder.name not in table and any(folder.rglob("*.[hc]*")):
            findings.append((folder, 1, "table", f"src/{folder.name} has no row in src/rooms.txt"))
    for path in sorted(p for p in source.rglob("*") if p.suffix in (".h", ".cc", ".hpp", ".inc")):
        parts = path.relative_to(source).parts
        room = parts[0] if len(parts) > 1 else None
        if room is not None and room not in table:
            continue
        if room is None and path.name != "main.cc":
            findings.append((path, 1, "form", "only main.cc lies outside of a room"))
            continue
        for number, line in enumerate(without_comments(path.read_text(encoding="utf-8")).split("\n"), 1):
            match = INCLUDE.match(line)
            if match is None:
                continue
            fault = check_include(room, match.group(1) or match.group(2), match.group(1) is not None, source, allowed)
            if fault is not None:
                findings.append((path, number, *fault))
    return findings


def main(arguments):
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
    findings = check(root)
    for path, line, rule, why in findings:
        print(f"{path.relative_to(root)}:{line}: {rule}: {why}")
    print(f"check_rooms: {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
