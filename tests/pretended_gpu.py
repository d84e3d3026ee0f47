"""A GPU that is only pretended: its tensors compute on the CPU, and refuse to meet what lies there.

So what trains on a GPU can be tried where there is none: that it keeps its tensors together is the
same question, and that it ends in the same bits can be asked too. Kernels, their speed, streams
and a card's memory cannot be tried so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

from suite.execution import gpus

CARD = torch.device("cuda", 0)
MEMORY = 80 << 30  # bytes
aten = torch.ops.aten
COPIES = {aten.copy_.default, aten._foreach_copy_.default}
MOVES = {aten._to_copy.default, *COPIES}
# What lies on a card may be indexed by what does not.
INDEXED = {
    aten.index.Tensor,
    aten._unsafe_index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}


class OnCard(Tensor):
    """A tensor that says it is on the GPU. To PyTorch's own code it is on `meta`, as a fake one is."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnCard:
        made: OnCard = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device="meta",
            requires_grad=held.requires_grad,
        )
        made.held = held
        return made

    device = property(lambda _: CARD)
    is_cuda = property(lambda _: True)
    is_meta = property(lambda _: False)
    data = property(
        lambda self: OnCard(self.held.data), lambda self, other: setattr(self, "held", other.held)
    )

    def __repr__(self) -> str:
        return f"OnCard({self.held})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.held.__reduce_ex__(protocol)  # as it is loaded where there is no GPU

    def tolist(self) -> Any:
        return self.held.tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _compute(function, args, kwargs or {})


def _is_card(device: Any) -> bool:
    # PyTorch's own code makes on `meta` what it needs beside an OnCard.
    return device is not None and torch.device(device).type in ("cuda", "meta")


def _compute(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do on the CPU what is asked of tensors on the card."""
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    there = [one for one in tensors if isinstance(one, OnCard)]
    # One number may lie anywhere.
    here = [one for one in tensors if not isinstance(one, OnCard) and one.ndim]
    indexed = function in INDEXED and isinstance(args[0], OnCard)
    if there and here and function not in MOVES and not indexed:
        raise RuntimeError(f"Expected all tensors to be on the same device, in {function}")
    device = kwargs.get("device")
    to_card = bool(there) if device is None else _is_card(device)
    if device is not None:
        kwargs = {**kwargs, "device": "cpu"}
    held = tree_map_only(OnCard, lambda one: one.held, (args, kwargs))
    found = function(*held[0], **held[1])
    if function in COPIES:
        return None if found is None else args[0]
    if not to_card:
        return found
    found = tree_map_only(Tensor, OnCard, found)
    if not there or function is aten._to_copy.default:
        return found
    return return_and_correct_aliasing(function, args, kwargs, found)


class _Kernels(TorchDispatchMode):
    """Computes what is made on the card, or of what is on it."""

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if _is_card(kwargs.get("device")) or any(issubclass(one, OnCard) for one in types):
            return _compute(function, args, kwargs)
        return function(*args, **kwargs)


class _Names(TorchFunctionMode):
    """Keeps PyTorch from asking a driver that is not there which card `cuda` is."""

    def __torch_function__(
        self, function: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        args = tuple(map(_named, args))
        kwargs = {name: _named(one) for name, one in (kwargs or {}).items()}
        if function is Tensor.cuda:
            return args[0].to(CARD)
        if function in (torch.tensor, torch.as_tensor):
            device = kwargs.pop("device", None)
            made = function(*args, **kwargs)
            return OnCard(made) if _is_card(device) else made
        if function is Tensor.new_tensor and isinstance(args[0], OnCard):
            return OnCard(args[0].held.new_tensor(*args[1:], **kwargs))
        return function(*args, **kwargs)


def _named(one: Any) -> Any:
    if isinstance(one, str | torch.device) and str(one) == "cuda":
        return CARD
    return one


class _Generator(torch.Generator):
    """Draws on the CPU, whatever device it is of."""

    def __new__(cls, device: Any = "cpu") -> _Generator:
        made: _Generator = super().__new__(cls, "cpu")  # type: ignore[call-arg]
        made.of = torch.device(_named(device))
        return made

    device = property(lambda self: self.of)


@contextlib.contextmanager
def pretended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a GPU, in this thread."""
    answers: dict[str, Any] = {
        "is_available": True,
        "is_initialized": True,
        "device_count": 1,
        "current_device": 0,
        "get_device_name": "a card that is pretended",
        "get_device_capability": (9, 0),
        "is_bf16_supported": True,
        "mem_get_info": (MEMORY, MEMORY),
        "memory_reserved": 0,
        "memory_allocated": 0,
        "synchronize": None,
        "empty_cache": None,
        "_lazy_init": None,
    }
    with monkeypatch.context() as patch:
        for name, answer in answers.items():
            patch.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
        patch.setattr(torch.backends.cudnn, "version", lambda: 91000)
        patch.setattr(torch.backends.cudnn, "is_acceptable", lambda _: False)
        for check in (
            "_accelerator_graph_capture_health_check",
            "_cuda_graph_capture_health_check",
        ):
            patch.setattr(torch.optim.Optimizer, check, lambda _: None, raising=False)
        patch.setattr(torch, "Generator", _Generator)
        patch.setattr(gpus, "count", lambda: 1)
        patch.setattr(gpus, "memory", lambda: MEMORY)
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            with _Kernels(), _Names():
                yield
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(False)
