"""Softmax regression.

Question    What does softmax add to a linear layer, can it be computed as it is written down, and
            may its outputs be read as probabilities?
Notes       softmax回归: 输出不同类别概率, 同时被视作全连接层
Method      Softmax of random logits of three scales in single precision, in three ways: as the
            formula has it, with the largest logit taken away first, and by the logarithm of the
            sum of exponentials, as the training core's loss does. The network is held against one
            linear layer with the same weights, and its gradient against the formula (p - y)xᵀ, in
            double precision. Then it is trained as the book does (rate 0.1, batches of 256) on 200
            and on 2000 real digits, 800 steps each, and its probabilities are held against
            how often it is right on test: the expected calibration error in 15 bins.
Added       A first run had the book's rate only. It refuted that fewer examples make less honest
            outputs: on 2000 digits the network was still less sure than right. The rate of 0.5,
            which goes five times as far in as many steps, and its two claims were added then,
            after a look at one seed of 3000 steps at the book's rate; the others stand as first
            written.
Floor       Of 2000 test examples in 15 bins even honest probabilities would show an error of one
            to two points.
Refuted if  a row does not sum to 1; the formula breaks at no scale, or the other way at one; the
            network is more than a linear layer; probabilities are off by 6 points or more; or
            are more honest, by 2 points, on few examples.
Edition     Since the second edition claims are judged at looks, after 5, 10 and 20 seeds or, where
            seeds are dear, after 5 and 10. Which parts have them was chosen when results of the
            first edition were known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Identity,
    Model,
    Optimizer,
    Part,
    Recipe,
    Study,
    Threshold,
    axis,
    define_metric,
    images,
    lines,
    looks,
    shared,
)
from suite.seeds import stream

SUM = define_metric("softmax/sum_error", "sum of a row of probabilities less 1, largest")
BROKEN = define_metric(
    "softmax/broken", "rows of probabilities that are not numbers", unit="percent", better="lower"
)
BROKEN_LOSS = define_metric(
    "softmax/broken_loss",
    "losses that are infinite or not a number",
    unit="percent",
    better="lower",
)
EXCESS = define_metric("linear/parameters_excess", "parameters less 784 · 10 + 10")
LOGITS = define_metric("linear/logits_error", "logits less those of a linear layer, largest")
GRADIENT = define_metric("linear/gradient_error", "gradient less (p - y)x, largest")
CHANGED = define_metric("softmax/decisions_changed", "decisions that softmax changes")

CALIBRATION = "test/calibration_error"
WAYS = ("as_written", "less_the_largest", "log_sum_exp")


def numerics(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Compute the softmax of a thousand rows of ten logits in one way; count what breaks."""
    import torch

    draw = torch.Generator().manual_seed(stream(seed, "init"))
    logits = cell["scale"] * torch.randn(1000, 10, generator=draw)
    targets = torch.randint(10, (1000, 1), generator=draw)
    if cell["way"] == "log_sum_exp":
        logs = torch.log_softmax(logits, 1)
        probabilities = logs.exp()
    else:
        if cell["way"] == "less_the_largest":
            logits = logits - logits.max(1, keepdim=True).values
        powers = logits.exp()
        probabilities = powers / powers.sum(1, keepdim=True)
        logs = probabilities.log()
    whole = probabilities.isfinite().all(1)
    sums = probabilities[whole].double().sum(1)
    found = {
        BROKEN: float((~whole).double().mean()),
        BROKEN_LOSS: float((~logs.gather(1, targets).isfinite()).double().mean()),
    }
    return found | {SUM: float((sums - 1).abs().max())} if len(sums) else found


