"""Rates that fall, and weights that are averaged.

Question    Does a learning rate that falls end better than a constant one, does the shape of the
            fall matter, and does an average of the weights do the same at a constant rate?
Sources     I. Loshchilov, F. Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts. ICLR
            2017, arXiv:1608.03983. A. Defazio, A. Cutkosky, H. Mehta, K. Mishchenko: When, Why and
            How Much? Adaptive Learning Rate Scheduling by Refinement. 2023, arXiv:2310.07831.
            P. Izmailov and others: Averaging Weights Leads to Wider Optima and Better
            Generalization. UAI 2018, arXiv:1803.05407. M. Sandler and others: Training
            trajectories, mini-batch losses and the curious role of the learning rate. 2023,
            arXiv:2301.02312 (averages are equivalent to certain falls of the rate).
Varies      How 600 steps end: at a constant rate; a tenth of it after half of the steps, and a
            hundredth after three quarters (drops); along half a cosine, or a straight line, to
            zero; at a constant rate, but measured is an average of the weights (exponential: each
            step leaves 0.99 of it); along the cosine and averaged.
Tuned       The largest rate: five levels for each ending, seed by seed, on validation.
Measured    Test accuracy after the last step.
Method      An MLP on 1,077 digits, batches of 8, momentum 0.9. A fifth of the training labels is
            random, so that gradients stay noisy to the end, as on data that cannot be fitted. The
            headlines are also asked without wrong labels, on MNIST, and with Adam.
Equal       Steps, number of rates; at a seed also initial weights, labels and batches.
Refuted if  the constant rate ends a point above the cosine; another shape, or the average at a
            constant rate, ends more than a point away from the cosine.
Pilots      Validation accuracy on 14 seeds of their own set rates and noise: with wrong labels
            several points lie between constant and falling, without them about one.
"""

from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Model,
    Optimizer,
    Recipe,
    Schedule,
    Study,
    axis,
    curves,
    lines,
    looks,
    schedule,
    shared,
)


@schedule
def linear(place: Any) -> float:
    """A straight line from 1 to zero."""
    return 1 - place.step / place.total  # type: ignore[no-any-return]


@schedule
def drops(place: Any) -> float:
    """1, from half of the steps a tenth, from three quarters of them a hundredth."""
    return 0.1 ** ((place.step >= place.total / 2) + (place.step >= 3 * place.total / 4))  # type: ignore[no-any-return]


RATES, LARGER = (0.005, 0.01, 0.02, 0.04, 0.08), (0.01, 0.02, 0.04, 0.08, 0.16)
ADAMS, TEN = (0.001, 0.0025, 0.006, 0.016, 0.04), looks(5, 10)
CONSTANT, COSINE = {"ending": "constant"}, {"ending": "cosine"}
LINEAR, AVERAGE = {"ending": "linear"}, {"ending": "average"}
WHERE = ("right_labels", "mnist", "adam")
FALLS = "A rate that falls ends better than a constant one; the shape hardly matters"
AVERAGES = "An average of the weights does what decay does"
falls = shared(of="test/accuracy", matters=0.01, source=FALLS)
averages = shared(of="test/accuracy", matters=0.01, source=AVERAGES)
first = falls.also(cites="Loshchilov & Hutter 2017")
same = averages.also(cites="Sandler et al. 2023", against=COSINE)

study = Study(
    title="Rates that fall, weights that are averaged",
    question="Does a rate that falls end better, and does an average of the weights do the same?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits", random_labels=0.2),
        model=Model("mlp", widths=(64,)),
        optimizer=Optimizer("sgd", momentum=0.9),
        batch_size=8,
        budget=Budget(epochs=None, steps=600, evaluations=6),
    ),
    grid=(
        axis(
            "ending",
            {
                "constant": {},
                "drops": {"schedule": drops()},
                "cosine": {"schedule": Schedule("cosine")},
                "linear": {"schedule": linear()},
                "average": {"average": "ema"},
                "cosine and average": {"schedule": Schedule("cosine"), "average": "ema"},
            },
        ),
        axis("optimizer.lr", RATES),
    ),
    seeds=looks(5, 10, 20),
    contexts={
        "right_labels": {"data.random_labels": 0.0, "optimizer.lr": LARGER, "seeds": TEN},
        "mnist": {"data.name": "mnist5k", "batch_size": 16, "seeds": TEN},
        "adam": {"optimizer": Optimizer("adam"), "optimizer.lr": ADAMS, "seeds": TEN},
    },
    claims=(
        first(Difference, arm=COSINE, against=CONSTANT, direction="higher", contexts=WHERE).says(
            "A rate that falls to zero along a cosine ends more accurate than a constant one.",
            because="Each batch pulls the weights its own way. At a constant rate they keep "
            "jumping about, the farther the larger it is; at a small one they do not get far. A "
            "rate that falls can be large first and small at last.",
        ),
        falls(Equivalence, arm=LINEAR, against=COSINE, cites="Defazio et al. 2023").says(
            "A straight line to zero ends as accurate as a cosine.",
            because="Both are large for long and small at the end, and each takes the largest rate "
            "that suits it. What differs is how fast the last steps shrink.",
        ),
        first(Equivalence, arm={"ending": "drops"}, against=COSINE).says(
            "Two drops to a tenth end as accurate as a cosine.",
            because="After a drop the jumps calm down within some ten steps, and what follows is "
            "slow. A smooth fall spends those steps at rates between.",
        ),
        same(Equivalence, arm=AVERAGE, contexts=WHERE).says(
            "An average of the weights at a constant rate ends as accurate as a rate that falls.",
            because="In the mean of the last hundred steps the jumps cancel out, as they die out "
            "with the rate.",
        ),
        averages(
            Difference,
            arm=AVERAGE,
            against=CONSTANT,
            direction="higher",
            cites="Izmailov et al. 2018",
        ).says(
            "At a constant rate, an average of the weights is more accurate than the last ones.",
            because="The last weights are one draw from a cloud, and the mean is near its middle.",
        ),
        same(Equivalence, arm={"ending": "cosine and average"}).says(
            "Where the rate falls, averaging the weights adds nothing.",
            because="If both remove the same noise, none is left to the second.",
        ),
    ),
    views=(
        lines("test/accuracy", over="optimizer.lr", colour="ending").captioned(
            "Test accuracy over the largest rate: how high do the tops lie, and how broad are they?"
        ),
        curves("validation/accuracy", colour="ending", tuned=True).captioned(
            "Validation accuracy over training at tuned rates: when does what falls overtake?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 1,
            "budget.steps": 20,
            "budget.evaluations": 1,
            "optimizer.lr": (0.02, 0.08),
            "main@right_labels.optimizer.lr": (0.04,),
            "main@mnist.optimizer.lr": (0.04,),
            "main@adam.optimizer.lr": (0.008,),
        },
        "full": {
            "data.name": "fashion_mnist",
            "model.widths": (512, 512),
            "batch_size": 64,
            "budget.steps": 10_000,
            "optimizer.lr": (0.005, 0.01, 0.02, 0.04, 0.08, 0.16),
        },
    },
)
