"""Overfit one batch first.

Question    Which bugs show if a program is first asked to fit a single batch?
Sources     A. Karpathy (2019), A Recipe for Training Neural Networks, karpathy.github.io. C. Zhang,
            S. Bengio, M. Hardt, B. Recht and O. Vinyals (2017), Understanding deep learning requires
            rethinking generalization, ICLR, arXiv:1611.03530.
Method      Each seed writes a program for digits: an MLP of one to three layers, SGD with momentum or
            Adam, batches of 16 to 64, a usual rate. Into it 19 bugs are planted, one at a time: ten
            in the step, nine in data and evaluation. Four sound ones show false alarms. A check
            sees what the program itself reports. One batch: up to 200 steps on one batch; an alarm
            if the loss never falls below 0.05. Usual training: 200 steps on all training examples;
            an alarm if validation accuracy ends below 0.7.
Equal       Programs, bugs, and the most steps that a check may take.
Refuted if  of one batch under 40 % of the step's bugs raise alarms, over 60 % of the others, or over
            20 % of sound programs; or usual training finds more of the step's bugs.
Pilots      Training loss and validation accuracy of sound programs set steps and rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING, Any

from suite import Data, Difference, Study, Threshold, axis, define_metric, looks, matrix, shared
from suite.seeds import seeded, stream

if TYPE_CHECKING:
    from torch import Tensor, nn

SOUND = ("sound 1", "sound 2", "sound 3", "sound 4")
STEP = "no update, last layer only, uphill, gradients kept, softmax twice, softmax over batch, "
STEP += "ReLU on outputs, weights all 0, rate × 1000, rate / 1000"
OTHERS = "half of labels wrong, labels of others, labels shuffled each step, images mixed, "
OTHERS += "pixels to 255, one image for all, other scale in test, other order in test, old weights"

IN_STEP = define_metric("found/step", "share found of bugs in the step", unit="percent")
ELSEWHERE = define_metric("found/elsewhere", "share found of bugs elsewhere", unit="percent")
ALARMS = define_metric("found/nothing", "share of sound programs that alarm", unit="percent")
EACH = {
    bug: define_metric(f"bug/{i}", "share of programs that alarm with a bug", unit="percent")
    for i, bug in enumerate(f"{STEP}, {OTHERS}".split(", "))
}


def check(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Put programs with each bug, and sound ones, to a check; return the shares that alarm it."""
    raised = {}
    for bug in (*EACH, *SOUND):  # the first of the sound programs is the one that gets the bugs
        which = SOUND.index(bug) if bug in SOUND else 0
        with seeded(stream(seed, "probe") + which):
            raised[bug] = float(alarm(bug, cell, seed))
    groups = {IN_STEP: STEP.split(", "), ELSEWHERE: OTHERS.split(", "), ALARMS: SOUND}
    shares = {name: fmean(raised[bug] for bug in bugs) for name, bugs in groups.items()}
    return shares | {name: raised[bug] for bug, name in EACH.items()}