def layer(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return by how much softmax regression departs from a linear layer with the same weights."""
    import torch
    from torch.nn import functional as F

    from suite.models import build
    from suite.training.step import LOSSES, Step, prepare
    from suite.training.update_rules import make_rule

    n = cell["batch"]
    draw = torch.Generator().manual_seed(stream(seed, "order"))
    inputs = torch.randint(256, (n, 1, 28, 28), generator=draw, dtype=torch.uint8)
    targets = torch.randint(10, (n,), generator=draw)
    pixels = prepare(inputs).double()
    network = build(Model("softmax", init="normal"), (1, 28, 28), 10, seed).double()
    weights, bias = (one.detach().clone() for one in network.parameters())
    linear = F.linear(pixels.flatten(1), weights, bias)
    probabilities = torch.softmax(linear, 1)
    error = (probabilities - F.one_hot(targets, 10)) / n
    parameters = tuple(network.parameters())
    rule = make_rule(Optimizer("sgd"), parameters)
    result = Step(network, LOSSES["cross_entropy"], parameters, rule)(pixels, targets, 0.1)
    expected = (error.T @ pixels.flatten(1), error.sum(0))
    gaps = [
        (found - one).abs().max() for found, one in zip(result.gradients, expected, strict=True)
    ]
    return {
        EXCESS: float(sum(one.numel() for one in parameters) - 7850),
        LOGITS: float((result.outputs - linear).abs().max()),
        GRADIENT: float(max(gaps)),
        CHANGED: float((probabilities.argmax(1) != linear.argmax(1)).sum()),
    }


FEW, MANY = {"data.train_examples": 200}, {"data.train_examples": 2000}
BOOK, FAST = {"optimizer.lr": 0.1}, {"optimizer.lr": 0.5}
computed = shared(number=9, part="numerics", source="输出不同类别概率")
calibrated = shared(number=9, of=CALIBRATION, source="输出不同类别概率")
breaks = computed.also(of=BROKEN, direction="higher")
honest = calibrated.also(level=0.05, direction="lower", matters=0.01)
less_honest = calibrated.also(direction="higher", matters=0.02)
linear = shared(number=10, part="layer", source="同时被视作全连接层")

study = Study(
    title="Softmax regression",
    question="What does softmax add to a linear layer, and are its outputs probabilities?",
    notes="softmax回归",
    recipe=Recipe(
        data=Data("mnist5k"),
        model=Model("softmax", init="normal"),
        optimizer=Optimizer("sgd", lr=0.1),
        batch_size=256,
        budget=Budget(epochs=None, steps=800, evaluations=1),
    ),
    grid=(axis("data.train_examples", (200, 2000)), axis("optimizer.lr", (0.1, 0.5))),
    seeds=looks(5, 10, 20),
    revised=("main",),
    parts=(
        Part(
            "numerics",
            probe=numerics,
            grid=(axis("way", WAYS), axis("scale", (1, 50, 1000))),
            seeds=5,
        ),
        Part("layer", probe=layer, grid=(axis("batch", (1, 256)),), seeds=5),
    ),
    claims=(
        computed(Identity, of=SUM, arm={"way": "log_sum_exp"}, tolerance=1e-5).says(
            "The outputs of softmax sum to 1 in every row, whatever the logits.",
            because="Each is divided by the sum of all. Single precision leaves an error of some "
            "ten millionths.",
        ),
        computed(Identity, of=BROKEN, arm={"way": "as_written", "scale": 1}, tolerance=0.0).says(
            "Computed as written, softmax works for logits of scale 1.",
            because="Their exponentials are neither large nor small.",
        ),
        breaks(Threshold, arm={"way": "as_written", "scale": 50}, level=0.1, matters=0.1).says(
            "Computed as written, more than a tenth of the rows break at scale 50.",
            because="In single precision the exponential of more than 88.7 is infinite, and "
            "infinity over infinity is not a number.",
        ),
        breaks(Threshold, arm={"way": "as_written", "scale": 1000}, level=0.9, matters=0.05).says(
            "At scale 1000 nearly all rows break.",
            because="One logit in ten above 88.7 is enough to spoil a row.",
        ),
        computed(Identity, of=BROKEN_LOSS, arm={"way": "less_the_largest"}, tolerance=0.0).says(
            "With the largest logit taken away first, the logarithm of softmax is safe.",
            because="Nothing overflows, but a probability may still round to zero, and the loss "
            "takes its logarithm.",
        ),
        computed(Identity, of=BROKEN_LOSS, arm={"way": "log_sum_exp"}, tolerance=0.0).says(
            "With the logarithm of the sum of exponentials, no loss breaks at any scale.",
            because="The logarithm and the exponential cancel on paper, so neither is computed. "
            "This is why a network hands its logits to the loss, without a softmax.",
        ),
        honest(Threshold, arm=MANY | BOOK).says(
            "After training on 2000 digits, the outputs may be read as probabilities: they are "
            "less than 5 points from how often they are right.",
            because="Cross-entropy is lowest at honest probabilities, but training sets out from "
            "one tenth for every class. Cut short, it leaves a network that is right more often "
            "than it says.",
        ),
        less_honest(Difference, arm=FEW | BOOK, against=MANY | BOOK).says(
            "Trained as long on 200 digits, the outputs are less honest.",
            because="Two faults may cancel: on few examples the network soon becomes too sure for "
            "new ones, which makes up for training that was cut short.",
        ),
        honest(Threshold, arm=MANY | FAST).says(
            "With five times the rate they are, too: less than 5 points off.",
            because="Cross-entropy is lowest at honest probabilities, and training has come nearer "
            "to its lowest point.",
        ),
        less_honest(Difference, arm=FEW | FAST, against=MANY | FAST).says(
            "With five times the rate, 200 digits leave outputs that are less honest.",
            because="Cross-entropy is honest about the examples it is computed on. There the "
            "network is right always and sure of it; on new ones it is right less often.",
        ),
        linear(Identity, of=EXCESS, tolerance=0.0).says(
            "For 28×28 pixels and ten classes it has 7,850 parameters, those of one fully "
            "connected layer.",
            because="784 · 10 weights and 10 biases. Softmax itself has none.",
        ),
        linear(Identity, of=LOGITS, tolerance=1e-12).says(
            "Its logits are those of a linear layer.",
            because="Every pixel is connected to every output.",
        ),
        linear(Identity, of=GRADIENT, tolerance=1e-12).says(
            "Its gradient is that of a linear layer whose error is probability minus label.",
            because="The derivative of the cross-entropy of softmax is p - y, as simple as the "
            "error of linear regression.",
        ),
        linear(Identity, of=CHANGED, tolerance=0.0).says(
            "Softmax changes no decision: the largest logit is the most probable class.",
            because="The exponential keeps the order. So accuracy can do without it.",
        ),
    ),
    views=(
        lines(BROKEN_LOSS, over="scale", colour="way", part="numerics").captioned(
            "Losses that break over the scale of the logits, computed in three ways."
        ),
        lines(CALIBRATION, over="data.train_examples", colour="optimizer.lr").captioned(
            "How far probabilities are from how often they are right, over the examples."
        ),
        lines("test/accuracy", over="data.train_examples", colour="optimizer.lr").captioned(
            "Test accuracy of the same networks: honest is not the same as right."
        ),
        images("first weights").captioned(
            "Where each class looks for ink: each output weighs every pixel once."
        ),
        images("mistakes").captioned(
            "What a network that only weighs single pixels mistakes for what."
        ),
    ),
    tiers={
        "smoke": {
            **dict.fromkeys(("seeds", "numerics.seeds", "layer.seeds"), 2),
            "budget.steps": 10,
            "scale": (1, 1000),
        },
        "full": {
            "data.name": "fashion_mnist",
            "budget.steps": 2350,
            "data.train_examples": (200, 2000, 20_000, None),
            **dict.fromkeys(("seeds", "numerics.seeds", "layer.seeds"), 16),
        },
    },
)
