"""Model parallelism: a network in two stages, on two devices.

Question    Does a network that is cut in two compute the same, what does each device hold, and how
            long does it wait for the other?
Notes       多GPU训练 / 模型并行
Method      Four layers of 512 units, cut in the middle by torch.distributed.pipelining (GPipe,
            Huang et al., 2019), each half in a process of its own. Outputs and gradients are
            compared with the undivided network in float64. A batch is cut into micro-batches, so
            that the second stage can work on one while the first works on the next. The idle share
            is 1 less the time one device needs for the whole, over the time two devices took
            together; nothing else runs meanwhile.
Not a GPU   A device is one core of a processor here. What waits for what is the same on GPUs; how
            long an activation travels is not.
Expected    With stages of equal length and free communication, m micro-batches leave
            1/(m + 1) of two devices idle: a half, a third, a fifth, a ninth.
Changed     After first runs, in which eight micro-batches left the devices idle longer, the reason
            given with them was completed; no claim was touched.
Refuted if  outputs or gradients differ by more than rounding; a device holds more than 60 % of the
            parameters; less than 40 % of the time is idle without micro-batches, or eight of them
            do not lower it by a tenth.
Edition     Since the second edition claims are judged at looks, after 5, 10 and 20 seeds or, where
            seeds are dear, after 5 and 10. Which parts have them was chosen when results of the
            first edition were known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite import (
    Data,
    Difference,
    Identity,
    Model,
    Part,
    Study,
    Threshold,
    axis,
    define_metric,
    lines,
    looks,
    shared,
)

OUTPUTS = define_metric("pipeline/output_deviation", "relative deviation of the outputs")
GRADIENTS = define_metric("pipeline/gradient_deviation", "relative deviation of the gradients")
HELD = define_metric("pipeline/held_share", "largest share of the parameters that a device holds")
IDLE = define_metric("pipeline/idle_share", "share of the devices' time that is idle")

WIDTH, BATCH, ROUNDS = 512, 512, 5


def pipeline(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Take a training step's gradients in stages and undivided, and compare and time them."""
    import torch
    from torch import distributed, nn
    from torch.distributed.pipelining import PipelineStage, ScheduleGPipe

    from suite.data import load
    from suite.models import build
    from suite.training.step import LOSSES, prepare

    examples = load(Data("mnist5k", train_examples=BATCH), seed)
    network = build(Model("mlp", widths=(WIDTH,) * 4), examples.shape, examples.outputs, seed)
    assert isinstance(network, nn.Sequential)
    exact = cell["dtype"] == "float64"
    inputs = prepare(examples.train.inputs).flatten(1)
    inputs, network = (inputs.double(), network.double()) if exact else (inputs, network)
    targets, loss = examples.train.targets, LOSSES["cross_entropy"]
    # A flatten, then a linear layer and an activation a hidden layer, then the last linear layer:
    # the first layer has as many weights as one and a half others, so the cut lies after two.
    stages = network[:5], network[5:]
    rank = distributed.get_rank()
    device = torch.device("cpu" if distributed.get_backend() == "gloo" else f"cuda:{rank}")
    inputs, targets, network = inputs.to(device), targets.to(device), network.to(device)

    def whole() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        outputs = network(inputs)
        return outputs, torch.autograd.grad(loss(outputs, targets), tuple(network.parameters()))

    stage = PipelineStage(stages[rank], rank, len(stages), device)
    schedule = ScheduleGPipe(stage, cell["micro_batches"], loss_fn=loss)

    def staged() -> Any:
        stages[rank].zero_grad()
        return schedule.step(inputs) if rank == 0 else schedule.step(target=targets)

    outputs = staged()
    expected, gradients = whole()
    mine = slice(0, 4) if rank == 0 else slice(4, None)
    pairs = zip(stages[rank].parameters(), gradients[mine], strict=True)
    wrong = max(_deviation(one.grad, other) for one, other in pairs)
    output_wrong = _deviation(outputs, expected) if rank else 0.0
    held = sum(one.numel() for one in stages[rank].parameters())
    share = held / sum(one.numel() for one in network.parameters())
    found = torch.tensor([output_wrong, wrong, share], dtype=torch.float64, device=device)
    distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
    alone = _seconds(whole) if rank == 0 else 0.0
    distributed.barrier()
    together = _seconds(staged)
    output_wrong, wrong, share = found.tolist()
    return {
        OUTPUTS: output_wrong,
        GRADIENTS: wrong,
        HELD: share,
        IDLE: 1 - alone / (len(stages) * together),
    }


def _deviation(one: Any, other: Any) -> float:
    return float((one - other).detach().norm() / other.detach().norm())


def _seconds(call: Any) -> float:
    import time

    import torch

    call()
    started = time.perf_counter()
    for _ in range(ROUNDS):
        call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / ROUNDS


WHOLE, PARTED = ({"devices": 2, "dtype": "float32", "micro_batches": parts} for parts in (1, 8))
same = shared(number=74, tolerance=1e-12, source="模型并行")
idle = shared(number=74, part="time", of=IDLE, source="串行推理")

study = Study(
    title="Model parallelism",
    question="Does a network cut in two compute the same, and how long does each half wait? (Here a "
    "device is a processor's core, which is no GPU.)",
    notes="多GPU训练 / 模型并行",
    probe=pipeline,
    grid=(axis("devices", (2,)), axis("dtype", ("float64",)), axis("micro_batches", (1, 4))),
    seeds=3,
    parts=(
        Part(
            "time",
            probe=pipeline,
            grid=(
                axis("devices", (2,)),
                axis("dtype", ("float32",)),
                axis("micro_batches", (1, 2, 4, 8)),
            ),
            seeds=looks(5, 10, 20),
            alone=True,
        ),
    ),
    claims=(
        same(Identity, of=OUTPUTS).says(
            "A network cut into two stages has the same outputs.",
            because="The second stage starts from the very numbers that the first ends with.",
        ),
        same(Identity, of=GRADIENTS).says(
            "It has the same gradients, also from a batch in several micro-batches.",
            because="The chain rule passes through the cut, and gradients of micro-batches add up.",
        ),
        Threshold(
            number=74,
            part="time",
            of=HELD,
            arm=WHOLE,
            level=0.6,
            direction="lower",
            matters=0.01,
            says="No device holds more than 60 % of the parameters.",
            source="用于超大模型",
            because="The network is divided, not the data: so it may be larger than a device.",
        ),
        idle(Threshold, arm=WHOLE, level=0.4, direction="higher", matters=0.02).says(
            "Fed whole batches, two devices work one after the other and are idle at least 40 % of "
            "the time.",
            because="The second stage waits for the first on the way forward, and the first for "
            "the second on the way back.",
        ),
        idle(Difference, arm=PARTED, against=WHOLE, direction="lower", matters=0.1).says(
            "Eight micro-batches keep both stages busier.",
            because="While the second stage has one micro-batch, the first has the next; only the "
            "first and the last find nobody to work beside. Against that, every micro-batch is "
            "another message and a smaller product, and who cuts too finely pays more than he "
            "gains.",
        ),
    ),
    views=(
        lines(IDLE, over="micro_batches", part="time").captioned(
            "Share of idle time over the number of micro-batches: is it 1/(m + 1)?"
        ),
    ),
    tiers={"smoke": {"seeds": 2, "time.seeds": 2, "time.micro_batches": (1, 8)}},
)
