"""Update rules, in place over lists of tensors.

The arithmetic and its order are those of torch.optim's single-tensor code, so sequential float32
results agree bit for bit with it. Lists go through `torch._foreach_*`, which torch.optim is built
on: one call updates every tensor of the network.

Where cells are stacked, every tensor has a leading dimension of cells, and a factor that differs
between them is a tensor `(cells,)` instead of a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from suite.ground.errors import RequestError
from suite.vocabulary.optimizer import Optimizer
from suite.vocabulary.recipe import Recipe

Tensors = list[Tensor] | tuple[Tensor, ...]
Factor = float | Tensor


class UpdateRule(Protocol):
    """Moves parameters along their gradients; keeps what it must between steps."""

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        """Update `parameters` in place; leave `gradients` as they are."""

    def state(self) -> dict[str, Any]:
        """Return every tensor and number kept, by name: all that a checkpoint needs."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go to where the rule was that returned this state."""


class Factors(NamedTuple):
    """What a rule multiplies by, besides the learning rate; None is a term that is left out.

    Attributes:
        decayed: places of the parameters that weight decay is about; None is all.
    """

    momentum: Factor | None
    weight_decay: Factor | None
    eps: Factor
    stacked: bool
    decayed: list[int] | None = None

    def penalised(self, parameters: Tensors, gradients: Tensors) -> Tensors:
        """Return the gradients of the loss and the L2 penalty together."""
        if self.weight_decay is None:
            return gradients
        if self.decayed is None:
            return plus(gradients, parameters, self.weight_decay)
        found = list(gradients)
        some = plus(self.of(gradients), self.of(parameters), self.weight_decay)
        for place, one in zip(self.decayed, some, strict=True):
            found[place] = one
        return found

    def of(self, tensors: Tensors) -> Tensors:
        """Return those that weight decay is about."""
        return tensors if self.decayed is None else [tensors[place] for place in self.decayed]


def make_rule(
    optimizer: Optimizer, parameters: Tensors, stacked: Sequence[Optimizer] = ()
) -> UpdateRule:
    """Return the rule that a Recipe's optimizer names.

    Args:
        stacked: the optimizer of each cell where cells are stacked; they differ in factors only.
    """
    if optimizer.home:
        return Optim(optimizer, parameters)
    like = parameters[0]

    def factor(name: str) -> Factor:
        values = [getattr(one, name) for one in stacked]
        same = len(set(values)) < 2
        return getattr(optimizer, name) if same else like.new_tensor(values)

    def unless_zero(value: Factor) -> Factor | None:
        return None if isinstance(value, float) and value == 0.0 else value

    momentum, decay = unless_zero(factor("momentum")), unless_zero(factor("weight_decay"))
    decayed = None
    if optimizer.decays == "weights":
        axes = 3 if stacked else 2
        decayed = [place for place, one in enumerate(parameters) if one.ndim >= axes]
        decay = decay if decayed else None
    factors = Factors(momentum, decay, factor("eps"), bool(stacked), decayed)
    rule: UpdateRule = optimizer.function()(optimizer, parameters, factors)
    return rule


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


