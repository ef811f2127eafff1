"""Payloads that were forged, forwarded, replayed or made by somebody who has moved: nothing changes, nothing is said."""

import pytest
from sqlalchemy import select

from handlers.checkin.ids import MarkRef
from handlers.closing.ids import FormState as ClosingState
from handlers.deal_review.ids import DealRef
from handlers.deal_review.ids import FormState as AnswerState
from handlers.kit.doors import Door
from handlers.kit.told import APART
from models import orphans
from models.tables import (
    Answer,
    Cadence,
    Card,
    Change,
    Counterpart,
    Deal,
    DealVersion,
    ImportDraft,
    Inbox,
    JointAnswer,
    JointDeal,
    Occurrence,
    Outbox,
    Partner,
    Person,
)
from tests.boundary import ground as g
from tests.boundary.company import ELSEWHERE, NED, NOW, STRANGER, TEAM, of
from tests.boundary.crawl import filled
from tests.boundary.ground import Caller

OUTSIDE = "Only people of our own company can do this."
SHARED = {"id": "C0SHARED0", "name": "joint-x", "is_member": True, "is_shared": True, "is_ext_shared": True,
          "is_org_shared": False, "connected_team_ids": ["T0PART001"], "shared_team_ids": [TEAM, "T0PART001"]}  # fmt: skip


async def rows(ground, query):
    async with ground.bot.db.read() as session:
        return list(await session.scalars(query))


async def first(ground, query):
    return (await rows(ground, query.limit(1)))[0]


async def caller(ground, role):
    async with ground.bot.db.read() as session:
        return Caller((await of(session, role)).slack_id)


async def deal_of(ground, person_id):
    """A deal under review of this owner and the occurrence it is asked about in."""
    async with ground.bot.db.read() as session:
        found = await session.execute(
            select(DealVersion.deal_id, Occurrence.id)
            .join(Deal, Deal.version_id == DealVersion.id)
            .join(Cadence, Cadence.partner_id == DealVersion.partner_id)
            .join(Occurrence, Occurrence.cadence_id == Cadence.id)
            .where(DealVersion.owner_id == person_id, DealVersion.category == "pipeline",
                   Cadence.kind == "weekly_review", Occurrence.starts_at > NOW)
            .order_by(DealVersion.deal_id, Occurrence.starts_at)
        )  # fmt: skip
        return found.first()


async def confirmed(ground):
    """Who speaks for each of two partners, with a mark of the first one."""
    speak = await rows(ground, select(Counterpart).where(Counterpart.state == "confirmed").order_by(Counterpart.id))
    mark = await first(ground, select(JointDeal).where(JointDeal.partner_id == speak[0].partner_id))
    return [Caller(one.slack_id, one.slack_team_id) for one in speak], mark.id


def opened(came):
    return [view["title"]["text"] for view in came.views if view["title"]["text"] != "That did not work"]


async def settle(ground):
    """Work off the events that were kept."""
    await ground.bot.engine._work_inbox(ground.bot.engine.delivery.desk.known.identity)


# Metadata is what was shown, never a right.


async def test_the_metadata_of_somebody_elses_deal_answers_for_nothing(ground):
    owner, thief = (await rows(ground, select(Person).join(Person.roles).where(Person.slack_id != NED,
                    Person.roles.any(role="ae")).order_by(Person.id)))[:2]  # fmt: skip
    deal_id, occurrence_id = await deal_of(ground, owner.id)
    form = (await ground.send(g.click(
        Caller(owner.slack_id), g.button(Door.ANSWER_DEAL, DealRef(o=occurrence_id, d=deal_id).dump())
    ))).views[0]  # fmt: skip
    assert AnswerState.load(form["private_metadata"]).d == deal_id
    stolen = g.view_of(
        form["callback_id"], form["private_metadata"], filled(form, thief.slack_id), blocks=form["blocks"]
    )
    came = await ground.send(g.submission(Caller(thief.slack_id), stolen))
    assert "You cannot answer for this deal." in came.words
    assert came.changed == frozenset()
    before = len(await rows(ground, select(Answer)))
    assert (await ground.send(g.submission(Caller(owner.slack_id), stolen))).changed, "the very same form by its owner"
    assert len(await rows(ground, select(Answer))) == before + 1


