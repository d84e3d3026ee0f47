"""Reading what zstandard compressed, no further than was agreed and to its very end."""

from __future__ import annotations

from typing import BinaryIO

import zstandard

PIECE = 512  # Compressed bytes a step: at zstandard's most extreme they become 16 MiB.
WINDOW = 1 << 27


class Frame:
    """The bytes of one zstandard frame, in order.

    Unlike zstandard's own reader it tells a frame that is cut short from one that ends, and stops
    at a limit: a few kilobytes can unpack to terabytes.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        """Read from `file`, at first no more than `most` bytes."""
        self._file = file
        self._frame = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
        self._ready = b""
        self._left = most

    def allow(self, more: int) -> None:
        """Let `more` further bytes be read."""
        self._left += more

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end.

        Raises:
            EOFError: if the file ends before the frame does.
            ValueError: if the frame holds more than is allowed.
        """
        while len(self._ready) < size and not self._frame.eof:
            piece = self._file.read(PIECE)
            if not piece:
                raise EOFError("it is cut short")
            self._ready += self._frame.decompress(piece)
        taken, self._ready = self._ready[:size], self._ready[size:]
        self._left -= len(taken)
        if self._left < 0:
            raise ValueError("it unpacks to more than its manifest says")
        return taken

    def finish(self) -> None:
        """Read to the end of the frame, which must be the end of the file.

        Raises:
            EOFError, ValueError: as `read`; also if the file goes on.
        """
        while self.read(PIECE):
            pass
        if self._frame.unused_data or self._file.read(1):
            raise ValueError("there are bytes after its end")
