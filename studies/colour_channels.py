"""Colour channels.

Question    What does a network lose that sees an image without its colours?
Notes       多输入通道: 为了减少信息的丢失，我们将色彩通道也引入卷积
Method      The same network sees red, green and blue, or the luminance copied to all three channels,
            or the red copied to all three: parameters, initial weights and images are the same, and
            each arm is trained at the rate best on its own validation split.
Data        Drawn leaves, no real ones, of 176 species of 16×16 pixels. They were drawn with a green
            of each species' own, besides a shape of its own: that colour tells something here is
            made so, and what is measured is how much a network loses that is not shown it. Whether
            colour tells something in photographs is asked of CIFAR-10, at the full tier (a GPU).
Pilot       One training in colour on a seed outside the study, for cost. LeNet (tanh, Xavier's
            weights, Adam) and rates are taken over from the study of leaves.
Changed     Nothing after the run, but for the reason given with red against luminance.
Refuted if  LeNet is two points better without colours on drawn leaves, or a point on CIFAR-10; or
            by red alone than by the luminance.
Edition     Since the second edition claims are judged at looks, after 5, 10 and 20 seeds or, where
            seeds are dear, after 5 and 10. Which parts have them was chosen when results of the
            first edition were known.
"""

from __future__ import annotations

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
    lines,
    looks,
    shared,
)

SOURCE = "为了减少信息的丢失，我们将色彩通道也引入卷积"
COLOURS = axis("data.colours", ("all", "grey", "red"))


ALL, GREY, RED = ({"data.colours": colours} for colours in COLOURS.levels)
# Claim that a network sees more in one choice of channels than in another.
better = shared(number=40, of="test/accuracy", direction="higher", source=SOURCE)

study = Study(
    title="Colour channels",
    question="What does a network lose that sees an image without its colours?",
    notes="多输入通道",
    recipe=Recipe(
        data=Data("generated_leaves", pixels=16),
        model=Model("lenet", activation="tanh", init="xavier_uniform"),
        optimizer=Optimizer("adam"),
        batch_size=32,
        budget=Budget(epochs=None, steps=150, evaluations=1),
    ),
    grid=(COLOURS, axis("optimizer.lr", (0.001, 0.003, 0.01))),
    seeds=looks(5, 10, 20),
    parts=(
        Part(
            "photographs",
            changes={
                "data.name": "cifar10",
                "data.pixels": None,
                "model.activation": "relu",
                "batch_size": 128,
                "budget.steps": 8000,
                "budget.evaluations": 8,
            },
            grid=(COLOURS, axis("optimizer.lr", (0.0003, 0.001, 0.003))),
            tiers=("full",),
        ),
    ),
    claims=(
        better(Difference, arm=ALL, against=GREY, matters=0.02).says(
            "LeNet tells drawn leaves apart better in colour than in grey.",
            because="Species were drawn with greens of their own. Two greens of the same luminance "
            "are one grey.",
        ),
        better(Difference, arm=ALL, against=RED, matters=0.02).says(
            "It does so better in colour than by the red alone.",
            because="As above: two of three numbers that tell species apart are withheld.",
        ),
        better(Difference, arm=GREY, against=RED, matters=0.02).says(
            "It does so better by the luminance than by the red alone.",
            because="The luminance has less noise than one channel. But species' red, green and "
            "blue were drawn independently: their blend spreads two thirds as far as one of them, "
            "beside a light that varies as much.",
        ),
        better(Difference, part="photographs", arm=ALL, against=GREY, matters=0.01).says(
            "LeNet tells the photographs of CIFAR-10 apart better in colour than in grey.",
            because="Sky, water and grass have colours, and frogs and deer stand on other ones "
            "than ships and aeroplanes.",
        ),
        better(Difference, part="photographs", arm=GREY, against=RED, matters=0.01).says(
            "It tells them apart better by the luminance than by the red alone.",
            because="Channels of photographs are much alike, so that little is lost by either.",
        ),
    ),
    views=(
        lines("test/accuracy", over="data.colours", tuned=True).captioned(
            "Accuracy on drawn leaves by what is left of their colours."
        ),
        lines("test/accuracy", over="optimizer.lr", colour="data.colours").captioned(
            "The same at every rate."
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "data.train_examples": 352,
            "data.validation_examples": 176,
            "budget.steps": 10,
            "optimizer.lr": (0.003,),
        },
        "full": {"data.pixels": 24, "budget.steps": 1000, "seeds": 8},
    },
)
