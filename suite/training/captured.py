"""A step that a GPU replays as one CUDA graph, instead of being told each of its kernels anew.

A small network's step there is launches and Python, not arithmetic. Recorded is what a step sees,
`Step.look`: forward pass, loss and gradient, of batches of one shape, which are copied into fixed
buffers; an epoch's smaller last batch goes the ordinary way. `Step.move` stays outside: what update
rules multiply by are numbers that change from step to step, the rate among them, which a graph would
freeze, and which as tensors would go through other kernels with other rounding.

This has not run on a GPU yet, so it is done only where THUMBRULES_CUDA_GRAPHS is 1. What has been
tried is what a graph is given, on a CPU with a stand-in for it.
"""

from __future__ import annotations

import functools
import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Generator, Tensor
from torch.torch_version import TorchVersion

from suite.training.outputs import by_position, each
from suite.training.step import Result, Step
from suite.training.update_rules import Factor
from suite.vocabulary.recipe import Recipe

VARIABLE = "THUMBRULES_CUDA_GRAPHS"
# Steps of a shape before it is recorded: what libraries set up when they are first called must not
# be in the graph.
WARM_UP_STEPS = 3
FINDS_GENERATORS = "2.14"  # PyTorch, from here on, finds those that a graph draws from by itself
log = logging.getLogger(__name__)


class Graph(Protocol):
    """A program that is recorded once and run as often as is wanted."""

    def register(self, generator: Generator) -> None:
        """Let what is recorded draw from a generator, at each replay from where it is then."""

    def capture(self, function: Callable[[], Result]) -> Result:
        """Record what a function does and return where a replay will put its results.

        Nothing has been computed yet. Raises whatever PyTorch does where it cannot be recorded.
        """

    def replay(self) -> None:
        """Do what was recorded, on what lies now where it read, and write where it wrote."""


class CUDAGraph:
    """PyTorch's CUDA graph."""

    def __init__(self) -> None:
        self.graph = torch.cuda.CUDAGraph()

    def register(self, generator: Generator) -> None:
        if TorchVersion(torch.__version__) < FINDS_GENERATORS:
            self.graph.register_generator_state(generator)

    def capture(self, function: Callable[[], Result]) -> Result:
        before = torch.cuda.current_stream()
        # A stream of its own: with a graph goes the workspace that cuBLAS has on its stream. And
        # data that do not fit in memory are gathered by a thread, which may go on meanwhile.
        recording = torch.cuda.graph(
            self.graph,
            stream=torch.cuda.Stream(),  # type: ignore[no-untyped-call]
            capture_error_mode="thread_local",
        )
        try:
            with recording:
                return function()
        finally:
            torch.cuda.set_stream(before)  # where it cannot be recorded, PyTorch stays on the other

    def replay(self) -> None:
        self.graph.replay()


class Captured:
    """A step of which what it sees is recorded once and replayed.

    Its results but the outputs lie in buffers that the next step overwrites.

    Args:
        generators: that the network draws from.
        make: gives a graph with nothing recorded.
    """

    def __init__(
        self, step: Step, generators: Sequence[Generator], make: Callable[[], Graph] = CUDAGraph
    ) -> None:
        self.step, self.generators, self.make = step, generators, make
        self.seen: Counter[tuple[torch.Size, torch.Size]] = Counter()
        self.graph: Graph | None = None
        self.able = True

    def __call__(self, inputs: Tensor, targets: Tensor, lr: Factor) -> Result:
        """Update the parameters in place from one batch, at the given learning rate."""
        result = self._look(inputs, targets)
        self.step.move(result.gradients, lr)
        return result

    def _look(self, inputs: Tensor, targets: Tensor) -> Result:
        shapes = inputs.shape, targets.shape
        self.seen[shapes] += 1
        if self.able and self.graph is None and self.seen[shapes] > WARM_UP_STEPS:
            self._capture(inputs, targets)
        if self.graph is None or shapes != (self.inputs.shape, self.targets.shape):
            return self.step.look(inputs, targets)
        self.inputs.copy_(inputs)
        self.targets.copy_(targets)
        self.graph.replay()
        # The loop keeps outputs until the next evaluation; loss and gradients it reads at once.
        return self.result._replace(outputs=each(Tensor.clone, self.result.outputs))

    def _capture(self, inputs: Tensor, targets: Tensor) -> None:
        self.inputs, self.targets = inputs.clone(), targets.clone()
        before = [generator.get_state() for generator in self.generators]
        try:
            graph = self.make()
            for generator in self.generators:
                graph.register(generator)
            self.result = graph.capture(lambda: self.step.look(self.inputs, self.targets))
        except Exception as error:  # whatever PyTorch says of an operation that cannot be recorded
            self.able = False
            for generator, state in zip(self.generators, before, strict=True):
                generator.set_state(state)
            _say(str(error).partition("\n")[0])
        else:
            self.graph = graph


def asked_for() -> bool:
    """Say whether steps on a GPU are to be captured."""
    return os.environ.get(VARIABLE) == "1"


def capturing(
    step: Step, recipe: Recipe, device: str, generators: Sequence[Generator], targets: Tensor
) -> Step | Captured:
    """Return a step that is captured, where that is asked for and can be, or else the step.

    Args:
        targets: of training examples.
    """
    if not asked_for() or torch.device(device).type != "cuda":
        return step
    if recipe.devices > 1:
        _say("several devices share a batch")
    elif recipe.gradient_accumulation > 1:
        _say("a batch goes through the network in parts")
    elif by_position(targets):
        _say("positions that have a target are counted, and a graph waits for nothing")
    elif recipe.own:  # whose code may do something else each time that it is called
        _say("a graph would repeat what a component of one's own did once")
    else:
        return Captured(step, generators)
    return step


@functools.cache
def _say(why: str) -> None:
    log.warning("steps are not captured: %s", why)
