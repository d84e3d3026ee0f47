"""The learning rate and the batch.

Question    Whoever multiplies the batch by k: by what must the learning rate be multiplied?
Sources     Goyal et al., 2017, Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour
            (arXiv:1706.02677): by k. Malladi, Lyu, Panigrahi and Arora, 2022, On the SDEs and Scaling
            Rules for Adaptive Gradient Algorithms (NeurIPS): for Adam by the root of k. Shallue et al.,
            2019, Measuring the Effects of Data Parallelism on Neural Network Training (JMLR 20:112),
            who find that how training depends on the batch varies with the workload.
Method      An MLP on 1,024 images of digits, batches of 8, 32 and 128. Each seed takes, for each batch,
            the rate with the lowest validation loss out of nine, each twice the last. What is tested is
            that rate: its slope over the batch, as a factor per doubling. Linear is 2, the root 1.41,
            and a factor of 1.2 lies between them. Large batches are those of 64, 256 and 1,024 of
            2,048 images.
Equal       All batches see the same number of images (four passes): a larger one takes fewer steps.
            Both update rules have nine rates, over the same 256-fold range.
Refuted if  the best rate grows by less than 1.67 or more than 2.4 a doubling with SGD, by less than 1.18
            or more than 1.7 with Adam.
Pilots      Seeds 100 to 104, which the study does not use, on validation. A best rate is a thing of
            validation, so that they showed, for three of them, what the study asks. After four passes
            slopes were near both rules, after eight passes lower with SGD (1.6). Four were taken as they
            are half the price; twice the passes over half the images is a context.
"""

from suite import (
    Axis,
    Budget,
    Data,
    Difference,
    Interaction,
    Model,
    Optimizer,
    Part,
    Recipe,
    Slope,
    Study,
    Trend,
    axis,
    lines,
    looks,
    shared,
)

RATE, SGD, ADAM = "optimizer.lr", {"optimizer": "sgd"}, {"optimizer": "adam"}
RULES = (Optimizer("sgd", momentum=0.9), Optimizer("adam"))


def doubling(first: float, levels: int) -> tuple[float, ...]:
    """Return rates, each twice the last."""
    return tuple(first * 2**i for i in range(levels))


RATES: Axis = axis(
    RATE, {"sgd": doubling(0.0025, 9), "adam": doubling(0.0005, 9)}, per="optimizer"
)
chosen = shared(of=f"chosen/{RATE}", scale="ratio", contexts=("digits", "few_examples"))
linear = shared(
    source="Multiply the rate by k when you multiply the batch by k", cites="Goyal et al. 2017"
)
root = shared(source="For Adam, multiply the rate by the root of k", cites="Malladi et al. 2022")
slope = shared(over="batch_size", per="doubling", matters=1.2)

study = Study(
    title="The learning rate and the batch",
    question="Whoever multiplies the batch by k: by what must the learning rate be multiplied?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("mnist5k", train_examples=1024, validation_examples=500),
        model=Model("mlp", widths=(32,)),
        optimizer=RULES[0],
        budget=Budget(epochs=4, evaluations=1),
    ),
    grid=(axis("optimizer", RULES), axis("batch_size", (8, 32, 128)), RATES),
    seeds=looks(5, 10, 20),
    select="validation/loss",
    contexts={
        "digits": {"data.name": "digits", "seeds": looks(5, 10)},
        "few_examples": {"data.train_examples": 512, "budget.epochs": 8, "seeds": looks(5, 10)},
    },
    parts=(
        Part(
            "large_batches",
            changes={"data.train_examples": 2048},
            grid=(axis("batch_size", (64, 256, 1024)), axis(RATE, doubling(0.02, 7))),
        ),
    ),
    claims=(
        linear(Slope, arm=SGD, slope=2.0, **chosen.fields, **slope.fields).says(
            "With SGD and momentum the best rate doubles with the batch.",
            because="k small steps at nearly the same weights move them by k times the rate times a mean "
            "gradient. One step on the k batches together covers the same way at k times the rate.",
        ),
        linear(
            Difference,
            of="test/accuracy",
            arm=SGD | {"batch_size": 128, RATE: 0.16},
            against=SGD | {"batch_size": 128, RATE: 0.01},
            direction="higher",
            matters=0.05,
        ).says(
            "From batch 8 to 128, a rate of 0.01 is better multiplied by 16 than left as it is.",
            because="After equally many passes the larger batch has taken a sixteenth of the steps. At "
            "the old rate it has gone a sixteenth of the way.",
        ),
    ),
    views=(),
)
