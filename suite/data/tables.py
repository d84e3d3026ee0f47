"""Tables and arrays in files: CSV, Parquet, and what NumPy saves."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from suite.data import on_disk
from suite.data.labels import classes_of
from suite.data.sources import LEAST, Raw, alone, checked, fresh
from suite.ground import contents
from suite.ground.cache import cache_folder
from suite.ground.errors import RequestError, first_line, nearest

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, Any]
PARQUET = (".parquet", ".pq")
OTHERS = (".xlsx", ".xls", ".ods", ".json", ".sav", ".dta", ".feather", ".db")  # which are no CSV
WHOLE = ("integer", "boolean")
NUMBERS = (*WHOLE, "floating", "mixed-integer-float", "decimal")
WORDS = ("string", "categorical")
LARGEST = 1e100  # of numbers: their squares are numbers, too
PAIRS = (("inputs", "targets"), ("x", "y"), ("X", "y"))
# More kinds than this, each in fewer rows than those, are hardly classes or categories.
MANY_KINDS, FEW_ROWS = 20, 10


def table(
    path: str | Path | pd.DataFrame | None,
    *,
    target: str,
    categorical: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
    group: str | Array | None = None,
    stratify: bool = False,
    target_is: Literal["values", "classes"] | None = None,
) -> Raw:
    """Return the columns of a table as float64 `(n, features)`, and one of them as targets.

    A column of words becomes a column of 0 and 1 for each word in it, sorted, a missing word being
    one of its own. Numbers are standardised on the training split, when it is known, and a missing
    one is then the mean of that split, which is 0. Values to predict are standardised too: a squared
    error of 1 is that of always saying the mean. A table is read whole: it must fit in memory.

    Args:
        path: a CSV file, one in Parquet (`.parquet`, `.pq`), or a pandas DataFrame.
        target: the column to predict. Numbers with a decimal point are values; words, whole numbers
            and truth values are classes.
        categorical: columns of numbers that are categories, and of words however many there are.
        drop: columns to leave out.
        group: a column, which is no feature, or an array: rows with the same entry stay together,
            in one split.
        stratify: each split has the same shares of the classes.
        target_is: what the target is, if it is not what the above says.

    Raises:
        RequestError: if it cannot be read, a column is not there, or an entry cannot be used; the
            line names the column and the row (of a CSV file the line, of others counting from 0).
    """
    categorical, drop = ((one,) if isinstance(one, str) else one for one in (categorical, drop))
    frame, who = read_table(path)
    if target_is not in (None, "values", "classes"):
        raise RequestError(f"{who}: target_is must be 'values' or 'classes', not {target_is!r}")
    _check_columns(frame, who, target, categorical, drop, group)
    frame = with_words(frame, path, {target, group} if isinstance(group, str) else {target})
    at = places(path)
    groups = _groups(frame, group, at)
    left_out = {target, *drop, *([group] if isinstance(group, str) else [])}
    _check_no_index(frame, who, left_out)
    columns = [
        _encoded(frame[name], name in categorical, at) for name in frame if name not in left_out
    ]
    if not columns:
        raise RequestError(f"{who} has no column beside '{target}' to learn from")
    targets, outputs, names = _targets(frame[target], target_is, at)
    _check_splits(who, targets, groups, stratify=stratify)
    inputs = np.concatenate(columns, axis=1)
    return Raw(inputs, targets, outputs, 0, "", names, True, groups, stratify)


def arrays(
    path: str | Path | None,
    *,
    group: str | None = None,
    stratify: bool = False,
    standardise: bool = False,
) -> Raw:
    """Return arrays that NumPy saved: an `.npz`, or a folder with two `.npy`.

    They are called `inputs` and `targets`, or `x` and `y`, or `X` and `y`. Whole numbers, truth
    values and words are classes, other numbers are values. They are taken as they are. Inputs larger
    than memory stay in their file, and those of an `.npz` are unpacked into the cache folder.

    Args:
        group: another array there, `(n,)`: examples with the same entry stay together, in one split.
        stratify: each split has the same shares of the classes.
        standardise: numbers, but for the pixels of uint8 images, and values are standardised on the
            training split, when it is known, as a table's are.

    Raises:
        RequestError: if they cannot be read, an array is not there, or training cannot take it.
    """
    if path is None:
        raise RequestError("arrays needs the path of an .npz file, such as path='x.npz'")
    place = Path(path)
    found = _saved(place)
    pair = next((pair for pair in PAIRS if found.keys() >= set(pair)), None)
    if pair is None:
        raise RequestError(
            f"{place} needs arrays 'inputs' and 'targets' (or x and y), and has "
            f"{', '.join(sorted(found)) or 'none'}"
        )
    raw = checked(str(place), (found[pair[0]], found[pair[1]]))
    if raw.targets.ndim > 2:
        raise RequestError(f"{place} needs targets (n,) or (n, values), not {raw.targets.shape}")
    groups = None
    if group is not None:
        if group not in found:
            raise RequestError(f"{place} has no array '{group}' {nearest(group, found)}")
        groups = _numbered(found[group], len(raw.inputs), str(place))
    _check_splits(str(place), raw.targets, groups, stratify=stratify)
    return raw._replace(table=standardise, groups=groups, stratified=stratify)


class _Places:
    """Where an entry of a table is, in words.

    Args:
        file: a CSV file, of which messages name the line.
    """

    def __init__(self, who: str, file: Path | None) -> None:
        self.who, self.file = who, file

    def wrong(self, name: object, where: Array, what: str) -> RequestError:
        """Return the refusal of the first entry of a column that is marked."""
        row = int(np.flatnonzero(where)[0])
        place = f"row {row}" if self.file is None else f"line {_line_of(self.file, row)}"
        return RequestError(f"{self.who}, {place}: column '{name}' {what}")


def _line_of(file: Path, row: int) -> int:
    """Return the line of a CSV file in which a row begins: entries in quotes may have several."""
    with file.open(newline="", encoding="utf-8", errors="replace") as lines:
        rows = csv.reader(lines)
        try:
            for _ in range(row + 1):  # the first line and the rows before
                next(rows)
        except (csv.Error, StopIteration):  # such as a packed file
            return row + 2
        return rows.line_num + 1


def places(path: str | Path | pd.DataFrame | None) -> _Places:
    """Return what says where an entry of a table is."""
    if not isinstance(path, str | Path):
        return _Places("the table", None)
    return _Places(str(path), None if _is_parquet(path) else Path(path))


def _is_parquet(path: str | Path) -> bool:
    return Path(path).suffix.lower() in PARQUET


def read_table(
    path: str | Path | pd.DataFrame | None, words: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, str]:
    """Return a table, and what messages call it.

    Args:
        words: columns of a CSV file whose entries stay as they are written there.
    """
    import pandas as pd

    if path is None:
        raise RequestError("table needs the path of a file, such as path='houses.csv'")
    if isinstance(path, pd.DataFrame):
        frame, who = path, "the table"
    else:
        place, who = Path(path), str(path)
        contents.files_of(place, "table")
        if place.suffix.lower() in OTHERS:
            raise RequestError(f"{who} is no table that can be read: save it as .csv or .parquet")
        try:
            if _is_parquet(place):
                frame = pd.read_parquet(place)
            else:
                _check_header(pd.read_csv(place, header=None, nrows=1, dtype=str), who)
                kinds = dict.fromkeys(words, str)
                frame = pd.read_csv(place, low_memory=False, skip_blank_lines=False, dtype=kinds)
                frame = frame[: _last_line(frame)]
        except UnicodeDecodeError as error:
            said = first_line(error)
            raise RequestError(
                f"{who} cannot be read as a table: {said}: save it as UTF-8"
            ) from None
        except (OSError, ValueError, ImportError) as error:
            raise RequestError(f"{who} cannot be read as a table: {first_line(error)}") from None
        if not isinstance(frame.index, pd.RangeIndex):
            frame = _named_rows(frame, place)
    if len(frame) < LEAST:
        raise RequestError(f"{who} has {len(frame)} rows, too few for three splits")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise RequestError(f"{who} has two columns '{twice[0]}'")
    return frame, who


def with_words(
    frame: pd.DataFrame, path: str | Path | pd.DataFrame | None, names: set[str]
) -> pd.DataFrame:
    """Return a table in whose columns of classes `NA`, `None` and the like are words, too.

    Of a CSV file, where pandas takes such words for missing entries; an empty one is missing still.
    """
    import pandas as pd

    unsure = [
        one for one in sorted(names) if frame[one].isna().any() and _kind(frame[one]) == "words"
    ]
    if not isinstance(path, str | Path) or _is_parquet(path) or not unsure:
        return frame
    written = pd.read_csv(
        path,
        usecols=unsure,
        dtype=str,
        na_values=[""],
        keep_default_na=False,
        skip_blank_lines=False,
    )
    return frame.assign(**{one: written[one][: len(frame)] for one in unsure})


def _check_header(first: pd.DataFrame, who: str) -> None:
    """Refuse a file whose first line has no commas, or a name twice, which pandas would change."""
    for sign in (";", "\t"):
        if len(first.columns) == 1 and sign in str(first.iloc[0, 0]):
            raise RequestError(f"{who} has {sign!r} between its columns: write it with commas")
    names = first.iloc[0].dropna()
    if len(twice := names[names.duplicated()]):
        raise RequestError(f"{who} has two columns '{twice.iloc[0]}'")


def _last_line(frame: pd.DataFrame) -> int:
    """Return how many rows there are before the empty lines at a file's end."""
    full = np.flatnonzero(frame.notna().any(axis=1).to_numpy())
    return int(full[-1]) + 1 if len(full) else 0


