"""Linear regression.

Question    How close does a fit come to the weights that made the data, and why does a plot of
            the labels over one of two inputs look like a line?
Notes       线性回归: synthetic_data 生成 y=Xw+b+噪声, 为什么 y 会和 features[:,1] 呈线性关系
Method      The book's data: y = 2 x₀ - 3.4 x₁ + 4.2 + noise, x standard normal, 1000 examples, noise
            of standard deviation σ = 0.01. The error is the root mean square over the two weights
            and the bias, and over 10 data sets a seed. It is held against σ/√n, by least squares
            and by training as the book does (batches of 10, three epochs), at a rate of 0.03
            throughout and at one that falls from 0.06 to zero. The correlations of labels and
            inputs are held against their formula. Least squares is also asked for d weights, of
            inputs and true weights drawn from a standard normal, by how far all of them together
            are from the truth.
Pilot       One seed outside the study. A rate that fell from 0.03 had not yet left its start behind
            after three epochs; from 0.06, the rates of all steps add up to the same.
Loss        The mean square error is not halved, so a rate of 0.03 is 0.06 to the formulas of
            those who halve it.
Added       The claim on the number of inputs came after the verdicts on the others, and before its
            own trials ran. The scatter had 7 slices of 6 examples, too few to look like the
            author's plot; the claim on its slope was decided either way.
Tested      Claims that say √2 or 3.4 are tested as 1.3 times or 2 at least. For the inputs the
            interval that came out, [1.44, 1.51], does not hold √2: see why, at that claim.
Refuted if  the error of least squares is a quarter off σ/√n, or that of training a quarter off
            least squares; twice the examples do not shrink it by 1.3, or twice the inputs do not
            stretch the distance from the truth by 1.3; the correlations are 0.05 off; a falling
            rate comes no closer; the labels do not fall over features[:,1]; one input leaves more
            than a twentieth of their variance.
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
    Identity,
    Model,
    Optimizer,
    Part,
    Recipe,
    Schedule,
    Study,
    Threshold,
    Trend,
    axis,
    define_metric,
    lines,
    shared,
)

ERROR = define_metric("estimate/error", "error of weights and bias", better="lower")
DISTANCE = define_metric("estimate/distance", "distance of all weights from the true ones")
FIRST = define_metric("labels/correlation_0", "correlation with the first input")
SECOND = define_metric("labels/correlation_1", "correlation with the second input")
LEFT = define_metric(
    "labels/left_by_second", "variance of the labels not on the line", unit="percent"
)
PARTIAL = define_metric(
    "labels/partial_error", "correlation with the second input at a fixed first one, plus 1"
)
LABEL = define_metric("labels/value", "label of an example")

TRUTH = (2.0, -3.4, 4.2)
NOISE = 0.01
METHODS = axis("method", ("theory", "least_squares"))
SLICES = axis("second_input", tuple(step / 5 for step in range(-12, 13)))
DATA_SETS = 10
DESCENTS = {"sgd": (0.03, Schedule("constant")), "sgd_falling_rate": (0.06, Schedule("cosine"))}


def estimation(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return the error of the estimates over several data sets, or what theory expects of it."""
    import numpy as np

    if cell["method"] == "theory":
        return {ERROR: cell["noise"] / math.sqrt(cell["examples"])}
    found = [
        estimated(cell["method"], cell["examples"], cell["noise"], DATA_SETS * seed + i)
        for i in range(DATA_SETS)
    ]
    return {ERROR: float(np.sqrt(np.mean(np.square(np.array(found) - TRUTH))))}


def estimated(method: str, examples: int, noise: float, seed: int) -> tuple[float, ...]:
    """Return the two weights and the bias that a method finds."""
    import numpy as np

    from suite.data import load
    from suite.training.loop import Run

    data = Data("synthetic_linear", train_examples=examples, noise=noise)
    if method == "least_squares":
        train = load(data, seed).train
        x = np.column_stack([train.inputs.double().numpy(), np.ones(examples)])
        return tuple(np.linalg.lstsq(x, train.targets[:, 0].double().numpy())[0])
    rate, schedule = DESCENTS[method]
    recipe = Recipe(
        data=data,
        model=Model("linear", init="normal"),
        optimizer=Optimizer("sgd", lr=rate),
        schedule=schedule,
        batch_size=10,
        budget=Budget(epochs=3, evaluations=1),
        loss="mse",
    )
    run = Run(recipe, seed, "cpu")
    run.train()
    weights, bias = (one.detach().flatten().tolist() for one in run.network.parameters())
    return (*weights, *bias)


