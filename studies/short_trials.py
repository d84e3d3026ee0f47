"""Short trials.

Question    Can a search stop most of its networks after a tenth of their training?
Sources     L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar (2018), Hyperband: A
            Novel Bandit-Based Approach to Hyperparameter Optimization, JMLR 18(185). A. Zela,
            A. Klein, S. Falkner and F. Hutter (2018), Towards Automated Deep Learning: Efficient
            Joint Neural Architecture and Hyperparameter Search, arXiv:1807.06906.
Method      30 MLPs on digits, their rate, momentum, batch size, width and dropout drawn at each seed,
            are trained for 200 steps. A second training, with another split, start and order of
            examples, for a share of these steps, ranks them by validation accuracy. How well is
            Spearman's correlation with validation accuracy after the first: at the share 1 as well
            as a repetition can. Of what is ranked first, the first training's test accuracy counts.
            One that diverges counts as 0 %.
Equal       Configurations, and the training that they are ranked for.
Refuted if  a tenth ranks worse than a repetition by .1 or more; what it chooses is worse by a point.
Pilots      Validation accuracy of one seed set the ranges.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Equivalence,
    Model,
    Optimizer,
    Recipe,
    Schedule,
    Study,
    Threshold,
    axis,
    define_metric,
    lines,
    looks,
    shared,
)
from suite.seeds import stream

CONFIGURATIONS, BEST = 30, 10
ANOTHER = 1_000_000  # seeds further on, of the second training

RANKS = define_metric("share/rank_correlation", "rank correlation with the whole budget")
BEST_RANKS = define_metric("share/rank_correlation_of_best", "rank correlation among the ten best")


def between(low: float, high: float, place: float) -> float:
    """Return what lies at a place from 0 to 1 between two numbers, on a logarithmic scale."""
    return float(low * (high / low) ** place)


def ranked(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Rank configurations by a share of the budget; hold that against the whole."""
    import numpy as np
    from scipy.stats import spearmanr

    setting, steps = (cell["data"], cell["schedule"], seed), cell["steps"]
    whole = accuracies(*setting, seed, steps)
    again = accuracies(*setting, seed + ANOTHER, round(cell["share"] * steps))
    final, seen = (np.array([validation for validation, _ in some]) for some in (whole, again))
    best = np.argsort(-final, kind="stable")[:BEST]
    return {
        RANKS: float(spearmanr(final, seen).statistic),
        BEST_RANKS: float(spearmanr(final[best], seen[best]).statistic),
        "test/accuracy": whole[int(seen.argmax())][1],
    }


@functools.lru_cache(maxsize=4)
def accuracies(
    data: str, schedule: str, drawn: int, seed: int, steps: int
) -> list[tuple[float, float]]:
    """Train all configurations drawn; return validation and test accuracy, 0 where one diverged."""
    import numpy as np

    from suite.training import train

    found = []
    places = np.random.default_rng(stream(drawn, "probe")).random((CONFIGURATIONS, 5))
    for rate, momentum, batch, width, dropout in places:
        recipe = Recipe(
            data=Data(data),
            model=Model("mlp", widths=(round(between(8, 64, width)),), dropout=0.5 * dropout),
            optimizer=Optimizer(
                "sgd", lr=between(0.003, 1, rate), momentum=1 - between(0.03, 1, momentum)
            ),
            schedule=Schedule(schedule),
            batch_size=round(between(8, 64, batch)),
            budget=Budget(epochs=None, steps=steps, evaluations=1),
        )
        final = train(recipe, seed).final
        found.append((final.get("validation/accuracy", 0.0), final.get("test/accuracy", 0.0)))
    return found


TENTH, WHOLE = {"share": 0.1}, {"share": 1.0}
rule = shared(source="A tenth of the budget ranks configurations as the whole does", arm=TENTH)

study = Study(
    title="Short trials",
    question="Does a tenth of the training show which configuration will be best?",
    notebook="folklore",
    probe=ranked,
    grid=(
        axis("share", (0.03, 0.1, 0.3, 1.0)),
        axis("data", ("digits",)),
        axis("schedule", ("constant",)),
        axis("steps", (200,)),
    ),
    seeds=looks(5, 10, 20),
    contexts={
        "falling": {"schedule": "cosine", "seeds": looks(5, 10)},
        "mnist": {"data": "mnist5k", "seeds": looks(5, 10)},
    },
    claims=(
        rule(
            Equivalence,
            cites="Li et al. 2018",
            of=RANKS,
            matters=0.1,
            against=WHOLE,
            contexts=("falling", "mnist"),
        ).says(
            "A tenth of the steps ranks 30 configurations as well as a repetition of all steps does.",
            because="A rate that is far too small or too large shows at once. But a small rate is "
            "slow and not bad, and a tenth of the steps cannot tell one from the other.",
        ),
        rule(
            Equivalence, cites="Li et al. 2018", of="test/accuracy", matters=0.01, against=WHOLE
        ).says(
            "What a tenth of the steps likes best ends as accurate as what all steps like best.",
            because="Only the top of a ranking counts for a choice. If many configurations end "
            "nearly alike there, taking the wrong one of them costs little.",
        ),
        rule(
            Threshold,
            cites="Zela et al. 2018",
            of=BEST_RANKS,
            matters=0.1,
            level=0.5,
            direction="lower",
        ).says(
            "Among the ten that end best, a tenth of the steps says little of the order: the "
            "correlation is below 0.5.",
            because="These differ by little in the end, and early on by how fast they learn, which "
            "is something else.",
        ),
    ),
    views=(
        lines(RANKS, over="share").captioned(
            "How well a share of the steps ranks: where does it come near a repetition, at 1?"
        ),
        lines(BEST_RANKS, over="share").captioned("The same, of the ten that end best."),
        lines("test/accuracy", over="share").captioned(
            "Test accuracy, after all steps, of the configuration that a share of them ranks first."
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "share": (0.1, 1.0), "steps": 10},
        "full": {"seeds": 20, "data": "mnist5k", "steps": 600},
    },
)
