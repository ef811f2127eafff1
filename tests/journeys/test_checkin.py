"""Both sides work a week in the joint channel: the check-in, its form, and everybody who presses what is not theirs."""

import json

import pytest
from sqlalchemy import select

from bot.delivery import channels
from models.joint import marks, posting, stages
from models.tables import Card, Counterpart, Deal, DealVersion, JointAnswer, JointDeal, Partner, Person
from tests.journeys.support import (
    BORIS,
    CORA,
    admin,
    close_all,
    fields,
    forged,
    joint_team,
    journey,
    labels,
    note_of,
    outbox,
    press_deal,
    press_row,
    promise_two,
    reached,
    seen_in,
    shown,
    switch,
    value_of,
    walk,
)

PM, ANN = "Pat Manager", "Ann Seller"


@pytest.fixture(params=["socket mode, sqlite", "http mode, sqlite", "socket mode, postgresql"])
async def place(request, sqlite_url):
    from tests import postgres

    if "sqlite" in request.param:
        yield sqlite_url, request.param.startswith("http")
        return
    url = await postgres.fresh_database(request.getfixturevalue("postgres_base"))
    yield url, False
    await postgres.drop_database(url)


async def prepare(local, *partners, deals=2, amounts=()):
    """Pat marks the first deals of these partners joint, names two stages, and lets Cadence post to their channels."""
    now = await local.now()
    for name in partners:
        await channels.find(
            local.bot.engine.delivery.desk, f"joint-{name.lower()}"
        )  # as the preview does: who reads it?
    async with local.db.write() as session:
        pm = (await session.scalars(select(Person).where(Person.name == PM))).one()
        for name in partners:
            partner = (await session.scalars(select(Partner).where(Partner.name == name))).one()
            rows = await marks.candidates(session, partner.id, now=now, policy=local.team.policy)
            for view in sorted(rows, key=lambda one: one.version.name)[:deals]:
                await marks.mark(
                    session, pm, view.id, partner.id, amount_shared=view.version.name in amounts, now=now,
                    policy=local.team.policy,
                )  # fmt: skip
            words = {"Qualification": "Qualified", "Proposal/Price Quote": "Offer is out"}
            await stages.set_names(session, pm, partner.id, words, now=now, policy=local.team.policy)
            await posting.allow(
                session, pm, partner.id, teams=[f"T0{name.upper()}"], now=now, policy=local.team.policy
            )  # fmt: skip


async def confirm(local, *names):
    """These people speak for their partners from now on, as the contacts a file named: what the manager's click leaves."""
    async with local.db.write() as session:
        for name in names:
            row = (await session.scalars(select(Counterpart).where(Counterpart.slack_id == local.id(name)))).one()
            contact = (await session.scalars(select(Person).where(Person.name == name))).one()
            contact.slack_id, contact.slack_team_id = row.slack_id, row.slack_team_id
            row.state, row.person_id = "confirmed", contact.id


async def check_in(local, channel="joint-acme"):
    found = [row for row in await local.bot_messages(channel) if "Check-in" in row["text"]]
    assert found, [row["text"] for row in await local.bot_messages(channel)]
    return found[-1]


async def press(local, name, message, account, label=None, *, ok=True):
    """The button beside this account."""
    block = next(one for one in message["blocks"] if f"*{account}*" in shown(one) and one.get("accessory"))
    button = block["accessory"]
    assert label in (None, button["text"]["text"])
    return await local.click(name, message, button["text"]["text"], value=button["value"], ok=ok)


async def press_first(local, name, message):
    button = next(one["accessory"] for one in message["blocks"] if one.get("accessory"))
    return await local.click(name, message, button["text"]["text"], value=button["value"])


def said(found):
    return shown({"a": found["ephemeral"], "b": found["views"]})


async def forms_opened(local):
    return sum("checkin.answer" in str(row["request"]) for row in await local.api("views.open"))


async def answers_of(local):
    return await local.rows(select(JointAnswer).order_by(JointAnswer.id))


async def ready(local, *partners, people=(CORA,), **how):
    """Wednesday, ten o'clock: the check-in is out, and these people were confirmed after their first click."""
    await prepare(local, *(partners or ("Acme",)), **how)
    await local.to("Wed 10:00")
    for name in people:
        await press_first(local, name, await check_in(local, "joint-beta" if name == BORIS else "joint-acme"))
    await confirm(local, *people)


