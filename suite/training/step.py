"""One step of training: forward, loss, gradient, update. Written for one cell of a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from suite.training.update_rules import Factor, UpdateRule

Loss = Callable[[Tensor, Tensor], Tensor]


def _one_hot(outputs: Tensor, classes: Tensor) -> Tensor:
    return F.one_hot(classes, outputs.shape[1]).to(outputs.dtype)


def mse_one_hot(outputs: Tensor, classes: Tensor) -> Tensor:
    """Squared distance of outputs `(n, classes)` to one-hot classes `(n,)`."""
    return (outputs - _one_hot(outputs, classes)).square().sum(1).mean()


def multi_margin(outputs: Tensor, classes: Tensor) -> Tensor:
    """By how much other classes come nearer than 1 to the true one (Weston and Watkins, 1999)."""
    return F.multi_margin_loss(outputs, classes) * outputs.shape[1]


def binary_cross_entropy(outputs: Tensor, classes: Tensor) -> Tensor:
    """One logistic regression a class, each against all other classes."""
    wanted = _one_hot(outputs, classes)
    return F.binary_cross_entropy_with_logits(outputs, wanted) * outputs.shape[1]


def focal(outputs: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy times (1 - p)², p being that of the true class (Lin et al., 2017, γ = 2)."""
    surprise = F.cross_entropy(outputs, classes, reduction="none")
    return ((1 - torch.exp(-surprise)).square() * surprise).mean()


def label_smoothing(outputs: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy with a tenth of each label spread over all classes (Szegedy et al., 2016)."""
    return F.cross_entropy(outputs, classes, label_smoothing=0.1)


# All are sums over outputs and means over examples, but for `mse`, whose regression has one output.
LOSSES: dict[str, Loss] = {
    "cross_entropy": F.cross_entropy,
    "mse": F.mse_loss,
    "mse_one_hot": mse_one_hot,
    "multi_margin": multi_margin,
    "binary_cross_entropy": binary_cross_entropy,
    "focal": focal,
    "label_smoothing": label_smoothing,
}


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
        return Result(outputs.detach(), loss.detach(), self.gradients(loss, self.parameters))

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
            seen = self.step.look(some, theirs, len(theirs) / len(targets))
            outputs.append(seen.outputs)
            losses.append(seen.loss)
            if total is None:
                total = seen.gradients
            else:
                torch._foreach_add_(total, seen.gradients)
        assert total is not None
        self.step.move(total, lr)
        return Result(torch.cat(outputs), torch.stack(losses).sum(), total)
