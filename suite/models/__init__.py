"""Networks as plain modules, built from a Recipe's model, an input shape and a number of outputs."""

from __future__ import annotations

import inspect

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from suite.ground.errors import RequestError
from suite.models.initialise import initialise
from suite.seeds import seeded, stream
from suite.vocabulary.model import Model


def build(
    model: Model, shape: tuple[int, ...], outputs: int, seed: int, symbols: int = 0
) -> nn.Module:
    """Return the network on the CPU with initial weights drawn from the seed's `init` stream.

    Args:
        shape: of one example, `(channels, height, width)`, `(features,)` or, of symbols, `(length,)`.
        outputs: classes, or values of a regression.
        symbols: how many kinds of them there are; 0 where examples are numbers.

    Raises:
        RequestError: if what was built is no network, or a network of symbols gets numbers or the
            other way round.
    """
    function, arguments = model.function(), model.arguments()
    if "symbols" in inspect.signature(function).parameters:
        if not symbols:
            raise RequestError(
                f"model '{model.name}' takes sequences of symbols, as `sequences` of suite.data makes "
                f"them, not numbers {shape}"
            )
        arguments["symbols"] = symbols
    elif symbols and not model.home:
        raise RequestError(
            f"model '{model.name}' takes numbers, not sequences of symbols, which 'transformer' and "
            "'lstm' do"
        )
    with seeded(stream(seed, "init")):
        network = function(shape, outputs, **arguments)
        if not isinstance(network, nn.Module):
            raise RequestError(
                f"model '{model.name}' must return a torch.nn.Module, not {network!r}"
            )
        if any(is_lazy(one) for one in (*network.parameters(), *network.buffers())):
            with torch.no_grad():
                kind = torch.int64 if symbols else None
                network.eval()(torch.zeros(2, *shape, dtype=kind))
            network.train()
        initialise(network, model.init)
    return network
