"""Gradient descent.

Question    What does one step of gradient descent do, what is the learning rate the size of, and
            when is it too large or too small?
Notes       基础优化算法: 梯度下降法, 学习率
Method      Where the answer is known on paper, the repository's own step and update rules are held
            against it, in float64. On x², every step multiplies x by 1 - 2 · rate. In a small
            network, the length of every step is held against that of the gradient. On the
            quadratic ½ Σ λ w² with ten curvatures λ, the largest four times the smallest, what
            decides is rate × largest curvature; a rotation of the axes would change none of it.
Says what   The notes call the rate the step's length, the norm of a vector, and say that a large
            one keeps oscillating. Both are put on trial as they are said, and as they are right.
Refuted if  x departs from the formula by more than rounding; a step of SGD is not rate × gradient;
            the steepest weight oscillates below 1 or does not above; the loss falls above 2; a
            rate that oscillates does not converge; a tiny rate costs less than twice the steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from suite import (
    Difference,
    Identity,
    Model,
    Optimizer,
    Part,
    Study,
    Threshold,
    axis,
    define_metric,
    lines,
    shared,
)
from suite.seeds import stream

POSITION = define_metric("square/error", "departure from x(1 - 2 · rate)^t, relative")
RATIO = define_metric("step/ratio_error", "step's length over rate × gradient's norm, less 1")
LENGTH = define_metric("step/length_error", "step's length over the rate, less 1, largest")
CROSSED = define_metric("steepest/crossed", "steps that cross the minimum", unit="percent")
CROSSING_ERROR = define_metric(
    "steepest/crossing_error", "share of steps that cross the minimum, less that foretold"
)
GROWTH = define_metric("loss/log10_growth", "growth of the loss in 100 steps, log10")
STEPS = define_metric("steps/to_millionth", "steps to a millionth of the loss", unit="count")

SQUARE_STEPS = 50
STEPS_COUNTED = 100
MOST_STEPS = 10_000
RULES = {
    "sgd": Optimizer("sgd", lr=0.05),
    "momentum": Optimizer("sgd", lr=0.05, momentum=0.9),
    "adam": Optimizer("adam", lr=0.05),
}


def square(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Descend x² from a random start; return how far the end is from the formula's."""
    import torch

    from suite.training.step import Step
    from suite.training.update_rules import make_rule

    draw = torch.Generator().manual_seed(stream(seed, "init"))
    start = torch.randn(1, generator=draw, dtype=torch.float64)
    x = start.clone().requires_grad_()
    rule = make_rule(Optimizer("sgd"), [x])
    step = Step(lambda _: x, lambda outputs, _: outputs.square().sum(), (x,), rule)
    for _ in range(SQUARE_STEPS):
        step(start, start, cell["rate"])
    foretold = float(start) * (1 - 2 * cell["rate"]) ** SQUARE_STEPS
    return {POSITION: abs(float(x.detach()) - foretold) / (abs(foretold) or 1.0)}


