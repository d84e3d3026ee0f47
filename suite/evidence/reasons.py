"""Verdicts, and why each is what it is, in words; some have places to be filled."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    NO_EFFECT = "no meaningful effect"
    UNDECIDED = "undecided"


class Reason(StrEnum):
    """A reason as a sentence without its capital and full stop."""

    NO_TRIALS = "this run has no trials of one of the arms"
    SEEDS_IN_BOTH = "an interval needs two seeds measured in both arms; there were {n}"
    SEEDS_IN_ALL = "an interval needs two seeds measured in every arm; there were {n}"
    ON_EDGE = "the best {axis} lies on the edge of its grid, so a better one may lie beyond"
    AS_CLAIMED = "the difference is as claimed and large enough to matter"
    OTHER_WAY = "the difference is the other way, and large enough to matter"
    SMALL = "any difference is smaller than what matters"
    DIFFERENT = "there is a difference, and it is large enough to matter"
    TOO_WIDE = "the interval reaches beyond what matters"
    MAYBE_SMALL = "there is a difference, but it may be too small to matter"
    BOTH = "the interval holds both no effect and one that matters"
    SHARE_OPEN = "the interval of the share holds {share}"
    HIGHER = "the share of seeds is higher than {share}"
    LOWER = "the share of seeds is lower than {share}"
    NOT_HIGHER = "the share of seeds is not higher than {share}"
    NOT_LOWER = "the share of seeds is not lower than {share}"
    OUTSIDE = "more seeds lie outside the range than luck explains"
    LUCK = "seeds lie outside the range, but no more than luck explains"
    TOO_FEW = "it takes {least} seeds, and there were {n}"
    INSIDE = "every seed lies inside the range"
    UNMEASURED = "no trial measured it"
    LOST = "a trial did not finish, or did not measure it"
    ONE_LEVEL = "there is one level only, and so no order"
    NOT_POSITIVE = "a ratio needs values above 0, and seed {seed} measured {value}"
    EXACT = "no trial deviates by more than rounding explains"
    DEVIATES = "a trial deviates by more than rounding explains"
    ONE_LEVEL_ALONG = "there is one level only, and so no boundary"
    CROSSES_WITHIN = "the boundary lies within the claimed range"
    CROSSES_ELSEWHERE = "the boundary lies outside the claimed range"
    CROSSES_NOWHERE = "there is no boundary along the axis"
    CROSSES_OFTEN = "the mean crosses {times} times, and where it does so is not certain"
    CROSSES_ANYWHERE = "the boundary may lie outside the claimed range too"
    CROSSES_UNSEEN = "the mean crosses nowhere, but not for certain"
    ALIKE_AT_ENDS = "both ends of the axis lie on the same side, so no boundary is shown"


# What more seeds would do away with.
OPEN = (Reason.TOO_WIDE, Reason.MAYBE_SMALL, Reason.BOTH)
