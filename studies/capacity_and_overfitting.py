"""Capacity and overfitting.

Question    What can a network of a given size fit, does a larger one fit more, and does it pay
            to match the size to the data?
Notes       过拟合与欠拟合: 模型容量, 参数个数, 参数值的范围, 模型容量需要匹配数据复杂度
Method      One hidden layer on real digits. Three grids train: width against true and random
            labels; width against number of examples, the rate tuned; and the ball to which the
            weights are confined. Three more fit by least squares, where the optimum is exact:
            polynomials of each degree, the degree that validation picks, and random features on
            both sides of the point where there are as many parameters as examples.
Rates       Random labels leave nothing to tune on: validation is at chance whatever the rate.
            Those two grids fix one rate, at which a pilot's widest network fitted 200 random
            labels, for all arms alike. The grid over examples is tuned; its lowest rate, 0.0003,
            was added for all arms after a first run, in which a tuned rate lay on the edge of the
            grid. The claims stand as they were worded before that run.
Equal       All arms of a grid take the same number of steps. "Can fit" therefore means: within
            that budget, which bounds capacity from below.
Modest      The notes warn of too much capacity. What is just right is fixed beforehand: width 8
            has 610 parameters, of the order of the examples; width 256 has 19,210.
Refuted if  a network of two hidden units fits the true labels, or one of 256 leaves random ones
            unfitted; training error does not fall with parameters or with the radius; more
            examples do not favour the wider network; the widest is as good on test as a modest one.
Edition     Since the second edition claims are judged at looks, after 5, 10 and 20 seeds or, where
            seeds are dear, after 5 and 10. Which parts have them was chosen when results of the
            first edition were known. Its headline claims are asked in further contexts, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Interaction,
    Model,
    Optimizer,
    Ordering,
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

TRAIN_ERROR = define_metric("fit/train_error", "root mean square error on training", better="lower")
TEST_ERROR = define_metric("fit/test_error", "root mean square error on test", better="lower")
BEST = define_metric("fit/best_parameters", "coefficients that validation picks", unit="count")
NOISE = 0.2
HIGHEST_DEGREE = 19
FEATURE_EXAMPLES = 40


def _drawn(rng: Any, n: int) -> tuple[Any, Any]:
    """Return n points of |x| on [-1, 1], which no polynomial meets, and noisy values."""
    x = rng.uniform(-1, 1, n)
    return x, abs(x) + NOISE * rng.standard_normal(n)


def _polynomial_errors(examples: int, degree: int, seed: int) -> tuple[float, float]:
    """Return training error and error on 1,000 other noisy points of the least-squares fit."""
    import numpy as np
    from numpy.polynomial.legendre import legvander

    rng = np.random.default_rng((seed, 1))
    other_x, other_y = _drawn(rng, 1000)
    x, y = _drawn(rng, examples)
    fitted = np.linalg.lstsq(legvander(x, degree), y, rcond=None)[0]
    training = y - legvander(x, degree) @ fitted
    other = other_y - legvander(other_x, degree) @ fitted
    return float(np.sqrt(np.mean(training**2))), float(np.sqrt(np.mean(other**2)))


def polynomial(cell: Mapping[str, Any], seed: int) -> Mapping[str, float]:
    """Fit a polynomial of the cell's degree to its number of examples."""
    train, test = _polynomial_errors(cell["examples"], cell["degree"], seed)
    return {TRAIN_ERROR: train, TEST_ERROR: test}


def best_degree(cell: Mapping[str, Any], seed: int) -> Mapping[str, float]:
    """Let other points choose the degree, and return how many coefficients that is."""
    degrees = range(HIGHEST_DEGREE + 1)
    errors = [_polynomial_errors(cell["examples"], degree, seed)[1] for degree in degrees]
    return {BEST: errors.index(min(errors)) + 1}


def features(cell: Mapping[str, Any], seed: int) -> Mapping[str, float]:
    """Fit random ReLU features of 20 inputs by least squares, of least norm where many fit.

    The first layer of a network, frozen: its number of fitted parameters is its width.
    """
    import numpy as np

    rng = np.random.default_rng((seed, 2))
    truth = rng.standard_normal(20) / np.sqrt(20)
    x = rng.standard_normal((FEATURE_EXAMPLES + 1000, 20))
    y = x @ truth + NOISE * rng.standard_normal(len(x))
    hidden = np.maximum(x @ rng.standard_normal((20, cell["features"])), 0) / np.sqrt(20)
    train = slice(0, FEATURE_EXAMPLES)
    fitted = np.linalg.lstsq(hidden[train], y[train], rcond=None)[0]
    errors = (y - hidden @ fitted) ** 2
    return {
        TRAIN_ERROR: float(np.sqrt(errors[train].mean())),
        TEST_ERROR: float(np.sqrt(errors[FEATURE_EXAMPLES:].mean())),
    }


