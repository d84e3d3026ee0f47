"""Early stopping and weight decay.

Question    Does stopping in time do what weight decay does, and does having both add anything?
Sources     Bishop (1995), Regularization and complexity control in feed-forward networks: close
            relatives, of which a penalty is to be preferred. Bishop (2006), Pattern Recognition and
            Machine Learning, section 5.5.2.
Varies      Neither, early stopping, weight decay (L2 on all parameters) or both, on 300 of MNIST's
            digits at 14×14 pixels of which a fifth have a random label, so that there is
            something to overfit. Validation and test labels are right.
Tuned       The rate, of three, and of the three kinds of restraint the strength, of two: patience
            (2 or 8 looks without a lower validation loss), decay (0.001 or 0.01), or decay beside
            a patience of 4. Validation accuracy chooses, seed by seed.
Equal       A perceptron of 128 units, SGD, at most 400 steps with 20 looks at validation. What
            stops early takes fewer; that is its price, and its weights are those of the lowest
            validation loss.
Measured    Accuracy on test; norm of all weights of the network that is tested.
Refuted if  the two differ by more than two points; at a rate that fits nearly every label,
            stopping in time is a point worse than going on; both together differ from one alone
            by more than two points; the weights of one are longer by a factor above 1.25.
Pilots      Three seeds, validation and training metrics only, set rates, strengths and steps. With
            neither, 0.1 was best, for a rate so small that 400 steps do not get far is a stop as
            well; so the claim on stopping holds the rate.
Changed     After a first run, of which the best decay on right labels lay on the edge of its grid
            (three decays from 0.003 up), a rate of 1.8 was of no use, and the price was too high.
            Claims, margins and seeds are as they were first written.
"""

from __future__ import annotations

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Model,
    Optimizer,
    Recipe,
    Study,
    axis,
    curves,
    lines,
    looks,
    shared,
)

DECAYS = (0.001, 0.01)
ARMS = ("neither", "early stopping", "weight decay", "both")
NEITHER, STOPS, DECAYED, BOTH = ({"restraint": one} for one in ARMS)
AT = {"optimizer.lr": 0.6}
rule = shared(source="Early stopping does what weight decay does", cites="Bishop 1995")
alike = rule.also(of="test/accuracy", matters=0.02)
better = rule.also(of="test/accuracy", matters=0.01, direction="higher")
as_long = rule.also(of="weights/norm", matters=1.25, scale="ratio")

study = Study(
    title="Early stopping and weight decay",
    question="Does stopping in time do what weight decay does?",
    notebook="folklore",
    recipe=Recipe(
        data=Data(
            "mnist5k",
            train_examples=300,
            validation_examples=500,
            image_size=14,
            random_labels=0.2,
        ),
        model=Model("mlp", widths=(128,)),
        optimizer=Optimizer("sgd"),
        batch_size=50,
        budget=Budget(epochs=None, steps=400, evaluations=20),
    ),
    grid=(
        axis("restraint", {one: {} for one in ARMS}),
        axis("optimizer.lr", (0.06, 0.2, 0.6)),
        axis(
            "budget.patience",
            dict(zip(ARMS, ((None,), (2, 8), (None,), (4,)), strict=True)),
            per="restraint",
        ),
        axis(
            "optimizer.weight_decay",
            dict(zip(ARMS, ((0.0,), (0.0,), DECAYS, DECAYS), strict=True)),
            per="restraint",
        ),
    ),
    seeds=looks(5, 10, 20),
    revised=("main",),
    contexts={
        "right_labels": {"data.random_labels": 0.0, "seeds": looks(5, 10)},
        "deeper": {"model.widths": (128, 128), "seeds": looks(5, 10)},
    },
    claims=(
        alike(Equivalence, arm=STOPS, against=DECAYED, contexts=("right_labels", "deeper")).says(
            "Early stopping ends as accurate as weight decay, each at its best.",
            because="Weights start near zero and grow along the directions that the data ask for "
            "most; those that fit single labels grow last. To stop leaves them small, and a "
            "penalty holds the same ones down.",
        ),
        better(Difference, arm=STOPS | AT, against=NEITHER | AT).says(
            "At a rate that fits nearly every label, stopping early is more accurate than training "
            "to the end.",
            because="What all images of a class share is learned first, and wrong labels, each "
            "for itself, last.",
        ),
        alike(Equivalence, arm=BOTH, against=STOPS).says(
            "Weight decay adds nothing to early stopping.",
            because="Both hold the same weights down, and holding them down twice is a matter of "
            "strength, which is tuned.",
        ),
        as_long(Equivalence, arm=STOPS, against=DECAYED).says(
            "Early stopping ends with weights about as long as weight decay's.",
            because="If the two were one thing, they would end in the same place. But decay also "
            "shrinks what the initial weights had by chance, of which few steps leave most.",
        ),
    ),
    views=(
        lines("test/accuracy", over="restraint", tuned=True).captioned(
            "Accuracy on test, each arm at its best: is stopping as good as decay, and both better?"
        ),
        curves("validation/loss", colour="restraint", tuned=True).captioned(
            "Validation loss over epochs: what would rise is cut off by stopping, and held down by "
            "decay."
        ),
        lines("weights/norm", over="restraint", tuned=True).captioned(
            "Length of all weights at the end: do the two end in the same place?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 1,
            "budget.steps": 20,
            "budget.evaluations": 4,
            "optimizer.lr": (0.6,),
            "budget.patience": (None, 2, 4),
            "optimizer.weight_decay": (0.0, 0.01),
        },
        "full": {
            "data.name": "fashion_mnist",
            "data.train_examples": 5000,
            "data.image_size": None,
            "model.widths": (512,),
            "main@deeper.model.widths": (512, 512),
            "budget.steps": 5000,
            "budget.evaluations": 50,
        },
    },
)
