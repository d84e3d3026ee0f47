"""A causal transformer over symbols (Vaswani et al., 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suite.ground.errors import RequestError
from suite.models.layers import Dropout, activated
from suite.vocabulary.model import Activation

HIDDEN = 4  # units of a hidden layer, in widths
BASE = 10_000.0  # of the wavelengths of rotary positions


class Attention(nn.Module):
    """Causal attention of several heads, over `(n, length, width)`.

    Attributes:
        rotation: cosines and sines `(2, length, width of a head)` by which queries and keys are
            rotated (Su et al., 2021), or none.
    """

    rotation: Tensor | None

    def __init__(self, width: int, heads: int, rotary: int) -> None:
        super().__init__()
        self.heads = heads
        self.inwards = nn.Linear(width, 3 * width)
        self.outwards = nn.Linear(width, width)
        rotation = rotations(rotary, width // heads) if rotary else None
        self.register_buffer("rotation", rotation, persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a tensor of the shape of `inputs`; a position sees itself and those before it."""
        parts = self.inwards(inputs).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # each (n, heads, length, width)
        if self.rotation is not None:
            queries, keys = (rotated(one, self.rotation) for one in (queries, keys))
        seen = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        outputs: Tensor = self.outwards(seen.transpose(1, 2).flatten(2))
        return outputs


def rotations(length: int, width: int) -> Tensor:
    """Return cosines and sines `(2, length, width)` of angles, one for each pair of units."""
    frequencies = BASE ** (-torch.arange(0, width, 2) / width)
    angles = torch.outer(torch.arange(length), frequencies).repeat(1, 2)
    return torch.stack([angles.cos(), angles.sin()])


def rotated(vectors: Tensor, rotation: Tensor) -> Tensor:
    """Return vectors `(…, length, width)`, unit i and unit i + width / 2 turned by their angle."""
    cosines, sines = rotation[:, : vectors.shape[-2]]
    first, second = vectors.chunk(2, dim=-1)
    turned: Tensor = vectors * cosines + torch.cat([-second, first], dim=-1) * sines
    return turned


class Layer(nn.Module):
    """Attention, then a hidden layer at each position; what each makes is added to its input."""

    def __init__(
        self,
        width: int,
        heads: int,
        rotary: int,
        *,
        activation: Activation,
        dropout: float,
        norm: str,
    ) -> None:
        super().__init__()
        hidden = nn.Sequential(
            nn.Linear(width, HIDDEN * width),
            activated(activation),
            nn.Linear(HIDDEN * width, width),
        )
        self.parts = nn.ModuleList([Attention(width, heads, rotary), hidden])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in self.parts])
        self.dropout = Dropout(dropout)
        self.before = norm == "pre"

    def forward(self, values: Tensor) -> Tensor:
        """Return a tensor of the shape of `values`, `(n, length, width)`."""
        for part, norm in zip(self.parts, self.norms, strict=True):
            if self.before:
                values = values + self.dropout(part(norm(values)))
            else:
                values = norm(values + self.dropout(part(values)))
        return values


class Transformer(nn.Module):
    """Symbols `(n, length)` to outputs `(n, length, outputs)`.

    Raises:
        RequestError: if classes are not symbols and shall share their vectors.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        *,
        symbols: int,
        layers: int,
        width: int,
        heads: int,
        activation: Activation,
        dropout: float,
        norm: str,
        positions: str,
        tied: bool,
    ) -> None:
        if tied and outputs != symbols:
            raise RequestError(
                "Model.tied needs classes that are the symbols, not "
                f"{outputs} classes of {symbols} symbols"
            )
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        # As large as the original's: of unit length for classes, and scaled up as inputs.
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.scale = width**0.5
        self.positions = None
        if positions == "learned":
            self.positions = nn.Parameter(torch.randn(shape[0], width))
        self.dropout = Dropout(dropout)
        rotary = shape[0] if positions == "rotary" else 0
        self.layers = nn.Sequential(
            *(
                Layer(width, heads, rotary, activation=activation, dropout=dropout, norm=norm)
                for _ in range(layers)
            )
        )
        self.norm = nn.LayerNorm(width) if norm == "pre" else nn.Identity()
        self.head = nn.Linear(width, outputs, bias=not tied)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, symbols: Tensor) -> Tensor:
        """Return what each position says, having seen itself and those before it."""
        values = self.embedding(symbols) * self.scale
        if self.positions is not None:
            values = values + self.positions[: symbols.shape[1]]
        outputs: Tensor = self.head(self.norm(self.layers(self.dropout(values))))
        return outputs
