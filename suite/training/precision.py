"""In which precision a step multiplies; weights, updates, losses and evaluations are float32.

`precision` is a field of the recipe, since it changes what is trained; so is
`gradient_accumulation`, a wrapper around the one step (`suite.training.step.Accumulated`), not a
branch in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from suite.ground.errors import RequestError
from suite.training.outputs import Outputs, each
from suite.vocabulary.recipe import Precision

Forward = Callable[[Tensor], Outputs]
Gradients = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]


def check(precision: Precision, device: str) -> None:
    """Raise RequestError if the device does not have the precision."""
    if precision == "tf32" and not device.startswith("cuda"):
        raise RequestError("precision 'tf32' is CUDA's alone (did you mean 'float32'?)")


def at(
    precision: Precision, device: str, forward: Forward, gradients: Gradients
) -> tuple[Forward, Gradients]:
    """Return both halves of a step at a precision; outputs are float32 at any."""
    if precision == "bfloat16":
        # Autocast covers the forward pass only: backward follows the types that it left behind.
        return _autocast(device.partition(":")[0], forward), gradients
    if precision == "tf32":
        return _tf32()(forward), _tf32()(gradients)
    return forward, gradients


def _autocast(kind: str, forward: Forward) -> Forward:
    def lowered(inputs: Tensor) -> Outputs:
        with torch.autocast(kind, torch.bfloat16):
            return each(Tensor.float, forward(inputs))

    return lowered


@contextlib.contextmanager
def _tf32() -> Iterator[None]:
    """Let matrix products and convolutions round what they multiply to ten bits (NVIDIA, 2020)."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    products.allow_tf32 = convolutions.allow_tf32 = True
    try:
        yield
    finally:
        products.allow_tf32 = convolutions.allow_tf32 = False
