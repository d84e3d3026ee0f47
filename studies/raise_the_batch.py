"""Raise the batch instead of decaying the rate.

Question    Does a batch that grows do what a learning rate that falls does?
Sources     Smith, Kindermans, Ying and Le, 2018, Don't Decay the Learning Rate, Increase the Batch Size
            (ICLR; arXiv:1711.00489).
Method      An MLP on 1,024 handwritten digits, a fifth of them with random labels, so that the noise of
            small batches matters at the end. Six passes. After two and after four, the rate is divided
            by four, or the batch multiplied by four: 16, 64, 256; or neither is done. The larger batches
            are gathered from small ones by an update rule of the study's own. Each seed takes the
            initial rate with the lowest validation loss out of seven, each twice the last.
Equal       The examples seen, the first batch, the rates to choose from. A growing batch moves the weights
            168 times instead of 384, which is what it is for. (Records count the small batches.)
Refuted if  they end a point of accuracy or a factor of 1.1 in test loss apart, or want initial rates that
            differ by a factor of 1.5; doing neither ends as well at the same initial rate.
Pilots      Three seeds that are not used here, on validation, for rates and budget. Without wrong labels a
            falling rate gained hardly anything, so that any substitute would have passed: these labels
            are a context.
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
    number,
    optimizer,
    shared,
)


@optimizer
def growing_batch(
    parameters: Any,
    lr: float,
    *,
    momentum: float = number(0.0, low=0, high=1),
    every: int = number(100, low=1),
    factor: int = number(4, low=1),
) -> Any:
    """SGD that gathers 1 batch for a step, after `every` batches `factor`, then its square, and so on."""
    import torch

    class GrowingBatch(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            group = self.param_groups[0]
            batches = group["batches"]
            group["batches"] += 1
            whole = factor ** (batches // every)
            for one in group["params"]:
                seen = self.state[one].setdefault("seen", torch.zeros_like(one))
                seen += one.grad
                one.grad = seen / whole
            if group["batches"] % whole == 0:
                super().step()
                for one in group["params"]:
                    self.state[one]["seen"].zero_()

    made = GrowingBatch(parameters, lr=lr, momentum=momentum)
    made.param_groups[0]["batches"] = 0
    return made


MOMENTUM = 0.9
PLANS = {
    "falling rate": {
        "optimizer": Optimizer("sgd", momentum=MOMENTUM),
        "schedule": Schedule("step", every=2, factor=0.25),
    },
    "growing batch": {"optimizer": growing_batch(momentum=MOMENTUM, every=2 * 64, factor=4)},
    "neither": {"optimizer": Optimizer("sgd", momentum=MOMENTUM)},
}
FALLING, GROWING, NEITHER = ({"plan": one} for one in PLANS)
smith = shared(source="Do not decay the rate, raise the batch", cites="Smith et al. 2018")

study = Study(
    title="Raise the batch instead of decaying the rate",
    question="Does a batch that grows do what a learning rate that falls does?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("mnist5k", train_examples=1024, validation_examples=500, random_labels=0.2),
        model=Model("mlp", widths=(32,)),
        batch_size=16,
        budget=Budget(epochs=6),
    ),
    grid=(
        axis("plan", PLANS),
        axis("optimizer.lr", tuple(0.005 * 2**i for i in range(7))),
    ),
    seeds=looks(5, 10, 20),
    select="validation/loss",
    contexts={
        "right_labels": {"data.random_labels": 0.0, "seeds": looks(5, 10)},
        "digits": {"data.name": "digits", "data.validation_examples": 360, "seeds": looks(5, 10)},
    },
    claims=(
        smith(
            Equivalence,
            of="test/accuracy",
            arm=GROWING,
            against=FALLING,
            matters=0.01,
            contexts=("right_labels", "digits"),
        ).says(
            "A batch that grows ends as accurate as a rate that falls.",
            because="What keeps SGD from settling is noise, and its size goes as the rate over the "
            "batch. It falls as far when the one is divided by four as when the other is multiplied.",
        ),
        smith(
            Equivalence, of="test/loss", arm=GROWING, against=FALLING, scale="ratio", matters=1.1
        ).says(
            "A batch that grows ends at the same test loss as a rate that falls.",
            because="The loss sees what accuracy does not: how sure the network is of what it says.",
        ),
        smith(
            Equivalence,
            of="chosen/optimizer.lr",
            arm=GROWING,
            against=FALLING,
            scale="ratio",
            matters=1.5,
        ).says(
            "The same initial rate suits both.",
            because="Until the first change they are one and the same training. If they are "
            "afterwards too, a schedule can be taken over as it is.",
        ),
        smith(
            Difference,
            of="test/loss",
            arm=NEITHER | {"optimizer.lr": 0.04},
            against=FALLING | {"optimizer.lr": 0.04},
            direction="higher",
            scale="ratio",
            matters=1.1,
        ).says(
            "With neither, test loss ends higher at an initial rate of 0.04.",
            because="A rate that goes far at the start keeps the weights from settling at the end. If "
            "this did not show, anything could take the place of a falling rate.",
        ),
    ),
    views=(
        curves("validation/loss", colour="plan", tuned=True).captioned(
            "Validation loss, each plan at its best rate: do two of the lines lie on each other, and "
            "what do they do after two passes and after four?"
        ),
        lines("validation/loss", over="optimizer.lr", colour="plan").captioned(
            "The same over the initial rate: which plans have the same valley?"
        ),
    ),
    tiers={
        "smoke": {
            "seeds": 2,
            "data.train_examples": 256,
            "budget.epochs": 3,
            "optimizer.lr": (0.02, 0.08),
        },
        "full": {"data.name": "fashion_mnist", "model.widths": (256,)},
    },
)
