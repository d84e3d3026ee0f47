"""Several runs as one program: their weights stacked, one step for all of them.

Networks, losses and update rules say what happens to one cell; `torch.func.vmap` lifts them to a
leading dimension of cells. Every run keeps its own data, random streams and curves, and a network
whose weights are views of the stack, so all but the step is what it is alone. Batched products are
other kernels than single ones: a cell agrees with the same trial run alone up to rounding.

Factors of the update rule are tensors over cells, and the gradient is that of the summed loss. In
float64 all networks and rules agree with training alone to 1e-9 after 50 steps. A trial's bits
depend on its company, so `auto` never stacks; a record lists its cohort, and serves later runs by
any strategy. A bundle's outcomes are kept when it ends, and one whose worker dies, or that raises,
is run again trial by trial. On a CPU it is 3 to 8 times as fast for tiny networks in small batches,
and no faster for most others (docs/performance.md).
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from suite.data import Split
from suite.data.on_disk import OnDisk, in_parts, stacked
from suite.models.layers import Dropout
from suite.seeds import seeded, stream
from suite.training.captured import capturing
from suite.training.checkpoint import Checkpoint
from suite.training.loop import Run
from suite.training.precision import at
from suite.training.step import Step
from suite.training.update_rules import ByCell, UpdateRule, clipping, make_rule
from suite.vocabulary.recipe import Recipe
from suite.vocabulary.record import Outcome


def train_together(
    recipes: Sequence[Recipe],
    seeds: Sequence[int],
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
) -> list[Outcome]:
    """Train recipes that differ in `scalar()` fields only, each at its seed; outcomes in order.

    A cell that diverges ends with its outcome then, and the others go on as if it had not.

    Raises:
        RequestError: if the data cannot be had or the network does not fit them.
    """
    runs = [Run(recipe, seed, device) for recipe, seed in zip(recipes, seeds, strict=True)]
    with warnings.catch_warnings():
        # `multi_margin_loss` cannot be lifted; PyTorch computes it cell by cell, and says so.
        warnings.filterwarnings("ignore", "There is a performance drop")
        with seeded(stream(seeds[0], "global")):
            ended = Stack(runs, device).train(checkpoint)
    return [ended.get(cell) or run.outcome("") for cell, run in enumerate(runs)]


class Masked(nn.Module):
    """Dropout whose mask, already scaled, is given from outside."""

    mask: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `inputs` of any shape, masked."""
        return inputs * self.mask


class Stack:
    """The weights of several runs, one behind the other, and the step that moves them all.

    Attributes:
        parameters: one for each of a network's, `(cells, ...)`; the runs' own are views of it.
        ended: what came of the cells that have diverged.
    """

    def __init__(self, runs: Sequence[Run], device: str) -> None:
        self.runs, self.device = runs, device
        self.ended: dict[int, Outcome] = {}
        networks = [run.network for run in runs]
        # An MLP without dropout has no such layers, and fewer modules, but the same weights.
        dropouts = [_dropouts(network) for network in networks]
        network = _masked(networks[dropouts.index(max(dropouts, key=len))])
        self.parameters = _stacked([list(network.parameters()) for network in networks])
        self.buffers = _stacked([list(network.buffers()) for network in networks])
        for parameter in self.parameters:
            parameter.requires_grad_()
        masks = _Masks(_mask_shapes(network, runs[0].examples.shape), dropouts, device)
        recipe = runs[0].recipe
        together = _together(network, self.parameters, self.buffers, masks)
        forward, gradients = at(recipe.precision, device, together, _of_sum)
        self.rule = self._rule(recipe)
        step = Step(forward, vmap(runs[0].loss), self.parameters, self.rule, gradients)
        targets = runs[0].examples.train.targets
        self.step = capturing(step, recipe, device, [run.masks for run in runs], targets)

    def _rule(self, recipe: Recipe) -> UpdateRule:
        if recipe.optimizer.home:  # of one's own: each cell's, over its views
            return ByCell([(run.rule, list(run.network.parameters())) for run in self.runs])
        cells = [run.recipe.optimizer for run in self.runs]
        rule = make_rule(recipe.optimizer, self.parameters, cells)
        return clipping(recipe, rule, stacked=True)

    @property
    def live(self) -> list[int]:
        """The cells that have not diverged."""
        return [cell for cell in range(len(self.runs)) if cell not in self.ended]

    def train(self, checkpoint: Checkpoint | None = None) -> dict[int, Outcome]:
        """Take every step of the budget; return what came of the cells that diverged."""
        outputs: list[Tensor] = []
        targets: list[Tensor] = []
        if checkpoint:
            outputs, targets, self.ended = checkpoint.resume(self.runs, self.rule)
        first = self.runs[0]
        for batch in self._batches():
            result = self.step(*batch, self._rates())
            for run in self.runs:
                run.done += 1
                run.seen += batch.targets.shape[1]
            outputs.append(result.outputs)
            targets.append(batch.targets)
            if first.done % first.look_every == 0:
                self._look(result.loss.tolist())
            if first.done in first.moments:
                self._observe(outputs, targets, result.gradients)
                outputs, targets = [], []
            if len(self.ended) == len(self.runs):
                break
            if checkpoint and first.done % first.look_every == 0 and checkpoint.due():
                checkpoint.keep(self.runs, self.rule, (outputs, targets), self.ended)
        return self.ended

    def _look(self, losses: list[float]) -> None:
        for cell in self.live:
            if not math.isfinite(losses[cell]):
                reason = f"the loss was {losses[cell]} at step {self.runs[0].done}"
                self.ended[cell] = self.runs[cell].outcome(reason)

    def _observe(
        self, outputs: list[Tensor], targets: list[Tensor], gradients: tuple[Tensor, ...]
    ) -> None:
        seen, wanted = torch.cat(outputs, 1), torch.cat(targets, 1)
        for cell in self.live:
            own = tuple(gradient[cell] for gradient in gradients)
            if reason := self.runs[cell].observe([seen[cell]], [wanted[cell]], own):
                self.ended[cell] = self.runs[cell].outcome(reason)

    def _batches(self) -> Iterator[Split]:
        """Yield inputs `(cells, n, ...)` and targets, every cell's in its own order."""
        size, augments = self.runs[0].recipe.batch_size, self.runs[0].recipe.augmentation
        for epochs in zip(*(run.epochs() for run in self.runs), strict=True):
            targets = torch.stack([epoch.targets for epoch in epochs])
            inputs: Iterator[Tensor]
            if augments:
                seen = (
                    run.seen_as(in_parts(epoch.inputs, size))
                    for run, epoch in zip(self.runs, epochs, strict=True)
                )
                inputs = map(torch.stack, zip(*seen, strict=True))
            elif any(isinstance(epoch.inputs, OnDisk) for epoch in epochs):
                parts = zip(*(in_parts(epoch.inputs, size) for epoch in epochs), strict=True)
                inputs = stacked(parts, len(epochs[0]))
            else:
                whole = torch.stack([epoch.inputs for epoch in epochs])
                inputs = iter(torch.split(whole, size, dim=1))
            yield from self.runs[0].ahead(map(Split, inputs, torch.split(targets, size, dim=1)))

    def _rates(self) -> Tensor:
        # A GPU that is not waited for gets its next step while it computes this one.
        rates = torch.tensor([run.rate() for run in self.runs])
        return rates.to(self.device, non_blocking=True)


