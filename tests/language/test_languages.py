"""Every text of the pages is said in every language."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog, extract
from babel.messages.pofile import read_po

from reports.figures.shown import MEASURED
from suite.evidence.contexts import Why
from suite.evidence.reasons import Note, Reason
from suite.ground.wording import Worded, worded
from suite.language.catalogue import NAMES, gettext, translate, writing
from suite.language.words import PATHS
from suite.vocabulary import discovery
from suite.vocabulary.loss import SPLITS
from suite.vocabulary.metrics import METRICS
from suite.vocabulary.notes import CHAPTERS, NOT_TESTED
from suite.vocabulary.study import NOTES, OBSERVED, Study
from suite.vocabulary.transformation import Transform

ROOT = Path(__file__).parents[2]
KEYWORDS = {"gettext": None, "ngettext": (1, 2), "worded": None}
TEMPLATES = {"trimmed": "true", "newstyle_gettext": "true"}
PLACE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
# Where the names of the core's own metrics begin.
BUILT_IN = (
    "train",
    "validation",
    "test",
    "generalisation_gap",
    "gradient",
    "weights",
    "cost",
    "target",
)
OTHERS = [language for language in NAMES if language != "en"]
STUDIES = discovery.names()


def texts_of_code() -> Iterator[str]:
    """Yield the texts of the pages' code and templates, and of the vocabulary they read."""
    rooms = [(ROOT / "reports", [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]),
             (ROOT / "suite", [("**.py", "python")])]  # fmt: skip
    for folder, methods in rooms:
        options = {"templates/**.html": TEMPLATES}
        for _, _, text, _, _ in extract.extract_from_dir(folder, methods, options, KEYWORDS):
            yield text if isinstance(text, str) else text[0]
    yield from (*Reason, *Note, *Why)
    yield from PATHS.values()
    yield from (metric.words for name, metric in METRICS.items() if is_built_in(name))
    yield from (chapter.title for chapter in CHAPTERS)
    yield from NOT_TESTED.values()
    yield from ("unit", "doubling", "tenfold", MEASURED)  # what a slope is per; a matrix's x


def is_built_in(metric: str) -> bool:
    """Whether a metric is the core's own; studies, and other tests, define more."""
    first, _, rest = metric.partition("/")
    measured = {*OBSERVED, "running_loss", "running_accuracy", *Transform.known}
    return first in BUILT_IN and (first not in SPLITS or rest.split("/")[0] in measured)


def texts_of_study(study: Study) -> Iterator[str]:
    """Yield what a study says in words."""
    yield from (study.title, study.question, study.docstring)
    for claim in study.claims:
        yield from (claim.says, claim.because, words_of(claim.of))
        yield claim.source if study.notebook != NOTES else ""
    for view in study.views:
        yield from (view.caption, *view.metrics)
        yield from map(words_of, view.measured)
    yield from (name.replace("_", " ") for name in study.contexts)
    for part in study.parts:
        yield part.name.replace("_", " ")
        if part.probe is not None:
            yield (part.probe.__doc__ or "").strip().partition("\n")[0]


def words_of(metric: str) -> str:
    """Return a metric's words; of one that is made of others its pattern."""
    words = METRICS[metric].words
    return words.pattern if isinstance(words, Worded) else words


def catalogues(language: str) -> list[Catalog]:
    """Return a language's catalogue, and those that lie beside studies."""
    files = (ROOT / "studies").glob(f"*.{language}.po")
    own = ROOT / f"suite/language/locale/{language}/LC_MESSAGES/thumbrules.po"
    return [read_po(io.BytesIO(file.read_bytes()), locale=language) for file in (own, *files)]


def untranslated(texts: Iterator[str], language: str) -> list[str]:
    known = {
        message.id if isinstance(message.id, str) else message.id[0]: message.string
        for one in catalogues(language)
        for message in one
    }
    return [text for text in dict.fromkeys(texts) if text and not any(known.get(text) or ())]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_the_pages_is_translated(language: str) -> None:
    assert untranslated(texts_of_code(), language) == []


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", STUDIES)
def test_every_text_of_a_study_is_translated(name: str, language: str) -> None:
    assert untranslated(texts_of_study(discovery.load(name)), language) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_fills_the_places_that_its_text_has(language: str) -> None:
    for message in itertools.chain(*catalogues(language)):
        if not message.id or not (message.python_format or PLACE.search(str(message.id))):
            continue
        one = message.id if isinstance(message.id, str) else message.id[-1]
        many = message.string if isinstance(message.string, tuple) else (message.string,)
        for string in many:
            assert set(PLACE.findall(string)) == set(PLACE.findall(one)), one


def test_a_sentence_of_the_evidence_is_said_whole_with_what_it_was_filled_with() -> None:
    size = worded("{size} points of {metric}", size="2", metric="test accuracy")
    sentence = worded("it is lower by at least {size}", size=size)
    assert sentence == "it is lower by at least 2 points of test accuracy"
    with writing("zh"):
        assert translate(sentence) == "至少低 2 个百分点（测试准确率）"
        assert gettext("what no catalogue has") == "what no catalogue has"
        assert gettext("") == ""
    assert translate(sentence) == sentence


def test_a_study_may_have_its_words_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "wider.zh.po").write_text('msgid "Wider?"\nmsgstr "更宽？"\n', encoding="utf-8")
    (folder / "worse.zh.po").write_bytes(b'msgid "x\xff"')
    (folder / "wrong.zh.po").write_text("this is no catalogue", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with writing("zh"):
        assert gettext("Wider?") == "更宽？"
        assert gettext("Claims") == "论断"
    worse, wrong = capsys.readouterr().err.splitlines()
    assert "worse.zh.po cannot be read" in worse
    assert "wrong.zh.po cannot be read" in wrong
