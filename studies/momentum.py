"""Momentum.

Question    Is momentum a larger learning rate, or more than that?
Sources     I. Sutskever, J. Martens, G. Dahl, G. Hinton: On the importance of initialization and
            momentum in deep learning, ICML 2013. J. Fu, B. Wang, H. Zhang, Z. Zhang, W. Chen,
            N. Zheng: When and Why Momentum Accelerates SGD: An Empirical Study, arXiv:2306.09000.
            R. Wang, S. Malladi, T. Wang, K. Lyu, Z. Li: The Marginal Value of Momentum for Small
            Learning Rate SGD, ICLR 2024, arXiv:2307.15196.
Method      With momentum m, a gradient that stays the same moves the weights by 1/(1 - m) of
            rate × gradient. The rate on this page is the effective one: what a gradient moves in
            the end. Plain SGD takes it as it is; momentum 0.9 takes a tenth of it in each step. Both
            see the same examples in the same order from the same initial weights, for equally
            many steps. An MLP on digits, in batches of 32 and of 512.
Tuned       Nothing, where a claim names a rate; else the effective rate, seed by seed, on
            validation, among the same levels for both.
Measured    The loss over the training split after the last step, and accuracy on test.
Equal       Steps, examples, effective rates.
Refuted if  at a small rate the training losses differ by a factor of 1.25; at a large one plain
            SGD reaches as low a loss; each at its best rate, they differ by a point in small
            batches, or momentum's loss in large ones is no lower.
Pilots      Up to three seeds of their own, on training loss and validation, set rates and steps.
            The LeNet of a context has batch normalisation, since in some seeds it had learned
            nothing yet without; with it, pilots said, the small rate is not far from its best.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Model,
    Recipe,
    Study,
    axis,
    lines,
    looks,
    number,
    optimizer,
    shared,
)


@optimizer
def sgd_by_effective_rate(
    parameters: Iterable[Any], lr: float, *, momentum: float = number(0.0, low=0.0, high=0.999)
) -> Any:
    """PyTorch's SGD, given the rate that a gradient has in the end: rate / (1 - momentum)."""
    import torch

    return torch.optim.SGD(parameters, lr=lr * (1 - momentum), momentum=momentum)


RATE, MOMENTUM, BATCH = "optimizer.lr", "optimizer.momentum", "batch_size"
SMALL, LARGE = {BATCH: 32}, {BATCH: 512}
WITH, PLAIN = {MOMENTUM: 0.9}, {MOMENTUM: 0.0}
rule = shared(source="Momentum is a larger learning rate")
by_loss = rule.also(of="train/loss", scale="ratio", matters=1.25)

study = Study(
    title="Momentum",
    question="Is momentum a larger learning rate, or more than that?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits"),
        model=Model("mlp", widths=(64,)),
        optimizer=sgd_by_effective_rate(),
        batch_size=32,
        budget=Budget(epochs=None, steps=300, evaluations=1),
    ),
    grid=(
        axis(BATCH, (32, 512)),
        axis(MOMENTUM, (0.0, 0.9)),
        axis(RATE, (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)),
    ),
    seeds=looks(5, 10, 20),
    contexts={
        "lenet": {
            "model": Model("lenet", norm="batch"),
            "data.image_size": 16,
            "seeds": looks(5, 10),
        },
        "mnist": {"data.name": "mnist5k"},
    },
    claims=(
        by_loss(
            Equivalence,
            arm=SMALL | WITH | {RATE: 0.1},
            against=SMALL | PLAIN | {RATE: 0.1},
            cites="Fu et al. 2023",
            contexts=("lenet", "mnist"),
        ).says(
            "At a small rate, momentum 0.9 fits as plain SGD does at ten times the rate.",
            because="Momentum spreads each gradient over the next steps; together they add up to "
            "ten times the rate. As long as the gradient hardly changes meanwhile, it does not "
            "matter when its share is taken.",
        ),
        by_loss(
            Difference,
            arm=SMALL | WITH | {RATE: 3.0},
            against=SMALL | PLAIN | {RATE: 3.0},
            direction="lower",
            cites="Fu et al. 2023",
        ).says(
            "At a large rate it does not: momentum reaches a lower training loss than plain SGD at ten "
            "times the rate.",
            because="A plain step that is too long jumps over the valley, and the next gradient "
            "points back. Momentum takes a tenth of the step at once and lets opposite gradients "
            "cancel: it bears larger effective rates.",
        ),
        rule(
            Equivalence,
            of="test/accuracy",
            matters=0.01,
            arm=SMALL | WITH,
            against=SMALL | PLAIN,
            cites="Wang et al. 2024",
        ).says(
            "In small batches both end equally accurate, each at its best rate.",
            because="Noise of small batches keeps the rate small, and at small rates momentum is "
            "only a larger rate.",
        ),
        by_loss(
            Difference,
            arm=LARGE | WITH,
            against=LARGE | PLAIN,
            direction="lower",
            cites="Sutskever et al. 2013",
        ).says(
            "In large batches momentum reaches a lower training loss, each at its best rate.",
            because="There curvature limits the rate, not noise. Momentum damps the steep "
            "directions and adds up steps along the flat ones, so that it may take larger rates.",
        ),
    ),
    views=(
        lines("train/loss", over=RATE, colour=MOMENTUM, where=SMALL).captioned(
            "Training loss over the effective rate, in batches of 32: the two lines are one where "
            "momentum is a larger rate. Where do they part?"
        ),
        lines("train/loss", over=RATE, colour=MOMENTUM, where=LARGE).captioned(
            "The same in batches of 512: how much larger a rate does momentum bear?"
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "budget.steps": 10, RATE: (0.1, 3.0)},
        "full": {
            "data.name": "fashion_mnist",
            "model": Model("resnet", depth=20),
            "budget.steps": 5000,
        },
    },
)
