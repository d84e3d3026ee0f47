"""House prices as tables: Boston, which comes with a package, and Ames by path, as Kaggle has it.

A column of words becomes one column of 0 and 1 for each word, a missing word being a word of its
own; a missing number stays NaN, for `standardise` to fill in.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from suite.ground.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "house-prices"
# The twelfth is left out: it is computed from the share of black residents.
LEFT_OUT = 11

Array = np.ndarray[Any, Any]


class Unpriced(NamedTuple):
    """The houses of test.csv: float32 `(n, features)`, and their Ids."""

    features: Array
    ids: list[int]


def boston() -> tuple[Array, Array]:
    """Return float32 features `(506, 12)` and log prices `(506, 1)` (Harrison and Rubinfeld, 1978)."""
    from mlxtend.data import boston_housing_data

    features, thousands = boston_housing_data()
    prices = np.log(1000 * thousands)[:, None]
    return np.delete(features, LEFT_OUT, axis=1).astype(np.float32), prices.astype(np.float32)


def priced(folder: Path) -> tuple[Array, Array]:
    """Return float32 features `(n, features)` and log prices `(n, 1)` of Kaggle's train.csv.

    Raises:
        RequestError: if it is missing or not as Kaggle's, or a house has no price.
    """
    import pandas as pd

    path = folder / "train.csv"
    frame = _read(path, ("Id", "SalePrice"))
    prices = pd.to_numeric(frame["SalePrice"], errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~(prices > 0) | np.isinf(prices))
    if len(wrong):
        raise RequestError(f"{path}, line {wrong[0] + 2}: SalePrice must be a number above 0")
    features = frame.drop(columns=["Id", "SalePrice"])
    return _encode(features, features, path), np.log(prices)[:, None].astype(np.float32)


def unpriced(folder: Path) -> Unpriced:
    """Return the houses of test.csv, encoded as train.csv is: a word unseen there is all zeros.

    Raises:
        RequestError: if either file is missing, or test.csv has other columns than train.csv.
    """
    like = _read(folder / "train.csv", ("Id", "SalePrice")).drop(columns=["Id", "SalePrice"])
    path = folder / "test.csv"
    frame = _read(path, ("Id", *like.columns))
    return Unpriced(_encode(frame[like.columns], like, path), frame["Id"].tolist())


def write_submission(path: Path, ids: list[int], prices: Array) -> None:
    """Write a file that Kaggle takes: Id,SalePrice."""
    lines = [f"{one},{price:.2f}" for one, price in zip(ids, prices, strict=True)]
    path.write_text("\n".join(["Id,SalePrice", *lines, ""]))


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_csv(path)
    except FileNotFoundError:
        raise RequestError(
            f"{path} is missing: put Kaggle's train.csv and test.csv in the folder {FOLDER} of "
            "THUMBRULES_DATA"
        ) from None
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise RequestError(f"{path} cannot be read as a table: {reason}") from None
    missing = [name for name in columns if name not in frame]
    if missing:
        raise RequestError(f"{path} has no column '{missing[0]}'")
    if frame.empty:
        raise RequestError(f"{path} has no rows")
    return frame


def _encode(frame: pd.DataFrame, like: pd.DataFrame, path: Path) -> Array:
    """Return float32 `(n, features)`: `like` says which columns are numbers, and knows the words."""
    numbers = like.select_dtypes("number").columns
    for name in numbers:
        if frame[name].dtype.kind not in "iufb":
            raise RequestError(f"{path}: column '{name}' holds words where numbers are expected")
    words = like.columns.difference(numbers, sort=False)
    known = _indicators(like[words]).columns
    found = _indicators(frame[words]).reindex(columns=known, fill_value=False)
    return np.hstack([frame[numbers].to_numpy(np.float32), found.to_numpy(np.float32)])


def _indicators(words: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    if words.columns.empty:
        return words
    return pd.get_dummies(words.astype(object).fillna("missing").astype(str), prefix_sep="=")