def _named_rows(frame: pd.DataFrame, place: Path) -> pd.DataFrame:
    """Refuse a CSV file of which pandas takes what is too much in each row for the rows' names."""
    if not _is_parquet(place):
        raise RequestError(f"{place} has more entries in a row than names in its first line")
    return frame.reset_index(drop=True)


def _check_columns(
    frame: pd.DataFrame,
    who: str,
    target: str,
    categorical: tuple[str, ...],
    drop: tuple[str, ...],
    group: str | Array | None,
) -> None:
    if not target:
        raise RequestError(f"{who}: target must name a column {nearest('', frame.columns)}")
    named = [("target", target), *(("categorical", one) for one in categorical)]
    named += [("drop", one) for one in drop]
    named += [("group", group)] if isinstance(group, str) else []
    for what, name in named:
        if name not in frame:
            raise RequestError(f"{who} has no column '{name}' {nearest(name, frame.columns)}")
        if what != "target" and name == target:
            raise RequestError(f"{who}: column '{name}' is the target and cannot be in {what}")


def _check_no_index(frame: pd.DataFrame, who: str, left_out: set[str]) -> None:
    """Refuse the rows' numbers as a feature: a data frame that was written with them has no name there."""
    for name in map(str, frame.columns):
        if name.startswith("Unnamed: ") and name not in left_out:
            counted = frame[name].to_numpy()
            if any(np.array_equal(counted, np.arange(n, n + len(frame))) for n in (0, 1)):
                raise RequestError(
                    f"{who}: a column without a name counts the rows: leave it out, drop='{name}'"
                )


