"""Update rules, in place over lists of tensors.

The arithmetic and its order are those of torch.optim's single-tensor code, so sequential float32
results agree bit for bit with it. Lists go through `torch._foreach_*`, which torch.optim is built
on: one call updates every tensor of the network.

Where cells are stacked, every tensor has a leading dimension of cells, and a factor that differs
between them is a tensor `(cells,)` instead of a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from suite.vocabulary.optimizer import Optimizer

Tensors = list[Tensor] | tuple[Tensor, ...]
Factor = float | Tensor


class UpdateRule(Protocol):
    """Moves parameters along their gradients; keeps what it must between steps.

    Attributes:
        state: every tensor and number kept, by name: all that a checkpoint needs.
    """

    state: dict[str, list[Tensor] | int]

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        """Update `parameters` in place; leave `gradients` as they are."""


class Factors(NamedTuple):
    """What a rule multiplies by, besides the learning rate; None is a term that is left out."""

    momentum: Factor | None
    weight_decay: Factor | None
    eps: Factor
    stacked: bool


def make_rule(
    optimizer: Optimizer, parameters: Tensors, stacked: Sequence[Optimizer] = ()
) -> UpdateRule:
    """Return the rule that a Recipe's optimizer names.

    Args:
        stacked: the optimizer of each cell where cells are stacked; they differ in factors only.
    """
    like = parameters[0]

    def factor(name: str) -> Factor:
        values = [getattr(one, name) for one in stacked]
        same = len(set(values)) < 2
        return getattr(optimizer, name) if same else like.new_tensor(values)

    def unless_zero(value: Factor) -> Factor | None:
        return None if isinstance(value, float) and value == 0.0 else value

    momentum, decay = unless_zero(factor("momentum")), unless_zero(factor("weight_decay"))
    factors = Factors(momentum, decay, factor("eps"), bool(stacked))
    kind = SGD if optimizer.name == "sgd" else Adam
    return kind(optimizer, parameters, factors)


def by_cell(factor: Tensor, tensors: Tensors) -> list[Tensor]:
    """Return the factor `(cells,)` once for each tensor, in a shape that multiplies its cells."""
    return [factor.view(-1, *[1] * (tensor.ndim - 1)) for tensor in tensors]


def plus(tensors: Tensors, others: Tensors, factor: Factor) -> Tensors:
    """Return tensors + factor · others."""
    if isinstance(factor, Tensor):
        return torch._foreach_addcmul(tensors, others, by_cell(factor, others))
    return torch._foreach_add(tensors, others, alpha=factor)


def add_(tensors: Tensors, others: Tensors, factor: Factor) -> None:
    """Add factor · others in place."""
    if isinstance(factor, Tensor):
        torch._foreach_addcmul_(tensors, others, by_cell(factor, others))
    else:
        torch._foreach_add_(tensors, others, alpha=factor)


def multiply_(tensors: Tensors, factor: Factor) -> None:
    """Multiply in place."""
    if isinstance(factor, Tensor) and factor.ndim:
        torch._foreach_mul_(tensors, by_cell(factor, tensors))
    else:
        torch._foreach_mul_(tensors, factor)


class SGD:
    """Stochastic gradient descent with weight decay as an L2 penalty and momentum.

    Momentum is PyTorch's form (velocity = momentum · velocity + gradient), Nesterov's that of
    Sutskever et al. (2013) in the same form. With `max_norm` every update ends with a projection
    onto that ball: projected gradient descent.
    """

    def __init__(self, optimizer: Optimizer, parameters: Tensors, factors: Factors) -> None:
        self.optimizer, self.factors = optimizer, factors
        self.state: dict[str, list[Tensor] | int] = {}
        if factors.momentum is not None:
            # Zero velocity gives a first step equal to the gradient, as torch.optim's copy does.
            self.velocity = [torch.zeros_like(p) for p in parameters]
            self.state["velocity"] = self.velocity

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        o, (momentum, decay, _, stacked) = self.optimizer, self.factors
        if decay is not None:
            gradients = plus(gradients, parameters, decay)
        if momentum is not None:
            multiply_(self.velocity, momentum)
            torch._foreach_add_(self.velocity, gradients)
            gradients = plus(gradients, self.velocity, momentum) if o.nesterov else self.velocity
        add_(parameters, gradients, -lr)
        if o.max_norm is not None:
            project(parameters, o.max_norm, stacked=stacked)


def project(parameters: Tensors, radius: float, *, stacked: bool = False) -> None:
    """Move `parameters`, taken as one vector (one a cell), to the nearest point of the ball."""
    if stacked:
        norms = [torch.linalg.vector_norm(p.flatten(1), dim=1) for p in parameters]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)
    else:
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(parameters)))
    # No branch and no look at the norm: on a GPU that would wait for the device. A norm of zero
    # gives an infinite factor, and that is clamped too.
    multiply_(parameters, (radius / norm).clamp(max=1.0))


class Adam:
    """Adam (Kingma and Ba, 2015), and, as `adamw`, with decoupled decay (Loshchilov and Hutter, 2019).

    `adam` adds the decay to the gradient, where the second moment rescales it; `adamw` shrinks
    the weights themselves. They are different methods under one parameter name.
    """

    def __init__(self, optimizer: Optimizer, parameters: Tensors, factors: Factors) -> None:
        self.optimizer, self.factors = optimizer, factors
        self.first = [torch.zeros_like(p) for p in parameters]
        self.second = [torch.zeros_like(p) for p in parameters]
        self.state: dict[str, list[Tensor] | int] = {
            "first": self.first,
            "second": self.second,
            "steps": 0,
        }

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        o, (_, decay, eps, _) = self.optimizer, self.factors
        beta1, beta2 = o.betas
        steps = self.state["steps"]
        assert isinstance(steps, int)
        steps += 1
        self.state["steps"] = steps
        if decay is not None and o.name == "adamw":
            multiply_(parameters, 1 - lr * decay)
        elif decay is not None:
            gradients = plus(gradients, parameters, decay)
        torch._foreach_lerp_(self.first, gradients, 1 - beta1)
        torch._foreach_mul_(self.second, beta2)
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - beta2)
        denominator = torch._foreach_sqrt(self.second)
        torch._foreach_div_(denominator, (1 - beta2**steps) ** 0.5)
        torch._foreach_add_(
            denominator, by_cell(eps, denominator) if isinstance(eps, Tensor) else eps
        )
        step = -lr / (1 - beta1**steps)
        if isinstance(step, Tensor):
            add_(parameters, torch._foreach_div(self.first, denominator), step)
        else:
            torch._foreach_addcdiv_(parameters, self.first, denominator, step)
