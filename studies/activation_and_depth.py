"""Activation and depth.

Question    Does a gradient explode or vanish on its way down a deep network, and is it the
            activation or the scale of the weights that decides?
Notes       数值稳定性: 梯度爆炸, 梯度消失
Method      Networks of 64 units a layer as they are before training, weights drawn from a normal
            distribution of standard deviation scale/√64, no biases. A random direction is sent
            back from the output; measured is the norm of the gradient with respect to the first
            hidden layer's output against that of the last, in powers of ten. (The gradient with
            respect to weights would hide it: it multiplies the gradient by the layer's input,
            which shrinks upwards by the very factor by which the gradient shrinks downwards.)
            Then digits are learned by networks of one to eight layers of 32 units with PyTorch's
            own initial weights, the rate tuned for each activation and depth by each seed. The
            window of rates is measured in powers of ten: half of one for each tried rate, half a
            power of ten apart, that ends at 80 % on validation. A network that no rate moves
            off chance is counted at chance, with a window of nothing.
Moved       That sigmoid falls behind ReLU was first claimed of eight layers after eight epochs.
            There both were still at chance, and the verdict was "no meaningful effect". Only after
            that was seen were all networks given 24 epochs and a second claim made, of four layers:
            it is not a prediction. The first claim stands beside it, in its own words.
Refuted if  ReLU's gradient does not grow with depth at every scale of the weights; sigmoid's
            shrinks by less than a factor of four a layer; deep sigmoid networks learn as well as
            deep ReLU ones; deep networks work with as wide a window of rates as shallow ones.
Edition     Since the second edition claims are judged at looks, after 5, 10 and 20 seeds or, where
            seeds are dear, after 5 and 10. Which parts have them was chosen when results of the
            first edition were known. Its headline claims are asked in further contexts, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Interaction,
    Model,
    Optimizer,
    Part,
    Recipe,
    Study,
    Threshold,
    Trend,
    axis,
    define_metric,
    lines,
    looks,
    shared,
)
from suite.seeds import stream

WIDTH = 64
EXAMPLES = 32
SCALES = (0.5, 1.0, math.sqrt(2.0), 2.0)
DEPTHS = (2, 5, 10, 20, 50, 100)
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
WORKS = 0.8
QUARTER = math.log10(0.25)
FORMS = {"relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid"}

RATIO = define_metric(
    "gradient/log10_first_to_last", "gradient of the first layer against the last, log10"
)
DISTANCE = define_metric(
    "gradient/decades_apart", "powers of ten between the gradients of first and last layer"
)
PER_LAYER = define_metric("gradient/log10_per_layer", "gradient's factor per layer, log10")
PRODUCT = define_metric("product/log10_largest", "largest entry of the product, log10")
ACCURACY = define_metric(
    "tuned/test_accuracy", "test accuracy at the best rate", unit="percent", better="higher"
)
WINDOW = define_metric("window/decades", "window of working rates, powers of ten", better="higher")


def gradients(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return how a gradient changes between the last hidden layer and the first."""
    import torch

    draw = torch.Generator().manual_seed(stream(seed, "init"))
    depth, width, activation = cell["depth"], cell["width"], cell["activation"]

    def normal(rows: int) -> torch.Tensor:
        return torch.randn(rows, width, generator=draw, dtype=torch.float64)

    act = getattr(torch, FORMS[activation]) if activation in FORMS else torch.clone
    values, outputs = normal(EXAMPLES) if cell["inputs"] == "normal" else digits(seed), []
    for _ in range(depth):
        values = act(values @ (normal(width) * cell["scale"] / math.sqrt(width)))
        values.requires_grad_()
        outputs.append(values)
    first, last = torch.autograd.grad(values, (outputs[0], outputs[-1]), normal(EXAMPLES))
    ratio = math.log10(float(first.norm()) / float(last.norm()))
    return {RATIO: ratio, DISTANCE: abs(ratio), PER_LAYER: ratio / (depth - 1)}


def digits(seed: int) -> Any:
    """Return images of digits, 64 pixels each, standardised together."""
    import torch
    from sklearn.datasets import load_digits

    pixels = torch.from_numpy(load_digits().data)
    draw = torch.Generator().manual_seed(stream(seed, "probe"))
    drawn = pixels[torch.randperm(len(pixels), generator=draw)[:EXAMPLES]]
    return (drawn - pixels.mean()) / pixels.std()


