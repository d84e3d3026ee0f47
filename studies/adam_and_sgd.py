"""Adam against SGD.

Question    Does Adam beat SGD on transformers, and not on convolutions?
Sources     Zhang et al., "Why are Adaptive Methods Good for Attention Models?", NeurIPS 2020 (arXiv
            1912.03194): the noise of attention's gradients has heavy tails. Kunstner et al., "Noise
            Is Not the Main Factor Behind the Gap Between SGD and Adam on Transformers, but Sign
            Descent Might Be", ICLR 2023 (arXiv 2304.13960): the gap grows with the batch. Wilson et
            al., "The Marginal Value of Adaptive Gradient Methods in Machine Learning", NeurIPS 2017
            (arXiv 1705.08292): SGD is the more accurate one on new examples.
Method      A transformer of one layer sorts six symbols, or tells the next letter of surnames; two
            convolutions and a linear layer learn digits. Each by Adam and by SGD with momentum 0.9;
            the rate, which falls as a cosine, is tuned by each seed among five in two decades.
Equal       200 steps of 32 examples, five rates for each rule, equal initial weights at a seed.
            Tasks are compared by the points of accuracy that Adam gains on each.
Contexts    Batches of 128 for half the steps, which have less noise, and few examples.
Refuted if  Adam gains no more on the transformer that sorts than on the convolutions.
Pilots      On validation, up to two seeds: Adam was best at 0.01 and SGD at 0.1 on all three. Sorting,
            where they were apart at first, is the headline's task; surnames have a claim too.
"""

from __future__ import annotations

from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Interaction,
    Model,
    Optimizer,
    Recipe,
    Schedule,
    Study,
    axis,
    lines,
    looks,
    model,
    number,
    shared,
)


@model
def convnet(shape: Any, outputs: int, *, channels: int = number(8, low=1)) -> Any:
    """Two convolutions, each pooled to half the size, and a linear layer."""
    from torch import nn

    layers: list[nn.Module] = []
    for width in (channels, 2 * channels):
        layers += [nn.LazyConv2d(width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(outputs))


SURNAMES = {"network": "surnames transformer"}
ADAM, SGD = {"rule": "Adam"}, {"rule": "SGD"}
TRANSFORMER, CONVOLUTIONS = {"network": "sorting transformer"}, {"network": "convolutions"}
BUDGET = Budget(epochs=None, steps=200, evaluations=1)
SMALL = Model("transformer", layers=1, width=32, heads=2)
SOURCE = "Adam beats SGD on transformers and not on convolutions"
rule = shared(of="test/accuracy", matters=0.01, source=SOURCE)

study = Study(
    title="Adam against SGD",
    question="Does Adam beat SGD on transformers, and not on convolutions?",
    notebook="folklore",
    recipe=Recipe(schedule=Schedule("cosine"), batch_size=32, budget=BUDGET),
    grid=(
        axis(
            "network",
            {
                "sorting transformer": {
                    "data": Data("sorting", length=6, symbols=6, validation_examples=300),
                    "model": SMALL,
                },
                "surnames transformer": {
                    "data": Data("surnames", train_examples=3000, validation_examples=500),
                    "model": SMALL,
                },
                "convolutions": {"data": Data("digits"), "model": convnet()},
            },
        ),
        axis(
            "rule",
            {
                "Adam": {"optimizer": Optimizer("adam")},
                "SGD": {"optimizer": Optimizer("sgd", momentum=0.9)},
            },
        ),
        axis(
            "optimizer.lr",
            {"Adam": (0.001, 0.003, 0.01, 0.03, 0.1), "SGD": (0.01, 0.03, 0.1, 0.3, 1.0)},
            per="rule",
        ),
    ),
    seeds=looks(5, 10, 20),
    contexts={
        "large_batches": {"batch_size": 128, "budget.steps": 100, "seeds": looks(4, 8)},
        "few_examples": {"data.train_examples": 300, "seeds": looks(4, 8)},
    },
    claims=(
        rule(
            Interaction,
            arm=ADAM,
            against=SGD,
            within=TRANSFORMER,
            without=CONVOLUTIONS,
            direction="higher",
            cites="Zhang et al. 2020; Kunstner et al. 2023",
            contexts=("large_batches", "few_examples"),
        ).says(
            "Adam beats SGD on a transformer by more than on convolutions, each at its best rate.",
            because="In a transformer gradients differ by orders of magnitude between embeddings, "
            "attention and gains of norms, so that one rate is too small for some weights and too "
            "large for others. Adam moves each by like steps. Convolutions are more alike.",
        ),
        rule(
            Difference,
            arm=TRANSFORMER | ADAM,
            against=TRANSFORMER | SGD,
            direction="higher",
            cites="Zhang et al. 2020",
        ).says(
            "On a transformer Adam ends more accurate than SGD.",
            because="Where gradients are small, SGD hardly moves before the budget is spent.",
        ),
        rule(
            Difference,
            arm=CONVOLUTIONS | ADAM,
            against=CONVOLUTIONS | SGD,
            direction="lower",
            cites="Wilson et al. 2017",
        ).says(
            "On convolutions SGD ends more accurate than Adam on new examples.",
            because="Both fit the training images. Of the networks that do, SGD is said to come to one "
            "whose weights are small where evidence is weak; Adam moves those as far as others.",
        ),
        rule(
            Difference,
            arm=SURNAMES | ADAM,
            against=SURNAMES | SGD,
            direction="higher",
            cites="Zhang et al. 2020; Kunstner et al. 2023",
        ).says(
            "On a transformer that tells the next letter of surnames Adam ends more accurate too.",
            because="Rare letters have rows of their own in the embedding, which seldom get a "
            "gradient. But with 27 symbols, the rarest is not very rare.",
        ),
    ),
    views=(
        lines("test/accuracy", over="optimizer.lr", colour="rule", where=TRANSFORMER).captioned(
            "The transformer that sorts: which rule's best point is higher, which peak wider?"
        ),
        lines("test/accuracy", over="optimizer.lr", colour="rule", where=CONVOLUTIONS).captioned(
            "Convolutions: the same question."
        ),
        lines("test/accuracy", over="network", colour="rule", tuned=True).captioned(
            "Each at the rate that validation chose: on which network are the rules apart?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 1,
            "budget.steps": 10,
            "data.train_examples": 200,
            "optimizer.lr": (0.01, 0.1),
        },
        "full": {"seeds": looks(5, 10), "batch_size": 128, "budget.steps": 2000},
    },
)
