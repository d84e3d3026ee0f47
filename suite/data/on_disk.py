"""Data larger than memory: they stay in their file, and are gathered from it part by part.

A trial's bits do not depend on where its data are. What fits in memory is gathered whole. Ray sends
arrays whole as well.
"""

from __future__ import annotations

import itertools
import math
import mmap
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from suite.ground.cache import cache_folder
from suite.ground.errors import RequestError
from suite.ground.memory import free

Array = np.ndarray[Any, Any]
T = TypeVar("T")
R = TypeVar("R")
PART = 4 << 20  # bytes that are gathered, written or looked at at a time
# Bytes: products of matrices round otherwise where these begin elsewhere in a line of the cache, so
# a part begins where it would within the whole, which an allocator aligns to no more than this.
ALIGNED = 512
# In memory a source is there a second time as splits, and its training split a third time, in an
# epoch's order. The rest of what is free is for the network and what it computes.
COPIES, SHARE = 2, 0.6


def fits(nbytes: int, device: str = "cpu") -> bool:
    """Say whether a source of that many bytes can be trained on in memory."""
    room = free()
    if torch.device(device).type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        room = min(room, torch.cuda.mem_get_info(device)[0] + unused)
    return COPIES * nbytes <= SHARE * room


class OnDisk:
    """What stands for the inputs of a split that stay where they are.

    Where a tensor is asked for some of its rows, so is this, and gives others of its kind; `split`,
    `to` and `cpu` give tensors.

    Args:
        array: `(m, ...)`, memory-mapped or not.
        rows: int64 `(n,)`, which of them.
        changed: makes of some rows, as a tensor, what they are in training; of each by itself.
        example: the shape of one, changed.
        device: that tensors are gathered to.
    """

    def __init__(
        self,
        array: Array,
        rows: Tensor,
        changed: Callable[[Tensor], Tensor],
        example: tuple[int, ...],
        device: str,
    ) -> None:
        self.array, self.rows, self.changed, self.device = array, rows, changed, device
        self.shape = torch.Size((len(rows), *example))
        self.ndim = len(self.shape)
        self.dtype = torch.from_numpy(np.empty(0, array.dtype)).dtype
        self.nbytes = self.shape.numel() * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice | Tensor) -> OnDisk:
        index = index.cpu() if isinstance(index, Tensor) else index
        return OnDisk(self.array, self.rows[index], self.changed, self.shape[1:], self.device)

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return all of it as one tensor, as `Tensor.to` does."""
        return self._gathered(range(len(self))).to(*args, **kwargs)

    def cpu(self) -> Tensor:
        """Return all of it as one tensor."""
        return self.to("cpu")

    def split(self, size: int) -> Iterator[Tensor]:
        """Yield it in parts of so many rows; what comes next is gathered meanwhile.

        Small parts are gathered together: handing one over to a thread takes 50 µs.
        """
        together = max(1, PART // (self._row * size)) * size
        begins = range(0, len(self), together)
        parts = (range(at, min(at + together, len(self))) for at in begins)
        for some in ahead(self._gathered, parts):
            yield from torch.split(some, size)

    def working_bytes(self, size: int) -> int:
        """Return the bytes in memory at most while it is split, beside those of an array there."""
        gathered = max(PART, self._row * size)
        return 2 * gathered + (0 if is_mapped(self.array) else self.array.nbytes)

    @property
    def _row(self) -> int:
        """The bytes of one row, as it is and changed."""
        as_it_is = self.array.nbytes // max(1, len(self.array))
        return max(1, as_it_is + self.nbytes // max(1, len(self)))

    def _gathered(self, places: range) -> Tensor:
        """Return the rows at some places in a row."""
        each = self.shape[1:].numel()
        before = places.start * each % (ALIGNED // self.dtype.itemsize)
        made = torch.empty(before + len(places) * each, dtype=self.dtype, device=self.device)
        gathered = made[before:].view(len(places), *self.shape[1:])
        few = max(1, PART // self._row)
        rows = self.rows[places.start : places.stop]
        for some, into in zip(torch.split(rows, few), torch.split(gathered, few), strict=True):
            found = np.ascontiguousarray(self.array[some.numpy()])
            into.copy_(self.changed(torch.from_numpy(found)))
        return gathered


def in_parts(inputs: Tensor | OnDisk, size: int) -> Iterable[Tensor]:
    """Return inputs in parts of so many rows, wherever they are."""
    return torch.split(inputs, size) if isinstance(inputs, Tensor) else inputs.split(size)


def stacked(batches: Iterable[tuple[Tensor, ...]], n: int) -> Iterator[Tensor]:
    """Yield batches stacked, each as it would lie in a stack of whole epochs of `n` rows."""
    begin = 0
    for parts in batches:
        first = parts[0]
        each, line = first[0].numel(), ALIGNED // first.dtype.itemsize
        before = begin * each % line
        apart = first.numel() + (n * each - first.numel()) % line
        made = torch.empty(before + len(parts) * apart, dtype=first.dtype, device=first.device)
        batch = made.as_strided((len(parts), *first.shape), (apart, *first.stride()), before)
        for into, part in zip(batch, parts, strict=True):
            into.copy_(part)
        yield batch
        begin += len(first)


def joined(parts: Iterable[Tensor], like: Tensor | OnDisk, device: str) -> Tensor:
    """Return uint8 parts as one tensor, or on the disk where what they are made of is there.

    Args:
        like: of the shape that they have together.
    """
    if isinstance(like, Tensor):
        return torch.cat(list(parts))
    array = Stream(like.shape, np.uint8, lambda: (part.cpu().numpy() for part in parts)).mapped()
    rows = torch.arange(len(array))
    return cast("Tensor", OnDisk(array, rows, lambda some: some, like.shape[1:], device))


def ahead(
    function: Callable[[T], R], items: Iterable[T], *, threads: int = 1, depth: int = 1
) -> Iterator[R]:
    """Yield a function of each item, in order, worked out in threads.

    Args:
        depth: how many at most are there, or under way, before they are asked for.
    """
    left = iter(items)
    pool = ThreadPoolExecutor(threads)
    try:
        under_way = deque(pool.submit(function, one) for one in itertools.islice(left, depth))
        while under_way:
            found = under_way.popleft().result()
            under_way.extend(pool.submit(function, one) for one in itertools.islice(left, 1))
            yield found
    finally:  # also where the one who asks has had enough
        pool.shutdown(cancel_futures=True)


class Stream(NamedTuple):
    """An array that is made part by part, each some of its rows; anew whenever it is asked for."""

    shape: tuple[int, ...]
    dtype: type[np.generic]
    parts: Callable[[], Iterable[Array]]

    def write(self, file: IO[bytes]) -> None:
        """Write its bytes in C order."""
        for part in self.parts():
            file.write(np.ascontiguousarray(part).data)

    def save(self, path: Path) -> None:
        """Write it as `np.save` does."""
        with path.open("wb") as file:
            header = {
                "descr": np.dtype(self.dtype).str,
                "fortran_order": False,
                "shape": self.shape,
            }
            np.lib.format.write_array_header_1_0(file, header)
            self.write(file)

    def whole(self) -> Array:
        """Return it in memory."""
        made: Array = np.empty(self.shape, self.dtype)
        at = 0
        for part in self.parts():
            made[at : at + len(part)] = part
            at += len(part)
        return made

    def mapped(self) -> Array:
        """Return it from a file in the cache folder that has no name, and is gone with the process.

        Raises:
            RequestError: if there is no room for it.
        """
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=cache_folder()) as file:
                self.write(file)
                file.flush()
                return np.asarray(np.memmap(file, self.dtype, "r", shape=self.shape))
        except OSError as error:
            raise RequestError(
                f"data of {np.dtype(self.dtype).itemsize * math.prod(self.shape):,} bytes do not fit "
                f"in memory, and not in {cache_folder()} either: {error.strerror}"
            ) from None


def parts(array: Array) -> Iterator[Array]:
    """Yield an array in parts, some of its rows each, so that what is made of one is small."""
    rows = max(1, PART * len(array) // max(1, array.nbytes))
    return (array[at : at + rows] for at in range(0, len(array), rows))


def is_mapped(array: Array) -> bool:
    """Say whether an array, or what it is a view of, is mapped from a file."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)
