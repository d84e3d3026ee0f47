"""How often verdicts are wrong, measured on results whose truth is known.

A situation draws what every trial of a study measures; the records go through the code that judges
a run, and its verdicts are held against the truth. `python tests/calibration.py` prints the tables of
docs/evidence.md, from 600 families of claims a cell, or as many as it is told.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from scipy import optimize, stats

from suite import (
    Difference,
    Equivalence,
    Interaction,
    Ordering,
    Rate,
    Study,
    Target,
    Threshold,
    Trend,
    Within,
    axis,
    define_metric,
    looks,
)
from suite.evidence import Verdict, effects
from suite.evidence.contrasts import Measured, contrast, grain_of
from suite.evidence.findings import LEAST_CHANCE, Finding
from suite.evidence.looks import look_at
from suite.evidence.reasons import Reason
from suite.evidence.significance import LEVELS, Forecast, Test, holm
from suite.vocabulary.claims import Claim, arms
from suite.vocabulary.grid import Axis, Grid, Trial
from suite.vocabulary.looks import Looks
from suite.vocabulary.metrics import METRICS
from suite.vocabulary.recipe import Probe
from suite.vocabulary.record import Outcome, Provenance, Record, Status

VALUE = define_metric("calibration/value", "a value")
SHARE = define_metric("calibration/share", "a share of 360 images", unit="percent")
LOSS = define_metric("calibration/loss", "a loss", unit="nats", better="lower")
EPOCHS = "target/epochs"
TEST, VALIDATION = "test/accuracy", "validation/accuracy"
IMAGES = 360
LOOKS = looks(5, 10, 20)
# By metric, what each cell and seed measured: NaN where it diverged, infinite where a trial finished
# without it.
Values = Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]
Shape = tuple[int, ...]
NOTHING = Probe("t", "probe", "", {})
NOWHERE = Provenance(
    commit="", dirty=False, packages={}, python="", platform="", processor="", device="cpu",
    strategy="", workers=1, threads=1, command="", started=0.0, finished=1.0,
)  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """A study, and what is true of its claims.

    Attributes:
        says: what it is, in the words of the table.
        draw: draws what its trials measure.
        truths: of each claim the true effect on the scale that is analysed; of a `Rate` how far the
            true share lies above the one claimed.
        limit: the largest share of families that may have a false verdict.
        tuned: whether its arms leave out an axis.
        plain: whether every claim is a contrast and every trial has measured it.
    """

    says: str
    claims: tuple[Claim, ...]
    grid: tuple[Axis, ...]
    seeds: int | Looks
    draw: Callable[[np.random.Generator], Values]
    truths: tuple[float, ...]
    limit: float = 0.05
    tuned: bool = False
    plain: bool = True

    @property
    def study(self) -> Study:
        probe = None if self.tuned else (lambda cell, seed: {})
        return Study(
            "t",
            probe=probe,
            grid=self.grid,
            seeds=self.seeds,
            claims=self.claims,
            target=Target(VALIDATION, 0.9) if self.claims[0].of == EPOCHS else None,
            name="t",
        )


# --- What contrasts look like ----------------------------------------------------------------


def normal(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.standard_normal(shape)


def heavy(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.standard_t(3, shape) / math.sqrt(3)


def skewed(rng: np.random.Generator, shape: Shape) -> Any:
    """Gamma, with a skewness of 1.75."""
    k = 4 / 1.75**2
    return (rng.gamma(k, 1.0, shape) - k) / math.sqrt(k)


def very_skewed(rng: np.random.Generator, shape: Shape) -> Any:
    """Lognormal, with a skewness of 6.2."""
    return (rng.lognormal(0.0, 1.0, shape) - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e)


Noise = Callable[[np.random.Generator, Shape], Any]
NOISES: dict[str, Noise] = {
    "normal": normal,
    "heavy tails (t, 3 degrees of freedom)": heavy,
    "skewness 1.75": skewed,
    "skewness 6.2": very_skewed,
}


# --- Situations ------------------------------------------------------------------------------


def last(seeds: int | Looks) -> int:
    return seeds.counts[-1] if isinstance(seeds, Looks) else seeds


def way(i: int) -> Any:
    """Claims of a family go either way in turn, so that truths support some and refute others."""
    return "lower" if i % 2 else "higher"


def common(of: str = VALUE) -> dict[str, Any]:
    return {"of": of, "says": "It is so.", "source": ""}


def pairs(kind: Any, of: str, family: int, matters: float, **more: Any) -> tuple[Claim, ...]:
    """Claims about two arms each, which no other claim reads."""
    return tuple(
        kind(
            arm={"arm": 2 * i + 1},
            against={"arm": 2 * i},
            matters=matters,
            **({} if kind is Equivalence else {"direction": way(i)}),
            **common(of) | more,
        )
        for i in range(family)
    )


def numbered(count: int, name: str = "arm") -> tuple[Axis, ...]:
    return (axis(name, tuple(range(count))),)


def differences(
    says: str,
    seeds: int | Looks,
    *,
    noise: Noise = normal,
    effect: float = 0.0,
    matters: float = 1.0,
    family: int = 5,
    kind: Any = Difference,
    ratio: bool = False,
    limit: float = 0.05,
) -> Situation:
    """Two arms a claim whose contrast has a standard deviation of 1, and a mean of `effect`."""

    def draw(rng: np.random.Generator) -> Values:
        against = rng.standard_normal((family, last(seeds)))
        arm = against + effect + noise(rng, against.shape)
        values = np.stack([against, arm], 1).reshape(2 * family, -1)
        return {VALUE: np.exp(values) if ratio else values}

    margin = math.exp(matters) if ratio else matters
    scale = "ratio" if ratio else "difference"
    claims = pairs(kind, VALUE, family, margin, scale=scale)
    return Situation(says, claims, numbered(2 * family), seeds, draw, (effect,) * family, limit)


def images(says: str, seeds: int | Looks, differ: float, family: int = 5) -> Situation:
    """Accuracies on 360 images, of which each arm alone is right on a share `differ`."""

    def draw(rng: np.random.Generator) -> Values:
        alone = rng.binomial(IMAGES, differ, (2 * family, last(seeds)))
        both = rng.binomial(IMAGES, 0.02, (family, last(seeds))).repeat(2, 0)
        return {SHARE: (330 - both + alone) / IMAGES}

    claims = pairs(Difference, SHARE, family, 0.001)
    return Situation(says, claims, numbered(2 * family), seeds, draw, (0.0,) * family)


def interactions(seeds: int | Looks, effect: float = 0.0, matters: float = 0.1) -> Situation:
    family = 5
    claims = tuple(
        Interaction(
            arm={"arm": 2 * i + 1}, against={"arm": 2 * i}, within={"in": 1}, without={"in": 0},
            direction=way(i), matters=matters, **common(),
        )
        for i in range(family)
    )  # fmt: skip

    def draw(rng: np.random.Generator) -> Values:
        values = rng.standard_normal((family, 2, 2, last(seeds))) / 2
        values[:, 1, 1] += effect
        return {VALUE: values.reshape(4 * family, -1)}

    grid = (*numbered(2 * family), *numbered(2, "in"))
    return Situation("interaction", claims, grid, seeds, draw, (effect,) * family)


def along(
    kind: Any, seeds: int | Looks, levels: int, step: float = 0.0, *, discrete: bool = False,
    matters: float = 0.1, says: str = "", limit: float = 0.05,
) -> Situation:  # fmt: skip
    """Claims along an axis, on which a value rises by `step` from each level to the next.

    The standard deviation of a value is 1, or of one discrete what 360 images give.
    """
    family, of = 5, SHARE if discrete else VALUE
    extra = {"per": "unit"} if kind is Trend else {}
    claims = tuple(
        kind(over="x", arm={"claim": i}, direction=way(i), matters=matters, **extra, **common(of))
        for i in range(family)
    )

    def draw(rng: np.random.Generator) -> Values:
        shape = (family, levels, last(seeds))
        if discrete:
            return {of: (rng.binomial(IMAGES, 0.99, shape) / IMAGES).reshape(family * levels, -1)}
        values = rng.standard_normal(shape) + step * np.arange(levels)[:, None]
        return {of: values.reshape(family * levels, -1)}

    truth = step if kind is Trend else mean_tau(step, levels)
    words = says or f"{kind.__name__.lower()} over {levels} levels"
    grid = (*numbered(family, "claim"), axis("x", tuple(range(levels))))
    return Situation(words, claims, grid, seeds, draw, (truth,) * family, limit)


def mean_tau(step: float, levels: int) -> float:
    """Kendall's tau that normal values have on average that rise by `step` standard deviations."""
    apart = np.array([j - i for i in range(levels) for j in range(i + 1, levels)])
    return float(np.mean(2 * stats.norm.cdf(apart * step / math.sqrt(2)) - 1))


