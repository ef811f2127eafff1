"""Files dropped on the bot, as rows: offered once, in one pair of hands, decided about by the one who brought them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from models import drafts
from models.domain.errors import NotAllowed, UserError
from models.domain.files import survey
from models.drafts import Dropped, Lost, State
from models.imports.found import Found, lacking, unreadable
from models.imports.options import Options
from models.imports.result import ImportResult
from models.tables import Card, ImportDraft, ImportPart, Outbox
from tests import make
from tests.make import NOW, POLICY

REAL = NOW + timedelta(days=300)
LEASE = timedelta(seconds=60)
NO_IMPORT = "You cannot import files. Partner managers, the head of partnerships and admins can."
DEALS = "crm_id,name,partner,owner_email,stage\nD-1,Pumps,Acme,ann@home.example,Prospecting\n"


async def people(session):
    head = await make.person(session, "Hedda Lead", "head")
    pm = await make.person(session, "Pat Manager", "pm")
    ae = await make.person(session, "Ann Seller", "ae")
    return head, pm, ae


async def dropped(db, name="deals.csv", file_id="F1", who=0, now=NOW):
    async with db.write() as session:
        known = await session.scalar(select(func.count()).select_from(make.Person))
        if not known:
            await people(session)
        everyone = list(await session.scalars(select(make.Person).order_by(make.Person.id)))
        await drafts.offer(session, everyone[who], Dropped(file_id, name), now=now)
    return await row(db, file_id)


async def row(db, file_id="F1"):
    async with db.read() as session:
        return (await session.scalars(select(ImportDraft).where(ImportDraft.file_id == file_id))).one()


async def person(session, place=0):
    return list(await session.scalars(select(make.Person).order_by(make.Person.id)))[place]


async def claim(db, real=REAL):
    async with db.write() as session:
        return await drafts.claim(session, real_now=real, lease=LEASE)


async def looked(db, found=None):
    """A draft whose dry run is there."""
    await dropped(db)
    work = await claim(db)
    result = ImportResult(kind="deals", file_name="deals.csv", created=1)
    found = found or Found(fetched=True, survey=survey(DEALS), result=result)
    async with db.write() as session:
        await drafts.keep_part(session, work, 0, b"piece", until=REAL)
        await drafts.ask(session, work, found, now=NOW)
    return await row(db)


async def test_a_file_is_offered_once_with_a_card_of_its_own(db):
    first = await dropped(db)
    again = await dropped(db)
    assert (first.id, first.card_id, first.state) == (again.id, again.card_id, State.WAITING)
    other = await dropped(db, file_id="F2")
    assert other.card_id != first.card_id
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Card)) == 2
        owed = list(await session.scalars(select(Outbox).order_by(Outbox.id)))
    assert [(one.template, one.card_id, one.urgent) for one in owed] == [
        ("import", first.card_id, True), ("import", other.card_id, True)
    ]  # fmt: skip


async def test_what_is_over_begins_anew_when_the_file_is_shared_again(db):
    first = await dropped(db)
    async with db.write() as session:
        await drafts.withdraw(session, await person(session), first.id, now=NOW)
    again = await dropped(db)
    assert again.id == first.id
    assert again.card_id != first.card_id
    assert (again.state, again.found) == (State.WAITING, None)


@pytest.mark.parametrize(("name", "kept"), [("", "file"), ("a\x00b\n.csv", "a b .csv"), ("x" * 300, "x" * 99 + "…")])
async def test_names_are_made_fit_to_show(sqlite, name, kept):
    assert (await dropped(sqlite, name)).file_name == kept


async def test_a_partner_managers_file_is_a_part_unless_they_say_otherwise(sqlite):
    assert Options.from_json((await dropped(sqlite)).options).complete
    assert not Options.from_json((await dropped(sqlite, file_id="F2", who=1)).options).complete


async def test_a_draft_is_in_one_pair_of_hands_until_its_lease_is_over(db):
    await dropped(db)
    first = await claim(db)
    assert await claim(db) is None
    second = await claim(db, REAL + 2 * LEASE)
    assert (second.id, second.fence, second.attempts) == (first.id, first.fence + 1, 2)
    async with db.write() as session:
        with pytest.raises(Lost):
            await drafts.ask(session, first, Found(), now=NOW)
        with pytest.raises(Lost):
            await drafts.keep_part(session, first, 0, b"", until=REAL)
        await drafts.ask(session, second, Found(), now=NOW)
    assert (await row(db)).state == State.ASKED
    assert await claim(db, REAL + 9 * LEASE) is None, "it is the person's turn"


async def test_of_many_who_claim_at_once_one_gets_it(db):
    await dropped(db)
    found = await asyncio.gather(*(claim(db) for _ in range(6)))
    assert len([one for one in found if one is not None]) == 1


async def test_what_was_let_go_waits_for_its_moment_and_does_not_count(db):
    await dropped(db)
    work = await claim(db)
    async with db.write() as session:
        await drafts.release(session, work, not_before=REAL + LEASE, uncounted=True)
    assert await claim(db, REAL + LEASE / 2) is None
    assert (await claim(db, REAL + 2 * LEASE)).attempts == 1


async def test_the_first_piece_takes_away_what_an_earlier_try_left(db):
    await dropped(db)
    work = await claim(db)
    for place, data in ((0, b"old"), (1, b"older"), (0, b"new")):
        async with db.write() as session:
            await drafts.keep_part(session, work, place, data, until=REAL)
    async with db.read() as session:
        assert [await drafts.part(session, work.id, place) for place in range(2)] == [b"new", None]


async def test_an_approval_counts_once_and_for_the_dry_run_that_was_shown(db):
    draft = await looked(db)
    async with db.write() as session:
        with pytest.raises(UserError, match="has changed since this button"):
            await drafts.approve(session, await person(session), draft.id, draft.fence - 1, skip_bad=False, now=NOW)
    for _ in range(2):
        async with db.write() as session:
            await drafts.approve(session, await person(session), draft.id, draft.fence, skip_bad=True, now=NOW)
    after = await row(db)
    assert (after.state, Options.from_json(after.options).skip_bad) == (State.APPROVED, True)
    async with db.write() as session:
        with pytest.raises(UserError, match="being imported"):
            await drafts.withdraw(session, await person(session), draft.id, now=NOW)
        with pytest.raises(UserError, match="past its questions"):
            await drafts.answer(session, await person(session), draft.id, draft.fence, Options(), now=NOW)


@pytest.mark.parametrize("do", ["approve", "answer", "withdraw", "again"])
@pytest.mark.parametrize(("who", "words"), [(1, "Hedda Lead brought this file"), (2, "You cannot import files.")])
async def test_only_who_brought_it_decides(sqlite, do, who, words):
    draft = await looked(sqlite)
    async with sqlite.write() as session:
        actor = await person(session, who)
        with pytest.raises(NotAllowed, match=words):
            if do == "approve":
                await drafts.approve(session, actor, draft.id, draft.fence, skip_bad=False, now=NOW)
            elif do == "answer":
                await drafts.answer(session, actor, draft.id, draft.fence, Options(), now=NOW)
            else:
                await getattr(drafts, do)(session, actor, draft.id, now=NOW)
    assert (await row(sqlite)).state == State.ASKED


async def test_what_leaves_something_open_cannot_be_approved(sqlite):
    draft = await looked(sqlite, Found(fetched=True, survey=survey(DEALS), missing=("partner",)))
    async with sqlite.write() as session:
        with pytest.raises(UserError, match="Answer the questions first"):
            await drafts.approve(session, await person(session), draft.id, draft.fence, skip_bad=False, now=NOW)


async def test_whoever_lost_the_right_meanwhile_cannot_approve(sqlite):
    draft = await looked(sqlite)
    async with sqlite.write() as session:
        actor = await person(session)
        actor.roles.clear()
        await session.flush()
        with pytest.raises(NotAllowed):
            await drafts.approve(session, actor, draft.id, draft.fence, skip_bad=False, now=NOW)
        standing = await drafts.standing(session, actor.id, "deals", now=NOW, policy=POLICY)
        assert "Ask Pat Manager." in standing.refusal


@pytest.mark.parametrize(("who", "job", "words"), [
    (0, "people", ""), (1, "deals", ""), (1, "targets", ""), (1, "history", ""),
    (1, "people", "You cannot add people or change their roles. The head of partnerships and admins can. Ask Hedda Lead."),
    (1, "partners", "You cannot add partners or change their tier. The head of partnerships and admins can. Ask Hedda Lead."),
    (2, "deals", f"{NO_IMPORT} Ask Hedda Lead or Pat Manager."),
])  # fmt: skip
async def test_who_may_bring_what(sqlite, who, job, words):
    async with sqlite.write() as session:
        everyone = await people(session)
        assert await drafts.why_not(session, everyone[who], job) == words


async def test_saved_answers_want_a_new_look_and_no_new_download(sqlite):
    draft = await looked(sqlite)
    async with sqlite.write() as session:
        await drafts.answer(session, await person(session), draft.id, draft.fence, Options(dates="dmy"), now=NOW)
    work = await claim(sqlite, REAL + LEASE)
    assert (work.state, work.options.dates, work.found.fetched) == (State.WAITING, "dmy", True)
    async with sqlite.read() as session:
        assert await drafts.part(session, draft.id, 0) == b"piece"


@pytest.mark.parametrize("end", ["finish", "refuse", "withdraw"])
async def test_what_is_over_keeps_no_file(sqlite, end):
    draft = await looked(sqlite)
    async with sqlite.write() as session:
        actor = await person(session)
        if end == "withdraw":
            await drafts.withdraw(session, actor, draft.id, now=NOW)
        else:
            await drafts.approve(session, actor, draft.id, draft.fence, skip_bad=False, now=NOW)
    if end != "withdraw":
        work = await claim(sqlite, REAL + LEASE)
        async with sqlite.write() as session:
            if end == "finish":
                await drafts.finish(session, work, ImportResult(kind="deals", file_name="x"), now=NOW)
            else:
                await drafts.refuse(session, work, Found(said="no"), now=NOW)
    async with sqlite.read() as session:
        assert await session.scalar(select(func.count()).select_from(ImportPart)) == 0


async def test_a_failure_keeps_the_file_and_can_be_tried_again(sqlite):
    draft = await dropped(sqlite)
    work = await claim(sqlite)
    async with sqlite.write() as session:
        await drafts.keep_part(session, work, 0, b"piece", until=REAL)
        await drafts.fail(session, work, "abcd1234", now=NOW)
    assert ((await row(sqlite)).state, (await row(sqlite)).problem) == (State.FAILED, "abcd1234")
    async with sqlite.write() as session:
        await drafts.again(session, await person(session), draft.id, now=NOW)
    assert (await claim(sqlite, REAL + LEASE)).attempts == 1


async def test_a_file_nobody_decided_about_is_put_away_after_two_weeks(sqlite):
    draft = await looked(sqlite)
    async with sqlite.write() as session:
        assert await drafts.expire(session, now=NOW + drafts.KEEP - timedelta(hours=1)) == 0
        assert await drafts.expire(session, now=NOW + drafts.KEEP + timedelta(hours=1)) == 1
    after = await row(sqlite)
    assert after.state == State.WITHDRAWN
    async with sqlite.read() as session:
        assert await drafts.part(session, draft.id, 0) is None
        assert (await session.get(Card, draft.card_id)).wanted > 1


async def test_every_step_wishes_for_the_card_anew(sqlite):
    await dropped(sqlite)
    work = await claim(sqlite)
    wanted = []
    for step in ("tell", "ask"):
        async with sqlite.write() as session:
            if step == "tell":
                await drafts.tell(session, work, 5, 10, until=REAL)
            else:
                await drafts.ask(session, work, Found(), now=NOW)
            wanted.append(await session.scalar(select(Card.wanted)))
    assert wanted == [2, 3]


async def test_names_of_results_are_shown_anew_when_owners_are_named(sqlite):
    draft = await dropped(sqlite)
    async with sqlite.write() as session:
        await session.execute(update(ImportDraft).values(state=State.DONE))
        before = await session.scalar(select(Card.wanted).where(Card.id == draft.card_id))
        await drafts.show_results_anew(session)
        assert await session.scalar(select(Card.wanted).where(Card.id == draft.card_id)) == before + 1


@pytest.mark.parametrize(("text", "missing"), [
    (DEALS, ()),
    ("Nummer,Titel,Deal Phase\n1,a,b\n", ("crm_id", "name", "stage", "owner", "partner")),
    ("Opportunity ID,Opportunity Name,Stage,Account Name\n1,a,b,c\n", ("owner", "partner")),
    ("Record Name,Our Populations,Partner Populations\na,b,c\n", ("partner",)),
])  # fmt: skip
def test_what_a_file_lacks_is_named(text, missing):
    seen = survey(text)
    assert lacking(seen, Options().mapping(make_mapping()), Options()) == missing


def make_mapping():
    from models.domain.files import Mapping

    return Mapping()


@pytest.mark.parametrize(("text", "words"), [
    ("Id,Name,Industry\n1,a,b\n", "accounts file"), ("Colour,Taste\nred,sweet\n", "“Colour”, “Taste”"), (DEALS, ""),
])  # fmt: skip
def test_what_is_no_list_of_ours_is_said(text, words):
    said = unreadable(survey(text))
    assert words in said
    assert bool(said) == bool(words)
