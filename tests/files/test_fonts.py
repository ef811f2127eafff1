"""No empty boxes: what no font here can show is said in words, and everything else is shown as it is written."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import typst

from handlers.files import chart, paper
from handlers.files.fonts import NO_FONT, Faces, Setter, footnote, mend
from handlers.files.page import noon
from models.domain.policy import Policy
from tests.files import office, samples

BARE = Faces(system=False)
LATIN, CYRILLIC, GREEK, HEBREW = "Łucja Žižková Đặng", "Дмитрий Щукин", "Ελένη Ψαρρά", "דוד לוי"
ARABIC, HAN, KANA, HANGUL, THAI = "محمد الفاسي", "株式会社 山田", "サンプル", "한국어", "สมชาย"


def note(faces: Faces, **names: str) -> bytes:
    book = samples.book(
        {1: names.get("pm", "Mara"), 4: names.get("owner", "Anna"), 5: names.get("owner", "Anna"), 6: "Chloé"}
    )
    return paper.weekly_note(samples.weekly(6, partner=names.get("partner", "Acme")), book, Policy(), faces=faces)


def looked(texts: list[str], faces: Faces) -> Setter:
    setter = Setter("paper.typ", noon(samples.FIRST), faces)
    setter.look(page(texts))
    return setter


def page(texts: list[str]) -> dict[str, Any]:
    items = [{"label": "", "text": text} for text in texts]
    return {"title": "T", "heading": "T", "kicker": "", "status": "", "bad": False, "footer": "", "scale": 1,
            "blocks": [{"kind": "words", "items": items}]}  # fmt: skip


@pytest.mark.parametrize("name", [LATIN, CYRILLIC, GREEK, HEBREW])
def test_names_in_these_scripts_are_shown_with_what_the_library_brings(name: str) -> None:
    data = note(BARE, partner=name, owner=name)
    said = office.text_of(data)
    assert NO_FONT not in said
    assert all(word in unicodedata.normalize("NFC", said) or name == HEBREW for word in name.split())


@pytest.mark.parametrize("name", [HAN, KANA, HANGUL, THAI])
def test_a_name_without_a_font_is_a_sentence_and_a_footnote_says_what_to_install(name: str) -> None:
    said = " ".join(office.text_of(note(BARE, pm=f"Ann {name}", partner=name)).split())
    assert NO_FONT in said
    assert f"closed by Ann {NO_FONT}" in said
    assert "Some names are in a script this machine has no font for: install Noto" in said
    assert "USD 3,961,000" in said or "USD" in said
    assert not set(name.replace(" ", "")) & set(said)


def test_emoji_without_a_font_are_left_out_and_counted_in_a_footnote() -> None:
    said = office.text_of(note(BARE, partner="🚀 Rocket 👩‍💻 Works"))
    assert "Rocket Works" in said
    assert "install Noto Color Emoji" in said
    assert NO_FONT not in said


@pytest.mark.usefixtures("cjk")
@pytest.mark.parametrize("name", [ARABIC, HAN, KANA, HANGUL, "🚀 Rocket"])
def test_names_in_every_script_are_shown_where_the_machine_has_a_font(name: str) -> None:
    setter = looked([name], Faces())
    assert setter.all_fonts
    assert setter.missing == frozenset()


@pytest.mark.usefixtures("cjk")
def test_fonts_of_a_folder_serve_as_well_as_the_systems() -> None:
    path = next(font.path for font in Faces().fonts(all_of_them=True).fonts() if font.family == samples.HAN_FONT)
    folder = str(path).rsplit("/", 1)[0]
    assert looked([HAN], Faces(system=False, paths=(folder,))).missing == frozenset()


@pytest.mark.usefixtures("cjk")
def test_a_right_to_left_name_turns_nothing_but_itself() -> None:
    said = office.text_of(note(Faces(), pm=HEBREW, owner=ARABIC, partner=HEBREW))
    line = next(line for line in said.splitlines() if "closed by" in line)
    assert line.strip().startswith("Held Thu 19 Nov (closed by")
    plain = "".join(char for char in line if unicodedata.category(char) != "Cf")
    assert HEBREW in plain or HEBREW[::-1] in plain


def test_only_what_needs_them_looks_through_the_machines_fonts() -> None:
    assert not looked([LATIN, CYRILLIC, GREEK, HEBREW, "→ − “x” … 5 €"], Faces()).all_fonts


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_nothing_in_a_name_is_markup(text: str) -> None:
    setter = looked([text, f"before {text} after"], BARE)
    assert setter.pdf(page([text])).startswith(b"%PDF")


def test_a_letter_that_slips_through_is_an_error_and_never_an_empty_box() -> None:
    setter = Setter("paper.typ", noon(samples.FIRST), BARE)
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        setter.pdf(page([HAN]))


def test_an_error_that_is_no_missing_letter_is_not_swallowed() -> None:
    with pytest.raises(typst.TypstError):
        Setter("paper.typ", noon(samples.FIRST), BARE).look({"title": "no blocks"})


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("Halyard 株式会社 renewal", f"Halyard {NO_FONT} renewal"),
        ("株式 会社", NO_FONT),
        ("plain", "plain"),
        ("🚀 Launch", "Launch"),
        ("Acme 🚀", "Acme"),
    ],
)
def test_mending_keeps_what_can_be_shown(text: str, mended: str) -> None:
    assert mend(text, frozenset("株式会社🚀")) == mended


ODD = (
    "a\ue000b", "\uffff", "\x00x", "x\ud800y", "soft\u00adhy", "\t\x1b[1m total 1", "\u2028x", "𝒜𝓑", "\u0378", "é\u0301\u0301" * 9, "ﷺ", "\u202e abc",
    "🇩🇪", "1️⃣ first of 11", "👨‍👩‍👧‍👦", "\U0010ffff", "क्षि", "𐎀", "Ŋ", "\x85", "\u2066a", "ที่ดิน", "a\u0378 and a", "[株]^-\\",
)  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_whatever_somebody_types_can_be_set(text: str) -> None:
    setter = looked([text, "Total 1, a, t"], BARE)
    assert setter.pdf(page([text])).startswith(b"%PDF")
    assert mend("Total 1, a, t", setter.missing) == "Total 1, a, t"


def test_letters_that_cannot_be_pinned_down_are_left_to_the_plainest() -> None:
    class Fickle(Setter):
        def _without(self, data: Any) -> frozenset[str]:
            return frozenset(chr(0x4E00 + len(self.missing)))

    setter = Fickle("paper.typ", noon(samples.FIRST), BARE)
    setter.look(page(["plain 株"]))
    assert "株" in setter.missing
    assert "p" not in setter.missing


def test_the_footnote_names_what_is_missing_and_nothing_else() -> None:
    assert footnote("") == ""
    assert "Noto CJK (fonts-noto-cjk)." in footnote("株")
    assert "Noto (fonts-noto-core)." in footnote("ส")
    assert "Color Emoji" not in footnote("株")


def test_the_same_facts_make_the_same_bytes() -> None:
    assert note(BARE) == note(BARE)


def test_writers_in_several_threads_do_not_meet() -> None:
    def made(number: int) -> tuple[bytes, bytes]:
        name = (HAN, HEBREW, LATIN, "🚀 x")[number % 4]
        picture = chart.what_changed(samples.quarter(number % 2, 5).facts, BARE)
        return note(BARE, partner=name, owner=name), picture.data

    alone = [made(number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(made, range(8))) == alone * 2
