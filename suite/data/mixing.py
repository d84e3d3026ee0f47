"""Images made out of those of a batch, with shares of classes as targets."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from suite.data.augmentation import call, transform
from suite.data.splits import Split
from suite.ground.errors import RequestError
from suite.vocabulary.transformation import Transform

Mixed = tuple[Tensor, Tensor]


def mixed(
    batch: Split, transforms: tuple[Transform, ...], classes: int, generator: torch.Generator
) -> Split:
    """Return a batch as float32 images and shares of classes `(n, classes)`, mixed in order.

    Args:
        generator: on the device of the images.
    """
    images = transform(batch.inputs, (), generator)
    shares = F.one_hot(batch.targets, classes).to(images.dtype)
    for one in transforms:
        found = call(one, images, generator, targets=shares)
        forms = [getattr(part, "shape", None) for part in found] if isinstance(found, tuple) else []
        if forms != [images.shape, shares.shape]:
            raise RequestError(
                f"transformation '{one.name}' must return images {tuple(images.shape)} and targets "
                f"{tuple(shares.shape)}"
            )
        images, shares = found
    return Split(images, shares)


def mixup(
    images: Tensor, _: Tensor, *, targets: Tensor, generator: torch.Generator, alpha: float
) -> Mixed:
    kept = _beta(alpha, generator)
    others = images.roll(1, 0), targets.roll(1, 0)
    return images * kept + others[0] * (1 - kept), targets * kept + others[1] * (1 - kept)


def cutmix(
    images: Tensor, _: Tensor, *, targets: Tensor, generator: torch.Generator, alpha: float
) -> Mixed:
    height, width = images.shape[-2:]
    half = 0.5 * (1 - _beta(alpha, generator)) ** 0.5
    across, down = _between(width, half, generator), _between(height, half, generator)
    pasted = images.clone()
    pasted[..., down, across] = images.roll(1, 0)[..., down, across]
    area = (across.stop - across.start) * (down.stop - down.start)
    kept = 1 - area / (height * width)
    return pasted, targets * kept + targets.roll(1, 0) * (1 - kept)


def _between(size: int, half: float, generator: torch.Generator) -> slice:
    """Return the pixels around one that is drawn, up to `half` of the size to either side."""
    middle = int(torch.randint(size, (), generator=generator, device=generator.device))
    reach = int(half * size)
    return slice(max(0, middle - reach), min(size, middle + reach))


def _beta(alpha: float, generator: torch.Generator) -> float:
    """Draw from the beta distribution with both parameters alike."""
    both = torch.full((2,), alpha, device=generator.device)
    return float(torch._sample_dirichlet(both, generator)[0])