def step_of(tau: float, levels: int) -> float:
    return float(optimize.brentq(lambda step: mean_tau(step, levels) - tau, -10.0, 10.0))


def thresholds(seeds: int | Looks) -> Situation:
    claims = tuple(
        Threshold(arm={"arm": i}, level=1.0, direction=way(i), matters=0.1, **common())
        for i in range(5)
    )

    def draw(rng: np.random.Generator) -> Values:
        return {VALUE: 1.0 + rng.standard_normal((5, last(seeds)))}

    return Situation("threshold", claims, numbered(5), seeds, draw, (0.0,) * 5)


def rates(seeds: int | Looks, share: float = 0.5) -> Situation:
    claims = tuple(
        Rate(arm={"arm": i}, event="diverged", than=0.5, direction=way(i), **common())
        for i in range(5)
    )

    def draw(rng: np.random.Generator) -> Values:
        return {VALUE: np.where(rng.random((5, last(seeds))) < share, math.nan, 1.0)}

    says = f"rate of {100 * share:g} % where 50 % is claimed"
    return Situation(says, claims, numbered(5), seeds, draw, (share - 0.5,) * 5, plain=False)


def ranges(seeds: int | Looks) -> Situation:
    """Seeds that are further draws of what 10 runs were published of, whose range is 0 to 1."""
    claims = tuple(Within(arm={"arm": i}, low=0.0, high=1.0, runs=10, **common()) for i in range(5))

    def draw(rng: np.random.Generator) -> Values:
        published, ours = rng.standard_normal((5, 10)), rng.standard_normal((5, last(seeds)))
        low, high = published.min(1, keepdims=True), published.max(1, keepdims=True)
        return {VALUE: (ours - low) / (high - low)}

    says = "published range of 10 runs"
    return Situation(says, claims, numbered(5), seeds, draw, (0.0,) * 5, plain=False)


