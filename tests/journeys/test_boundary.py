"""The boundary at the mouth, over the local Slack: what changes between planning and posting, and what people decide then."""

from typing import Any

from sqlalchemy import select, update

from models.tables import Card, ChannelGuest, ChannelState, Outbox, Partner
from tests.journeys.support import CORA, admin, close_all, journey, outbox, promise_two, reached
from tests.journeys.test_joint_desk import check_in, decide, desk, press_check_in, ready, section, share
from tests.world import BOT_USER, Human, Local, Team, partner, small_team

PAT, ANN, ADA = "Pat Manager", "Ann Seller", "Ada Admin"
CARD = "Partners and shared channels"


def acme_alone() -> Team:
    """The small team, with Acme in #joint-acme and Cora Counterpart there."""
    team = small_team()
    team.people = [*team.people, Human(CORA, "counterpart", partner="Acme")]
    team.partners = [partner(joint="#joint-acme")]
    return team


async def row_of(local: Local, template: str) -> Outbox:
    (row,) = await outbox(local, template)
    return row


async def channel(local: Local, name: str) -> str:
    return next(row["id"] for row in (await local.get("state"))["channels"] if row.get("name") == name)


async def said_to_others(local: Local, **which: str) -> list[dict[str, Any]]:
    """What people of outside could read, besides that there is such a channel."""
    return [row for row in await reached(local, **which) if row["kind"] != "channel"]


async def texts(local: Local, name: str) -> list[str]:
    return [row["text"] for row in await local.bot_messages(name)]


async def test_a_channel_that_came_to_be_shared_takes_nothing_and_its_messages_are_moved(database_url):
    team = small_team()
    team.partners[0]["internal_channel"] = "p-acme"
    async with journey(team, database_url) as local:
        await local.to("Thu 09:00")
        await admin(local, "add_channel", name="p-acme-2", members=[local.id(PAT), BOT_USER])
        await admin(local, "share", channel="p-acme")
        await local.to("Thu 09:01")
        assert "the internal channel of Acme, is shared with another company" in await desk(local), (
            "told before any post"
        )
        await local.to("Thu 10:30")
        assert (await row_of(local, "agenda")).state == "held"
        await promise_two(local, PAT, "2026-03-12")
        assert await texts(local, "p-acme") == []
        assert "Agenda of Acme, 5 Mar" in await desk(local)
        assert "Account" not in await desk(local), "nothing of what it says"
        await decide(local, "Agenda of Acme", "Drop")
        assert (await row_of(local, "agenda")).decision == "dropped"
        await decide(local, "Weekly note of Acme", "Move to another channel…")
        refused = await local.submit(PAT, {"channel": await channel(local, "p-acme")})
        assert refused["result"] != "closed", "that is where it may not go"
        moved = await local.submit(PAT, {"channel": await channel(local, "p-acme-2")})
        assert moved["result"] == "closed", moved
        await local.to("Thu 10:31")
        assert await texts(local, "p-acme") == []
        (note,) = await texts(local, "p-acme-2")
        assert "weekly deal review" in note
        assert "Held messages" not in await desk(local)
        await admin(local, "unshare", channel="p-acme")
        await local.to("Thu 10:32")
        assert "All decided" in await desk(local)
        assert await said_to_others(local, channel="p-acme") == []


async def test_a_held_note_goes_out_as_the_partner_safe_one(sqlite_url):
    async with journey(acme_alone(), sqlite_url) as local:
        await ready(local)
        await local.to("Thu 09:00")
        await admin(local, "share", channel="p-acme")
        await local.to("Thu 10:30")
        await promise_two(local, PAT, "2026-03-12")
        before = len(await texts(local, "joint-acme"))
        await decide(local, "Weekly note of Acme", "Send the partner-safe version")
        await local.to("Thu 10:31")
        safe = await row_of(local, "shared_note")
        assert (safe.audience, safe.state) == ("partner", "sent")
        assert len(await texts(local, "joint-acme")) >= before, "once, however often it was owed"
        assert len(await outbox(local, "shared_note")) == 1
        note = await row_of(local, "weekly_note")
        assert (note.state, note.decision) == ("void", "safe")
        assert await texts(local, "p-acme") == []


