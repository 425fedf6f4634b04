"""The table: medians and spread of every server, then each goal with the ratio that was seen and whether it is decided."""

from __future__ import annotations

import statistics
from typing import Any

from .decide import interval, summary, verdict
from .instructions import COUNTERS, OPERATIONS
from .measures import MEASURES, Measure, Scale

OURS = "portcullis"


def number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratios(readings: dict[str, dict[int, dict[str, Any]]], peer: str) -> list[float]:
    """Ours to the peer's, round by round, where both have a reading."""
    ours, theirs = readings.get(OURS, {}), readings.get(peer, {})
    return [ours[r]["value"] / theirs[r]["value"] for r in sorted(ours.keys() & theirs.keys()) if theirs[r]["value"] > 0]


def judge(measure: Measure, readings: dict[str, dict[int, dict[str, Any]]]) -> dict[str, Any]:
    """Everything that the table says about one measure, as it goes into the JSON."""
    out: dict[str, Any] = {"title": measure.title, "unit": measure.unit, "peers": {}, "ratios": {}, "goals": []}
    for peer, rounds in readings.items():
        if not rounds:
            continue
        out["peers"][peer] = summary([reading["value"] for reading in rounds.values()])
        for figure in measure.figures:
            out["peers"][peer][figure] = statistics.median(reading[figure] for reading in rounds.values())
        out["peers"][peer]["readings"] = list(rounds.values())
    for peer in readings:
        seen = ratios(readings, peer) if peer != OURS else []
        if seen and measure.kind != "reload":
            bounds = interval(seen, measure.precision)
            out["ratios"][peer] = {"median": statistics.median(seen), "rounds": seen, "interval": bounds}
    for goal in measure.goals:
        seen = ratios(readings, goal.peer)
        if not seen or goal.gate is None and goal.aim is None:
            continue
        median = statistics.median(seen)
        entry = {"peer": goal.peer, "ratio": median}
        for kind, limit in (("gate", goal.gate), ("aim", goal.aim)):
            if limit is not None:
                entry[kind] = limit
                entry[kind + "_gap"] = median - limit
                entry[kind + "_verdict"] = verdict(seen, limit, measure.precision)
        out["goals"].append(entry)
    for figure, limit in measure.own_gate.items():
        rounds = readings.get(OURS, {})
        if rounds:
            worst = max(reading[figure] for reading in rounds.values())
            out["goals"].append({"figure": figure if figure != "value" else measure.unit, "seen": worst, "gate": limit,
                                 "gate_gap": worst - limit, "gate_verdict": "met" if worst <= limit else "missed"})
    return out


def lines_of(judged: dict[str, Any], measure: Measure, skipped: dict[str, str], scale: Scale) -> list[str]:
    lines = [f"{measure.key}: {scale.fill(judged['title'])} [{judged['unit']}]"]
    for peer, seen in judged["peers"].items():
        line = f"  {peer:<11}{number(seen['median']):>9}  {number(seen['min'])} .. {number(seen['max'])}"
        if peer in judged["ratios"]:
            ratio = judged["ratios"][peer]
            line = f"{line:<46} ours is {ratio['median']:.2f} of it"
            if ratio["interval"]:
                line += f"  ({ratio['interval'][0]:.2f} .. {ratio['interval'][1]:.2f})"
        for figure in measure.figures:
            line += f"  {figure} {number(seen[figure])}"
        lines.append(line)
    lines += [f"  {peer:<11}  skipped: {why}" for peer, why in skipped.items()]
    for goal in judged["goals"]:
        what = f"ratio to {goal['peer']} {goal['ratio']:.2f}" if "peer" in goal else f"{goal['figure']} {number(goal['seen'])}"
        for kind in ("gate", "aim"):
            if kind in goal:
                says = goal[kind + "_verdict"]
                word = "goal" if kind == "gate" else "later aim"
                lines.append(f"  -> {what}, {word} <= {number(goal[kind])}, gap {goal[kind + '_gap']:+.2f}: {says}")
    return lines


def instruction_lines(counts: dict[str, dict[str, dict[str, Any] | str]], counter: str) -> list[str]:
    lines = [f"instructions of one operation ({COUNTERS[counter]})"]
    for key, peers in counts.items():
        lines.append(f"  {OPERATIONS[key].title}")
        ours = peers.get(OURS)
        ours = ours["value"] if isinstance(ours, dict) else None
        for peer, seen in peers.items():
            if isinstance(seen, str):
                lines.append(f"    {peer:<11}  skipped: {seen}")
                continue
            ratio = f"   ours is {ours / seen['value']:.2f} of it" if ours is not None and peer != OURS else ""
            spread = f"   {min(seen['readings']):,.0f} .. {max(seen['readings']):,.0f}" if len(seen["readings"]) > 1 else ""
            lines.append(f"    {peer:<11}{seen['value']:>14,.0f}{spread}{ratio}")
    return lines


def closing_lines(results: dict[str, dict[str, Any]]) -> list[str]:
    found: dict[str, list[str]] = {"met": [], "missed": [], "undecided": []}
    for key, judged in results.items():
        for goal in judged["goals"]:
            if "gate_verdict" in goal:
                name = key if "peer" in goal else f"{key} ({goal['figure']})"
                found[goal["gate_verdict"]].append(name)
    lines = [f"{says}: {', '.join(names)}" for says, names in found.items() if names]
    if found["undecided"]:
        lines.append("undecided goals need more rounds or a quieter machine; nothing follows from their medians")
    return ["goals"] + ["  " + line for line in lines] if lines else []


def known(keys: list[str]) -> list[Measure]:
    return [MEASURES[key] for key in keys]
