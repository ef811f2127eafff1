"""Nothing leaks, in the local Slack: its append-only record of all that people of other companies could see, searched.

A week of two partners, every internal field a marked secret: check-in, answers of both sides, a stranger and a competitor
who press what is not theirs, closings, a channel of ours that becomes shared, a deal that is taken back, a page that is
held. More weeks: CADENCE_LEAKS=400 pytest tests/boundary
"""

import base64
import itertools
import json
import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.delivery import channels
from models.domain import rights
from models.joint import marks
from models.tables import Deal, DealVersion, JointDeal, Partner, Person
from tests.boundary.secrets import Vault, as_text, unpacked
from tests.journeys.support import (
    BORIS,
    CORA,
    admin,
    close_all,
    close_review,
    forged,
    joint_team,
    journey,
    labels,
    outbox,
    press_deal,
    press_row,
    reached,
    reply,
)
from tests.journeys.test_checkin import ANN, PM, check_in, confirm, prepare, press_first
from tests.world import deal

EXAMPLES = max(1, int(os.environ.get("CADENCE_LEAKS", "0")) // 20)
_numbers = itertools.count(1)
NAMES = ("Acme", "Beta")
TEAMS = {"Acme": "T0ACME", "Beta": "T0BETA"}


class Week:
    """A team whose deals are made of secrets, and what of them is shared, as the test shares it."""

    def __init__(self, seed, joint, amounts):
        self.vault, self.joint, self.amounts = Vault(seed), joint, amounts
        self.rows, self.known = [], {}
        for number in range(1, 7):
            partner = NAMES[number > 3]
            self.rows.append(self._row(number, partner, 1 + NAMES.index(partner)))

    def _row(self, number, partner, partner_id):
        joint, amount = number in self.joint, number in self.amounts
        made = self.vault.amount("an amount", partner_id=partner_id, shared=lambda: joint and amount)
        row = deal(
            number, ANN, partner, name=self.vault.word("a deal's name"), next_step=self.vault.word("the CRM's next step"),
            account=self.vault.word("an account", partner_id=partner_id, shared=lambda: joint), close_date="2031-09-17",
            amount=f"{made // 100}.{made % 100:02d}", crm_id=self.vault.word("the CRM's id"), category="commit",
            stage="Negotiation/Review",
        )  # fmt: skip
        self.known[number] = row
        return row

    def own(self, what, partner, shared=lambda: True):
        return self.vault.word(what, partner_id=1 + NAMES.index(partner), shared=shared)


async def mark(local, week):
    """The manager shares what this week shares."""
    async with local.db.write() as session:
        pm = (await session.scalars(select(Person).where(Person.name == PM))).one()
        for number in sorted(week.joint):
            row = week.known[number]
            found = (await session.execute(
                select(Deal.id, DealVersion.partner_id)
                .join(DealVersion, DealVersion.id == Deal.version_id)
                .where(DealVersion.name == row["name"])
            )).one()  # fmt: skip
            await marks.mark(session, pm, found[0], found[1], amount_shared=number in week.amounts, now=await local.now(),
                             policy=local.team.policy)  # fmt: skip


async def live(local, week, *, share_ours, take_back, skip):
    await prepare(local, *NAMES, deals=0)
    await mark(local, week)
    await local.to("Wed 10:00")
    for name, partner in ((CORA, "Acme"), (BORIS, "Beta")):
        with suppress(AssertionError, StopIteration):  # a partner without joint deals gets no check-in
            await _speak(local, week, name, partner)
    for name, partner in ((CORA, "Acme"), (BORIS, "Beta")):
        await _try(local, name, partner)
    await _ann_answers(local, week)
    if share_ours:
        await admin(local, "share", channel="p-acme", team=TEAMS["Acme"])
    await local.to("Thu 11:30")
    if take_back and week.joint:
        await _take_back(local)
    for partner in NAMES:
        await _close(local, week, partner, held=partner != skip)
    await local.to("Fri 16:00")
    if share_ours:
        await _decide_about_what_was_held(local)
    await local.to("Wed 10:00")


async def _speak(local, week, name, partner):
    """A counterpart presses, is confirmed, answers in the form and in the thread."""
    card = await check_in(local, f"joint-{partner.lower()}")
    await press_first(local, name, card)
    unused = await _clicked(local)  # nothing opened for them yet: its trigger still opens something
    await confirm(local, name)
    for number in await _marks(local, but=partner):
        await _press(local, unused, local.id(name), TEAMS[partner], value=json.dumps({"m": number}))
    await press_first(local, name, card)
    await local.submit(name, {"action": week.own("their action", partner), "owner": week.own("their owner", partner),
                              "due": "2026-03-09", "ask": week.own("their ask", partner)})  # fmt: skip
    await close_all(local, name)
    await reply(local, name, card, week.own("a reply", partner))


async def _try(local, name, partner):
    """Somebody of nowhere, of the other partner and of no company presses it too, and doors that are not theirs."""
    clicked = await _clicked(local)
    other = CORA if name == BORIS else BORIS
    rows = await _marks(local)
    strangers = ((local.id(other), TEAMS["Beta" if partner == "Acme" else "Acme"]), ("U0STRANGER", "T0NOBODY"))
    for user, team in (*strangers, (local.id(name), "")):
        for value in ("{}", "no JSON", *(json.dumps({"m": number}) for number in (*rows, 999))):
            await _press(local, clicked, user, team, value=value)
    for door in ("closing.walk", "forecast.open", "pbr.open", "joint.open", "papers.pdf", "home.open"):
        await _press(local, clicked, local.id(name), TEAMS[partner], action_id=door)


async def _clicked(local):
    return (await local.get("log", kind="interaction", method="block_actions"))[-1]["request"]


async def _marks(local, *, but=""):
    """The marks there are, those of one partner left out."""
    rows = await local.rows(
        select(JointDeal.id).join(Partner, Partner.id == JointDeal.partner_id).where(Partner.name != but)
    )
    return list(rows)


async def _press(local, clicked, user, team, **action):
    """A click as somebody made it up."""
    pressed = {**clicked["actions"][0], **action}
    await forged(local, {**clicked, "user": {"id": user, "name": "x", "team_id": team}, "actions": [pressed]})


async def _ann_answers(local, week):
    for number in (1, 4):
        partner = NAMES[number > 3]
        joint = number in week.joint
        await press_deal(local, ANN, week.known[number]["name"], "Answer")
        given = {
            "next_text": week.vault.word("a next action"),
            "next_due": "2026-03-12",
            "help": week.vault.word("help needed"),
        }
        view = await local.view(ANN)
        fields = {block["block_id"].split(":")[0] for block in view["blocks"]}
        if "shared_text" in fields:
            given["shared_text"] = week.own("a shared wording", partner, lambda joint=joint: joint)
        await local.submit(ANN, {key: value for key, value in given.items() if key in fields})
        await close_all(local, ANN)


async def _take_back(local):
    async with local.db.write() as session:
        pm = (await session.scalars(select(Person).where(Person.name == PM))).one()
        row = (
            await session.scalars(select(JointDeal).where(JointDeal.valid_to.is_(None)).order_by(JointDeal.id))
        ).first()
        await marks.take_back(session, pm, row.id, now=await local.now(), policy=local.team.policy)


async def _close(local, week, partner, *, held):
    await press_row(local, PM, await local.card(PM, "Close your reviews"), partner)
    if not held:
        await local.choose(PM, "held", "not_held")
        found = await local.submit(PM, {"side": "ours", "reason": week.vault.word("why it was skipped")})
    else:
        promises = [(week.vault.word("a commitment"), ANN, "2026-03-12") for _ in range(2)]
        worded = {"shared_text_0": week.own("a worded commitment", partner)}
        found = await close_review(local, PM, *promises, open_=False, **worded)
    assert found["result"] in ("closed", "updated"), found["errors"]
    await close_all(local, PM)


async def _decide_about_what_was_held(local):
    """What was held is sent as its partner-safe version wherever the manager's card offers it."""
    for message in await local.dms(PM):
        for label in labels(message):
            if "partner-safe" in label:
                await local.click(PM, message, label, ok=False)


def seen(sight):
    content = dict(sight["content"])
    data = content.pop("base64", None)
    text = as_text({**sight, "content": content})
    return text + unpacked(content.get("name", ""), base64.b64decode(data)) if data else text


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 10_000),
    joint=st.sets(st.integers(1, 6), min_size=2),
    amounts=st.sets(st.integers(1, 6)),
    share_ours=st.booleans(),
    take_back=st.booleans(),
    skip=st.sampled_from((*NAMES, "")),
)
async def test_no_secret_reaches_another_company_in_the_local_slack(
    tmp_path, seed, joint, amounts, share_ours, take_back, skip
):
    week = Week(seed, joint, amounts)
    url = f"sqlite:///{tmp_path / f'week-{next(_numbers)}.db'}"
    found, notes = await leaks(week, url, share_ours=share_ours, take_back=take_back, skip=skip)
    assert found == []
    assert notes, "a partner got a note"


