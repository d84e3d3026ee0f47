"""Views of a study's experiment that MLflow's UI opens on: the answer first, and what was varied.

MLflow keeps a saved view as a tag of its experiment. Since 3.16 the tag holds a name, two times and
the state of the page, in a form that is the UI's own and is documented nowhere: what is below
`SavedView` writes it, `tests/browser/test_mlflow.py` opens it in the real UI, and nothing else here
knows it.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlencode

from suite.ground.identity import flatten
from suite.vocabulary.claims import Counted, arms
from suite.vocabulary.grid import Axis, Grid
from suite.vocabulary.metrics import METRICS, SPLITS
from suite.vocabulary.study import TIERS, Study

PREFIX = "mlflow.sharedViewState."
FIRST = (3, 16)  # MLflow's version that gave saved views their names
PART = "thumbrules.part"
ARM = "thumbrules.arm"  # of a trial that validation chose: the arm it was chosen for
LOG = "log10 "  # and a parameter: its logarithm, for the UI's axes are linear
CURVES, MAP, VARIED = "thumbrules-curves", "thumbrules-map", "thumbrules-varied"
OURS = (CURVES, MAP, VARIED)
HEIGHT = 480  # pixels, of a view's own charts
MOST = 5000  # characters of a tag
COMPUTED = ("chosen/", "target/")  # metrics that no run logs: they are of the table of trials
CURVED = ("gradient/norm", "weights/norm")  # what has a curve beside metrics of a split

Card = dict[str, Any]


@dataclass(frozen=True)
class SavedView:
    """What the UI shows of an experiment.

    Attributes:
        id: what its address and its tag are called by.
        name: in the UI's list of views.
        where: which runs, in MLflow's language of filters.
        cards: charts, as the functions below make them; those of all other metrics follow, folded.
        by: what runs must agree in to be averaged, `param` or `tag` and its name; nothing for each
            run on its own.
        groups: the values of these that there are, which the list of runs shows folded.
    """

    id: str
    name: str
    where: str
    cards: tuple[Card, ...]
    by: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()

    def linear(self) -> SavedView:
        """Return the view of runs that an earlier version logged, without logarithms."""
        form = json.dumps(self.cards).replace(f'"{LOG}', '"')
        return dataclasses.replace(self, cards=tuple(json.loads(form)))


@cache
def are_known() -> bool:
    """Whether the installed MLflow has saved views with names."""
    try:
        major, minor, *_ = version("mlflow").split(".")
    except (PackageNotFoundError, ValueError):
        return False
    return (int(major), int(minor)) >= FIRST if major.isdigit() and minor.isdigit() else False


def tag_of(view: SavedView, metrics: Iterable[str], moment: int) -> tuple[str, str]:
    """Return the tag in which MLflow keeps a view: its key and its value.

    Args:
        metrics: all that the runs have, for the charts below its own.
        moment: when it was made, in milliseconds since 1970.
    """
    metrics = tuple(metrics)
    value = _value(view, metrics, moment)
    if len(value) > MOST:  # of so many cells that the UI is left to unfold their groups
        value = _value(dataclasses.replace(view, groups=()), metrics, moment)
    return PREFIX + view.id, value


def _value(view: SavedView, metrics: Iterable[str], moment: int) -> str:
    plain = json.dumps(_state(view, metrics)).encode()
    state = f"deflate;{base64.b64encode(zlib.compress(plain, 9)).decode()}"  # as the UI does
    form = {"name": view.name, "createdAt": moment, "updatedAt": moment, "state": state}
    return json.dumps(form)


def address(experiment: str, view: str) -> str:
    """Return the path, below the UI's address, that opens a view by its id."""
    query = urlencode({"compareRunsMode": "CHART", "viewStateShareKey": view})
    return f"#/experiments/{experiment}/runs?{query}"


def geometric(study: Study) -> frozenset[str]:
    """Return the axes, as the study's file has them, of whose levels a run has the logarithms."""
    axes = (one for grid in study.grids() for one in grid.axes)
    return frozenset(one.path for one in axes if one.is_geometric)