def step_length(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Train a small network for twenty steps; hold each step's length against the gradient's."""
    import torch
    from torch.nn import functional as F

    from suite.models import build
    from suite.training.step import Step
    from suite.training.update_rules import make_rule

    draw = torch.Generator().manual_seed(stream(seed, "order"))
    inputs = torch.randn(64, 8, generator=draw, dtype=torch.float64)
    targets = torch.randint(4, (64,), generator=draw)
    network = build(Model("mlp", widths=(16,)), (8,), 4, seed).double()
    parameters, optimizer = tuple(network.parameters()), RULES[cell["rule"]]
    step = Step(network, F.cross_entropy, parameters, make_rule(optimizer, parameters))
    ratios, lengths = [], []
    for _ in range(20):
        before = torch.nn.utils.parameters_to_vector(parameters).detach()
        gradient = torch.cat([g.flatten() for g in step(inputs, targets, optimizer.lr).gradients])
        moved = torch.nn.utils.parameters_to_vector(parameters).detach() - before
        length = float(moved.norm()) / optimizer.lr
        lengths.append(abs(length - 1))
        ratios.append(abs(length / float(gradient.norm()) - 1))
    return {RATIO: max(ratios), LENGTH: max(lengths)}


def quadratic(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Descend a quadratic; return how often the steepest weight changes sign and what it cost."""
    import torch

    from suite.training.step import Step
    from suite.training.update_rules import make_rule

    draw = torch.Generator().manual_seed(stream(seed, "init"))
    weights, scale = torch.randn(10, generator=draw), torch.rand(1, generator=draw)
    # Steepest last; the scale differs by seed, since only rate × curvature is to matter.
    curvatures = torch.linspace(0.25, 1.0, 10, dtype=torch.float64) * 10 ** (2 * scale - 1)
    weights = weights.double().requires_grad_()
    step = Step(
        lambda _: weights,
        lambda outputs, _: (curvatures * outputs.square()).sum() / 2,
        (weights,),
        make_rule(Optimizer("sgd"), [weights]),
    )
    product = cell["rate_times_curvature"]
    rate, crossed = product / float(curvatures[-1]), 0
    found: dict[str, float] = {}
    first = float(curvatures @ weights.detach().square()) / 2
    for done in range(MOST_STEPS):
        side = float(weights.detach()[-1])
        loss = float(step(curvatures, curvatures, rate).loss)  # of the weights before the step
        if loss <= 1e-6 * first:
            found.setdefault(STEPS, float(done))
        if done == STEPS_COUNTED:
            found[GROWTH] = math.log10(loss / first)
        if done >= STEPS_COUNTED and (STEPS in found or loss > first):
            break
        if done < STEPS_COUNTED:
            crossed += (side < 0) != (float(weights.detach()[-1]) < 0)
    share = crossed / STEPS_COUNTED
    return found | {CROSSED: share, CROSSING_ERROR: share - (product > 1)}


oscillates = shared(number=6, source="学习率过大会持续震荡")
step = shared(number=5, part="step", tolerance=1e-9)
grows = oscillates.also(of=GROWTH, level=0.0, matters=1.0)

study = Study(
    title="Gradient descent",
    question="What does a step do, and when is the learning rate too large or too small?",
    notes="梯度下降法",
    probe=quadratic,
    grid=(axis("rate_times_curvature", (0.01, 0.1, 0.5, 0.9, 1.1, 1.5, 1.9, 2.1, 3.0)),),
    seeds=5,
    parts=(
        Part(
            "square", probe=square, grid=(axis("rate", (0.01, 0.1, 0.4, 0.5, 0.9, 1.1)),), seeds=3
        ),
        Part("step", probe=step_length, grid=(axis("rule", tuple(RULES)),)),
    ),
    claims=(
        Identity(
            number=2,
            part="square",
            of=POSITION,
            tolerance=1e-12,
            says="On x², gradient descent ends where the formula says: x(1 - 2 · rate)^t.",
            source="梯度下降法",
            because="The gradient of x² is 2x, so a step takes away 2 · rate of x, whatever x is. "
            "It is compound interest: 50 steps are 50 factors.",
        ),
        step(Identity, of=RATIO, arm={"rule": "sgd"}, source="每次调整时的步长").says(
            "In SGD the learning rate is the step's length over the gradient's.",
            because="The step is the gradient times the rate, so both are equally long but for it.",
        ),
        step(Identity, of=LENGTH, arm={"rule": "sgd"}, source="我的理解是向量的模长").says(
            "The learning rate is the length of the step, the norm of a vector.",
            because="It multiplies a norm and is not one. Where the gradient is small, so is the "
            "step, with no change of rate: that is how descent comes to rest.",
        ),
        step(Identity, of=RATIO, arm={"rule": "momentum"}, source="每次调整时的步长").says(
            "With momentum, too, a step is as long as rate × gradient.",
            because="A step of momentum carries the earlier gradients along. At 0.9 and with a "
            "gradient that stays the same, it grows to ten times rate × gradient.",
        ),
        step(Identity, of=RATIO, arm={"rule": "adam"}, source="每次调整时的步长").says(
            "In Adam, too, a step is as long as rate × gradient.",
            because="Adam divides the gradient by its own recent size. Each weight moves by about "
            "the rate, however small its gradient.",
        ),
        oscillates(Identity, of=CROSSING_ERROR, tolerance=0.0).says(
            "The weight of largest curvature crosses the minimum in every step if rate × curvature "
            "is above 1, and in none if it is below.",
            because="A step multiplies it by 1 - rate × curvature. A negative factor changes its "
            "sign every time.",
        ),
        grows(Threshold, arm={"rate_times_curvature": 1.5}, direction="higher").says(
            "A rate that oscillates keeps oscillating: at a product of 1.5 the loss does not fall.",
            because="The weight jumps over the minimum, but lands at half the distance. Between 1 "
            "and 2 the oscillation dies out.",
        ),
        grows(Threshold, arm={"rate_times_curvature": 1.9}, direction="lower").says(
            "Just below 2 the loss still falls, by more than a factor of ten.",
            because="At 1.9 each jump lands at nine tenths of the distance.",
        ),
        grows(Threshold, arm={"rate_times_curvature": 2.1}, direction="higher").says(
            "Just above 2 the loss grows without end.",
            because="At 2.1 each jump lands at eleven tenths of the distance. One steep direction "
            "is enough to spoil all the others.",
        ),
        Difference(
            number=6,
            of=STEPS,
            arm={"rate_times_curvature": 0.01},
            against={"rate_times_curvature": 0.9},
            direction="higher",
            matters=2.0,
            scale="ratio",
            says="A rate that is too small makes the computation longer.",
            source="过小会加大计算难度",
            because="Steps that are ninety times shorter are needed about ninety times as often.",
        ),
    ),
    views=(
        lines(GROWTH, over="rate_times_curvature").captioned(
            "Loss after 100 steps, in powers of ten: where does it cross zero?"
        ),
        lines(CROSSED, over="rate_times_curvature").captioned(
            "Share of steps in which the steepest weight jumps over the minimum."
        ),
        lines(STEPS, over="rate_times_curvature").captioned(
            "Steps to a millionth of the loss. Above a product of 2 it is never reached."
        ),
        lines(RATIO, over="rule", part="step").captioned(
            "How far a step's length is from rate × gradient, for three update rules."
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "square.seeds": 2,
            "rate": (0.1, 0.5, 1.1),
            "rate_times_curvature": (0.1, 0.9, 1.1, 2.1),
        },
        "full": {
            "seeds": 32,
            "rate_times_curvature": (
                *(0.01, 0.03, 0.1, 0.3, 0.5, 0.9, 0.99),
                *(1.01, 1.1, 1.3, 1.5, 1.7, 1.9, 1.99, 2.01, 2.1, 2.5, 3.0),
            ),
        },
    },
)