def product(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return the size of a product of standard normal 4×4 matrices."""
    import torch

    draw = torch.Generator().manual_seed(stream(seed, "init"))
    result = torch.eye(4, dtype=torch.float64)
    for _ in range(cell["matrices"]):
        result = result @ torch.randn(4, 4, generator=draw, dtype=torch.float64)
    return {PRODUCT: math.log10(float(result.abs().max()))}


def trained(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Train at every rate; return how wide the window of working rates is, and the best's test."""
    from suite.training import train

    best, test, working = -1.0, 0.0, 0
    for rate in RATES:
        recipe = Recipe(
            data=Data("digits"),
            model=Model("mlp", widths=(32,) * cell["depth"], activation=cell["activation"]),
            optimizer=Optimizer("sgd", lr=rate, momentum=0.9),
            budget=Budget(epochs=cell["epochs"], evaluations=1),
        )
        final = train(recipe, seed).final
        validation = final.get("validation/accuracy", 0.0)
        working += validation >= WORKS
        if validation > best:
            best, test = validation, final.get("test/accuracy", 0.0)
    return {WINDOW: 0.5 * working, ACCURACY: test}


# What contexts change of the networks whose gradients are followed.
SETTING = (axis("width", (WIDTH,)), axis("inputs", ("normal",)))
SIGMOID, RELU = {"activation": "sigmoid"}, {"activation": "relu"}
LARGE = RELU | {"scale": 2.0}
VANISHES = "Sigmoid … 会导致梯度消失"
over_depth = shared(of=RATIO, over="depth", per="unit", matters=0.05)
explodes = over_depth.also(
    number=31, part="relu", direction="higher", source="ReLu … 经过比较深的几层后会梯度爆炸"
)
falls_behind = shared(
    number=34, part="trained", source="Sigmoid … 网络层数过多时会导致梯度消失"
).also(
    of=ACCURACY,
    arm=SIGMOID | {"epochs": 24},
    against=RELU | {"epochs": 24},
    without={"depth": 1},
    direction="lower",
    matters=0.1,
)

study = Study(
    title="Activation and depth",
    question="Do gradients explode or vanish in deep networks, and what decides it?",
    notes="数值稳定性",
    probe=gradients,
    grid=(
        axis("activation", ("identity", "relu", "tanh", "sigmoid")),
        axis("scale", (1.0,)),
        axis("depth", DEPTHS),
        *SETTING,
    ),
    seeds=8,
    revised=("trained",),
    contexts={
        "narrow": {"width": (16,)},
        "wide": {"width": (256,)},
        "digits": {"inputs": ("digits",)},
    },
    parts=(
        Part(
            "relu",
            probe=gradients,
            grid=(
                axis("activation", ("relu",)),
                axis("scale", SCALES),
                axis("depth", DEPTHS),
                *SETTING,
            ),
        ),
        Part(
            "sigmoid",
            probe=gradients,
            grid=(
                axis("activation", ("sigmoid",)),
                axis("scale", SCALES),
                axis("depth", DEPTHS),
                *SETTING,
            ),
        ),
        Part("product", probe=product, grid=(axis("matrices", (1, 10, 100)),), seeds=64),
        Part(
            "trained",
            probe=trained,
            grid=(
                axis("activation", ("relu", "sigmoid")),
                axis("depth", (1, 2, 4, 8)),
                axis("epochs", (24,)),
            ),
            seeds=looks(5, 10),
        ),
    ),
    claims=(
        Threshold(
            number=29,
            of=DISTANCE,
            arm={"activation": "sigmoid", "scale": 1.0, "depth": 2},
            level=1.0,
            direction="lower",
            matters=0.1,
            says="In a shallow network gradients stay of one size: within a factor of ten between "
            "two hidden layers, even of sigmoid units.",
            source="层数较低的网络中不太存在",
            because="Between two layers the gradient is multiplied once. Trouble is one factor "
            "taken many times.",
        ),
        Difference(
            number=29,
            part="relu",
            of=DISTANCE,
            arm=LARGE | {"depth": 100},
            against=LARGE | {"depth": 2},
            direction="higher",
            matters=3.0,
            says="In a deep network gradients differ by many powers of ten between layers.",
            source="当层数很多时会出现两种不同的问题",
            because="The same factor that is harmless once is taken a hundred times.",
        ),
        Equivalence(
            number=30,
            part="relu",
            of=PER_LAYER,
            arm=LARGE | {"depth": 100},
            against=LARGE | {"depth": 10},
            matters=0.05,
            says="The gradient is a running product: each layer contributes the same factor, in a "
            "network of a hundred layers as in one of ten.",
            source="每一层的梯度计算都是一个前面层的累乘过程",
            because="By the chain rule the gradient is multiplied by one Jacobian a layer. Of a "
            "product the logarithm is a sum, so on a log scale it is a line over depth.",
        ),
        Threshold(
            number=30,
            part="product",
            of=PRODUCT,
            arm={"matrices": 100},
            level=22.0,
            direction="higher",
            matters=1.0,
            says="A product of 100 standard normal 4×4 matrices has entries of about 10^24: above "
            "10^22.",
            source="累乘过程",
            because="Each factor stretches a vector by exp(0.558) on average, which follows from "
            "the chi-squared distribution with four degrees of freedom. A hundred of them give "
            "exp(55.8), or 10^24.2.",
        ),
        explodes(Trend, arm=RELU | {"scale": 1.0}).says(
            "ReLU makes gradients explode with depth, also at weights of scale 1, which keep the "
            "size of a signal in a linear network.",
            because="ReLU passes a slope of 1 for half of its inputs and 0 for the rest, so a "
            "layer multiplies the norm by scale/√2, less than 1 here. The activation alone "
            "explodes nothing.",
        ),
        explodes(Trend, arm=RELU | {"scale": math.sqrt(2.0)}).says(
            "ReLU makes gradients explode with depth, also at weights of scale √2.",
            because="At √2, the scale of He et al. (2015), the factor scale/√2 is 1: the weights "
            "make up for the half of the units that are silent.",
        ),
        explodes(Trend, arm=LARGE).says(
            "ReLU makes gradients explode with depth at weights of scale 2.",
            because="Above √2 the factor a layer is above 1. It is the weights that decide.",
        ),
        over_depth(
            Trend,
            number=34,
            arm=SIGMOID | {"scale": 1.0},
            direction="lower",
            source=VANISHES,
            contexts=("narrow", "wide", "digits"),
        ).says(
            "Sigmoid makes gradients vanish with depth.",
            because="The slope of a sigmoid is at most a quarter, at zero.",
        ),
        Threshold(
            number=34,
            part="sigmoid",
            of=PER_LAYER,
            arm={"activation": "sigmoid", "scale": 2.0, "depth": 20},
            level=QUARTER,
            direction="lower",
            matters=0.01,
            says="Each sigmoid layer leaves at most a quarter of the gradient, whatever the "
            "weights: also at scale 2.",
            source=VANISHES,
            because="A quarter bounds the slope of the sigmoid, not of the layer, which also "
            "multiplies by its weights: larger weights give some of it back, until units saturate.",
        ),
        falls_behind(Interaction, within={"depth": 4}).says(
            "With four layers instead of one, sigmoid falls behind ReLU.",
            because="The lower layers get next to no gradient and stay as they were drawn, so the "
            "upper ones see a scrambled picture.",
        ),
        falls_behind(Interaction, within={"depth": 8}).says(
            "With eight layers instead of one, sigmoid falls behind ReLU.",
            because="Where ReLU networks do not get off the ground either, there is nothing to "
            "fall behind: weights of PyTorch's own scale shrink ReLU's gradient too.",
        ),
        Trend(
            number=33,
            part="trained",
            of=WINDOW,
            over="depth",
            per="doubling",
            arm=RELU | {"epochs": 24},
            direction="lower",
            matters=0.1,
            says="The deeper the network, the narrower the window of learning rates that work.",
            source="对学习率敏感",
            because="Where gradients shrink, a small rate gets nowhere in the time given; where "
            "they grow, a large one throws the weights too far.",
        ),
    ),
    views=(
        lines(RATIO, over="depth", colour="scale", part="relu").captioned(
            "Gradient of the first ReLU layer against the last, in powers of ten, over depth, for "
            "four scales of the weights: which lines rise and which fall?"
        ),
        lines(RATIO, over="depth", colour="activation").captioned(
            "The same for four activations, all with weights of scale 1."
        ),
        lines(PRODUCT, over="matrices", part="product").captioned(
            "The largest entry of a product of standard normal 4×4 matrices."
        ),
        lines(ACCURACY, over="depth", colour="activation", part="trained").captioned(
            "Digits learned by networks of one to eight layers, each at its tuned rate."
        ),
        lines(WINDOW, over="depth", colour="activation", part="trained").captioned(
            "How many powers of ten of rates work, over the number of layers."
        ),
    ),
    tiers={
        "smoke": {
            **dict.fromkeys(("seeds", "product.seeds", "trained.seeds"), 2),
            "depth": (2, 20),
            "relu.scale": (1.0, 2.0),
            "sigmoid.scale": (2.0,),
            "trained.depth": (1, 4),
            "trained.epochs": (1,),
        },
        "full": {"seeds": 16, "trained.depth": (1, 2, 4, 8, 16)},
    },
)
