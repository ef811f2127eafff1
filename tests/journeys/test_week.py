"""A week as a team lives it, in both modes of Slack and on both databases: from the prompt to Friday, twice."""

import pytest
from sqlalchemy import select

from models.tables import Answer, Artifact, Commitment, CommitmentFate
from tests.journeys.support import (
    answer,
    close_review,
    journey,
    kinds,
    labels,
    note_of,
    occurrences,
    outbox,
    posted_local,
    press_deal,
    press_row,
    promise_two,
    shown,
    walk,
)
from tests.world import deal, partner, small_team

MODES = [("sqlite", False), ("sqlite", True), ("postgresql", False)]


@pytest.fixture(params=MODES, ids=["socket mode, sqlite", "http mode, sqlite", "socket mode, postgresql"])
def mode(request):
    return request.param


@pytest.fixture
async def place(mode, request, tmp_path):
    from tests import postgres

    if mode[0] == "sqlite":
        yield f"sqlite:///{tmp_path / 'cadence.db'}", mode[1]
        return
    url = await postgres.fresh_database(request.getfixturevalue("postgres_base"))
    yield url, mode[1]
    await postgres.drop_database(url)


async def test_two_weeks_run_by_themselves_from_the_prompt_to_the_friday_note(place):
    url, http = place
    async with journey(small_team(), url, http=http) as local:
        await first_week(local)
        await second_week(local)


async def first_week(local):
    await local.to("Wed 09:59")
    assert await local.dms("Ann Seller") == []
    await local.to("Wed 10:00")
    card = await local.card("Ann Seller", "Your deals")
    assert "0 of 3 answered" in shown(card)
    assert labels(card)[0] == "Review my deals (3)"
    before = len(await local.get("messages"))
    assert await walk(local, "Ann Seller") == 3
    card = await local.card("Ann Seller", "Your deals")
    assert "All set: 3 deals answered" in shown(card)
    assert card["edited_count"] >= 1
    assert len(await local.get("messages")) == before, "answers edit the card and post nothing"
    await local.to("Thu 08:00")
    assert await kinds(local, "Ann Seller") == ["prompt"]
    assert await kinds(local, "Bob Seller") == ["prompt", "nudge"]
    await local.to("Thu 09:50")
    agenda = (await local.bot_messages("p-acme"))[-1]
    assert agenda["mentions"] == [f"@{local.id('Bob Seller')}"]
    assert "3 of 5 deals answered" in agenda["text"]
    assert agenda["text"].index("Deal 5") < agenda["text"].index("Deal 3"), "unanswered before answered"
    await walk(local, "Bob Seller", help_needed="a discount of 10 %")
    assert "All set" in shown((await local.dms("Bob Seller"))[-1]), "the nudge says so too"
    await local.to("Thu 10:29")
    assert await local.dms("Pat Manager") == []
    await local.to("Thu 10:30")
    assert "0 of 1 closed" in (await local.dms("Pat Manager"))[-1]["text"]
    one = await close_review(local, "Pat Manager", ("Send the joint plan", "Ann Seller", "2026-03-12"))
    assert one["result"] == "client_errors", "two commitments are fields that have to be filled"
    two = await close_review(
        local, "Pat Manager", ("Send the joint plan", "Ann Seller", "2026-03-12"),
        ("Name a sponsor", "Bob Seller", "2026-03-19"), ("Agree the demo", "Pat Manager", "2026-03-11"), open_=False,
    )  # fmt: skip
    assert two["result"] == "closed"
    note = await note_of(local, "p-acme")
    assert note["mentions"] == []
    assert "USD 150,000 (5 deals)" in note["text"]
    assert "5 of 5 answered" in note["text"]
    assert "Help needed (2)" in note["text"]
    assert "1. Send the joint plan (Ann Seller, by Thu 12 Mar)" in note["text"]
    await local.to("Fri 14:59")
    assert await local.bot_messages("leadership") == []
    await local.to("Fri 15:00")
    root, below = await local.bot_messages("leadership")
    assert "1 of 1 partner closed" in root["text"]
    assert (root["thread_ts"] or root["ts"], below["thread_ts"]) == (root["ts"], root["ts"])
    assert below["text"] == note["text"]


