"""Gradient clipping.

Question    What does it bring to shorten a gradient that is too long?
Sources     R. Pascanu, T. Mikolov, Y. Bengio: On the difficulty of training recurrent neural
            networks, ICML 2013, arXiv:1211.5063. J. Zhang, T. He, S. Sra, A. Jadbabaie: Why
            gradient clipping accelerates training: A theoretical justification for adaptivity,
            ICLR 2020, arXiv:1905.11881.
Method      A plain recurrent network reads digits of 16×16 pixels row by row and then says which
            one it was, so that a gradient goes back through sixteen steps. It trains by SGD with the
            gradient as it is, or with its norm, over all parameters, cut to 1. The same is asked
            of networks that do not recur: an MLP and a LeNet.
Tuned       The rate, seed by seed, on validation: five levels for both; where a claim names one,
            nothing.
Measured    Accuracy on test after 300 steps; steps until 60 % of validation is right.
Equal       Steps, examples, initial weights.
Refuted if  clipping costs a point of accuracy, or ten at a rate of 0.8; training without it reaches
            60 % in fewer steps by a factor of 1.25.
Pilots      Three seeds of their own, on validation, set rates, steps and the level of 60 %: no
            network without clipping learned anything at 0.8.
"""

from __future__ import annotations

from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Model,
    Optimizer,
    Recipe,
    Study,
    Target,
    axis,
    curves,
    lines,
    looks,
    model,
    number,
    shared,
)


@model
def rows(shape: tuple[int, ...], outputs: int, *, width: int = number(32, low=1)) -> Any:
    """A recurrent network (tanh) that reads an image row by row, and then says its class."""
    from torch import nn

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = nn.RNN(shape[0] * shape[2], width, batch_first=True)
            self.head = nn.Linear(width, outputs)

        def forward(self, images: Any) -> Any:
            states, _ = self.recurrent(images.transpose(1, 2).flatten(2))
            return self.head(states[:, -1])

    return Rows()


RATE, CLIP = "optimizer.lr", "clip_norm"
clip = shared(source="Clip the gradient", arm={CLIP: 1.0}, against={CLIP: None})

study = Study(
    title="Gradient clipping",
    question="What does it bring to shorten a gradient that is too long?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits", image_size=16),
        model=rows(),
        optimizer=Optimizer("sgd"),
        batch_size=32,
        budget=Budget(epochs=None, steps=300, evaluations=20),
    ),
    grid=(axis(CLIP, (None, 1.0)), axis(RATE, (0.05, 0.1, 0.2, 0.4, 0.8))),
    seeds=looks(5, 10),
    target=Target("validation/accuracy", 0.6),
    contexts={
        "mlp": {"model": Model("mlp", widths=(64,)), RATE: (0.1, 0.2, 0.4, 0.8, 1.6)},
        "lenet": {"model": Model("lenet", init="xavier_uniform"), "budget.steps": 150},
    },
    claims=(
        clip(
            Difference,
            of="test/accuracy",
            direction="higher",
            matters=0.01,
            cites="Pascanu et al. 2013",
            contexts=("mlp", "lenet"),
        ).says(
            "A network trained with clipped gradients is more accurate, each at its best rate.",
            because="Going back through many steps multiplies a gradient by as many factors. Now "
            "and then it becomes a hundred times as long, and a single step undoes what hundreds "
            "learned. Who clips nothing has to take a rate that survives the worst step.",
        ),
        Difference(
            of="test/accuracy",
            arm={CLIP: 1.0, RATE: 0.8},
            against={CLIP: None, RATE: 0.8},
            direction="higher",
            matters=0.1,
            source="Clip the gradient",
            cites="Pascanu et al. 2013",
            says="Clipping bears larger rates: at 0.8 a clipped recurrent network learns ten points "
            "more than one that is not.",
            because="A clipped step is never longer than the rate, however steep the loss. "
            "The direction stays, and the next gradient can put right what the step did.",
        ),
        clip(
            Difference,
            of="target/steps",
            direction="lower",
            scale="ratio",
            matters=1.25,
            cites="Zhang et al. 2020",
        ).says(
            "Clipping saves steps to 60 % accuracy, each at its best rate.",
            because="Where the gradient is long the loss is mostly curved as well, and only there "
            "short steps are needed. Clipping shortens those and leaves the others as long as "
            "the larger rate makes them.",
        ),
    ),
    views=(
        curves("validation/loss", colour=CLIP, where={RATE: 0.8}).captioned(
            "Runs that clipping saved: the loss at a rate of 0.8, with clipping and without."
        ),
        lines("validation/accuracy", over=RATE, colour=CLIP).captioned(
            "Accuracy over the rate: how much further to the right does clipping reach, and is its "
            "best any higher?"
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "budget.steps": 5, "budget.evaluations": 1, RATE: (0.2, 0.8)},
        "full": {"data": Data("fashion_mnist"), "model.width": 256, "budget.steps": 5000},
    },
)
