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
    transformation,
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
def two_kinds(shape: Any, outputs: Any, *, sizes: tuple[int, float] = (1, 2.0)) -> Any: ...
def own_field(shape: Any, outputs: Any, *, own: str = "a") -> Any: ...
def check_field(shape: Any, outputs: Any, *, check: int = 1) -> Any: ...


NO_COMPONENT: dict[str, tuple[Any, str]] = {
    "a field without a default": (no_default, "its field 'width' needs a default"),
    "too few arguments": (too_few, "must take (shape, outputs, *, …)"),
    "any fields": (any_number, "its field 'fields' needs a default"),
    "a field of no plain type": (a_mapping, "a field is a number, a word"),
    "a field called as the mechanism is": (kind, "a field of a Model cannot be called 'kind'"),
    "a field that every model has": (init, "a field of a Model cannot be called 'init'"),
    "a field called as its function is": (own_field, "a field of a Model cannot be called 'own'"),
    "a field called as its check is": (check_field, "a field of a Model cannot be called 'check'"),
    "a built-in name": (mlp, "Model 'mlp' is built in: give yours another name"),
    "a field of no type": (nothing_given, "a field is a number, a word"),
    "a mapping as a default": (a_default_mapping, "a field is a number, a word"),
    "a tuple of two kinds": (two_kinds, "a choice or a tuple[one of them, ...]"),
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


WRONG_FACTS: dict[str, tuple[Callable[[], Any], str]] = {
    "draws": (lambda: transformation(draws="x"), "draws must be a whole number, not 'x'"),
    "no draws": (lambda: transformation(draws=0), "draws must be at least 1, not 0"),
    "stacks": (lambda: model(stacks="yes"), "stacks must be true or false, not 'yes'"),
    "version": (lambda: model(version=1), "version must be a word, not 1"),
    "probabilities": (lambda: loss(probabilities="softmx"), "cannot be 'softmx' (did you mean 'softmax'?)"),
    "unit": (lambda: metric(unit="percents"), "unit cannot be 'percents' (did you mean 'percent'?)"),
    "better": (lambda: metric(better="big"), "better cannot be 'big'"),
    "words": (lambda: metric(words=3), "words must be a word, not 3"),
}  # fmt: skip


@pytest.mark.parametrize(("decorator", "words"), WRONG_FACTS.values(), ids=WRONG_FACTS)
def test_what_a_decorator_is_told_is_checked(decorator: Callable[[], Any], words: str) -> None:
    def mine(one: Any, two: Any) -> Any: ...

    assert words in refusal(lambda: decorator()(mine))


def test_how_many_examples_a_source_splits_off_is_checked() -> None:
    def mine() -> Any: ...

    assert "test must be a whole number, not 0.2" in refusal(lambda: source(test=0.2)(mine))  # type: ignore[arg-type]
    assert "validation must be at least 1" in refusal(lambda: source(validation=0)(mine))


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
    for name in ([1], {}, 3, None):
        form = {"model": {"name": name}}
        assert "Model.name cannot be" in refusal(lambda form=form: rebuild(Recipe, form))
    assert "Recipe.model cannot be" in refusal(lambda: Recipe(model=["mlp"]))  # type: ignore[arg-type]
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
    "a variable of no one else's": (
        ("seeds=1", "seeds=1, question=''.join(GAIN for GAIN in 'Why')"),
    ),
    "what it is told of how it runs": (("@model\n", "@model(stacks=True)\n"),),
    "what the study imports besides": (("Recipe, Study,", "Recipe, Schedule, Study,"),),
}
OTHER: dict[str, tuple[tuple[str, str], ...]] = {
    "a layer": (("nn.ReLU()", "nn.Tanh()"),),
    "a constant that a helper names": (("GAIN = 2.0", "GAIN = 3.0"),),
    "a helper": (("return GAIN * value", "return GAIN + value"),),
    "a number's type": (("GAIN = 2.0", "GAIN = 2"),),
    "a default": (("number(4, low=1)", "number(5, low=1)"),),
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


# What executing a file does to what a network names, each with an edit that changes it.
IN_PLACE: dict[str, tuple[str, str, str]] = {
    "an attribute": ("class SIZES: pass\nSIZES.width = 8\ndef gain(): return SIZES.width", "= 8", "= 9"),
    "setattr": ("class SIZES: pass\nsetattr(SIZES, 'width', 8)\ndef gain(): return SIZES.width", "8)", "9)"),
    "an item": ("SIZES = {}\nSIZES['width'] = 8\ndef gain(): return SIZES['width']", "= 8", "= 9"),
    "a method": ("SIZES = {}\nSIZES.update(width=8)\ndef gain(): return SIZES['width']", "=8", "=9"),
    "a loop": ("SIZES = {}\nfor one in (8, 9):\n    SIZES['width'] = one\ndef gain(): return SIZES['width']", "(8, 9)", "(9, 8)"),
    "a loop over it": ("SIZES = [[8]]\nfor one in SIZES:\n    one.append(9)\ndef gain(): return sum(SIZES[0])", "append(9)", "append(8)"),
    "another name of it": ("SIZES = {}\nother = SIZES\nother['width'] = 8\ndef gain(): return SIZES['width']", "= 8", "= 9"),
    "a global": ("W = 4\ndef wide(n):\n    global W\n    W = n\nwide(8)\ndef gain(): return W", "wide(8)", "wide(9)"),
    "a function that fills it": ("SIZES = []\ndef fill(them, n):\n    them.append(n)\nfill(SIZES, 8)\ndef gain(): return SIZES[0]", ", 8)", ", 9)"),
    "a function with a result": ("SIZES = []\ndef fill(them, n):\n    them.append(n)\n    return n\n_ = fill(SIZES, 8)\ndef gain(): return SIZES[0]", "SIZES, 8)", "SIZES, 9)"),
    "what is installed": ("import heapq\nSIZES = []\nheapq.heappush(SIZES, 8)\ndef gain(): return SIZES[0]", ", 8)", ", 9)"),
    "a registry": ("FORMS = {}\ndef keep(form):\n    FORMS['it'] = form\n    return form\n@keep\ndef form(): return 8\ndef gain(): return FORMS['it']()", "return 8", "return 9"),
    "an attribute of a function": ("def gain(): return gain.width\ngain.width = 8", "= 8", "= 9"),
    "a with": ("import contextlib\nSIZES = {}\nwith contextlib.suppress(KeyError):\n    SIZES['width'] = 8\ndef gain(): return SIZES['width']", "= 8", "= 9"),
    "a match": ("match 8:\n    case SIZE:\n        pass\ndef gain(): return SIZE", "match 8", "match 9"),
    "two in one line": ("W = 8; V = 8\ndef gain(): return V", "V = 8", "V = 9"),
    "an order": ("W = 8\nW = 9\ndef gain(): return W", "W = 8\nW = 9", "W = 9\nW = 8"),
    "an item of several": ("A, B = {}, {}\nfor one in (A, B):\n    one['w'] = 8\ndef gain(): return A['w']", "= 8", "= 9"),
    "rows by number": ("ROWS = [[8]]\nfor n, row in enumerate(ROWS):\n    row.append(9)\ndef gain(): return ROWS[0][-1]", "append(9)", "append(8)"),
    "what a class holds": ("class C:\n    sizes = [4]\nC.sizes.append(8)\ndef gain(): return C.sizes[-1]", "(8)", "(9)"),
    "a method of the class": ("class C:\n    w = 4\n    @classmethod\n    def put(cls, w): cls.w = w\nC.put(8)\ndef gain(): return C.w", "put(8)", "put(9)"),
    "one that is told of its subclasses": ("class Base:\n    all = {}\n    def __init_subclass__(cls): Base.all[cls.__name__] = cls\nclass Small(Base):\n    w = 8\ndef gain(): return Base.all['Small'].w", "w = 8", "w = 9"),
    "a single dispatch": ("import functools\n@functools.singledispatch\ndef gain(x=0): return 4\n@gain.register(int)\ndef _(x): return 8", "return 8", "return 9"),
    "a lambda that fills it": ("T = []\nkeep = lambda one: T.append(one)\n@keep\ndef form(): return 8\ndef gain(): return T[0]()", "return 8", "return 9"),
    "an installed generator": ("import random\nrandom.seed(8)\nM = random.random()\ndef gain(): return M", "seed(8)", "seed(9)"),
    "one of two": ("A, B = {}, {}\nt = A if True else B\nt['w'] = 8\ndef gain(): return A['w']", "= 8", "= 9"),
    "a component's code": ("@activation\ndef soft(x, *, b: float = 8.0): return x\ndef gain(): return soft", "8.0", "9.0"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "old", "new"), IN_PLACE.values(), ids=IN_PLACE)
def test_what_changes_a_name_in_place_counts(folder: Path, before: str, old: str, new: str) -> None:
    text = STUDY.replace("GAIN * value", "gain()").replace(
        "import Budget", "import activation, Budget"
    )
    assert old in before
    write(folder, text, ("GAIN = 2.0", before))
    softmax, own = ids()
    write(folder, text, ("GAIN = 2.0", before.replace(old, new)))
    assert ids()[0] == softmax
    assert ids()[1] != own
    write(folder, text, ("GAIN = 2.0", before), ("seeds=1", "seeds=1, question='Why?'"))
    assert ids() == [softmax, own]


def test_two_files_that_exchange_what_they_hold_are_not_the_same(folder: Path) -> None:
    texts = ["def form(): return 8\n", "def form(): return 9\n"]
    found = []
    for first, second in (texts, texts[::-1]):
        (folder / "first.py").write_text(first)
        (folder / "second.py").write_text(second)
        imports = "import first\nfrom second import form"
        write(folder, STUDY, ("GAIN * value", "first.form() - form()"), imports=imports)
        found.append(ids()[1])
    assert found[0] != found[1]


def test_of_a_module_what_is_asked_of_it_counts(folder: Path) -> None:
    helper = '"""What helps."""\nWIDTH = 8\n\ndef other(): return 1\n'
    found = []
    for before, after in (("", ""), ("helps", "is"), ("return 1", "return 2"), ("= 8", "= 9")):
        (folder / "helper.py").write_text(helper.replace(before, after))
        write(folder, STUDY, ("GAIN * value", "helper.WIDTH"), imports="import helper")
        found.append(ids()[1])
    assert found[0] == found[1] == found[2] != found[3]


HARMLESS = """
ROWS, LOG, ROOT = [1, 2], logging.getLogger("a"), Path("data")
def fresh(): return [one for one in ROWS]
"""


def test_what_changes_nothing_of_a_module_is_not_refused(folder: Path) -> None:
    (folder / "helper.py").write_text(f"import logging\nfrom pathlib import Path\n{HARMLESS}")
    write(
        folder,
        imports="import helper\nCSV = helper.ROOT.joinpath('a.csv')\nhelper.LOG.info('read')\n"
        "mine = helper.ROWS.copy()\nmine.append(3)\nmine[0] = 4\nrest = helper.ROWS[1:]\n"
        "rest.append(1)\nothers = helper.fresh()\nothers.append(2)\nprint(helper.ROWS)",
    )
    assert ids()


def test_a_local_name_is_not_the_files(folder: Path) -> None:
    local = ("    import math\n", "    import math\n    title = 3\n    assert title\n")
    write(folder, STUDY, local, ("GAIN = 2.0", "GAIN = 2.0\ntitle = 'Own'"))
    before = ids()
    write(folder, STUDY, local, ("GAIN = 2.0", "GAIN = 2.0\ntitle = 'Mine'"))
    assert ids() == before


CONFIGURES = {
    "helper.C.sizes.append(3)": "C in helper.py",
    "for one in (helper.TABLE,):\n    one['a'] = 2": "TABLE in helper.py",
    "helper.K = 2": "K in helper.py",
    "helper.NEW = 2": "what is in helper.py",
    "helper.setup(2)": "K in helper.py",
    "from helper import setup\nsetup(2)": "K in helper.py",
    "from helper import TABLE\nTABLE['a'] = 2": "TABLE in helper.py",
    "@helper.keep\ndef one(): pass": "TABLE in helper.py",
}


@pytest.mark.parametrize(("text", "words"), CONFIGURES.items(), ids=CONFIGURES)
def test_a_study_that_changes_a_module_of_others_is_refused(
    folder: Path, text: str, words: str
) -> None:
    (folder / "helper.py").write_text(
        "K = 1\nTABLE = {}\nclass C:\n    sizes = []\ndef setup(n):\n    global K\n    K = n\n"
        "def keep(one):\n    TABLE['a'] = one\n    return one\n"
        "def claims():\n    found = []\n    found.append(K)\n    return found\n"
    )
    write(folder, imports="import helper\nclaims = helper.claims()\nclaims.append(helper.K)")
    assert ids()
    write(folder, imports=f"import helper\n{text}")
    said = refusal(ids)
    assert f"this changes {words}, which others import too" in said
    assert "own.py, line" in said


def test_an_own_default_of_a_field_counts(folder: Path) -> None:
    text = STUDY.replace("*, width", "*, act: Activation = Activation('soft'), width").replace(
        "from suite import", "from suite import Activation, activation,"
    )
    soft = "@activation\ndef soft(inputs):\n    return 2 * inputs\n\nGAIN = 2.0"
    found = []
    for pinned in ("@model\n", '@model(version="1")\n'):
        for words in (soft, soft.replace("2 *", "3 *")):
            write(folder, text, ("GAIN = 2.0", words), ("@model\n", pinned))
            found.append(ids()[1])
    assert len(set(found)) == 4


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
    assert refusal(ids).startswith(
        "'made' must be defined at the top of its file, in no other function"
    )


def test_a_version_pins_code_and_no_defaults(folder: Path) -> None:
    pinned = STUDY.replace("@model\n", '@model(version="1")\n')
    write(folder, pinned)
    before = ids()
    write(folder, pinned, ("number(4, low=1)", "number(5, low=1)"))
    assert ids()[1] != before[1]


NOT_AT_ITS_TOP = {
    "in a mapping": "def raw(shape, outputs): pass\nNETS = {'a': model(raw)}\nNET = NETS['a']()",
    "in an object": "def raw(shape, outputs): pass\nNET = model(raw)()",
    "from another module": "from helper import raw\nnet = model(raw)\nNET = net()",
}


@pytest.mark.parametrize("text", NOT_AT_ITS_TOP.values(), ids=NOT_AT_ITS_TOP)
def test_a_component_that_no_other_process_could_find_is_refused(folder: Path, text: str) -> None:
    (folder / "helper.py").write_text("def raw(shape, outputs): pass\n")
    axis = ('axis("model.name", ("softmax", "own"))', 'axis("model", {"a": NET})')
    write(folder, STUDY, axis, imports=text)
    assert "Model 'raw' must be at the top of its file under its name" in refusal(ids)


def test_a_decorator_beneath_counts_and_what_it_hides_is_asked_for(folder: Path) -> None:
    beneath = (
        "import functools\ndef twice(of):\n    @functools.wraps(of)\n"
        "    def inner(*a, **k): return of(*a, **k)\n    return inner\n"
    )
    change = ("@model\n", "@model\n@twice\n")
    write(folder, STUDY, change, imports=beneath)
    before = ids()
    write(folder, STUDY, change, imports=beneath.replace("return of(", "return 2 * of("))
    assert ids()[1] != before[1]
    # What hides the function's arguments takes those that every network takes, and no others.
    hidden = beneath.replace("    @functools.wraps(of)\n", "").replace("*a, **k", "shape, outputs")
    own = ('("softmax", "own")', '("softmax", "inner")')
    write(folder, STUDY, change, own, imports=hidden)
    assert "a decorator beneath needs functools.wraps" in refusal(ids)


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
