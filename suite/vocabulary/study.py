"""A study: the question, the grid of trials that answers it, and the claims made beforehand."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY
from typing import Any, ClassVar, Literal, get_args

from suite.ground.errors import RequestError, nearest
from suite.ground.fields import number, vocabulary
from suite.ground.identity import canonical, digest
from suite.vocabulary.claims import Arm, Boundary, Claim, Counted, Identity, Slope, Trend, arms
from suite.vocabulary.components import names_here, within
from suite.vocabulary.grid import (
    Axis,
    Changes,
    Grid,
    Trial,
    in_context,
    keep_levels,
    keep_only,
    seeds_of,
)
from suite.vocabulary.looks import MOST_SEEDS, Looks
from suite.vocabulary.metrics import (
    METRICS,
    SPLITS,
    check_accuracy,
    check_metric,
    check_written,
    chosen_axis,
    is_timed,
)
from suite.vocabulary.recipe import ProbeFunction, Recipe
from suite.vocabulary.views import View

Tier = Literal["smoke", "laptop", "full"]
TIERS: tuple[Tier, ...] = ("smoke", "laptop", "full")
STOPPING = ("stopping/epochs", "stopping/best_epoch", "cost/looks")
MAIN = "main"
NOTES = "notes"  # the notebook of a study that names none
FOLKLORE = "folklore"
OWN = "own"  # what `suite new` and `suite try` write down
# Of a split; the last only where each position is asked for a class.
OBSERVED = {"loss", "accuracy", "calibration_error", "bits_per_symbol"}
OF_CLASSES = {"accuracy", "calibration_error", "cross_entropy"}
NOT_TUNED = (*get_args(Counted), Identity)
NAME_LEVELS = ("arm", "against", "within", "without", "where")


@vocabulary
class Target:
    """A level of a validation metric whose price, in steps, examples and seconds, is measured."""

    metric: str
    level: float

    def check(self) -> None:
        check_metric(self.metric)
        check_accuracy(self.metric, "level", self.level)
        better = METRICS[self.metric].better
        if not self.metric.startswith("validation/") or better == "neither":
            raise RequestError(
                f"Target.metric must be a validation metric of which more, or less, is better, not "
                f"'{self.metric}'"
            )

    def reached(self, value: float) -> bool:
        better = METRICS[self.metric].better
        return value >= self.level if better == "higher" else value <= self.level


@vocabulary
class Part:
    """A second grid of the same study, described by how it departs from the main one.

    Attributes:
        name: a word that claims, views and overrides use.
        changes: values by dotted path, replacing the study's.
        grid: its axes.
        seeds: how many, or `looks(…)`; None takes the study's.
        alone: run its trials one at a time with nothing beside them, so that seconds mean
            something.
        probe: a function of cell and seed, at the top level of the study's file, that is called
            instead of training; its axes are then names of its own. An axis `devices` has it
            called in that many processes, connected by torch.distributed; the first one's
            measurements count.
        tiers: where it is run. At another tier it has no trials, and its claims stay undecided:
            a published number, say, can be met on the published data only.
    """

    name: str
    _: KW_ONLY
    changes: Changes = dataclasses.field(default_factory=dict)
    grid: tuple[Axis, ...] = ()
    seeds: int | Looks | None = number(default=None, low=1, high=MOST_SEEDS)
    alone: bool = False
    probe: ProbeFunction | None = None
    tiers: tuple[Tier, ...] = TIERS


@vocabulary
class Study:
    """A question about training, and everything needed to answer it.

    Attributes:
        title: the question in a few words.
        question: what a reader wants to know, in a sentence or two.
        notebook: the collection that it belongs to: `notes`, a student's; `folklore`, what
            practitioners tell each other; `own`; or any other word.
        notes: the chapter of the notes it comes from.
        recipe: what every trial shares.
        grid: what varies.
        seeds: how many independent replicates of the whole grid, or `looks(5, 10, 20)`: at each
            the claims are judged, and only what undecided ones read goes on.
        select: the validation metric on which an axis that a claim leaves out is tuned; or
            `target/steps`, `target/epochs` or `target/examples`: the level that reaches the target
            soonest on validation.
        target: the level whose price is measured, if any.
        claims: fixed before the run.
        views: the figures of its page.
        parts: further grids.
        contexts: by name, changes by dotted path under which claims that ask for it are put to the
            test once more: other data, another network, `{"fashion": {"data.name": "fashion_mnist"}}`.
            Its trials are those that these claims read; `part@context` is what overrides call them.
        tiers: changes by dotted path, for each tier that differs from the file as written.
        probe: as in Part, where the main grid trains nothing.
        name: the name of its file; `source` is a digest of its text.
        docstring: that of its file: method, what was changed when, what is not here.
        revised: parts whose claims, levels or seeds were changed after their results had been seen:
            their verdicts carry a mark.
    """

    title: str
    _: KW_ONLY
    question: str = ""
    notebook: str = NOTES
    notes: str = ""
    recipe: Recipe = Recipe()
    grid: tuple[Axis, ...] = ()
    seeds: int | Looks = number(default=5, low=1, high=MOST_SEEDS)
    select: str = "validation/accuracy"
    target: Target | None = None
    claims: tuple[Claim, ...] = ()
    views: tuple[View, ...] = ()
    parts: tuple[Part, ...] = ()
    contexts: Mapping[str, Changes] = dataclasses.field(default_factory=dict)
    tiers: Mapping[str, Changes] = dataclasses.field(default_factory=dict)
    probe: ProbeFunction | None = None
    name: str = ""
    source: str = ""
    docstring: str = ""
    revised: tuple[str, ...] = ()
    _names: ClassVar[Mapping[str, Any]]  # that its file can write, for overrides to name
    _kept: ClassVar[dict[str, tuple[Grid, ...]]]  # the grids of each tier as the file has them

    def check(self) -> None:
        check_metric(self.select)
        if not self.select.startswith(("validation/", "target/")) or is_timed(self.select):
            raise RequestError(
                f"Study.select must be a validation metric, or what the target costs in steps, epochs "
                f"or examples, not '{self.select}'"
            )
        check_written(self.notebook, "a notebook")
        object.__setattr__(self, "_names", names_here())
        object.__setattr__(self, "_kept", {})
        if self.recipe.loss.values and self.select.endswith("accuracy"):
            raise RequestError("a regression has no accuracy: Study.select must be validation/loss")
        for tier in self.tiers:
            if tier not in TIERS:
                raise RequestError(f"there is no tier '{tier}' {nearest(tier, TIERS)}")
        self._check_parts()
        self._check_probes()
        self._check_contexts()
        for tier in TIERS:
            self.grids(tier)
        self._check_claims_and_views()
        self._check_claims_in_contexts()

    def found(self, **where: str) -> Study:
        """Return the study with what only its file says; all else has been checked."""
        same = copy.copy(self)
        for name, value in where.items():
            object.__setattr__(same, name, value)
        return same

    @property
    def claims_digest(self) -> str:
        """Sixteen hexadecimal digits that change with any word or number of any claim."""
        return digest([[type(claim).__name__, canonical(claim)] for claim in self.claims])

    def _check_probes(self) -> None:
        """Refuse what a worker, which finds a probe by its name, would not find or take for another."""
        known: dict[str, ProbeFunction] = {}
        for probe in filter(None, (self.probe, *(part.probe for part in self.parts))):
            name = getattr(probe, "__name__", "")
            if not name:
                raise RequestError(f"a probe is a function of the study's file, not {probe!r}")
            if known.setdefault(name, probe) is not probe:
                raise RequestError(f"two probes are called '{name}': give each a name of its own")

    def _check_parts(self) -> None:
        taken = [MAIN, *(field.name for field in dataclasses.fields(Recipe))]
        for name in self.contexts:
            taken += [in_context(part, name) for part in (MAIN, *(one.name for one in self.parts))]
        for part in self.parts:
            if part.name in taken:
                raise RequestError(f"a part cannot be called '{part.name}': that name is taken")
            taken.append(part.name)
        parts = [MAIN, *(part.name for part in self.parts)]
        for name in self.revised:
            if name not in parts:
                raise RequestError(
                    f"Study.revised: there is no part '{name}' {nearest(name, parts)}"
                )

    def _check_contexts(self) -> None:
        for name, changes in self.contexts.items():
            check_written(name, "a context")
            if not isinstance(changes, Mapping) or not changes:
                raise RequestError(
                    f"context '{name}' needs changes by dotted path, not {changes!r}"
                )
        for claim in self.claims:
            for name in claim.contexts:
                if name not in self.contexts:
                    raise RequestError(
                        f"claim '{claim.says}': there is no context '{name}' "
                        f"{nearest(name, self.contexts)}"
                    )

    def _contexts_of(self, part: str) -> list[str]:
        """Return the contexts in which a part's claims are asked too, in the study's order."""
        asked = {name for claim in self.claims if claim.part == part for name in claim.contexts}
        return [name for name in self.contexts if name in asked]

    def _check_measurable(self, metric: str, grid: Grid, who: str) -> None:
        if metric.startswith("train/running_"):
            raise RequestError(f"{who}: '{metric}' has curves only, no final value")
        if metric.startswith("target/") and self.target is None:
            raise RequestError(f"{who}: '{metric}' needs the study to have a target")
        if metric in STOPPING and grid.probe is None and grid.recipe.budget.patience is None:
            raise RequestError(f"{who}: '{metric}' needs a budget with patience")
        if is_timed(metric) and not grid.alone and grid.probe is None:
            raise RequestError(f"{who}: '{metric}' needs a part whose trials run alone")
        if chosen := chosen_axis(metric):
            if grid.probe is not None:
                raise RequestError(
                    f"{who}: '{metric}' needs tuning, and of a probe nothing is tuned"
                )
            if not grid.axis(chosen, f"{who}: '{metric}': ").in_numbers:
                raise RequestError(f"{who}: '{metric}' needs an axis whose levels are numbers")
        if grid.probe is not None or chosen:
            return
        split, _, name = metric.partition("/")
        name, shifted, _ = name.partition("/")
        if shifted and name not in {one.name for one in grid.recipe.shifts}:
            raise RequestError(f"{who}: '{metric}' needs '{name}' among the recipe's shifts")
        if name == "bits_per_symbol" and grid.recipe.data.by_position is False:
            data = grid.recipe.data.name
            raise RequestError(f"{who}: '{metric}' needs a class a position, not data '{data}'")
        if name in OF_CLASSES and any(loss.values for loss in grid.losses):
            raise RequestError(
                f"{who}: part '{grid.name}' has values, not classes, and no '{metric}'"
            )
        own = {one.name for one in grid.recipe.metrics}
        if split in SPLITS and not shifted and name not in OBSERVED | own:
            raise RequestError(f"{who}: '{metric}' needs '{name}' among the recipe's metrics")

    def _check_claims_and_views(self) -> None:
        grids = self.grids()
        as_written = [grid for grid in grids if not grid.context]
        for name, known in (("claims", as_written), ("views", grids)):
            said = tuple(_in_form(item, _named(known, item.part)) for item in getattr(self, name))
            object.__setattr__(self, name, said)
        for grid in grids:
            self._check_measurable(self.select, grid, "Study.select")
            if self.target:
                self._check_measurable(self.target.metric, grid, "Study.target")
        for claim in self.claims:
            self._check_claim(claim, _named(grids, claim.part))
        for view in self.views:
            _check_view(view, _named(grids, view.part))

    def _check_claims_in_contexts(self) -> None:
        """Refuse a context that changes nothing, or in which a claim that asks cannot be tested."""
        for tier in TIERS:
            by_name = {grid.name: grid for grid in self.grids(tier)}
            for grid in (one for one in by_name.values() if one.context):
                asking = self._asking(grid)
                part = _read_by(by_name[grid.part], asking)
                if tier == "laptop" and (grid.recipe, grid.later, grid.axes) == (
                    part.recipe,
                    part.later,
                    part.axes,
                ):
                    raise RequestError(
                        f"context '{grid.context}' changes nothing of part '{part.name}'"
                    )
                for claim in asking:
                    who = f"claim '{claim.says}' in context '{grid.context}'"
                    of_loss = claim.of.partition("/")[2].partition("/")[0] == "loss"
                    if of_loss and grid.recipe.loss != part.recipe.loss:
                        raise RequestError(f"{who}: '{claim.of}' is of another loss there")
                    for metric in (claim.of, *([] if grid.probe else [self.select])):
                        self._check_measurable(metric, grid, who)
                if tier == "laptop":
                    for claim in asking:
                        self._check_claim(claim, grid)

    def _asking(self, grid: Grid) -> list[Claim]:
        """Return the claims for which the grid of a context is there."""
        return [
            claim
            for claim in self.claims
            if claim.part == grid.part and grid.context in claim.contexts
        ]

    def _check_claim(self, claim: Claim, grid: Grid) -> None:
        who = f"claim '{claim.says}'"
        who += f" in context '{grid.context}'" if grid.context else ""
        levels = grid.axis(claim.along).levels if claim.along else ()
        self._check_measurable(claim.of, grid, who)
        named = (getattr(claim, name, {}) for name in NAME_LEVELS)
        if claim.along and any(claim.along in one for one in named):
            raise RequestError(f"{who} cannot hold the axis that it runs along: '{claim.along}'")
        compared = list(arms(claim, levels).values())
        if any(one == other for one, other in itertools.combinations(compared, 2)):
            raise RequestError(f"{who} compares an arm with itself")
        for arm in compared:
            for path, level in arm.items():
                grid.check_level(path, level, who)
            if not grid.has(arm):
                said = ", ".join(f"{path}={level}" for path, level in arm.items())
                raise RequestError(f"{who}: no trial has {said}: one level depends on another")
        self._check_scale(claim, grid, compared, who)
        chosen = chosen_axis(claim.of)
        if chosen and (any(chosen in arm for arm in compared) or isinstance(claim, NOT_TUNED)):
            raise RequestError(f"{who}: '{claim.of}' needs arms in which '{chosen}' is tuned")
        for arm in compared:
            free = [one.path for one in grid.axes if one.path not in arm and len(one.levels) > 1]
            tunes = not (isinstance(claim, Counted) or grid.probe) or isinstance(claim, Identity)
            if free and not tunes:
                raise RequestError(f"{who} must name a level of {free[0]}: nothing is tuned")
        if isinstance(claim, Boundary) and not (
            min(levels) <= claim.low and claim.high <= max(levels)
        ):
            raise RequestError(
                f"{who}: the range from {claim.low:g} to {claim.high:g} reaches beyond the levels of "
                f"'{claim.over}', {min(levels):g} to {max(levels):g}"
            )

    def _check_scale(self, claim: Claim, grid: Grid, compared: list[Arm], who: str) -> None:
        """Refuse to compare losses of several kinds, or to tune by them: each has its own scale."""
        kinds = [one.path for one in grid.axes if _is_of_loss(one) and len(one.levels) > 1]
        for path in kinds:
            tuned = not all(path in arm for arm in compared)
            differ = tuned or len({repr(arm[path]) for arm in compared}) > 1
            metrics = (claim.of if differ else "", self.select if tuned and not grid.probe else "")
            for metric in metrics:
                split, _, name = metric.partition("/")
                if name.partition("/")[0] == "loss":
                    raise RequestError(
                        f"{who}: '{metric}' has another scale at each level of axis '{path}': take "
                        f"'{split}/cross_entropy', with metrics=('cross_entropy',) in the recipe"
                    )

    def grids(
        self,
        tier: str = "laptop",
        *,
        overrides: Changes | None = None,
        only: Mapping[str, tuple[Any, ...]] | None = None,
        seeds: int | None = None,
    ) -> tuple[Grid, ...]:
        """Return the grids at a tier: the file as written, then the tier's, part's and user's changes.

        `only` keeps the named levels of an axis; an `overrides` entry for an axis replaces its
        levels, so that `batch_size=64` asks for that batch size and no other.
        """
        as_written = not (overrides or only or seeds)
        if as_written and tier in self._kept:
            return self._kept[tier]
        with within(self._names):
            grids = self._grids(tier, overrides or {}, seeds)
            self._check_trends(grids)
            grids = keep_only(grids, only or {})
        if as_written:
            self._kept[tier] = grids
        return grids

    def _grids(self, tier: str, overrides: Changes, seeds: int | None) -> tuple[Grid, ...]:
        if tier not in TIERS:
            raise RequestError(f"there is no tier '{tier}' {nearest(tier, TIERS)}")
        parts = (Part(MAIN, grid=self.grid, probe=self.probe), *self.parts)
        places = [(part, "") for part in parts]
        places += [(part, name) for part in parts for name in self._contexts_of(part.name)]
        names = [in_context(part.name, name) if name else part.name for part, name in places]
        tier_changes = _split(self.tiers.get(tier, {}), names)
        user_changes = _split(overrides, names)
        varied = frozenset(known.path for part in parts for known in part.grid)
        grids = []
        for (part, context), name in zip(places, names, strict=True):
            seeds_of_part = seeds_of(part.seeds or self.seeds)
            grid = Grid(
                name,
                self.recipe,
                part.grid,
                alone=part.alone,
                probe=part.probe,
                **seeds_of_part,
            )
            grid.check_dependence()
            own = dict(self.contexts[context]) if context else {}
            if "seeds" in tier_changes[MAIN]:  # how many a tier can bear is the tier's to say
                own.pop("seeds", None)
            try:
                for changes in (
                    tier_changes[MAIN],
                    part.changes,
                    tier_changes[part.name] if part.name != MAIN else {},
                    own,
                    tier_changes[name] if context else {},
                    _beside(own, user_changes[MAIN]),
                    _beside(own, user_changes[part.name]) if part.name != MAIN else {},
                    user_changes[name] if context else {},
                    {"seeds": seeds} if seeds else {},
                ):
                    grid = grid.changed(changes, varied)
                if tier not in part.tiers:
                    grid = dataclasses.replace(grid, seeds=0, looks=None)
                grid = dataclasses.replace(grid.settled(), context=context)
                if context:
                    grid = _read_by(grid, self._asking(grid))
                    grid.check_cells()
            except RequestError as error:
                if not context:
                    raise
                raise RequestError(f"context '{context}', part '{part.name}': {error}") from None
            grids.append(grid)
        return tuple(grids)

    def check_reach(self, overrides: Changes) -> None:
        """Refuse a change that reaches no trial: a probe has axes, and no field of a recipe."""
        parts = {MAIN: Part(MAIN, grid=self.grid, probe=self.probe)}
        parts |= {part.name: part for part in self.parts}
        for path in overrides:
            head, _, rest = path.partition(".")
            reached = [parts[head]] if head in parts and rest else list(parts.values())
            name = rest if head in parts and rest else path
            if name != "seeds" and all(part.probe for part in reached):
                axes = [known.path for part in reached for known in part.grid]
                if name not in axes:
                    raise RequestError(
                        f"study '{self.name}' trains nothing that '{path}' could be set of: its "
                        f"probes have no axis '{name}' {nearest(name, axes)}"
                    )

    def _check_trends(self, grids: Iterable[Grid]) -> None:
        by_name = {grid.name: grid for grid in grids}
        for claim in self.claims:
            places = [in_context(claim.part, name) for name in claim.contexts]
            for name in (claim.part, *places):
                if not isinstance(claim, Trend | Slope | Boundary) or name not in by_name:
                    continue
                levels = by_name[name].axis(claim.over).levels
                if not all(isinstance(level, int | float) for level in levels):
                    what = "boundary" if isinstance(claim, Boundary) else "slope"
                    raise RequestError(f"axis '{claim.over}' has no numbers, and so no {what}")
                low = min(levels)
                if not isinstance(claim, Boundary) and low <= 0 and claim.per != "unit":
                    raise RequestError(
                        f"axis '{claim.over}' needs levels above 0 for a slope per {claim.per}, "
                        f"not {low}"
                    )

    def trials(self, grids: Iterable[Grid]) -> tuple[Trial, ...]:
        """Return every trial of the grids, seed by seed."""
        return tuple(trial for grid in grids for trial in grid.trials(self.name, self.source))


def _is_of_loss(axis: Axis) -> bool:
    """Whether an axis changes what is minimised."""
    paths = (path for level in axis.levels for path in axis.changes(level))
    return any(path.partition(".")[0] == "loss" for path in paths)


def _named(grids: Iterable[Grid], name: str) -> Grid:
    by_name = {grid.name: grid for grid in grids}
    if name not in by_name:
        raise RequestError(f"there is no part '{name}' {nearest(name, by_name)}")
    return by_name[name]


def _check_view(view: View, grid: Grid) -> None:
    if view.kind == "images" and grid.probe:
        raise RequestError(f"part '{view.part}' trains no network: it has no {view.of}")
    for path in filter(None, (view.x, view.colour)):
        grid.axis(path)
        if path in view.where:
            raise RequestError(f"a view cannot hold the axis that it shows: '{path}'")
    who = f"view of '{view.of}'"
    for chosen in filter(None, map(chosen_axis, view.measured)):
        held = (view.x, view.colour, *view.where, *view.arm, *view.against)
        if not view.tuned or view.kind == "curves" or chosen in held:
            raise RequestError(f"{who} needs tuned=True, '{chosen}' held nowhere, and is no curve")
    for path, level in view.where.items():
        grid.check_level(path, level, who)
    if view.laws and (view.kind != "lines" or min(_numbers_of(grid.axis(view.x)), default=0) <= 0):
        raise RequestError(f"{who} has laws, which only lines over positive numbers have")
    if view.kind == "effect":
        _check_effect(view, grid, who)


def _numbers_of(axis: Axis) -> tuple[float, ...]:
    return axis.levels if axis.in_numbers else ()


def _check_effect(view: View, grid: Grid, who: str) -> None:
    """Refuse a map whose arms are one, or hold an axis that it shows, or leave one of a probe's open."""
    if view.arm == view.against:
        raise RequestError(f"{who} compares an arm with itself")
    if view.x == view.colour:
        raise RequestError(f"{who} needs two axes, not '{view.x}' twice")
    for arm in (view.arm, view.against):
        for path, level in arm.items():
            grid.check_level(path, level, who)
            if path in (view.x, view.colour):
                raise RequestError(f"a view cannot hold the axis that it shows: '{path}'")
        held = {view.x, view.colour, *arm, *view.where}
        free = [one.path for one in grid.axes if one.path not in held and len(one.levels) > 1]
        if free and grid.probe:
            raise RequestError(f"{who} must name a level of {free[0]}: nothing is tuned")


