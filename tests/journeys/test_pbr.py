"""A partner manager's monthly PBR against the local Slack: prepared, refused, published, corrected, looked up."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from models import meetings
from models.shared import copying
from models.tables import (
    Artifact,
    Cadence,
    Commitment,
    Deal,
    DealVersion,
    LossReason,
    Minutes,
    Occurrence,
    Partner,
    Person,
)
from tests import joint
from tests.journeys.support import (
    assert_one_page,
    close_all,
    fields,
    journey,
    labels,
    outbox,
    press_row,
    shown,
    value_of,
)
from tests.models.test_pbr import meeting, series
from tests.world import Human, deal, partner, small_team

STARTS = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEETING = datetime(2026, 3, 6, 10, tzinfo=UTC)
PM, HEAD = "Pat Manager", "Hedda Lead"
PROMISES = {"text_0": "Send the joint plan", "text_1": "Name a sponsor"}


def team(**more):
    """Acme with deals won and lost in February, Beta without a PBR, and another manager's Gamma."""
    made = small_team(
        partners=[
            partner("Acme"),
            partner("Acme North", channel=""),
            partner("Beta", tier=2),
            partner("Gamma", "Paul Other"),
        ],
        **more,
    )
    made.people += [Human("Paul Other", "pm"), Human("Fay Money", "cfo")]
    made.deals += [
        deal(20, "Ann Seller", stage="Closed Lost", category="lost", close_date="2026-02-10", attribution="sourced"),
        deal(21, "Ann Seller", stage="Closed Won", category="won", close_date="2026-02-20", attribution="co-sold"),
        deal(22, "Bob Seller", attribution="", close_date="2026-03-12"),
    ]
    return made


async def rows(db):
    """The PBRs of February, on the first Friday of March, in series that plan nothing by themselves: only `/pbr` acts."""
    async with db.write() as session:
        for name in ("Acme", "Acme North", "Gamma"):
            found = (await session.scalars(select(Partner).where(Partner.name == name))).one()
            pm = await session.get_one(Person, found.pm_id)
            await meeting(session, await series(session, found, pm, state="paused"))
        lost, acme = (await session.execute(select(Deal, DealVersion.partner_id).join(
            DealVersion, DealVersion.id == Deal.version_id).where(DealVersion.name == "Deal 20"))).one()  # fmt: skip
        await joint.mark(session, lost, await session.get_one(Partner, acme))


def playing(url, **more):
    return journey(team(), url, prepared=rows, **more)


async def words(local, name):
    return shown(await local.view(name))


async def told(local, name, text):
    """What somebody is answered who only gets a sentence."""
    await local.command(name, text)
    found = [row for row in await local.get("messages") if row["ephemeral_to"] == local.id(name)]
    assert found, text
    return found[-1]["text"]


async def promise(local, **more):
    """Two commitments and a change to the motion, besides what is given."""
    owner = {"owner_0": local.id("Ann Seller"), "owner_1": local.id(PM)}
    due = {"promise_due_0": "2026-04-01", "promise_due_1": "2026-04-02"}
    return PROMISES | owner | due | {"change_0": "Demo together"} | more


async def test_a_pbr_is_prepared_as_a_draft_published_corrected_and_read_again(database_url):
    async with playing(database_url) as local:
        await prepared(local)
        await published(local)
        await corrected(local)


