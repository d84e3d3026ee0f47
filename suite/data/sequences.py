"""Sequences of symbols: texts of one's own, a list of names, and generated tasks.

A symbol is a number from 0. Networks get `(n, length)` of them, and are asked for a class at each
position, such as the next symbol, or for one a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.labels import IGNORED, as_labels, classes_of, is_missing
from suite.data.sources import LEAST, Raw
from suite.data.tables import PARQUET, places, read_table, with_words
from suite.ground import contents
from suite.ground.errors import RequestError, first_line, nearest

Array = np.ndarray[Any, Any]
END = "∎"  # what pages call the mark before, between and after texts, which is symbol 0


def sequences(
    path: str | Path | Sequence[Any] | Array | None,
    targets: Any = None,
    *,
    text: str = "",
    target: str = "",
    length: int | None = None,
    windows: bool = False,
    stratify: bool = False,
) -> Raw:
    """Return sequences of symbols as int64 `(n, length)`, with a target a position or one a sequence.

    Without targets, each position is to say the next symbol, and the last one that the text has
    ended. Symbols are the letters of texts, or the entries of lists such as words, of all texts and
    sorted; symbol 0 is the mark of begin and end, with which shorter texts are filled up: behind,
    where what is filled up does not count, or, with a target a sequence, in front. An array of whole
    numbers is symbols as they are.

    Args:
        path: a file, of which each line that is not empty is a text, or a table (CSV, Parquet)
            with a column of them; a list of texts, or of lists; int `(n, length)`.
        targets: of lists and arrays, labels `(n,)` of any kind, or one for each entry, as lists of
            the same lengths or whole numbers `(n, length)`, of which -100 does not count.
        text, target: columns of a table. Without a target, the next symbol is asked for.
        length: of what a network sees; a longer text is cut. None is that of the longest.
        windows: all texts are one, cut into pieces of `length`.
        stratify: each split has the same shares of the classes of sequences.

    Raises:
        RequestError: if a file cannot be read, a text is missing or empty, or targets do not fit;
            the line names the row, from 0, or the line of a file.
    """
    if length is not None and (type(length) is not int or length < 1):
        raise RequestError(f"sequences: length must be a whole number, at least 1, not {length!r}")
    who = "sequences"
    if path is None:
        raise RequestError(f"{who} needs the path of a file, such as path='names.txt'")
    texts: Any = path
    if isinstance(path, str | Path):
        who = str(path)
        texts, targets = _read(Path(path), text, target, whole=windows)
    if windows:
        if targets is not None or length is None:
            raise RequestError(f"{who}: windows need a length, and no target")
        texts = _windows(texts, length)
        if len(texts) < LEAST:
            raise RequestError(
                f"{who} is too short for three windows of {length} symbols, one for each split"
            )
    if isinstance(texts, np.ndarray) and texts.ndim > 1:
        if texts.ndim > 2 or texts.dtype.kind not in "iu":
            kind = f"{texts.dtype} {texts.shape}"
            raise RequestError(f"{who} needs whole numbers (n, length), or lists, not {kind}")
        return _numbered(who, texts, targets, length, stratify=stratify)
    symbols, rows = _symbols(who, texts)
    if targets is None:
        longest = max(map(len, rows)) + (not windows)
        return _next(rows, symbols, min(longest, length or longest), ends=not windows)
    targets = list(targets)  # a column of pandas has places of its own
    if len(targets) != len(rows):
        raise RequestError(f"{who} has {len(rows)} texts and {len(targets)} targets")
    if isinstance(targets[0], list | tuple | np.ndarray):
        return _tagged(who, rows, symbols, targets, length)
    labels, names = classes_of(who, as_labels(targets))
    longest = max(map(len, rows))
    inputs = np.zeros((len(rows), min(longest, length or longest)), np.int64)
    for into, row in zip(inputs, rows, strict=True):
        cut = row[: len(into)]
        into[len(into) - len(cut) :] = cut
    return Raw(inputs, labels, len(names), 0, "", names, symbols=len(symbols), stratified=stratify)


def _read(path: Path, text: str, target: str, *, whole: bool) -> tuple[list[str], Any]:
    """Return the texts of a file and, of a table with a target, their labels.

    Args:
        whole: its empty lines count, too.
    """
    contents.files_of(path, "sequences")
    if path.suffix.lower() in (*PARQUET, ".csv"):
        frame, _ = read_table(path, words=(text,))
        for name, field in ((text, "text"), (target, "target")):
            if field == "text" and not name:
                choice = nearest("", frame.columns)
                raise RequestError(f"{path}: text must name a column of texts {choice}")
            if name and name not in frame:
                choice = nearest(name, frame.columns)
                raise RequestError(f"{path} has no column '{name}' for '{field}' {choice}")
        if text == target:
            raise RequestError(f"{path}: column '{text}' cannot be both text and target")
        frame = with_words(frame, path, {text, target} - {""})
        if (missing := frame[text].isna()).any():
            raise places(path).wrong(text, missing.to_numpy(), "has no text")
        labels = frame[target].to_numpy() if target else None
        return frame[text].astype(str).tolist(), labels
    if text or target:
        raise RequestError(f"{path} is no table, and has no columns: no 'text' and no 'target'")
    try:
        # Lines end as files have them, and not where Unicode has other separators.
        lines = path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read as text: {first_line(error)}") from None
    return lines if whole else [line for line in lines if line.strip()], None


def _windows(texts: Any, length: int) -> list[Any]:
    """Return all texts, one after another, in pieces of which each position knows what follows."""
    if len(texts) and isinstance(texts[0], str):
        whole: Any = "\n".join(texts)
    else:
        whole = [entry for one in texts for entry in one]
    begins = range(0, len(whole) - length, length)
    return [whole[begin : begin + length + 1] for begin in begins]


def _tagged(
    who: str, rows: list[list[int]], symbols: tuple[str, ...], targets: Any, length: int | None
) -> Raw:
    """Return texts with a label for each of their entries."""
    tags = [_tags(row, some) for row, some in zip(rows, targets, strict=True)]
    if wrong := [i for i, some in enumerate(tags) if len(some) != len(rows[i])]:
        entries = f"{len(rows[wrong[0]])} entries and {len(tags[wrong[0]])} targets"
        raise RequestError(f"{who} has a text with {entries}, first in row {wrong[0]}")
    sizes, every = [len(row) for row in rows], [one for some in tags for one in some]
    counts = np.array([one is not None for one in every])
    labels = np.full(len(every), IGNORED, np.int64)
    labels[counts], names = classes_of(who, as_labels([one for one in every if one is not None]))
    longest = min(max(sizes), length or max(sizes))
    inputs = np.zeros((len(rows), longest), np.int64)
    wanted = np.full((len(rows), longest), IGNORED, np.int64)
    of_row = np.split(labels, np.cumsum(sizes)[:-1])
    for into, answers, row, its in zip(inputs, wanted, rows, of_row, strict=True):
        into[: len(row)] = row[:longest]
        answers[: len(its)] = its[:longest]
    return Raw(inputs, wanted, len(names), 0, "", names, symbols=len(symbols))


def _tags(row: list[int], targets: Any) -> list[Any]:
    """Return the labels of a text's entries, None where one does not count, without what fills up."""
    tags = [
        None if isinstance(one, int) and one == IGNORED else one
        for one in list(targets.tolist() if isinstance(targets, np.ndarray) else targets)
    ]
    while len(tags) > len(row) and tags[-1] is None:
        tags.pop()
    return tags


