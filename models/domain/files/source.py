"""Where a file's bytes come from: something that opens as often as asked, since a file is looked over before it is read."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


class Source(Protocol):
    """Bytes that can be read from their beginning any number of times."""

    def open(self) -> BinaryIO:
        """A new stream at the first byte; the caller closes it."""
        ...


@dataclass(frozen=True)
class Bytes:
    """A file that is in memory already, such as one dropped in Slack."""

    data: bytes

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


@dataclass(frozen=True)
class File:
    """A file on disk, never held in memory as a whole."""

    path: Path

    def open(self) -> BinaryIO:
        return self.path.open("rb")
