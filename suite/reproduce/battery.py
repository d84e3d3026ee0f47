"""The battery that every component must pass, built in or one's own, before its results count.

A component is tried in the smallest recipe that has a place for it, on a few examples of noise, at
the small values of its fields. What is said of it is found out, not believed: that it trains to the
same bits twice, in another process and after a stop, that each of its fields changes something, and
that cells with it can train as one program.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import tempfile
import typing
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from suite.data import Examples, Split, load, mixed, sources, transform
from suite.execution.pool import start
from suite.ground.errors import RequestError, first_line, own_line
from suite.ground.fields import annotation
from suite.models import build
from suite.seeds import seeded
from suite.training.checkpoint import Checkpoint
from suite.training.fitting import built, fits
from suite.training.loop import Run
from suite.training.losses import loss_of
from suite.training.outputs import first
from suite.training.schedules import rates
from suite.training.stack import Stack
from suite.vocabulary.components import Component
from suite.vocabulary.data import Data
from suite.vocabulary.loss import Loss, Score
from suite.vocabulary.model import Activation, Initialisation, Model
from suite.vocabulary.optimizer import Average, Optimizer, Schedule
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.transformation import Transform

N, BATCH, CLASSES, EPOCHS = 40, 16, 3, 2  # the last batch of an epoch has 8 examples
LENGTH = 5  # of sequences
RATE = 0.002
# Of one example: the first that a network takes.
SHAPES = ((1, 8, 8), (6,), (1, 16, 16), (1, 28, 28), (3, 32, 32), (1, 72, 72), (3, 224, 224))
Shapes = tuple[tuple[int, ...], ...]
_KNOWN: ContextVar[Shapes] = ContextVar("known", default=())
# Different kernels round differently where cells are stacked; training makes more of it.
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}


class Found(NamedTuple):
    """What one check found: whether it holds (None: it does not apply here), and what there is to say."""

    check: str
    holds: bool | None
    words: str = ""


class Stopped(Exception):  # noqa: N818 - no error: a kill
    """Raised to stop a run as a kill would."""


def battery(component: Component, shapes: Shapes = ()) -> Iterator[Found]:
    """Try a component; yield what each check finds, in order, until one fails that others need.

    Args:
        shapes: of examples that a network may take, tried before others.
    """
    part = small(component)
    token = _KNOWN.set(shapes)
    try:
        yield from CHECKS[type(part).kind](part)
    except (Exception, SystemExit) as error:  # whatever one's own code raises is a finding
        words = str(error) if isinstance(error, RequestError) else _words(error)
        yield Found("runs", False, words)
    finally:
        _KNOWN.reset(token)


def _words(error: BaseException) -> str:
    place = own_line(error)
    return f"{place + ': ' if place else ''}{type(error).__name__}: {first_line(error)}"


def small(component: Component) -> Component:
    """Return a component with the fields that it has at their defaults at small values instead."""
    values = {
        field.name: field.metadata["small"]
        for field in dataclasses.fields(component)
        if field.metadata.get("small") is not None and field.name not in component.given()
    }
    return component.changed({**component.given(), **values})


def recipe_with(component: Component) -> Recipe:
    """Return the smallest recipe in which a component is at work."""
    if isinstance(component, Data):
        return Recipe(data=component, loss="mse" if component.values else "cross_entropy")
    plain: dict[str, Any] = {
        "model": Model("mlp", widths=(8,)),
        "optimizer": Optimizer("sgd", lr=RATE, momentum=0.5),
        "batch_size": BATCH,
        "budget": Budget(epochs=EPOCHS, evaluations=2),
    }
    match component:
        case Activation():
            plain["model"] = Model("mlp", widths=(8,), activation=component)
        case Initialisation():
            plain["model"] = Model("mlp", widths=(8,), init=component)
        case Optimizer():
            rate = {} if "lr" in component.given() else {"lr": RATE}
            plain["optimizer"] = component.changed({**component.given(), **rate})
        case Score():
            plain["metrics"] = (component,)
            if not any(_takes(component, classes) for classes in (CLASSES, 2)):
                plain |= {"data": Data("synthetic_linear"), "loss": "mse"}
        case Transform():
            plain |= {"augmentation": (component,), "data": Data("cifar10")}  # images in colour
        case Loss():
            plain["loss"] = component
            if component.values:
                plain["data"] = Data("synthetic_linear")
        case _:
            plain[component.kind.label.lower()] = component
    return Recipe(**plain)


def _takes(score: Score, classes: int) -> bool:
    """Whether a metric is for so many classes: some are for two only, or for values."""
    outputs = torch.rand(N, classes, generator=torch.Generator().manual_seed(0))
    try:
        value = score.function()(outputs, torch.arange(N) % classes, **score.arguments())
        return math.isfinite(value)
    except Exception:  # what it says where it fits none is said when it trains
        return False


def examples_for(recipe: Recipe) -> Examples:
    """Return noise that the recipe's network takes, in three equal splits.

    Raises:
        RequestError: if it takes none of the shapes that there are.
    """
    values, errors = recipe.loss.values, []
    two = not all(_takes(score, CLASSES) for score in recipe.metrics)
    outputs = 1 if values else 2 if two else CLASSES
    shapes = [(3, 16, 16)] if recipe.augmentation else SHAPES
    for shape in (*_KNOWN.get(), *shapes):
        try:
            with torch.no_grad():
                build(recipe.model, shape, outputs, 0).eval()(torch.zeros(2, *shape))
        except Exception as error:
            errors.append(error)
            continue
        generator = torch.Generator().manual_seed(0)
        inputs = torch.rand(N, *shape, generator=generator)
        # Targets depend on inputs, lest there be nothing to learn.
        sums = inputs.flatten(1)[:, ::2].sum(1)
        targets = sums[:, None] if values else sums.argsort().argsort() * outputs // N
        split = Split(inputs, targets)
        return Examples(split, split, split, outputs, "")
    with contextlib.suppress(Exception):  # what it says of numbers is what is told
        return _sequences(recipe)
    raise next((one for one in errors if own_line(one)), errors[0])


def _sequences(recipe: Recipe) -> Examples:
    """Return sequences of symbols that the recipe's network takes, with as many classes as it says."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(CLASSES, (N, LENGTH), generator=generator)
    with torch.no_grad():
        network = build(recipe.model, (LENGTH,), CLASSES, 0, CLASSES).eval()
        by_position = first(network(inputs)).ndim > 2
    targets = inputs.cumsum(1) % CLASSES
    split = Split(inputs, targets if by_position else targets[:, -1].contiguous())
    return Examples(split, split, split, CLASSES, "", symbols=CLASSES)


