"""Making a process compute the same bits every time."""

from __future__ import annotations

import os

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
