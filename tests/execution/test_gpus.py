"""Which GPUs count: those that the driver knows and that the installed PyTorch can use."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from suite.execution import gpus


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    for cached in (gpus.count, gpus.memory):
        cached.cache_clear()
    yield
    for cached in (gpus.count, gpus.memory):
        cached.cache_clear()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A driver of CUDA 12.4 that knows three GPUs of 80 bytes."""

    def gives(value: int) -> object:
        def answer(pointer: object, *_: object) -> int:
            pointer._obj.value = value
            return 0

        return answer

    made = SimpleNamespace(
        cuInit=lambda _: 0,
        cuDriverGetVersion=gives(12040),
        cuDeviceGetCount=gives(3),
        cuDeviceTotalMem_v2=gives(80),
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda _: made)
    return made


@pytest.mark.parametrize(("built_for", "there"), [(0, 0), (11, 3), (12, 3), (13, 0)])
@pytest.mark.usefixtures("driver")
def test_only_what_pytorch_can_use_counts(
    built_for: int, there: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "_built_for", lambda: built_for)
    assert gpus.count() == there
    assert gpus.memory() == (80 if there else 0)


def test_a_driver_that_does_not_start_has_none(
    driver: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "_built_for", lambda: 12)
    driver.cuInit = lambda _: 100  # CUDA_ERROR_NO_DEVICE
    assert gpus.count() == 0


def test_what_pytorch_was_built_for_is_read_without_loading_it() -> None:
    version = torch.version.cuda
    assert gpus._built_for() == (int(version.split(".")[0]) if version else 0)


def test_the_count_is_pytorchs() -> None:
    assert gpus.count() == torch.cuda.device_count()