def trained(recipe: Recipe, examples: Examples | None = None, device: str = "cpu") -> Run:
    """Return a run of a recipe that has come to its end, on examples that are on its device."""
    run = Run(recipe, 0, device, examples or examples_for(recipe))
    if reason := run.train():
        raise RequestError(f"training came to no end: {reason}")
    return run


def bits(run: Run) -> str:
    """Return what two runs of one recipe must have in common: weights and everything measured."""
    outcome = run.outcome("")
    return f"{outcome.weights_digest} {outcome.final} {outcome.curves.get('validation/loss')}"


def _training(part: Component) -> Iterator[Found]:
    """Yield what holds of every component that takes part in training."""
    recipe = recipe_with(part)
    examples = examples_for(recipe)
    fits(recipe, built(recipe.model, examples, 0), examples)
    once = bits(trained(recipe, examples))
    yield Found("trains", True, "×".join(map(str, examples.shape)))
    with seeded(12345):  # what is drawn must not come from where this process happens to be
        again = bits(trained(recipe, examples))
    yield Found("twice the same bits", again == once)
    yield Found("resumes to the same bits", bits(_resumed(recipe, examples)) == once)
    yield _elsewhere(recipe, once)
    yield from _fields(part, _end)
    yield _stacked(part)
    yield _on_gpu(recipe, examples)


