"""Verdicts, and why each is what it is, in words; some have places to be filled."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    NO_EFFECT = "no meaningful effect"
    SIZE_OPEN = "size open"
    UNDECIDED = "undecided"


class Reason(StrEnum):
    """A reason as a sentence without its capital and full stop."""

    NO_TRIALS = "this run has no trials of one of the arms"
    SEEDS_IN_BOTH = "a verdict takes {least} seeds measured in both arms; there were {n}"
    SEEDS_IN_ALL = "a verdict takes {least} seeds measured in every arm; there were {n}"
    ON_EDGE = "the best {axis} lies on the edge of its grid, so a better one may lie beyond"
    AS_CLAIMED = "the difference is as claimed, and all of its interval large enough to matter"
    OTHER_WAY = "the difference is the other way, and all of its interval large enough to matter"
    SMALL = "any difference is smaller than what matters"
    DIFFERENT = "there is a difference, and all of its interval is large enough to matter"
    TOO_WIDE = "the interval reaches beyond what matters"
    SIZE_AS_CLAIMED = "there is a difference, as claimed; if it is large enough to matter is open"
    SIZE_OTHER_WAY = "there is a difference, the other way; if it is large enough to matter is open"
    BOTH = "the interval holds both no effect and one that matters"
    CORRECTED = "alone it would tell something; corrected for the study's other claims it does not"
    SAME = "both arms ended in the same weights, bit for bit: nothing was compared"
    SEEDS_LOST = (
        "{n} of {all} seeds lack a value, and what they might have measured could turn the verdict"
    )
    NEVER = "{n} of {all} seeds never reached the target, which no slope or sum has a place for"
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
    FEW_TO_CHOOSE = "which level is chosen says something if there are three or more to choose from"
    ONE_LEVEL_ALONG = "there is one level only, and so no boundary"
    CROSSES_WITHIN = "the boundary lies within the claimed range"
    CROSSES_ELSEWHERE = "the boundary lies outside the claimed range"
    CROSSES_NOWHERE = "there is no boundary along the axis"
    CROSSES_OFTEN = "the mean crosses {times} times, and where it does so is not certain"
    CROSSES_ANYWHERE = "the boundary may lie outside the claimed range too"
    CROSSES_UNSEEN = "the mean crosses nowhere, but not for certain"
    ALIKE_AT_ENDS = "both ends of the axis lie on the same side, so no boundary is shown"


# What no number of seeds would do away with.
HOPELESS = (
    Reason.NO_TRIALS,
    Reason.SAME,
    Reason.FEW_TO_CHOOSE,
    Reason.ONE_LEVEL,
    Reason.ONE_LEVEL_ALONG,
)
# What more seeds would do away with.
OPEN = (
    Reason.TOO_WIDE,
    Reason.SIZE_AS_CLAIMED,
    Reason.SIZE_OTHER_WAY,
    Reason.BOTH,
    Reason.CORRECTED,
)


class Note(StrEnum):
    """What stands beside a verdict, as a clause."""

    UNEQUAL = (
        "its arms could choose among {counts} tuned levels: more to choose from is an advantage"
    )
    LOST = "{n} of {all} seeds lack a value"
    NEVER = "{n} of {all} seeds never reached the target, which counts as later than all that did"
    NO_PROSPECT = "it got no further seeds, with a chance of {chance} to be decided by {seeds}"
    OFF_PLAN = "its seeds are others than planned, which errs more often than it says"
    OTHER_TIER = "at the {tier} tier: {verdict}"
    REVISED = "changed after results had been seen"
    RUN_BEFORE = (
        "an earlier run here had other claims, levels, looks or seeds, and its results were seen"
    )
    DECLARED_LATER = "its looks were declared after these trials ran, which count as the first look"
