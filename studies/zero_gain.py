"""Residual branches that begin at zero.

Question    Does a residual network train faster, and bear higher rates, if its branches begin at zero?
Sources     Goyal, Dollár, Girshick et al. (2017), Accurate, large minibatch SGD: training ImageNet in 1
            hour, arXiv:1706.02677. De, Smith (2020), Batch normalization biases residual blocks towards
            the identity function in deep networks, NeurIPS (arXiv:2002.10444).
Method      Eight residual blocks of two linear layers, each normalised over the batch, on 1,000 digits.
            The gain of a block's last normalisation begins at 0 or, as is usual, at 1; nothing else
            differs. Steps are counted to 90 % on validation. The largest rate is looked for from above,
            in steps of √2: the first at which 40 steps lead to 50 % on validation. Contexts: convolutions;
            one block, where there is least to gain.
Equal       Steps, other weights, batches, and the rates, of which each seed takes the one that ends with
            the highest accuracy on validation.
Pilots      Up to three seeds, validation only. They set the rates, and eight blocks in place of sixteen
            and 100 steps in place of 150, for their cost.
Refuted if  Gains of zero take more steps (by 1.25), bear a lower rate (by 1.5), raise it less in deep
            networks than in shallow ones (by 1.5), or end less accurate (by a point).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from suite import (
    Budget,
    Data,
    Difference,
    Interaction,
    Optimizer,
    Part,
    Recipe,
    Study,
    Target,
    axis,
    curves,
    define_metric,
    lines,
    looks,
    model,
    number,
    shared,
)

Form = Literal["mlp", "cnn"]
LARGEST = define_metric("rate/largest", "largest rate at which it learns", better="higher")
LADDER = tuple(0.025 * 2 ** (k / 2) for k in range(16, -1, -1))  # 6.4 down


@model
def residual_blocks(
    shape: Any,
    outputs: int,
    *,
    form: Form = "mlp",
    blocks: int = number(8, low=1, small=2),
    gain: float = number(1.0, low=0),
) -> Any:
    """Residual blocks of two normalised layers; `gain` is where the last one's begins."""
    import math

    from torch import nn

    from suite.models.mlp import Residual

    mlp = form == "mlp"
    width = 32 if mlp else 8

    def layer(inputs: int) -> tuple[nn.Module, nn.Module]:
        if mlp:
            return nn.Linear(inputs, width), nn.BatchNorm1d(width)
        return nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width)

    layers = [*layer(math.prod(shape) if mlp else shape[0]), nn.ReLU()]
    for _ in range(blocks):
        first, (second, last) = layer(width), layer(width)
        nn.init.constant_(last.get_parameter("weight"), gain)
        layers += [Residual(*first, nn.ReLU(), second, last), nn.ReLU()]
    start = [nn.Flatten()] if mlp else []
    return nn.Sequential(*start, *layers, nn.Flatten(), nn.LazyLinear(outputs))


RECIPE = Recipe(
    data=Data("digits", train_examples=1000),
    model=residual_blocks(),
    optimizer=Optimizer("sgd", momentum=0.9),
    batch_size=50,
    budget=Budget(epochs=None, steps=100, evaluations=50),
)


def largest_rate(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Train at one rate after another, from the highest down; return the first that learns."""
    from suite.training import train

    network = residual_blocks(blocks=cell["blocks"], gain=cell["gain"])
    budget = Budget(epochs=None, steps=cell["steps"], evaluations=1)
    for rate in LADDER:
        rule = replace(RECIPE.optimizer, lr=rate)
        recipe = replace(RECIPE, model=network, optimizer=rule, budget=budget)
        if train(recipe, seed).final.get("validation/accuracy", 0.0) >= 0.5:
            return {LARGEST: rate}
    return {}  # at none of them


GOYAL, DE = "Goyal et al. 2017", "De & Smith 2020"
ZERO, ONE = {"gain": 0.0}, {"gain": 1.0}
DEEP, SHALLOW = {"blocks": 8}, {"blocks": 1}
gain = shared(source="Start the last gain of each residual branch at zero")
trains = gain.also(arm={"model.gain": 0.0}, against={"model.gain": 1.0}, cites=GOYAL)
sooner = trains.also(of="target/steps", direction="lower", scale="ratio", matters=1.25)
bears = gain.also(part="rates", of=LARGEST, direction="higher", scale="ratio", matters=1.5)

study = Study(
    title="Residual branches that begin at zero",
    question="Does a residual network train faster, and bear higher rates, if its branches begin at zero?",
    notebook="folklore",
    recipe=RECIPE,
    grid=(axis("model.gain", (0.0, 1.0)), axis("optimizer.lr", (0.003, 0.01, 0.03, 0.1, 0.3))),
    seeds=looks(5, 10, 20),
    contexts={
        "convolutions": {"model": residual_blocks(form="cnn", blocks=3), "seeds": looks(5, 10)},
        "shallow": {"model.blocks": 1},
    },
    target=Target("validation/accuracy", 0.9),
    parts=(
        Part(
            "rates",
            probe=largest_rate,
            grid=(axis("gain", (0.0, 1.0)), axis("blocks", (1, 8)), axis("steps", (40,))),
        ),
    ),
    claims=(
        sooner(Difference, contexts=("convolutions", "shallow")).says(
            "With last gains of zero a residual network reaches 90 % in fewer steps.",
            because="At first each block passes on what it gets: the network is a shallow one.",
        ),
        bears(Difference, arm=ZERO | DEEP, against=ONE | DEEP, cites=GOYAL).says(
            "With last gains of zero a deep residual network bears a larger rate.",
            because="Branches of gain 1 add up, and so do their gradients. With gains of zero the "
            "first steps meet no more than the first layer and the last.",
        ),
        bears(Interaction, arm=ZERO, against=ONE, within=DEEP, without=SHALLOW, cites=DE).says(
            "They raise the largest rate more in a deep network than in a shallow one.",
            because="One branch adds little to what it gets, eight add up to much.",
        ),
        trains(Difference, of="test/accuracy", direction="higher", matters=0.01).says(
            "With last gains of zero a residual network ends more accurate.",
            because="What is easier to train should be further on after equal steps; where both "
            "have come to rest, nothing is left of the start.",
        ),
    ),
    views=(
        curves("validation/accuracy", colour="model.gain", tuned=True).captioned(
            "Learning curves, each at its tuned rate: which is first at 90 %?"
        ),
        lines("validation/accuracy", over="optimizer.lr", colour="model.gain").captioned(
            "Validation accuracy over the rate: how far does each line stay up?"
        ),
        lines(LARGEST, over="blocks", colour="gain", part="rates").captioned(
            "The largest rate at which a network learns, over the number of blocks."
        ),
    ),
    tiers={
        "smoke": {"seeds": 2, "rates.seeds": 1, "steps": (2,), "optimizer.lr": (0.1,)}
        | {"budget.steps": 10, "budget.evaluations": 2},
        "full": {"data": Data("fashion_mnist"), "model.form": "cnn", "budget.steps": 4000},
    },
)