SMALL, LARGE = {"model.widths": (8,)}, {"model.widths": (256,)}
FEW, MANY = {"data.train_examples": 50}, {"data.train_examples": 800}
TRUE, RANDOM = {"data.random_labels": 0.0}, {"data.random_labels": 1.0}
memorises = shared(number=19, of="train/accuracy", source="高容量可以记住所有数据")
matches = shared(number=22, source="模型容量需要匹配数据复杂度")
fits_better = shared(of="train/accuracy", direction="higher", matters=0.5)
widening = matches.also(part="examples", of="test/accuracy", matters=0.01)
rises_again = matches.also(
    part="features", of=TEST_ERROR, direction="higher", matters=1.25, scale="ratio"
)

study = Study(
    title="Capacity and overfitting",
    question="What can a network of a given size fit, and can it be too large?",
    notes="过拟合与欠拟合",
    recipe=Recipe(
        data=Data("digits", train_examples=200),
        model=Model("mlp", widths=(256,)),
        optimizer=Optimizer("adam", lr=0.01),
        batch_size=50,
        budget=Budget(epochs=150, evaluations=1),
    ),
    grid=(
        axis("data.random_labels", (0.0, 1.0)),
        axis("model.widths", ((1,), (2,), (4,), (8,), (16,), (64,), (256,))),
    ),
    seeds=looks(5, 10),
    revised=("examples",),
    contexts={
        "mnist": {"data.name": "mnist5k"},
        "tanh": {"model.activation": "tanh"},
        "twice_the_examples": {"data.train_examples": 400},
    },
    select="validation/accuracy",
    parts=(
        Part(
            "examples",
            changes={"budget.epochs": None, "budget.steps": 300},
            grid=(
                axis("data.train_examples", (50, 800)),
                axis("model.widths", ((2,), (8,), (32,), (256,))),
                axis("optimizer.lr", (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)),
            ),
        ),
        Part(
            "range",
            changes={
                "optimizer.name": "sgd",
                "optimizer.lr": 0.1,
                "optimizer.momentum": 0.9,
                "data.random_labels": 1.0,
            },
            grid=(axis("optimizer.max_norm", (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)),),
        ),
        Part(
            "polynomial",
            probe=polynomial,
            grid=(axis("examples", (25, 400)), axis("degree", (1, 3, 5, 9, 14, 19))),
        ),
        Part(
            "degree",
            probe=best_degree,
            grid=(axis("examples", (25, 50, 100, 200, 400, 800)),),
            seeds=16,
        ),
        Part("features", probe=features, grid=(axis("features", (5, 10, 20, 40, 80, 320, 1280)),)),
    ),
    claims=(
        Threshold(
            number=19,
            of="train/accuracy",
            arm={"model.widths": (2,), "data.random_labels": 0.0},
            level=0.95,
            direction="lower",
            matters=0.05,
            says="A network of low capacity cannot fit even true labels.",
            source="低容量难以拟合训练数据",
            because="Everything the output layer learns of an image has to pass two numbers, and "
            "ten classes are to be told apart by them.",
        ),
        memorises(
            Threshold,
            arm=LARGE | RANDOM,
            level=0.95,
            direction="higher",
            matters=0.01,
            contexts=("mnist", "tanh", "twice_the_examples"),
        ).says(
            "A network of high capacity can memorise all its data, labels drawn by lot included.",
            because="With many more parameters than examples, and images that differ, some setting "
            "gives each image any label one likes. That gradient descent finds it is a fact of "
            "experience (Zhang et al., 2017).",
        ),
        memorises(
            Interaction,
            arm=SMALL,
            against=LARGE,
            within=RANDOM,
            without=TRUE,
            direction="lower",
            matters=0.05,
        ).says(
            "Memorising asks for more capacity than learning: a modest network falls short by more "
            "on random labels than on true ones.",
            because="Images of one digit resemble each other, so one rule serves many of them. A "
            "random label has to be stored for each image on its own.",
        ),
        fits_better(
            Ordering, number=20, part="examples", over="model.widths", arm=MANY, source="参数个数"
        ).says(
            "The more parameters, the more of its training examples a network fits.",
            because="A wider network contains the narrower ones: set the added weights to zero. "
            "Nesting promises a better optimum, not that training gets there.",
        ),
        Ordering(
            number=20,
            part="polynomial",
            of=TRAIN_ERROR,
            over="degree",
            arm={"examples": 25},
            direction="lower",
            matters=0.5,
            says="The higher its degree, the lower the training error of a polynomial.",
            source="参数个数",
            because="Least squares finds the optimum, and the optimum of a larger set cannot be "
            "worse than that of a set inside it.",
        ),
        fits_better(
            Ordering, number=21, part="range", over="optimizer.max_norm", source="参数值的范围"
        ).says(
            "The smaller the range allowed to the weights, the less a network fits.",
            because="Small weights give outputs that hardly differ between images, so the loss "
            "pulls at all of them alike and cannot settle on the odd ones out.",
        ),
        widening(
            Interaction, arm=LARGE, against=SMALL, within=MANY, without=FEW, direction="higher"
        ).says(
            "More data call for more capacity: widening gains more with many examples than with "
            "few.",
            because="The classical account: a wide network needs many examples to pin down its "
            "many parameters. It leaves out that training favours some solutions over others.",
        ),
        widening(
            Difference,
            arm=FEW | LARGE,
            against=FEW | SMALL,
            direction="lower",
            contexts=("mnist", "tanh"),
        ).says(
            "On few examples, a network with hundreds of times more parameters than examples does "
            "worse on new ones than a modest network.",
            because="It could fit anything. Which of the many fits it ends at is up to the initial "
            "weights and to gradient descent, and those lean towards smooth ones.",
        ),
        matches(
            Trend,
            part="degree",
            of=BEST,
            over="examples",
            per="doubling",
            direction="higher",
            matters=1.05,
            scale="ratio",
        ).says(
            "The number of coefficients that validation picks grows with the examples.",
            because="A coefficient costs noise in proportion to one over the number of examples, "
            "and is worth its cost when what it can express is larger than that.",
        ),
        rises_again(Difference, arm={"features": 40}, against={"features": 10}).says(
            "As many parameters as examples do worse on new data than a quarter of that.",
            because="There is then exactly one fit through all the noisy points, and it takes huge "
            "coefficients to get there.",
        ),
        rises_again(Difference, arm={"features": 1280}, against={"features": 40}).says(
            "Past the point where everything fits, still more capacity makes it worse.",
            because="With more parameters than examples many fits are perfect, and least squares "
            "takes the one with the smallest coefficients. The more there are to choose from, the "
            "smaller those get: double descent (Belkin et al., 2019).",
        ),
    ),
    views=(
        lines("train/accuracy", over="model.widths", colour="data.random_labels").captioned(
            "How much of 200 examples is fitted, with true labels (0) and random ones (1)?"
        ),
        lines(
            "test/accuracy",
            over="model.widths",
            colour="data.train_examples",
            tuned=True,
            part="examples",
        ).captioned(
            "Test accuracy over width, a line a number of examples, each at its tuned rate: does "
            "either line come down again?"
        ),
        lines("train/accuracy", over="optimizer.max_norm", part="range").captioned(
            "Random labels fitted, over the radius of the ball the weights may not leave."
        ),
        lines(TEST_ERROR, over="features", part="features").captioned(
            "Test error of least squares on random features: what happens at 40, where there are "
            "as many of them as examples, and beyond?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "degree.seeds": 2,
            "budget.epochs": 1,
            "model.widths": ((2,), (8,), (256,)),
            "examples.budget.steps": 5,
            "optimizer.lr": 0.01,
            "examples.model.widths": ((8,), (256,)),
            "optimizer.max_norm": (2.0, 32.0),
            "polynomial.degree": (1, 19),
            "polynomial.examples": (25,),
            "degree.examples": (25, 800),
            "features.features": (10, 40, 1280),
        },
        "full": {
            "data.name": "fashion_mnist",
            "data.train_examples": 1000,
            "examples.data.train_examples": (50, 800, 10_000),
            "examples.budget.steps": 2000,
            "model.widths": ((1,), (2,), (4,), (8,), (16,), (64,), (256,), (1024,)),
            "budget.epochs": 300,
        },
    },
)
