"""Where a file's bytes come from: something that opens as often as asked, since a file is looked over before it is read."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

_AT_ONCE = 1 << 20


class _Generous(io.BufferedReader):
    """Looks at the disk a megabyte at a time, under a text stream too, which asks past the buffer for 8 kB.

    Each such look lets go of the interpreter, so briefly that a thread that waits for it is woken for nothing, and so
    often that its wait never lasts the 5 ms after which it may demand it (`sys.getswitchinterval`): the loop stood
    still for a second while a file of 100,000 rows was looked over.
    """

    def read1(self, size: int = -1, /) -> bytes:
        self.peek()  # fills the buffer if it is empty
        return super().read1(size)


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
        return _Generous(self.path.open("rb", buffering=0), _AT_ONCE)