def headline(study: Study, grid: Grid) -> str:
    """Return the metric of the study's first claim about a part, or what it is tuned by."""
    asked = (claim.of for claim in study.claims if claim.part == grid.name)
    logged = (metric for metric in (*asked, study.select) if not metric.startswith(COMPUTED))
    return next(logged, "validation/accuracy")


def arm_paths(study: Study, grid: Grid) -> tuple[str, ...]:
    """Return the axes that the first claim's arms name, where validation tunes others; else none."""
    claim = next((one for one in study.claims if one.part == grid.name), None)
    if claim is None or isinstance(claim, Counted) or grid.probe is not None:
        return ()
    levels = grid.axis(claim.along).levels if claim.along else ()
    named = {path for arm in arms(claim, levels).values() for path in arm}
    tuned = [one for one in _varied(grid) if one.path not in named]
    return tuple(one.path for one in grid.axes if one.path in named) if tuned else ()


def views_of(study: Study, grid: Grid, chosen: Iterable[str] = ()) -> tuple[SavedView, ...]:
    """Return the views of a part of a study: its arms, a map where two axes have numbers, its cells.

    Args:
        chosen: arms for which validation chose trials, as these are tagged.
    """
    metric = headline(study, grid)
    words, varied = METRICS[metric].words, _varied(grid)
    where = {f"tags.`{PART}`": grid.name} | _of_its_tier(study, grid)
    cards = [_bars(metric, words)]
    if grid.probe is None:
        curve = _curve_of(metric, study.select)
        cards.insert(0, _curves(curve, f"{METRICS[curve].words} by epoch"))
    of_arms, (by, groups) = _filter(where), _grouped(grid, varied)
    if arms_chosen := dict.fromkeys(chosen):
        of_arms += f" and tags.`{ARM}` != ''"
        by, groups = (("tag", ARM),), tuple((arm,) for arm in arms_chosen)
    views = [SavedView(CURVES, f"{words} by arm", of_arms, tuple(cards), by, groups)]
    if mapped := _mapped(study, grid):
        held = {one.path: one.levels[0] for one in varied if one not in mapped}
        x, y = (_plotted(study, one) for one in mapped)
        at = "".join(f", {path} {level}" for path, level in held.items())
        views.append(
            SavedView(
                MAP,
                f"{words} over {x} and {y}{at}",
                _filter(where | {f"params.`{path}`": level for path, level in held.items()}),
                (_contour(x, y, metric),),
                *_grouped(grid, mapped),
            )
        )
    if varied:
        parallel = _parallel([_plotted(study, one) for one in varied], metric)
        one_seed = _filter(where | {"params.seed": 0})
        views.append(SavedView(VARIED, "What was varied, one seed", one_seed, (parallel,)))
    return tuple(views)


def _varied(grid: Grid) -> list[Axis]:
    return [one for one in grid.axes if len(one.levels) > 1]


def _grouped(
    grid: Grid, axes: Sequence[Axis]
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, ...], ...]]:
    """Return what runs of the same levels of some axes are grouped by, and the groups."""
    levels = (tuple(str(cell[one.path]) for one in axes) for cell in grid.cells)
    return tuple(("param", one.path) for one in axes), tuple(dict.fromkeys(levels))


def _mapped(study: Study, grid: Grid) -> tuple[Axis, ...]:
    """Return the two axes of numbers that have most levels in the study's file, or none."""
    written = next(one for one in study.grids() if one.name == grid.name)
    levels = {one.path: len(one.levels) for one in written.axes}
    numeric = [one for one in _varied(grid) if one.in_numbers]
    longest = sorted(numeric, key=lambda one: -levels.get(one.path, 0))[:2]
    return tuple(longest) if len(longest) == 2 else ()


def _plotted(study: Study, axis: Axis) -> str:
    return (LOG if axis.path in geometric(study) else "") + axis.path


