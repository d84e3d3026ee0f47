"""What one's own code does to its process ends with its trial."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Undo what is changed meanwhile and shared with other trials; print to standard error.

    Working directory, environment, PyTorch's defaults and NumPy's treatment of errors: the next
    trial in this process would compute otherwise than alone. Standard output is the command's.
    """
    import numpy as np  # here, since a coordinator that trains nothing loads neither
    import torch

    folder, environment = os.getcwd(), dict(os.environ)  # noqa: PTH109
    errors, dtype, threads = np.geterr(), torch.get_default_dtype(), torch.get_num_threads()
    grad, deterministic = torch.is_grad_enabled(), torch.get_deterministic_debug_mode()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.chdir(folder)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)
        np.seterr(**errors)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_grad_enabled(grad)
        torch.set_deterministic_debug_mode(deterministic)