def _symbols(who: str, texts: Any) -> tuple[tuple[str, ...], list[list[int]]]:
    """Return what each symbol is called, 0 being the mark, and every text as symbols."""
    try:
        rows = [list(one) for one in texts]
    except TypeError:
        raise RequestError(f"{who} needs a list of texts, or whole numbers (n, length)") from None
    if len(rows) < LEAST:
        raise RequestError(f"{who} has {len(rows)} sequences, too few for three splits")
    if empty := [place for place, row in enumerate(rows) if not row]:
        raise RequestError(f"{who} has an empty text, the first in row {empty[0]}")
    if missing := [place for place, row in enumerate(rows) if any(map(is_missing, row))]:
        raise RequestError(f"{who} has a text with a missing entry, the first in row {missing[0]}")
    kinds = sorted({str(entry) for row in rows for entry in row})
    place = {kind: i for i, kind in enumerate(kinds, 1)}
    return (END, *kinds), [[place[str(entry)] for entry in row] for row in rows]


def _next(rows: list[list[int]], symbols: tuple[str, ...], length: int, *, ends: bool) -> Raw:
    """Return texts of which each position is to say the next symbol."""
    inputs = np.zeros((len(rows), length), np.int64)
    targets = np.full((len(rows), length), IGNORED, np.int64)
    for into, wanted, row in zip(inputs, targets, rows, strict=True):
        whole = [0, *row, 0] if ends else row
        seen = whole[:-1][:length]
        into[: len(seen)] = seen
        wanted[: len(seen)] = whole[1:][:length]
    return Raw(inputs, targets, len(symbols), 0, "", symbols, symbols=len(symbols))


