"""Bytes as text: every encoding a CRM or a spreadsheet saves, and the sentence for what is no text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.errors import BadFile
from models.domain.files import Bytes, File, decode, document, opened, parse_deals
from tests.fixtures import make_crm_files

TEXT = "crm_id,name,partner,owner,stage\r\n1,Café “Nord” – Ørsted €,,Ann,Qualification\r\n"
SAVE = "Save it as “CSV UTF-8” and import that."


@pytest.mark.parametrize(
    ("encoding", "called"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_every_encoding_gives_the_same_text(encoding, called):
    found = opened(Bytes(TEXT.encode(encoding)))
    assert (found.text(), found.encoding) == (TEXT, called)
    assert found.digest() == document(TEXT).digest()
    assert decode(TEXT.encode(encoding)) == TEXT


def test_big_endian_with_its_mark_is_read_too():
    assert decode(b"\xfe\xff" + TEXT.encode("utf-16-be")) == TEXT


def test_windows_1252_is_a_guess_and_says_so_with_a_word_to_judge_it_by():
    assert opened(Bytes(TEXT.encode("cp1252"))).warnings == (
        (
            "This file is no UTF-8 and was read as Windows-1252, so that line 2 says “Café”. If it should say something "
            "else, save it as “CSV UTF-8” and import that."
        ),
    )
    assert opened(Bytes(TEXT.encode())).warnings == ()
    assert parse_deals(opened(Bytes(TEXT.encode("cp1252")))).warnings[0].startswith("This file is no UTF-8")


def test_a_file_on_disk_is_read_as_often_as_asked(tmp_path):
    path = tmp_path / "deals.csv"
    path.write_bytes(TEXT.encode("utf-16"))
    found = opened(File(path))
    assert (found.text(), found.text()) == (TEXT, TEXT)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04\x14\x00[Content_Types].xml", f"This is an Excel workbook, not a CSV file. {SAVE}"),
        (
            b"PK\x03\x04...",
            (
                "This is an Excel workbook or a ZIP archive, not a CSV file. Unpack it, or save it as “CSV UTF-8”, and "
                "import that."
            ),
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"This is an Excel workbook (.xls), not a CSV file. {SAVE}"),
        (b"%PDF-1.7", "This is a PDF, not a CSV file. Export the list itself as CSV (UTF-8) and import that."),
        (b"\x89PNG\r\n", "This is an image, not a CSV file. Export the list itself as CSV (UTF-8) and import that."),
        (
            b"\xff\xd8\xff\xe0",
            "This is an image, not a CSV file. Export the list itself as CSV (UTF-8) and import that.",
        ),
        (b"\x1f\x8b\x08", "This is a compressed file, not a CSV file. Unpack it and import the CSV file in it."),
        (
            b"\xef\xbb\xbf\r\n<HTML><table>",
            (
                "This is a web page or XML, as some CRMs write “.xls” files, not a CSV file. Export it again as CSV "
                "(UTF-8)."
            ),
        ),
        (b'[ {"Id": 1}]', "This is JSON, not a CSV file. Export the list as CSV (UTF-8) and import that."),
        (TEXT.encode("utf-32"), f"This file is saved as UTF-32. {SAVE}"),
        (b"\x7fELF\x00\x01", "This is no text file. Export the list as CSV (UTF-8) and import that."),
        (TEXT.encode("utf-16")[:-1], f"Line 2 of this file cannot be read. {SAVE}"),
        ("a,b\nä ö ü,c\n".encode() + b"\xff,d", f"Line 3 of this file cannot be read. {SAVE}"),
        (b"a,b\n\x81\xe4,c\n", f"Line 2 of this file cannot be read. {SAVE}"),
    ],
)
def test_what_is_no_text_is_called_by_its_name_with_the_way_to_save_it(data, sentence):
    with pytest.raises(BadFile) as caught:
        opened(Bytes(data))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            "a,b\nä ö ü,c\n".encode() + b"\xff,d",
            "line 3: These bytes are no UTF-8 text; the file was cut or damaged. Export it again.",
        ),
        (
            TEXT.encode("utf-16-le")[:-1],
            "line 2: These bytes are no UTF-16 text; the file was cut or damaged. Export it again.",
        ),
        (b"a,b\n\x81\xe4,c\n", f"line 2: These bytes are neither UTF-8 nor Windows-1252 text. {SAVE}"),
    ],
)
def test_damaged_bytes_name_their_line(data, problem):
    with pytest.raises(BadFile) as caught:
        opened(Bytes(data))
    assert caught.value.problems == (problem,)


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_text_or_refused_in_a_sentence(data):
    try:
        parse_deals(opened(Bytes(data)))
    except BadFile as error:
        assert str(error).endswith(".")


@given(st.sampled_from(sorted(make_crm_files.SHAPES)), st.data())
def test_a_file_with_broken_places_is_read_or_refused_with_lines(shape, data):
    whole = bytearray((make_crm_files.HERE / shape).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(whole)))
    try:
        parsed = parse_deals(opened(Bytes(bytes(whole[:cut]))), company_currency="EUR")
    except BadFile as error:
        assert str(error).endswith(".")
    else:
        assert all(problem.line > 0 and problem.column and problem.reason.endswith(".") for problem in parsed.problems)
