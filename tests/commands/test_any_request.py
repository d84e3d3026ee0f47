"""Random studies, settings, data and damage know one law: exit 0, 1 or 2, and one line if refused."""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from suite import Recipe
from suite.execution.estimate import Estimate, Estimator
from suite.execution.plan import Plan
from suite.data import arrays, image_folder, load, sequences, sources, table
from suite.ground.errors import RequestError
from suite.ground.identity import flatten
from suite.vocabulary.components import Component
from suite.vocabulary.data import Data
from tests.command_line import make_study, suite
from tests.synthetic import make_results, workplace

FEW, MANY = 25, 1500  # examples of each property: in every run, and under `-m long`


def law(done: subprocess.CompletedProcess[str], asked: object) -> None:
    """Fail if a command ended as none may."""
    said = f"{asked}\n{done.stderr}"
    assert done.returncode in (0, 1, 2), said
    assert "Traceback" not in done.stderr, said
    if done.returncode == 2:
        lines = [one for one in done.stderr.splitlines() if not one.startswith("study '")]
        assert len(lines) == 1, said
        assert lines[0].startswith("suite: "), said


def prop(strategy: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """Make a function of a folder and an example two tests: of few examples, and a long one of many."""

    def make(function: Callable[..., None]) -> Any:
        @pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
        def test(examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

            @settings(
                max_examples=examples,
                derandomize=examples == FEW,
                deadline=None,
                phases=(Phase.explicit, Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            )
            @given(strategy)
            def check(example: Any) -> None:
                folder = tmp_path / "here"
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                with contextlib.chdir(folder):
                    function(folder, example)

            check()

        test.__name__ = function.__name__
        test.__doc__ = function.__doc__
        return test

    return make


# --- Settings --------------------------------------------------------------------------------

WORDS = st.sampled_from([
    "", " ", "none", "true", "nan", "inf", "-inf", "-1", "0", "1", "2", "3.5", "1e309", "1e-320", "0x10",
    "999999999999999999999999", "[]", "()", "(1,)", "(0,)", "(8, 8)", "((1, 8),)", "{}", "{'a': 1}",
    "'", "a,b", "sgd", "adam", "lenet", "transformer", "digits", "xor", "copying", "cross_entropy",
    "mse", "focal", "relu", "batch", "layer", "cosine", "flip", "mixup", "ema", "bfloat16", "\udc80",
    "große", "__import__('os')", "lambda: 0", "1+1", "0.1", "1e-3",
])  # fmt: skip
PATHS = st.sampled_from([
    *flatten(Recipe()),
    *(
        f"{kind.label.lower()}.{field}"
        for kind in Component.__subclasses__()
        for one in kind.known.values()
        for field in one.defaults()
    ),
    "data", "model", "optimizer", "seeds", "batch", "model.", ".lr", "a.b.c", "", "name", "budget.steps",
])  # fmt: skip
CHANGES = st.lists(st.tuples(PATHS, WORDS), max_size=3)


@prop(CHANGES)
def test_any_settings_train_or_are_refused(folder: Path, changes: list[tuple[str, str]]) -> None:
    """One step of training."""
    base = ["data.name=digits", "data.train_examples=64", "model.widths=(4,)", "budget.steps=1"]
    asked = [*base, *(f"{path}={value}" for path, value in changes)]
    law(suite(folder, "train", *(part for one in asked for part in ("--set", one))), asked)


# --- Studies ---------------------------------------------------------------------------------

DATA = st.sampled_from([
    'Data("digits", train_examples=60)', 'Data("xor")', 'Data("synthetic_linear")', 'Data("copying")',
    'Data("brackets")', 'Data("table", path="none.csv", target="x")', 'Data("modular_addition", modulus=5)',
])  # fmt: skip
MODELS = st.sampled_from([
    'Model("mlp", widths=(4,))', 'Model("mlp", widths=(4,), norm="batch")', 'Model("softmax")',
    'Model("linear")', 'Model("lenet")', 'Model("lstm", width=4)', 'Model("resnet", depth=8, channels=2)',
    'Model("transformer", width=8, layers=1)',
])  # fmt: skip
AXES = st.sampled_from([
    'axis("optimizer.lr", (0.01, 0.1))', 'axis("batch_size", (1, 7, 10**8))', 'axis("model.widths", ((4,), (8,)))',
    'axis("loss", ("cross_entropy", "mse", "focal"))', 'axis("data.name", ("digits", "xor"))',
    'axis("model", (Model("softmax"), Model("mlp", widths=(4,))))', 'axis("devices", (1, 2))',
    'axis("optimizer", {"a": Optimizer("adam"), "b": {"optimizer.lr": 0.1}})', 'axis("seeds", (1, 2))',
    'axis("augmentation", ((), ("flip",)))', 'axis("model.dropout", (0.0, 0.5))', 'axis("a.b", (1, 2))',
    'axis("optimizer.lr", {"sgd": (0.1,), "adam": (0.01,)}, per="optimizer")', 'axis("clip_norm", (None, 1))',
    'axis("budget.patience", (None, 1))', 'axis("batch_size", ())', 'axis("batch_size", (8, 8))',
])  # fmt: skip
METRICS = st.sampled_from(
    ["test/accuracy", "test/loss", "cost/steps", "test/f1", "validation/bits_per_symbol"]
)
CLAIMS = st.sampled_from([
    'Difference(of="{m}", arm={"batch_size": 1}, against={"batch_size": 7}, direction="higher", matters=0.01, says="s", source="")',
    'Trend(of="{m}", over="optimizer.lr", per="unit", direction="higher", matters=0.01, says="s", source="")',
    'Ordering(of="{m}", over="batch_size", direction="higher", says="s", source="")',
    'Rate(of="{m}", arm={"optimizer.lr": 0.1}, level=0.5, says="s", source="")',
    'Identity(of="{m}", tolerance=0.1, says="s", source="")',
    'Difference(of="{m}", arm={"loss": "mse"}, against={"loss": "focal"}, direction="lower", matters=1.5, scale="ratio", says="s", source="")',
])  # fmt: skip
STUDIES = st.tuples(
    DATA, MODELS, st.lists(AXES, max_size=3), st.lists(CLAIMS, max_size=2), METRICS,
    st.integers(-1, 3), st.sampled_from(['"cross_entropy"', '"mse"']), CHANGES,
)  # fmt: skip
STUDY = """
from suite import *

study = Study(
    title="Any", recipe=Recipe(data={0}, model={1}, loss={6}, budget=Budget(steps=2)), seeds={5},
    grid=({2}), claims=({3}),
)
"""


@prop(STUDIES)
def test_any_study_is_run_or_refused_and_no_other_is_touched(folder: Path, parts: Any) -> None:
    """With a good study beside it."""
    data, model, axes, claims, metric, seeds, loss, changes = parts
    written = ["".join(f"{one}, " for one in some) for some in (axes, claims)]
    text = STUDY.format(data, model, *written, metric, seeds, loss).replace("{m}", metric)
    make_results(workplace(folder))
    good = suite(folder, "results", "tiny", "--json").stdout
    make_study(folder, text, "any_one")
    asked = [part for path, value in changes for part in ("--set", f"{path}={value}")]
    tracked = {"MLFLOW_TRACKING_URI": "nowhere://"}  # refused before anything else could be
    law(suite(folder, "run", "any_one", "--seeds", "1", *asked, **tracked), text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("suite.execution.estimate.Estimator.estimate", free)
        law(suite(folder, "plan", "any_one", *asked), text)
    law(suite(folder, "list"), text)
    assert suite(folder, "results", "tiny", "--json").stdout == good


def free(_: Estimator, plan: Plan) -> Estimate:
    return Estimate(0.0, 0.0, (0.0,) * len(plan.cohorts))


# --- Damage ----------------------------------------------------------------------------------

DAMAGE = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "swap", "repeat"]),
        st.floats(0, 1),
        st.binary(max_size=8),
    ),
    min_size=1,
    max_size=3,
)