def _numbered(who: str, numbers: Array, targets: Any, length: int | None, *, stratify: bool) -> Raw:
    """Return symbols that are numbers already."""
    numbers = numbers.astype(np.int64)
    if len(numbers) < LEAST or numbers.shape[1] < (1 if targets is not None else 2):
        raise RequestError(
            f"{who} needs at least {LEAST} sequences (n, length), not {numbers.shape}"
        )
    if (low := numbers.min()) < 0:
        row = int(np.argwhere(numbers == low)[0][0])
        raise RequestError(f"{who} needs symbols from 0, not {low} (row {row})")
    symbols = int(numbers.max()) + 1
    if targets is None:
        numbers, wanted, outputs = numbers[:, :-1], numbers[:, 1:], symbols
        names: tuple[str, ...] = ()
    else:
        wanted = np.asarray(targets)
        if len(wanted) != len(numbers):
            raise RequestError(f"{who} has {len(numbers)} sequences and {len(wanted)} targets")
        if wanted.ndim == 1:
            wanted, names = classes_of(who, wanted)
            outputs = len(names)
        else:
            wanted, names = _checked(who, wanted, numbers.shape), ()
            outputs = int(wanted.max()) + 1
            if len(np.unique(wanted[wanted != IGNORED])) < 2:
                raise RequestError(f"{who} has one class only: there is nothing to tell apart")
    if wanted.ndim == 2:
        numbers, wanted = numbers[:, :length], wanted[:, :length]
    elif length is not None and length < numbers.shape[1]:
        numbers = numbers[:, :length]
    return Raw(
        np.ascontiguousarray(numbers), np.ascontiguousarray(wanted), outputs, 0, "", names,
        symbols=symbols, stratified=stratify and wanted.ndim == 1,
    )  # fmt: skip


def _checked(who: str, targets: Array, shape: tuple[int, ...]) -> Array:
    """Return a target a position, int64, or refuse them."""
    if targets.shape != shape or targets.dtype.kind not in "iu":
        kind = f"{targets.dtype} {targets.shape}"
        raise RequestError(f"{who} needs whole numbers {shape} as targets, or (n,), not {kind}")
    wrong = (targets < 0) & (targets != IGNORED)
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        value = targets[row, place]
        raise RequestError(f"{who} needs classes from 0, or {IGNORED}, not {value} (row {row})")
    if (none := (targets == IGNORED).all(1)).any():
        row = int(np.flatnonzero(none)[0])
        raise RequestError(f"{who} has a sequence of which no position counts, first in row {row}")
    return targets.astype(np.int64)


