"""Making a process compute the same bits every time."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator

import numpy as np

# cuBLAS is deterministic only with a fixed workspace, and reads this when CUDA starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import torch


def enforce(threads: int) -> None:
    """Use deterministic algorithms, fixed threads and full float32 precision in this process.

    From here on PyTorch raises an error, naming the operation, where one has no deterministic form.
    """
    torch.set_num_threads(threads)
    # The same switch as `torch.use_deterministic_algorithms(True)`, which also loads the compiler,
    # 1.4 s a process, to tell it.
    torch.set_deterministic_debug_mode("error")
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and PyTorch, and leave them as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - it is what others use
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
