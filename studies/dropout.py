"""Dropout.

Question    Does dropping units at random narrow the gap between training and test, and when does
            it help on new examples?
Notes       丢弃法（drop out）
Method      One hidden layer on digits, wide (512 units) or narrow (16), with few training examples
            (100) or many (1,000), after equal numbers of steps. Every arm at a seed sees the same
            examples in the same order from the same initial weights; the rate of learning is
            tuned by each seed for each arm. Apart from training, the layer itself is put to the
            three things it promises: the share of zeros, the mean it keeps, and that it does
            nothing outside training. The first two are counted over a million units and stated
            in standard errors of such a draw, of which five are allowed.
Seeds       How many seeds there are was changed after pilot runs, whose spread had been seen.
Refuted if  the gap does not narrow; test accuracy rises no more where a wide network has few
            examples than where it has many; a narrow network loses nothing; the layer breaks a
            promise.
Edition     Since the second edition claims are judged at looks, after 5, 10 and 20 seeds or, where
            seeds are dear, after 5 and 10. Which parts have them was chosen when results of the
            first edition were known. Its headline claims are asked in further contexts, too. A
            first run asked its contexts for up to 20 seeds; for their cost it is 10 now.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Identity,
    Interaction,
    Model,
    Optimizer,
    Part,
    Recipe,
    Study,
    axis,
    curves,
    define_metric,
    lines,
    looks,
    shared,
)
from suite.seeds import stream

FEW, MANY = 100, 1000
DRAWS = 1_000_000

SHARE = define_metric("dropout/share_error", "share of zeros less the rate, in standard errors")
MEAN = define_metric("dropout/mean_error", "change of the mean, in standard errors")
SCALING = define_metric("dropout/scaling_error", "error of the kept units' factor")
EVALUATION = define_metric("dropout/evaluation_change", "largest change of a unit in evaluation")


def layer(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return by how much the dropout layer misses what it promises."""
    import torch

    from suite.models.layers import Dropout

    rate = cell["rate"]
    dropout = Dropout(rate)
    dropout.generator = torch.Generator().manual_seed(stream(seed, "dropout"))
    ones = torch.ones(DRAWS, dtype=torch.float64)
    masked = dropout.train()(ones)
    zero = masked == 0
    values = torch.randn(
        1000, generator=torch.Generator().manual_seed(stream(seed, "init")), dtype=torch.float64
    )
    return {
        SHARE: (float(zero.double().mean()) - rate) / math.sqrt(rate * (1 - rate) / DRAWS),
        MEAN: (float(masked.mean()) - 1.0) / math.sqrt(rate / (1 - rate) / DRAWS),
        SCALING: float((masked[~zero] * (1 - rate) - 1.0).abs().max()),
        EVALUATION: float((dropout.eval()(values) - values).abs().max()),
    }


HALF, NONE = {"model.dropout": 0.5}, {"model.dropout": 0.0}
ON_FEW, ON_MANY = {"data.train_examples": FEW}, {"data.train_examples": MANY}
drops = shared(number=28, part="layer", source="随机屏蔽某些单元")
on_test = shared(number=27, of="test/accuracy", matters=0.01, source="正则化限制")