async def prepared(local):
    """Three days before: the numbers are there, what is missing is named, and a draft keeps what was typed."""
    await local.to("Wed 11:00")
    await local.command(PM, "/pbr")
    text = await words(local, PM)
    assert "*Acme* · February 2026, meeting Fri 6 Mar, 10:00" in text
    assert "draft, 2 things missing" in text
    assert "No PBR with: Beta (Tier 2)" in text
    assert "Gamma" not in text
    view = await local.view(PM)
    first = next(one for one in view["blocks"] if "*Acme* ·" in shown(one))
    await local.press(PM, "Open…", block_id=first["block_id"])
    text = await words(local, PM)
    assert "*Joint pipeline* USD 370,000 (6 deals)" in text
    assert "• Deal 20 was lost and has no reason." in text
    assert "• Deal 22 has no attribution." in text
    view = await local.view(PM)
    assert "held" not in fields(view), "nobody can say before it began"
    early = await local.submit(PM, {"how": "publish", "text_2": "Half a promise"})
    assert any("begins on Friday 6 March at 10:00" in one for one in early["errors"].values()), early
    loss = next(name for name in fields(view) if name.startswith("loss_"))
    saved = await local.submit(
        PM, {"how": "draft", loss: "price", "change_0": "Demo together", "accounts": "Halyard\nQuay"}
    )
    assert saved["result"] == "updated", saved
    assert "Draft saved" in await words(local, PM)
    assert "1 thing is missing" in await words(local, PM)
    await local.post("close", {"user": local.id(PM)})
    assert "draft, 1 thing missing" in await words(local, PM), "the list below was drawn anew"
    await close_all(local, PM)
    assert await local.rows(select(LossReason)) == []
    assert [row for row in await local.bot_messages("p-acme") if "PBR" in row["text"]] == []


async def published(local):
    """After the meeting: what is missing is refused on its field, nothing typed is lost, and the page goes out."""
    await local.to("Fri 11:05")
    await local.command(PM, "/pbr acme")
    view = await local.view(PM)
    loss = next(name for name in fields(view) if name.startswith("loss_"))
    assert (value_of(view, loss), value_of(view, "change_0"), value_of(view, "accounts")) == (
        "price",
        "Demo together",
        "Halyard\nQuay",
    )
    assert value_of(view, "text_2") == "Half a promise"
    assert (await local.submit(PM))["result"] == "client_errors", "two commitments are fields that have to be filled"
    given = await promise(local, change_0=" ")
    empty = await local.submit(PM, given | {"text_2": "", "promise_due_1": "2026-03-01"})
    assert empty["errors"][fields(view)["promise_due_1"]].endswith("is in the past. Choose today or a later day.")
    no_change = await local.submit(PM, {"promise_due_1": "2026-04-02"})
    assert list(no_change["errors"]) == [fields(view)["change_0"]]
    assert value_of(await local.view(PM), "text_0") == PROMISES["text_0"], "nothing typed is lost"
    await local.choose(PM, "held", "not_held")
    assert {"side", "reason"} <= set(fields(await local.view(PM)))
    await local.choose(PM, "held", "held")
    assert value_of(await local.view(PM), "text_1") == PROMISES["text_1"]
    shared = loss.replace("loss", "shared")
    done = await local.submit(
        PM, {"change_0": "Demo together", "pursuit": [await deal_key(local, "Deal 22")], shared: ["yes"]}
    )
    assert done["result"] == "updated", done
    assert "*Published* to #p-acme, and kept for good." in await words(local, PM)
    await close_all(local, PM)
    note = await page_in(local, "p-acme")
    assert note["mentions"] == []
    assert "• Deal 20 · USD 200,000 · Ann Seller: price _(the partner may see this)_" in note["text"]
    assert "*Won in February 2026* USD 210,000 (1 deal): co-sold USD 210k" in note["text"]
    assert "• Account 22: Deal 22, USD 220,000, closes 12 Mar 2026\n• Halyard\n• Quay" in note["text"]
    assert "1. Send the joint plan (Ann Seller, by Wed 1 Apr)" in note["text"]
    assert (await pbr_of(local, "Acme")).state == "held"
    assert await local.rows(select(Minutes)) == []
    assert [(row.reason, row.shared) for row in await local.rows(select(LossReason))] == [("price", True)]
    async with local.db.read() as session:  # without a joint channel, Acme's own page is there to copy
        acme = (await session.scalars(select(Partner).where(Partner.name == "Acme"))).one()
        text = await copying.text_to_copy(session, acme.id, now=await local.now())
    assert text.splitlines() == [
        "Acme: business review of February 2026", "Held · Fri 6 Mar", "", "Closed in February 2026", "- Account 20: lost: price",
    ]  # fmt: skip