def damaged(content: bytes, damage: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, some in damage:
        at = int(where * len(content))
        match kind:
            case "flip":
                content = content[:at] + some + content[at + len(some) :]
            case "cut":
                content = content[:at]
            case "insert":
                content = content[:at] + some + content[at:]
            case "swap":
                content = content[at:] + content[:at]
            case "repeat":
                content += content[at:]
    return content


@prop(DAMAGE)
def test_any_damage_to_a_journal_is_told(folder: Path, damage: Any) -> None:
    """Whatever is left of it."""
    make_results(workplace(folder))
    journal = folder / ".thumbrules" / "journal.jsonl"
    journal.write_bytes(damaged(journal.read_bytes(), damage))
    for command in (("verdicts",), ("verdicts", "tiny", "--json"), ("results", "tiny")):
        law(suite(folder, *command), damage)


@functools.cache
def an_archive(folder: Path) -> bytes:
    """Return what `export` writes of the results in a folder, which is made once."""
    assert suite(folder, "export", "good.archive").returncode == 0
    return (folder / "good.archive").read_bytes()


@prop(DAMAGE)
def test_any_damage_to_an_archive_is_told_and_nothing_of_it_is_taken(
    folder: Path, damage: Any
) -> None:
    """By import and by compare: an archive that is not whole leaves the journal as it was."""
    make_results(workplace(folder))
    (folder / "good.archive").write_bytes(an_archive(folder))
    (folder / "bad.archive").write_bytes(damaged(an_archive(folder), damage))
    journal = folder / ".thumbrules" / "journal.jsonl"
    before = journal.read_bytes()
    dead = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    for command in (("compare", "good.archive", "bad.archive"), ("import", "bad.archive")):
        done = suite(folder, *command, **dead)
        law(done, damage)
        if done.returncode == 2:
            assert journal.read_bytes() == before
    assert {path.name for path in folder.iterdir()} <= {
        ".thumbrules", "studies", "reports", "good.archive", "bad.archive",
    }  # fmt: skip


# --- Data ------------------------------------------------------------------------------------

CELLS = st.sampled_from([
    "", " ", "1", "0", "-1", "2.5", "1e400", "nan", "NaN", "inf", "-inf", "yes", "no", "true", "None",
    "2026-11-25", '"a,b"', '"', "ü", "\x00", "999999999999999999999", "a" * 300, "1,2", ";", "\t",
])  # fmt: skip
ROWS = st.lists(st.lists(CELLS, max_size=4), max_size=30)


def held(read: Callable[[], Any]) -> None:
    """Fail unless data are whole numbers of what they say, or are refused in a line."""
    try:
        found = read()
    except RequestError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 1000
        return
    assert len(found.inputs) == len(found.targets) >= 3
    if found.targets.dtype == np.int64:
        real = found.targets[found.targets != -100]
        assert 0 <= real.min() <= real.max() < found.outputs
    assert found.table or np.isfinite(found.inputs.astype(np.float64)).all()


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    load.cache_clear()
    sources.forget()


@prop(st.tuples(ROWS, st.sampled_from(["a", "b", "", "ü"]), st.booleans(), st.booleans()))
def test_any_table_is_read_or_refused(folder: Path, example: Any) -> None:
    """By the reader, and by what makes splits of it."""
    rows, target, stratify, group = example
    text = "a,b,c\n" + "".join(",".join(row) + "\n" for row in rows)
    Path("any.csv").write_bytes(text.encode())
    held(lambda: table("any.csv", target=target, stratify=stratify, group="c" if group else None))
    try:
        examples = load(Data("table", path="any.csv", target=target or "a", stratify=stratify), 0)
    except RequestError:
        return
    assert all(torch.isfinite(split.inputs).all() for split in examples[:3])
    assert all(len(split) > 0 for split in examples[:3])


@prop(st.tuples(st.binary(max_size=400), st.sampled_from([None, 1, 3, 0, 10**6]), st.booleans()))
def test_any_text_is_read_or_refused(folder: Path, example: Any) -> None:
    """Whole lines, or in windows."""
    content, length, windows = example
    Path("any.txt").write_bytes(content)
    held(lambda: sequences("any.txt", length=length, windows=windows))


SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)
TYPES = st.sampled_from(["u1", "i8", "f4", "f8", ">f4", "f2", "?", "U3", "c8", "M8[D]", "O"])