async def test_both_sides_work_a_week_in_the_joint_channel(place):
    url, http = place
    async with journey(joint_team(), url, http=http) as local:
        await prepare(local, "Acme", amounts=("Deal 1",))
        await local.to("Wed 09:59")
        assert await local.bot_messages("joint-acme") == []
        await local.to("Wed 10:00")
        card = await check_in(local)
        assert "2 joint deals, 0 answered" in shown(card)
        assert "*Account 1* · stage Qualified · USD 10,000" in shown(card)
        assert "20,000" not in shown(card), "nobody shared that amount"
        assert labels(card) == ["Update", "Update"]
        assert (await seen_in(local, CORA, "joint-acme"))[-1]["ts"] == card["ts"]

        first = await press(local, CORA, card, "Account 1")
        assert "The partner manager has been asked" in said(first)
        assert await local.view(CORA) is None
        assert "coracounterpart" in shown((await local.dms(PM))[-1])
        await confirm(local, CORA)

        await press(local, CORA, card, "Account 1")
        view = await local.view(CORA)
        assert set(fields(view)) == {"stage", "action", "owner", "due", "ask"}
        result = await local.submit(CORA, {
            "stage": "Offer is out", "action": "Confirm the budget", "owner": "Colin", "due": "2026-03-09",
            "ask": "A reference customer",
        })  # fmt: skip
        assert result["result"] == "closed", result["errors"]
        card = await check_in(local)
        assert card["edited_count"] >= 1
        assert len(await local.bot_messages("joint-acme")) == 1, "edited in place, nothing new"
        for words in ("1 answered", "Acme says Offer is out", "From Acme: Confirm the budget (Colin, by Mon 9 Mar)",
                      "Acme asks: A reference customer", "Answered by Cora Counterpart, 4 Mar"):  # fmt: skip
            assert words in shown(card)
        assert sorted(labels(card)) == ["Change", "Update"]

        await press_deal(local, ANN, "Deal 1", "Answer")
        view = await local.view(ANN)
        assert "Acme: stage “Offer is out” (ours: Qualified)" in shown(view)
        await local.submit(ANN, {
            "next_text": "Hold the price at any cost", "next_due": "2026-03-12", "shared_text": "Send the offer",
        })  # fmt: skip
        await close_all(local, ANN)
        card = await check_in(local)
        assert "From us: Send the offer (Ann Seller, by Thu 12 Mar)" in shown(card)

        await local.to("Thu 09:50")
        agenda = (await local.bot_messages("p-acme"))[-1]["text"]
        assert "*Acme says*" in agenda
        assert "Deal 1: stage “Offer is out” (ours: Qualified) · asks: A reference customer (Cora Counterpart" in agenda
        await local.to("Thu 10:00")
        card = await check_in(local)
        assert "This check-in is over" in shown(card)
        assert labels(card) == []
        await local.to("Thu 11:00")
        await press_row(local, PM, await local.card(PM, "Close your reviews"), "Acme")
        await promise_two(local, PM, "2026-03-12", open_=False)
        note = await note_of(local, "p-acme")
        assert "asks: A reference customer" in note["text"]
        assert (await local.rows(select(Deal).join(DealVersion, DealVersion.id == Deal.version_id)
                                 .where(DealVersion.name == "Deal 1")))[0].partner_owner == "Colin"  # fmt: skip

        everything = json.dumps(await reached(local), ensure_ascii=False)
        for secret in (
            "Hold the price",
            "20,000",
            "Deal 1",
            "Deal 2",
            "Account 3",
            "Qualification",
            "pipeline",
            "2026-03-30",
        ):
            assert secret not in everything, secret

        await local.to("Wed 10:00")
        second = await check_in(local)
        assert second["ts"] != card["ts"]
        assert "Last said by Cora Counterpart, 4 Mar" in shown(second)
        assert labels(second) == ["Update", "Update"]
        assert len(await outbox(local, "checkin")) == 2


