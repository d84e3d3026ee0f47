"""Double descent.

Question    Does test error rise where a model becomes just large enough to fit every training
            label, wrong ones included, and fall again when it gets larger still?
Sources     Belkin, Hsu, Ma, Mandal (2019), Reconciling modern machine-learning practice and the
            classical bias-variance trade-off, PNAS 116, arXiv:1812.11118. Nakkiran, Kaplun, Bansal,
            Yang, Barak, Sutskever (2020), Deep double descent: Where bigger models and more data
            hurt, ICLR, arXiv:1912.02292. Nakkiran, Venkat, Kakade, Ma (2021), Optimal
            regularization can mitigate double descent, ICLR, arXiv:2003.01897.
Varies      Size, on MNIST's digits at 14×14 pixels, a fifth of the training labels random.
            Random features: max(0, x · w) of random w, from a twentieth to ten times the 200
            training examples; least squares, the shortest weights where many fit, or a ridge
            penalty that validation chose among six. Networks: 3 to 128 units, 1,000 examples.
Equal       At a seed all sizes see the same examples and labels, and fewer features are the first
            of more. Networks take 2,000 steps of Adam at one rate, 0.01: a rate tuned on
            validation would stop short of fitting the wrong labels, which is what is asked about.
Measured    The share of test images, whose labels are right, that are misread or not.
Refuted if  ten times as many features as examples err more than just as many, by five points; just
            as many err less than a fifth as many; with a tuned penalty they err two points more; 20
            units err less than 6, or 128 more than 20, by two points.
Pilots      Two seeds, validation and training metrics only, set examples, steps and sizes: features
            fit all labels from 0.8 times as many as examples on, networks from about 24 units on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Model,
    Optimizer,
    Part,
    Recipe,
    Study,
    axis,
    define_metric,
    lines,
    looks,
    shared,
)
from suite.seeds import stream

EXAMPLES, MOST, PENALTIES = 200, 10, (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
SIZE, WIDTH = "features_per_example", "model.widths"
OF_FEATURES: Any = {"train_examples": EXAMPLES, "validation_examples": 500, "image_size": 14}
ERROR = define_metric("features/test_error", "test error", unit="percent", better="lower")
FITTED = define_metric("features/train_error", "training error", unit="percent", better="lower")


def features(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Fit random features of digits to their classes by least squares; return both errors."""
    import torch
    from torch.nn import functional as F

    from suite.data import load

    data = Data(cell["data"], **OF_FEATURES, random_labels=cell["random_labels"])
    splits = load(data, seed, "cpu")[:3]  # to train, validate and test on
    images = [one.inputs.flatten(1).double() / 255 for one in splits]
    draw = torch.Generator().manual_seed(stream(seed, "init"))
    weights = torch.randn(MOST * EXAMPLES, images[0].shape[1], generator=draw).double()
    made = [(one @ weights[: round(cell[SIZE] * EXAMPLES)].T).relu() for one in images]
    made = [one / made[0].square().sum(1).mean().sqrt() for one in made]  # of length 1
    wanted = F.one_hot(splits[0].targets, 10).double() - 0.1

    left, sizes, right = torch.linalg.svd(made[0], full_matrices=False)
    inverses = [torch.where(sizes > 1e-10 * sizes[0], 1 / sizes, 0)]
    if cell["penalty"] == "tuned":
        inverses = [sizes / (sizes.square() + one) for one in PENALTIES]
    fits = [right.T @ (one[:, None] * (left.T @ wanted)) for one in inverses]

    def error(fit: Any, split: int) -> float:
        return float(((made[split] @ fit).argmax(1) != splits[split].targets).double().mean())

    best = min(fits, key=lambda fit: error(fit, 1))
    return {ERROR: error(best, 2), FITTED: error(best, 0)}