@prop(st.tuples(SHAPES, TYPES, SHAPES, TYPES, st.sampled_from(["", "nan", "inf", "negative"])))
def test_any_arrays_are_read_or_refused(folder: Path, example: Any) -> None:
    """Of any types, shapes and orders."""
    shape, kind, of_targets, kind_of_targets, fault = example
    rng = np.random.default_rng(0)

    def made(shape: tuple[int, ...], kind: str) -> Any:
        numbers = rng.integers(0, 3, shape)
        if kind == "U3":
            return numbers.astype(str)
        found = np.asfortranarray(numbers.astype(kind))
        if fault and found.size and found.dtype.kind == "f":
            found.flat[0] = {"nan": np.nan, "inf": np.inf, "negative": -1}[fault]
        return found

    np.savez("any.npz", x=made(shape, kind), y=made(of_targets, kind_of_targets))
    held(lambda: arrays("any.npz"))


@prop(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "train", ".c"]), st.binary(max_size=40)), max_size=5
    )
)
def test_any_folder_of_images_is_read_or_refused(folder: Path, files: Any) -> None:
    """Among good ones."""
    from PIL import Image

    for i in range(6):
        Path("any", "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("L", (3 + i, 4), i).save(f"any/{'ab'[i % 2]}/{i}.png")
    for i, (name, content) in enumerate(files):
        Path("any", name).mkdir(exist_ok=True)
        Path("any", name, f"x{i}.png").write_bytes(content)
    held(lambda: image_folder("any", size=4))
