"""What layers are made of.

Question    What do layers compute, what do they learn, and which rules about them hold exactly?
Notes       参数管理, 自定义层, 卷积层, 1x1卷积层, 池化层, 模型参数计算, batchnorm
Method      Each rule is written down twice, once as the layer does it and once by hand, and the two
            are compared in float64 on random weights, inputs and sizes, drawn anew for each seed.
            What is counted is counted exactly. Where the notes' words allow two readings (which
            convolution, which fully connected layer, which defaults), both are tried.
Not here    The counts of larger networks, and what pooling does to accuracy.
Changed     Four probes drew from PyTorch's global generator, so that their deviations, not their
            verdicts, differed from run to run; a probe's seed now seeds it.
Refuted if  a number differs by more than rounding, a count by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from suite import Identity, Model, Part, Study, axis, define_metric, shared
from suite.seeds import stream

if TYPE_CHECKING:
    import torch

ROUNDING = 1e-10  # values are sums of some hundred products of order 1, in float64

COUNT = define_metric("layers/count_excess", "parameters counted less those of the formula")
WORK = define_metric("layers/multiply_adds_excess", "multiplications counted less the formula's")
ROUND_TRIP = define_metric("layers/round_trip", "change of an output by saving and loading")
TIED = define_metric("layers/tied_deviation", "tied gradient less the sum of the separate ones")
LARGER = define_metric("layers/tied_excess", "parameters of a tied network beyond one layer's")
UNREACHED = define_metric("layers/unreached", "weights that an initialiser does not reach")
WITHOUT = define_metric("layers/without_gradient", "parameters that no gradient reaches")
MOVED = define_metric("layers/moved", "distance that training moves the weights")
CHANNELS = define_metric("layers/channel_deviation", "convolution less the sum over channels")
POINTWISE = define_metric("layers/pointwise_deviation", "1×1 convolution less the linear layer")
POINTWISE_COUNT = define_metric(
    "layers/pointwise_excess", "parameters of the linear layer beyond the convolution's"
)
POOL_COUNT = define_metric("layers/pool_parameters", "parameters of a pooling layer")
POOL_CHANNELS = define_metric("layers/pool_channels", "channels that pooling adds or removes")
POOL_SIZE = define_metric("layers/pool_size", "pixels of pooling's output beyond convolution's")
LEARNED = define_metric("layers/norm_learned", "learned numbers less 2 per channel")
STATISTICS = define_metric("layers/norm_statistics", "kept statistics less 2 per channel")


Measure = Callable[[Mapping[str, Any], int], dict[str, float]]


def drawing(probe: Measure) -> Measure:
    """Let a probe's layers draw their weights from the seed's `init` stream."""
    import functools

    @functools.wraps(probe)
    def seeded(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
        import torch

        with torch.random.fork_rng(devices=[]):
            return probe(cell, seed)

    return seeded


def count(network: torch.nn.Module) -> int:
    """Return the number of learned numbers."""
    return sum(one.numel() for one in network.parameters())


def linear_formula(sizes: list[int]) -> tuple[int, int]:
    """Return parameters and multiply–adds for one example of fully connected layers in a row."""
    import itertools

    pairs = list(itertools.pairwise(sizes))
    return sum((i + 1) * o for i, o in pairs), sum(i * o for i, o in pairs)


def lenet_formula(side: int, outputs: int) -> tuple[int, int]:
    """Return LeNet's parameters and multiply–adds for one grey image of side × side pixels."""
    after = side // 2 - 4  # padded convolution, pooling, convolution of 5×5
    parameters, work = linear_formula([16 * (after // 2) ** 2, 120, 84, outputs])
    first, second = 5 * 5 * 1, 5 * 5 * 6  # weights of one output channel
    parameters += (first + 1) * 6 + (second + 1) * 16
    return parameters, work + first * 6 * side**2 + second * 16 * after**2


def networks(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Compare a network's counts with the formula's, and its outputs with its saved self's."""
    import io

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from suite.models import build

    draw = torch.Generator().manual_seed(stream(seed, "init"))
    side, outputs, *widths = (int(torch.randint(12, 40, (), generator=draw)) for _ in range(4))
    name = cell["model"]
    model = Model("mlp", widths=tuple(widths)) if name == "mlp" else Model(name)
    network = build(model, (1, side, side), outputs, seed)
    image = torch.randn(1, 1, side, side, generator=draw)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        before = network(image)
    hidden = widths if name == "mlp" else []
    formula = lenet_formula(side, outputs)
    if name != "lenet":
        formula = linear_formula([side**2, *hidden, outputs])
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    other = build(model, (1, side, side), outputs, seed + 1)
    other.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        after = other(image)
    return {
        COUNT: count(network) - formula[0],
        WORK: counter.get_total_flops() / 2 - formula[1],
        ROUND_TRIP: float((after - before).abs().max()),
    }


@drawing
def tied(_cell: Mapping[str, Any], _: int) -> dict[str, float]:
    """Compare the gradient of a layer used twice with those of two layers of equal weights."""
    import copy

    import torch
    from torch import nn

    shared = nn.Linear(8, 8, dtype=torch.float64)
    twins = (copy.deepcopy(shared), copy.deepcopy(shared))
    inputs = torch.randn(16, 8, dtype=torch.float64)
    network = nn.Sequential(shared, nn.Tanh(), shared)
    separate = nn.Sequential(twins[0], nn.Tanh(), twins[1])

    def gradients(network: nn.Module, layer: nn.Module) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(network(inputs).square().sum(), tuple(layer.parameters()))

    found = zip(
        gradients(network, shared),
        gradients(separate, twins[0]),
        gradients(separate, twins[1]),
        strict=True,
    )
    deviations = [float((both - one - other).abs().max()) for both, one, other in found]
    return {TIED: max(deviations), LARGER: count(network) - count(shared)}


@drawing
def nested(cell: Mapping[str, Any], _: int) -> dict[str, float]:
    """Return how many weights keep their values when a network three levels deep is zeroed."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inside: nn.Module | None) -> None:
            super().__init__()
            layers = [nn.Linear(4, 4), *([inside] if inside else [])]
            self.layers: Any = layers if cell["kept_in"] == "list" else nn.ModuleList(layers)

    def weights(block: Block) -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        for one in block.layers:
            found += weights(one) if isinstance(one, Block) else [one.weight]
        return found

    def zero(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.weight)

    network = Block(Block(Block(None)))
    network.apply(zero)
    return {UNREACHED: sum(int(one.count_nonzero()) for one in weights(network))}


@drawing
def custom(cell: Mapping[str, Any], _: int) -> dict[str, float]:
    """Train a layer written by hand for 20 steps, as the last of two layers."""
    import torch
    from torch import nn

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(8, 4))
            self.bias = nn.Parameter(torch.randn(4))

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if cell["multiplies_by"] == "weight.data":
                return inputs @ self.weight.data + self.bias.data
            return inputs @ self.weight + self.bias

    layer = Layer()
    network = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), layer)
    before = [one.detach().clone() for one in layer.parameters()]
    inputs, targets = torch.randn(32, 6), torch.randn(32, 4)
    parameters = tuple(network.parameters())
    for _step in range(20):
        loss = nn.functional.mse_loss(network(inputs), targets)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:  # as every optimiser of torch does
                    parameter.sub_(0.1 * gradient)
    return {
        WITHOUT: sum(one is None for one in gradients),
        MOVED: sum(
            float((a - b).detach().norm()) for a, b in zip(layer.parameters(), before, strict=True)
        ),
    }


@drawing
def channels(cell: Mapping[str, Any], _: int) -> dict[str, float]:
    """Compare a convolution of three channels with the sum of three of one channel, by hand."""
    import torch
    from scipy import signal

    layer = torch.nn.Conv2d(3, 4, kernel_size=3, dtype=torch.float64)
    image = torch.randn(3, 9, 9, dtype=torch.float64)
    convolved = cell["operation"] == "convolution"
    by_hand: Callable[..., Any] = signal.convolve2d if convolved else signal.correlate2d
    with torch.no_grad():
        outputs = layer(image[None])[0].numpy()
        kernels, biases = layer.weight.numpy(), layer.bias.numpy()  # type: ignore[union-attr]
    deviations = []
    for output, kernel, bias in zip(outputs, kernels, biases, strict=True):
        slices = kernel[:1].repeat(3, 0) if cell["operation"] == "one slice" else kernel
        pairs = zip(image.numpy(), slices, strict=True)
        total = sum(by_hand(one, slice_, mode="valid") for one, slice_ in pairs)
        deviations.append(float(abs(output - total - bias).max()))
    return {CHANNELS: max(deviations)}


@drawing
def pointwise(cell: Mapping[str, Any], _: int) -> dict[str, float]:
    """Compare a 1×1 convolution with a linear layer that has its weights, in either reading."""
    import torch
    from torch import nn

    side, convolution = 5, nn.Conv2d(6, 4, kernel_size=1, dtype=torch.float64)
    assert convolution.bias is not None
    images = torch.randn(2, 6, side, side, dtype=torch.float64)
    weight, bias = convolution.weight.detach()[:, :, 0, 0], convolution.bias.detach()
    if cell["linear"] == "pixel":
        layer = nn.Linear(6, 4, dtype=torch.float64)
        inputs = images.movedim(1, 3)
    else:
        layer = nn.Linear(6 * side**2, 4 * side**2, dtype=torch.float64)
        inputs = images.flatten(1)
        # To do the same, it needs a zero for every pair of different pixels.
        weight = torch.kron(weight, torch.eye(side**2, dtype=torch.float64))
        bias = bias.repeat_interleave(side**2)
    layer.load_state_dict({"weight": weight, "bias": bias})
    with torch.no_grad():
        outputs, expected = layer(inputs), convolution(images)
    outputs = outputs.movedim(3, 1) if cell["linear"] == "pixel" else outputs.view_as(expected)
    return {
        POINTWISE: float((outputs - expected).abs().max()),
        POINTWISE_COUNT: count(layer) - count(convolution),
    }


def pooling(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Compare pooling with a convolution of the same kernel; stride and padding given, or not."""
    import torch
    from torch import nn

    draw = torch.Generator().manual_seed(stream(seed, "init"))
    kernel, side, channels = (
        int(torch.randint(low, high, (), generator=draw))
        for low, high in ((2, 6), (12, 30), (1, 9))
    )
    given: dict[str, Any] = {"stride": 2, "padding": 1} if cell["stride"] == "given" else {}
    kind = nn.MaxPool2d if cell["kind"] == "max" else nn.AvgPool2d
    pool = kind(kernel, **given)
    convolution = nn.Conv2d(channels, channels, kernel, **given)
    image = torch.randn(1, channels, side, side, generator=draw)
    with torch.no_grad():
        pooled, convolved = pool(image), convolution(image)
    return {
        POOL_COUNT: count(pool),
        POOL_CHANNELS: pooled.shape[1] - channels,
        POOL_SIZE: pooled[0, 0].numel() - convolved[0, 0].numel(),
    }


def normalisation(cell: Mapping[str, Any], _: int) -> dict[str, float]:
    """Count what batch normalisation of feature maps learns and what it keeps."""
    from torch import nn

    layer = nn.BatchNorm2d(cell["channels"])
    kept = sum(one.numel() for one in layer.buffers() if one.ndim)
    return {
        LEARNED: count(layer) - 2 * layer.num_features,
        STATISTICS: kept - 2 * layer.num_features,
    }


CONVOLVED = "一个卷积核的三个通道输入通道分别和输入的三个chan做卷积运算输出"
THOUGHT = "误以为是把 每个输入chan分别和一个卷积核做运算后相加得出"
shared_layer = shared(number=37, part="tied", source="参数管理")
parameters = shared(number=37, tolerance=0.0, source="参数管理")
own_layer = shared(number=38, part="custom", tolerance=0.0, source="自定义层")
convolution = shared(number=41, part="channels", of=CHANNELS, tolerance=ROUNDING)
mixing = shared(number=44, part="pointwise", source="等同于一个全连接层，用以融合不同通道的信息")
pools = shared(number=46, part="pooling", tolerance=0.0, source="超参数和卷积层一致")
formula = shared(number=54, tolerance=0.0, source="模型参数计算")
norm = shared(
    number=58, part="normalisation", tolerance=0.0, source="其也是一个拥有参数的层，类似卷积层"
)

study = Study(
    title="What layers are made of",
    question="What do layers compute, what do they learn, and which rules about them are exact?",
    notes="参数管理, 自定义层, 卷积层, 池化层",
    probe=networks,
    grid=(axis("model", ("softmax", "mlp", "lenet")),),
    seeds=3,
    parts=(
        Part("tied", probe=tied),
        Part("nested", probe=nested, grid=(axis("kept_in", ("ModuleList", "list")),)),
        Part("custom", probe=custom, grid=(axis("multiplies_by", ("weight", "weight.data")),)),
        Part(
            "channels",
            probe=channels,
            grid=(axis("operation", ("correlation", "convolution", "one slice")),),
        ),
        Part("pointwise", probe=pointwise, grid=(axis("linear", ("pixel", "image")),)),
        Part(
            "pooling",
            probe=pooling,
            grid=(axis("kind", ("max", "average")), axis("stride", ("given", "default"))),
        ),
        Part("normalisation", probe=normalisation, grid=(axis("channels", (1, 16)),), seeds=1),
    ),
    claims=(
        shared_layer(Identity, of=TIED, tolerance=ROUNDING).says(
            "The gradient of a tied layer is the sum of those of its places.",
            because="One number that is used twice moves the loss in two ways, and the derivative "
            "of a sum is the sum of the derivatives.",
        ),
        shared_layer(Identity, of=LARGER, tolerance=0.0).says(
            "A layer used twice has the parameters of one.",
            because="Both places hold the same object. What one place learns, the other has.",
        ),
        parameters(Identity, part="nested", of=UNREACHED, arm={"kept_in": "ModuleList"}).says(
            "An initialiser reaches every layer, however deep it is nested.",
            because="A module knows the modules that are its attributes, and `apply` visits them "
            "all.",
        ),
        parameters(Identity, part="nested", of=UNREACHED, arm={"kept_in": "list"}).says(
            "It reaches layers that are kept in a plain list, too.",
            because="A plain list is no module, and what is in it is not registered. An optimiser "
            "does not find those weights either. `nn.ModuleList` is made for this.",
        ),
        parameters(Identity, of=ROUND_TRIP).says(
            "A network that loads another's saved state gives the same outputs, bit for bit.",
            because="The state holds every number that the outputs depend on. The structure is not "
            "in it: the code must build that first.",
        ),
        own_layer(Identity, of=WITHOUT, arm={"multiplies_by": "weight"}).says(
            "Gradients reach the parameters of a layer written by hand.",
            because="Whatever is computed with torch's functions is differentiated. A layer needs "
            "no backward of its own.",
        ),
        own_layer(Identity, of=WITHOUT, arm={"multiplies_by": "weight.data"}).says(
            "They do so, too, if it multiplies by `weight.data`, as the course's does.",
            because="`.data` is the same numbers without the history, so the gradient does not "
            "know that they came from a parameter.",
        ),
        own_layer(Identity, of=MOVED, arm={"multiplies_by": "weight.data"}).says(
            "A layer that multiplies by `weight.data` never learns.",
            because="A parameter without a gradient is passed over by the optimiser, in silence.",
        ),
        convolution(Identity, arm={"operation": "correlation"}, source=CONVOLVED).says(
            "A convolutional layer correlates each channel with a slice of its own and adds.",
            because="A kernel is as deep as the input. The slices' results are summed, and a bias "
            "is added.",
        ),
        convolution(Identity, arm={"operation": "one slice"}, source=THOUGHT).says(
            "It does so with one slice for all channels, as the author first thought.",
            because="Red, green and blue could then not be told apart.",
        ),
        convolution(Identity, arm={"operation": "convolution"}, source="做卷积运算").says(
            "What it does with each slice is a convolution as mathematics has it.",
            because="A convolution turns the kernel by 180° first. The layer does not. For "
            "learning it makes no difference, since a kernel can be learned either way round.",
        ),
        mixing(Identity, of=POINTWISE, arm={"linear": "pixel"}, tolerance=ROUNDING).says(
            "A 1×1 convolution computes what one linear layer does at every pixel.",
            because="It mixes the channels of a pixel and sees no neighbour.",
        ),
        mixing(Identity, of=POINTWISE_COUNT, arm={"linear": "pixel"}, tolerance=0.0).says(
            "It has the parameters of that layer.",
            because="The same weights are used at every pixel.",
        ),
        mixing(Identity, of=POINTWISE_COUNT, arm={"linear": "image"}, tolerance=0.0).says(
            "It has the parameters of a fully connected layer over the whole image, too.",
            because="That layer has a weight for every pair of pixels. It can do the same, with "
            "zeros for all pairs of different pixels, but it is a far larger layer.",
        ),
        pools(Identity, of=POOL_COUNT).says(
            "A pooling layer has no parameters.",
            because="Taking a maximum or a mean needs no weights.",
        ),
        pools(Identity, of=POOL_CHANNELS).says(
            "It keeps the number of channels.", because="Each channel is pooled by itself."
        ),
        pools(Identity, of=POOL_SIZE, arm={"stride": "given"}).says(
            "Kernel, stride and padding make its output as large as a convolution's.",
            because="Both slide a window over the image, and the windows fit as often.",
        ),
        pools(Identity, of=POOL_SIZE, arm={"stride": "default"}).says(
            "They do so where the stride is left to its default.",
            because="The default stride of a convolution is 1, that of pooling is the kernel's "
            "size: windows that do not overlap.",
        ),
        formula(Identity, of=COUNT).says(
            "The formula counts the parameters of softmax regression, MLP and LeNet.",
            because="A linear layer has (inputs + 1) × outputs of them, a convolution (kernel² × "
            "inputs + 1) × outputs, wherever it is applied.",
        ),
        formula(Identity, of=WORK).says(
            "The formula counts their multiplications, too.",
            because="A linear layer uses each weight once. A convolution uses it once for each "
            "pixel of the output: few parameters, much work.",
        ),
        norm(Identity, of=LEARNED).says(
            "Batch normalisation of feature maps learns two numbers a channel.",
            because="A shift and a scale, shared by all pixels of the channel.",
        ),
        norm(Identity, of=STATISTICS).says(
            "It keeps two more that are counted, not learned.",
            because="A running mean and a running variance, for use outside training.",
        ),
    ),
    tiers={"smoke": {"seeds": 1}, "full": {"seeds": 20}},
)
