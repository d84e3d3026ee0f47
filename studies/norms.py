"""Normalisation and small batches.

Question    Which normalisation suits batches of two, and which those of 128?
Sources     Ba, Kiros, Hinton (2016), Layer normalization, arXiv:1607.06450. Wu, He (2018), Group
            normalization, ECCV (arXiv:1803.08494).
Method      An MLP of two layers of 64 units on 1,000 digits, each normalised before its ReLU: over the
            batch, over all units of an example (layer), or over groups of eight, in batches of 2, 8
            and 128. All three have the same parameters and, at a seed, the same initial weights and
            batches. A context asks the headline of two convolutions.
Equal       Steps, whatever the batch, and the rates from which each arm's is tuned on validation.
Pilots      One seed, validation only. They set the rates and, as a mean over pixels was too slow to
            learn in 300 steps, the linear layer behind the convolutions.
Changed     After a first run with one range of four rates for every batch, on whose edges lay the best
            rates for 2 and for 128: each batch has four of its own now. For its cost, the context of
            convolutions gets 10 seeds, not 20. No claim or margin was changed.
Refuted if  In batches of two, batch normalisation is as good as layer or group normalisation; what
            group normalisation gains does not depend on the batch; in batches of 128 group and batch
            normalisation differ by more than a point.
"""

from __future__ import annotations

from typing import Any, Literal

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Interaction,
    Model,
    Optimizer,
    Recipe,
    Study,
    axis,
    curves,
    lines,
    looks,
    model,
    number,
    shared,
)

Norm = Literal["batch", "layer", "group"]


@model
def normed_convnet(
    shape: Any, outputs: int, *, channels: int = number(8, low=4, small=4), norm: Norm = "batch"
) -> Any:
    """Two convolutions, each normalised and pooled, and a linear layer."""
    from torch import nn

    wide = 2 * channels
    groups = 1 if norm == "layer" else 4
    first, second = (
        nn.BatchNorm2d(one) if norm == "batch" else nn.GroupNorm(groups, one)
        for one in (channels, wide)
    )
    return nn.Sequential(
        *(nn.Conv2d(shape[0], channels, 3, padding=1), first, nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(channels, wide, 3, padding=1), second, nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.LazyLinear(outputs),
    )


BATCH, LAYER, GROUP = {"model.norm": "batch"}, {"model.norm": "layer"}, {"model.norm": "group"}
RATES = (0.001, 0.003, 0.01)
SMALL, LARGE = {"batch_size": 2}, {"batch_size": 128}
norm = shared(
    of="test/accuracy", matters=0.01, source="Layer or group norm where batches are small"
)
by_group = norm.also(cites="Wu & He 2018")

study = Study(
    title="Normalisation and small batches",
    question="Which normalisation suits batches of two, and which those of 128?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits", train_examples=1000),
        model=Model("mlp", widths=(64, 64)),
        optimizer=Optimizer("sgd", momentum=0.9),
        budget=Budget(epochs=None, steps=400, evaluations=10),
    ),
    grid=(
        axis("model.norm", ("batch", "layer", "group")),
        axis("batch_size", (2, 8, 128)),
        axis(
            "optimizer.lr",
            {2: (0.0003, *RATES), 8: (*RATES, 0.03), 128: (0.003, 0.01, 0.03, 0.1)},
            per="batch_size",
        ),
    ),
    seeds=looks(5, 10, 20),
    revised=("main",),
    contexts={
        "convolutions": {"model": normed_convnet(), "seeds": looks(5, 10)},
        "mnist": {"data": Data("mnist5k", train_examples=1000, image_size=14)},
    },
    claims=(
        by_group(
            Difference,
            arm=GROUP | SMALL,
            against=BATCH | SMALL,
            direction="higher",
            contexts=("convolutions", "mnist"),
        ).says(
            "In batches of two, a network with group normalisation ends more accurate than one with "
            "batch normalisation.",
            because="Mean and variance of two examples say little of all others. So each output "
            "depends on which example came along, and outside training, where running moments stand "
            "in for the batch's, the network is another than the one that was trained.",
        ),
        norm(
            Difference,
            arm=LAYER | SMALL,
            against=BATCH | SMALL,
            direction="higher",
            cites="Ba et al. 2016",
        ).says(
            "In batches of two, a network with layer normalisation ends more accurate than one with "
            "batch normalisation.",
            because="Its moments are those of one example, over all its units, and the same in "
            "training and after.",
        ),
        by_group(
            Interaction, arm=GROUP, against=BATCH, within=SMALL, without=LARGE, direction="higher"
        ).says(
            "Group normalisation gains more on batch normalisation in batches of two than in those "
            "of 128.",
            because="The moments of 128 examples are nearly those of all, so that what group "
            "normalisation avoids is hardly there.",
        ),
        by_group(Equivalence, arm=GROUP | LARGE, against=BATCH | LARGE).says(
            "In batches of 128 group and batch normalisation end equally accurate.",
            because="Both bring units to one scale, and that is what training gains by. What is "
            "left is the little noise of the batch's moments.",
        ),
    ),
    views=(
        lines("test/accuracy", over="batch_size", colour="model.norm", tuned=True).captioned(
            "Test accuracy over the batch, rates tuned, after equal steps: where do the lines part?"
        ),
        curves("validation/accuracy", colour="model.norm", where=SMALL, tuned=True).captioned(
            "Learning curves in batches of two: does batch normalisation lag, or stop short?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "budget.steps": 20,
            "budget.evaluations": 2,
            "batch_size": (2, 128),
            "optimizer.lr": (0.03,),
        },
        "full": {
            "data": Data("cifar10"),
            "model": Model("resnet", depth=20, norm="batch"),
            "budget.steps": 20_000,
        },
    },
)
