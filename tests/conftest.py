"""What every test shares: a cache folder of its own, one thread, and no GPU but where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator

# What is expected is what a CPU computes; `nox -s gpu` and `nox -s bench` ask for a GPU. Before torch.
if "THUMBRULES_TEST_GPU" not in os.environ:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

import pytest
import torch
from hypothesis import settings

# The same examples in every run, so that a failure is there again when one looks; no deadline,
# since the machine may be shared. `--hypothesis-profile=search` looks further.
settings.register_profile("thumbrules", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile("thumbrules")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that start processes first, the longest of them before the others.

    Files are spread over cores in this order, and no core shall be left with a long one when the
    other is done.
    """
    longest = ("test_docs", "test_studies", "test_faults", "test_teams")
    order = {name: place for place, name in enumerate(longest)}

    def place(item: pytest.Item) -> tuple[bool, int]:
        return "processes" not in item.path.parts, order.get(item.path.stem, len(order))

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep decoded data out of the user's cache, and what lies there out of the tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        patch.delenv("THUMBRULES_DATA", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums are split among threads, so only a fixed number of them gives fixed bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