async def test_a_partner_manager_closes_no_review_of_another_one(ground):
    pms = await rows(ground, select(Person).where(Person.roles.any(role="pm")).order_by(Person.id))
    review = await first(
        ground,
        select(Occurrence).join(Cadence, Cadence.id == Occurrence.cadence_id).join(Partner, Partner.id == Cadence.partner_id)
        .where(Partner.pm_id == pms[0].id, Cadence.kind == "weekly_review", Occurrence.closed_at.is_(None),
               Occurrence.ends_at < NOW),
    )  # fmt: skip
    state = {
        "held": {"x": {"type": "radio_buttons", "selected_option": {"value": "not_held"}}},
        "side": {"x": {"type": "static_select", "selected_option": {"value": "ours"}}},
        "reason": {"x": {"type": "plain_text_input", "value": "Nobody came"}},
    }
    view = g.view_of("closing.close", ClosingState(o=review.id, held=False).dump(), state)
    came = await ground.send(g.submission(Caller(pms[1].slack_id), view))
    assert "You cannot close this review." in came.words
    assert came.changed == frozenset()
    assert "artifact" in (await ground.send(g.submission(Caller(pms[0].slack_id), view))).changed


async def test_a_copied_button_of_another_partner_opens_nothing(ground):
    """Forwarded into their own channel, with all that was on it."""
    (mine, theirs), mark = await confirmed(ground)
    press = g.button(Door.CHECK_IN, MarkRef(m=mark).dump())
    assert opened(await ground.send(g.click(mine, press, channel="C1")))
    came = await ground.send(g.click(theirs, press, channel="C2"))
    assert opened(came) == []
    assert came.changed == frozenset()
    form = g.view_of(Door.ANSWER_JOINT, MarkRef(m=mark).dump(), {"action": {"value": {"value": "Signed it"}}})
    assert (await ground.send(g.submission(theirs, form))).changed == frozenset()
    assert await rows(ground, select(JointAnswer).where(JointAnswer.action == "Signed it")) == []


@pytest.mark.parametrize("mark", [0, -1, 10**6])
async def test_a_button_of_a_deal_that_is_not_joint_opens_nothing(ground, mark):
    (mine, _), _ = await confirmed(ground)
    came = await ground.send(g.click(mine, g.button(Door.CHECK_IN, f'{{"m":{mark}}}')))
    assert opened(came) == []
    assert came.changed == frozenset()


@pytest.mark.parametrize("action", ["deal_review.answer_one", "forecast.open", "joint.open", "no.such.door"])
async def test_a_partners_own_button_pressed_together_with_another_is_none_of_theirs(ground, action):
    (mine, _), mark = await confirmed(ground)
    body = g.click(mine, g.button(Door.CHECK_IN, MarkRef(m=mark).dump()))
    came = await ground.send(body | {"actions": [*body["actions"], g.button(action, "")]})
    assert opened(came) == []
    assert OUTSIDE in came.words


async def test_a_file_is_decided_about_by_whom_brought_it_whoever_else_may_import(ground, crawl):
    """The other partner manager may import files, and presses the buttons of a file that is not theirs."""
    brought, other = await rows(ground, select(Person).where(Person.roles.any(role="pm")).order_by(Person.id))
    offers = [offer for offer, _ in crawl.found if offer.door.startswith("imports.")]
    assert len({offer.door for offer in offers}) == 5
    assert {offer.by.slack_id for offer in offers} == {brought.slack_id}
    for offer in offers:
        came = await ground.send(offer.sent_by(Caller(other.slack_id)))
        assert f"{brought.name} brought this file, and only they decide about it." in came.words
        assert came.changed == frozenset()


async def test_a_target_needs_its_own_right_beside_that_of_a_rate(ground, crawl):
    """The form sets both: without a rate nothing but the target's own check is left."""
    offer = next(offer for offer, came in crawl.found if offer.door == "forecast.targets_form" and came.changed)
    values = offer.body["view"]["state"]["values"]
    amounts = {block: value for block, value in values.items() if block.startswith("amount")}
    view = offer.body["view"] | {"state": {"values": amounts}}
    came = await ground.send(g.submission(Caller(NED), view))
    assert "You cannot set targets and exchange rates." in came.words
    assert came.changed == frozenset()
    assert "quota" in (await ground.send(g.submission(offer.by, view))).changed


# Replays by somebody else.


async def test_a_replay_by_somebody_else_gets_neither_the_effect_nor_the_answer(ground, crawl):
    """The same view id and hash: what the first person was answered with is theirs."""
    told = []
    for offer, came in crawl.found:
        if offer.kind == "view" and came.changed and came.answer.get("view"):
            await ground.send(offer.body)
            again = await ground.send(offer.sent_by(Caller(NED)))
            told += [(offer.door, title) for title in opened(again) if again.answer == came.answer]
            ground.anew()
    assert told == []


async def test_a_counterparts_form_sent_again_by_another_counterpart_is_not_an_answer(ground, crawl):
    offer = next(offer for offer, _ in crawl.found if offer.door == Door.ANSWER_JOINT)
    _, theirs = (await confirmed(ground))[0]
    assert "joint_answer" in (await ground.send(offer.body)).changed
    assert (await ground.send(offer.sent_by(theirs))).changed == frozenset()