def many_inputs(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return how far least squares is from the true weights of many inputs: a root mean square."""
    import numpy as np

    inputs, examples = cell["inputs"], 1000
    squares = []
    for i in range(DATA_SETS):
        rng = np.random.default_rng((seed, inputs, i))
        truth, x = rng.standard_normal(inputs), rng.standard_normal((examples, inputs))
        y = x @ truth + NOISE * rng.standard_normal(examples)
        squares.append(np.sum((np.linalg.lstsq(x, y)[0] - truth) ** 2))
    return {DISTANCE: math.sqrt(np.mean(squares))}


def correlation(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return how labels and inputs are correlated in a sample, or by the formula."""
    import numpy as np

    if cell["sample"] == "formula":
        spread = math.sqrt(TRUTH[0] ** 2 + TRUTH[1] ** 2 + NOISE**2)
        return {FIRST: TRUTH[0] / spread, SECOND: TRUTH[1] / spread}
    x, y = sample(int(cell["sample"]), seed)
    table = np.corrcoef(np.column_stack([x, y]).T)
    with_first, with_second, between = table[2, 0], table[2, 1], table[0, 1]
    unexplained = math.sqrt((1 - with_first**2) * (1 - between**2))
    return {
        FIRST: float(with_first),
        SECOND: float(with_second),
        LEFT: float(1 - with_second**2),
        PARTIAL: float((with_second - with_first * between) / unexplained + 1),
    }


def scatter(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return the label of the example, of a thousand, whose second input is nearest a value."""
    x, y = sample(1000, seed)
    return {LABEL: float(y[abs(x[:, 1] - cell["second_input"]).argmin()])}


def sample(examples: int, seed: int) -> tuple[Any, Any]:
    """Return inputs `(n, 2)` and labels `(n,)` of the book's data."""
    from suite.data import load

    train = load(Data("synthetic_linear", train_examples=examples, noise=NOISE), seed).train
    return train.inputs.double().numpy(), train.targets[:, 0].double().numpy()


def arm(method: str, noise: float = NOISE) -> dict[str, Any]:
    return {"method": method, "noise": noise, "examples": 1000}


PUZZLE = "为什么`y`会和`features[:,1]`的值呈线性关系"

DATA = "synthetic_data(true_w, true_b, 1000)"
SAMPLE, FORMULA = {"sample": "1000"}, {"sample": "formula"}
puzzle = shared(number=8, source=PUZZLE)
as_good = shared(number=7, of=ERROR, matters=1.25, scale="ratio", source=DATA)
scales = shared(number=7, per="doubling", matters=1.3, scale="ratio", source=DATA)
correlated = puzzle.also(part="correlation", arm=SAMPLE, against=FORMULA, matters=0.05)
line = puzzle.also(direction="lower")

study = Study(
    title="Linear regression",
    question="How close does a fit come, and why do labels over one input look like a line?",
    notes="线性回归",
    probe=estimation,
    grid=(
        axis("method", ("theory", "least_squares", *DESCENTS)),
        axis("noise", (NOISE,)),
        axis("examples", (1000,)),
    ),
    seeds=8,
    revised=("inputs", "scatter"),
    parts=(
        Part(
            "label_noise",
            probe=estimation,
            grid=(METHODS, axis("noise", (NOISE, 1.0)), axis("examples", (1000,))),
        ),
        Part(
            "examples",
            probe=estimation,
            grid=(METHODS, axis("noise", (NOISE,)), axis("examples", (100, 1000, 10_000))),
        ),
        Part("inputs", probe=many_inputs, grid=(axis("inputs", (2, 20, 200)),)),
        Part(
            "correlation",
            probe=correlation,
            grid=(axis("sample", ("10", "100", "1000", "formula")),),
        ),
        Part("scatter", probe=scatter, grid=(SLICES,), seeds=16),
    ),
    claims=(
        as_good(Equivalence, arm=arm("least_squares"), against=arm("theory")).says(
            "Least squares finds the weights up to an error of σ/√n, at the book's noise.",
            because="A weight's estimate is an average of n noisy readings, and an average of n is "
            "√n times more exact than one.",
        ),
        as_good(
            Equivalence,
            part="label_noise",
            arm=arm("least_squares", 1.0),
            against=arm("theory", 1.0),
        ).says(
            "It is σ/√n also at a hundred times the noise.",
            because="Noise of twice the size moves the best weights twice as far.",
        ),
        scales(
            Trend,
            part="examples",
            of=ERROR,
            over="examples",
            arm={"method": "least_squares", "noise": NOISE},
            direction="lower",
        ).says(
            "Twice the examples make the error smaller by √2.",
            because="By √2, which is 1.41. To halve an error takes four times the examples.",
        ),
        scales(Trend, part="inputs", of=DISTANCE, over="inputs", direction="higher").says(
            "Twice the inputs put the weights √2 further from the truth.",
            because="Every weight has an error of its own, and d of them make a distance of "
            "σ√(d/n), √2 more for twice as many. Near d = n it is more: there is little left to "
            "average over.",
        ),
        as_good(Equivalence, arm=arm("sgd"), against=arm("least_squares")).says(
            "Training as the book does comes as close to the true weights as least squares.",
            because="At a rate that never falls, each batch of ten throws the weights about the "
            "minimum, by an amount that depends on the rate and not on the number of examples.",
        ),
        as_good(
            Difference, arm=arm("sgd_falling_rate"), against=arm("sgd"), direction="lower"
        ).says(
            "With a rate that falls to zero, training comes closer.",
            because="Small steps at the end average over many batches.",
        ),
        correlated(Equivalence, of=SECOND).says(
            "Labels and features[:,1] have a correlation of -0.86, the share of its weight.",
            because="It is -3.4 / √(2² + 3.4² + σ²): the weight over the spread of the labels.",
        ),
        correlated(Equivalence, of=FIRST).says(
            "The other input has one too: features[:,0], not plotted, has +0.51.",
            because="It is 2 / √(2² + 3.4² + σ²). A smaller weight makes a wider cloud.",
        ),
        line(Trend, part="scatter", of=LABEL, over="second_input", per="unit", matters=2.0).says(
            "The label falls by 3.4 for each unit of features[:,1].",
            because="By 3.4, its weight. The other input, drawn without regard to this one, adds "
            "to it at random.",
        ),
        line(Threshold, part="correlation", of=LEFT, arm=SAMPLE, level=0.05, matters=0.05).says(
            "The labels lie on a line over features[:,1], with next to nothing left.",
            because="They do not: 2² of 2² + 3.4² of their variance, a quarter, is the other "
            "input's. The cloud looks like a line, but is 2 wide, not 0.01.",
        ),
        Identity(
            number=8,
            part="correlation",
            of=PARTIAL,
            tolerance=1e-4,
            arm=SAMPLE,
            says="Among examples of equal features[:,0] they do lie on a line, but for the noise.",
            source="只是因为`y`的值的运算方法满足线性关系",
            because="With the first input held fixed, what is left of y = 2 x₀ - 3.4 x₁ + 4.2 is a "
            "line. Noise of 0.01 takes some 4 millionths from a correlation of -1.",
        ),
    ),
    views=(
        lines(LABEL, over="second_input", part="scatter").captioned(
            "The plot that puzzled the author: labels over features[:,1], an example of each seed "
            "a slice."
        ),
        lines(SECOND, over="sample", part="correlation").captioned(
            "Correlation with features[:,1] in samples of 10, 100 and 1000."
        ),
        lines(ERROR, over="examples", colour="method", part="examples").captioned(
            "Error of least squares over the number of examples, beside σ/√n."
        ),
        lines(DISTANCE, over="inputs", part="inputs").captioned(
            "Distance from the true weights over their number, 1000 examples."
        ),
        lines(ERROR, over="method", caption="Error of each method on 1000 examples."),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "scatter.seeds": 2,
            "examples.examples": (100, 1000),
            "sample": ("1000", "formula"),
            "inputs.inputs": (2, 20),
            "second_input": (-1.0, 1.0),
        },
        "full": {"seeds": 32, "label_noise.noise": (0.001, NOISE, 0.1, 1.0)},
    },
)
