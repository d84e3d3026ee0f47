"""One step of training: forward, loss, gradient, update. Written for one cell of a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from suite.training.update_rules import UpdateRule

Loss = Callable[[Tensor, Tensor], Tensor]
LOSSES: dict[str, Loss] = {"cross_entropy": F.cross_entropy, "mse": F.mse_loss}


def prepare(inputs: Tensor) -> Tensor:
    """Return pixels of 0 to 255 as floats of 0 to 1, and anything else as it is."""
    if inputs.dtype is torch.uint8:
        return inputs.to(torch.float32).div_(255)
    return inputs


class Result(NamedTuple):
    """What a step saw before it moved: outputs `(n, classes)`, the loss, a gradient a parameter."""

    outputs: Tensor
    loss: Tensor
    gradients: tuple[Tensor, ...]


@dataclass(slots=True)
class Step:
    """A step, and the state that it reads and writes.

    `forward` is the network itself where one cell trains: its parameters are `parameters`, and
    `torch.func.functional_call` would cost 40 µs a step for saying so (5 % of an MLP's step at
    batch 64, a third at batch 1). A strategy that stacks cells passes its own.
    """

    forward: Callable[[Tensor], Tensor]
    loss: Loss
    parameters: tuple[Tensor, ...]
    rule: UpdateRule
    gradients: Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]] = torch.autograd.grad

    def __call__(self, inputs: Tensor, targets: Tensor, lr: float) -> Result:
        """Update the parameters in place from one batch, at the given learning rate."""
        outputs = self.forward(prepare(inputs))
        loss = self.loss(outputs, targets)
        gradients = self.gradients(loss, self.parameters)
        with torch.no_grad():
            self.rule(self.parameters, gradients, lr)
        return Result(outputs.detach(), loss.detach(), gradients)