MANY, AS_MANY, FEW = {SIZE: 10.0}, {SIZE: 1.0}, {SIZE: 0.2}
SIX, TWENTY, WIDE = {WIDTH: (6,)}, {WIDTH: (20,)}, {WIDTH: (128,)}
FREE, TUNED = {"penalty": "none"}, {"penalty": "tuned"}
FALLS: Any = {"arm": MANY | FREE, "against": AS_MANY | FREE, "direction": "lower"}
rule = shared(source="Test error falls, rises and falls again with size")
of_features = rule.also(of=ERROR, part="features", cites="Belkin et al. 2019", matters=0.05)
penalised = rule.also(of=ERROR, part="features", cites="Nakkiran et al. 2021", matters=0.02)
of_networks = rule.also(of="test/accuracy", cites="Nakkiran et al. 2020", matters=0.02)

study = Study(
    title="Double descent",
    question="Does test error rise where a model just fits every label, and fall again beyond?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("mnist5k", **(OF_FEATURES | {"train_examples": 1000}), random_labels=0.2),
        model=Model("mlp"),
        optimizer=Optimizer("adam", lr=0.01),
        batch_size=100,
        budget=Budget(epochs=None, steps=2000, evaluations=1),
    ),
    grid=(axis(WIDTH, ((3,), (6,), (12,), (20,), (48,), (128,))),),
    seeds=looks(5, 10, 20),
    parts=(
        Part(
            "features",
            probe=features,
            grid=(
                axis(SIZE, (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 3.0, 10.0)),
                axis("penalty", ("none", "tuned")),
                *(axis("data", ("mnist5k",)), axis("random_labels", (0.2,))),
            ),
        ),
    ),
    contexts={"digits": {"data": ("digits",)}, "right_labels": {"random_labels": (0.0,)}},
    claims=(
        of_features(Difference, **FALLS, contexts=("digits", "right_labels")).says(
            "Test error falls a second time: with ten times as many random features as examples it "
            "is lower than with just as many.",
            because="With just as many there is one way to fit all labels, and it takes huge "
            "weights. With more there are many ways, and the shortest is taken.",
        ),
        of_features(Difference, arm=AS_MANY | FREE, against=FEW | FREE, direction="higher").says(
            "Before that it rises: with just as many random features as examples test error is "
            "higher than with a fifth as many.",
            because="This is overfitting as textbooks have it. A fifth as many cannot follow single "
            "labels.",
        ),
        penalised(Difference, arm=AS_MANY | TUNED, against=FEW | TUNED, direction="lower").says(
            "With a penalty tuned on validation there is no peak: just as many random features as "
            "examples err less than a fifth as many.",
            because="The peak is made of huge weights, and these are what a penalty forbids. What "
            "is left of a larger size is that it can say more.",
        ),
        of_networks(Difference, arm=TWENTY, against=SIX, direction="lower").says(
            "Networks, too: 20 hidden units, just enough to fit every label, are less accurate "
            "than 6.",
            because="Six cannot learn a thousand labels by heart; twenty can, with none to spare.",
        ),
        of_networks(Difference, arm=WIDE, against=TWENTY, direction="higher").says(
            "And they recover: 128 hidden units, which fit every label too, are more accurate "
            "than 20.",
            because="Among the many ways to fit the labels, gradient descent from small weights "
            "finds one in which a wrong label bends little around it.",
        ),
    ),
    views=(
        lines(ERROR, over=SIZE, colour="penalty", part="features").captioned(
            "Test error of random features over their number per example: down, up to a peak at 1, "
            "and down again; and what a tuned penalty leaves of it."
        ),
        lines(FITTED, over=SIZE, colour="penalty", part="features").captioned(
            "Training error of the same: the peak is where it reaches zero, wrong labels and all."
        ),
        lines("test/accuracy", over=WIDTH).captioned(
            "Accuracy of networks over their width: up, down where they begin to fit every label, "
            "and up again."
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "budget.steps": 10, SIZE: (0.2, 1.0, 10.0)},
        "full": {
            "data.name": "fashion_mnist",
            "data.train_examples": 4000,
            "data.image_size": None,
            WIDTH: ((3,), (6,), (12,), (20,), (48,), (128,), (512,), (2048,)),
        },
    },
)