async def test_our_people_who_press_a_partners_button_are_told_where_theirs_is(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        card = await check_in(local)
        found = await press(local, ANN, card, "Account 1")
        assert "This button is for the people of Acme" in said(found)
        assert "Pat Manager can write down" in said(found)
        assert labels(await local.view(ANN)) == []
        await close_all(local, ANN)
        await press(local, PM, card, "Account 1")
        assert labels(await local.view(PM)) == ["Joint channel…"]
        assert await answers_of(local) == []


async def test_a_counterpart_of_another_partner_and_a_stranger_learn_and_change_nothing(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local, "Acme", "Beta", people=(CORA, BORIS))
        clicked = (await local.get("log", kind="interaction", method="block_actions"))[-1]["request"]
        mark = (await local.rows(select(JointDeal).join(Partner, Partner.id == JointDeal.partner_id)
                                 .where(Partner.name == "Acme")))[0].id  # fmt: skip
        proposed = len(await local.rows(select(Counterpart)))

        def copy(user, team, **more):
            """Acme's button, copied into somebody else's hands and channel."""
            action = {**clicked["actions"][0], "value": json.dumps({"m": mark})}
            return clicked | {"user": {"id": user, "name": "x", "team_id": team}, "actions": [action], **more}

        boris, theirs = local.id(BORIS), clicked["channel"]
        acme = {"id": (await check_in(local))["channel"], "name": "joint-acme"}
        for payload in (
            copy(boris, "T0BETA"),  # a counterpart of Beta, in Beta's channel
            copy(boris, "T0BETA", channel=acme),  # the same, pretending to stand in Acme's
            copy(local.id(CORA), "T0BETA"),  # Cora's id with another company's team is a stranger
            copy("U0STRANGER", "T0NOBODY", channel=theirs),
            copy("U0STRANGER", "", channel=acme),
        ):
            assert (await forged(local, payload))["acked"]
        await local.to(await local.now())
        assert not any("checkin.answer" in str(row["request"]) for row in await local.api("views.open")), (
            "nothing opened"
        )
        assert len(await local.rows(select(Counterpart))) == proposed, "and nobody was disturbed"

        # Boris opens his own form, and sends it for Acme's deal.
        await press_first(local, BORIS, await check_in(local, "joint-beta"))
        view = await local.view(BORIS)
        await local.post("fill", {"user": boris, "values": {fields(view)["action"]: "Steal it"}})
        view = await local.view(BORIS)
        payload = {
            "type": "view_submission", "team": clicked["team"], "api_app_id": clicked["api_app_id"], "token": "x",
            "user": {"id": boris, "name": "boris", "team_id": "T0BETA"}, "trigger_id": "1.2.3", "response_urls": [],
            "view": {**view, "private_metadata": json.dumps({"m": mark}), "hash": "other"},
        }  # fmt: skip
        await forged(local, payload)
        for who, team in ((CORA, "T0BETA"), (CORA, ""), (ANN, "T0HOME"), (ANN, "T0ACME"), (PM, "T0HOME")):
            await forged(local, payload | {"user": {"id": local.id(who), "name": "x", "team_id": team}})
        assert await answers_of(local) == []
        await forged(local, payload | {"user": {"id": local.id(CORA), "name": "x", "team_id": "T0ACME"}})
        assert [row.action for row in await answers_of(local)] == ["Steal it"], (
            "the payload itself was one that is taken"
        )


async def test_a_stranger_in_the_channel_is_proposed_once_and_opens_nothing(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await prepare(local, "Acme")
        await local.to("Wed 10:00")
        card = await check_in(local)
        for _ in range(3):
            found = await press(local, CORA, card, "Account 2")
            assert "The partner manager has been asked" in said(found)
        rows = await local.rows(select(Counterpart).where(Counterpart.slack_id == local.id(CORA)))
        assert [(row.state, row.how, row.slack_team_id) for row in rows] == [("proposed", "clicked", "T0ACME")]
        assert await local.view(CORA) is None
        async with local.db.write() as session:
            (await session.get_one(Counterpart, rows[0].id)).state = "revoked"
        assert "not among those who answer" in said(await press(local, CORA, card, "Account 2"))


async def test_whoever_moves_to_another_company_speaks_for_neither_side_any_more(sqlite_url):
    """Cora goes to Beta, Ann to Acme: what was theirs stays with the company they left."""
    async with journey(joint_team(), sqlite_url, may_disturb=(ANN,)) as local:
        await ready(local)
        await press(local, CORA, await check_in(local), "Account 1")
        clicked = (await local.get("log", kind="interaction", method="block_actions"))[-1]["request"]
        await admin(local, "move_user", user=local.id(CORA), team="T0BETA")
        await admin(local, "move_user", user=local.id(ANN), team="T0ACME")
        await local.to("Wed 10:05")
        opened = await forms_opened(local)
        for who, team in ((CORA, "T0BETA"), (ANN, "T0ACME")):
            await forged(local, clicked | {"user": {"id": local.id(who), "name": "x", "team_id": team}})
        await local.to("Wed 10:06")
        assert await forms_opened(local) == opened == 1
        assert await answers_of(local) == []
        (ann,) = await local.rows(select(Person).where(Person.name == ANN))
        assert not ann.active
        before = len(await local.dms(ANN))
        await local.to("Thu 09:00")
        assert len(await local.dms(ANN)) == before, "nothing of ours is written to her"
        assert any("Ann Seller" in shown(row) for row in await local.dms(PM)), "her deals want a new owner"


async def test_a_deal_taken_back_while_its_form_is_open_takes_nothing_and_loses_nothing(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        await press(local, CORA, await check_in(local), "Account 1")
        async with local.db.write() as session:
            pm = (await session.scalars(select(Person).where(Person.name == PM))).one()
            mark = (await session.scalars(select(JointDeal).order_by(JointDeal.id))).first()
            await marks.take_back(session, pm, mark.id, now=await local.now(), policy=local.team.policy)
        await local.to(await local.now())
        result = await local.submit(CORA, {"action": "Confirm the budget", "ask": "A price"})
        assert result["result"] == "errors"
        assert "not shared any more" in " ".join(result["errors"].values())
        assert value_of(await local.view(CORA), "ask") == "A price", "what was typed is still there"
        assert await answers_of(local) == []
        card = await check_in(local)
        assert "Account 1" not in shown(card)
        assert labels(card) == ["Update"]


async def test_whoever_is_revoked_while_their_form_is_open_says_nothing_more(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        await press(local, CORA, await check_in(local), "Account 1")
        async with local.db.write() as session:
            row = (await session.scalars(select(Counterpart).where(Counterpart.slack_id == local.id(CORA)))).one()
            row.state = "revoked"
        result = await local.submit(CORA, {"action": "Confirm the budget"})
        assert result["result"] == "errors"
        assert "Only people who were confirmed" in " ".join(result["errors"].values())
        assert value_of(await local.view(CORA), "action") == "Confirm the budget"
        assert await answers_of(local) == []


async def test_a_card_that_is_behind_what_is_true_opens_nothing(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        card = await check_in(local)
        async with local.db.write() as session:  # beside the bot: nothing is drawn anew
            first, second = (await session.scalars(select(JointDeal).order_by(JointDeal.id))).all()
            first.valid_to = await local.now()
            deal = await session.get_one(Deal, second.deal_id)
            (await session.get_one(DealVersion, deal.version_id)).category = "won"
        assert "not shared with you" in said(await press(local, CORA, card, "Account 1"))
        assert "won or lost meanwhile" in said(await press(local, CORA, card, "Account 2"))
        assert await local.view(CORA) is None
        await press(local, PM, card, "Account 1")
        assert "not joint any more" in str([row["text"] for row in await local.dms(PM)])


async def test_saying_it_twice_changes_nothing_twice_and_a_mistake_is_said_on_its_field(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        await press(local, CORA, await check_in(local), "Account 1")
        wrong = await local.submit(CORA, {"action": "Confirm", "due": "2026-01-01"})
        assert wrong["result"] == "errors"
        assert "is in the past" in " ".join(wrong["errors"].values())
        assert next(iter(wrong["errors"])).startswith("due:")
        assert (await local.submit(CORA, {"due": "2026-03-09"}))["result"] == "closed"
        sent = (await local.get("log", kind="interaction", method="view_submission"))[-1]
        edits = len(await local.api("chat.update"))
        await forged(local, sent["request"])
        await local.to(await local.now())
        assert len(await answers_of(local)) == 1
        assert len(await local.api("chat.update")) == edits


async def test_where_slack_forbids_forms_to_outsiders_they_are_told_to_reply(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        await switch(local, outsiders_forms=False)
        found = await press(local, CORA, await check_in(local), "Account 1")
        assert "Reply in the check-in's thread instead" in said(found)
        await switch(local, outsiders_ephemerals="refused")
        await press(local, CORA, await check_in(local), "Account 1")
        assert "or reply in this thread" in shown(await check_in(local)), "the card says so where nothing else can"


async def test_many_joint_deals_fit_one_card_and_the_rest_is_one_button_away(sqlite_url):
    from tests.world import deal

    team = joint_team(deals=[deal(number, ANN) for number in range(1, 61)])
    async with journey(team, sqlite_url) as local:
        await ready(local, deals=60)
        card = await check_in(local)
        assert len(card["blocks"]) <= 50
        assert "… and 16 more joint deals, 0 answered" in shown(card)
        await local.click(CORA, card, "More deals…")
        view = await local.view(CORA)
        choose = view["blocks"][0]["accessory"]
        wanted = choose["options"][-1]
        await local.post("view_action", {
            "user": local.id(CORA), "action_id": choose["action_id"], "block_id": view["blocks"][0]["block_id"],
            "selected": wanted["value"],
        })  # fmt: skip
        view = await local.view(CORA)
        assert f"*{wanted['text']['text']}*" in shown(view)
        assert (await local.submit(CORA, {"action": "Call them"}))["result"] == "closed"
        row = (await answers_of(local))[0]
        assert str(row.joint_deal_id) == wanted["value"]


async def test_a_restart_posts_no_second_check_in(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await prepare(local, "Acme")
        await local.to("Wed 10:00")
        await local.stop_bot()
        await local.start_bot()
        await local.to("Wed 15:00")
        assert len(await local.bot_messages("joint-acme")) == 1
        assert len(await local.rows(select(Card).where(Card.kind == "checkin"))) == 1


async def test_our_own_cards_show_what_the_partner_says_while_people_answer(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        await press(local, CORA, await check_in(local), "Account 2")
        await local.submit(CORA, {"action": "Ask their CFO", "owner": "Cora", "due": "2026-03-10"})
        prompt = await local.card(ANN, "Your deals")
        assert "Acme: Ask their CFO (Cora, by Tue 10 Mar)" in shown(prompt)
        assert await walk(local, ANN) > 0
