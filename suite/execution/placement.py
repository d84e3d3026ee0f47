"""Which trials belong on a GPU and which on a core of its host. Loads torch only to count.

The choice is the recipe's and the card's memory's, never a stopwatch's: a trial must not end in
other bits because a machine was busy. A GPU takes its time to launch each operation, however small,
so a step of a small network is no faster there than on one core; and there are many cores.

The constants are fitted to the figures of one machine (docs/performance.md, "On a GPU"); seconds a
step, of an H100 and of one core of its host:

| network | batch | GPU | core | this file says, GPU and core |
| --- | --- | --- | --- | --- |
| MLP 784-256-10 | 64 | 1.56 ms | 1.46 ms | 1.45, 1.48 ms |
| MLP 784-256-10 | 256 | 1.71 ms | 3.49 ms | 1.60, 3.51 ms |
| LeNet | 256 | 3.06 ms | 39.7 ms | 3.91, 37.1 ms |

Nothing larger has been measured there, and no run has been placed by this rule on a GPU yet.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from suite.execution.memory import SHARE, kind
from suite.vocabulary.recipe import Probe, Recipe

# Seconds that a step takes for each layer with parameters, before any arithmetic. On the GPU the
# MLP's two took .78 ms each, LeNet's five .61.
GPU_LAYER, CORE_LAYER = 0.7e-3, 0.4e-3
# Multiply-adds a second. The GPU's is what 192 more examples a step cost the MLP, so the least that
# it does; a core's differ, LeNet's few channels being far from what a matrix product reaches.
GPU_RATE, CORE_PRODUCTS, CORE_CONVOLUTIONS = 0.8e12, 58e9, 8e9
PASSES = 3  # a step's multiply-adds over those of a forward pass
# How many times as fast as on one core a step must be to be worth the GPU: a core and a process are
# there in numbers, and the GPU once.
FASTER = 4.0


class Place(NamedTuple):
    """Where a trial belongs.

    Attributes:
        gpu, core: seconds that a step is expected to take on each; 0 where that is not the reason.
    """

    device: str
    gpu: float = 0.0
    core: float = 0.0


def place(recipe: Recipe | Probe, memory: int) -> Place:
    """Return where a trial belongs, beside a GPU with so many bytes of memory.

    What cannot be counted belongs on the GPU, where `auto` puts everything.
    """
    if isinstance(recipe, Probe):
        return Place("cpu")
    return _of_kind(kind(recipe), memory)


def words(device: str, places: list[Place]) -> str:
    """Say why trials are where they are."""
    counted = [one for one in places if one.gpu]
    if not counted:
        return "that is where they belong, whatever they take"
    gpu, core = (_span([getattr(one, where) for one in counted]) for where in ("gpu", "core"))
    if device == "cuda":
        return f"a step is {FASTER:g} times as fast there: {gpu} by its counts, {core} on a core"
    small = f"a GPU is not {FASTER:g} times as fast, or has too little memory"
    return f"{small}: {core} a step by its counts, {gpu} there"


def _span(seconds: list[float]) -> str:
    low, high = (
        f"{1e3 * one:{',.0f' if one >= 0.01 else '.1f'}}" for one in (min(seconds), max(seconds))
    )
    return f"{low} ms" if low == high else f"{low} to {high} ms"


@functools.cache
def _of_kind(recipe: Recipe, memory: int) -> Place:
    if recipe.precision != "float32":
        return Place("cuda")  # a core has no such products, or slow ones
    try:
        gpu, core, needed = _counted(recipe)
        on_gpu = core >= FASTER * gpu and needed() <= SHARE * memory
    except Exception:  # whatever a network of one's own does where tensors have no numbers
        return Place("cuda")
    return Place("cuda" if on_gpu else "cpu", gpu, core)


def _counted(recipe: Recipe) -> tuple[float, float, Callable[[], int]]:
    """Return the seconds of a step on the GPU and on a core, and what works out a trial's bytes."""
    import torch

    from suite.data import Examples, Split, outline
    from suite.execution.contained import contained
    from suite.models import build
    from suite.models.counts import work_of
    from suite.training.footprint import footprint

    real = outline(recipe.data, 0)
    kinds = torch.int64 if real.symbols else torch.uint8 if len(real.shape) == 3 else torch.float32

    def blank(size: int) -> Split:
        inputs = torch.empty(size, *real.shape, dtype=kinds, device="meta")
        return Split(inputs, torch.empty(size, *real.target, device="meta"))

    def needed() -> int:
        splits = blank(real.train), blank(real.validation), blank(real.test)
        examples = Examples(*splits, real.outputs, "", symbols=real.symbols)
        with contained():
            return footprint(recipe, network, examples)

    with contained():
        network = build(recipe.model, real.shape, real.outputs, 0, real.symbols)
        layers, products, convolutions = work_of(network, real.shape, symbols=real.symbols > 0)
    passes = PASSES * min(recipe.batch_size, real.train)
    layers *= recipe.gradient_accumulation
    gpu = layers * GPU_LAYER + passes * (products + convolutions) / GPU_RATE
    core = layers * CORE_LAYER
    core += passes * (products / CORE_PRODUCTS + convolutions / CORE_CONVOLUTIONS)
    return gpu, core, needed
