"""An effect along an axis: at each of its levels one number a seed, between them interpolated.

At every place the effect is a linear combination of a seed's numbers, so a one-sample t test of it is
exact there. The places where it cannot be told from a value form a confidence set for where it has that
value: all are tested, and the right one is rejected in 5 % of studies (Fieller, 1954, for a ratio).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

Interval = tuple[float, float]
Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Profile:
    """The effect of n seeds at L levels.

    Attributes:
        levels: of the axis, rising; L of them.
        effects: one row a seed, one column a level.
        grain: standard deviation of what rounding does to one of them, which is no spread of seeds
            and stands where these agree to the last image.
    """

    levels: tuple[float, ...]
    effects: Matrix
    grain: float = 0.0

    @property
    def log(self) -> bool:
        """Whether places are logarithms: where every level is above 0."""
        return self.levels[0] > 0

    def place(self, level: float) -> float:
        """Return where a level lies."""
        return math.log2(level) if self.log else float(level)

    def level(self, place: float) -> float:
        """Return the level at a place."""
        if not self.log:
            return place
        return next((one for one in self.levels if self.place(one) == place), 2.0**place)

    @property
    def ends(self) -> Interval:
        """The places of the first and the last level."""
        return self.place(self.levels[0]), self.place(self.levels[-1])

    def at(self, place: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return each seed's effect at a place between the levels."""
        where = [self.place(level) for level in self.levels]
        return np.array([np.interp(place, where, row) for row in self.effects], float)

    def crossings(self, value: float = 0.0) -> list[float]:
        """Return the places, rising, at which the mean goes from one side of a value to the other."""
        means = self.effects.mean(axis=0) - value
        found, last = [], 0
        for i in range(1, len(means)):
            if means[i] == 0 or means[last] * means[i] > 0:
                continue
            if means[last] != 0:
                low, high = (self.place(self.levels[one]) for one in (i - 1, i))
                share = means[i - 1] / (means[i - 1] - means[i])
                found.append(float(low + share * (high - low)))
            last = i
        return found

    def p_somewhere(self, value: float, low: float, high: float) -> float:
        """Return the p value of "the mean is `value` at some place from `low` to `high`"."""
        n = len(self.effects)
        smallest = math.inf
        for one in self._segments(value):
            start, end = one.share(low), one.share(high)
            if end < 0 or start > 1:
                continue
            start, end = max(start, 0.0), min(end, 1.0)
            for share in (start, end, *one.turns):
                if start <= share <= end:
                    smallest = min(smallest, one.t_squared(share))
        if math.isinf(smallest):
            return 0.0
        return float(2 * stats.t.sf(math.sqrt(n * smallest), n - 1))

    def places_of(self, value: float, alpha: float) -> list[Interval]:
        """Return the places at which a t test at `alpha` does not tell the mean from `value`."""
        n = len(self.effects)
        bound = float(stats.t.ppf(1 - alpha / 2, n - 1)) ** 2 / n
        pieces: list[Interval] = []
        for one in self._segments(value):
            cuts = sorted({0.0, 1.0, *(share for share in one.roots(bound) if 0 < share < 1)})
            pieces += [
                (one.at(start), one.at(end))
                for start, end in itertools.pairwise(cuts)
                if one.t_squared((start + end) / 2) <= bound
            ]
        pieces += [(place, place) for place in self.crossings(value)]  # of seeds that all agree
        return _joined(pieces)

    def _segments(self, value: float) -> Iterator[_Segment]:
        for i in range(len(self.levels) - 1):
            first, last = self.effects[:, i], self.effects[:, i + 1]
            spread = np.cov(np.stack([first, last - first]))
            yield _Segment(
                low=self.place(self.levels[i]),
                high=self.place(self.levels[i + 1]),
                a=float(first.mean()) - value,
                b=float((last - first).mean()),
                c=float(spread[0, 0]) + self.grain**2,
                d=float(2 * spread[0, 1]),
                e=float(spread[1, 1]),
            )


@dataclass(frozen=True)
class _Segment:
    """Between two levels, at a share u of the way: mean a + b u, variance c + d u + e u²."""

    low: float
    high: float
    a: float
    b: float
    c: float
    d: float
    e: float

    def at(self, share: float) -> float:
        """Return the place at a share of the way; exact at its ends, where neighbours meet."""
        return {0.0: self.low, 1.0: self.high}.get(share, self.low + share * (self.high - self.low))

    def share(self, place: float) -> float:
        return (place - self.low) / (self.high - self.low)

    def t_squared(self, share: float) -> float:
        """Return the square of mean over standard deviation; infinite where every seed agrees."""
        mean = self.a + self.b * share
        variance = self.c + self.d * share + self.e * share**2
        if variance <= 1e-24 * max(1.0, mean**2):
            return 0.0 if abs(mean) <= 1e-12 else math.inf
        return mean**2 / variance

    @property
    def turns(self) -> list[float]:
        """Where the square of t can be least: where the mean is zero, and where it turns."""
        found = [-self.a / self.b] if self.b else []
        slope = 2 * self.a * self.e - self.b * self.d
        return [*found, (2 * self.b * self.c - self.a * self.d) / slope] if slope else found

    def roots(self, bound: float) -> list[float]:
        """Return where the square of t is `bound`."""
        square = self.b**2 - bound * self.e
        line = 2 * self.a * self.b - bound * self.d
        rest = self.a**2 - bound * self.c
        if square == 0:
            return [-rest / line] if line else []
        inside = line**2 - 4 * square * rest
        if inside < 0:
            return []
        half = -0.5 * (line + math.copysign(math.sqrt(inside), line))
        return [half / square, *([rest / half] if half else [])]


def _joined(pieces: Sequence[Interval]) -> list[Interval]:
    """Return intervals, rising, those that touch as one."""
    found: list[Interval] = []
    for low, high in sorted(pieces):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found