def tuned(seeds: int | Looks, arm: int, against: int) -> Situation:
    """Trials that are all alike, of which the arms tune over so many rates each.

    A trial's luck has a standard deviation of 2 points, a split's of 1.
    """
    family, rates = 5, tuple(0.001 * 2**i for i in range(7))
    sizes = tuple(range(1, 2 * family + 1))
    among = {size: rates[: against if size % 2 else arm] for size in sizes}
    grid = axis("batch_size", sizes), axis("optimizer.lr", among, per="batch_size")
    claims = tuple(
        Difference(
            arm={"batch_size": 2 * i + 2}, against={"batch_size": 2 * i + 1}, direction=way(i),
            matters=0.005, **common(TEST),
        )
        for i in range(family)
    )  # fmt: skip

    def draw(rng: np.random.Generator) -> Values:
        shape = (family * (arm + against), last(seeds))
        luck = 0.8 + 0.02 * rng.standard_normal(shape)
        return {name: luck + 0.01 * rng.standard_normal(shape) for name in (TEST, VALIDATION)}

    says = f"tuned over {arm} levels against {against}"
    return Situation(says, claims, grid, seeds, draw, (0.0,) * family, tuned=True, plain=False)


def lost(seeds: int | Looks, share: float, of: str) -> Situation:
    """Arms alike, of one of which the worst seeds diverge."""
    family = 5
    claims = pairs(Difference, of, family, 0.002)

    def draw(rng: np.random.Generator) -> Values:
        luck = rng.standard_normal((2 * family, last(seeds)))
        luck[1::2][luck[1::2] < stats.norm.ppf(share)] = math.nan
        sign = 1 if METRICS[of].better != "lower" else -1
        return {of: 0.8 + 0.02 * sign * luck}

    says = f"the worst {share:.0%} of one arm's seeds diverge, {METRICS[of].words}"
    grid = numbered(2 * family)
    return Situation(says, claims, grid, seeds, draw, (0.0,) * family, plain=False)


