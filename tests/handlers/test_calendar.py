"""One's own calendar: the file as any calendar program reads it, and the modal at its limits."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from handlers.cadence import overview
from handlers.calendar import ics, listeners, page
from handlers.calendar.ids import Action
from models.calendars import Entry
from models.domain.zones import local_to_utc, zone
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_modal
from tests.handlers.test_cadence import a_page
from tests.make import NOW, POLICY

ADDRESS = "https://cadence.example/calendar/" + "_*~`" * 10 + "-_x.ics"


def an_entry(**more):
    starts = datetime(2026, 3, 5, 10, tzinfo=UTC)
    return Entry(**{
        "cadence_id": 1, "since": NOW, "slot": "2026-W10", "meeting": "Weekly deal review", "partner": "Acme",
        "starts_at": starts, "ends_at": starts + timedelta(minutes=30), "zone": "Europe/London", "state": "planned",
        "changed_at": NOW, "revision": 1000, **more,
    })  # fmt: skip


def read(*entries):
    """What a program makes of the file."""
    return Calendar.from_ical(ics.write(entries))


def event(entry):
    (found,) = read(entry).events
    return found


def test_a_meeting_says_what_it_is_when_and_that_it_stands():
    found = event(an_entry(agenda=("Each partner's forecast", "Sign-off")))
    assert found["SUMMARY"] == "Acme: Weekly deal review"
    assert found.start == datetime(2026, 3, 5, 10, tzinfo=UTC)
    assert found.end == datetime(2026, 3, 5, 10, 30, tzinfo=UTC)
    assert (found["STATUS"], found["TRANSP"], found["SEQUENCE"]) == ("CONFIRMED", "OPAQUE", 1000)
    assert found["DTSTAMP"].dt == found["LAST-MODIFIED"].dt == NOW
    assert found["DESCRIPTION"] == (
        "Thu 5 Mar 2026, 10:00–10:30 in Europe/London\n\nAgenda\n• Each partner's forecast\n• Sign-off"
    )
    assert list(found["CATEGORIES"].cats) == ["Cadence", "Weekly deal review"]


def test_the_company_s_own_meeting_names_no_partner():
    assert event(an_entry(partner="", meeting="Leadership roll-up"))["SUMMARY"] == "Leadership roll-up"


def test_the_calendar_names_itself_and_says_how_often_to_look():
    text = ics.write([an_entry()])
    lines = text.decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    for line in ("VERSION:2.0", "PRODID:-//Cadence//Meeting cadence//EN", "METHOD:PUBLISH", "NAME:Cadence meetings",
                 "X-WR-CALNAME:Cadence meetings", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H",
                 "DTSTART:20260305T100000Z"):  # fmt: skip
        assert line in lines, line
    assert "http" not in text.decode()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"state": "skipped", "side": "ours", "reason": "All ill"}, "Skipped, our side: All ill"),
        (
            {"state": "no_meeting", "side": "partner", "reason": "Their fair"},
            "No meeting, the partner's side: Their fair",
        ),
        ({"state": "no_meeting", "side": "holiday", "reason": ""}, "No meeting, a holiday"),
        ({"state": "no_meeting"}, "No meeting, nobody says why"),
    ],
)
def test_what_is_not_held_is_cancelled_and_says_whose_side_and_why(more, said):
    found = event(an_entry(**more))
    assert (found["STATUS"], found["TRANSP"]) == ("CANCELLED", "TRANSPARENT")
    assert found["SUMMARY"] == "Cancelled: Acme: Weekly deal review", "for programs that do not show the status"
    assert found["DESCRIPTION"].splitlines()[1] == said


@pytest.mark.parametrize("state", ["planned", "prompted", "held", "held_late"])
def test_what_is_ahead_or_was_held_is_confirmed(state):
    assert event(an_entry(state=state))["STATUS"] == "CONFIRMED"


def test_a_moved_meeting_says_who_moved_it_and_why():
    moved = {"moved_by": "Pat Manager", "moved_reason": "Their fair", "state": "held_late"}
    assert event(an_entry(**moved))["DESCRIPTION"].splitlines()[1:] == ["Held late", "Moved by Pat Manager: Their fair"]
    assert event(an_entry(moved_reason="Their fair"))["DESCRIPTION"].splitlines()[1:] == ["Moved: Their fair"]


@pytest.mark.parametrize(
    ("place", "day", "instant"),
    [
        ("Europe/London", date(2026, 3, 26), "20260326T100000Z"),
        ("Europe/London", date(2026, 4, 2), "20260402T090000Z"),
        ("Europe/London", date(2026, 10, 22), "20261022T090000Z"),
        ("Europe/London", date(2026, 10, 29), "20261029T100000Z"),
        ("America/New_York", date(2026, 3, 5), "20260305T150000Z"),
        ("America/New_York", date(2026, 3, 12), "20260312T140000Z"),
        ("Australia/Lord_Howe", date(2026, 4, 2), "20260401T230000Z"),
        ("Australia/Lord_Howe", date(2026, 4, 9), "20260408T233000Z"),
    ],
)
def test_ten_o_clock_stays_ten_o_clock_on_either_side_of_a_clock_change(place, day, instant):
    starts = local_to_utc(day, datetime.strptime("10:00", "%H:%M").time(), zone(place))  # noqa: DTZ007
    entry = an_entry(starts_at=starts, ends_at=starts + timedelta(hours=1), zone=place)
    assert f"DTSTART:{instant}\r\n".encode() in ics.write([entry])
    found = event(entry)
    assert f"{found.start.astimezone(zone(place)):%d %H:%M}" == f"{day:%d} 10:00"
    assert "10:00–11:00 in" in found["DESCRIPTION"]


def folded(text):
    """Every physical line has at most 75 octets and is whole text."""
    for line in text.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()
    assert b"\n" not in text.replace(b"\r\n", b"")
    return text


@pytest.mark.parametrize("name", [*make.HOSTILE, "separators"])
def test_hostile_words_stay_words(name):
    words = make.HOSTILE.get(name, 'a,b;c\\n:"d"\r\nEND:VEVENT\r\nATTACH:file:///etc/passwd')
    entry = an_entry(
        partner=words, meeting=words, state="skipped", side="ours", reason=words, moved_by=words, moved_reason=words,
        agenda=(words, words),
    )  # fmt: skip
    text = folded(ics.write([entry]))
    plain = text.replace(b"\r\n ", b"")
    assert plain.count(b"\r\nEND:VEVENT\r\n") == 1
    assert b"\r\nATTACH" not in plain
    found = event(entry)
    assert not set(found) & {"ATTACH", "ATTENDEE", "ORGANIZER", "URL"}
    assert len(found["DESCRIPTION"].splitlines()) == 7
    assert found["SUMMARY"].startswith("Cancelled: ")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_words_can_be_written_and_read_back(words):
    entry = an_entry(partner=words, agenda=(words,))
    folded(ics.write([entry]))
    assert event(entry)["SUMMARY"] == ics.summary(entry)
    assert event(entry)["DESCRIPTION"] == ics.description(entry)


def test_the_same_entries_give_the_same_bytes_and_any_change_others():
    entry = an_entry()
    assert ics.write([entry, an_entry(slot="x")]) == ics.write([entry, an_entry(slot="x")])
    assert ics.write([entry]) != ics.write([an_entry(revision=1001)])


def test_an_event_is_known_by_its_series_and_slot_and_by_nothing_that_can_change():
    known = ics.uid(an_entry())
    moved = an_entry(
        starts_at=NOW, ends_at=NOW, partner="B", meeting="M", state="held", zone="UTC", revision=9, changed_at=NOW
    )
    assert ics.uid(moved) == known
    others = [an_entry(cadence_id=2), an_entry(slot="2026-W11"), an_entry(since=NOW + timedelta(seconds=1))]
    assert known not in {ics.uid(entry) for entry in others}
    assert known == "a9e68d77-6a37-5cd5-9cc7-17fd1d7a219d", "another one would double everybody's meetings"


def test_nothing_planned_is_an_empty_calendar():
    assert list(read().events) == []


def plain(view):
    return [held["text"] for held in limits.walk(view["blocks"]) if held.get("type") == "plain_text"]


@pytest.mark.parametrize("said", ["", page.SENT, page.RENEWED])
def test_the_address_stands_there_as_it_is_with_a_warning(said):
    view = check_modal(page.modal(ADDRESS, said=said))
    assert ADDRESS in plain(view), "copied whole, nothing in it taken for a format"
    text = "\n".join(limits.words(view["blocks"]))
    assert "Whoever has this address can read your meetings" in text
    assert said in text
    assert limits.labels(view) == ["New address", "Send me the file"]
    renew = next(held for held in limits.walk(view) if held.get("action_id") == Action.RENEW)
    assert "stops working at once" in renew["confirm"]["text"]["text"]


def test_without_a_public_address_the_file_is_left_and_who_can_mend_it_is_said():
    view = check_modal(page.modal(""))
    assert "CADENCE_PUBLIC_URL" in "\n".join(limits.words(view["blocks"]))
    assert limits.labels(view) == ["Send me the file"]
    assert "/calendar/" not in str(view)


def test_a_very_long_address_still_fits():
    check_modal(page.modal(page.address_of("https://" + "x" * 2000, "y" * 43)))


def test_everybody_finds_their_calendar_in_the_overview():
    for roles in ((), ("ae",), ("pm",), ("cro",), ("admin",)):
        view = overview.modal(a_page(1, actor=make.a_person(1, "Ann", *roles), allowed=frozenset()))
        assert "My calendar…" in limits.labels(view), roles


async def test_the_file_brings_the_meetings_to_the_direct_message(sqlite):
    async with sqlite.write() as session:
        small = await make.small(session)
        message = await listeners.render(session, {"person": small.pm.id}, now=NOW, policy=POLICY)
        nothing = await listeners.render(session, {"person": small.head.id}, now=NOW, policy=POLICY)
        small.pm.active = False
        await session.flush()
        gone = await listeners.render(session, {"person": small.pm.id}, now=NOW, policy=POLICY)
        nobody = await listeners.render(session, {"person": 999}, now=NOW, policy=POLICY)
    assert message.file.name == "cadence-2026-03-02.ics"
    assert {found["SUMMARY"] for found in Calendar.from_ical(message.file.data).events} == {"Acme: Weekly deal review"}
    assert f"{len(Calendar.from_ical(message.file.data).events)} meetings" in message.text
    assert (nothing.text, nothing.file) == ("No meeting of yours is planned.", None)
    assert (gone, nobody) == (None, None)
