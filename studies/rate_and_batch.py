"""The learning rate and the batch.

Question    Whoever multiplies the batch by k: by what must the learning rate be multiplied?
Sources     Goyal et al., 2017, Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour
            (arXiv:1706.02677): by k. Malladi, Lyu, Panigrahi and Arora, 2022, On the SDEs and Scaling
            Rules for Adaptive Gradient Algorithms (NeurIPS): for Adam by the root of k. Shallue et al.,
            2019, Measuring the Effects of Data Parallelism on Neural Network Training (JMLR 20:112),
            who find that how training depends on the batch varies with the workload.
Method      An MLP on 1,024 handwritten digits, batches of 8, 32 and 128. For each batch a seed takes,
            out of nine rates, each twice the last, the one with the lowest validation loss. Tested is
            how that rate grows, as a factor per doubling: linear is 2, the root 1.41, and each has a
            factor of 1.2 to itself. Large batches are 64, 256 and 1,024 of 2,048 digits.
Equal       Four passes for every batch, so a larger one takes fewer steps. Nine rates for either rule.
Refuted if  a doubling multiplies the best rate of SGD by less than 1.67 or more than 2.4, or that of
            Adam by less than 1.18 or more than 1.7.
Pilots      Seeds 100 to 104, which the study does not use, on validation. As a best rate is a thing of
            validation, three of them showed what the study asks: slopes near both rules after four
            passes, a lower one with SGD (1.6) after eight. Four cost half; eight passes over half the
            digits are a context. At batch 8 a rate of 0.01 was best.
"""

from suite import (
    Axis,
    Budget,
    Data,
    Difference,
    Interaction,
    Law,
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
LAWS = {"linear": Law(1.0), "root": Law(0.5)}


def doubling(first: float, levels: int) -> tuple[float, ...]:
    """Return rates, each twice the last."""
    return tuple(first * 2**i for i in range(levels))


RATES: Axis = axis(RATE, {"sgd": doubling(0.0025, 9), "adam": doubling(0.0005, 9)}, per="optimizer")
linear = shared(source="Multiply the rate by k when you multiply the batch by k")
goyal = linear.also(cites="Goyal et al. 2017")
root = shared(source="For Adam, multiply the rate by the root of k", cites="Malladi et al. 2022")
CHOSEN = {"of": f"chosen/{RATE}", "scale": "ratio"}
GROWTH = CHOSEN | {"over": "batch_size", "per": "doubling"}
EVERYWHERE = ("digits", "few_examples")

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
        "digits": {"data.name": "digits", "data.validation_examples": 360, "seeds": looks(5, 10)},
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
        goyal(Slope, **GROWTH, slope=2.0, arm=SGD, matters=1.2, contexts=EVERYWHERE).says(
            "With SGD and momentum the best rate doubles with the batch.",
            because="k small steps at nearly the same weights add up to k times the rate times their "
            "mean gradient. One step on all k batches has that mean for its gradient, and covers the "
            "same way at k times the rate.",
        ),
        goyal(
            Difference,
            of="test/accuracy",
            arm=SGD | {"batch_size": 128, RATE: 0.16},
            against=SGD | {"batch_size": 128, RATE: 0.01},
            direction="higher",
            matters=0.05,
        ).says(
            "From batch 8 to 128, a rate of 0.01 is better multiplied by 16 than left as it is.",
            because="After equally many passes the larger batch has taken a sixteenth of the steps; at "
            "the old rate it has gone a sixteenth of the way.",
        ),
        linear(
            Trend,
            **GROWTH,
            cites="Shallue et al. 2019",
            part="large_batches",
            direction="lower",
            than=2.0,
            matters=1.2,
        ).says(
            "From batch 64 to 1,024 the best rate of SGD grows by less than that.",
            because="The sum of k steps is one step only while the weights hardly move. The curvature "
            "of the loss bounds how long a step can be, whatever the batch.",
        ),
        root(Slope, **GROWTH, slope=2**0.5, arm=ADAM, matters=1.2, contexts=EVERYWHERE).says(
            "With Adam the best rate grows by the root of two when the batch doubles.",
            because="Adam divides a gradient by its own size. Where that is mostly noise, a batch of k "
            "times as many examples has a gradient smaller by the root of k, and the step is longer by "
            "that already: to cover k steps, the rate need only make up for the other root.",
        ),
        root(Trend, **GROWTH, arm=ADAM, direction="lower", than=2.0, matters=1.2).says(
            "With Adam the best rate grows by less than the batch.",
            because="In a linear rule the longer step that a less noisy gradient gives would be counted "
            "twice.",
        ),
        root(
            Interaction,
            **CHOSEN,
            arm={"batch_size": 128},
            against={"batch_size": 8},
            within=SGD,
            without=ADAM,
            direction="higher",
            matters=1.5,
        ).says(
            "From batch 8 to 128 the best rate grows more with SGD than with Adam.",
            because="A step of SGD is as long as the gradient and the rate make it; one of Adam as long "
            "as the rate and the share of the gradient that is no noise.",
        ),
    ),
    views=(
        lines(
            f"chosen/{RATE}", over="batch_size", colour="optimizer", tuned=True, laws=LAWS
        ).captioned(
            "Best rate over batch, both on logarithmic scales: linear is sixteenfold from 8 to 128, the "
            "root fourfold. How steep is each line?"
        ),
        lines(f"chosen/{RATE}", over="batch_size", tuned=True, part="large_batches").captioned(
            "The same for SGD at large batches: does the line bend?"
        ),
        lines("validation/loss", over=RATE, colour="batch_size", part="large_batches").captioned(
            "Where the best rates come from: how far does the valley move when the batch is "
            "quadrupled, and how wide is it?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "budget.epochs": 1,
            "data.train_examples": 256,
            "batch_size": (8, 128),
            RATE: (0.01, 0.16),
        },
        "full": {
            "data.name": "fashion_mnist",
            "data.train_examples": 16_384,
            "model.widths": (256, 256),
            "large_batches.data.train_examples": 32_768,
            "large_batches.batch_size": (256, 2048, 16_384),
            "main@digits.data.train_examples": 1024,
        },
    },
)
