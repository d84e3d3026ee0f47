"""Networks as plain modules, built from a Recipe's model, an input shape and a number of outputs."""

from __future__ import annotations

import math

import torch
from torch import nn

from suite.models.initialise import initialise
from suite.models.lenet import lenet
from suite.models.linear import linear
from suite.models.mlp import mlp
from suite.models.resnet import resnet
from suite.recipe import Model
from suite.seeds import stream


def build(model: Model, shape: tuple[int, ...], outputs: int, seed: int) -> nn.Module:
    """Return the network on the CPU with initial weights drawn from the seed's `init` stream.

    Args:
        shape: of one example, `(channels, height, width)` or `(features,)`.
        outputs: classes, or values of a regression.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "init"))
        network = _network(model, shape, outputs)
        initialise(network, model.init)
    return network


def _network(model: Model, shape: tuple[int, ...], outputs: int) -> nn.Module:
    if model.name == "lenet":
        return lenet(shape, outputs, activation=model.activation, pooling=model.pooling)
    if model.name == "resnet":
        return resnet(
            shape,
            outputs,
            depth=model.depth,
            channels=model.channels,
            norm=model.norm,
            residual=model.residual is not False,
        )
    features = math.prod(shape)
    if model.name == "mlp":
        return mlp(
            features,
            outputs,
            widths=model.widths,
            repeats=model.repeats,
            activation=model.activation,
            dropout=model.dropout,
            norm=model.norm,
            residual=model.residual is True,
        )
    return linear(features, outputs)
