"""The small figure beside a verdict: an interval against the band of what is too small to matter.

All have one scale, so that they can be compared down a page: effects count in units of the
smallest that matters, zero is in the middle, the claimed direction is right. The scale tightens
away from zero (inverse hyperbolic sine), since effects of half a margin and of thirty are both common.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from suite.evidence import Finding
from suite.vocabulary.claims import Alike, Boundary, Claim, Identity, Rate, Tested, Within

WIDTH, HEIGHT = 168, 18
REACH = 40.0  # margins from zero to the edge
EDGE = 5.0  # pixels between the edge of the scale and that of the drawing


@dataclass(frozen=True)
class Mark:
    """Where things stand, in pixels.

    Attributes:
        low, high: ends of the interval, cut at the edge of the scale; equal where there is none.
        beyond: which ends were cut: -1, 1 or both.
        banded: whether there is a band; a share of seeds has a line only.
    """

    at: float
    low: float
    high: float
    beyond: tuple[int, ...]
    banded: bool


def band() -> tuple[float, float]:
    """Return the ends of the band of what is too small to matter."""
    return _pixel(_place(-1.0)), _pixel(_place(1.0))


def mark(finding: Finding) -> Mark | None:
    """Return the small figure of a finding; None where there is no effect to draw."""
    claim = finding.claim
    if isinstance(claim, Within | Boundary) or math.isnan(finding.estimate):
        return None
    low, high = finding.interval
    ends = sorted(_position(claim, end) for end in (low, high) if not math.isnan(end))
    at = _position(claim, finding.estimate)
    low, high = (ends[0], ends[-1]) if ends else (at, at)
    beyond = tuple(side for side, end in ((-1, low), (1, high)) if side * end > 1)
    return Mark(_pixel(at), _pixel(low), _pixel(high), beyond, not isinstance(claim, Rate))


def _position(claim: Claim, value: float) -> float:
    """Return where a value lies: 0 in the middle, 1 at the edge on the side of the claim."""
    if isinstance(claim, Identity):
        return _place(value / claim.tolerance if claim.tolerance else math.inf if value else 0.0)
    assert not isinstance(claim, Within | Boundary)
    if isinstance(claim, Rate):
        return (value - claim.than) * (1 if claim.direction == "higher" else -1)
    return _place(margins(claim, value))


def margins(claim: Tested, value: float) -> float:
    """Return an effect in units of the smallest that matters, positive on the claim's side."""
    way = 1 if isinstance(claim, Alike) or claim.direction == "higher" else -1
    if claim.by_ratio:
        value = math.log(value) if value > 0 else -math.inf
    return way * value / claim.margin


def _place(value: float) -> float:
    return math.asinh(value) / math.asinh(REACH)


def _pixel(place: float) -> float:
    inside = min(1.0, max(-1.0, place))
    return round(WIDTH / 2 + inside * (WIDTH / 2 - EDGE), 1)