# Who has moved.


async def test_whoever_acts_from_another_company_is_outside_at_once_whatever_our_rows_say(ground):
    """The row still says that they are ours: their own team, which Slack says with each request, does not."""
    head = await caller(ground, "head")
    moved = Caller(head.slack_id, ELSEWHERE)
    for body in (
        g.click(moved, g.button(Door.OPEN_CADENCE, "")), g.shortcut(moved, "attribution.touch"),
        g.submission(moved, g.view_of("home.away_form")),
    ):  # fmt: skip
        came = await ground.send(body)
        assert OUTSIDE in came.words
        assert came.refused
    assert opened(await ground.send(g.click(head, g.button(Door.OPEN_CADENCE, ""))))


async def test_whoever_moves_to_another_company_is_gone_and_what_they_held_is_asked_about(ground):
    owner = await ground.person(role="ae")
    user = ground.slack.users[owner.slack_id] | {"team_id": ELSEWHERE, "is_stranger": True}
    await ground.send(g.happened("user_change", user=user))
    await settle(ground)
    gone = await first(ground, select(Person).where(Person.id == owner.id))
    assert (gone.active, gone.slack_team_id) == (False, ELSEWHERE)
    note = await first(ground, select(Change).where(Change.entity == "person", Change.entity_id == gone.id).order_by(
        Change.id.desc()))  # fmt: skip
    assert (note.field, note.after) == ("active", False)
    came = await ground.send(g.click(Caller(owner.slack_id), g.button(Door.OPEN_CADENCE, "")))
    assert "Your account is deactivated here" in came.words
    assert came.refused
    assert await ground.bot.engine.delivery.identify()
    async with ground.bot.db.write() as session:
        assert await orphans.ask_about_orphans(session, now=NOW, policy=ground.policy) > 0


async def test_a_counterpart_who_moves_to_another_company_is_a_stranger_again(ground):
    (mine, _), mark = await confirmed(ground)
    moved = Caller(mine.slack_id, ELSEWHERE)
    came = await ground.send(g.click(moved, g.button(Door.CHECK_IN, MarkRef(m=mark).dump())))
    assert opened(came) == []
    assert await rows(ground, select(JointAnswer)) == await rows(ground, select(JointAnswer))
    form = g.view_of(Door.ANSWER_JOINT, MarkRef(m=mark).dump(), {"action": {"value": {"value": "Moved"}}})
    await ground.send(g.submission(moved, form))
    assert await rows(ground, select(JointAnswer).where(JointAnswer.action == "Moved")) == []


@pytest.mark.parametrize("changed", [{"guest": True}, {"active": False}, {"side": "theirs"}])
async def test_who_is_no_full_member_any_more_gets_nothing_even_with_our_team(ground, changed):
    head = await caller(ground, "head")
    async with ground.bot.db.write() as session:
        person = (await session.scalars(select(Person).where(Person.slack_id == head.slack_id))).one()
        for name, value in changed.items():
            setattr(person, name, value)
    ground.look()
    came = await ground.send(g.command(head, "/forecast"))
    assert came.refused
    assert "Forecast" not in came.words


# Suggestions, Home, files, shortcuts.


@pytest.mark.parametrize("door", ["attribution.deal", "attribution.another"])
@pytest.mark.parametrize("who", [Caller(STRANGER, ELSEWHERE), Caller(STRANGER, ""), Caller(NED), Caller("U0UNKNOWN")])
async def test_suggestions_of_who_may_see_none_are_empty_and_say_nothing_elsewhere(ground, door, who):
    """One request a keystroke: an answer in words would be one a keystroke too."""
    came = await ground.send(g.suggestion(who, door, "e"))
    assert came.response.status == 200
    assert came.answer.get("options", []) == []
    assert came.said == []
    assert (await ground.send(g.suggestion(await caller(ground, "head"), door, "e"))).answer["options"]


async def test_the_home_tab_of_an_outsider_is_neither_drawn_nor_noted(ground):
    homes = len(await rows(ground, select(Card).where(Card.kind == "home")))
    for who in (STRANGER, (await confirmed(ground))[0][0].slack_id, "U0UNKNOWN"):
        came = await ground.send(g.happened("app_home_opened", user=who, channel="D1", tab="home"))
        assert came.response.status == 200
        assert came.changed == frozenset()
    assert await rows(ground, select(Inbox)) == []
    await ground.send(g.happened("app_home_opened", user=NED, channel="D1", tab="home"))
    await settle(ground)
    assert len(await rows(ground, select(Card).where(Card.kind == "home"))) == homes + 1


