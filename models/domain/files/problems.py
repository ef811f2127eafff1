"""What can be wrong with a line of a file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file: `line` counts the file's physical lines from 1, `column` is the file's own header.

    `lost` says that the whole line could not be told apart into cells, so that nobody knows which record it was.
    """

    line: int
    column: str
    reason: str
    lost: bool = False

    def __str__(self) -> str:
        where = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.reason}"