study = Study(
    title="Dropout",
    question="Does dropping units at random regularise, and when does it help?",
    notes="丢弃法（drop out）",
    recipe=Recipe(
        data=Data("digits"),
        model=Model("mlp", widths=(512,)),
        optimizer=Optimizer("sgd"),
        batch_size=50,
        budget=Budget(epochs=None, steps=400, evaluations=10),
    ),
    grid=(
        axis("data.train_examples", (FEW, MANY)),
        axis("model.dropout", (0.0, 0.5, 0.8)),
        axis("optimizer.lr", (0.03, 0.1, 0.3, 1.0, 3.0)),
    ),
    seeds=looks(5, 10, 20),
    revised=("main", "narrow"),
    contexts={
        "mnist": {"data.name": "mnist5k", "seeds": looks(5, 10)},
        "deeper": {"model.widths": (512, 512), "seeds": looks(5, 10)},
        "narrower": {"model.widths": (128,), "seeds": looks(5, 10)},
    },
    parts=(
        Part(
            "narrow",
            changes={"model.widths": (16,), "data.train_examples": MANY},
            grid=(
                axis("model.dropout", (0.0, 0.5)),
                axis("optimizer.lr", (0.03, 0.1, 0.3, 1.0, 3.0)),
            ),
        ),
        Part("layer", probe=layer, grid=(axis("rate", (0.1, 0.2, 0.5, 0.9)),), seeds=5),
    ),
    claims=(
        Difference(
            number=27,
            of="generalisation_gap",
            arm=ON_FEW | HALF,
            against=ON_FEW | NONE,
            direction="lower",
            matters=0.01,
            says="Dropout narrows the gap between training and test accuracy of a wide network on "
            "few examples.",
            source="丢弃法也是一种正则化限制",
            because="No unit can rely on any other, so what is learned is spread out. Where "
            "training accuracy stays at 100 %, the gap can only narrow by what test accuracy "
            "gains.",
        ),
        Difference(
            number=27,
            of="train/loss",
            arm=ON_MANY | {"model.dropout": 0.8},
            against=ON_MANY | NONE,
            direction="higher",
            matters=1.5,
            scale="ratio",
            says="Dropout limits the fit: the training loss stays higher.",
            source="正则化限制",
            because="The loss that is minimised is that of a network with units missing, which is "
            "not the one that is measured.",
        ),
        on_test(
            Difference,
            arm=ON_FEW | HALF,
            against=ON_FEW | NONE,
            direction="higher",
            contexts=("mnist", "deeper", "narrower"),
        ).says(
            "Dropout raises test accuracy where a wide network overfits few examples.",
            because="A limit helps by what it keeps the network from memorising. How much that is "
            "depends on the data: on small clean pictures little of it is noise.",
        ),
        on_test(
            Interaction, arm=HALF, against=NONE, within=ON_FEW, without=ON_MANY, direction="higher"
        ).says(
            "Dropout gains more test accuracy on few examples than on many.",
            because="The more examples, the less there is to overfit.",
        ),
        on_test(Difference, part="narrow", arm=HALF, against=NONE, direction="lower").says(
            "Where nothing is overfitted, in a narrow network on many examples, dropout costs test "
            "accuracy.",
            because="With half of sixteen units missing, too little is left to fit with.",
        ),
        drops(Identity, of=SHARE, tolerance=5.0).says(
            "Dropout masks units at random: the share of zeros is the rate.",
            because="Each unit is dropped by a coin of its own.",
        ),
        drops(Identity, of=MEAN, tolerance=5.0).says(
            "Dropout keeps the expectation of every unit.",
            because="What is kept, with probability 1 − p, is divided by 1 − p.",
        ),
        drops(Identity, of=SCALING, tolerance=1e-12).says(
            "A unit that is kept is divided by the probability of keeping it.",
            because="That is how the layer is written: inverted dropout.",
        ),
        drops(Identity, of=EVALUATION, tolerance=0.0).says(
            "Outside training dropout changes nothing.",
            because="The mean was kept in training, so nothing is left to correct.",
        ),
    ),
    views=(
        lines(
            "test/accuracy", over="model.dropout", colour="data.train_examples", tuned=True
        ).captioned(
            "Test accuracy of a wide network over the rate of dropout, learning rate tuned."
        ),
        lines(
            "generalisation_gap", over="model.dropout", colour="data.train_examples", tuned=True
        ).captioned("The gap between training and test accuracy over the rate of dropout."),
        lines("test/accuracy", over="model.dropout", tuned=True, part="narrow").captioned(
            "The same for a network of sixteen units on many examples."
        ),
        curves(
            "validation/loss",
            colour="model.dropout",
            where={"data.train_examples": FEW},
            tuned=True,
        ).captioned(
            "Validation loss over epochs on few examples, for each rate of dropout at its tuned "
            "learning rates."
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "layer.seeds": 2,
            "budget.steps": 20,
            "budget.evaluations": 1,
            "model.dropout": (0.0, 0.5),
            "optimizer.lr": (0.1, 1.0),
        },
        "full": {
            "data.name": "fashion_mnist",
            "data.train_examples": (FEW, MANY, 10_000),
            "model.dropout": (0.0, 0.1, 0.2, 0.5, 0.8, 0.9),
            "budget.steps": 2000,
        },
    },
)
