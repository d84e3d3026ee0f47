"""Looks at how many seeds a study takes, fixed beforehand: it may stop asking at each of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from suite.ground.errors import RequestError

FIRST = 3  # seeds, below which nothing is decided
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Looks:
    """Numbers of seeds, rising, at which claims are judged; a decided one gets no further seeds.

    Attributes:
        counts: the seeds of each look.
        weights: the share of the error rate that each may spend. They add up to at most 1, so that
            all looks together err no more often than one (Bonferroni; whatever stops them).
    """

    counts: tuple[int, ...]
    weights: tuple[float, ...]

    def __str__(self) -> str:
        return f"looks({', '.join(map(str, self.counts))})"

    def as_one(self, seeds: int) -> Looks:
        """Return the first look alone, at seeds that were run before looks were declared.

        Who saw them may have declared looks for what they showed, so they count as the first.
        """
        return Looks((seeds,), self.weights[:1])


def looks(*seeds: int) -> Looks:
    """Declare looks after so many seeds each: `seeds=looks(5, 10, 20)`.

    Each look may spend the share of the error rate that its new seeds have of all.

    Raises:
        RequestError: if there are fewer than two, they do not rise, or the first is below 3.
    """
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in seeds)
    rising = whole and all(one < other for one, other in itertools.pairwise(seeds))
    if len(seeds) < 2 or not rising or seeds[0] < FIRST or seeds[-1] > MOST_SEEDS:
        raise RequestError(
            f"looks are two or more rising numbers of seeds from {FIRST} to {MOST_SEEDS:,}, not "
            f"{seeds}"
        )
    new = (later - earlier for earlier, later in itertools.pairwise((0, *seeds)))
    return Looks(seeds, tuple(one / seeds[-1] for one in new))