async def leaks(week, url, **how):
    """What of a week's secrets another company could see; and the notes that were sent."""
    async with journey(joint_team(deals=week.rows), url, may_disturb=[PM, ANN]) as local:
        ids = {row.name: row.id for row in await local.rows(select(Partner))}
        assert [ids[name] for name in NAMES] == [1, 2]
        await live(local, week, **how)
        found = []
        for name, team in TEAMS.items():
            sights = await reached(local, team=team)
            found += [
                f"{name} sees in a {one['kind']}: {leak}"
                for one in sights
                for leak in week.vault.leaks(ids[name], seen(one))
            ]
        return found, [row for row in await outbox(local, "shared_note") if row.state == "sent"]


FIRST = {"share_ours": True, "take_back": True, "skip": "Beta"}


async def test_a_week_in_which_everything_happens_leaks_nothing(tmp_path):
    found, notes = await leaks(Week(1, {1, 2, 4, 5, 6}, {1, 4}), f"sqlite:///{tmp_path / 'week.db'}", **FIRST)
    assert found == []
    assert len(notes) == len(NAMES)


@pytest.mark.parametrize(
    ("where", "name", "instead"),
    [
        (channels, "why_not", lambda seen, *, grid: None),
        (rights, "THEIR_RULES", {rights.Act.ANSWER_JOINT: lambda actor, subject: True}),
    ],
    ids=["the look at who reads a channel", "the right to a joint deal"],
)
async def test_a_rights_check_that_is_removed_is_found(tmp_path, monkeypatch, where, name, instead):
    assert hasattr(where, name)
    monkeypatch.setattr(where, name, instead)
    found, _ = await leaks(Week(1, {1, 2, 4, 5, 6}, {1, 4}), f"sqlite:///{tmp_path / 'week.db'}", **FIRST)
    assert found
