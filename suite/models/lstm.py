"""Long short-term memory over symbols (Hochreiter and Schmidhuber, 1997)."""

from __future__ import annotations

from torch import Tensor, nn

from suite.models.layers import Dropout


class LSTM(nn.Module):
    """Symbols `(n, length)` to outputs `(n, length, outputs)`."""

    def __init__(
        self,
        _shape: tuple[int, ...],
        outputs: int,
        *,
        symbols: int,
        layers: int,
        width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.memory = nn.LSTM(width, width, layers, batch_first=True)
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(width, outputs)

    def forward(self, symbols: Tensor) -> Tensor:
        """Return what each position says, having seen itself and those before it."""
        outputs: Tensor = self.head(self.dropout(self.memory(self.embedding(symbols))[0]))
        return outputs