def surnames(*, length: int) -> Raw:
    """Return the surnames of the US census of 1990 that the package `names` has, letter by letter."""
    try:
        import names
    except ImportError:
        raise RequestError("data 'surnames' needs the package names: pip install names") from None
    listed = Path(names.__file__).with_name("dist.all.last").read_text().splitlines()
    return sequences([line.split()[0].lower() for line in listed if line], length=length)


def sorting(rng: np.random.Generator, n: int, *, length: int, symbols: int) -> Raw:
    """Draw symbols, a mark, and the same ones in order, which is what counts."""
    drawn = rng.integers(1, symbols + 1, (n, length))
    return _answered(drawn, np.sort(drawn, axis=1), symbols)


def copying(rng: np.random.Generator, n: int, *, length: int, symbols: int) -> Raw:
    """Draw symbols, a mark, and the same ones once more, which is what counts."""
    drawn = rng.integers(1, symbols + 1, (n, length))
    return _answered(drawn, drawn, symbols)


def _answered(asked: Array, answers: Array, symbols: int) -> Raw:
    """Return what is asked, the mark 0, and the answer but for its last symbol, each to be said."""
    n, length = asked.shape
    mark = np.zeros((n, 1), np.int64)
    inputs = np.concatenate([asked, mark, answers[:, :-1]], axis=1)
    targets = np.full_like(inputs, IGNORED)
    targets[:, length:] = answers
    return Raw(inputs, targets, symbols + 1, 0, "", symbols=symbols + 1)


def modular_addition(*, modulus: int) -> Raw:
    """Return all a + b = ?, with the sum modulo a number as the class of each."""
    a, b = (part.reshape(-1) for part in np.indices((modulus, modulus)))
    inputs = np.stack([a, b, np.full_like(a, modulus)], axis=1)
    return Raw(inputs, (a + b) % modulus, modulus, 0, "", symbols=modulus + 1)


def brackets(rng: np.random.Generator, n: int, *, length: int, kinds: int) -> Raw:
    """Draw words of brackets; class 1 says that all match, of class 0 one bracket is another one.

    Matched words are uniform over the orders of opening and closing (by the cycle lemma), each kind
    drawn for itself; the two classes take turns.
    """
    pairs = length // 2
    # A row of numbers for each word, so that more words are the same ones and then some.
    drawn = rng.random((n, length + 1 + pairs + 2))
    words = np.stack([_matched(row, pairs, kinds) for row in drawn[:, :-2]])
    place = (drawn[:, -2] * length).astype(np.int64)
    other = (drawn[:, -1] * (2 * kinds - 1)).astype(np.int64)
    rows, classes = np.arange(n), 1 - np.arange(n) % 2
    wrong = (words[rows, place] + 1 + other) % (2 * kinds)
    words[rows, place] = np.where(classes == 1, words[rows, place], wrong)
    names = ("unmatched", "matched")
    return Raw(words, classes, 2, 0, "", names, symbols=2 * kinds)


def _matched(drawn: Array, pairs: int, kinds: int) -> Array:
    """Return a matched word of brackets: symbol 2k opens kind k, and 2k + 1 closes it."""
    steps = np.repeat([1, -1], [pairs, pairs + 1])[drawn[: 2 * pairs + 1].argsort(kind="stable")]
    # Exactly one rotation of a word with one step down too many stays at 0 or above until its end.
    steps = np.roll(steps, -1 - int(steps.cumsum().argmin()))[:-1]
    fresh = iter((drawn[2 * pairs + 1 :] * kinds).astype(np.int64).tolist())
    word, open_ = np.empty(2 * pairs, np.int64), list[int]()
    for i, step in enumerate(steps.tolist()):
        if step > 0:
            open_.append(next(fresh))
        word[i] = 2 * open_[-1] if step > 0 else 2 * open_.pop() + 1
    return word
