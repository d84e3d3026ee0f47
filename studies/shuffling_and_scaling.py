"""Shuffling and scaling.

Question    What is lost if examples come in the same order every epoch, or sorted by class? And what
            if inputs are not standardised?
Sources     Bottou (2009), Curiously fast convergence of some stochastic gradient descent algorithms,
            open problem, SLDS 2009. LeCun, Bottou, Orr, Müller (1998), Efficient BackProp, in Neural
            Networks: Tricks of the Trade, LNCS 1524. Mishchenko, Khaled, Richtárik (2020), Random
            reshuffling: simple analysis with vast improvements, NeurIPS (arXiv:2006.05988).
Method      Order: an MLP on 1,000 digits in batches of 10, shuffled anew every epoch, shuffled once,
            or then sorted by class; at a seed, the first two have the same first epoch. Scale: an
            MLP on 30 measurements of cells (breast_cancer), as they come, from thousandths to
            thousands, or each with mean 0 and variance 1 on the training split, with and without
            batch normalisation. Steps are counted to 92 % on validation.
Equal       Steps, initial weights, and the rates from which each arm's is tuned on validation.
Pilots      Two seeds, validation only. They set the rates.
Changed     After a first run, in which the best rate for sorted examples was the lowest, and of softmax
            regression the highest: there are lower and higher ones now. Nothing else was changed.
Refuted if  Shuffling every epoch is worse than once, by a point or in training loss; shuffling once
            differs by more than a point; sorted examples gain; raw inputs need fewer steps.
"""

from __future__ import annotations

from typing import Any, Literal

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Model,
    Part,
    Recipe,
    Study,
    Target,
    axis,
    curves,
    lines,
    looks,
    shared,
    source,
)

Of = Literal["breast_cancer", "wine", "digits"]
Inputs = Literal["raw", "standardised"]


@source
def measurements(*, of: Of = "breast_cancer", inputs: Inputs = "raw") -> Any:
    """A table of scikit-learn, as it comes or standardised on the training split."""
    from sklearn import datasets

    from suite.data import table

    frame = getattr(datasets, f"load_{of}")(as_frame=True).frame
    if inputs == "standardised":
        return table(frame, target="target")
    return frame.drop(columns="target").to_numpy(), frame["target"].to_numpy()


EVERY, ONCE, SORTED = {"order": "every epoch"}, {"order": "once"}, {"order": "sorted"}
RAW, SCALED = {"data.inputs": "raw"}, {"data.inputs": "standardised"}
PLAIN, NORMALISED = {"model.norm": "none"}, {"model.norm": "batch"}
AT_ONE_RATE, BOTTOU = {"optimizer.lr": 0.1}, "Bottou 2009"
shuffle = shared(source="Shuffle every epoch")
accuracy = shuffle.also(of="test/accuracy")
loss = shuffle.also(of="train/loss", direction="lower", scale="ratio", matters=1.25, cites=BOTTOU)
scale = shared(part="scale", source="Standardise the inputs", cites="LeCun et al. 1998").also(
    of="target/steps", direction="lower", scale="ratio", matters=1.5
)
BRIEF = Budget(epochs=None, steps=300, evaluations=60)

study = Study(
    title="Shuffling and scaling",
    question="What is lost if examples come in the same order every epoch, or inputs unscaled?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits", train_examples=1000),
        model=Model("mlp", widths=(32,)),
        batch_size=10,
        budget=Budget(epochs=10, evaluations=10),
    ),
    grid=(
        axis("order", ("every epoch", "once", "sorted")),
        axis("optimizer.lr", (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)),
    ),
    seeds=looks(5, 10, 20),
    revised=("main",),
    contexts={
        "softmax": {"model": Model("softmax"), "optimizer.lr": (0.1, 0.3, 1.0, 3.0, 10.0)},
        "few_examples": {"data.train_examples": 100},
        "wine": {"data.of": "wine"},
        "pixels": {"data.of": "digits"},
    },
    target=Target("validation/accuracy", 0.92),
    parts=(
        Part(
            "scale",
            changes={"data": measurements(), "batch_size": 32, "budget": BRIEF},
            grid=(
                axis("data.inputs", ("raw", "standardised")),
                axis("model.norm", ("none", "batch")),
                axis("optimizer.lr", (1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0)),
            ),
        ),
    ),
    claims=(
        accuracy(
            Difference,
            cites=BOTTOU,
            arm=EVERY,
            against=ONCE,
            direction="higher",
            matters=0.01,
            contexts=("softmax", "few_examples"),
        ).says(
            "Shuffled anew every epoch, a network ends more accurate than shuffled once.",
            because="An order that repeats repeats its errors: each batch pulls the weights its own "
            "way, always after the same one. New orders let such pulls cancel out. How large they "
            "are depends on rate and batch.",
        ),
        loss(Difference, arm=EVERY | AT_ONE_RATE, against=ONCE | AT_ONE_RATE).says(
            "At one rate, shuffling every epoch ends at a lower training loss than shuffling once.",
            because="What was seen first is that the training error falls faster over many epochs.",
        ),
        accuracy(
            Equivalence, cites="Mishchenko et al. 2020", arm=ONCE, against=EVERY, matters=0.01
        ).says(
            "Shuffling once is as good as shuffling every epoch.",
            because="An order must not be unlucky, and few are: one drawn at random will do.",
        ),
        accuracy(
            Difference,
            cites="LeCun et al. 1998",
            arm=SORTED,
            against=EVERY,
            direction="lower",
            matters=0.05,
        ).says(
            "On examples sorted by class a network ends less accurate.",
            because="A hundred examples of one class in a row teach to say that class, and what was "
            "learned of the first is forgotten by the last.",
        ),
        scale(
            Difference, arm=SCALED | PLAIN, against=RAW | PLAIN, contexts=("wine", "pixels")
        ).says(
            "On standardised inputs a network reaches 92 % in fewer steps.",
            because="One rate has to suit all weights. The gradient of a weight is as large as its "
            "input: what suits the largest input is far too small a rate for the others.",
        ),
        scale(Difference, arm=SCALED | NORMALISED, against=RAW | NORMALISED).says(
            "With batch normalisation, too, it reaches 92 % in fewer steps on standardised inputs.",
            because="That scales hidden units, not inputs: within a unit the largest drowns others.",
        ),
    ),
    views=(
        lines("validation/accuracy", over="optimizer.lr", colour="order").captioned(
            "Accuracy over the rate: where does shuffling once part from shuffling every epoch?"
        ),
        curves(
            "validation/accuracy", colour="data.inputs", where=PLAIN, tuned=True, part="scale"
        ).captioned("Learning curves without batch normalisation: when does each reach 92 %?"),
    ),
    tiers={
        "smoke": {"seeds": 2, "scale.seeds": 2, "optimizer.lr": (0.1,), "budget.epochs": 2}
        | {"budget.evaluations": 2, "scale.budget.steps": 20, "scale.budget.evaluations": 2},
        "full": {"data.name": "fashion_mnist", "data.train_examples": 10_000},
    },
)