def _of_its_tier(study: Study, grid: Grid) -> dict[str, Any]:
    """Return parameters that tell a part's trials from those of the same part at other tiers."""
    if grid.probe is not None:
        return {}
    own = flatten(grid.recipe)
    set_by = {path for one in grid.axes for level in one.levels for path in one.changes(level)}
    others = [
        flatten(one.recipe) for tier in TIERS for one in study.grids(tier) if one.name == grid.name
    ]
    return {
        f"params.`{path}`": value
        for path, value in own.items()
        if not any(f"{path}.".startswith(f"{one}.") for one in set_by)
        and any(other.get(path) != value for other in others)
    }


def _filter(where: Mapping[str, Any]) -> str:
    return " and ".join(f"{name} = {_quoted(str(value))}" for name, value in where.items())


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"


def _curve_of(metric: str, select: str) -> str:
    """Return the curve that is nearest to a final metric: that of validation, for one of test."""
    split, _, name = metric.partition("/")
    near = {"test": f"validation/{name}", "train": f"train/running_{name}"}.get(split, metric)
    return near if near in METRICS and (near in CURVED or near.split("/")[0] in SPLITS) else select


def _card(kind: str, title: str, **fields: Any) -> Card:
    return {
        "type": kind,
        "displayName": title,
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        **fields,
    }


def _bars(metric: str, title: str) -> Card:
    return _card("BAR", title, metricKey=metric)


def _curves(metric: str, title: str) -> Card:
    return _card(
        "LINE",
        title,
        metricKey=metric,
        selectedMetricKeys=[metric],
        xAxisKey="step",
        yAxisKey="metric",
        scaleType="linear",
        xAxisScaleType="linear",
        lineSmoothness=0,
        range={},
        yAxisExpressions=[],
        selectedXAxisMetricKey="",
        useGlobalXaxisKey=False,
        useGlobalLineSmoothing=False,
    )


def _contour(x: str, y: str, metric: str) -> Card:
    axes = {"xaxis": (x, "PARAM"), "yaxis": (y, "PARAM"), "zaxis": (metric, "METRIC")}
    fields = {name: {"key": key, "type": kind} for name, (key, kind) in axes.items()}
    return _card("CONTOUR", f"{metric} over {x} and {y}", **fields)


def _parallel(params: Sequence[str], metric: str) -> Card:
    fields = {"selectedParams": list(params), "selectedMetrics": [metric], "showAllRuns": True}
    return _card("PARALLEL", f"{metric} over what was varied", **fields)


def _state(view: SavedView, metrics: Iterable[str]) -> dict[str, Any]:
    """Return the state of the UI's page of runs, in its own names."""
    keys = [{"mode": mode, "groupByData": name} for mode, name in view.by]
    groups = (
        ",".join(f"{mode}.{name}.{value}" for (mode, name), value in zip(view.by, one, strict=True))
        for one in view.groups
    )
    # Other metrics' charts are the UI's to make, in sections by the first part of their names.
    sections = sorted({name.rpartition("/")[0] for name in metrics} - {""})
    folded = [*sections, "Model metrics", "System metrics"]
    return {
        "searchFilter": view.where,
        # The UI loads a hundred runs: those of the first seeds, of every cell.
        "orderByKey": "params.`seed`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "compareRunCharts": [
            {**card, "uuid": f"{view.id}-{place}", "metricSectionId": view.id}
            for place, card in enumerate(view.cards)
        ],
        "compareRunSections": [
            _section(view.id, view.name, shown=True)
            | {"columns": len(view.cards), "cardHeight": HEIGHT},
            *(_section(f"{view.id}/{name}", name, shown=False) for name in folded),
        ],
        "isAccordionReordered": True,  # or the UI would sort sections by their names
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
        "groupBy": {"aggregateFunction": "average", "groupByKeys": keys} if keys else None,
        "groupsExpanded": dict.fromkeys(groups, False),
        "useGroupedValuesInCharts": True,
    }


def _section(uuid: str, name: str, *, shown: bool) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name,
        "display": shown,
        "isReordered": False,
        "deleted": False,
        "isGenerated": not shown,
    }
