"""Adam's rate.

Question    Is 3e-4 the best learning rate for Adam, and what does it cost to take it untuned?
Sources     A. Karpathy, on Twitter, 2016: 3e-4 is the best learning rate for Adam, hands down
            (widely repeated, and taken at its word). D. P. Kingma, J. Ba: Adam: A Method
            for Stochastic Optimization. ICLR 2015, arXiv:1412.6980, whose default is 0.001.
Varies      The rate, over three decades, in five tasks: an MLP on digits (2,000 steps);
            softmax regression on MNIST (750); LeNet on digits of 12×12 pixels (250); a transformer
            of one layer that sorts four symbols (200); an LSTM that spells surnames (250).
Tuned       In the arm that 3e-4 is compared with, seven rates, seed by seed, on validation loss.
Measured    Accuracy on test (of a letter or symbol, where these are asked for), and the rate that
            validation chose.
Method      Batches of 32, a constant rate, no decay: Adam as it is. A last claim compares 2,000
            steps with 250, since a rate that is too small needs time.
Equal       Steps, initial weights and batches at a seed. A tuned arm that may choose among seven
            rates has some luck that an untuned one has not: that is what tuning is.
Refuted if  tuning gains more than a point; the best rate is above 1e-3; 1e-3 is a point worse.
Not here    Large networks and long training, where practitioners use 3e-4 and less; the tier for a
            GPU goes some way there.
Pilots      Validation on four seeds of their own set steps and rates: the best are 3e-3 to 3e-2,
            so the smallest and the largest rate are there to have none of them at an edge.
"""

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Interaction,
    Model,
    Optimizer,
    Part,
    Recipe,
    Study,
    Threshold,
    axis,
    lines,
    looks,
    shared,
)

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
HIS, DEFAULT = {"optimizer.lr": 3e-4}, {"optimizer.lr": 1e-3}
TUNED: dict[str, float] = {}  # no rate is named
LONG, SHORT = {"budget.steps": 2000}, {"budget.steps": 250}
WHERE = ("softmax", "lenet", "transformer", "lstm")
best = shared(source="3e-4 is the best learning rate for Adam")
his = best.also(cites="Karpathy 2016")

study = Study(
    title="Adam's rate",
    question="Is 3e-4 the best learning rate for Adam, and what does it cost to take it untuned?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits"),
        model=Model("mlp", widths=(64,)),
        optimizer=Optimizer("adam"),
        batch_size=32,
        budget=Budget(epochs=None, steps=2000, evaluations=1),
    ),
    grid=(axis("optimizer.lr", RATES),),
    seeds=looks(5, 10),
    select="validation/loss",
    contexts={
        "softmax": {"data.name": "mnist5k", "model": Model("softmax"), "budget.steps": 750},
        "lenet": {"data.image_size": 12, "model": Model("lenet"), "budget.steps": 250},
        "transformer": {
            "data": Data("sorting", length=4, symbols=5, train_examples=1000),
            "model": Model("transformer", layers=1, width=32, heads=2),
            "budget.steps": 200,
        },
        "lstm": {
            "data": Data("surnames", train_examples=4000, validation_examples=500),
            "model": Model("lstm", width=16),
            "budget.steps": 250,
        },
    },
    parts=(Part("length", grid=(axis("budget.steps", (250, 2000)), axis("optimizer.lr", RATES))),),
    claims=(
        his(
            Equivalence,
            of="test/accuracy",
            arm=HIS,
            against=TUNED,
            matters=0.01,
            contexts=WHERE,
        ).says(
            "At 3e-4 Adam ends as accurate as at its best rate.",
            because="Adam moves each weight by about the rate in a step, whatever the size of the "
            "gradient, so that one rate may suit many tasks. How far weights have to go, and in "
            "how many steps, is still the task's.",
        ),
        his(
            Threshold,
            of="chosen/optimizer.lr",
            arm=TUNED,
            level=1e-3,
            direction="lower",
            scale="ratio",
            matters=1.25,
            contexts=WHERE,
        ).says(
            "The best rate for Adam is at most some three times 3e-4: below 1e-3.",
            because="A step moves all weights at once, so wide networks bear less of it than "
            "narrow ones. The best rate is the largest that still settles within the budget.",
        ),
        best(
            Difference,
            of="test/accuracy",
            arm=DEFAULT,
            against=HIS,
            direction="higher",
            matters=0.01,
            contexts=WHERE,
            cites="Kingma & Ba 2015",
        ).says(
            "Adam's default rate of 1e-3 ends more accurate than 3e-4.",
            because="If training is short, three times the rate goes three times as far.",
        ),
        his(
            Interaction,
            of="test/accuracy",
            part="length",
            arm=HIS,
            against=TUNED,
            within=LONG,
            without=SHORT,
            direction="higher",
            matters=0.01,
        ).says(
            "What 3e-4 costs shrinks when training is eight times as long.",
            because="A rate that is too small arrives late, not never. Whoever trains for long sees "
            "less of a difference than whoever trains for a minute.",
        ),
    ),
    views=(
        lines("test/accuracy", over="optimizer.lr", part="length", colour="budget.steps").captioned(
            "Test accuracy of the MLP over the rate, for both lengths: how far is 3e-4 from the top?"
        ),
        *(
            lines("test/accuracy", over="optimizer.lr", part=f"main@{place}").captioned(caption)
            for place, caption in (
                ("transformer", "The transformer that sorts: where is its top?"),
                ("lstm", "The LSTM that spells: where is its top?"),
            )
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 1,
            "budget.steps": 10,
            "optimizer.lr": (3e-4, 1e-3, 3e-3),
            "length.budget.steps": (5, 10),
        },
        "full": {
            "data.name": "fashion_mnist",
            "model.widths": (1024, 1024),
            "batch_size": 128,
            "budget.steps": 20_000,
            "length.budget.steps": (250, 2000, 20_000),
        },
    },
)