def targets(seeds: int | Looks, never: float, factor: float = 1.0) -> Situation:
    """Epochs to a target, whole ones, that a share of seeds of the slower arm never come to."""
    family = 5
    claims = pairs(Difference, EPOCHS, family, 1.0)

    def draw(rng: np.random.Generator) -> Values:
        epochs = 20 * np.exp(0.3 * rng.standard_normal((2 * family, last(seeds))))
        epochs[1::2] *= factor
        most = 20 * math.exp(0.3 * stats.norm.isf(never))
        return {EPOCHS: np.where(epochs > most, math.inf, np.ceil(epochs))}

    # Of an arm that is twice as slow, nine seeds in ten never come: the median is later than all.
    truth = 0.0 if factor == 1.0 else math.inf
    slower = ", one arm twice as slow" if factor != 1.0 else ""
    says = f"epochs to a target that {never:.0%} never reach{slower}"
    grid = numbered(2 * family)
    return Situation(says, claims, grid, seeds, draw, (truth,) * family, plain=False)


# --- Verdicts --------------------------------------------------------------------------------


def records_of(grid: Grid, trials: Sequence[Trial], values: Values) -> Iterator[Record]:
    """Yield the records of a grid's trials, which come seed by seed."""
    for i, trial in enumerate(trials):
        seed, cell = divmod(i, len(grid.cells))
        yield record(trial, {name: float(one[cell, seed]) for name, one in values.items()})


def record(trial: Trial, measured: Mapping[str, float], id: str = "") -> Record:
    final = {name: value for name, value in measured.items() if math.isfinite(value)}
    diverged = any(math.isnan(value) for value in measured.values())
    status = Status.DIVERGED if diverged else Status.FINISHED
    return Record(
        id=id or trial.id, study="t", part="main", cell=trial.cell, recipe={}, seed=trial.seed,
        alone=False, outcome=Outcome(status=status, final=final), provenance=NOWHERE,
    )  # fmt: skip


def families_of(situation: Situation, families: int, seed: int = 0) -> Iterator[list[Finding]]:
    """Draw so many families and yield their findings."""
    study = situation.study
    grids = study.grids()
    trials, rng = study.trials(grids), np.random.default_rng(seed)
    for _ in range(families):
        records = records_of(grids[0], trials, situation.draw(rng))
        yield look_at(study, grids, trials, records).findings


FINISHED = str(Status.FINISHED)
NO_ARM: Any = None  # what an arm measured, where only how many there are is asked


@dataclass(frozen=True)
class Judged:
    """What a finding says, of a claim that was judged without records."""

    claim: Claim
    verdict: Verdict
    reason: str
    interval: tuple[float, float]
    n: int

    @property
    def is_open(self) -> bool:
        return self.verdict in (Verdict.UNDECIDED, Verdict.SIZE_OPEN)


def judged(situation: Situation, families: int, seed: int = 0) -> Iterator[list[Judged]]:
    """Yield what `families_of` would say, ten times as fast: no trial is lost, and none tuned.

    The contrasts, tests, corrections and decisions are those of `suite.evidence`; what is written
    again here is the way of a claim through its looks. A test holds the two against each other.
    """
    grid = situation.study.grids()[0]
    rng, counts, weights = np.random.default_rng(seed), [last(situation.seeds)], [1.0]
    if isinstance(situation.seeds, Looks):
        counts, weights = list(situation.seeds.counts), list(situation.seeds.weights)
    of = situation.claims[0].of
    cells = {tuple(cell.items()): i for i, cell in enumerate(grid.cells)}
    over = situation.claims[0].along
    levels = grid.axis(over).levels if over else ()
    for _ in range(families):
        values = situation.draw(rng)[of]
        measured = []
        for claim in situation.claims:
            named = arms(claim, levels).values()
            at = [cells[tuple((one.path, arm[one.path]) for one in grid.axes)] for arm in named]
            seeds = pd.DataFrame(values[at].T)
            named = dict.fromkeys(map(str, at), NO_ARM)
            measured.append(Measured(named, seeds, contrast(claim, seeds, levels)))
        yield _through_looks(situation, measured, values, levels, counts, weights)


