"""The range of float16.

Question    Does float16 overflow where float32 does not, is overflow all there is to fear, and what do
            bfloat16, autocast and a gradient scaler change?
Notes       数值稳定性: 超出浮点值域
Method      Eight layers of 64 ReLU units and a cross-entropy loss on 64 random examples, as they are
            before training. The weights are He's times a scale, so that values and gradients grow
            or shrink by it at every layer. The same numbers go forward and back once in each
            format; float64 is the measure: an overflow is a value that is infinite or not a number
            where float64's is finite, an underflow a gradient that is zero where float64's is not.
            `autocast` keeps weights in float32 and multiplies in float16. The scaler is
            torch.amp.GradScaler: it multiplies the loss by 65,536, halves that as long as a
            gradient overflows, and divides the gradients again; what counts is where it settles.
            All on a processor, which has the same formats as a GPU but adds up in another order.
Not here    Whether training fails: a network starts near a scale of 1, and leaves it where
            training goes wrong. Speed, the reason for float16, takes a GPU.
Refuted if  float16 neither overflows at scale 4 nor underflows at 1/4; bfloat16 does; autocast alone
            keeps from either; a scaler does not bring the gradients back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from suite import Difference, Identity, Part, Study, axis, define_metric, lines, shared
from suite.seeds import stream

if TYPE_CHECKING:
    import torch

LAYERS, UNITS, EXAMPLES = 8, 64, 64
FORMATS = ("float32", "bfloat16", "float16", "autocast", "autocast and scaler")
HALVINGS = 50  # of a scaler that starts at 65,536: down to less than float16 holds

OVERFLOW = define_metric(
    "range/overflow", "share of values that overflow", unit="percent", better="lower"
)
UNDERFLOW = define_metric(
    "range/underflow", "share of gradients that become zero", unit="percent", better="lower"
)
LARGEST = define_metric("range/largest_excess", "largest finite number less 65,504")
SMALLEST = define_metric("range/smallest_excess", "smallest positive number less 2⁻²⁴")
REACH = define_metric("range/reach", "largest power of two less float32's, as powers")


def numbers(cell: Mapping[str, Any], _: int) -> dict[str, float]:
    """Find the largest and the smallest positive number of a format, by trying."""
    import torch

    def held(value: float) -> float:
        return float(torch.tensor(value, dtype=torch.float64).to(getattr(torch, cell["format"])))

    reach = max(power for power in range(200) if math.isfinite(held(2.0**power)))
    largest = (held(2.0**reach * (2 - 2.0**-digits)) for digits in range(30))
    smallest = min(power for power in range(-200, 0) if held(2.0**power) > 0)
    return {
        LARGEST: max(one for one in largest if math.isfinite(one)) - 65504.0,
        SMALLEST: 2.0**smallest - 2.0**-24,
        REACH: reach - 127,
    }


def passes(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Send random examples through a deep network and back, in a format and in float64."""
    import torch

    name, _, scaler = cell["format"].partition(" ")
    weights, inputs, classes = _network(cell["scale"], seed)
    exact = _there_and_back(weights, inputs, classes)
    if name == "autocast":
        single = [one.float() for one in weights]
        with torch.autocast("cpu", dtype=torch.float16):
            found = _there_and_back(single, inputs.float(), classes, scaled=bool(scaler))
    else:
        dtype = getattr(torch, name)
        found = _there_and_back([one.to(dtype) for one in weights], inputs.to(dtype), classes)
    over = ~found[0].isfinite() & exact[0].isfinite()
    under = (found[1] == 0) & (exact[1] != 0)
    return {
        OVERFLOW: float(over.double().mean()),
        UNDERFLOW: float(under.sum() / (exact[1] != 0).sum()),
    }


def _network(scale: float, seed: int) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """Return the weights of every layer, inputs `(n, units)` and classes `(n,)`."""
    import torch

    draw = torch.Generator().manual_seed(stream(seed, "init"))

    def normal(rows: int) -> torch.Tensor:
        return torch.randn(rows, UNITS, generator=draw, dtype=torch.float64)

    weights = [normal(UNITS) * scale * math.sqrt(2 / UNITS) for _ in range(LAYERS)]
    return weights, normal(EXAMPLES), torch.randint(UNITS, (EXAMPLES,), generator=draw)


