"""Update rules, in place over lists of tensors.

The arithmetic and its order are those of torch.optim's single-tensor code, so sequential float32
results agree bit for bit with it. Lists go through `torch._foreach_*`, which torch.optim is built
on: one call updates every tensor of the network.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from suite.recipe import Optimizer

Tensors = list[Tensor] | tuple[Tensor, ...]


class UpdateRule(Protocol):
    """Moves parameters along their gradients; keeps what it must between steps.

    Attributes:
        state: every tensor and number kept, by name: all that a checkpoint needs.
    """

    state: dict[str, list[Tensor] | int]

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: float) -> None:
        """Update `parameters` in place; leave `gradients` as they are."""


def make_rule(optimizer: Optimizer, parameters: Tensors) -> UpdateRule:
    """Return the rule that a Recipe's optimizer names."""
    if optimizer.name == "sgd":
        return SGD(optimizer, parameters)
    return Adam(optimizer, parameters)


class SGD:
    """Stochastic gradient descent with weight decay as an L2 penalty and momentum.

    Momentum is PyTorch's form (velocity = momentum · velocity + gradient), Nesterov's that of
    Sutskever et al. (2013) in the same form. With `max_norm` every update ends with a projection
    onto that ball: projected gradient descent.
    """

    def __init__(self, optimizer: Optimizer, parameters: Tensors) -> None:
        self.optimizer = optimizer
        self.state: dict[str, list[Tensor] | int] = {}
        if optimizer.momentum:
            # Zero velocity gives a first step equal to the gradient, as torch.optim's copy does.
            self.velocity = [torch.zeros_like(p) for p in parameters]
            self.state["velocity"] = self.velocity

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: float) -> None:
        o = self.optimizer
        if o.weight_decay:
            gradients = torch._foreach_add(gradients, parameters, alpha=o.weight_decay)
        if o.momentum:
            torch._foreach_mul_(self.velocity, o.momentum)
            torch._foreach_add_(self.velocity, gradients)
            if o.nesterov:
                gradients = torch._foreach_add(gradients, self.velocity, alpha=o.momentum)
            else:
                gradients = self.velocity
        torch._foreach_add_(parameters, gradients, alpha=-lr)
        if o.max_norm is not None:
            project(parameters, o.max_norm)


def project(parameters: Tensors, radius: float) -> None:
    """Move `parameters`, taken as one vector, to the nearest point of the ball, in place."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(parameters)))
    # No branch and no look at the norm: on a GPU that would wait for the device. A norm of zero
    # gives an infinite factor, and that is clamped too.
    torch._foreach_mul_(parameters, (radius / norm).clamp(max=1.0))


class Adam:
    """Adam (Kingma and Ba, 2015), and, as `adamw`, with decoupled decay (Loshchilov and Hutter, 2019).

    `adam` adds the decay to the gradient, where the second moment rescales it; `adamw` shrinks
    the weights themselves. They are different methods under one parameter name.
    """

    def __init__(self, optimizer: Optimizer, parameters: Tensors) -> None:
        self.optimizer = optimizer
        self.first = [torch.zeros_like(p) for p in parameters]
        self.second = [torch.zeros_like(p) for p in parameters]
        self.state: dict[str, list[Tensor] | int] = {
            "first": self.first,
            "second": self.second,
            "steps": 0,
        }

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: float) -> None:
        o = self.optimizer
        beta1, beta2 = o.betas
        steps = self.state["steps"]
        assert isinstance(steps, int)
        steps += 1
        self.state["steps"] = steps
        if o.weight_decay and o.name == "adamw":
            torch._foreach_mul_(parameters, 1 - lr * o.weight_decay)
        elif o.weight_decay:
            gradients = torch._foreach_add(gradients, parameters, alpha=o.weight_decay)
        torch._foreach_lerp_(self.first, gradients, 1 - beta1)
        torch._foreach_mul_(self.second, beta2)
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - beta2)
        denominator = torch._foreach_sqrt(self.second)
        torch._foreach_div_(denominator, (1 - beta2**steps) ** 0.5)
        torch._foreach_add_(denominator, o.eps)
        torch._foreach_addcdiv_(parameters, self.first, denominator, -lr / (1 - beta1**steps))