def _through_looks(
    situation: Situation,
    measured: Sequence[Measured],
    values: Any,
    levels: tuple[Any, ...],
    counts: Sequence[int],
    weights: Sequence[float],
) -> list[Judged]:
    claims = situation.claims
    tests: list[list[tuple[int, Test]]] = [[] for _ in claims]
    found: dict[int, Judged] = {}
    going = set(range(len(claims)))
    for count, weight in zip(counts, weights, strict=True):
        rows = pd.DataFrame({"status": FINISHED, claims[0].of: values[:, :count].ravel()})
        for i in going:
            seen, grain = measured[i].contrast[:count], grain_of(claims[i], rows, levels)
            one = dataclasses.replace(measured[i], contrast=seen, grain=grain)
            tests[i].append((count, effects.test(claims[i], one, weight)))
        adjusted = {
            name: holm([min(getattr(test, name) for _, test in some) for some in tests])
            for name in LEVELS
        }
        sharing = [
            sum(p >= LEVELS[name] for p in adjusted[name]) for name in ("p_beyond", "p_margin")
        ]
        going = set()
        for i, claim in enumerate(claims):
            if i in found and not found[i].is_open:
                continue
            ps = Test(**{name: adjusted[name][i] for name in LEVELS})
            # A claim may be decided by an earlier look's p value, whose interval it then shows.
            decisive = (
                name for name in ("p_beyond", "p_margin") if adjusted[name][i] < LEVELS[name]
            )
            name = next(decisive, None)
            look = int(np.argmin([getattr(one, name) for _, one in tests[i]])) if name else -1
            n, test = tests[i][look]
            found[i] = Judged(claim, *effects.decide(claim, test, ps), from_scale(claim, test), n)
            if found[i].is_open and n < counts[-1]:
                forecast = Forecast(n, test.estimate, test.sd, claim.margin, *sharing)
                chance = forecast.chance(counts[-1] - n, weights[-1]) if test.sd > 0 else 1.0
                going |= {i} if chance >= LEAST_CHANCE else set()
        if not going:
            break
    return [found[i] for i in range(len(claims))]


def from_scale(claim: Claim, test: Test) -> tuple[float, float]:
    return (math.exp(test.low), math.exp(test.high)) if claim.by_ratio else (test.low, test.high)


def errors(finding: Finding | Judged, truth: float) -> set[str]:
    """Return in which of three ways a verdict is false: of size, of an effect, of smallness."""
    claim, verdict, found = finding.claim, finding.verdict, set[str]()
    if isinstance(claim, Within):
        return {"size"} if verdict is Verdict.REFUTED else set()
    margin = 0.0 if isinstance(claim, Rate) else claim.margin
    if isinstance(claim, Equivalence):
        if verdict is Verdict.SUPPORTED and abs(truth) >= margin:
            return {"small"}
        return {"size"} if verdict is Verdict.REFUTED and abs(truth) <= margin else set()
    truth = truth if claim.direction == "higher" else -truth
    if verdict is Verdict.NO_EFFECT:
        return {"small"} if abs(truth) >= margin else set()
    if verdict is Verdict.SUPPORTED or finding.reason == Reason.SIZE_AS_CLAIMED:
        found |= {"effect"} if truth <= 0 else set()
        found |= {"size"} if verdict is Verdict.SUPPORTED and truth <= margin else set()
    if verdict is Verdict.REFUTED or finding.reason == Reason.SIZE_OTHER_WAY:
        found |= {"effect"} if truth >= 0 else set()
        found |= {"size"} if verdict is Verdict.REFUTED and truth >= -margin else set()
    return found


@dataclass(frozen=True)
class Rates:
    """What became of many families of claims.

    Attributes:
        wrong: share of families with a verdict that is false, in whatever way.
        sized: share of families with a false *supported* or *refuted*, whichever way.
        covered: share of 95 % intervals that hold the true effect; NaN where there are none.
        decided: share of claims that are decided, and rightly.
        seeds: mean number of seeds that a claim took.
    """

    families: int
    wrong: float
    sized: float
    covered: float
    decided: float
    seeds: float


def simulate(situation: Situation, families: int, seed: int = 0) -> Rates:
    """Judge so many families, and hold the verdicts against the truth."""
    wrong, sized, covered, decided, seeds = [], [], [], [], []
    drawn: Any = judged if situation.plain else families_of
    # Advice changes no verdict, and takes as long as one.
    with mock.patch("suite.evidence.findings.Forecast.seeds_needed", return_value=0):
        for family in drawn(situation, families, seed):
            told = list(zip(family, situation.truths, strict=True))
            each = [errors(*one) for one in told]
            wrong.append(any(each))
            sized.append(any("size" in one for one in each))
            covered += [holds(*one) for one in told]
            decided += [not one and not of.is_open for one, of in zip(each, family, strict=True)]
            seeds += [finding.n for finding in family]
    known = [one for one in covered if one is not None]
    return Rates(
        families,
        float(np.mean(wrong)),
        float(np.mean(sized)),
        float(np.mean(known)) if known else math.nan,
        float(np.mean(decided)),
        float(np.mean(seeds)),
    )