def _there_and_back(
    weights: list[torch.Tensor],
    inputs: torch.Tensor,
    classes: torch.Tensor,
    *,
    scaled: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return every layer's outputs and the gradients of all weights, each as one vector."""
    import torch

    parameters = [torch.nn.Parameter(one) for one in weights]
    scaler = torch.amp.GradScaler("cpu", enabled=scaled)
    optimizer = torch.optim.SGD(parameters, lr=0.0)
    for _ in range(HALVINGS):
        values, outputs = inputs, []
        for weight in parameters:
            values = values @ weight
            outputs.append(values.flatten())
            values = values.relu()
        loss = torch.nn.functional.cross_entropy(outputs[-1].view(len(inputs), -1), classes)
        optimizer.zero_grad()
        torch.autograd.backward(scaler.scale(loss))
        before = scaler.get_scale()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        if scaler.get_scale() >= before:
            break
    gradients = [one.grad.flatten() for one in parameters if one.grad is not None]
    return torch.cat(outputs).detach(), torch.cat(gradients)


LARGE, SMALL = {"scale": 4.0}, {"scale": 0.25}
FLOAT16, AUTOCAST, SCALED = (
    {"format": name} for name in ("float16", "autocast", "autocast and scaler")
)
range_of = shared(
    number=32, part="numbers", arm={"format": "float16"}, tolerance=0.0, source="超出浮点值域"
)
chosen = shared(
    number=32, arm={"format": "bfloat16"}, tolerance=0.0, source="通常选择 float16 作为数据类型"
)
overflows = shared(number=32, of=OVERFLOW, matters=0.01, source="梯度爆炸后会导致溢出")
underflows = shared(number=32, of=UNDERFLOW, matters=0.01, source="超出浮点值域")

study = Study(
    title="The range of float16",
    question="Where does float16 overflow or underflow, and what keeps it from that?",
    notes="数值稳定性: 超出浮点值域",
    probe=passes,
    grid=(axis("format", FORMATS), axis("scale", (0.25, 1.0, 4.0))),
    seeds=5,
    parts=(
        Part(
            "numbers",
            probe=numbers,
            grid=(axis("format", ("float32", "bfloat16", "float16")),),
            seeds=1,
        ),
    ),
    claims=(
        range_of(Identity, of=LARGEST).says(
            "The largest number of float16 is 65,504.",
            because="Five bits of exponent reach to 2¹⁵, and ten bits of fraction nearly double "
            "it.",
        ),
        range_of(Identity, of=SMALLEST).says(
            "Its smallest positive number is 2⁻²⁴, about 0.00000006.",
            because="The range has a lower end as well. What lies below becomes zero.",
        ),
        chosen(Identity, part="numbers", of=REACH).says(
            "bfloat16 reaches as far as float32.",
            because="It has the same eight bits of exponent. It pays with digits: seven bits of "
            "fraction where float16 has ten.",
        ),
        overflows(
            Difference,
            arm=FLOAT16 | LARGE,
            against={"format": "float32"} | LARGE,
            direction="higher",
        ).says(
            "Where values grow fourfold a layer, float16 overflows and float32 does not.",
            because="Four to the eighth is 65,536.",
        ),
        underflows(
            Difference,
            arm=FLOAT16 | SMALL,
            against={"format": "float32"} | SMALL,
            direction="higher",
        ).says(
            "Where they shrink fourfold a layer, float16 turns gradients into zeros.",
            because="Overflow is half of the story. A gradient of zero is harder to notice than "
            "one that is infinite: training goes on, and learns nothing.",
        ),
        chosen(Identity, of=OVERFLOW).says(
            "bfloat16 overflows at none of these scales.", because="Its range is float32's."
        ),
        overflows(
            Difference, arm=AUTOCAST | LARGE, against=FLOAT16 | LARGE, direction="lower"
        ).says(
            "Autocast, with its weights in float32, overflows less than float16.",
            because="Products are still float16, whatever the weights are.",
        ),
        underflows(
            Difference, arm=SCALED | SMALL, against=AUTOCAST | SMALL, direction="lower"
        ).says(
            "A gradient scaler brings small gradients back.",
            because="The whole backward pass is lifted by a factor of up to 65,536, and divided by "
            "it afterwards, in float32.",
        ),
        overflows(Difference, arm=SCALED | LARGE, against=AUTOCAST | LARGE, direction="lower").says(
            "A gradient scaler lessens the overflow on the way forward.",
            because="It multiplies the loss, which comes last.",
        ),
    ),
    views=(
        lines(OVERFLOW, over="scale", colour="format", caption="Values that overflow."),
        lines(UNDERFLOW, over="scale", colour="format", caption="Gradients that become zero."),
    ),
    tiers={
        "smoke": {"seeds": 2},
        "full": {"seeds": 20, "scale": (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)},
    },
)
