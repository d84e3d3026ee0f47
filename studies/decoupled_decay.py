"""Decoupled decay.

Question    Should Adam's weight decay stand apart from the gradient, and should it leave biases
            and gains alone?
Sources     I. Loshchilov, F. Hutter: Decoupled Weight Decay Regularization, ICLR 2019,
            arXiv:1711.05101. J. Bjorck, K. Q. Weinberger, C. P. Gomes: Understanding Decoupled and
            Early Weight Decay, AAAI 2021. T. He, Z. Zhang, H. Zhang, Z. Zhang, J. Xie, M. Li: Bag
            of Tricks for Image Classification with Convolutional Neural Networks, CVPR 2019,
            arXiv:1812.01187.
Method      An MLP with batch normalisation on 200 digits, a fifth of them with random labels, so
            that decay has something to keep from being learned; the rate falls as a cosine. Adam
            adds decay × weight to the gradient (L2), AdamW takes rate × decay × weight off the
            weight: two scales, and so each has decays of its own. A probe decays weights whose
            gradients are noise of one size or another, by either rule, for 500 steps.
Tuned       Rate and decay, seed by seed, on validation, as many levels and steps for either arm.
Measured    Accuracy on test; in the probe, the share of a weight that is left.
Refuted if  Adam with L2 is more accurate by two points, or decays a weight alike whatever its
            gradients; decay of all parameters is more accurate by two points than decay that
            leaves biases and gains alone, tuned or far too strong.
Pilots      Up to four seeds of their own, on validation, set rates and decays.
Revised     A first run had the best rates of both contexts on the edge: their grids were moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Model,
    Optimizer,
    Part,
    Recipe,
    Schedule,
    Study,
    axis,
    define_metric,
    lines,
    looks,
    shared,
)

KEPT = define_metric("decay/kept", "share of a weight that is left after 500 steps")


def decayed(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Decay weights of 1, whose gradients are noise, and return their mean."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    weights = torch.ones(10_000, requires_grad=True)
    kind, decay = {"adam": (torch.optim.Adam, 0.01), "adamw": (torch.optim.AdamW, 0.1)}[
        cell["rule"]
    ]
    rule = kind([weights], lr=0.01, weight_decay=decay)
    for _ in range(500):
        weights.grad = cell["gradient"] * torch.randn(len(weights), generator=generator)
        rule.step()
    return {KEPT: float(weights.detach().mean())}


RULE, RATE, DECAY, WHAT = "optimizer", "optimizer.lr", "optimizer.weight_decay", "optimizer.decays"
TOLD = "Leave biases and gains out of weight decay"
RATES, DECAYS = axis(RATE, (0.03, 0.1, 0.3)), (0.3, 1.0, 3.0, 10.0)
SIZES = axis("gradient", (0.1, 0.3, 1.0, 3.0, 10.0))
LARGE, SMALL, LOWER = {"gradient": 10.0}, {"gradient": 0.1}, (0.01, 0.03, 0.1)
ALL, WEIGHTS, STRONG = {WHAT: "all"}, {WHAT: "weights"}, {RATE: 0.03, DECAY: 10.0}
decouple = shared(source="Decouple weight decay from the gradient in Adam")
noise = decouple.also(of=KEPT, part="noise")
spare = shared(source=TOLD, cites="He et al. 2019", part="parameters", of="test/accuracy")
spare = spare.also(direction="higher", matters=0.02)

study = Study(
    title="Decoupled decay",
    question="Should Adam's weight decay stand apart from the gradient, and spare biases and gains?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits", train_examples=200, random_labels=0.2),
        model=Model("mlp", widths=(64,), norm="batch"),
        optimizer=Optimizer("adamw"),
        schedule=Schedule("cosine"),
        batch_size=32,
        budget=Budget(epochs=None, steps=150, evaluations=1),
    ),
    grid=(
        axis(RULE, (Optimizer("adam"), Optimizer("adamw"))),
        RATES,
        axis(DECAY, {"adam": (0.003, 0.01, 0.03, 0.1), "adamw": DECAYS}, per=RULE),
    ),
    seeds=looks(5, 10),
    revised=("main", "parameters"),
    contexts={
        "clean_labels": {"data.random_labels": 0.0, "data.train_examples": 100, RATE: LOWER},
        "mnist": {"data.name": "mnist5k", "data.image_size": 14, RATE: (0.1, 0.3, 1.0)},
    },
    parts=(
        Part(
            "parameters", grid=(axis(WHAT, ("all", "weights")), RATES, axis(DECAY, (*DECAYS, 30.0)))
        ),
        Part("noise", probe=decayed, grid=(axis("rule", ("adam", "adamw")), SIZES), seeds=5),
    ),
    claims=(
        decouple(
            Difference,
            of="test/accuracy",
            arm={RULE: "adamw"},
            against={RULE: "adam"},
            direction="higher",
            matters=0.02,
            cites="Loshchilov & Hutter 2019",
            contexts=("clean_labels", "mnist"),
        ).says(
            "Adam with decoupled decay is more accurate than Adam with L2, both tuned.",
            because="L2 goes through Adam's normalisation with the gradient, so that weights with "
            "large gradients are decayed least; apart from it, all are decayed alike. Whether "
            "that shows on test depends on how unequal the gradients of the weights are.",
        ),
        noise(
            Difference,
            arm={"rule": "adam"} | LARGE,
            against={"rule": "adam"} | SMALL,
            direction="higher",
            matters=0.1,
            cites="Loshchilov & Hutter 2019",
        ).says(
            "With L2 in Adam, a weight with large gradients decays less than one with small ones.",
            because="Adam divides all that it gets, the penalty too, by the gradient's recent size.",
        ),
        noise(
            Equivalence,
            arm={"rule": "adamw"} | LARGE,
            against={"rule": "adamw"} | SMALL,
            matters=0.02,
            cites="Bjorck et al. 2021",
        ).says(
            "With decoupled decay a weight decays alike whatever the size of its gradients.",
            because="Rate × decay is taken off each weight, and nothing divides it.",
        ),
        spare(Difference, arm=WEIGHTS, against=ALL, contexts=("clean_labels",)).says(
            "Decay that leaves biases and gains alone is more accurate than decay of all, both tuned.",
            because="A bias or gain is one number a unit and can hardly overfit, so it need not be "
            "held small. But they are few, and the weights around can make up for them.",
        ),
        spare(Difference, arm=WEIGHTS | STRONG, against=ALL | STRONG).says(
            "Where decay is far too strong, leaving biases and gains alone saves accuracy.",
            because="Weights before a normalisation may shrink and nothing changes: it divides by "
            "their scale. The gains behind it set the scale of what the network says.",
        ),
    ),
    views=(
        lines("test/accuracy", over=DECAY, colour=RULE, tuned=True).captioned(
            "Accuracy over decay, each rule on a scale of its own: is one's best any higher?"
        ),
        lines(KEPT, over="gradient", colour="rule", part="noise").captioned(
            "What is left of a weight over the size of its gradients, by L2 and decoupled."
        ),
        lines("test/accuracy", over=DECAY, colour=WHAT, tuned=True, part="parameters").captioned(
            "Accuracy over decay, with biases and gains and without: where does it matter?"
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "budget.steps": 10, RATE: (0.03,)},
        "full": {"model": Model("resnet"), "data.train_examples": 1000, "budget.steps": 3000},
    },
)
