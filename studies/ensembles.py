"""Ensembles.

Question    Are five small networks, trained apart and asked together, better than one of them? And
            than one network with as many parameters as the five?
Sources     Lakshminarayanan, Pritzel, Blundell (2017), Simple and scalable predictive uncertainty
            estimation using deep ensembles, NeurIPS, arXiv:1612.01474. Rahaman, Thiery (2021),
            Uncertainty quantification and deep ensembles, NeurIPS, arXiv:2007.08792: not always
            better calibrated. Abe, Buchanan, Pleiss, Zemel, Cunningham (2022), Deep ensembles work,
            but are they necessary?, NeurIPS, arXiv:2202.06985: one larger network does the same.
Varies      One network with a hidden layer of 24 units, two or five of them, or one of 120 units,
            which has as many parameters as five (but for 40 of 24,890), on 1,000 of MNIST's
            digits at 14×14 pixels.
Equal       The members' losses are added up, so each is trained by Adam just as if it were alone;
            at a seed they see the same batches and differ by their initial weights. Whole
            ensembles are tuned: 400 steps, three rates for each arm, of which each seed takes the
            one best on its validation accuracy. Contexts: digits; a fifth of the labels random, where
            the rates are lower.
Measured    On test, of the averaged probabilities: accuracy, cross-entropy (which asks that
            probabilities be right and sharp) and expected calibration error.
Refuted if  five are half a point less accurate than one; their cross-entropy is a twentieth
            higher than the large one's; their calibration error is a point higher than one's; the
            large one differs from them in accuracy by more than a point.
Pilots      Three seeds, validation and training only, set rates and steps.
Changed     After a run by SGD and two by Adam, each with a best rate on an edge of its grid; the second
            cost too much (four rates, ten seeds in contexts). Claims and margins are as first written.
"""

from __future__ import annotations

from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Optimizer,
    Recipe,
    Study,
    axis,
    lines,
    looks,
    loss,
    model,
    number,
    shared,
)


@model
def ensemble(
    shape: Any, outputs: int, *, members: int = number(5, low=1), width: int = number(24, low=1)
) -> Any:
    """Networks of one hidden layer: the logarithm of their mean probabilities, then their scores."""
    import math

    import torch
    from torch import nn

    class Ensemble(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(math.prod(shape), members * width)  # of all members at once
            self.last = nn.ModuleList(nn.Linear(width, outputs) for _ in range(members))

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            units = self.first(images.flatten(1)).relu().split(width, 1)
            scores = torch.stack([one(own) for one, own in zip(self.last, units, strict=True)], 1)
            mean = scores.log_softmax(2).logsumexp(1) - math.log(members)
            return mean, scores  # `(n, outputs)`, which is measured, and `(n, members, outputs)`

    return Ensemble()


@loss
def each_alone(outputs: Any, targets: Any) -> Any:
    """The members' cross-entropies, added up: the gradient of each is that of its own."""
    from torch.nn import functional as F

    # A network that is no ensemble returns no tuple, and is its only member.
    scores = outputs[1] if isinstance(outputs, tuple) else outputs[:, None]
    return scores.shape[1] * F.cross_entropy(
        scores.flatten(0, 1), targets.repeat_interleave(scores.shape[1])
    )


ONE, FIVE, LARGE = ({"networks": one} for one in ("one", "five", "one five times as large"))
LR, CONTEXTS = "optimizer.lr", ("digits", "wrong_labels")
rule = shared(source="Five networks beat one, and beat one five times as large")
known = rule.also(cites="Lakshminarayanan et al. 2017")
accurate = known.also(of="test/accuracy", contexts=CONTEXTS)
disputed = rule.also(of="test/accuracy", cites="Abe et al. 2022")
likelier = known.also(of="test/cross_entropy", matters=1.05, scale="ratio", direction="lower")
calibrated = known.also(of="test/calibration_error", matters=0.01, direction="lower")

study = Study(
    title="Ensembles",
    question="Are five networks asked together better than one, and than one five times as large?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("mnist5k", train_examples=1000, validation_examples=500, image_size=14),
        model=ensemble(),
        optimizer=Optimizer("adam"),
        loss=each_alone(),
        metrics=("cross_entropy",),
        batch_size=50,
        budget=Budget(epochs=None, steps=400, evaluations=1),
    ),
    grid=(
        axis(
            "networks",
            {
                "one": {"model.members": 1},
                "two": {"model.members": 2},
                "five": {"model.members": 5},
                "one five times as large": {"model.members": 1, "model.width": 120},
            },
        ),
        axis(LR, (0.01, 0.03, 0.1)),
    ),
    seeds=looks(5, 10, 20),
    revised=("main",),
    contexts={
        "digits": {"data": Data("digits", train_examples=900), "seeds": 5},
        "wrong_labels": {"data.random_labels": 0.2, LR: (0.001, 0.003, 0.01), "seeds": 5},
    },
    claims=(
        accurate(Difference, arm=FIVE, against=ONE, direction="higher", matters=0.005).says(
            "Five networks asked together are more accurate than one of them.",
            because="Each has found other weights and errs on other images. Where one errs alone, "
            "the others outvote it.",
        ),
        likelier(Difference, arm=FIVE, against=LARGE, contexts=CONTEXTS).says(
            "Five networks give better probabilities than one with as many parameters: their "
            "cross-entropy on test is lower.",
            because="Where members disagree, the mean is unsure. One network has no one to "
            "disagree with, but it has five times as many units to choose from.",
        ),
        calibrated(Difference, arm=FIVE, against=ONE).says(
            "Five networks asked together are better calibrated than one of them.",
            because="A mean of probabilities is less sure than its members. That helps where they "
            "are too sure, and harms where they were right to be as sure as they are.",
        ),
        disputed(Equivalence, arm=FIVE, against=LARGE, matters=0.01).says(
            "One network with as many parameters is as accurate as the five.",
            because="A wide layer is a crowd of units as well, and its mean is taken by the layer "
            "that follows.",
        ),
    ),
    views=(
        lines("test/accuracy", over="networks", tuned=True).captioned(
            "Accuracy: how much of the gain of five networks has one of their size?"
        ),
        lines("test/cross_entropy", over="networks", tuned=True).captioned(
            "Cross-entropy on test, in nats: whose probabilities are best?"
        ),
        lines("test/calibration_error", over="networks", tuned=True).captioned(
            "How far confidence is from being right, for the same networks."
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "budget.steps": 10, LR: (0.01,)},
        "full": {
            "data.name": "fashion_mnist",
            "data.train_examples": None,
            "data.image_size": None,
            "batch_size": 256,
            "budget.steps": 10_000,
        },
    },
)
