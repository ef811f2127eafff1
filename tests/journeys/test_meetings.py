"""The quarter's table against the local Slack: turned on, closed, added to and asked about, by those who may."""

from sqlalchemy import select

from models.tables import MeetingKind, Occurrence
from tests.journeys.support import (
    assert_one_page,
    close_all,
    fields,
    journey,
    labels,
    note_of,
    press_row,
    shown,
    value_of,
)
from tests.journeys.test_planning import forged
from tests.world import MONDAY, Human, deal, partner, small_team

HEAD, ADMIN, PM = "Hedda Lead", "Ada Admin", "Pat Manager"


def team(**more):
    made = small_team(reviews=False, **more)
    made.people.append(Human(ADMIN, "admin"))
    made.deals.append(deal(9, "Ann Seller", category="won", stage="Closed Won", close_date="2026-02-25"))
    return made


async def open_table(local, name):
    await local.command(name, "/cadence")
    await local.press(name, "Meetings of the quarter…")


async def choose_row(local, name, words, choice):
    """The menu beside a row of the table: on, off or change."""
    view = await local.view(name)
    block = next(
        one for one in view["blocks"] if words in shown(one) and one.get("accessory", {}).get("type") == "overflow"
    )
    option = next(item for item in block["accessory"]["options"] if f'"{choice}"' in item["value"])
    return await local.post("view_action", {
        "user": local.id(name), "block_id": block["block_id"], "action_id": block["accessory"]["action_id"],
        "selected": option["value"],
    })  # fmt: skip


async def words(local, name):
    return shown(await local.view(name))


def promises(local, owner, due="2026-03-20"):
    given = {}
    for place, text in enumerate(("Send the joint plan", "Name a sponsor")):
        given |= {f"text_{place}": text, f"owner_{place}": local.id(owner), f"promise_due_{place}": due}
    return given


