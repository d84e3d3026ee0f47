"""How much memory a trial takes at most, worked out without training it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils import _pytree as tree

from suite.data import Examples
from suite.data.on_disk import OnDisk
from suite.training.evaluation import chunk_size
from suite.vocabulary.recipe import Recipe

FLOAT = 4
# Weights, gradients, what Adam keeps (two) and what an update works in.
COPIES = 5
# What first use of PyTorch's kernels takes, and what an allocator loses between blocks. Over seven
# trials from an MLP on 5,000 digits (31 MB measured) to AlexNet on images of 224 pixels (772 MB),
# what this file says was 1.0 to 1.9 times the measured peak.
LIBRARIES = 30 << 20
SLACK = 1.4


def footprint(recipe: Recipe, network: nn.Module, examples: Examples) -> int:
    """Return the bytes that one trial needs beside its libraries.

    A step holds what the forward pass saves for backward, and about as much again on the way back.
    """
    train, validation, test = examples[:3]
    weights = sum(parameter.nbytes for parameter in network.parameters())
    parts = recipe.devices * recipe.gradient_accumulation
    batch = -(-min(recipe.batch_size, len(train)) // parts)
    symbols = examples.symbols > 0
    step = 2 * _measured(saved, network, (batch, *examples.shape), symbols)
    chunk = min(chunk_size(examples.shape), max(len(validation), len(test)))
    evaluation = _measured(widest, network, (chunk, *examples.shape), symbols)
    answers = examples.outputs * (examples.shape[0] if symbols else 1)
    outputs = len(train) * answers * FLOAT  # until the epoch's accuracy is taken
    inputs: Tensor | OnDisk = train.inputs
    if isinstance(inputs, OnDisk):
        data = inputs.working_bytes(max(min(recipe.batch_size, len(train)), chunk))
    else:
        data = _in_memory(recipe, examples)
    return LIBRARIES + int(SLACK * (data + COPIES * weights + max(step, evaluation) + outputs))


def _in_memory(recipe: Recipe, examples: Examples) -> int:
    """Return the bytes of data that are there twice, as a source and split.

    The training split is there once more, gathered in a new order every epoch.
    """
    train, validation, test = examples[:3]
    source = sum(split.inputs.nbytes for split in (train, validation, test))
    return 2 * source + train.inputs.nbytes + len(recipe.shifts) * test.inputs.nbytes


def _measured(
    measure: Callable[..., int], network: nn.Module, shape: tuple[int, ...], symbols: bool
) -> int:
    """Return the bytes that a batch takes, computing nothing.

    A network that does not run without numbers is measured on two examples.
    """
    try:
        return measure(network, shape, symbols=symbols)
    except Exception:  # whatever a network of one's own does where tensors have no numbers
        few = min(2, shape[0])
        return measure(network, (few, *shape[1:]), "cpu", symbols=symbols) * shape[0] // few


def saved(
    network: nn.Module, shape: tuple[int, ...], device: str = "meta", *, symbols: bool = False
) -> int:
    """Return the bytes that a forward pass of a batch saves for the backward pass, weights aside."""
    copied = copy.deepcopy(network).to(device).train()
    weights = {id(one) for one in copied.parameters()}
    found: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        base = tensor if tensor._base is None else tensor._base
        if id(base) not in weights:
            found[id(base)] = tensor.numel() * tensor.element_size()
            kept.append(base)
        return tensor

    kept: list[Tensor] = []  # so that no id is used twice
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        copied(_blank(shape, device, symbols))
    return sum(found.values())


def widest(
    network: nn.Module, shape: tuple[int, ...], device: str = "meta", *, symbols: bool = False
) -> int:
    """Return the bytes of the largest layer's inputs and outputs, the latter twice, in evaluation.

    PyTorch's convolutions keep a second copy of their output in a layout of their own.
    """
    copied = copy.deepcopy(network).to(device).eval()
    sizes = [0]

    def look(_layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        sizes.append(_bytes(inputs) + 2 * _bytes(output))

    for layer in copied.modules():
        if not any(layer.children()):
            layer.register_forward_hook(look)
    with torch.no_grad():
        copied(_blank(shape, device, symbols))
    return max(sizes)


def _blank(shape: tuple[int, ...], device: str, symbols: bool) -> Tensor:
    return torch.zeros(shape, device=device, dtype=torch.int64 if symbols else None)


def _bytes(values: Any) -> int:
    return sum(one.nbytes for one in tree.tree_leaves(values) if isinstance(one, Tensor))