def _end(part: Component) -> str:
    """Return how training with a component ends, be it that it diverges."""
    try:
        return bits(trained(recipe_with(part)))
    except RequestError as error:
        return str(error)


def _resumed(recipe: Recipe, examples: Examples) -> Run:
    """Return a run that was stopped after its first epoch and a step, and went on from a file."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            checkpoint = _Stopping(Path(folder) / "checkpoint", after=-(-N // BATCH) + 1)
            run = Run(recipe, 0, "cpu", examples)
            run.look_every = 1
            with contextlib.suppress(Stopped):
                run.train(checkpoint)
                return run
    raise AssertionError("a run was stopped twice")


class _Stopping(Checkpoint):
    """A checkpoint that stops its run after so many steps, unless it was there before."""

    def __init__(self, path: Path, after: int) -> None:
        super().__init__(path, every=0.0)
        self.left = math.inf if path.exists() else after

    def keep(self, *state: Any) -> None:
        super().keep(*state)
        self.left -= 1
        if self.left <= 0:
            raise Stopped


def _elsewhere(recipe: Recipe, once: str) -> Found:
    check = "the same bits in another process"
    try:
        there = _pool(Path.cwd()).submit(_bits_of, recipe, _KNOWN.get())
        return Found(check, there.result() == once)
    except Exception as error:  # it cannot be sent, or is not found there
        return Found(check, False, _words(error))


@functools.lru_cache(maxsize=4)
def _pool(_folder: Path) -> Any:
    """Return a worker as trials have it, for all that is tried in a folder: it finds its studies there."""
    return start()


def _bits_of(recipe: Recipe, shapes: Shapes) -> str:
    _KNOWN.set(shapes)
    return bits(trained(recipe))


def _fields(part: Component, of: Callable[[Any], object]) -> Iterator[Found]:
    """Yield, for each field of the name's own, whether another value of it changes anything."""
    for name in part.own_fields():
        pairs = list(_pairs(part, name))
        changed = any(of(one) != of(base) for base, one in pairs) if pairs else None
        words = "" if pairs else "what else it may be is not known"
        yield Found(f"'{name}' changes something", changed, words)


def _pairs(part: Component, name: str) -> Iterator[tuple[Component, Component]]:
    """Yield pairs that differ in a field only, beside other fields as they are and changed."""
    for other in (None, *part.own_fields()):
        bases = [part] if other is None else list(_with(part, other)) if other != name else []
        for base in bases:
            yield from ((base, one) for one in _with(base, name))


def _with(part: Component, name: str) -> Iterator[Component]:
    """Yield the component with other values of a field, those that it takes."""
    field = next(one for one in dataclasses.fields(part) if one.name == name)
    for value in _others(annotation(type(part), name), getattr(part, name), field.metadata):
        with contextlib.suppress(RequestError):
            yield part.changed({**part.given(), name: value})


def _others(kind: Any, value: Any, limits: Any) -> Iterator[Any]:
    """Yield other values of a type than one, few and far from it."""
    kinds = typing.get_args(kind) or (kind,)
    if typing.get_origin(kind) is Literal:
        yield from (one for one in kinds if one != value)
    elif typing.get_origin(kind) is tuple and value:
        yield from (value[:-1], (*value, value[-1]))
        if all(isinstance(one, int | float) for one in value):
            yield tuple(one / 2 if isinstance(one, float) else one + 1 for one in value)
    elif bool in kinds:
        yield from (one for one in (True, False) if one is not value)
    elif isinstance(kind, type) and issubclass(kind, Component):
        yield from (kind.kind(one) for one in kind.kind.known if one != value.name)
    elif float in kinds or int in kinds:
        low, high = limits.get("low", -math.inf), limits.get("high", math.inf)
        if float in kinds:
            near = [0.5, 1.0, 8.0, low, high] + ([] if value is None else [value * 2, value / 2])
        else:  # a number of layers may be one of every six
            near = [*range((value or 0) + 1, (value or 0) + 9), 8, 1]
        near = [one for one in near if math.isfinite(one) and low <= one <= high]
        yield from (one for one in near if one != value)