class InPlace:
    """A rule whose state is lists of tensors, which stay where they are, and numbers."""

    kept: dict[str, list[Tensor] | int]

    def state(self) -> dict[str, Any]:
        return dict(self.kept)

    def restore(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            own = self.kept[name]
            if isinstance(own, int):
                self.kept[name] = value
            else:
                torch._foreach_copy_(own, value)


class SGD(InPlace):
    """Stochastic gradient descent with weight decay as an L2 penalty and momentum.

    Momentum is PyTorch's form (velocity = momentum · velocity + gradient), Nesterov's that of
    Sutskever et al. (2013) in the same form. With `max_norm` every update ends with a projection
    onto that ball: projected gradient descent.
    """

    def __init__(self, optimizer: Optimizer, parameters: Tensors, factors: Factors) -> None:
        self.optimizer, self.factors = optimizer, factors
        self.kept = {}
        if factors.momentum is not None:
            # Zero velocity gives a first step equal to the gradient, as torch.optim's copy does.
            self.velocity = [torch.zeros_like(p) for p in parameters]
            self.kept["velocity"] = self.velocity

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        o, momentum = self.optimizer, self.factors.momentum
        gradients = self.factors.penalised(parameters, gradients)
        if momentum is not None:
            multiply_(self.velocity, momentum)
            torch._foreach_add_(self.velocity, gradients)
            gradients = plus(gradients, self.velocity, momentum) if o.nesterov else self.velocity
        add_(parameters, gradients, -lr)
        if o.max_norm is not None:
            project(parameters, o.max_norm, stacked=self.factors.stacked)


def project(parameters: Tensors, radius: float, *, stacked: bool = False) -> None:
    """Move `parameters`, taken as one vector (one a cell), to the nearest point of the ball."""
    norm = norm_of(parameters, stacked=stacked)
    # No branch and no look at the norm: on a GPU that would wait for the device. A norm of zero
    # gives an infinite factor, and that is clamped too.
    multiply_(parameters, (radius / norm).clamp(max=1.0))


class Adam(InPlace):
    """Adam (Kingma and Ba, 2015), and, as `adamw`, with decoupled decay (Loshchilov and Hutter, 2019).

    `adam` adds the decay to the gradient, where the second moment rescales it; `adamw` shrinks
    the weights themselves. They are different methods under one parameter name.
    """

    def __init__(self, optimizer: Optimizer, parameters: Tensors, factors: Factors) -> None:
        self.optimizer, self.factors = optimizer, factors
        self.first = [torch.zeros_like(p) for p in parameters]
        self.second = [torch.zeros_like(p) for p in parameters]
        self.kept = {
            "first": self.first,
            "second": self.second,
            "steps": 0,
        }

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        o, decay, eps = self.optimizer, self.factors.weight_decay, self.factors.eps
        beta1, beta2 = o.betas
        steps = self.kept["steps"]
        assert isinstance(steps, int)
        steps += 1
        self.kept["steps"] = steps
        if decay is not None and o.name == "adamw":
            multiply_(self.factors.of(parameters), 1 - lr * decay)
        else:
            gradients = self.factors.penalised(parameters, gradients)
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


def clipping(recipe: Recipe, rule: UpdateRule, *, stacked: bool = False) -> UpdateRule:
    """Return the rule, with the recipe's clipping before it."""
    longest = recipe.clip_norm
    return rule if longest is None else Clipped(rule, longest, stacked=stacked)


class Clipped:
    """A rule that gets gradients no longer than a norm, all tensors taken as one vector (one a cell).

    The arithmetic is that of `torch.nn.utils.clip_grad_norm_`.
    """

    def __init__(self, rule: UpdateRule, longest: float, *, stacked: bool = False) -> None:
        self.rule, self.longest, self.stacked = rule, longest, stacked
        self.state, self.restore = rule.state, rule.restore

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        factor = (self.longest / (norm_of(gradients, stacked=self.stacked) + 1e-6)).clamp(max=1.0)
        factors = by_cell(factor, gradients) if self.stacked else factor
        self.rule(parameters, torch._foreach_mul(gradients, factors), lr)


def norm_of(tensors: Tensors, *, stacked: bool = False) -> Tensor:
    """Return the Euclidean norm of tensors taken as one vector; of stacked ones, each cell's."""
    if stacked:
        norms = [torch.linalg.vector_norm(one.flatten(1), dim=1) for one in tensors]
        whole: Tensor = torch.linalg.vector_norm(torch.stack(norms), dim=0)
    else:
        whole = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))
    return whole


class Optim:
    """Any object of torch.optim's kind, as an update rule.

    Groups of parameters may have rates of their own: what the schedule does to the recipe's rate,
    it does to theirs.

    Raises:
        RequestError: if there is no such object.
    """

    def __init__(self, optimizer: Optimizer, parameters: Tensors) -> None:
        self.lr = optimizer.lr
        self.optim = optimizer.function()(list(parameters), optimizer.lr, **optimizer.arguments())
        for needed in ("step", "param_groups", "state_dict", "load_state_dict"):
            if not hasattr(self.optim, needed):
                what = f"a torch.optim.Optimizer, not {type(self.optim).__name__}"
                raise RequestError(f"optimizer '{optimizer.name}' must return {what}")
        self.rates = [float(group["lr"]) for group in self.optim.param_groups]

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        for group, own in zip(self.optim.param_groups, self.rates, strict=True):
            group["lr"] = lr if own == self.lr else own * (lr / self.lr if self.lr else 1.0)
        self.optim.step()

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.optim.state_dict()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        self.optim.load_state_dict(state)


class ByCell:
    """Rules of cells that train as one program, each over its own views of the stacked weights.

    Args:
        cells: of each, its rule and its parameters.
    """

    def __init__(self, cells: Sequence[tuple[UpdateRule, Tensors]]) -> None:
        self.cells = cells

    def __call__(self, parameters: Tensors, gradients: Tensors, lr: Factor) -> None:
        rates = lr.tolist() if isinstance(lr, Tensor) else [lr] * len(self.cells)
        for cell, (rule, own) in enumerate(self.cells):
            rule(own, [gradient[cell] for gradient in gradients], rates[cell])

    def state(self) -> dict[str, Any]:
        return {str(cell): rule.state() for cell, (rule, _) in enumerate(self.cells)}

    def restore(self, state: dict[str, Any]) -> None:
        for cell, (rule, _) in enumerate(self.cells):
            rule.restore(state[str(cell)])
