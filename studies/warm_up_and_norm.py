"""Warm-up and the place of the norm.

Question    Does a transformer need warm-up, and does it still, once the norm is in front?
Sources     Vaswani et al., "Attention Is All You Need", NeurIPS 2017 (arXiv 1706.03762): the norm
            behind each layer, and a rate that rises first. Xiong et al., "On Layer Normalization in
            the Transformer Architecture", ICML 2020 (arXiv 2002.04745): behind, the gradients near
            the output are large at first; in front, warm-up can go. Kalra and Barkeshli, "Why
            Warmup the Learning Rate?", NeurIPS 2024 (arXiv 2406.09405): its use is that a larger
            rate can be borne.
Method      A transformer of four layers of 16 units learns to write six symbols in order, by Adam.
            What varies is the place of the norm, behind each layer (post) or in front (pre), and
            whether the rate, which falls linearly to zero in the end, rises linearly over the first
            fifth of the steps. The rate is tuned for each arm and seed on validation, among three;
            where a claim is about a large rate, it is the largest of them, 0.05.
Equal       120 steps of 16 sequences, three rates, and the same initial weights at a seed.
Matters     To need warm-up is to lose at least three points of accuracy without it.
Refuted if  warm-up gains no more with the norm behind than in front, each at its best rate.
Pilots      On validation, up to three seeds, of two to four layers, with rates from 0.001 to 0.05,
            constant and falling: 0.015 was best in all arms, and at 0.05 they came apart.
"""

from __future__ import annotations

from typing import Any

from suite import (
    Budget,
    Data,
    Difference,
    Equivalence,
    Interaction,
    Model,
    Optimizer,
    Recipe,
    Study,
    axis,
    lines,
    looks,
    number,
    schedule,
    shared,
)


@schedule
def ramp(place: Any, *, share: float = number(0.0, low=0.0, high=0.9)) -> float:
    """A linear rise over the first share of the budget, and a linear fall to zero at its end."""
    top = share * place.total
    left = (place.total - place.step) / (place.total - top)
    return float(min(left, (place.step + 1) / max(1.0, top)))


WARM, COLD = {"schedule.share": 0.2}, {"schedule.share": 0.0}
POST, PRE = {"model.norm": "post"}, {"model.norm": "pre"}
LARGE = {"optimizer.lr": 0.05}
rule = shared(
    of="test/accuracy",
    matters=0.03,
    source="Transformers need warm-up; with the norm in front they do not",
)

study = Study(
    title="Warm-up and the place of the norm",
    question="Does a transformer need warm-up, and does it still with the norm in front?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("sorting", length=6, symbols=6, train_examples=2000, validation_examples=300),
        model=Model("transformer", layers=4, width=16, heads=2),
        optimizer=Optimizer("adam"),
        schedule=ramp(),
        batch_size=16,
        budget=Budget(epochs=None, steps=120, evaluations=1),
    ),
    grid=(
        axis("model.norm", ("post", "pre")),
        axis("schedule.share", (0.0, 0.2)),
        axis("optimizer.lr", (0.005, 0.015, 0.05)),
    ),
    seeds=looks(5, 10, 20),
    contexts={
        "two_layers": {"model.layers": 2, "seeds": looks(4, 8)},
        "copying": {"data.name": "copying", "model.layers": 3, "seeds": looks(4, 8)},
    },
    claims=(
        rule(
            Interaction,
            arm=WARM,
            against=COLD,
            within=POST,
            without=PRE,
            direction="higher",
            cites="Vaswani et al. 2017; Xiong et al. 2020",
            contexts=("two_layers", "copying"),
        ).says(
            "Warm-up gains more accuracy with the norm behind each layer than with the norm in "
            "front, each at its best rate.",
            because="A norm behind the sum rescales the path that gradients take back, layer after "
            "layer, so that at the start those near the output are large and those far from it "
            "small. In front, the path stays free. Small first steps do no harm while this settles; "
            "but so does a smaller rate throughout, where there is time for it.",
        ),
        rule(
            Difference,
            arm=POST | LARGE | WARM,
            against=POST | LARGE | COLD,
            direction="higher",
            cites="Kalra & Barkeshli 2024",
        ).says(
            "With the norm behind, warm-up lets a large rate be borne: at 0.05 it gains accuracy.",
            because="Adam's first steps move every weight by the whole rate, whichever way the first "
            "batches point. Smaller ones lead to where the loss is less curved, and there a large "
            "rate does not overshoot.",
        ),
        rule(Equivalence, arm=PRE | WARM, against=PRE | COLD, cites="Xiong et al. 2020").says(
            "With the norm in front, warm-up makes no difference at the best rate of each.",
            because="Gradients are of like size in all layers from the first step. All that warm-up "
            "changes is that a few steps are shorter.",
        ),
        rule(
            Difference,
            arm=PRE | LARGE | COLD,
            against=POST | LARGE | COLD,
            direction="higher",
            cites="Xiong et al. 2020",
        ).says(
            "Without warm-up, the norm in front bears a larger rate: at 0.05 it is more accurate "
            "than the norm behind.",
            because="In front, the sum of all layers stays as it is, and a layer that has gone wrong "
            "adds to it. Behind, it is mixed into what all later layers get.",
        ),
    ),
    views=(
        lines("test/accuracy", over="optimizer.lr", colour="schedule.share", where=POST).captioned(
            "The norm behind: at which rates do the two lines part?"
        ),
        lines("test/accuracy", over="optimizer.lr", colour="schedule.share", where=PRE).captioned(
            "The norm in front: do they part here?"
        ),
        lines("test/accuracy", over="model.norm", colour="schedule.share", tuned=True).captioned(
            "Each at the rate that validation chose: what is left of warm-up's use?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 1,
            "budget.steps": 10,
            "model.layers": 1,
            "optimizer.lr": (0.015, 0.05),
        },
        "full": {
            "seeds": looks(5, 10),
            "data.length": 16,
            "data.symbols": 16,
            "data.train_examples": 20_000,
            "model.layers": 8,
            "model.width": 64,
            "batch_size": 64,
            "budget.steps": 2000,
            "optimizer.lr": (0.0005, 0.0015, 0.005, 0.015, 0.05),
        },
    },
)
