"""Where a file's bytes come from."""

import io
from pathlib import Path

from models.domain.files import File, opened


def test_a_file_under_a_text_stream_is_looked_at_a_megabyte_at_a_time(tmp_path: Path) -> None:
    """Each look lets go of the interpreter; a look for every 8 kB starved the loop for a second."""
    path = tmp_path / "deals.csv"
    path.write_bytes(b"crm_id,name\n" * 200_000)
    with path.open("rb", buffering=0) as plain:
        size = plain.seek(0, io.SEEK_END)
    binary = File(path).open()
    with io.TextIOWrapper(binary, encoding="utf-8", newline="") as text:
        assert text.readline() == "crm_id,name\n"
        assert 1 << 20 <= binary.raw.tell() < size  # type: ignore[attr-defined]
        assert sum(1 for _ in text) == 199_999


def test_a_file_is_read_whole_and_again(tmp_path: Path) -> None:
    path = tmp_path / "deals.csv"
    path.write_text("crm_id,name\n" + "".join(f"{n},Ä deal\n" for n in range(150_000)), encoding="utf-8")
    document = opened(File(path))
    assert document.text() == document.text() == path.read_text(encoding="utf-8")