def _stacked(part: Component) -> Found:
    """Compare cells that train as one program with the same ones alone, in double precision.

    Each field that is no scalar has another value once.
    """
    check, recipe = "stacked equals alone", recipe_with(part)
    if not recipe.stacks:
        return Found(check, None, "it does not say that it stacks")
    for dtype in (torch.float64, torch.float32):
        with _precision(dtype):
            try:
                far = max(_apart(_cells(one), dtype) for one in (part, *_variants(part)))
            except Exception as error:
                failed = Found(check, False, _words(error))
                continue
            return Found(check, far <= TOLERANCE[dtype], f"to {far:.0e} in {str(dtype)[6:]}")
    return failed


def _variants(part: Component) -> Iterator[Component]:
    for field in dataclasses.fields(part):
        if field.name in part.own_fields() and not field.metadata.get("scalar"):
            yield from list(_with(part, field.name))[:1]


def _cells(part: Component) -> list[Recipe]:
    """Return recipes that train as one program: they differ in a rate and in the part's scalars."""
    recipe = recipe_with(part)
    faster = recipe.optimizer.changed({**recipe.optimizer.given(), "lr": 2 * recipe.optimizer.lr})
    cells = [recipe, dataclasses.replace(recipe, optimizer=faster)]
    for field in dataclasses.fields(part):
        if field.metadata.get("scalar") and field.name in part.own_fields():
            cells += [recipe_with(one) for one in list(_with(part, field.name))[:1]]
    return cells


def _apart(cells: list[Recipe], dtype: torch.dtype) -> float:
    """Return how far what cells measure and weigh at their ends is from the same alone."""
    examples = examples_for(cells[0])
    train = Split(examples.train.inputs.to(dtype), _floating(examples.train.targets, dtype))
    given = examples._replace(train=train, validation=train, test=train)
    alone, together = (
        [Run(recipe, seed, "cpu", given) for seed, recipe in enumerate(cells)] for _ in range(2)
    )
    ended = [run.train() for run in alone]
    with seeded(0):
        stopped = Stack(together, "cpu").train()
    if any(ended) or stopped:
        raise RequestError(f"training came to no end: {next(filter(None, ended), stopped)}")
    return float((_numbers(alone, dtype) - _numbers(together, dtype)).abs().max())


def _floating(targets: Tensor, dtype: torch.dtype) -> Tensor:
    return targets.to(dtype) if targets.is_floating_point() else targets


def _numbers(runs: list[Run], dtype: torch.dtype) -> Tensor:
    numbers = []
    for run in runs:
        measured = torch.tensor(list(run.final().values()), dtype=dtype)
        numbers += [
            measured,
            *(one.detach().flatten().to(dtype) for one in run.network.parameters()),
        ]
    return torch.cat(numbers)