async def test_the_team_call_is_turned_on_held_and_closed_and_its_page_is_out(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        await open_table(local, ADMIN)
        assert "0 of 13 are on." in await words(local, ADMIN)
        await choose_row(local, ADMIN, "Partner team call", "on")
        assert ":large_green_circle: *Partner team call*" in await words(local, ADMIN)
        await choose_row(local, ADMIN, "Partner team call", "change")
        wrong = await local.submit(ADMIN, {"minutes": "abc", "channel": "leadership", "agenda": "Bookings\nRisks"})
        assert wrong["errors"] == {fields(wrong["view"])["minutes"]: "A number of minutes from 5 to 480."}
        assert value_of(await local.view(ADMIN), "agenda") == "Bookings\nRisks", "nothing typed is lost"
        assert (await local.submit(ADMIN, {"minutes": "30"}))["result"] == "updated"
        await close_all(local, ADMIN)

        await local.to("Mon 09:20")
        agenda = (await local.bot_messages("leadership"))[-1]["text"]
        assert agenda.startswith("*Partner team call* · ")
        assert "1. Bookings\n2. Risks" in agenda
        assert "Deal 9 · USD 90,000 · 25 Feb 2026" in agenda, "booked last week"
        await local.to("Mon 10:00")
        message = await local.card(HEAD, "Close your meetings")
        assert "*Partner team call* · Mon 2 Mar, 09:30" in shown(message)
        await press_row(local, HEAD, message, "Partner team call")
        typed = promises(local, "Ann Seller") | {"said_help": "a discount\nfor Deal 3", "promise_due_1": "2026-03-01"}
        wrong = await local.submit(HEAD, typed)
        assert wrong["errors"][fields(wrong["view"])["promise_due_1"]].endswith(
            "is in the past. Choose today or a later day."
        )
        assert value_of(await local.view(HEAD), "said_help") == "a discount\nfor Deal 3", "nothing typed is lost"
        assert (await local.submit(HEAD, {"promise_due_1": "2026-03-20"}))["result"] == "closed"
        page = (await note_of(local, "leadership", "Held Mon 2 Mar"))["text"]
        assert "*Help needed*\na discount\nfor Deal 3" in page
        assert "1. Send the joint plan (Ann Seller, by Fri 20 Mar)\n2. Name a sponsor" in page
        done = shown(await local.card(HEAD, "Close your meetings"))
        assert "All set: 1 meeting closed" in done
        assert "held (closed by Hedda Lead)" in done

        await local.to("Tue 10:00")
        await local.to("Mon 10:00")
        message = await local.card(HEAD, "Close your meetings")
        await press_row(local, HEAD, message, "Partner team call")
        assert "Send the joint plan (Ann Seller, by Fri 20 Mar)" in await words(local, HEAD), "judged a week later"
        await local.choose(HEAD, "held", "not_held")
        assert (await local.submit(HEAD, {"side": "ours", "reason": "<!channel> ill"}))["result"] == "closed"
        page = (await note_of(local, "leadership", "Skipped"))["text"]
        assert ":warning: Skipped: our side, &lt;!channel&gt; ill (closed by Hedda Lead)" in page


async def test_a_rows_form_does_not_overwrite_what_somebody_else_changed(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        for name in (ADMIN, HEAD):
            await open_table(local, name)
            await choose_row(local, name, "Partner team call", "change")
        assert (await local.submit(HEAD, {"minutes": "45"}))["result"] == "updated"
        found = await local.submit(ADMIN, {"minutes": "60"})
        assert any("Hedda Lead changed this meeting meanwhile" in one for one in found["errors"].values()), found
        assert value_of(await local.view(ADMIN), "minutes") == "60", "nothing typed is lost"
        (row,) = await local.rows(select(MeetingKind).where(MeetingKind.key == "team_call"))
        assert row.minutes == 45


async def test_a_meeting_that_nobody_closed_stands_in_cadence(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        await open_table(local, ADMIN)
        await choose_row(local, ADMIN, "Partner team call", "on")
        await close_all(local, ADMIN)
        await local.to("Mon 10:30")
        await local.command(HEAD, "/cadence")
        text = await words(local, HEAD)
        assert "Not closed" in text
        assert "Partner team call" in text.split("Not closed")[1].split("Next")[0]


async def test_a_row_of_ones_own_is_added_by_the_form_and_fires(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        await open_table(local, HEAD)
        await local.press(HEAD, "Add a meeting…")
        wrong = await local.submit(
            HEAD, {"name": "Enablement <!here>", "when": "weeks", "weeks": "9, x", "at": "17:45"}
        )
        assert set(wrong["errors"]) == {fields(wrong["view"])[name] for name in ("weeks", "at")}
        assert value_of(await local.view(HEAD), "name") == "Enablement <!here>"
        added = await local.submit(
            HEAD, {"weeks": "9, 11", "at": "15:00", "weekday": "1", "questions": "Who is certified"}
        )
        assert added["result"] == "updated", added["errors"]
        assert "1 of 14 are on." in await words(local, HEAD)
        assert "week" in await words(local, HEAD)
        await close_all(local, HEAD)
        await local.command(PM, "/cadence")
        assert "Enablement &lt;!here&gt;* · Tue 3 Mar, 15:00–15:30" in await words(local, PM)
        await close_all(local, PM)
        await local.to("Tue 14:50")
        assert "Enablement &lt;!here&gt;" in (await local.bot_messages("leadership"))[-1]["text"]
        await local.to("Tue 15:30")
        message = await local.card(HEAD, "Close your meetings")
        await press_row(local, HEAD, message, "Enablement")
        found = await local.submit(HEAD, promises(local, PM) | {"said_q0": "Two of five"})
        assert found["result"] == "closed", found["errors"]
        page = (await note_of(local, "leadership", "Held Tue 3 Mar"))["text"]
        assert "*Who is certified*\nTwo of five" in page
        (row,) = await local.rows(select(MeetingKind).where(MeetingKind.built_in.is_(False)))
        assert (row.name, row.rule["weeks"], row.enabled) == ("Enablement <!here>", [9, 11], True)


async def test_a_pulse_is_answered_and_the_heads_card_shows_it(sqlite_url):
    made = team(partners=[partner("Acme"), partner("Beta", tier=2), partner("Gamma", tier=3)])
    made.start = MONDAY.replace(month=4, day=6, hour=7)
    async with journey(made, sqlite_url) as local:
        await open_table(local, HEAD)
        await choose_row(local, HEAD, "Quarterly pulse", "on")
        await close_all(local, HEAD)
        await local.to(await local.moment("Sun 12:00"))
        await local.to("Mon 10:00")
        message = await local.card(PM, "To prepare")
        assert labels(message) == ["Answer…", "Answer…"]
        assert "2 things to look at" in shown(message)
        await press_row(local, PM, message, "Beta", "Answer…")
        wrong = await local.submit(PM, {"active": "no", "verdict": "off_board", "next_deal": "none in sight"})
        assert wrong["errors"] == {
            fields(wrong["view"])["why"]: "Say why in a line: the head of partnerships decides by it."
        }
        assert value_of(await local.view(PM), "next_deal") == "none in sight"
        assert (await local.submit(PM, {"why": "gone quiet since <!channel> May"}))["result"] == "closed"
        mine = shown(await local.card(PM, "To prepare"))
        assert "1 thing to look at" in mine
        assert "*Beta* · pulse: *not active*, next deal none in sight, *off-board*" in mine
        theirs = await local.card(HEAD, "Partner pulse 2026Q2")
        assert "1 of 2 partners answered" in shown(theirs)
        assert "• *Beta* · Pat Manager: *not active*" in shown(theirs)
        assert "off-board*: gone quiet since &lt;!channel&gt; May" in shown(theirs)
        await press_row(local, PM, await local.card(PM, "To prepare"), "Gamma", "Answer…")
        assert (await local.submit(PM, {"active": "yes", "verdict": "keep"}))["result"] == "closed"
        assert "2 of 2 partners answered" in shown(await local.card(HEAD, "Partner pulse 2026Q2"))
        assert len([row for row in await local.dms(HEAD) if "Partner pulse" in row["text"]]) == 1, (
            "edited, not posted again"
        )
        assert "All done, thank you" in shown(await local.card(PM, "To prepare"))


async def test_who_may_not_is_not_offered_it_and_is_refused_in_words(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        await open_table(local, HEAD)
        await choose_row(local, HEAD, "Partner team call", "on")
        await close_all(local, HEAD)
        await local.command(PM, "/cadence")
        assert "Meetings of the quarter…" not in await words(local, PM)
        await local.press(PM, "The quarter…")
        page = await words(local, PM)
        assert "*Week 9* · Mon 2 Mar to Sun 8 Mar  :point_left: this week" in page
        assert "Mon 2 Mar, 09:30–10:00 · Partner team call · planned" in page
        await local.press(PM, "Next quarter →")
        assert "*2026Q2*" in await words(local, PM)
        await close_all(local, PM)
        await local.to("Mon 10:00")
        card = await local.card(HEAD, "Close your meetings")
        await press_row(local, HEAD, card, "Partner team call")
        assert_one_page((await local.dms(HEAD))[-1]["text"])
        await close_all(local, HEAD)
        (call,) = [row for row in await local.rows(select(Occurrence)) if row.day == MONDAY.date()]
        # The same buttons in other hands: forged, as no client of ours would send them.
        for name in (PM, ADMIN):
            told = await forged(local, name, "meetings.close", f'{{"o":{call.id}}}')
            assert "You cannot close this meeting. Hedda Lead or the head of partnerships can." in told
        assert "The head of partnerships and admins can." in await forged(local, PM, "meetings.table", "{}")
        assert (await local.rows(select(Occurrence).where(Occurrence.closed_at.is_not(None)))) == []