async def corrected(local):
    """The past one as published, “Correct…”, and version 2 in the thread of the first."""
    await local.to("Mon 09:00")
    await local.command(PM, "/pbr acme 2026-02")
    assert "Published Fri 6 Mar, 11:0" in await words(local, PM)
    await local.press(PM, "Correct…")
    view = await local.view(PM)
    assert value_of(view, "change_0") == "Demo together"
    assert "2 stand already" in shown(view)
    assert (await local.submit(PM, {"change_0": "Demo together, weekly"}))["result"] == "client_errors", (
        "say what changed"
    )
    done = await local.submit(PM, {"what_changed": "How often <!channel>"})
    assert done["result"] == "updated", done
    await local.post("close", {"user": local.id(PM)})
    assert "Version 2 of 2" in await words(local, PM), "the page below was drawn anew"
    view = await local.view(PM)
    choice = next(
        one for block in view["blocks"] for one in block.get("elements", []) if one.get("type") == "static_select"
    )
    block = next(one for one in view["blocks"] if choice in one.get("elements", []))
    await local.post("view_action", {"user": local.id(PM), "block_id": block["block_id"], "action_id": choice["action_id"],
                                     "selected": "1"})  # fmt: skip
    text = await words(local, PM)
    assert "Version 1 of 2" in text
    assert "there is a newer one" in text
    await close_all(local, PM)
    first, second = [row for row in await local.bot_messages("p-acme") if "PBR of" in row["text"]]
    assert second["thread_ts"] == first["ts"]
    assert "*What changed in version 2:* How often" in second["text"]
    assert second["mentions"] == []
    assert_one_page(second["text"])
    assert {row.state for row in await outbox(local, "pbr")} == {"sent"}
    assert len(await local.rows(select(Commitment))) == 2


