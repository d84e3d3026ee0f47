"""Transformations agree with torchvision's; draws are an image's own and a trial's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from reports.figures import heat, plate, sketch
from reports.figures.shown import shown
from suite import Difference, Study, axis, matrix
from suite.data import augmented, load, shifted_tests
from suite.data import transformations as to
from suite.data.augmentation import transform
from suite.evidence.results import Results
from suite.execution.packed import Packed
from suite.execution.sequential import Sequential
from suite.ground.errors import RequestError
from suite.training import train
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.model import Model
from suite.vocabulary.recipe import Budget, Recipe
from suite.vocabulary.record import Execution, Outcome, Provenance, Record, Status
from suite.vocabulary.transformation import Transform, Transformation

DIGITS = Data("digits", train_examples=300)


def named(*names: str) -> tuple[Transform, ...]:
    return tuple(map(Transform, names))


# Of one image after another; those that mix a batch are tried with what training learns.
TRANSFORMATIONS = tuple(name for name, one in Transform.known.items() if not one.mixes)
GREY = tuple(name for name in TRANSFORMATIONS if name != "colour_cast")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 6, channels: int = 3, height: int = 20, width: int = 28) -> Tensor:
    return torch.rand(n, channels, height, width, generator=generator())


def full(value: float, n: int = 6) -> Tensor:
    return torch.full((n,), value)


AFFINE = [(0.0, (0.0, 0.0), 1.0), (30.0, (0.0, 0.0), 1.0), (-50.0, (3.0, -2.0), 1.3)]


@pytest.mark.parametrize(("degrees", "pixels", "scale"), AFFINE)
def test_affine_agrees_with_torchvision(
    degrees: float, pixels: tuple[float, float], scale: float
) -> None:
    ours = to.affine(images(), full(degrees), torch.tensor([pixels] * 6), full(scale))
    theirs = tv.affine(
        images(), degrees, list(pixels), scale, [0.0], interpolation=InterpolationMode.BILINEAR
    )
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


def test_rotation_agrees_with_torchvision() -> None:
    ours = to.affine(images(), full(20.0), torch.zeros(6, 2), full(1.0))
    theirs = tv.rotate(images(), -20.0, interpolation=InterpolationMode.BILINEAR)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


def test_a_crop_agrees_with_torchvision_but_at_its_edges() -> None:
    size, centre = torch.tensor([[0.5, 0.5]] * 6), torch.tensor([[-3 / 7, 0.2]] * 6)
    ours = to.crop(images(), size, centre)  # 10 x 14 pixels from (6, 4)
    theirs = tv.resized_crop(images(), 6, 4, 10, 14, [20, 28])
    torch.testing.assert_close(ours[..., 1:-1, 1:-1], theirs[..., 1:-1, 1:-1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (to.brightness, tv.adjust_brightness),
        (to.contrast, tv.adjust_contrast),
        (to.gamma, tv.adjust_gamma),
        (to.saturation, tv.adjust_saturation),
    ],
)
@pytest.mark.parametrize("value", [0.4, 1.0, 2.5])
def test_lighting_agrees_with_torchvision(
    channels: int,
    ours: Callable[[Tensor, Tensor], Tensor],
    theirs: Callable[[Tensor, float], Tensor],
    value: float,
) -> None:
    batch = images(channels=channels)
    torch.testing.assert_close(ours(batch, full(value)), theirs(batch, value), atol=1e-5, rtol=0)


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_blur_agrees_with_torchvision(sigma: float) -> None:
    theirs = tv.gaussian_blur(images(), [11, 11], [sigma, sigma])
    torch.testing.assert_close(to.blur(images(), full(sigma), 5), theirs, atol=1e-5, rtol=0)


def test_flips_are_torchvisions() -> None:
    flipped = torch.tensor([True, False] * 3)
    ours = to.flip(images(), flipped)
    assert torch.equal(ours[flipped], tv.horizontal_flip(images())[flipped])
    assert torch.equal(ours[~flipped], images()[~flipped])


@pytest.mark.parametrize("quality", [5, 30, 75, 100])
def test_compression_loses_what_jpeg_loses(quality: int) -> None:
    digits = load(Data("mnist5k"), 0).test.inputs[:20]
    theirs = torch.stack([tv.jpeg(digit, quality) for digit in digits]).float()
    ours = to.compression(digits / 255, full(float(quality), 20)) * 255
    apart = (ours - theirs).abs()
    # The library's cosines are integers: a coefficient halfway between two steps may go the other
    # way, and takes its block along.
    assert float(apart.mean()) < 0.4
    assert float((apart > 1).float().mean()) < 0.05


def test_compression_in_colour_keeps_a_plain_colour_and_is_finer_at_higher_quality() -> None:
    plain = torch.tensor((0.2, 0.6, 0.4))[:, None, None].expand(6, 3, 20, 28)
    assert float((to.compression(plain, full(90.0)) - plain).abs().max()) < 0.02
    errors = [
        (to.compression(images(), full(q)) - images()).abs().mean() for q in (5.0, 50.0, 95.0)
    ]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_every_image_has_its_own_draw(name: Transformation) -> None:
    same = images(1, height=28).expand(40, -1, -1, -1)
    once = transform(same, named(name), generator())
    kinds = len({image.numpy().tobytes() for image in once})
    assert kinds == 2 if name == "flip" else kinds >= 30
    assert once.dtype is torch.float32
    assert once.shape == same.shape
    assert 0 <= float(once.min()) <= float(once.max()) <= 1
    assert torch.equal(once, transform(same, named(name), generator()))
    assert not torch.equal(once, transform(same, named(name), generator(1)))


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_bytes_are_transformed_like_the_floats_they_stand_for(name: Transformation) -> None:
    whole = (images(height=28) * 255).round().byte()
    before = whole.clone()
    ours = transform(whole, named(name), generator())
    torch.testing.assert_close(ours, transform(whole / 255, named(name), generator()))
    assert torch.equal(whole, before)


def test_batches_are_augmented_without_losing_or_mixing_any() -> None:
    split = torch.split(torch.arange(2500.0)[:, None, None, None].expand(-1, 1, 2, 2) / 2500, 64)
    out = list(augmented(split, named("flip"), generator()))
    assert [len(batch) for batch in out] == [len(batch) for batch in split]
    assert torch.equal(torch.cat(out), torch.cat(split))


def test_a_shift_moves_every_image_and_no_farther_than_augmentation_may() -> None:
    grey = torch.full((400, 1, 4, 4), 0.2)
    factors = transform(grey, named("brightness"), generator(), least=0.5).mean((1, 2, 3)) / 0.2
    assert float(factors.log2().abs().min()) >= 1 - 1e-4
    assert float(factors.log2().abs().max()) <= 2 + 1e-4
    mild = transform(grey, named("brightness"), generator()).mean((1, 2, 3)) / 0.2
    assert float(mild.log2().abs().min()) < 0.1


def test_a_shifted_test_split_depends_on_the_seed_and_on_no_other_shift() -> None:
    alone = shifted_tests(DIGITS, named("noise"), 0, "cpu")["noise"]
    both = shifted_tests(DIGITS, named("blur", "noise"), 0, "cpu")["noise"]
    test = load(DIGITS, 0).test
    assert torch.equal(alone.inputs, both.inputs)
    assert alone.inputs.dtype is torch.uint8
    assert torch.equal(alone.targets, test.targets)
    assert not torch.equal(alone.inputs, test.inputs)


RECIPE = Recipe(
    data=DIGITS,
    model=Model("mlp", widths=(16,)),
    budget=Budget(epochs=3),
    augmentation=("translation", "noise"),
    shifts=("noise", "compression"),
)


def test_shifts_change_nothing_but_what_is_measured() -> None:
    plain, shifted = train(dataclasses.replace(RECIPE, shifts=()), 0), train(RECIPE, 0)
    assert plain.weights_digest == shifted.weights_digest
    more = set(shifted.final) - set(plain.final)
    assert more == {
        f"test/{name}/{what}" for name in RECIPE.shifts for what in ("loss", "accuracy", "drop")
    }
    lost = shifted.final["test/accuracy"] - shifted.final["test/noise/accuracy"]
    assert shifted.final["test/noise/drop"] == pytest.approx(lost)


def test_augmentation_changes_training_but_neither_weights_at_the_start_nor_data() -> None:
    plain, noisy = train(dataclasses.replace(RECIPE, augmentation=()), 0), train(RECIPE, 0)
    assert plain.initial_digest == noisy.initial_digest
    assert plain.data_digest == noisy.data_digest
    assert plain.weights_digest != noisy.weights_digest


def test_a_trials_draws_do_not_depend_on_who_runs_beside_it() -> None:
    trials = [Trial("test", "main", {}, RECIPE, seed) for seed in range(3)]
    with Sequential("cpu") as strategy:
        alone = {one.trial.seed: one.outcome for one in strategy.run_alone(trials)}
    with Packed("cpu", 2) as strategy:
        beside = {one.trial.seed: one.outcome for one in strategy.run_alone(reversed(trials))}
    for seed, outcome in alone.items():
        assert outcome.weights_digest == beside[seed].weights_digest
        assert outcome.final == beside[seed].final


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"augmentation": ("rotate",)}, "did you mean 'rotation'"),
        ({"shifts": "bluur"}, "did you mean 'blur'"),
        ({"augmentation": ("noise", "noise")}, "names one twice: noise, noise"),
        ({"shifts": ("colour_cast",)}, "data 'mnist5k' has no colours: no 'colour_cast'"),
        (
            {"data": Data("synthetic_linear"), "loss": "mse", "augmentation": ("flip",)},
            "data 'synthetic_linear' has no images: no 'augmentation'",
        ),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], says: str) -> None:
    with pytest.raises(RequestError) as refused:
        Recipe(**fields)  # type: ignore[arg-type]
    assert says in str(refused.value)


def test_a_colour_cast_of_grey_images_and_a_flip_of_vectors_are_refused() -> None:
    with pytest.raises(RequestError, match="in colour, not 1 channel"):
        transform(images(channels=1), named("colour_cast"), generator())
    with pytest.raises(RequestError, match="only images"):
        transform(torch.rand(4, 2), named("flip"), generator())


@pytest.mark.parametrize("name", GREY)
def test_eight_by_eight_pixels_are_enough(name: Transformation) -> None:
    assert transform(images(2, 1, 8, 8), named(name), generator()).isfinite().all()


def tuple_study(arm: object, of: str = "test/noise/accuracy", **options: Any) -> Study:
    claim = Difference(
        of=of,
        arm={"augmentation": arm},
        against={"augmentation": ()},
        direction="higher",
        matters=0.01,
        says="It helps.",
        source="",
    )
    levels = ((), ("noise",), ("blur", "noise"))
    return Study(
        "Tuples",
        recipe=dataclasses.replace(RECIPE, augmentation=()),
        grid=(axis("augmentation", levels), axis("optimizer.lr", (0.1, 0.2))),
        seeds=3,
        claims=(claim,),
        name="tuples",
        **options,
    )


@pytest.mark.parametrize("arm", ["noise", ["noise"], ("noise",)])
def test_a_claim_may_name_a_level_of_words_in_any_way(arm: object) -> None:
    (claim,) = tuple_study(arm).claims
    assert isinstance(claim, Difference)
    assert claim.arm == {"augmentation": ("noise",)}


@pytest.mark.parametrize(
    ("arm", "of", "says"),
    [
        ("nois", "test/accuracy", "=nois is not in the grid (did you mean '('noise',)'?)"),
        (("blur",), "test/accuracy", "augmentation=('blur',) is not in the grid (did you mean"),
        ("noise", "test/blur/accuracy", "needs 'blur' among the recipe's shifts"),
    ],
)
def test_a_claim_that_cannot_be_tested_is_refused(arm: object, of: str, says: str) -> None:
    with pytest.raises(RequestError) as refused:
        tuple_study(arm, of)
    assert says in str(refused.value)
    assert "claim 'It helps.'" in str(refused.value)


def test_levels_of_words_reach_tables_verdicts_and_the_matrix() -> None:
    view = matrix(
        {"clean": "test/accuracy", "noisy": "test/noise/accuracy"}, y="augmentation", tuned=True
    )
    study = tuple_study("noise", views=(view,))
    worth = {(): 0.5, ("noise",): 0.9, ("blur", "noise"): 0.7}
    records = []
    for trial in study.trials(study.grids()):
        level, lr = trial.cell["augmentation"], trial.cell["optimizer.lr"]
        value = worth[level] + 0.01 * trial.seed
        final = {"test/accuracy": 1 - value, "test/noise/accuracy": value}
        final["validation/accuracy"] = -lr
        record = Record(
            id=trial.id,
            study="tuples",
            part="main",
            cell={"augmentation": list(level), "optimizer.lr": lr},
            recipe={},
            seed=trial.seed,
            alone=False,
            outcome=Outcome(status=Status.FINISHED, final=final),
            provenance=PROVENANCE,
        )
        records.append(record)
    execution = Execution(
        study="tuples", tier="laptop", overrides={}, only={}, seeds=None, trials=[], command="",
        started=0.0,
    )  # fmt: skip
    results = Results(study, execution, study.grids(), tuple(records), 0)
    (finding,) = results.findings
    assert finding.estimate == pytest.approx(0.4)
    assert finding.n == 3
    drawn = shown(results, view)
    words = heat.alt(drawn)
    assert "at measured on noisy, augmentation noise" in words
    assert "at measured on clean, augmentation none" in words
    assert len(drawn.points) == 2 * 3 * 3
    picture = plate(sketch(results, view, "figure")).picture
    assert picture is not None
    assert all("blur + noise" in drawing for _, drawing in picture.drawings)


PROVENANCE = Provenance(
    commit="", dirty=False, packages={}, python="", platform="", processor="", device="cpu",
    strategy="", workers=1, threads=1, command="", started=0.0, finished=1.0,
)  # fmt: skip