def _kind(column: pd.Series[Any]) -> str:
    """Return `numbers`, `whole` ones or `words`, or pandas' word for what else a column holds."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in NUMBERS:
        return "whole" if kind in WHOLE else "numbers"
    return "words" if kind in WORDS else kind


def _encoded(column: pd.Series[Any], is_category: bool, at: _Places) -> Array:
    """Return a column as float64 `(n, 1)`, NaN where it has no entry, or 0 and 1 for each word."""
    import pandas as pd

    name, kind = column.name, _kind(column)
    if column.isna().all():
        raise RequestError(f"{at.who}: column '{name}' has no entry at all: leave it out by drop")
    if kind == "words" or (is_category and kind in ("numbers", "whole")):
        if not is_category and kind == "words":
            _check_no_numbers(column, at)
        if not is_category and kind == "words":
            _check_points(column, at)
        different = column.nunique()
        if not is_category and different > max(MANY_KINDS, len(column) / FEW_ROWS):
            raise RequestError(
                f"{at.who}: column '{name}' has {different} different words in {len(column)} rows: "
                "leave it out by drop, or name it in categorical"
            )
        words = column.astype(object) if kind == "words" else column
        missing = bool(column.isna().any())
        return pd.get_dummies(words, dummy_na=missing, dtype=np.float64).to_numpy()
    if kind not in ("numbers", "whole"):
        raise RequestError(
            f"{at.who}: column '{name}' holds {kind}, no numbers or words: leave it out by drop"
        )
    return _numbers(column, at)[:, None]


def _check_no_numbers(column: pd.Series[Any], at: _Places) -> None:
    """Refuse a column of numbers in which something else stands."""
    import pandas as pd

    other = pd.to_numeric(column, errors="coerce").isna() & column.notna()
    if 0 < other.sum() < column.notna().sum() / 2:
        entry = column[other].iloc[0]
        raise at.wrong(
            column.name, other.to_numpy(), f"has {entry!r} among numbers: leave such entries empty"
        )


def _check_points(column: pd.Series[Any], at: _Places) -> None:
    """Refuse a column of numbers that are written with a comma, as in many languages."""
    import pandas as pd

    words = column.dropna().astype(str)
    if words.str.fullmatch(r"[+-]?\d+,\d+").any():
        points = pd.to_numeric(words.str.replace(",", ".", regex=False), errors="coerce")
        if points.notna().all():
            wrong = (column.notna() & column.astype(str).str.contains(",", regex=False)).to_numpy()
            raise at.wrong(column.name, wrong, "has numbers with a comma: write them with a point")


def _numbers(column: pd.Series[Any], at: _Places) -> Array:
    """Return float64 `(n,)`, NaN where there is none."""
    numbers = np.array(column.to_numpy(np.float64, na_value=np.nan))  # one that can be written
    if (large := np.abs(numbers) > LARGEST).any():
        raise at.wrong(column.name, large, "is infinite, or too large")
    return numbers


def _targets(
    column: pd.Series[Any], target_is: str | None, at: _Places
) -> tuple[Array, int, tuple[str, ...]]:
    """Return int64 `(n,)` classes or float64 `(n, 1)` values, the number of outputs, and names."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise at.wrong(column.name, missing, "is the target and has no entry")
    kind = _kind(column)
    if kind not in ("numbers", "whole", "words"):
        raise RequestError(f"{at.who}: column '{column.name}' holds {kind}, no classes or values")
    if kind == "words" and target_is is None:
        _check_no_numbers(column, at)
    if target_is == "values" and kind == "words":
        raise RequestError(f"{at.who}: column '{column.name}' holds words, not values")
    if target_is == "values" or (kind == "numbers" and target_is is None):
        values = _numbers(column, at)
        if (values == values[0]).all():
            raise RequestError(
                f"{at.who}: column '{column.name}' is {values[0]:g} in every row: there is nothing to predict"
            )
        return values[:, None], 1, ()
    if kind == "whole" and target_is is None:
        different = column.nunique()
        if different > MANY_KINDS and different * FEW_ROWS > len(column):
            raise RequestError(
                f"{at.who}: column '{column.name}' has {different} different whole numbers in "
                f"{len(column)} rows: say target_is='values' or target_is='classes'"
            )
    who = f"{at.who}, column '{column.name}',"
    if kind == "numbers":  # which are told to be classes
        found, classes = np.unique(_numbers(column, at), return_inverse=True)
        codes, _ = classes_of(who, classes)
        return codes, len(found), tuple(map(str, found.tolist()))
    labels = column.astype(object).to_numpy()
    if kind == "whole":
        try:
            labels = labels.astype(bool if isinstance(labels[0], bool | np.bool_) else np.int64)
        except OverflowError:  # such as numbers of twenty digits that are names
            labels = labels.astype(str)
    codes, names = classes_of(who, labels)
    return codes, len(names), names


