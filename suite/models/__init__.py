"""Networks as plain modules, built from a Recipe's model, an input shape and a number of outputs."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from suite.ground.errors import RequestError
from suite.models.initialise import initialise
from suite.seeds import seeded, stream
from suite.vocabulary.model import Model


def build(model: Model, shape: tuple[int, ...], outputs: int, seed: int) -> nn.Module:
    """Return the network on the CPU with initial weights drawn from the seed's `init` stream.

    Args:
        shape: of one example, `(channels, height, width)` or `(features,)`.
        outputs: classes, or values of a regression.

    Raises:
        RequestError: if what was built is no network.
    """
    with seeded(stream(seed, "init")):
        network = model.function()(shape, outputs, **model.arguments())
        if not isinstance(network, nn.Module):
            raise RequestError(
                f"model '{model.name}' must return a torch.nn.Module, not {network!r}"
            )
        if any(is_lazy(one) for one in (*network.parameters(), *network.buffers())):
            with torch.no_grad():
                network.eval()(torch.zeros(2, *shape))
            network.train()
        initialise(network, model.init)
    return network
