"""Searching for settings.

Question    Should a search draw its settings at random, or take them from a grid?
Sources     J. Bergstra and Y. Bengio (2012), Random Search for Hyper-Parameter Optimization, JMLR
            13:281-305. O. Bousquet, S. Gelly, K. Kurach, O. Teytaud and D. Vincent (2017), Critical
            Hyper-Parameters: No Random, No Cry, arXiv:1706.03200.
Method      A search tries 32 MLPs of 16 units on digits, 60 steps of SGD each, and takes the best on
            validation. Learning rate and momentum matter much; decay, dropout and clipping hardly
            do in the ranges searched. A grid has two levels of each of the five, in the middles of
            two halves, or eight rates times four momenta. Sobol's points are spread evenly in all
            five. The range of rates is four decades wide and begins anywhere in one at each seed,
            so that no grid can have been laid out for it.
Equal       Networks tried, steps of each, and the ranges.
Refuted if  random search ends a point behind the grid.
Pilots      Validation accuracy of 150 random settings set the ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Interaction,
    Model,
    Optimizer,
    Recipe,
    Study,
    axis,
    lines,
    looks,
    shared,
)
from suite.seeds import stream

TRIALS = 32


def between(low: float, high: float, place: float) -> float:
    """Return what lies at a place from 0 to 1 between two numbers, on a logarithmic scale."""
    return float(low * (high / low) ** place)


def search(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Try as many networks as a search may; return the accuracies of the best on validation."""
    import numpy as np

    from suite.training import train

    rng = np.random.default_rng(stream(seed, "probe"))
    lowest, finals = between(0.0003, 0.003, rng.random()), []
    for rate, momentum, decay, dropout, clip in places(cell["search"], cell["settings"], rng):
        recipe = Recipe(
            data=Data(cell["data"]),
            model=Model("mlp", widths=(16,), dropout=0.1 * dropout),
            optimizer=Optimizer(
                "sgd",
                lr=between(lowest, 10_000 * lowest, rate),
                momentum=1 - between(0.01, 1, momentum),
                weight_decay=between(1e-7, 1e-4, decay),
            ),
            clip_norm=between(10, 1000, clip),
            batch_size=32,
            budget=Budget(epochs=None, steps=cell["steps"], evaluations=1),
        )
        finals.append(train(recipe, seed).final)
    best = max(finals, key=lambda final: final.get("validation/accuracy", 0.0))
    return {name: best[name] for name in ("validation/accuracy", "test/accuracy")}


def places(search: str, settings: int, rng: Any) -> Any:
    """Return where a search looks, `(trials, 5)` from 0 to 1; what it leaves out is in the middle."""
    import numpy as np
    from scipy.stats import qmc

    where = np.full((TRIALS, 5), 0.5)
    if search == "random":
        where[:, :settings] = rng.random((TRIALS, settings))
    elif search == "Sobol":
        where[:, :settings] = qmc.Sobol(settings, rng=rng).random(TRIALS)
    else:  # in no order that a tie could favour
        levels = (2, 2, 2, 2, 2) if settings == 5 else (8, 4)
        middles = [(np.arange(n) + 0.5) / n for n in levels]
        where[:, :settings] = np.stack(np.meshgrid(*middles), -1).reshape(TRIALS, settings)
        rng.shuffle(where)
    return where


FIVE, TWO = {"settings": 5}, {"settings": 2}
GRID, RANDOM, SOBOL = ({"search": search} for search in ("grid", "random", "Sobol"))
rule = shared(source="Random search beats grid search", of="test/accuracy").also(
    matters=0.01, direction="higher"
)

study = Study(
    title="Searching for settings",
    question="Should a search draw its settings at random, or take them from a grid?",
    notebook="folklore",
    probe=search,
    grid=(
        axis("settings", (2, 5)),
        axis(
            "search",
            {2: ("grid", "random"), 5: ("grid", "random", "Sobol")},
            per="settings",
        ),
        axis("data", ("digits",)),
        axis("steps", (60,)),
    ),
    seeds=looks(5, 10, 20),
    contexts={
        "mnist": {"data": "mnist5k", "seeds": looks(5, 10)},
        "longer": {"steps": 120, "seeds": looks(5, 10)},
    },
    claims=(
        rule(
            Difference,
            cites="Bergstra & Bengio 2012",
            arm=FIVE | RANDOM,
            against=FIVE | GRID,
            contexts=("mnist", "longer"),
        ).says(
            "With 32 networks over five settings, random search finds a more accurate one than a "
            "grid.",
            because="A grid of two levels a setting tries two rates, sixteen times each. Random "
            "search tries 32.",
        ),
        rule(
            Interaction,
            cites="Bergstra & Bengio 2012",
            arm=RANDOM,
            against=GRID,
            within=FIVE,
            without=TWO,
        ).says(
            "Random search gains more over a grid where three of five settings hardly matter than "
            "where both of two do.",
            because="Each setting that does not matter halves the number of values that the grid "
            "has for the others. Over two that matter, its points lie as close as any.",
        ),
        rule(
            Difference, cites="Bousquet et al. 2017", arm=FIVE | SOBOL, against=FIVE | RANDOM
        ).says(
            "Points that are spread evenly, as Sobol's are, find a more accurate network than random "
            "ones.",
            because="Random points leave gaps, and the best may lie in one. With 32 points and two "
            "settings that matter, gaps are not wide.",
        ),
    ),
    views=(
        lines("test/accuracy", over="search", colour="settings").captioned(
            "Test accuracy of the best of 32 networks, over five settings and over the two that matter."
        ),
        lines("validation/accuracy", over="search", colour="settings").captioned(
            "Its validation accuracy, by which it was chosen: the best of 32 looks too good."
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "steps": 3, "main@longer.steps": 6},
        "full": {"seeds": 30, "data": "mnist5k", "steps": 200},
    },
)