async def second_week(local):
    await local.to("Wed 10:00")
    card = await local.card("Ann Seller", "Your deals")
    assert [label for label in labels(card) if label.startswith("No change")], "actions of last week can be kept"
    await press_deal(local, "Ann Seller", "Deal 3")
    await answer(local, "Ann Seller", amount="130,000")
    await local.to("Thu 10:30")
    card = (await local.dms("Pat Manager"))[-1]
    await local.click("Pat Manager", card, "Close…")
    ids = [row.id for row in await local.rows(select(Commitment).order_by(Commitment.due, Commitment.id))]
    demo, plan, sponsor = ids
    none = await local.submit("Pat Manager", {})
    assert none["result"] == "client_errors", "every last commitment has to be judged"
    wrong = await local.submit(
        "Pat Manager", {f"fate_{demo}": "carried", f"fate_{plan}": "moved", f"fate_{sponsor}": "carried"}
    )
    assert wrong["result"] == "errors"
    assert any("It was due on 11 Mar" in text for text in wrong["errors"].values()), "what was due cannot be carried"
    assert any("new due date" in text for text in wrong["errors"].values())
    good = await local.submit("Pat Manager", {f"fate_{demo}": "dropped", f"due_{plan}": "2026-03-26"})
    assert good["result"] == "closed", "a moved and a carried commitment are two"
    text = (await note_of(local, "p-acme"))["text"]
    assert ":x: dropped: Agree the demo (Pat Manager)" in text
    assert ":calendar: moved: Send the joint plan (Ann Seller, from Thu 12 Mar to Thu 26 Mar)" in text
    assert ":arrow_right: not yet due: Name a sponsor (Bob Seller, by Thu 19 Mar)" in text
    assert "unchanged since the last note" in text, "totals use the CRM's value"
    assert "amount USD 30,000 → USD 130,000" in text
    await local.to("Fri 15:00")
    assert len([row for row in await local.bot_messages("leadership") if "W11" in row["text"]]) == 2
    fates = await local.rows(select(CommitmentFate))
    assert {fate.commitment_id: fate.fate for fate in fates} == {demo: "dropped", plan: "moved", sponsor: "carried"}
    assert len(await local.rows(select(Artifact).where(Artifact.kind == "weekly_note"))) == 2
    assert len(await local.rows(select(Answer))) == 6
    assert {row.state for row in await outbox(local, "weekly_note")} == {"sent"}


async def test_a_partner_manager_with_two_reviews_gets_one_closing_card_that_walks_both(sqlite_url):

    team = small_team(partners=[partner("Acme"), partner("Beta")])
    team.deals.append(deal(6, "Ann Seller", "Beta"))
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:00")
        card = await local.card("Ann Seller", "Your deals")
        assert "you: 10:00–10:" in shown(card), "who sits in two reviews gets a slot in each"
        await local.to("Thu 10:30")
        assert await local.dms("Pat Manager") == []
        await local.to("Thu 11:00")
        assert await kinds(local, "Pat Manager") == ["close"]
        card = (await local.dms("Pat Manager"))[-1]
        assert labels(card) == ["Close all 2, one by one", "Close…", "Close…"]
        first = await promise_two(local, "Pat Manager", "2026-03-12", label="Close all 2, one by one")
        assert first["view"]["title"]["text"] == "Close 2 of 2"
        await local.choose("Pat Manager", "held", "not_held")
        gone = await local.submit("Pat Manager", {"side": "partner", "reason": "their offsite"})
        assert gone["result"] == "closed"
        assert "2 reviews closed, the notes are out" in shown((await local.dms("Pat Manager"))[-1])
        assert "No meeting: the partner's side, their offsite" in (await note_of(local, "p-beta"))["text"]
        await local.to("Fri 15:00")
        root, *below = await local.bot_messages("leadership")
        assert "2 of 2 partners closed" in root["text"]
        assert "no meeting: the partner's side, their offsite" in root["text"]
        assert len(below) == 2


async def test_a_review_that_is_not_closed_is_nudged_named_on_friday_and_skipped_after_seven_days(sqlite_url):

    team = small_team(partners=[partner("Acme"), partner("Beta")])
    team.deals.append(deal(6, "Ann Seller", "Beta"))
    async with journey(team, sqlite_url) as local:
        await local.to("Fri 11:59")
        assert await kinds(local, "Pat Manager") == ["close"]
        await local.to("Fri 15:00")
        assert await posted_local(local, "Pat Manager", "close_nudge") == ["Fri 12:00"]
        (root,) = await local.bot_messages("leadership")
        assert root["text"].count("not closed, waiting for Pat Manager") == 2
        assert "0 of 2 partners closed" in root["text"]
        await local.to("Fri 17:00")
        await press_row(local, "Pat Manager", (await local.dms("Pat Manager"))[0], "Acme")
        await promise_two(local, "Pat Manager", "2026-03-12", open_=False)
        root, late = await local.bot_messages("leadership")
        assert late["thread_ts"] == root["ts"]
        assert "_late: closed Fri 6 Mar, 17:00_" in late["text"]
        assert "late" in (await note_of(local, "p-acme"))["text"]
        await local.to("Fri 14:59")
        await local.command("Hedda Lead", "/cadence")
        assert "Not closed" in shown(await local.view("Hedda Lead"))
        await local.to("Fri 15:01")
        never = (await occurrences(local, "Beta"))[0]
        assert (never.state, never.skip_side, never.skip_reason) == ("skipped", "ours", "not closed")
        await local.command("Hedda Lead", "/cadence")
        assert "1 held" in shown(await local.view("Hedda Lead"))
        assert "1 skipped" in shown(await local.view("Hedda Lead"))


async def test_without_an_internal_channel_agenda_and_note_reach_the_partner_manager(sqlite_url):

    team = small_team(partners=[partner(channel="")])
    async with journey(team, sqlite_url) as local:
        await local.to("Thu 10:30")
        assert "deal review, " in (await local.dms("Pat Manager"))[0]["text"]
        await promise_two(local, "Pat Manager", "2026-03-12")
        assert "weekly deal review" in (await local.dms("Pat Manager"))[-1]["text"]
        await local.command("Pat Manager", "/cadence")
        assert "Acme has no internal channel" in shown(await local.view("Pat Manager"))
        await local.to("Fri 15:00")
        assert len(await local.bot_messages("leadership")) == 2