async def test_a_held_message_waits_for_days_and_is_on_each_morning_s_card(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Thu 09:00")
        await admin(local, "share", channel="p-acme")
        await local.to("Thu 10:30")
        await admin(local, "unshare", channel="p-acme")
        for day in ("Fri", "Mon", "Tue", "Wed", "Thu", "Fri"):
            await local.to(f"{day} 10:00")
        cards = await local.rows(select(Card).where(Card.kind == "joint", Card.ts.is_not(None)).order_by(Card.day))
        assert [f"{card.day:%a}" for card in cards] == ["Thu", "Fri", "Mon", "Tue", "Wed", "Thu", "Fri"], "one a day"
        first = (await outbox(local, "agenda"))[0]
        assert (first.state, first.decision) == ("held", "")
        await decide(local, "Agenda of Acme, 5 Mar", "Post it now")
        await local.to("Fri 10:01")
        assert (await outbox(local, "agenda"))[0].state == "sent"


async def test_a_channel_that_is_ours_alone_again_may_be_posted_to_at_once(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Thu 09:00")
        await admin(local, "share", channel="p-acme")
        await local.to("Thu 10:30")
        said = str((await local.card(PAT, CARD))["blocks"])
        assert "Once the channel is ours alone again, *Post it now* stands here." in said
        await admin(local, "unshare", channel="p-acme")
        await local.to("Thu 10:31")
        assert "By now nothing that Cadence knows speaks against the channel." in await desk(local)
        await decide(local, "Agenda of Acme, 5 Mar", "Post it now")
        await local.to("Thu 10:32")
        assert (await outbox(local, "agenda"))[0].state == "sent"


async def test_a_guest_who_joins_is_known_at_once_and_an_admin_allows_them(sqlite_url):
    team = small_team()
    team.people = [*team.people, Human(ADA, "admin")]
    async with journey(team, sqlite_url) as local:
        await local.to("Thu 09:00")
        await admin(local, "add_user", name="gus", id="UGUEST", real_name="Gus Guest")
        await admin(local, "update_user", user="UGUEST", is_restricted=True)
        await admin(local, "invite", channel="p-acme", user="UGUEST")
        await local.to("Thu 09:40")
        (row,) = await local.rows(select(ChannelGuest))
        assert (row.slack_id, row.left_at) == ("UGUEST", None)
        await local.to("Thu 10:30")
        assert (await row_of(local, "agenda")).state == "held"
        assert "A guest is in #p-acme" in await desk(local)
        assert await said_to_others(local, user="UGUEST") == []
        card, place = await section(local, "Gus Guest", ADA)
        await local.click(ADA, card, "Allow", block_id=card["blocks"][place]["block_id"])
        await local.to("Thu 10:31")
        assert "Post it now" in str((await local.card(PAT, CARD))["blocks"])
        await decide(local, "Agenda of Acme", "Post it now")
        await local.to("Thu 10:32")
        assert len(await texts(local, "p-acme")) == 1
        await admin(local, "kick", channel="p-acme", user="UGUEST")
        await local.to("Thu 10:33")
        (row,) = await local.rows(select(ChannelGuest))
        assert row.left_at is not None


async def test_ids_that_change_are_followed_everywhere(sqlite_url):
    async with journey(acme_alone(), sqlite_url) as local:
        await ready(local)
        await local.to("Wed 10:05")
        for old, new in (("joint-acme", "GJOINTNEW"), ("p-acme", "GACMENEW")):
            await admin(local, "channel_id_change", channel=old, to=new)
        await local.to("Wed 10:10")
        await press_check_in(local, CORA, "Account 1")  # an edit of the check-in and a question to Pat follow
        await local.to("Thu 10:30")
        await promise_two(local, PAT, "2026-03-12")
        await local.to("Thu 10:31")
        (acme,) = await local.rows(select(Partner).where(Partner.name == "Acme"))
        for row in await outbox(local, "agenda"):
            if row.channel_ref.endswith("acme"):
                assert (row.state, row.channel_id) == ("sent", "GACMENEW")
        (note,) = await local.rows(select(Outbox).where(Outbox.template == "shared_note"))
        assert (note.state, note.channel_id) == ("sent", "GJOINTNEW")
        cards = await local.rows(select(Card).where(Card.kind == "checkin", Card.partner_id == acme.id))
        assert [(card.channel_id, card.dead) for card in cards] == [("GJOINTNEW", "")]
        assert not await local.rows(select(ChannelState).where(ChannelState.slack_id.in_(("C10001", "CACME"))))


async def test_a_disconnected_joint_channel_is_said_once_and_nothing_goes_there(sqlite_url):
    async with journey(acme_alone(), sqlite_url) as local:
        await ready(local)
        before = await texts(local, "joint-acme")
        await admin(local, "unshare", channel="joint-acme")
        await local.to("Wed 11:00")
        words = "Acme is not connected to #joint-acme any more"
        assert words in await desk(local)
        told = [row for row in await local.dms(PAT) if words in row["text"]]
        await admin(local, "archive", channel="joint-acme")
        await local.to("Wed 15:00")
        assert [row for row in await local.dms(PAT) if "joint-acme" in row["text"]][-1]["ts"] == told[-1]["ts"]
        await local.to("Thu 10:30")
        await promise_two(local, PAT, "2026-03-12")
        await local.to("Thu 12:00")
        assert await texts(local, "joint-acme") == before
        states = {row.state for row in await local.rows(select(Outbox).where(Outbox.template == "shared_note"))}
        assert states <= {"held"}


async def test_a_check_in_is_not_edited_once_another_company_is_connected(sqlite_url):
    async with journey(acme_alone(), sqlite_url) as local:
        await ready(local)
        posted = await check_in(local)
        await admin(local, "share", channel="joint-acme", team="T0OTHER01")
        await local.to("Wed 10:10")
        async with local.db.write() as session:
            await session.execute(update(Card).where(Card.kind == "checkin").values(wanted=Card.wanted + 1))
        await local.to("Wed 10:15")
        again = await check_in(local)
        assert again["history"] == posted["history"], "no edit"
        assert "another workspace is connected since you looked" in await desk(local)
        (card,) = await local.rows(select(Card).where(Card.kind == "checkin", Card.ts.is_not(None)))
        assert "Another workspace" in card.dead


async def test_a_refusal_in_a_shared_channel_says_nothing_internal(sqlite_url):
    team = acme_alone()
    async with journey(team, sqlite_url) as local:
        await local.to("Mon 11:00")
        await share(local, "Deal 1")
        for place in ("joint-acme", "p-acme"):
            await local.command(ANN, "/cadence zzz", channel=place)
        seen = await reached(local, channel="joint-acme")
        assert not [row for row in seen if "Acme" in str(row) and "/cadence" in str(row)]
        await close_all(local, ANN)
