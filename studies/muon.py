"""Muon.

Question    Does Muon need fewer steps than AdamW, and fewer seconds?
Sources     K. Jordan: Muon: An optimizer for hidden layers in neural networks, 2024,
            kellerjordan.github.io/posts/muon. J. Liu, J. Su and others: Muon is Scalable for LLM
            Training, 2025, arXiv:2502.16982. K. Wen, D. Hall, T. Ma, P. Liang: Fantastic
            Pretraining Optimizers and Where to Find Them, 2025, arXiv:2509.02046.
Method      AdamW divides each weight's step by the size of its gradients. Muon takes the momentum
            of a whole matrix and makes its singular values alike (five steps of Newton and
            Schulz). It is written out below, since PyTorch's takes no convolutions; as Jordan
            has it, the first and last matrix and all vectors are left to AdamW. An MLP with
            three hidden layers on digits, no weight decay.
Tuned       The rate, seed by seed, on validation: the same four levels for both.
Measured    Steps, and in trials that run alone seconds, until 85 % of validation is right; it is
            measured after every second step.
Equal       Steps, examples, initial weights.
Refuted if  AdamW needs fewer steps, or seconds, by a factor of 1.25; Muon's saving exceeds 1.4.
Pilots      Three seeds of their own, on validation, set rates, budgets and the level: a budget so
            short that accuracy at its end, which chooses the rate, tells how fast one got there.
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
    Optimizer,
    Part,
    Recipe,
    Study,
    Target,
    axis,
    curves,
    lines,
    looks,
    optimizer,
    shared,
)


@optimizer
def muon(parameters: Iterable[Any], lr: float) -> Any:
    """Muon (Jordan et al., 2024) for inner matrices; AdamW for the first, the last and all vectors.

    A convolution's weights count as a matrix with a row a channel. An update has the root mean
    square that AdamW's has, 0.2 · rate (Liu et al., 2025), so that one rate serves both.
    """
    import torch

    def orthogonal(matrix: Any) -> Any:
        """Five steps of Newton and Schulz: all singular values come near 1."""
        x = matrix / matrix.norm().clamp(min=1e-7)
        for _ in range(5):
            gram = x @ x.T
            x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
        return x

    class Muon(torch.optim.AdamW):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            inner, outer = self.param_groups
            for matrix in inner["params"]:
                kept = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
                kept.lerp_(matrix.grad, 0.05)
                ahead = matrix.grad.lerp(kept, 0.95).flatten(1)  # Nesterov's
                size = 0.2 * max(ahead.shape) ** 0.5
                matrix.sub_(inner["lr"] * size * orthogonal(ahead).view_as(matrix))
            self.param_groups = [outer]
            super().step(closure)
            self.param_groups = [inner, outer]

    everything = list(parameters)
    inner = {id(one): one for one in [one for one in everything if one.ndim > 1][1:-1]}
    rest = [one for one in everything if id(one) not in inner]
    return Muon([{"params": [*inner.values()]}, {"params": rest}], lr=lr, weight_decay=0.0)


RATE, RULE = "optimizer.lr", "optimizer"
SAID = "Muon needs fewer steps than AdamW"
rule = shared(source=SAID, arm={RULE: "muon"}, against={RULE: "adamw"}, scale="ratio")
AXES = (axis(RULE, (Optimizer("adamw"), muon())), axis(RATE, (0.003, 0.01, 0.03, 0.1)))

study = Study(
    title="Muon",
    question="Does Muon need fewer steps than AdamW, and fewer seconds?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits"),
        model=Model("mlp", widths=(64, 64, 64)),
        optimizer=Optimizer("adamw"),
        batch_size=64,
        budget=Budget(epochs=None, steps=60, evaluations=30),
    ),
    grid=AXES,
    seeds=looks(5, 10, 20),
    target=Target("validation/accuracy", 0.85),
    contexts={
        "lenet": {
            "model": Model("lenet"),
            "data.image_size": 16,
            "batch_size": 32,
            "budget.steps": 80,
            "budget.evaluations": 40,
            "seeds": looks(5, 10),
        },
        "transformer": {
            "model": Model("transformer", width=32, positions="rotary"),
            "data": Data("sorting", length=4, train_examples=4000, validation_examples=200),
            "batch_size": 32,
            "budget.steps": 40,
            "budget.evaluations": 20,
            "seeds": looks(5, 10),
        },
    },
    parts=(Part("clock", grid=AXES, alone=True),),
    claims=(
        rule(
            Difference,
            of="target/steps",
            direction="lower",
            matters=1.25,
            cites="Jordan 2024",
            contexts=("lenet", "transformer"),
        ).says(
            "Muon reaches 85 % in fewer steps than AdamW, each at its best rate.",
            because="A gradient's matrix has a few large singular values and many small ones. Muon "
            "steps equally far in all these directions, so that the rare ones, too, are learned at "
            "once.",
        ),
        rule(Equivalence, of="target/steps", matters=1.4, cites="Wen et al. 2025").says(
            "Muon saves less than a factor of 1.4 in steps if AdamW's rate is tuned as well.",
            because="A new rule is often compared with an old one whose rate nobody tuned again.",
        ),
        rule(
            Difference,
            of="target/seconds",
            part="clock",
            direction="lower",
            matters=1.25,
            cites="Jordan 2024",
        ).says(
            "It saves seconds, too.",
            because="Five products of matrices a step cost little beside the passes of a large "
            "network over a large batch. In a small one they do not, and each is a call.",
        ),
    ),
    views=(
        curves("validation/accuracy", colour=RULE, tuned=True).captioned(
            "Validation accuracy over epochs, each rule at its tuned rates: how far apart do they "
            "cross 85 %?"
        ),
        lines("target/steps", over=RATE, colour=RULE).captioned(
            "Steps to 85 % over the rate: where is each at its best?"
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "budget.steps": 4, "budget.evaluations": 2, RATE: (0.01, 0.03)},
        "full": {"data": Data("fashion_mnist"), "budget.steps": 500, "budget.evaluations": 100},
    },
)