def _groups(frame: pd.DataFrame, group: str | Array | None, at: _Places) -> Array | None:
    if group is None:
        return None
    if not isinstance(group, str):
        return _numbered(np.asarray(group), len(frame), at.who)
    missing = frame[group].isna().to_numpy()
    if missing.any():
        raise at.wrong(group, missing, "is the group and has no entry")
    return _numbered(frame[group].astype(object).to_numpy().astype(str), len(frame), at.who)


def _numbered(groups: Array, n: int, who: str) -> Array:
    """Return groups as numbers from 0, int64 `(n,)`."""
    if groups.shape != (n,):
        raise RequestError(f"{who} needs one group an example, ({n},), not {groups.shape}")
    numbered: Array = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    if numbered.max() < LEAST - 1:
        raise RequestError(f"{who} has {numbered.max() + 1} groups, too few for three splits")
    return numbered


def _check_splits(who: str, targets: Array, groups: Array | None, *, stratify: bool) -> None:
    if not stratify:
        return
    if targets.dtype != np.int64:
        raise RequestError(f"{who} has values: splits are stratified by classes")
    if groups is not None:
        raise RequestError(f"{who}: splits are made by group or stratified, not both")


def _saved(place: Path) -> dict[str, Array]:
    """Return the arrays of an .npz, or of the .npy in a folder, by name.

    Those that are too large for memory are mapped from their files.
    """
    found = contents.files_of(place, "arrays")
    if place.is_dir():  # what lies deeper may have the same names
        found = [file for file in found if file.suffix == ".npy" and file.parent == place]
    arrays: dict[str, Array] = {}
    for file in found:
        try:
            arrays |= _loaded(file)
        except Exception as error:  # a zip file, an array and a pickle fail in ways of their own
            raise RequestError(f"{file} cannot be read as arrays: {first_line(error)}") from None
    return arrays


def _loaded(file: Path) -> dict[str, Array]:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            if not on_disk.fits(sum(one.file_size for one in packed.infolist())):
                return _saved(_unpacked(file, packed))
    fits = on_disk.fits(file.stat().st_size)
    loaded = np.load(file, mmap_mode=None if fits else "r", allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {file.stem: np.asarray(loaded)}
    with loaded:
        return dict(loaded)


def _unpacked(file: Path, packed: zipfile.ZipFile) -> Path:
    """Return a folder in the cache folder with what an .npz holds, for as long as that is the same."""
    folder = cache_folder() / f"arrays-{contents.digest_of(file, 'arrays')}"
    with alone(folder):
        sizes = {one.filename: one.file_size for one in packed.infolist()}
        if sizes != {one.name: one.stat().st_size for one in folder.glob("*")}:
            with fresh(folder) as place:
                packed.extractall(place)
    return folder
