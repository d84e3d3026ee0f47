"""How one step is spread over devices: not at all, or data-parallel over processes.

Every process holds the whole network, draws the whole batch and keeps its shard of it, so what is
trained is what one device would have trained, up to the rounding of a sum.

`Recipe.devices` is part of what is trained, since unsynchronised normalisation depends on it. What
the loop asks of devices is one small protocol; with one device each method returns what it was
given. On a CPU a device is one core and the messages are gloo's; on GPUs they are NCCL's.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from suite.data import Split
from suite.ground.errors import RequestError
from suite.models.layers import SynchronisedBatchNorm
from suite.training.outputs import Outputs, asked, each, joined
from suite.vocabulary.recipe import Recipe


class Devices(Protocol):
    """What the loop asks of the devices that share a step.

    Attributes:
        rank: of this process among them, from 0.
    """

    rank: int

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return the network that a step calls."""

    def shard(self, batch: Split) -> Split:
        """Return this device's examples of a batch."""

    def gradients(self, loss: Tensor, parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the gradients of the whole batch's mean loss, given the mean over the shard."""

    def gather(self, outputs: list[Outputs], targets: list[Tensor]) -> list[Outputs]:
        """Return the outputs of whole batches, in order, from those of this device's shards."""

    def agree(self, flag: bool) -> bool:
        """Say whether the flag is set on any device."""

    def same(self, number: int) -> bool:
        """Say whether all devices have the same number."""


class OneDevice:
    """The whole batch on one device."""

    rank = 0

    def wrap(self, network: nn.Module) -> nn.Module:
        for module in network.modules():
            if isinstance(module, SynchronisedBatchNorm):
                module.alone = True
        return network

    def shard(self, batch: Split) -> Split:
        return batch

    def gradients(self, loss: Tensor, parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # Of a parameter that the loss does not depend on, the gradient is zero.
        return torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)

    def gather(self, outputs: list[Outputs], targets: list[Tensor]) -> list[Outputs]:
        return outputs

    def agree(self, flag: bool) -> bool:
        return flag

    def same(self, number: int) -> bool:
        return True


class DataParallel:
    """Synchronous data parallelism by DistributedDataParallel (Li et al., 2020).

    DistributedDataParallel averages gradients over processes as if their shards were equal; a
    shard's loss is scaled by its true share of the batch first.

    Args:
        parts: in which each device looks at its shard; all devices must have as many.
        unused: the loss may not depend on every parameter.

    Raises:
        RequestError: if this process is not one of `count` that are connected.
    """

    def __init__(
        self, count: int, device: str = "cpu", parts: int = 1, *, unused: bool = False
    ) -> None:
        if not distributed.is_initialized() or distributed.get_world_size() != count:
            raise RequestError(f"devices={count} needs {count} connected processes")
        self.count, self.parts, self.unused = count, parts, unused
        self.device = device
        self.rank = distributed.get_rank()
        self.scale = 1.0

    def wrap(self, network: nn.Module) -> nn.Module:
        return DistributedDataParallel(network, find_unused_parameters=self.unused)

    def shard(self, batch: Split) -> Split:
        """Return this device's examples of a batch.

        Raises:
            RequestError: if the batch has fewer examples than its devices and their parts need.
        """
        if len(batch) < self.count * self.parts:
            each = f" with {self.parts} parts each" if self.parts > 1 else ""
            few = f"a batch of {len(batch)} is too small for {self.count} devices{each}"
            raise RequestError(few)
        mine = Split(*(torch.tensor_split(part, self.count)[self.rank] for part in batch))
        self.scale = asked(mine.targets) * self.count / asked(batch.targets)
        return mine

    def gradients(self, loss: Tensor, parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        for parameter in parameters:
            parameter.grad = None
        torch.autograd.backward(loss * self.scale)
        return tuple(torch.zeros_like(p) if p.grad is None else p.grad for p in parameters)

    def gather(self, outputs: list[Outputs], targets: list[Tensor]) -> list[Outputs]:
        sizes = [len(batch) for batch in targets]
        mine = [len(torch.tensor_split(batch, self.count)[self.rank]) for batch in targets]

        def restored(shards: Tensor) -> Tensor:
            whole = shards.new_zeros(sum(sizes), *shards.shape[1:])
            places = torch.split(whole, sizes)
            for place, own in zip(places, torch.split(shards, mine), strict=True):
                torch.tensor_split(place, self.count)[self.rank].copy_(own)
            # An example's outputs are zero on all devices but one: the sum restores them bit for bit.
            distributed.all_reduce(whole)
            return whole

        return [each(restored, joined(outputs))]

    def agree(self, flag: bool) -> bool:
        votes = torch.tensor([float(flag)], device=self.device)
        distributed.all_reduce(votes)
        return bool(votes.item())

    def same(self, number: int) -> bool:
        ends = torch.tensor([number, -number], device=self.device)
        distributed.all_reduce(ends, distributed.ReduceOp.MAX)
        return bool(ends.sum() == 0)


def devices_of(recipe: Recipe, device: str) -> Devices:
    """Return what a recipe's number of devices asks for; `device` is this process's own."""
    if recipe.devices == 1:
        return OneDevice()
    parts, own = recipe.gradient_accumulation, bool(recipe.model.home)
    return DataParallel(recipe.devices, device, parts, unused=own)
