"""Transformations of whole batches of images, with one parameter an image.

torchvision's v2 functional operations take one parameter a call; these take a tensor of them, and
agree with torchvision where all images get the same one. Images are float32 `(n, channels, height,
width)` in [0, 1], on any device; parameters are `(n,)` unless said otherwise; what is returned has
the same shape and range.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from suite.ground.errors import RequestError

# The luminance and chrominance tables of the JPEG standard (ITU-T T.81, annex K), at quality 50.
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *(((99,) * 8,) * 4),
)
# From red, green, blue to Y, Cb, Cr (ITU-R BT.601, as JFIF has it); Cb and Cr lie around 0.
YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
BLOCK = 8


def flip(images: Tensor, flipped: Tensor) -> Tensor:
    """Mirror those images left to right whose entry in `flipped` is true."""
    return torch.where(_spread(flipped), images.flip(-1), images)


def affine(images: Tensor, degrees: Tensor, pixels: Tensor, scale: Tensor) -> Tensor:
    """Rotate clockwise about the centre, scale, then move by `pixels` `(n, 2)`, right and down.

    Bilinear; what comes from outside is black.
    """
    height, width = images.shape[-2:]
    angle = torch.deg2rad(degrees)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    right, down = pixels.unbind(1)
    rows = (
        (cos, sin * (height / width), -(cos * right + sin * down) * (2 / width)),
        (-sin * (width / height), cos, (sin * right - cos * down) * (2 / height)),
    )
    return _sampled(images, torch.stack([torch.stack(row, 1) for row in rows], 1))


def crop(images: Tensor, size: Tensor, centre: Tensor) -> Tensor:
    """Cut a rectangle out and scale it, bilinearly, to the size that the image had.

    Args:
        size: width and height as shares of the image's, `(n, 2)`.
        centre: where it lies in what room there is, `(n, 2)`: -1 is left or top, 1 right or bottom.
    """
    theta = torch.cat([torch.diag_embed(size), (centre * (1 - size))[:, :, None]], 2)
    return _sampled(images, theta)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply every pixel."""
    return (images * _spread(factor)).clamp_(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply every pixel's distance to the image's mean grey."""
    return _blend(images, _grey(images).mean((1, 2, 3), keepdim=True), factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply every pixel's distance to its own grey."""
    return _blend(images, _grey(images), factor)


def gamma(images: Tensor, exponent: Tensor) -> Tensor:
    """Raise every pixel to a power."""
    return images ** _spread(exponent)


def colour_cast(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply red, green and blue by `factors` `(n, 3)`.

    Raises:
        RequestError: if the images have not three channels.
    """
    if images.shape[1] != 3:
        raise RequestError(f"a colour cast needs images in colour, not {images.shape[1]} channel")
    return (images * factors[:, :, None, None]).clamp_(0, 1)


def blur(images: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Convolve with a Gaussian of standard deviation `sigma` pixels, cut off at `radius`.

    Pixels beyond the edge mirror those within.
    """
    taps = torch.arange(-radius, radius + 1, device=images.device)
    weights = torch.softmax(-0.5 * (taps / sigma[:, None].clamp(min=1e-2)) ** 2, 1)
    mixers = [_mixer(weights, radius, size) for size in images.shape[-2:]]
    return mixers[0] @ images @ mixers[1].mT


def noise(images: Tensor, sigma: Tensor, drawn: Tensor) -> Tensor:
    """Add `sigma` times standard normal numbers, of the shape of `images`."""
    return (images + _spread(sigma) * drawn).clamp_(0, 1)


def compression(images: Tensor, quality: Tensor) -> Tensor:
    """Lose what JPEG loses at a quality of 1 to 100, without its subsampling of colours.

    Each block of 8 x 8 pixels is rounded in its cosine transform; images are padded to whole blocks
    with their edges, as the Independent JPEG Group's library does, whose scale of quality this is.
    """
    height, width = images.shape[-2:]
    colour = images.shape[1] == 3
    turn = torch.tensor(YCBCR, device=images.device)
    pixels = (images * 255).round_()
    if colour:
        pixels = torch.einsum("ij,njhw->nihw", turn, pixels)
    pixels[:, :1] -= 128
    pixels = F.pad(pixels, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
    n, channels, rows, columns = pixels.shape
    tiling = (n, channels, rows // BLOCK, columns // BLOCK, BLOCK, BLOCK)
    blocks = pixels.view(n, channels, tiling[2], BLOCK, tiling[3], BLOCK).transpose(3, 4)
    cosines = _cosines(images.device)
    steps = _steps(quality, channels)[:, :, None]
    kept = torch.round(blocks.reshape(n, channels, -1, BLOCK**2) @ cosines.mT / steps) * steps
    blocks = (kept @ cosines).view(tiling)
    pixels = blocks.transpose(3, 4).reshape(n, channels, rows, columns)[..., :height, :width]
    pixels[:, :1] += 128
    if colour:
        pixels = torch.einsum("ij,njhw->nihw", torch.linalg.inv(turn), pixels)
    return pixels.round().clamp_(0, 255).div_(255)


def _spread(parameter: Tensor) -> Tensor:
    """Return `(n,)` as `(n, 1, 1, 1)`."""
    return parameter[:, None, None, None]


def _sampled(images: Tensor, theta: Tensor) -> Tensor:
    """Sample images where `theta` `(n, 2, 3)` maps each pixel's place, in [-1, 1]."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _grey(images: Tensor) -> Tensor:
    """Return `(n, 1, height, width)`, with the weights of ITU-R BT.601 for three channels."""
    if images.shape[1] == 1:
        return images
    weights = torch.tensor((0.2989, 0.587, 0.114), device=images.device)  # as torchvision cuts them
    return (images * weights[:, None, None]).sum(1, keepdim=True)


def _blend(images: Tensor, other: Tensor, share: Tensor) -> Tensor:
    return torch.lerp(other.expand_as(images), images, _spread(share)).clamp_(0, 1)


def _mixer(weights: Tensor, radius: int, size: int) -> Tensor:
    """Return `(n, 1, size, size)`: by which weight each pixel of a line enters each other one.

    Two products with such matrices are one call each, where a sum over 15 taps takes 30.
    """
    places = torch.arange(size, device=weights.device)
    sources = places[:, None] + torch.arange(-radius, radius + 1, device=weights.device)
    sources = (size - 1) - ((size - 1) - sources.abs()).abs()  # mirrored at both ends
    target = (places[:, None] * size + sources).flatten()
    mixer = weights.new_zeros(len(weights), size * size)
    mixer.index_add_(1, target, weights.repeat(1, size))
    return mixer.view(-1, 1, size, size)


def _cosines(device: torch.device) -> Tensor:
    """Return the orthonormal cosine transform of a block, row after row, `(64, 64)`."""
    k = torch.arange(BLOCK, dtype=torch.float32, device=device)
    matrix = torch.cos(math.pi / BLOCK * (k + 0.5) * k[:, None]) * math.sqrt(2 / BLOCK)
    matrix[0] /= math.sqrt(2)
    return torch.kron(matrix, matrix)


def _steps(quality: Tensor, channels: int) -> Tensor:
    """Return the steps of rounding, `(n, channels, 64)`."""
    tables = [LUMINANCE] + [CHROMINANCE] * (channels - 1)
    base = torch.tensor(tables, dtype=torch.float32, device=quality.device).flatten(1)
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    return ((base * percent[:, None, None] + 50) / 100).floor_().clamp_(1, 255)
