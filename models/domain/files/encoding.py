"""Which text a file's bytes are: UTF-8, UTF-16, else Windows-1252; and in words what it is when it is no text at all.

The bytes are read through once, in pieces: a file that is refused for line 90,000 is refused before line 1 is imported.
"""

import codecs
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TextIO, TypeVar

from models.domain.errors import BadFile
from models.domain.files.source import Bytes, Source
from models.domain.text import clip

_HEAD = 4096
_CHUNK = 1 << 18
_SAVE = "Save it as “CSV UTF-8” and import that."
NO_TEXT = "This is no text file. Export the list as CSV (UTF-8) and import that."

_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0", f"This is an Excel workbook (.xls), not a CSV file. {_SAVE}"),
    (b"%PDF", "This is a PDF, not a CSV file. Export the list itself as CSV (UTF-8) and import that."),
    (b"\x89PNG", "This is an image, not a CSV file. Export the list itself as CSV (UTF-8) and import that."),
    (b"\xff\xd8\xff", "This is an image, not a CSV file. Export the list itself as CSV (UTF-8) and import that."),
    (b"GIF8", "This is an image, not a CSV file. Export the list itself as CSV (UTF-8) and import that."),
    (b"\x1f\x8b", "This is a compressed file, not a CSV file. Unpack it and import the CSV file in it."),
    (b"7z\xbc\xaf", "This is a compressed file, not a CSV file. Unpack it and import the CSV file in it."),
    (b"{\\rtf", f"This is a word processor's document, not a CSV file. {_SAVE}"),
    (b"\xff\xfe\x00\x00", f"This file is saved as UTF-32. {_SAVE}"),
    (b"\x00\x00\xfe\xff", f"This file is saved as UTF-32. {_SAVE}"),
)
_MARKUP = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta", b"<head")
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_WORD = re.compile(r'[^\s,;"]*[^\x00-\x7f][^\s,;"]*')
_MOSTLY = 0.6
Piece = TypeVar("Piece", str, bytes)
_NAMES = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}


@dataclass(frozen=True)
class Document:
    """A file as text that can be opened again and again. `encoding` is its name for people; "" for text given as such."""

    opener: Callable[[], TextIO]
    encoding: str = ""
    warnings: tuple[str, ...] = ()

    def open(self) -> closing[TextIO]:
        """The text from its beginning, line ends as the file has them, in a context that closes it."""
        return closing(self.opener())

    def digest(self) -> str:
        """The SHA-256 of the text as UTF-8, in hexadecimal: the same for one list in two encodings."""
        total = hashlib.sha256()
        with self.open() as stream:
            for piece in _pieces(lambda: stream.read(_CHUNK)):
                total.update(piece.encode("utf-8", "surrogatepass"))
        return total.hexdigest()

    def text(self) -> str:
        """All of it, in memory."""
        with self.open() as stream:
            return stream.read()


def document(text: "str | Document") -> Document:
    """A text as a document; a document as it is."""
    if isinstance(text, Document):
        return text
    whole = text.removeprefix("\ufeff")
    return Document(lambda: io.StringIO(whole, newline=""))


def decode(data: bytes) -> str:
    """The text of a file's bytes. BadFile says what the bytes are, and how to save them, when they are no text."""
    return opened(Bytes(data)).text()


def opened(source: Source) -> Document:
    """The text of a file; `warnings` says when its encoding was taken for want of a better one.

    Raises:
        BadFile: it is a workbook, an archive, an image, a web page or damaged; the sentence says how to save it as CSV.
    """
    with source.open() as file:
        head = file.read(_HEAD)
    _refuse_what_is_no_table(head)
    wide = _wide(head)
    if wide is None and b"\x00" in head:
        raise BadFile(NO_TEXT)
    codec, warnings = (wide, ()) if wide else _narrow(source)
    broken = _broken_line(source, codec)
    if broken is not None:
        where = f"line {broken}: These bytes are no {_NAMES[codec]} text; the file was cut or damaged. Export it again."
        raise BadFile(f"Line {broken} of this file cannot be read. {_SAVE}", (where,))
    return Document(
        lambda: io.TextIOWrapper(source.open(), encoding=codec, errors="strict", newline=""), _NAMES[codec], warnings
    )


def _refuse_what_is_no_table(head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        workbook = b"xl/" in head or b"[Content_Types]" in head
        what = "an Excel workbook" if workbook else "an Excel workbook or a ZIP archive"
        how = _SAVE if workbook else "Unpack it, or save it as “CSV UTF-8”, and import that."
        raise BadFile(f"This is {what}, not a CSV file. {how}")
    for sign, sentence in _KINDS:
        if head.startswith(sign):
            raise BadFile(sentence)
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if begin.startswith(_MARKUP):
        raise BadFile(
            "This is a web page or XML, as some CRMs write “.xls” files, not a CSV file. Export it again as CSV (UTF-8)."
        )
    if re.match(rb'\{\s*"|\[\s*\{', begin):
        raise BadFile("This is JSON, not a CSV file. Export the list as CSV (UTF-8) and import that.")


def _wide(head: bytes) -> str | None:
    """UTF-16 by its mark, or plainly so: every other byte of its beginning is zero."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = len(head) // 2
    low, high = head[1::2].count(0), head[0::2].count(0)
    if pairs and low >= pairs * _MOSTLY and not high:
        return "utf-16-le"
    if pairs and high >= pairs * _MOSTLY and not low:
        return "utf-16-be"
    return None


def _narrow(source: Source) -> tuple[str, tuple[str, ...]]:
    """UTF-8 when it is, or when it is damaged UTF-8; else Windows-1252 with a warning that shows a word of it."""
    line = _broken_line(source, "utf-8-sig")
    if line is None:
        return "utf-8-sig", ()
    with source.open() as file:
        pieces = [
            (len(_SEQUENCE.findall(piece)), len(_HIGH.findall(_SEQUENCE.sub(b"", piece))))
            for piece in _pieces(lambda: file.read(_CHUNK))
        ]
    if sum(good for good, _ in pieces) >= sum(stray for _, stray in pieces):
        return "utf-8-sig", ()
    unknown = _broken_line(source, "cp1252")
    if unknown is not None:
        where = f"line {unknown}: These bytes are neither UTF-8 nor Windows-1252 text. {_SAVE}"
        raise BadFile(f"Line {unknown} of this file cannot be read. {_SAVE}", (where,))
    warning = (
        f"This file is no UTF-8 and was read as Windows-1252, so that line {line} says “{_first_word(source)}”. If it "
        "should say something else, save it as “CSV UTF-8” and import that."
    )
    return "cp1252", (warning,)


def _first_word(source: Source) -> str:
    """The first word with a letter beyond ASCII, read as Windows-1252, to be judged by eye."""
    with source.open() as file, io.TextIOWrapper(file, encoding="cp1252") as text:
        words = (found for piece in _pieces(lambda: text.read(_CHUNK)) if (found := _WORD.search(piece)))
        return clip(next(words)[0], 40)


def _broken_line(source: Source, codec: str) -> int | None:
    """The physical line of the first bytes that are not in this encoding; None when all are."""
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    with source.open() as file:
        while True:
            piece = file.read(_CHUNK)
            try:
                line += decoder.decode(piece, final=not piece).count("\n")
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(
                    "latin-1" if codec == "cp1252" else error.encoding, "ignore"
                )
                return line + before.count("\n")
            if not piece:
                return None


def _pieces(read: Callable[[], Piece]) -> Iterator[Piece]:
    while piece := read():
        yield piece
