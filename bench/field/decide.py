"""When a ratio may be called met or missed. A noisy machine moves absolute times by half; what is compared is therefore
the ratio of two readings of the same round, and what is judged is an interval for the median of those ratios."""

from __future__ import annotations

import math
import statistics

CONFIDENCE = 0.93  # five rounds' smallest to largest: 1 - 2/32


def interval(ratios: list[float], precision: float | None = None) -> tuple[float, float] | None:
    """Where the true median lies, or None where nobody can tell.

    From five rounds on: the tightest pair of order statistics that holds the median with CONFIDENCE, whatever the noise is
    like. Of two to four: smallest to largest, wider by half that range at either end. Of one: only where readings are
    known to repeat within `precision`.
    """
    if not ratios:
        return None
    ordered = sorted(ratios)
    count = len(ordered)
    if count == 1:
        return (ordered[0] * (1 - precision), ordered[0] * (1 + precision)) if precision is not None else None
    if count < 5:
        margin = (ordered[-1] - ordered[0]) / 2
        return ordered[0] - margin, ordered[-1] + margin
    cut = 0
    while 1 - 2 * sum(math.comb(count, k) for k in range(cut + 2)) / 2**count >= CONFIDENCE:
        cut += 1
    return ordered[cut], ordered[count - 1 - cut]


def verdict(ratios: list[float], goal: float, precision: float | None = None) -> str:
    """met, missed or undecided."""
    bounds = interval(ratios, precision)
    if bounds is None:
        return "undecided"
    if bounds[1] <= goal:
        return "met"
    return "missed" if bounds[0] > goal else "undecided"


def summary(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": len(values)}