def holds(finding: Finding | Judged, truth: float) -> bool | None:
    """Whether the interval holds the truth; None where there is none, or no truth of its kind."""
    low, high = finding.interval
    if isinstance(finding.claim, Within) or math.isnan(low):
        return None
    if finding.claim.by_ratio:
        truth = math.exp(truth)
    if isinstance(finding.claim, Rate):
        truth += finding.claim.than
    # Rounded, as equal ends of a claim without spread are.
    return bool(low - 1e-9 <= truth <= high + 1e-9)


# --- Advice ----------------------------------------------------------------------------------


def advised(n: int, family: int, families: int, seed: int = 0) -> list[tuple[int, bool]]:
    """Return for each open claim how many more seeds it is said to take, and if those decide it.

    Effects are a tenth to ten times what matters, standard deviations a fifth to three times, both
    as likely in every order of magnitude. The other claims of a family stay as they were.
    """
    situation = differences("", n, family=family)
    study = situation.study
    grids = study.grids()
    rng, found = np.random.default_rng(seed), []

    def records(values: Sequence[Any]) -> Iterator[Record]:
        for cell, of_seed in zip(grids[0].cells, values, strict=True):
            for seed, value in enumerate(of_seed):
                trial = Trial("t", "main", cell, NOTHING, seed)
                yield record(trial, {VALUE: float(value)}, f"{cell}/{seed}")

    for _ in range(families):
        effects = np.exp(rng.uniform(math.log(0.1), math.log(10.0), family))
        sds = np.exp(rng.uniform(math.log(0.2), math.log(3.0), family))
        values: list[Any] = []
        for effect, sd in zip(effects, sds, strict=True):
            against = rng.standard_normal(n)
            values += [against, against + rng.normal(effect, sd, n)]
        for i, finding in enumerate(look_at(study, grids, (), records(values)).findings):
            if finding.more_seeds is None:
                continue
            more, against = finding.more_seeds, rng.standard_normal(finding.more_seeds)
            now = list(values)
            arm = against + rng.normal(effects[i], sds[i], more)
            now[2 * i] = np.append(values[2 * i], against)
            now[2 * i + 1] = np.append(values[2 * i + 1], arm)
            with mock.patch("suite.evidence.findings.Forecast.seeds_needed", return_value=0):
                again = look_at(study, grids, (), records(now)).findings[i]
            found.append((more, not again.is_open))
    return found


BANDS = ((1, 999), (1, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, 300), (301, 999))


# --- The tables ------------------------------------------------------------------------------

WIDE: tuple[int | Looks, ...] = (3, 5, 10, 20, LOOKS)
NARROW: tuple[int | Looks, ...] = (5, 16, LOOKS)
Made = Callable[[int | Looks], Situation]


def no_effect() -> Iterator[Made]:
    for name, noise in NOISES.items():
        yield lambda n, name=name, noise=noise: differences(name, n, noise=noise, matters=0.1)
    yield lambda n: differences("normal, 15 claims", n, matters=0.1, family=15)
    yield lambda n: differences("normal, a ratio", n, matters=0.1, ratio=True)
    yield lambda n: images("accuracy on 360 images, arms differ in 7", n, 0.01)
    yield lambda n: images("accuracy on 360 images, arms differ in 1 or 2", n, 0.002)
    yield lambda n: images("the same, 15 claims", n, 0.002, 15)
    yield interactions
    yield lambda n: along(Trend, n, 5)
    yield lambda n: along(Trend, n, 3, discrete=True, matters=0.001, says="trend of accuracies")
    yield thresholds
    for levels in (2, 3, 5):
        yield lambda n, levels=levels: along(Ordering, n, levels, matters=0.1)
    yield rates
    yield ranges