async def test_a_file_or_words_of_an_outsider_are_not_even_stored(ground):
    drafts = len(await rows(ground, select(ImportDraft)))
    file = {"id": "F9", "name": "SECRET.csv", "size": 10}
    for team in (ELSEWHERE, "T0PART001", ""):
        for event in (
            g.happened("message", subtype="file_share", channel_type="im", channel="D1", user=STRANGER, team=team,
                       files=[file], text="SECRET"),
            g.happened("message", channel_type="im", channel="D1", user=STRANGER, team=team, text="SECRET"),
            g.happened("file_shared", user_id=STRANGER, channel_id="D1", file_id="F9", file={"id": "F9"}),
        ):  # fmt: skip
            came = await ground.send(event)
            assert came.response.status == 200
            assert came.changed == frozenset()
    assert await rows(ground, select(Inbox)) == []
    assert len(await rows(ground, select(ImportDraft))) == drafts


async def test_a_file_that_claims_to_be_of_our_people_but_comes_from_another_company_is_not_taken(ground):
    head = await caller(ground, "head")
    came = await ground.send(g.happened("message", subtype="file_share", channel_type="im", channel="D1",
                             user=head.slack_id, user_team=ELSEWHERE, team=TEAM, files=[{"id": "F8", "name": "x.csv"}]))  # fmt: skip
    assert came.changed == frozenset()
    await ground.send(g.happened("message", subtype="file_share", channel_type="im", channel="D1", user=head.slack_id,
                                 team=TEAM, files=[{"id": "F8", "name": "x.csv"}]))  # fmt: skip
    await settle(ground)
    assert len(await rows(ground, select(ImportDraft).where(ImportDraft.file_id == "F8"))) == 1


async def test_a_shortcut_of_an_outsider_opens_nothing(ground):
    came = await ground.send(g.shortcut(Caller(STRANGER, ELSEWHERE), "attribution.touch"))
    assert OUTSIDE in came.words
    assert came.refused


async def test_a_form_that_an_outsider_closes_is_answered_with_nothing(ground):
    came = await ground.send(g.closed(Caller(STRANGER, ELSEWHERE), g.view_of("attribution.form")))
    assert (came.response.status, came.said, came.changed) == (200, [], frozenset())


# Our own people in a shared channel.


async def test_a_shortcut_on_a_message_in_a_shared_channel_works_for_our_own_people(ground):
    ground.slack.channels[SHARED["id"]] = SHARED
    head = await caller(ground, "head")
    came = await ground.send(g.shortcut(head, "attribution.touch", channel=SHARED["id"], text="They introduced us"))
    assert opened(came)
    assert came.said[0][0] == "views.open"
    assert "They introduced us" in came.words


async def test_what_may_be_internal_is_not_answered_in_a_shared_channel_but_in_the_direct_messages(ground):
    ground.slack.channels[SHARED["id"]] = SHARED
    refused = g.command(Caller(NED), "/forecast", channel=SHARED["id"])
    came = await ground.send(refused)
    assert [said["text"] for _, said in came.said] == [APART]
    row = await first(ground, select(Outbox).where(Outbox.template == "told").order_by(Outbox.id.desc()))
    assert "You cannot read this forecast." in row.args["words"]
    assert (await first(ground, select(Person).where(Person.id == row.person_id))).slack_id == NED
    await ground.send(refused)
    assert len(await rows(ground, select(Outbox).where(Outbox.template == "told"))) == 1, (
        "a retry of Slack's says it once"
    )


@pytest.mark.parametrize("channel", ["C0UNKNOWN", "G0UNKNOWN"])
async def test_a_channel_of_which_nobody_can_say_is_treated_as_shared(ground, channel):
    came = await ground.send(g.command(Caller(NED), "/forecast", channel=channel))
    assert [said.get("text") for _, said in came.said] == [APART]


async def test_in_a_channel_of_ours_alone_and_in_the_direct_messages_it_is_said_at_once(ground):
    for channel in ("C00000004", "D1"):
        came = await ground.send(g.command(Caller(NED), "/forecast", channel=channel))
        assert "You cannot read this forecast." in came.words
        assert [method for method, _ in came.said] == ["chat.postEphemeral"]
    assert await rows(ground, select(Outbox).where(Outbox.template == "told")) == []


async def test_a_command_in_a_shared_channel_opens_its_page_for_them_alone(ground):
    ground.slack.channels[SHARED["id"]] = SHARED
    came = await ground.send(g.command(await caller(ground, "head"), "/cadence", channel=SHARED["id"]))
    assert [method for method, _ in came.said] == ["views.open"]
