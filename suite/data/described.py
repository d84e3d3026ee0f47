"""What data are, in a line: sizes, shapes, and what is asked of a network."""

from __future__ import annotations

import math

import numpy as np

from suite.data.sources import raw
from suite.data.splits import outline
from suite.ground.wording import plural
from suite.vocabulary.data import Data


def described(data: Data, seed: int) -> str:
    """Return how many examples each split has, what one is, and the classes or values.

    Raises:
        RequestError: if the data cannot be had.
    """
    train, validation, test, shape, target, outputs, symbols = outline(data, seed)
    sizes = f"{train:,} examples to train on, {validation:,} to validate, {test:,} to test"
    if symbols:
        like = f"{plural(shape[0], 'position')}, {symbols} kinds of symbols"
    elif len(shape) == 3:
        like = "×".join(map(str, shape)) + " pixels"
    else:
        like = plural(math.prod(shape), "feature")
    found = raw(data, seed)
    if found.targets.dtype != np.int64:
        return f"{sizes}; {like}; {plural(outputs, 'value')} to predict"
    classes = f"{outputs} classes"
    if target:
        return f"{sizes}; {like}; {classes} at each position"
    counts = np.bincount(found.targets % outputs)
    most, share = int(counts.argmax()), 100 * counts.max() / counts.sum()
    name = f", '{found.names[most]}'," if len(found.names) == outputs else ""
    return f"{sizes}; {like}; {classes}, the commonest{name} with {share:.0f} % of the examples"
