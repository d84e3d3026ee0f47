"""The languages of the pages. Texts in the code are English, and the keys of the other catalogues.

What is written is written in one language at a time; outside of `writing` it is English.

A catalogue (`locale/zh/LC_MESSAGES/thumbrules.po`) is compiled in memory. Studies' texts are keys
too, and a study may have a catalogue beside it (`studies/dropout.zh.po`); what none has stays English. What is in a template is markup; what a study says
goes through `gettext` in Python and is escaped. Effects and reasons are whole sentences with named
places, since the order of words differs; the evidence hands on a sentence with its pattern
(`suite.ground.wording`).
"""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from suite.ground.errors import first_line
from suite.ground.wording import Worded
from suite.vocabulary import discovery

ENGLISH = "en"
NAMES = {ENGLISH: "English", "zh": "中文"}
TAGS = {ENGLISH: "en", "zh": "zh-Hans"}  # BCP 47, for a browser's fonts and a reader's voice
_LOCALES = {ENGLISH: "en_GB", "zh": "zh_Hans"}  # CLDR's, for dates and lists


@dataclass(frozen=True)
class _Writing:
    """A language while it is being written, with its catalogue once a text is asked for."""

    language: str

    @functools.cached_property
    def catalogue(self) -> NullTranslations:
        if self.language == ENGLISH:
            return NullTranslations()
        return _catalogues(self.language, discovery.folder().resolve())


_writing: ContextVar[_Writing] = ContextVar("writing", default=_Writing(ENGLISH))  # noqa: B039 - frozen


@contextmanager
def writing(language: str) -> Iterator[None]:
    """Have texts come in a language."""
    token = _writing.set(_Writing(language))
    try:
        yield
    finally:
        _writing.reset(token)


def language() -> str:
    """Return the language that is being written."""
    return _writing.get().language


def locale() -> str:
    """Return the name of its conventions."""
    return _LOCALES[language()]


def gettext(text: str) -> str:
    """Return a text of the code, or of a study, in the language; in English if it is not there."""
    return _writing.get().catalogue.gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """Return the text for a count."""
    return _writing.get().catalogue.ngettext(one, many, count)


def translate(text: str) -> str:
    """Return a sentence of the evidence in the language, with what it was filled with."""
    if not isinstance(text, Worded):
        return gettext(text)
    return gettext(text.pattern).format(
        **{name: translate(one) for name, one in text.values.items()}
    )


@functools.cache
def _catalogues(language: str, studies: Path) -> NullTranslations:
    """Return the catalogue of a language, and behind it those that lie beside studies."""
    locales = resources.files("suite.language") / "locale"
    from babel.messages.pofile import PoFileError

    found = _compiled(locales / language / "LC_MESSAGES" / "thumbrules.po", language)
    for file in sorted(studies.glob(f"*.{language}.po")):
        try:
            found.add_fallback(_compiled(file, language))
        except (OSError, ValueError, PoFileError) as error:  # a page in English is better than none
            print(f"{file} cannot be read: {first_line(error)}", file=sys.stderr)
    return found


def _compiled(file: Traversable, language: str) -> GNUTranslations:
    from babel.messages import mofile, pofile

    compiled = io.BytesIO()
    with file.open("rb") as source:
        mofile.write_mo(compiled, pofile.read_po(source, locale=language, abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)