def _in_form(item: Claim | View, grid: Grid) -> Claim | View:
    """Return a claim or view with the levels that it names in the form that its grid has them."""
    forms: dict[str, Any] = {
        field.name: {
            path: grid.form(path, level) for path, level in getattr(item, field.name).items()
        }
        for field in dataclasses.fields(item)
        if field.name in NAME_LEVELS
    }
    return dataclasses.replace(item, **forms)


def _split(changes: Changes, parts: list[str]) -> dict[str, dict[str, Any]]:
    """Sort changes into those for every part (under MAIN) and those for one, named first."""
    split: dict[str, dict[str, Any]] = {name: {} for name in (MAIN, *parts)}
    for path, value in changes.items():
        heads = [name for name in parts if name != MAIN and path.startswith(f"{name}.")]
        if heads:
            head = max(heads, key=len)  # a name may have dots
            split[head][path.removeprefix(f"{head}.")] = value
        else:
            split[MAIN][path] = value
    return split


def _beside(own: Changes, changes: Changes) -> Changes:
    """Return changes for all of a study less those of what makes a context one."""

    def is_own(path: str) -> bool:
        return any(f"{path}.".startswith(f"{one}.") or one.startswith(f"{path}.") for one in own)

    return {path: one for path, one in changes.items() if path == "seeds" or not is_own(path)}


def _read_by(grid: Grid, claims: Iterable[Claim]) -> Grid:
    """Return a grid with the levels that claims read: all of an axis that one of them tunes."""
    read = [
        arm
        for claim in claims
        for arm in arms(claim, grid.axis(claim.along).levels if claim.along else ()).values()
    ]
    paths = [one.path for one in grid.axes if all(one.path in arm for arm in read)]
    return keep_levels(grid, {path: [arm[path] for arm in read] for path in paths})
