"""Networks as plain modules, built from a Recipe's model, an input shape and a number of outputs."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from suite.models.alexnet import alexnet
from suite.models.googlenet import googlenet
from suite.models.initialise import initialise
from suite.models.lenet import lenet
from suite.models.linear import linear
from suite.models.mlp import mlp
from suite.models.nin import nin
from suite.models.resnet import resnet
from suite.models.resnet18 import resnet18
from suite.models.vgg import vgg
from suite.seeds import stream
from suite.vocabulary.model import MODEL_FIELDS, Model

IMAGE_MODELS: dict[str, Callable[..., nn.Module]] = {
    "lenet": lenet,
    "alexnet": alexnet,
    "vgg": vgg,
    "nin": nin,
    "googlenet": googlenet,
    "resnet18": resnet18,
}


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
    fields = {name: getattr(model, name) for name in MODEL_FIELDS[model.name]}
    if model.name == "resnet":
        return resnet(shape, outputs, **fields | {"residual": model.residual is not False})
    if model.name in IMAGE_MODELS:
        return IMAGE_MODELS[model.name](shape, outputs, **fields)
    features = math.prod(shape)
    if model.name == "mlp":
        return mlp(features, outputs, **fields | {"residual": model.residual is True})
    return linear(features, outputs)
