"""GELU against ReLU.

Question    Does a network end more accurate, or learn faster, with GELU in the place of ReLU?
Sources     D. Hendrycks, K. Gimpel: Gaussian Error Linear Units (GELUs). 2016, arXiv:1606.08415
            (better than ReLU in all considered tasks of vision, language and speech; their network
            for MNIST has eight layers). S. Narang and others: Do Transformer
            Modifications Transfer Across Implementations and Applications? EMNLP 2021 (most
            modifications, activations among them, do not meaningfully improve a transformer).
Varies      The activation, nothing else: x where x is above 0, or x times the normal distribution
            function of x, which is smooth and lets a little through below 0.
Tuned       Adam's rate, four levels for each activation, seed by seed, on validation.
Measured    Test accuracy and training loss after 400 steps; steps to 90 % on validation, which is
            looked at every 10 steps.
Method      An MLP with two hidden layers of 64 on 1,077 digits, batches of 32. Accuracy is also
            asked of eight layers, as in the paper, of LeNet (digits at 12×12 pixels), and of a
            transformer of one layer that sorts five symbols, both for 200 steps.
Equal       Steps, number of rates; at a seed also initial weights and batches.
Refuted if  ReLU ends a point above GELU, its training loss is lower by a quarter, or it needs a
            quarter fewer steps; for the other side, if they lie more than a point apart.
Pilots      Validation accuracy on six seeds of their own set rates and sizes. Eight layers differ
            by several points from seed to seed, so that little may be decided there.
"""

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Model,
    Optimizer,
    Recipe,
    Study,
    Target,
    axis,
    curves,
    lines,
    looks,
    shared,
)

SHORT = {"budget.steps": 200, "budget.evaluations": 1, "seeds": looks(5, 10)}
WHERE = ("deep", "lenet", "transformer")
gelu = shared(
    arm={"model.activation": "gelu"},
    against={"model.activation": "relu"},
    source="GELU is better than ReLU",
)
better = gelu.also(cites="Hendrycks & Gimpel 2016")

study = Study(
    title="GELU against ReLU",
    question="Does a network end more accurate, or learn faster, with GELU in the place of ReLU?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("digits"),
        model=Model("mlp", widths=(64, 64)),
        optimizer=Optimizer("adam"),
        batch_size=32,
        budget=Budget(epochs=None, steps=400, evaluations=40),
    ),
    grid=(
        axis("model.activation", ("relu", "gelu")),
        axis("optimizer.lr", (0.001, 0.003, 0.01, 0.03)),
    ),
    seeds=looks(5, 10, 20),
    target=Target("validation/accuracy", 0.9),
    contexts={
        "deep": {
            "model.widths": (64,),
            "model.repeats": 8,
            "budget.evaluations": 1,
            "seeds": looks(5, 10),
        },
        "lenet": {"model": Model("lenet"), "data.image_size": 12, **SHORT},
        "transformer": {
            "model": Model("transformer", layers=1, width=32, heads=2),
            "data": Data("sorting", length=5, symbols=6, train_examples=2000),
            **SHORT,
        },
    },
    claims=(
        better(
            Difference, of="test/accuracy", direction="higher", matters=0.01, contexts=WHERE
        ).says(
            "A network with GELU ends more accurate than with ReLU.",
            because="Below zero ReLU passes no gradient, so a unit that is off for all examples "
            "stays off. GELU passes some, and bends smoothly. What that is worth depends on how "
            "many units are off.",
        ),
        gelu(
            Equivalence,
            of="test/accuracy",
            matters=0.01,
            contexts=WHERE,
            cites="Narang et al. 2021",
        ).says(
            "GELU and ReLU end equally accurate.",
            because="Above zero both are all but the same, and the weights can make up for much of "
            "the rest, once each has the rate that suits it.",
        ),
        better(Difference, of="train/loss", direction="lower", scale="ratio", matters=1.25).says(
            "With GELU the training loss ends lower than with ReLU.",
            because="A network that bends more smoothly fits the same examples with fewer kinks to "
            "shift. Validation chooses the rate here too, not the training loss.",
        ),
        better(Difference, of="target/steps", direction="lower", scale="ratio", matters=1.25).says(
            "With GELU a network reaches 90 % in fewer steps than with ReLU.",
            because="Early on more units pass a gradient, so more weights move in each step.",
        ),
    ),
    views=(
        lines("test/accuracy", over="optimizer.lr", colour="model.activation").captioned(
            "Test accuracy over Adam's rate: is one of the two higher at its top, or broader?"
        ),
        curves("validation/accuracy", colour="model.activation", tuned=True).captioned(
            "Validation accuracy over training, each at its tuned rates."
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 1,
            "budget.steps": 10,
            "budget.evaluations": 1,
            "optimizer.lr": (0.003, 0.01),
        },
        "full": {
            "data.name": "fashion_mnist",
            "model.widths": (512, 512),
            "batch_size": 128,
            "budget.steps": 5000,
            "optimizer.lr": (0.0001, 0.0003, 0.001, 0.003, 0.01),
            "main@lenet.data.image_size": 28,
        },
    },
)