def alarm(bug: str, cell: Mapping[str, Any], seed: int) -> bool:
    """Write a program with a bug, run it, and return whether it alarms the check."""
    import torch
    from torch.nn import functional as F

    from suite import Model, Optimizer
    from suite.data import load
    from suite.models import build
    from suite.training.step import prepare
    from suite.training.update_rules import make_rule

    (inputs, targets), validation, *_ = load(Data(cell["data"]), seed)
    width, depth, size = (int(torch.randint(*ends, ())) for ends in ((32, 97), (1, 4), (16, 65)))
    widths, activation = (width,) * depth, ("relu", "tanh")[int(torch.randint(2, ()))]
    model = Model("mlp", widths=widths, activation=activation)
    if cell["network"] == "convolutional":
        model = Model("vgg", widths=widths, activation=activation, blocks=((1, 8),))
    network, old = (build(model, tuple(inputs.shape[1:]), 10, seed) for _ in range(2))
    parameters = tuple(network.parameters())[-2 if bug == "last layer only" else 0 :]
    for one in parameters if bug == "weights all 0" else ():
        torch.nn.init.zeros_(one)
    usual = (Optimizer("adam", lr=0.003), Optimizer("sgd", lr=0.05, momentum=0.9))
    optimizer = usual[int(torch.randint(2, ()))]
    rule, place = make_rule(optimizer, parameters), 2 * float(torch.rand(())) - 1
    rate = optimizer.lr * 2**place * {"rate × 1000": 1e3, "rate / 1000": 1e-3}.get(bug, 1.0)
    if bug == "half of labels wrong":
        wrong = torch.rand(len(targets)) < 0.5
        targets = torch.where(wrong, torch.randint(10, targets.shape), targets)
    if bug == "labels of others":
        targets = targets[torch.randperm(len(targets))]

    def forward(network: nn.Module, images: Tensor, scale: float = 1.0) -> Tensor:
        images = prepare(images) * (255.0 if bug == "pixels to 255" else scale)
        if bug == "images mixed":
            images = images.flatten(1).T.reshape(images.shape)
        outputs: Tensor = network(images[:1] + 0 * images if bug == "one image for all" else images)
        return outputs.relu() if bug == "ReLU on outputs" else outputs

    one_batch, kept = cell["check"] == "one batch", None
    batch = torch.randint(len(targets), (size,))
    for _ in range(cell["steps"]):
        batch = batch if one_batch else torch.randint(len(targets), (size,))
        outputs, wanted = forward(network, inputs[batch]), targets[batch]
        wanted = wanted[torch.randperm(size)] if bug == "labels shuffled each step" else wanted
        outputs = outputs.softmax(1) if bug == "softmax twice" else outputs
        loss = F.nll_loss(outputs.log_softmax(0 if bug == "softmax over batch" else 1), wanted)
        if one_batch and float(loss.detach()) < 0.05:
            return False
        gradients = torch.autograd.grad(-loss if bug == "uphill" else loss, parameters)
        if bug == "gradients kept":
            kept = gradients = tuple(map(torch.add, gradients, kept)) if kept else gradients
        with torch.no_grad():
            rule(parameters, gradients, 0.0 if bug == "no update" else rate)
    with torch.no_grad():
        tested, scale = old if bug == "old weights" else network, 255.0 if "scale" in bug else 1.0
        said = forward(tested, validation.inputs, scale).argmax(1)
    order = slice(None) if bug != "other order in test" else torch.randperm(len(said))
    return one_batch or float((said == validation.targets[order]).float().mean()) < 0.7


ONE, USUAL = {"check": "one batch"}, {"check": "usual training"}
rule = shared(source="First overfit one batch", arm=ONE)
first, learned = rule.also(cites="Karpathy 2019"), rule.also(cites="Zhang et al. 2017")

study = Study(
    title="Overfit one batch first",
    question="Which bugs show if a program is first asked to fit a single batch?",
    notebook="folklore",
    probe=check,
    grid=(
        axis("check", ("one batch", "usual training")),
        axis("data", ("digits",)),
        axis("network", ("mlp",)),
        axis("steps", (200,)),
    ),
    seeds=looks(5, 10, 20),
    contexts={
        "mnist": {"data": "mnist5k", "seeds": looks(5, 10)},
        "convolutional": {"network": "convolutional", "seeds": looks(5, 10)},
    },
    claims=(
        first.also(contexts=("mnist", "convolutional"))(
            Threshold, of=IN_STEP, level=0.5, matters=0.1, direction="higher"
        ).says(
            "A program that is asked to fit one batch betrays most bugs of its training step.",
            because="A network with more weights than a batch has numbers can fit it to a loss of "
            "zero. If it does not, something that moves the weights is wrong.",
        ),
        first(Threshold, of=ALARMS, level=0.15, matters=0.05, direction="lower").says(
            "Sound programs seldom raise an alarm: fewer than one in seven.",
            because="At a usual rate 200 steps suffice for one batch. A rate that is merely low "
            "can be taken for a bug.",
        ),
        learned(Threshold, of=ELSEWHERE, level=0.5, matters=0.1, direction="lower").says(
            "Most bugs in data and evaluation go unnoticed.",
            because="A network can learn any labels of a few examples by heart, wrong ones too. "
            "And no loss on a batch knows how validation is measured.",
        ),
        first(Difference, of=IN_STEP, against=USUAL, matters=0.1, direction="higher").says(
            "One batch finds more bugs of the step than usual training and a look at its accuracy.",
            because="Usual training may work in spite of a bug, only worse, and nobody knows how "
            "good it should be. Of one batch one knows: the loss should go to zero.",
        ),
    ),
    views=(
        matrix({bug: EACH[bug] for bug in STEP.split(", ")}, y="check").captioned(
            "How often a bug in the step raises an alarm: which does only one of the checks find?"
        ),
        matrix({bug: EACH[bug] for bug in OTHERS.split(", ")}, y="check").captioned(
            "The same of bugs in data and evaluation."
        ),
    ),
    tiers={"smoke": {"seeds": 1, "steps": 10}, "full": {"seeds": 30}},
)