async def test_what_is_not_there_or_not_yours_is_answered_with_what_is(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to("Wed 11:00")
        for text, sentence in (
            ("/pbr gamma", "Paul Other (partner manager) and leadership can."),
            ("/pbr acme north 2026-13", "“2026-13” is no month"),
            ("/pbr acme north oct", "such as 2026-10. There is one of 2026-02."),
            ("/pbr acme north 2026-12", "is not planned yet"),
            ("/pbr acme north 2020-01", "There was no PBR of 2020-01 with Acme North. There is one of 2026-02."),
            ("/pbr beta", "Beta is Tier 2: a PBR is for Tier 1 partners"),
        ):
            assert sentence in await told(local, PM, text), text
        assert "You cannot see this partner's notes" in await told(local, "Ann Seller", "/pbr acme")
        for text, expected in (
            ("/pbr amce north", "Did you mean Acme North?"),
            ("/pbr acme n", "*Acme North*"),
            ("/pbr acm", "Several partners match “acm”. Which one?"),
            ("/pbr acm 2026-02", "With its whole name, `/pbr` also opens 2026-02."),
            ("/pbr zebra", "No partner of yours is called “zebra”. `/pbr` lists those that are."),
        ):
            await local.command(PM, text)
            assert expected in await words(local, PM), text
            await close_all(local, PM)
        await local.command("Ann Seller", "/pbr")
        assert "No partner is yours to see here" in await words(local, "Ann Seller")


async def test_leadership_reads_the_draft_and_cannot_publish_it(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to("Wed 11:00")
        await local.command("Fay Money", "/pbr acme")
        view = await local.view("Fay Money")
        assert "PBR of February 2026 · _draft_" in shown(view)
        assert labels(view) == []
        await close_all(local, "Fay Money")
        await local.command("Fay Money", "/pbr")
        assert "*Gamma*" in await words(local, "Fay Money")


async def test_two_people_at_once_see_both_values_and_nothing_is_overwritten(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to("Fri 11:05")
        for name in (PM, HEAD):
            await local.command(name, "/pbr acme")
        assert (await local.submit(HEAD, await promise(local, change_0="Hedda's")))["result"] == "updated"
        found = await local.submit(PM, await promise(local, change_0="Pat's"))
        assert found["result"] == "updated", found
        view = await local.view(PM)
        assert "Change 1: Hedda Lead has *Hedda's*; you typed *Pat's*" in shown(view)
        assert "what_changed" in fields(view), "it would be a correction now"
        assert (value_of(view, "change_0"), value_of(view, "text_0")) == ("Pat's", PROMISES["text_0"])
        assert len(await local.rows(select(Artifact).where(Artifact.kind == "pbr"))) == 1
        mended = await local.submit(PM, {
            "what_changed": "Pat's wording", "text_0": "", "text_1": "", "owner_0": "", "owner_1": "", "promise_due_0": "",
            "promise_due_1": "",
        })  # fmt: skip
        assert mended["result"] == "updated", mended
        assert "version 2" in await words(local, PM)


async def test_one_that_was_not_held_says_whose_side_and_why_and_needs_no_commitments(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to("Fri 11:05")
        await local.command(PM, "/pbr acme")
        await local.choose(PM, "held", "not_held")
        assert (await local.submit(PM, {"reason": ""}))["result"] == "client_errors"
        done = await local.submit(PM, {"side": "partner", "reason": "their kick-off"})
        assert done["result"] == "updated", done
        assert (
            ":warning: Not held: the partner's side, their kick-off (closed by Pat Manager)"
            in (await page_in(local, "p-acme"))["text"]
        )
        assert (await pbr_of(local, "Acme")).state == "no_meeting"
        await close_all(local, PM)
        await local.command(PM, "/pbr acme north")
        await local.choose(PM, "held", "not_held")
        await local.submit(PM, {"side": "ours", "reason": "ill"})
        assert "sent to Pat Manager, because this partner has no internal channel" in await words(local, PM)
        assert_one_page((await local.card(PM, "*Acme North* · PBR of February 2026"))["text"])
        await close_all(local, PM)
        await local.command(PM, "/pbr")
        assert "not held: the partner's side, their kick-off (published)" in await words(local, PM)


async def test_the_quarter_s_own_pbr_is_handed_out_as_a_draft_and_closed_from_its_card(sqlite_url):
    async def turned_on(db):
        async with db.write() as session:
            await meetings.turn(session, "pbr", on=True, by=None, now=STARTS, policy=small_team().policy)

    async with journey(team(), sqlite_url, prepared=turned_on) as local:
        await local.to("Tue 10:00")
        card = await local.card(PM, "To prepare")
        await press_row(local, PM, card, "*Acme*", "Open the draft")
        assert "*Joint pipeline*" in await words(local, PM)
        assert (await local.submit(PM, {"how": "draft", "change_0": "Demo together"}))["result"] == "updated"
        await close_all(local, PM)
        occurrence = await pbr_of(local, "Acme")
        assert occurrence.slot == "2026-03"
        await local.to(occurrence.ends_at + timedelta(hours=4))
        await press_row(local, PM, await local.card(PM, "Close your meetings"), "Acme · Monthly")
        view = await local.view(PM)
        assert value_of(view, "change_0") == "Demo together"
        done = await local.submit(PM, await promise(local))
        assert done["result"] == "updated", done
        await close_all(local, PM)
        assert "1. Send the joint plan" in (await page_in(local, "p-acme"))["text"]
        assert (await pbr_of(local, "Acme")).closed_at is not None


async def page_in(local, channel):
    found = [row for row in await local.bot_messages(channel) if "PBR of" in row["text"]]
    assert found, [row["text"] for row in await local.bot_messages(channel)]
    assert_one_page(found[-1]["text"])
    return found[-1]


async def pbr_of(local, name):
    return (
        await local.rows(
            select(Occurrence)
            .join(Cadence, Cadence.id == Occurrence.cadence_id)
            .join(Partner, Partner.id == Cadence.partner_id)
            .where(Partner.name == name, Cadence.kind == "pbr")
        )
    )[0]


async def deal_key(local, words_):
    view = await local.view(PM)
    options = next(one for one in view["blocks"] if one["block_id"].startswith("pursuit"))["element"]["options"]
    return next(one["value"] for one in options if words_ in one["text"]["text"])


@pytest.mark.parametrize("day", [date(2026, 3, 6)])
def test_the_meeting_of_these_journeys_is_the_first_friday(day):
    assert (MEETING.date(), day.weekday(), (day - timedelta(days=7)).month) == (day, 4, 2)
