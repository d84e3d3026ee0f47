"""Using a GPU.

Question    How does a module get to a device, and from what size on does a GPU pay?
Notes       使用GPU
Method      Every way that torch offers to place a module is tried, and counted if all parameters end
            where they should. (`meta`, a device that holds shapes and no numbers, is on every
            machine.) Then two n × n matrices of float32 are multiplied: by the processor with all
            its cores, and by a GPU, waited for, with the matrices there already
            and, apart, carried there and back. Nothing else runs meanwhile.
No GPU      On a machine without one the GPU's trials measure nothing, and what is claimed of it stays
            undecided. They count as done: after adding a GPU, run in a folder of its own.
Refuted if  there is another way than `to(device)`; a module does not move as a whole; the GPU is not
            twice as fast at n = 1024; it is slower at n = 16; carrying undoes what it gains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from suite import Difference, Identity, Part, Study, axis, define_metric, lines, shared
from suite.seeds import stream

ROUNDS = 5

OTHERS = define_metric("device/other_ways", "ways to place a module besides to(device)")
LEFT = define_metric("device/left_behind", "parameters that to(device) leaves where they were")
MOVED = define_metric("device/moved_tensors", "tensors that their own to(device) moves")
DIFFERENT = define_metric("device/different", "numbers in which cuda() and to('cuda') differ")
PRODUCT = define_metric("product/seconds", "seconds a product", unit="seconds", better="lower")
CARRIED = define_metric(
    "product/carried_seconds",
    "seconds a product, carrying included",
    unit="seconds",
    better="lower",
)


def ways(_cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Place a module in every way there is."""
    import torch
    from torch import nn

    def made(**options: Any) -> nn.Module:
        return nn.Sequential(nn.Linear(4, 3, **options), nn.Linear(3, 2, **options))

    def within(device: str) -> nn.Module:
        with torch.device(device):
            return made()

    tried: list[tuple[Callable[[], nn.Module], str]] = [
        (lambda: made().cpu(), "cpu"),
        (lambda: made(device="meta"), "meta"),
        (lambda: within("meta"), "meta"),
    ]
    found = {}
    with torch.random.fork_rng():
        torch.manual_seed(stream(seed, "init"))
        if torch.cuda.is_available():
            tried.append((lambda: made().cuda(), "cuda"))
            weights = made().state_dict()
            one, other = made(), made()
            one.load_state_dict(weights)
            other.load_state_dict(weights)
            pairs = zip(one.cuda().parameters(), other.to("cuda").parameters(), strict=True)
            found[DIFFERENT] = float(sum(int((a != b).sum()) for a, b in pairs))
        placed = [{one.device.type for one in way().parameters()} == {at} for way, at in tried]
        module, tensor = made(), torch.zeros(2)
        module.to("meta")
        tensor.to("meta")
    return found | {
        OTHERS: float(sum(placed)),
        LEFT: float(sum(one.device.type != "meta" for one in module.parameters())),
        MOVED: float(tensor.device.type == "meta"),
    }


def product(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Time a product of matrices; on a GPU that is not there, measure nothing."""
    import os
    import statistics
    import time

    import torch

    device, size = cell["device"], cell["size"]
    if device == "cuda" and not torch.cuda.is_available():
        return {}
    draw = torch.Generator().manual_seed(stream(seed, "synthetic"))
    here = torch.randn(2, size, size, generator=draw)
    there = here.to(device)
    times = max(1, min(200, 2**24 // size**3))

    def multiply() -> torch.Tensor:
        return there[0] @ there[1]

    def carry_and_multiply() -> torch.Tensor:
        return (here[0].to(device) @ here[1].to(device)).cpu()

    def seconds(multiply: Callable[[], torch.Tensor]) -> float:
        spent: list[float] = []
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            for _ in range(times):
                multiply()
            if device == "cuda":
                torch.cuda.synchronize()
            spent.append((time.perf_counter() - started) / times)
        return statistics.median(spent[1:])  # the first is warm-up

    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        return {PRODUCT: seconds(multiply), CARRIED: seconds(carry_and_multiply)}
    finally:
        torch.set_num_threads(before)


ON_GPU, ON_PROCESSOR = {"device": "cuda"}, {"device": "cpu"}
SMALL, LARGE = {"size": 16}, {"size": 1024}
module = shared(number=39, tolerance=0.0)
# Claim that the GPU takes less time than the processor.
faster = shared(number=39, part="product", direction="lower", scale="ratio", source="使用GPU")

study = Study(
    title="Using a GPU",
    question="How does a module get to a device, and from what size on does a GPU pay?",
    notes="使用GPU",
    probe=ways,
    seeds=2,
    parts=(
        Part(
            "product",
            probe=product,
            grid=(axis("device", ("cpu", "cuda")), axis("size", (16, 128, 1024))),
            seeds=5,
            alone=True,
        ),
    ),
    claims=(
        module(Identity, of=OTHERS, source="Moudle只能使用`to(device)`").says(
            "`to(device)` is the only way to put a module on a device.",
            because="There are cpu() and cuda(), as tensors have them, and a layer can be made on "
            "a device from the start. `to(device)` is the one that fits every device.",
        ),
        module(Identity, of=LEFT, source="Moudle只能使用`to(device)`").says(
            "It moves a module itself, with all that is nested in it.",
            because="The parameters get new storage, the module stays the same object. There is no "
            "need to keep what `to` returns.",
        ),
        module(Identity, of=MOVED, source="`tensor.cuda`").says(
            "It leaves a tensor where it is, and returns another.",
            because="A tensor is a value. Whoever forgets to keep what `to` returns has moved "
            "nothing.",
        ),
        module(Identity, of=DIFFERENT, source="Moudle只能使用`to(device)`").says(
            "A module's cuda() does what to('cuda') does.",
            because="Both copy every parameter and buffer.",
        ),
        faster(
            Difference, of=PRODUCT, arm=ON_GPU | LARGE, against=ON_PROCESSOR | LARGE, matters=2.0
        ).says(
            "A GPU multiplies matrices of 1024 × 1024 twice as fast as the processor.",
            because="Two thousand million operations keep thousands of cores busy.",
        ),
        faster(
            Difference, of=PRODUCT, arm=ON_GPU | SMALL, against=ON_PROCESSOR | SMALL, matters=2.0
        ).says(
            "It does so for matrices of 16 × 16.",
            because="Telling the GPU what to do takes longer than doing it.",
        ),
        faster(
            Difference, of=CARRIED, arm=ON_GPU | LARGE, against=ON_PROCESSOR | LARGE, matters=1.25
        ).says(
            "At 1024 × 1024 it is faster even if the matrices are carried there and back.",
            because="Work grows with n³, what is carried with n².",
        ),
    ),
    views=(
        lines(PRODUCT, over="size", colour="device", part="product").captioned(
            "Seconds a product: where do the lines cross?"
        ),
        lines(CARRIED, over="size", colour="device", part="product").captioned(
            "The same, the matrices carried to the device and the product back."
        ),
    ),
    tiers={
        "smoke": {"product.seeds": 2, "product.size": (16, 128)},
        "full": {"product.seeds": 10, "product.size": (16, 64, 128, 256, 512, 1024, 2048, 4096)},
    },
)
