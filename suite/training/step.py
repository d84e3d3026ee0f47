"""One step of training: forward, loss, gradient, update. Written for one cell of a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from suite.training.losses import LOSSES, Loss
from suite.training.outputs import Outputs, asked, each, joined
from suite.training.update_rules import Factor, UpdateRule

__all__ = ["LOSSES", "Accumulated", "Loss", "Result", "Step", "prepare"]


def prepare(inputs: Tensor) -> Tensor:
    """Return pixels of 0 to 255 as floats of 0 to 1, and anything else as it is."""
    if inputs.dtype is torch.uint8:
        return inputs.to(torch.float32).div_(255)
    return inputs


class Result(NamedTuple):
    """What a step saw before it moved: what the network returned, the loss, a gradient a parameter."""

    outputs: Outputs
    loss: Tensor
    gradients: tuple[Tensor, ...]


@dataclass(slots=True)
class Step:
    """A step, and the state that it reads and writes.

    `forward` is the network itself where one cell trains: its parameters are `parameters`, and
    `torch.func.functional_call` would cost 40 µs a step for saying so (5 % of an MLP's step at
    batch 64, a third at batch 1). A strategy that stacks cells passes its own.
    """

    forward: Callable[[Tensor], Outputs]
    loss: Callable[[Outputs, Tensor], Tensor]
    parameters: tuple[Tensor, ...]
    rule: UpdateRule
    gradients: Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]] = torch.autograd.grad

    def __call__(self, inputs: Tensor, targets: Tensor, lr: Factor) -> Result:
        """Update the parameters in place from one batch, at the given learning rate."""
        result = self.look(inputs, targets)
        self.move(result.gradients, lr)
        return result

    def look(self, inputs: Tensor, targets: Tensor, share: float = 1.0) -> Result:
        """Return what a batch says, its loss weighted by `share`; move nothing."""
        outputs = self.forward(prepare(inputs))
        loss = self.loss(outputs, targets)
        loss = loss if share == 1.0 else loss * share
        return Result(
            each(Tensor.detach, outputs), loss.detach(), self.gradients(loss, self.parameters)
        )

    def move(self, gradients: tuple[Tensor, ...], lr: Factor) -> None:
        """Update the parameters in place."""
        with torch.no_grad():
            self.rule(self.parameters, gradients, lr)


@dataclass(slots=True)
class Accumulated:
    """A step that looks at a batch part by part, holding one part's activations at a time.

    The gradient is that of the whole batch, up to the rounding of a sum.
    """

    step: Step
    parts: int

    def __call__(self, inputs: Tensor, targets: Tensor, lr: Factor) -> Result:
        """Update the parameters in place from one batch, at the given learning rate."""
        parts = min(self.parts, len(targets))
        outputs, losses, total = [], [], None
        for some, theirs in zip(
            torch.tensor_split(inputs, parts), torch.tensor_split(targets, parts), strict=True
        ):
            seen = self.step.look(some, theirs, asked(theirs) / asked(targets))
            outputs.append(seen.outputs)
            losses.append(seen.loss)
            if total is None:
                total = seen.gradients
            else:
                torch._foreach_add_(total, seen.gradients)
        assert total is not None
        self.step.move(total, lr)
        return Result(joined(outputs), torch.stack(losses).sum(), total)
