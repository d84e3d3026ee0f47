"""A name is a class: its own fields and no others, found among what the study can write."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from suite import (
    Budget,
    Data,
    Loss,
    Model,
    Optimizer,
    Recipe,
    Schedule,
    activation,
    loss,
    metric,
    model,
    number,
    optimizer,
    schedule,
    source,
)
from suite.ground.errors import RequestError
from suite.ground.fields import replace_at
from suite.ground.identity import canonical, flatten, rebuild, trial_id
from suite.vocabulary import discovery
from suite.vocabulary.components import within
from suite.vocabulary.data import Data as AnyData
from suite.vocabulary.record import Record


@model
def convnet(
    shape: Any,
    outputs: Any,
    *,
    channels: int = number(16, low=1),
    rate: float = 0.5,
    head: Literal["flat", "mean"] = "flat",
    widths: tuple[int, ...] = (8,),
) -> Any:
    """Two convolutions."""


@optimizer
def rmsprop(parameters: Any, lr: float, *, alpha: float = number(0.99, low=0, high=1)) -> Any:
    """PyTorch's."""


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(RequestError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- Fields ----------------------------------------------------------------------------------


def test_keyword_arguments_are_fields_typed_and_ranged() -> None:
    made = convnet(channels=8.0, rate=1, widths=[4, 4])
    assert (made.name, made.channels, made.rate, made.head) == ("convnet", 8, 1.0, "flat")
    assert made.widths == (4, 4)
    assert made == convnet(channels=8, rate=1.0, widths=(4, 4))
    assert hash(made) == hash(convnet(channels=8, rate=1.0, widths=(4, 4)))
    assert str(made) == "convnet channels=8 rate=1.0 widths=(4, 4)"


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "misspelt": (lambda: convnet(chanels=8), "convnet has no field 'chanels' (did you mean 'channels'?)"),
    "out of range": (lambda: convnet(channels=0), "convnet.channels must be at least 1, not 0"),
    "of another type": (lambda: convnet(channels="many"), "convnet.channels must be a whole number"),
    "no choice": (lambda: convnet(head="flut"), "convnet.head cannot be 'flut' (did you mean 'flat'?)"),
    "of another name": (lambda: Model("mlp", depth=14), "Model 'mlp' does not use 'depth'"),
    "of no name": (lambda: Model("mlp", wdths=(3,)), "Model has no field 'wdths' (did you mean 'widths'?)"),
    "no such name": (lambda: Model("resnt"), "Model.name cannot be 'resnt' (did you mean 'resnet'?)"),
    "a name of another kind": (lambda: Recipe(model=Optimizer()), "Recipe.model must be a Model, not the Optimizer 'sgd'"),
    "fields in a row": (lambda: Optimizer("sgd", 0.1), "Optimizer takes one name"),
    "an ignored field": (lambda: Data("digits", noise=0.5), "Data 'digits' does not use 'noise'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_refused_with_the_nearest(call: Callable[[], Any], words: str) -> None:
    assert words in refusal(call)


def decorated(decorator: Any, function: Any) -> Callable[[], Any]:
    return lambda: decorator(function)


def no_default(shape: Any, outputs: Any, *, width: int) -> Any: ...
def too_few(shape: Any) -> Any: ...
def any_number(shape: Any, outputs: Any, **fields: Any) -> Any: ...
def a_mapping(shape: Any, outputs: Any, *, options: dict[str, int] = {}) -> Any: ...  # noqa: B006
def kind(shape: Any, outputs: Any, *, kind: str = "a") -> Any: ...
def mlp(shape: Any, outputs: Any) -> Any: ...
def unknown_type(shape: Any, outputs: Any, *, width: Nothing = 3) -> Any: ...  # type: ignore[name-defined]  # noqa: F821
async def later(shape: Any, outputs: Any) -> Any: ...
def nothing_given(shape: Any, outputs: Any, *, width=None) -> Any: ...  # type: ignore[no-untyped-def]
def a_default_mapping(shape: Any, outputs: Any, *, options={}) -> Any: ...  # type: ignore[no-untyped-def]  # noqa: B006
def init(shape: Any, outputs: Any, *, init: str = "a") -> Any: ...


NO_COMPONENT: dict[str, tuple[Any, str]] = {
    "a field without a default": (no_default, "its field 'width' needs a default"),
    "too few arguments": (too_few, "must take (shape, outputs, *, …)"),
    "any fields": (any_number, "its field 'fields' needs a default"),
    "a field of no plain type": (a_mapping, "a field is a number, a word"),
    "a field called as the mechanism is": (kind, "a field of a Model cannot be called 'kind'"),
    "a field that every model has": (init, "a field of a Model cannot be called 'init'"),
    "a built-in name": (mlp, "Model 'mlp' is built in: give yours another name"),
    "a field of no type": (nothing_given, "a field is a number, a word"),
    "a mapping as a default": (a_default_mapping, "a field is a number, a word"),
    "a type that is not there": (unknown_type, "the type of 'width' cannot be read"),
    "a lambda": (lambda shape, outputs: None, "is a function with a name"),
    "a number": (3, "is a function with a name"),
    "a coroutine": (later, "is a function with a name"),
    "a class": (Path, "is a function with a name"),
}


@pytest.mark.parametrize(("function", "words"), NO_COMPONENT.values(), ids=NO_COMPONENT)
def test_what_cannot_be_a_component_is_refused_where_it_is_decorated(
    function: Any, words: str
) -> None:
    assert words in refusal(decorated(model, function))


# --- Switching names -------------------------------------------------------------------------


def test_fields_that_differ_from_defaults_travel_along_when_a_name_is_switched() -> None:
    recipe = Recipe(optimizer=Optimizer("adam", lr=0.01, weight_decay=0.1))
    switched = replace_at(recipe, {"optimizer.name": "adamw"}).optimizer
    assert switched == Optimizer("adamw", lr=0.01, weight_decay=0.1)
    assert dataclasses.replace(recipe.optimizer, name="adamw") == switched


def test_one_that_the_new_name_does_not_read_is_refused_unless_it_is_set_back() -> None:
    recipe = Recipe(optimizer=Optimizer("sgd", momentum=0.9))
    said = refusal(lambda: replace_at(recipe, {"optimizer.name": "adam"}))
    assert said == "Optimizer 'adam' does not use 'momentum'"
    back = {"optimizer.name": "adam", "optimizer.momentum": 0.0}
    assert replace_at(recipe, back).optimizer == Optimizer("adam")


def test_a_new_names_own_fields_can_be_set_with_it_whatever_the_old_ones_default() -> None:
    recipe = Recipe(model=Model("resnet"))
    changes = {"model.name": convnet, "model.channels": 16}  # which is resnet's default too
    assert replace_at(recipe, changes).model == convnet(channels=16)


def test_a_word_its_class_and_a_component_are_one() -> None:
    assert Recipe(loss="focal") == Recipe(loss=Loss("focal"))
    assert Recipe(model=convnet) == Recipe(model=convnet())
    assert Recipe(schedule="cosine").schedule == Schedule("cosine")


# --- Forms -----------------------------------------------------------------------------------


def test_a_form_holds_the_name_the_departures_and_a_digest_of_the_code() -> None:
    form = canonical(Recipe(model=convnet(channels=8), loss="focal"))
    assert form == {
        "model": {"name": "convnet", "channels": 8, "code": convnet.code()},
        "loss": "focal",
    }
    assert len(convnet.code()) == 16
    with within({"convnet": convnet}):
        assert rebuild(Recipe, form) == Recipe(model=convnet(channels=8), loss="focal")


def test_what_has_fields_is_a_mapping_where_others_are_words() -> None:
    recipe = Recipe(loss=Loss("label_smoothing", strength=0.2), augmentation=("flip",))
    assert canonical(recipe)["loss"] == {"name": "label_smoothing", "strength": 0.2}
    assert canonical(recipe)["augmentation"] == ["flip"]
    assert rebuild(Recipe, canonical(recipe)) == recipe
    assert flatten(recipe)["loss"] == "label_smoothing strength=0.2"


def test_a_component_is_copied_and_sent_as_it_is() -> None:
    made = Recipe(model=convnet(channels=8), optimizer=rmsprop(alpha=0.9))
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made
    assert b"Two convolutions" not in pickle.dumps(made)


def test_a_record_of_someone_elses_makes_nobody_import_anything() -> None:
    for name in ("os:system", "os.system", "suite.models.mlp:mlp", "convnet", "__init__"):
        form = {"model": {"name": name, "code": "0" * 16}}
        assert "Model.name cannot be" in refusal(lambda form=form: rebuild(Recipe, form))
    said = refusal(lambda: rebuild(Recipe, {"model": {"name": "lenet", "code": "0" * 16}}))
    assert said == f"the code of model 'lenet' is not what it was (digest {'0' * 16})"
    with within({"convnet": convnet}):
        form = {"model": {"name": "convnet", "code": "0" * 16}}
        assert "is not what it was" in refusal(lambda: rebuild(Recipe, form))


# --- Where names are found -------------------------------------------------------------------


STUDY = '''
"""A study with a network of its own."""

from suite import Budget, Data, Model, Recipe, Study, axis, model, number
{imports}

GAIN = 2.0


def doubled(value):
    """Say what it does."""
    return GAIN * value


@model
def own(shape, outputs, *, width: int = number(4, low=1)):
    """A network."""
    import math

    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), int(doubled(width))),
                         nn.ReLU(), nn.Linear(int(doubled(width)), outputs))


study = Study(
    title="Own",
    recipe=Recipe(data=Data("digits"), model=Model("mlp"), budget=Budget(epochs=1)),
    grid=(axis("model.name", ("softmax", "own")),),
    seeds=1,
)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    return tmp_path


def write(folder: Path, text: str = STUDY, *changes: tuple[str, str], imports: str = "") -> None:
    text = text.replace("{imports}", imports)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / "studies" / "own.py").write_text(text)


def ids() -> list[str]:
    study = discovery.load("own")
    return [trial.id for trial in study.trials(study.grids())]


def test_a_studys_own_names_stand_beside_the_built_in_ones(folder: Path) -> None:
    write(folder)
    study = discovery.load("own")
    (grid,) = study.grids()
    assert grid.axes[0].levels == ("softmax", "own")
    (grid,) = study.grids(overrides={"model.name": "own", "model.width": 8})
    (trial,) = study.trials([grid])
    assert (trial.recipe.model.name, trial.recipe.model.width) == ("own", 8)
    assert trial.cell == {"model.name": "own"}
    said = refusal(lambda: study.grids(overrides={"model.name": "onw"}))
    assert "did you mean 'own'" in said or "choose from" in said
    assert refusal(lambda: Model("own")).startswith("Model.name cannot be 'own'")


def test_a_trial_goes_to_another_process_by_name(folder: Path) -> None:
    write(folder)
    study = discovery.load("own")
    trials = list(study.trials(study.grids()))
    sent = pickle.dumps(trials)
    discovery._LOADED.clear()
    assert [trial.id for trial in pickle.loads(sent)] == [trial.id for trial in trials]


SAME: dict[str, tuple[tuple[str, str], ...]] = {
    "a docstring": (('"""A network."""', '"""A small network, reworded."""'),),
    "a helper's docstring": (('"""Say what it does."""', '"""Double."""'),),
    "a comment and white space": (("    import math\n", "    # for prod\n\n    import math\n"),),
    "the study's words": (('title="Own"', 'title="My own"'),),
    "what it does not name": (("GAIN = 2.0", "GAIN = 2.0\nOTHER = 3.0"),),
    "another part of the question": (("seeds=1", "seeds=1, question='Why?'"),),
}
OTHER: dict[str, tuple[tuple[str, str], ...]] = {
    "a layer": (("nn.ReLU()", "nn.Tanh()"),),
    "a constant that a helper names": (("GAIN = 2.0", "GAIN = 3.0"),),
    "a helper": (("return GAIN * value", "return GAIN + value"),),
    "a number's type": (("GAIN = 2.0", "GAIN = 2"),),
    "a default": (("number(4, low=1)", "number(5, low=1)"),),
    "a decorator": (("@model\n", "@model(stacks=True)\n"),),
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_what_computes_nothing_leaves_the_trial_the_same(folder: Path, changes: Any) -> None:
    write(folder)
    before = ids()
    write(folder, STUDY, *changes)
    assert ids()[1] == before[1]


@pytest.mark.parametrize("changes", OTHER.values(), ids=OTHER)
def test_an_edit_makes_another_trial(folder: Path, changes: Any) -> None:
    write(folder)
    softmax, own = ids()
    write(folder, STUDY, *changes)
    assert ids()[0] == softmax
    assert ids()[1] != own


NAMED: dict[str, tuple[str, str, str]] = {
    "a star": ("from helper import *", "WIDTH = 8", "WIDTH = 9"),
    "an alias": ("from helper import WIDE as WIDTH", "WIDE = 8", "WIDE = 9"),
    "a name changed in place": (
        "SIZES = {'width': 4}\nfrom helper import WIDE\nSIZES['width'] = WIDE\nWIDTH = SIZES['width']",
        "WIDE = 8",
        "WIDE = 9",
    ),
    "a method that changes it": (
        "from helper import WIDE\nSIZES = {}\nSIZES.update(width=WIDE)\ndef _w(): return SIZES['width']\nWIDTH = _w()",
        "WIDE = 8",
        "WIDE = 9",
    ),
    "a condition": (
        "from helper import BIG\nif BIG:\n    WIDTH = 8\nelse:\n    WIDTH = 4",
        "BIG = 1",
        "BIG = 0",
    ),
    "a class it is of": (
        "from helper import Base\nclass Sizes(Base):\n    pass\nWIDTH = Sizes.width",
        "class Base:\n    width = 8",
        "class Base:\n    width = 9",
    ),
    "a package's module": ("from lab.sizes import WIDTH", "WIDTH = 8", "WIDTH = 9"),
    "a package's own import": ("from lab import WIDTH", "WIDTH = 8", "WIDTH = 9"),
}


@pytest.mark.parametrize(("imports", "before", "after"), NAMED.values(), ids=NAMED)
def test_whatever_a_function_names_counts(
    folder: Path, imports: str, before: str, after: str
) -> None:
    file = folder / "helper.py"
    if "lab" in imports:
        (folder / "lab").mkdir()
        (folder / "lab" / "__init__.py").write_text("from .sizes import WIDTH\n")
        file = folder / "lab" / "sizes.py"
    file.write_text(f"{before}\n")
    write(folder, STUDY, ("number(4, low=1)", "WIDTH"), imports=imports)
    softmax, own = ids()
    file.write_text(f"{after}\n")
    assert ids()[0] == softmax
    assert ids()[1] != own


def test_a_function_that_another_one_makes_has_no_identity(folder: Path) -> None:
    made = """
from suite import Recipe, Study, axis, model

def make(width):
    @model
    def made(shape, outputs):
        from torch import nn
        return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Linear(width, outputs))
    return made

study = Study(title="Made", recipe=Recipe(), seeds=1,
              grid=(axis("model", {"small": make(1)(), "large": make(50)()}),))
"""
    write(folder, made)
    assert refusal(ids) == "'made' must be defined at the top of its file, in no other function"


def test_a_version_pins_the_code(folder: Path) -> None:
    pinned = STUDY.replace("@model\n", '@model(version="1")\n')
    write(folder, pinned)
    before = ids()
    write(folder, pinned, ("nn.ReLU()", "nn.Tanh()"))
    assert ids() == before
    write(folder, pinned, ('version="1"', 'version="2"'))
    assert ids()[1] != before[1]


BESIDE = """
from suite import model

WIDTH = 8


def wide():
    return WIDTH


@model
def beside(shape, outputs):
    from torch import nn

    return nn.Linear(wide(), outputs)
"""


@pytest.mark.parametrize("place", ["networks.py", "studies/_networks.py", "lab/networks.py"])
@pytest.mark.parametrize("whole", [True, False])
def test_modules_beside_a_study_lend_their_names_and_count(
    folder: Path, place: str, whole: bool
) -> None:
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(BESIDE)
    module = place.removeprefix("studies/").removesuffix(".py").replace("/", ".")
    imports = f"import {module} as networks" if whole else f"from {module} import beside"
    write(folder, STUDY, ('("softmax", "own")', '("softmax", "beside")'), imports=imports)
    softmax, own = ids()
    (folder / place).write_text(BESIDE.replace("WIDTH = 8", "WIDTH = 9"))
    assert ids()[0] == softmax
    assert ids()[1] != own


def test_what_a_module_beside_a_study_imports_counts_too(folder: Path) -> None:
    (folder / "networks.py").write_text(BESIDE.replace("WIDTH = 8", "from widths import WIDTH"))
    (folder / "widths.py").write_text("WIDTH = 8\n")
    write(folder, STUDY, ('"own")', '"beside")'), imports="from networks import beside")
    softmax, own = ids()
    (folder / "widths.py").write_text("WIDTH = 9\n")
    assert ids()[0] == softmax
    assert ids()[1] != own
    study = discovery.load("own")
    (trial,) = study.trials(study.grids(overrides={"model.name": "beside"}))
    with within(discovery.names_of("own")):
        assert trial.recipe.model.function()((3,), 2).in_features == 9


def test_an_edit_while_a_process_runs_changes_none_of_its_ids(folder: Path) -> None:
    write(folder)
    study = discovery.load("own")
    before = [trial.id for trial in study.trials(study.grids())]
    write(folder, STUDY, ("GAIN = 2.0", "GAIN = 3.0"))
    assert [trial.id for trial in study.trials(study.grids())] == before
    assert ids() != before


def test_a_module_of_another_folder_is_not_taken_for_this_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, width in (("one", 8), ("two", 9)):
        folder = tmp_path / name
        (folder / "studies").mkdir(parents=True)
        monkeypatch.chdir(folder)
        (folder / "networks.py").write_text(BESIDE.replace("WIDTH = 8", f"WIDTH = {width}"))
        write(folder, STUDY, ('"own")', '"beside")'), imports="from networks import beside")
        found.append(ids()[1])
    assert found[0] != found[1]


def test_one_name_in_two_modules_is_refused(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / f"{name}_nets.py").write_text(BESIDE)
    write(folder, STUDY, ('"own")', '"beside")'), imports="import a_nets, b_nets")
    assert "Model 'beside' is defined twice: in a_nets and in b_nets" in refusal(ids)


def test_a_helper_that_a_probe_imports_makes_it_another_probe(folder: Path) -> None:
    (folder / "helper.py").write_text("VALUE = 1\n")
    text = """
from suite import Study, define_metric
ROOT = define_metric("own/root", "a root")

def probe(cell, seed):
    from helper import VALUE
    return {ROOT: VALUE}

study = Study(title="Own", probe=probe, seeds=1)
"""
    write(folder, text)
    before = ids()
    (folder / "helper.py").write_text("VALUE = 2\n")
    assert ids() != before


def test_a_record_is_read_where_its_study_says_the_same(folder: Path) -> None:
    write(folder)
    study = discovery.load("own")
    trial = list(study.trials(study.grids()))[1]
    record = Record(
        id=trial.id, study="own", part="main", cell={}, recipe=canonical(trial.recipe), seed=0,
        alone=False, outcome=None, provenance=None,  # type: ignore[arg-type]
    )  # fmt: skip
    assert trial_id(discovery.recipe_of(record), 0) == trial.id
    write(folder, STUDY, ("GAIN = 2.0", "GAIN = 4.0"))
    assert "the code of model 'own' is not what it was" in refusal(
        lambda: discovery.recipe_of(record)
    )
    (folder / "studies" / "own.py").unlink()
    assert "Model.name cannot be 'own'" in refusal(lambda: discovery.recipe_of(record))


# --- Kinds -----------------------------------------------------------------------------------


def test_every_kind_has_its_decorator() -> None:
    @source(drawn=True)
    def cloud(rng: Any, n: int, *, spread: float = 1.0) -> Any: ...

    @schedule
    def warm(place: Any, *, steps: int = 10) -> Any: ...

    @loss(values=True)
    def huber(outputs: Any, targets: Any, *, delta: float = 1.0) -> Any: ...

    @metric(better="lower", unit="count")
    def mistakes_made(outputs: Any, targets: Any) -> Any: ...

    @activation
    def swish(inputs: Any, *, beta: float = 1.0) -> Any: ...

    recipe = Recipe(
        data=cloud(spread=2.0),
        model=Model("mlp", activation=swish(beta=2.0)),
        schedule=warm,
        loss=huber(delta=0.5),
        metrics=(mistakes_made,),
        budget=Budget(epochs=1),
    )
    assert isinstance(recipe.data, AnyData)
    assert recipe.loss.values
    assert flatten(recipe)["model.activation"] == "swish beta=2.0"
    assert not recipe.stacks  # its activation and its loss have not shown that they do
    assert Recipe(model=Model("mlp")).stacks
    assert not Recipe(optimizer=rmsprop()).stacks
