"""Deep or wide.

Question    Of networks with equally many parameters, is the deeper one better, and where does it turn?
Sources     Eldan, Shamir (2016), The power of depth for feedforward neural networks, COLT
            (arXiv:1512.03965). Zagoruyko, Komodakis (2016), Wide residual networks, BMVC
            (arXiv:1605.07146).
Method      Networks of about 10,000 parameters, the width being what the depth leaves: MLPs with 1 to
            16 hidden layers on 1,000 digits of MNIST at 14×14 pixels, and networks with 1 to 8 blocks
            of two convolutions on 300 digits of 8×8. All are normalised over the batch and have
            residual connections, so that deep ones can be trained.
Equal       Parameters to within a tenth, steps, and the rates from which each arm's is tuned on
            validation. Seconds are not: depth costs more of them.
Pilots      One seed, validation only. They set the rates and, as 1,000 digits left convolutions no
            room above 98 %, the 300.
Refuted if  A network of moderate depth is less accurate than the shallowest and widest; or, for the
            other side, the deepest and thinnest is no less accurate than that of moderate depth.
"""

from __future__ import annotations

from typing import Any, Literal

from suite import (
    Budget,
    Data,
    Difference,
    Optimizer,
    Part,
    Recipe,
    Study,
    axis,
    curves,
    lines,
    looks,
    model,
    number,
    shared,
)

Form = Literal["mlp", "cnn"]


@model
def even(
    shape: Any,
    outputs: int,
    *,
    form: Form = "mlp",
    depth: int = number(2, low=1),
    parameters: int = number(10_000, low=1_000),
) -> Any:
    """A residual network of so many hidden layers, or blocks, as wide as its parameters allow."""
    import math

    from torch import nn

    from suite.models.layers import GlobalAveragePool
    from suite.models.mlp import Residual
    from suite.models.resnet import BasicBlock, convolution

    mlp, pixels = form == "mlp", math.prod(shape)

    def size(width: int) -> int:
        first = width * ((pixels if mlp else 9 * shape[0]) + (3 if mlp else 2))
        more = (depth - 1) * width * (width + 3) if mlp else depth * width * (18 * width + 4)
        return int(first + more + outputs * (width + 1))

    width = min(range(2, 1000), key=lambda width: abs(size(width) - parameters))
    head = nn.Linear(width, outputs)
    if mlp:
        hidden = [
            (nn.Linear(pixels if first else width, width), nn.BatchNorm1d(width), nn.ReLU())
            for first in [True] + [False] * (depth - 1)
        ]
        return nn.Sequential(
            nn.Flatten(), *hidden[0], *(Residual(*one) for one in hidden[1:]), head
        )
    stem = (*convolution(shape[0], width, stride=1, norm="batch"), nn.ReLU(), nn.MaxPool2d(2))
    blocks = [BasicBlock(width, width, shortcut=nn.Identity()) for _ in range(depth)]
    return nn.Sequential(*stem, *blocks, GlobalAveragePool(), head)


SHALLOW, MODERATE, DEEPEST = {"model.depth": 1}, {"model.depth": 4}, {"model.depth": 16}
BLOCK, BLOCKS, MOST = {"model.depth": 1}, {"model.depth": 3}, {"model.depth": 8}
even_size = shared(of="test/accuracy", matters=0.01, source="Deep beats wide at equal parameters")
deep = even_size.also(direction="higher", cites="Eldan & Shamir 2016")
wide = even_size.also(direction="lower", cites="Zagoruyko & Komodakis 2016")

study = Study(
    title="Deep or wide",
    question="Of networks with equally many parameters, is the deeper one better, and where does it "
    "turn?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("mnist5k", train_examples=1000, image_size=14),
        model=even(),
        optimizer=Optimizer("sgd", momentum=0.9),
        batch_size=50,
        budget=Budget(epochs=None, steps=200, evaluations=10),
    ),
    grid=(axis("model.depth", (1, 2, 4, 8, 16)), axis("optimizer.lr", (0.003, 0.01, 0.03, 0.1))),
    seeds=looks(5, 10, 20),
    contexts={
        "digits": {"data": Data("digits", train_examples=1000)},
        "larger": {"model.parameters": 40_000},
    },
    parts=(
        Part(
            "convolutions",
            changes={
                "data": Data("digits", train_examples=300),
                "model": even(form="cnn"),
                "budget.steps": 100,
            },
            grid=(axis("model.depth", (1, 3, 8)), axis("optimizer.lr", (0.01, 0.03, 0.1, 0.3))),
            seeds=looks(5, 10),
        ),
    ),
    claims=(
        deep(Difference, arm=MODERATE, against=SHALLOW, contexts=("digits", "larger")).says(
            "An MLP of four hidden layers is more accurate than one of a single wide layer with as "
            "many parameters.",
            because="Layers build on layers: some functions need exponentially many units in one "
            "layer and few in several. Whether digits are such functions is another question.",
        ),
        deep(Difference, part="convolutions", arm=BLOCKS, against=BLOCK).says(
            "A convolutional network of three residual blocks is more accurate than one of a single "
            "wide block with as many parameters.",
            because="Here depth also decides how much of the image an output sees: each convolution "
            "adds a pixel on every side.",
        ),
        wide(Difference, arm=DEEPEST, against=MODERATE).says(
            "An MLP of sixteen thin layers is less accurate than one of four.",
            because="A thin layer lets little through, and many of its blocks may learn hardly "
            "anything. More layers are also more to train in the same number of steps.",
        ),
        wide(Difference, part="convolutions", arm=MOST, against=BLOCKS).says(
            "A convolutional network of eight thin blocks is less accurate than one of three.",
            because="Once an output sees the whole image, further blocks only cost width.",
        ),
    ),
    views=(
        lines("test/accuracy", over="model.depth", tuned=True).captioned(
            "Accuracy of MLPs over depth, at equal parameters and tuned rates: where does it turn?"
        ),
        lines("test/accuracy", over="model.depth", tuned=True, part="convolutions").captioned(
            "The same for convolutional networks, over residual blocks."
        ),
        curves("validation/accuracy", colour="model.depth", tuned=True).captioned(
            "Learning curves of the MLPs: are deep ones slower, or worse in the end?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "convolutions.seeds": 1,
            "model.depth": (1, 4),
            "optimizer.lr": (0.1,),
        }
        | {"budget.steps": 20, "budget.evaluations": 2, "convolutions.budget.steps": 5},
        "full": {"data": Data("fashion_mnist"), "model.parameters": 1_000_000, "budget.steps": 5000}
        | {"convolutions.data": Data("fashion_mnist"), "convolutions.budget.steps": 5000},
    },
)