class _Masks(NamedTuple):
    """What dropout multiplies by.

    Attributes:
        shapes: of what each multiplies, less cells and batch, by its name in the network.
        dropouts: each cell's layers, in the order of the forward pass, or none.
    """

    shapes: dict[str, tuple[int, ...]]
    dropouts: list[list[Dropout]]
    device: str

    def draw(self, examples: int) -> dict[str, Tensor]:
        """Draw each cell's masks from its own stream, in the order of the forward pass."""
        masks = {}
        for layer, (name, shape) in enumerate(self.shapes.items()):
            mask = torch.ones(len(self.dropouts), examples, *shape, device=self.device)
            for of_cell, layers in zip(mask, self.dropouts, strict=True):
                if layers and layers[layer].rate:
                    keep = 1.0 - layers[layer].rate
                    of_cell.bernoulli_(keep, generator=layers[layer].generator).div_(keep)
            masks[name] = mask
        return masks


def _together(
    network: nn.Module, parameters: Sequence[Tensor], buffers: Sequence[Tensor], masks: _Masks
) -> Callable[[Tensor], Tensor]:
    """Return the forward pass of all cells.

    It does not know the stack, whose step it is in: a stack that is done with is then gone at once,
    and its weights with it, not when Python next looks for circles.
    """
    names = [name for name, _ in network.named_parameters()]
    weights = dict(zip(names, parameters, strict=True))
    kept = [name for name, _ in network.named_buffers() if name not in masks.shapes]
    moments = dict(zip(kept, buffers, strict=True))

    def one(weights: dict[str, Tensor], state: dict[str, Tensor], inputs: Tensor) -> Tensor:
        outputs: Tensor = functional_call(network, (weights, state), (inputs,))
        return outputs

    def forward(inputs: Tensor) -> Tensor:
        state = moments | masks.draw(inputs.shape[1])
        outputs: Tensor = vmap(one)(weights, state, inputs)
        return outputs

    return forward


def _of_sum(losses: Tensor, parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(losses.sum(), parameters)


def _dropouts(network: nn.Module) -> list[Dropout]:
    return [module for module in network.modules() if isinstance(module, Dropout)]


def _masked(network: nn.Module) -> nn.Module:
    """Return a copy of a network in which masks take the place of dropout."""
    # Copied without weights, and without generators, which cannot be copied.
    made = copy.deepcopy(network, {id(layer.generator): None for layer in _dropouts(network)})
    for name, module in list(made.named_modules()):
        if isinstance(module, Dropout):
            made.set_submodule(name, Masked())
    return made


def _stacked(tensors: list[list[Tensor]]) -> tuple[Tensor, ...]:
    """Stack tensors over cells, and make the cells' own ones views of the stacks."""
    stacks = tuple(
        torch.stack([one.detach() for one in same]) for same in zip(*tensors, strict=True)
    )
    for cell, own in enumerate(tensors):
        for whole, one in zip(stacks, own, strict=True):
            one.data = whole[cell]
    return stacks


def _mask_shapes(network: nn.Module, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the shape of what each mask multiplies, less the batch, by the mask's name."""
    shapes: dict[str, tuple[int, ...]] = {}
    watched = copy.deepcopy(network).to("meta").eval()
    for name, module in watched.named_modules():
        if isinstance(module, Masked):

            def note(_: nn.Module, inputs: tuple[Tensor], name: str = f"{name}.mask") -> None:
                shapes[name] = tuple(inputs[0].shape[1:])

            module.register_forward_pre_hook(note)
    watched(torch.empty(1, *shape, device="meta"))
    return shapes
