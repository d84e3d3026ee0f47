"""Sequences of symbols: what readers make of texts, and the generated tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import Data, source
from suite.data import load, outline, sequences
from suite.data.labels import IGNORED
from suite.data.sources import raw
from suite.ground.errors import RequestError

WORDS = ["tee", "eel", "te", "lee"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(*args: Any, **fields: Any) -> str:
    with pytest.raises(RequestError) as caught:
        sequences(*args, **fields)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_each_letter_is_asked_for_after_those_before_and_then_the_end() -> None:
    found = sequences(WORDS)
    assert found.names == ("∎", "e", "l", "t")
    assert (found.symbols, found.outputs) == (4, 4)
    assert found.inputs[0].tolist() == [0, 3, 1, 1]
    assert found.targets[0].tolist() == [3, 1, 1, 0]
    assert found.inputs[2].tolist() == [0, 3, 1, 0]  # filled up behind
    assert found.targets[2].tolist() == [3, 1, 0, IGNORED]


def test_a_longer_text_is_cut_and_does_not_end_there() -> None:
    found = sequences(WORDS, length=2)
    assert found.inputs[0].tolist() == [0, 3]
    assert found.targets[0].tolist() == [3, 1]


def test_texts_with_a_label_are_filled_up_in_front() -> None:
    found = sequences(WORDS, ["no", "yes", "no", "yes"])
    assert found.inputs[2].tolist() == [0, 3, 1]
    assert (found.targets.tolist(), found.names, found.symbols) == ([0, 1, 0, 1], ("no", "yes"), 4)


def test_lists_of_words_are_symbols_too() -> None:
    found = sequences([line.split() for line in ("to be", "or not", "to be or not to be")])
    assert found.names == ("∎", "be", "not", "or", "to")
    assert found.inputs.shape == (3, 7)


def test_each_entry_may_have_a_label() -> None:
    found = sequences([["to", "be"], ["or"], ["not", "to"]], [["p", "v"], ["c"], ["a", "p"]])
    assert found.names == ("a", "c", "p", "v")
    assert found.inputs.tolist() == [[4, 1], [3, 0], [2, 4]]
    assert found.targets.tolist() == [[2, 3], [1, IGNORED], [0, 2]]


def test_windows_cut_one_text_into_pieces_that_follow_each_other() -> None:
    found = sequences(["abcd", "efgh", "ij"], length=3, windows=True)
    letters = [found.names[i] for i in found.inputs.flatten()]
    wanted = [found.names[i] for i in found.targets.flatten()]
    assert "".join(letters) == "abcd\nefgh"[:9]
    assert "".join(wanted) == "bcd\nefgh\n"


def test_whole_numbers_are_symbols_as_they_are() -> None:
    numbers = np.array([[3, 1, 2], [0, 0, 1], [2, 2, 2]])
    following = sequences(numbers)
    assert (following.inputs.tolist(), following.targets.tolist()) == (
        [[3, 1], [0, 0], [2, 2]],
        [[1, 2], [0, 1], [2, 2]],
    )
    targets = np.array([[1, IGNORED, 0], [0, 0, 0], [1, 1, IGNORED]])
    by_position = sequences(numbers, targets)
    assert np.array_equal(by_position.targets, targets)
    assert (by_position.symbols, by_position.outputs) == (4, 2)
    assert sequences(numbers, ["b", "a", "b"]).targets.tolist() == [1, 0, 1]


def test_a_file_has_a_text_a_line() -> None:
    Path("words.txt").write_text("tee\n\neel\nte\r\nlée\n", encoding="utf-8")
    found = raw(Data("sequences", path="words.txt"), 0)
    assert len(found.inputs) == 4
    assert found.names == ("∎", "e", "l", "t", "é")


def test_windows_of_a_file_keep_its_empty_lines() -> None:
    Path("words.txt").write_text("ab\n\ncd\nef")
    found = raw(Data("sequences", path="words.txt", length=2, windows=True), 0)
    assert "".join(found.names[i] for i in found.inputs.flatten()) == "ab\n\ncd\ne"


def test_a_table_has_texts_and_labels_in_columns() -> None:
    rows = "".join(f"{word},{word[0]}\n" for word in ["007", "112", "070", "101"])
    Path("words.csv").write_text("word,first\n" + rows)
    found = raw(Data("sequences", path="words.csv", text="word", target="first"), 0)
    assert found.inputs.shape == (4, 3)  # a number as a text keeps its zeros
    assert found.names == ("0", "1")


@pytest.mark.parametrize(
    ("args", "fields", "said"),
    [
        ((None,), {}, "needs the path of a file"),
        ((["a", "", "b"],), {}, "an empty text, the first in row 1"),
        ((["a", "b"],), {}, "2 sequences, too few"),
        (([1, 2, 3],), {}, "needs a list of texts"),
        ((["a", "b", "c"], ["x", "y"]), {}, "3 texts and 2 targets"),
        ((["a", "b", "c"], ["x", "x", "x"]), {}, "one class only"),
        ((["a", "b", "c"], ["x", None, "y"]), {}, "without a label, first in row 1"),
        ((np.array([[1, 2], [0, -1], [1, 1]]),), {}, "symbols from 0, not -1 (row 1)"),
        ((np.ones((3, 2), int), np.zeros((3, 3), int)), {}, "needs whole numbers (3, 2)"),
        ((np.ones((3, 2), int), np.full((3, 2), -1)), {}, "not -1 (row 0)"),
        (
            (np.ones((3, 2), int), np.array([[0, 1], [IGNORED, IGNORED], [1, 1]])),
            {},
            "no position counts, first in row 1",
        ),
        ((["ab", "b", "c"],), {"length": 0}, "at least 1, not 0"),
        ((["ab", "b", "c"],), {"windows": True}, "windows need a length"),
        (("none.txt",), {}, "none.txt"),
        (("words.txt",), {"target": "x"}, "is no table"),
        (("words.csv",), {}, "text must name a column of texts (choose from word, first)"),
        (("words.csv",), {"text": "word", "target": "word"}, "both text and target"),
        ((["ab", "b", "c"],), {"windows": True, "length": 9}, "too short for three windows of 9"),
        ((["ab", "b", "c"], [["x", "y"], ["x", "y"], ["x"]]), {}, "1 entries and 2 targets, first in row 1"),
        (("words.csv",), {"text": "wrod"}, "did you mean 'word'?"),
        (("words.csv",), {"text": "word", "target": "fist"}, "did you mean 'first'?"),
        (("holes.csv",), {"text": "word"}, "holes.csv, line 3: column 'word' has no text"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_one_line(args: Any, fields: Any, said: str) -> None:
    Path("words.txt").write_text("a\nb\nc\n")
    Path("words.csv").write_text("word,first\na,1\nb,2\nc,1\n")
    Path("holes.csv").write_text("word,first\na,1\n,2\nc,1\n")
    assert said in refusal(*args, **fields)


def test_a_file_that_is_no_text_is_refused() -> None:
    Path("words.txt").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as text" in refusal("words.txt")


def test_a_source_may_return_sequences_and_not_what_became_of_them() -> None:
    @source
    def mine() -> Any:
        return sequences(WORDS * 3)

    @source
    def broken() -> Any:
        found = sequences(WORDS * 3)
        return found._replace(inputs=found.inputs + 4)

    examples = load(mine(), 0)
    assert (examples.symbols, examples.shape, examples.names[1]) == (4, (4,), "e")
    assert outline(mine(), 0).target == (4,)
    with pytest.raises(RequestError, match="must return sequences as"):
        load(broken(), 0)


def test_surnames_are_those_of_the_census() -> None:
    found = raw(Data("surnames"), 0)
    assert found.inputs.shape == (88_799, 14)
    assert "".join(found.names) == "∎abcdefghijklmnopqrstuvwxyz"
    first = found.targets[0]
    assert "".join(found.names[i] for i in first[first != IGNORED]) == "smith∎"
    assert load(Data("surnames"), 0).symbols == 27


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 9))
def test_sorting_asks_for_the_same_symbols_in_order(length: int, symbols: int, seed: int) -> None:
    found = raw(Data("sorting", length=length, symbols=symbols), seed)
    asked, answers = found.inputs[:, :length], found.targets[:, length:]
    assert np.array_equal(np.sort(asked, axis=1), answers)
    assert (found.targets[:, :length] == IGNORED).all()
    assert (found.inputs[:, length] == 0).all()
    assert np.array_equal(found.inputs[:, length + 1 :], answers[:, :-1])
    assert found.inputs.max() < found.symbols == found.outputs == symbols + 1


def test_copying_asks_for_the_same_symbols() -> None:
    found = raw(Data("copying"), 0)
    assert np.array_equal(found.inputs[:, :8], found.targets[:, 8:])


@given(st.integers(2, 30))
def test_modular_addition_has_each_pair_once(modulus: int) -> None:
    found = raw(Data("modular_addition", modulus=modulus), 0)
    assert len(np.unique(found.inputs, axis=0)) == len(found.inputs) == modulus**2
    assert np.array_equal(found.inputs[:, :2].sum(1) % modulus, found.targets)
    assert (found.inputs[:, 2] == modulus).all()


def matches(word: list[int]) -> bool:
    open_: list[int] = []
    for symbol in word:
        if symbol % 2 == 0:
            open_.append(symbol)
        elif not open_ or open_.pop() != symbol - 1:
            return False
    return not open_


@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 9))
def test_brackets_of_class_one_match_and_no_others(pairs: int, kinds: int, seed: int) -> None:
    found = raw(Data("brackets", length=2 * pairs, kinds=kinds), seed)
    assert [matches(word) for word in found.inputs[:300].tolist()] == [
        bool(one) for one in found.targets[:300]
    ]
    assert np.bincount(found.targets).tolist() == [6000, 6000]
    assert found.inputs.max() < found.symbols == 2 * kinds


def test_matched_brackets_are_uniform_over_all_orders() -> None:
    found = raw(Data("brackets", length=8, kinds=1), 0)
    words, counts = np.unique(found.inputs[found.targets == 1], axis=0, return_counts=True)
    assert len(words) == 14  # the fourth Catalan number
    assert np.abs(counts - 6000 / 14).max() < 5 * np.sqrt(6000 / 14)


@pytest.mark.parametrize("name", ["sorting", "copying", "brackets"])
def test_more_examples_are_the_same_ones_and_then_some(name: str) -> None:
    few, more = (raw(Data(name, train_examples=n), 3).inputs for n in (50, 90))
    assert np.array_equal(few, more[: len(few)])
    assert not np.array_equal(raw(Data(name), 4).inputs[:50], few[:50])


def test_an_array_of_tags_fills_up_what_lists_have_not() -> None:
    tags = np.array([[1, 2, IGNORED], [1, 2, 3], [3, IGNORED, 1]])
    found = sequences([["a", "b"], ["a", "b", "c"], ["c", "b", "a"]], tags)
    assert found.inputs.tolist() == [[1, 2, 0], [1, 2, 3], [3, 2, 1]]
    assert found.targets.tolist() == [[0, 1, IGNORED], [0, 1, 2], [2, IGNORED, 0]]
    assert "2 entries and 3 targets" in refusal([["a", "b"]] * 3, np.ones((3, 3), int))


@pytest.mark.parametrize(
    ("texts", "targets", "said"),
    [
        (np.ones((6, 3)), None, "needs whole numbers (n, length), or lists, not float64 (6, 3)"),
        (np.ones((6, 3, 2), int), None, "not int64 (6, 3, 2)"),
        (np.ones((6, 3), int), np.zeros((6, 3), int), "one class only"),
        ([["a", None], ["b"], ["c"]], None, "a missing entry, the first in row 0"),
        (["a", "b", "c"], ["x", float("nan"), "y"], "without a label, first in row 1"),
    ],
)
def test_what_has_gaps_or_is_no_sequence_is_refused(texts: Any, targets: Any, said: str) -> None:
    assert said in refusal(texts, targets)


def test_a_file_s_mark_of_order_and_odd_separators_are_no_symbols_and_no_lines() -> None:
    Path("x.txt").write_bytes("\ufeffab\r\nc\u2028d\nef\n".encode())
    assert sequences("x.txt").names == ("∎", "a", "b", "c", "d", "e", "f", "\u2028")
    Path("X.CSV").write_text("t\nab\ncd\nef\n")
    assert sequences("X.CSV", text="t").inputs.shape == (3, 3)
    assert len(sequences(pd.Series(["a", "b", "c"], index=[5, 6, 7])).inputs) == 3
