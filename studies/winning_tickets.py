"""Winning tickets.

Question    Does a pruned network need its own initial weights, or only its connections?
Sources     J. Frankle and M. Carbin (2019), The Lottery Ticket Hypothesis: Finding Sparse, Trainable
            Neural Networks, ICLR, arXiv:1803.03635. H. Zhou, J. Lan, R. Liu and J. Yosinski (2019),
            Deconstructing Lottery Tickets, NeurIPS, arXiv:1905.01067. Z. Liu, M. Sun, T. Zhou, G.
            Huang and T. Darrell (2019), Rethinking the Value of Network Pruning, arXiv:1810.05270.
Method      An MLP of 100 and 50 hidden units on digits, 300 steps of SGD with momentum 0.9. It is
            trained, the smallest weights of each hidden layer are taken away, those that are left
            go back to their initial values, and it is trained again: down to 45, 20, 10 and 5 %.
            Output layer and biases stay whole. What is left starts from its own initial weights,
            from weights drawn anew, or from new sizes with the old signs.
Equal       Connections, steps, batches, and four rates from which validation chooses.
Refuted if  what is drawn anew ends more accurate by a point.
Pilots      Validation accuracy of two seeds set steps and rates.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Model,
    Optimizer,
    Recipe,
    Study,
    axis,
    lines,
    looks,
    shared,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from suite.training import Run

STARTS = ("own", "redrawn", "own signs")
ROUNDS = (1.0, 0.45, 0.2, 0.1, 0.05)  # shares of the hidden layers' weights that are left
RATES, PRUNING_RATE = (0.02, 0.06, 0.2, 0.6), 0.1
ANOTHER = 1_000_000  # seeds further on, of the weights that are drawn anew


def ticket(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Train what is left of a network, at each rate; measure it at the best."""
    where = (cell["data"], cell["widths"], cell["steps"], seed)
    runs = [trained(where, rate, masks(where, cell["kept"]), cell["start"]) for rate in RATES]
    finals = [run.outcome("").final for run in runs]
    best = max(finals, key=lambda final: final.get("validation/accuracy", 0.0))
    return {name: best[name] for name in ("validation/accuracy", "test/accuracy")}


@functools.lru_cache(maxsize=8)
def masks(where: tuple[Any, ...], kept: float) -> tuple[Tensor, ...]:
    """Return a mask for each hidden layer, of ones where a weight is left; none before pruning."""
    import torch

    if kept == 1.0:
        return ()
    before = masks(where, ROUNDS[ROUNDS.index(kept) - 1])
    found = []
    for layer in hidden(trained(where, PRUNING_RATE, before, "own").network):
        sizes = layer.weight.detach().abs()  # 0 where one was taken away before
        mask = torch.zeros(sizes.numel())
        mask[sizes.flatten().topk(round(kept * sizes.numel())).indices] = 1.0
        found.append(mask.view_as(sizes))
    return tuple(found)


def trained(where: tuple[Any, ...], rate: float, masks: tuple[Tensor, ...], start: str) -> Run:
    """Train a network with masks on its hidden layers, from weights as `start` says."""
    from torch.nn.utils import prune

    from suite.models import build
    from suite.training import Run

    data, widths, steps, seed = where
    recipe = Recipe(
        data=Data(data),
        model=Model("mlp", widths=widths),
        optimizer=Optimizer("sgd", lr=rate, momentum=0.9),
        budget=Budget(epochs=None, steps=steps, evaluations=1),
    )
    run = Run(recipe, seed, "cpu")
    another = build(recipe.model, run.examples.shape, run.examples.outputs, seed + ANOTHER)
    for own, new in zip(run.network.parameters(), another.parameters(), strict=True):
        if start != "own":
            own.data = new.data if start == "redrawn" else new.data.abs() * own.data.sign()
    for layer, mask in zip(hidden(run.network), masks, strict=bool(masks)):
        prune.custom_from_mask(layer, "weight", mask)  # type: ignore[no-untyped-call]
    run.train()
    return run


def hidden(network: nn.Module) -> list[nn.Linear]:
    """Return the linear layers but for the last."""
    from torch import nn

    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)][:-1]


OWN, REDRAWN, SIGNS = ({"start": start} for start in STARTS)
WHOLE, FIFTH, FEW = ({"kept": kept} for kept in (1.0, 0.2, 0.05))
FIRST, SAID = "Frankle & Carbin 2019", "A winning ticket needs its own initial weights"
rule = shared(of="test/accuracy", matters=0.01, source=SAID)
kept = {"own": (1.0, 0.2, 0.05), "redrawn": (0.2, 0.05), "own signs": (0.05,)}

study = Study(
    title="Winning tickets",
    question="Does a pruned network need its own initial weights to train well?",
    notebook="folklore",
    probe=ticket,
    grid=(
        axis("start", STARTS),
        axis("kept", kept, per="start"),
        axis("data", ("digits",)),
        axis("widths", ((100, 50),)),
        axis("steps", (300,)),
    ),
    seeds=looks(5, 10, 20),
    contexts={
        "mnist": {"data": "mnist5k", "seeds": looks(5, 10)},
        "deeper": {"widths": ((100, 50, 50),), "seeds": looks(5, 10)},
    },
    claims=(
        rule(
            Difference,
            cites=FIRST,
            arm=OWN | FEW,
            against=REDRAWN | FEW,
            direction="higher",
            contexts=("mnist", "deeper"),
        ).says(
            "Pruned to a twentieth, a network that starts from its own initial weights ends more "
            "accurate than one whose weights are drawn anew.",
            because="What training made large was mostly well placed at the start. Where few "
            "weights are left, each that a new draw places badly is missed.",
        ),
        rule(Equivalence, cites=FIRST, arm=OWN | FIFTH, against=OWN | WHOLE).says(
            "From its own initial weights, a fifth of the network ends as accurate as the whole.",
            because="That is what makes a ticket a winning one: a small network that trains as "
            "well as the large one in which it was found.",
        ),
        rule(Equivalence, cites="Liu et al. 2019", arm=REDRAWN | FIFTH, against=OWN | FIFTH).says(
            "At a fifth, weights drawn anew do as well as its own.",
            because="Pruning may find which connections are needed, and not which values. Where "
            "many are left and each start has a rate of its own, the draw should hardly count.",
        ),
        rule(Equivalence, cites="Zhou et al. 2019", arm=SIGNS | FEW, against=OWN | FEW).says(
            "At a twentieth, sizes drawn anew do as well as its own if each weight keeps its sign.",
            because="A weight on the right side of zero has only to grow. One on the wrong side "
            "has to cross zero, where its unit may be silent.",
        ),
    ),
    views=(
        lines("test/accuracy", over="kept", colour="start").captioned(
            "Test accuracy by what is left of the hidden layers' weights: where do the starts part?"
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "steps": 20},
        "full": {"seeds": 20, "data": "mnist5k", "widths": ((300, 100),), "steps": 600},
    },
)