def near_margin() -> Iterator[Made]:
    for family in (5, 10, 15):
        yield lambda n, family=family: differences(
            f"effect .95 of what matters, {family} claims",
            n,
            effect=0.95,
            family=family,
            limit=0.01,
        )
    for effect in (0.5, 0.75, 1.0, 2.0, 3.0):
        yield lambda n, effect=effect: differences(
            f"effect {effect:g} of what matters",
            n,
            effect=effect,
            # At what matters two tests can err: 2.5 % "it is larger", 5 % "it is smaller".
            limit=0.01 if effect < 1 else 0.075,
        )
    for effect in (0.0, 0.5, 0.75, 0.95, 2.0):
        yield lambda n, effect=effect: differences(
            f"equivalence, {effect:g} of its margin", n, effect=effect, kind=Equivalence,
            limit=0.01 if effect < 1 else 0.05,
        )  # fmt: skip
    for sign, words in ((1, "skewness 1.75"), (-1, "skewness -1.75")):
        yield lambda n, sign=sign, words=words: differences(
            f"{words}, effect .95", n, effect=0.95, limit=0.01,
            noise=lambda rng, shape: sign * skewed(rng, shape),
        )  # fmt: skip
    for levels in (2, 3, 5):
        step = step_of(0.95 * 0.5, levels)
        yield lambda n, levels=levels, step=step: along(
            Ordering, n, levels, step, matters=0.5, limit=0.01,
            says=f"ordering over {levels} levels, tau .95 of what matters",
        )  # fmt: skip
    yield lambda n: rates(n, 0.95)


def trouble() -> Iterator[Made]:
    yield lambda n: tuned(n, 5, 5)
    yield lambda n: tuned(n, 7, 1)
    for of in (SHARE, LOSS):
        for share in (0.1, 0.2, 0.4):
            yield lambda n, of=of, share=share: lost(n, share, of)
    yield lambda n: targets(n, 0.2)
    yield lambda n: targets(n, 0.2, 2.0)


@dataclass(frozen=True)
class Table:
    title: str
    seeds: tuple[int | Looks, ...]
    made: Callable[[], Iterator[Made]]


TABLES = (
    Table("No effect", WIDE, no_effect),
    Table("Effects near what matters", NARROW, near_margin),
    Table("Tuned, lost, never reached", NARROW, trouble),
)
SLOW = 5  # times fewer families where trials are lost or tuned, or ranks correlated


def cell(table: int, i: int, n: int | Looks, families: int) -> tuple[str, str]:
    """Return the words of a row and what one of its cells says."""
    situation = list(TABLES[table].made())[i](n)
    slow = not situation.plain or isinstance(situation.claims[0], Ordering)
    few = max(1, families // SLOW) if slow else families
    return situation.says, shown(situation, simulate(situation, few, seed=i))


def shown(situation: Situation, rates: Rates) -> str:
    """Return a cell; bold is what is worse than it should be by more than luck."""
    events, claims = round(rates.wrong * rates.families), rates.families * len(situation.claims)
    more = stats.binomtest(events, rates.families, situation.limit, alternative="greater")
    wrong = f"{rates.wrong:.1%}"
    words = [f"**{wrong}**" if more.pvalue < 0.01 else wrong]
    covered, least = f"{rates.covered:.0%}", 0.95 - 2.33 * math.sqrt(0.0475 / claims)
    if math.isnan(rates.covered):
        words.append("–")
    else:
        words.append(f"**{covered}**" if rates.covered < least else covered)
    return " · ".join([*words, f"{rates.decided:.0%}"])


def advice_line(n: int, family: int, families: int) -> str:
    found = advised(n, family, families)

    def share(low: int, high: int) -> str:
        some = [decided for more, decided in found if low <= more <= high]
        return f"{np.mean(some):.0%} of {len(some)}" if len(some) > 9 else ""

    return f"| {n} | {family} | " + " | ".join(share(*band) for band in BANDS) + " |"


def main(families: int) -> None:
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        tables = [
            [[pool.submit(cell, t, i, n, families) for n in table.seeds] for i in range(rows)]
            for t, table in enumerate(TABLES)
            for rows in [len(list(table.made()))]
        ]
        advice = [
            pool.submit(advice_line, n, family, families // family)
            for family in (1, 5)
            for n in (5, 10)
        ]
        for table, rows in zip(TABLES, tables, strict=True):
            heads = [f"{n} seeds" if isinstance(n, int) else str(n) for n in table.seeds]
            print(f"\n### {table.title}\n\n| | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}")
            for cells in rows:
                words = [one.result() for one in cells]
                print(f"| {words[0][0]} | {' | '.join(one for _, one in words)} |", flush=True)
        bands = " | ".join(f"{low} to {high}" for low, high in BANDS[1:])
        print(f"\n### More seeds, measured\n\n| seeds | claims | any k | {bands} |\n|{'---|' * 11}")
        for one in advice:
            print(one.result(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