@contextlib.contextmanager
def _precision(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _on_gpu(recipe: Recipe, examples: Examples) -> Found:
    check = "trains on a GPU"
    if not torch.cuda.is_available():
        return Found(check, None, "there is none here")
    train = Split(examples.train.inputs.cuda(), examples.train.targets.cuda())
    moved = examples._replace(train=train, validation=train, test=train)
    once, again = (bits(trained(recipe, moved, "cuda")) for _ in range(2))
    return Found(check, once == again, "" if once == again else "twice, to other bits")


def _model(part: Model) -> Iterator[Found]:
    recipe = recipe_with(part)
    examples = examples_for(recipe)
    with torch.no_grad(), seeded(0):
        outputs = built(part, examples, 0).eval()(examples.train.inputs)
    if not isinstance(first(outputs), Tensor):
        yield Found("returns tensors", False, f"it returns {outputs!r}")
        return
    if not isinstance(outputs, Tensor):
        yield Found("trains", None, "it has several outputs: its study's own loss must be there")
        return
    run = Run(recipe, 0, "cpu", examples)
    again, other = Run(recipe, 0, "cpu", examples), Run(recipe, 1, "cpu", examples)
    yield Found("built from its seed alone", run.initial_digest == again.initial_digest)
    if not any(True for _ in run.network.parameters()):
        yield Found("has parameters", False)
        return
    random = other.initial_digest != run.initial_digest
    yield Found("other seeds, other weights", random or None, "" if random else "it draws none")
    yield _gradients(run)
    yield from _training(part)


def _gradients(run: Run) -> Found:
    """Say which parameters get no gradient: it may be meant, and is told."""
    batch = run.examples.train
    with seeded(0):
        gradients = run.step.look(batch.inputs, batch.targets).gradients  # type: ignore[union-attr]
    names = {id(one): name for name, one in run.network.named_parameters()}
    moved = {
        id(one)
        for one, gradient in zip(run.step.parameters, gradients, strict=True)  # type: ignore[union-attr]
        if gradient.abs().max() > 0
    }
    still = [name for one, name in names.items() if one not in moved]
    check = "a gradient for each parameter"
    return Found(
        check, True if not still else None, f"none for {', '.join(still)}" if still else ""
    )


def _schedule(part: Schedule) -> Iterator[Found]:
    made = [
        list(map(rates(recipe_with(part), total_steps=100, steps_per_epoch=10), range(100)))
        for _ in range(2)
    ]
    good = all(math.isfinite(rate) and rate >= 0 for rate in made[0])
    yield Found("every rate is a number, 0 or more", good)
    yield Found("depends on the place alone", made[0] == made[1])
    yield from _training(part)


def _loss(part: Loss) -> Iterator[Found]:
    recipe = recipe_with(part)
    examples, loss = examples_for(recipe), loss_of(part)
    network = built(recipe.model, examples, 0)
    with torch.no_grad(), seeded(0):
        outputs, targets = network(examples.train.inputs), examples.train.targets
        whole = float(loss(outputs, targets))
        halves = [float(loss(outputs[i::2], targets[i::2])) for i in range(2)]
    mean = math.isclose(whole, sum(halves) / 2, rel_tol=1e-4, abs_tol=1e-6)
    words = "" if mean else "parts of a batch, and devices that share one, would train otherwise"
    yield Found("a mean over examples", mean or None, words)
    yield from _training(part)


def _transform(part: Transform) -> Iterator[Found]:
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def drawn(one: Transform = part, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        if one.mixes:
            batch = Split(images, torch.arange(len(images)) % CLASSES)
            return mixed(batch, (one,), CLASSES, generator).inputs
        return transform(images, (one,), generator)

    once = drawn()
    yield Found("keeps shape and type", once.shape == images.shape and once.dtype == images.dtype)
    yield Found("stays within 0 and 1", bool(((once >= 0) & (once <= 1)).all()))
    yield Found("the same draws, the same images", torch.equal(once, drawn()))
    yield Found("other draws, other images", not torch.equal(once, drawn(seed=1)))
    yield from _training(part)


def _source(part: Data) -> Iterator[Found]:
    def digest(one: Data = part, seed: int = 0) -> str:
        load.cache_clear()
        sources.forget()
        try:
            return load(one, seed).digest
        except RequestError as error:  # of another value of a field
            return str(error)

    examples = load(part, 0)
    sizes = ", ".join(
        f"{len(split):,} {name}" for name, split in examples._asdict().items() if name in SPLITS
    )
    what = f"{examples.outputs} classes"
    if examples.train.targets.is_floating_point():
        what = f"{examples.outputs} values"
    shape = "×".join(map(str, examples.shape))
    yield Found("has examples for each split", True, f"{sizes}; {shape}; {what}")
    yield Found("twice the same examples", digest() == digest())
    yield Found("other seeds, other splits", digest(seed=1) != digest() or None)
    yield from _fields(part, digest)


SPLITS = ("train", "validation", "test")
CHECKS: dict[type[Component], Callable[[Any], Iterator[Found]]] = {
    Model: _model,
    Data: _source,
    Optimizer: _training,
    Schedule: _schedule,
    Average: _training,
    Loss: _loss,
    Transform: _transform,
    Score: _training,
    Activation: _training,
    Initialisation: _training,
}
