"""Files dropped on the bot, as rows: offered once, in one pair of hands, decided about by the one who brought them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from models import drafts
from models.domain.errors import NotAllowed, UserError
from models.domain.files import survey
from models.drafts import Dropped, Lost, State
from models.imports.found import Beside, Found, lacking, read_with, unreadable
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
    ("Id,Name,Industry\n1,a,b\n", ""), ("Colour,Taste\nred,sweet\n", "“Colour”, “Taste”"), (DEALS, ""),
])  # fmt: skip
def test_what_is_no_list_of_ours_is_said(text, words):
    said = unreadable(survey(text))
    assert words in said
    assert bool(said) == bool(words)


# Accounts files

IDS = "Id,AccountId,Name,StageName,Partner,Owner\n1,A1,Pumps,Prospecting,Acme,Ann\n"
ACCOUNTS = Found(fetched=True, survey=survey("Id,Name\nA1,North\n"))


async def brought(db, found, file_id, who=0, now=NOW):
    """A draft that was looked over: kept if it is an accounts file, else asked about."""
    await dropped(db, f"{file_id}.csv", file_id, who, now)
    work = await claim(db)
    async with db.write() as session:
        await drafts.keep_part(session, work, 0, b"piece", until=REAL)
        await (drafts.keep if found.is_accounts else drafts.ask)(session, work, found, now=now)
    return await row(db, file_id)


async def beside_of(db, person_id):
    async with db.read() as session:
        return await drafts.accounts_of(session, person_id)


async def looked_anew(db, file_id="deals"):
    """The worker's next look at it, with whatever is kept by then."""
    work = await claim(db)
    assert work.file_id == file_id
    found = work.found.model_copy(update={"beside": read_with(work.found.survey, await beside_of(db, work.person_id))})
    async with db.write() as session:
        await drafts.ask(session, work, found, now=NOW)
    return found.beside


def deals_of(text=IDS, **more):
    return Found(fetched=True, survey=survey(text), **more)


async def test_deals_that_wait_are_looked_over_again_when_an_accounts_file_comes_and_when_it_goes(db):
    deals = await brought(db, deals_of(said="None of its lines", problems=("line 2: no",)), "deals")
    plain = await brought(db, deals_of(DEALS), "plain")
    others = await brought(db, deals_of(), "others", who=1)
    kept = await brought(db, ACCOUNTS, "accounts")
    assert (kept.state, kept.kind) == (State.KEPT, "accounts")
    after = await row(db, "deals")
    assert (after.state, Found.from_json(after.found).said) == (State.WAITING, "")
    assert [(await row(db, one)).state for one in ("plain", "others")] == [State.ASKED, State.ASKED]
    assert (await looked_anew(db)).name == "accounts.csv"
    newer = await brought(db, ACCOUNTS, "newer", now=NOW + timedelta(minutes=1))
    assert (await looked_anew(db)).name == "newer.csv"
    for one, told in ((kept, State.ASKED), (newer, State.WAITING)):
        async with db.write() as session:
            await drafts.withdraw(session, await person(session), one.id, now=NOW)
        assert (await row(db, "deals")).state == told, "only the newest was read with it"
        async with db.read() as session:
            assert await drafts.part(session, one.id, 0) is None
    assert await looked_anew(db) is None
    assert deals.person_id == plain.person_id != others.person_id


async def test_accounts_that_come_or_go_while_deals_are_looked_over_are_not_overlooked(sqlite):
    await dropped(sqlite, "deals.csv", "deals")
    work = await claim(sqlite)
    await brought(sqlite, ACCOUNTS, "accounts")
    async with sqlite.write() as session:
        await drafts.ask(session, work, deals_of(), now=NOW)
    assert (await row(sqlite, "deals")).state == State.WAITING
    assert (await looked_anew(sqlite)).name == "accounts.csv"
    assert (await row(sqlite, "deals")).state == State.ASKED


async def test_an_accounts_file_is_its_persons_alone_and_the_newest_counts(sqlite):
    kept = await brought(sqlite, ACCOUNTS, "accounts")
    assert await beside_of(sqlite, kept.person_id + 1) is None
    found = await beside_of(sqlite, kept.person_id)
    assert (found.draft_id, found.fence, found.name, found.partners) == (kept.id, kept.fence, "accounts.csv", False)
    await brought(sqlite, ACCOUNTS.model_copy(update={"tells_partners": True}), "newer")
    assert (await beside_of(sqlite, kept.person_id)).partners
    async with sqlite.read() as session:
        assert await drafts.still_kept(session, found)
        assert not await drafts.still_kept(session, found.model_copy(update={"fence": found.fence - 1}))
    async with sqlite.write() as session:
        with pytest.raises(NotAllowed, match="Hedda Lead brought this file"):
            await drafts.withdraw(session, await person(session, 1), kept.id, now=NOW)
        await drafts.approve(session, await person(session), kept.id, kept.fence, skip_bad=False, now=NOW)
    assert (await row(sqlite, "accounts")).state == State.KEPT, "there is nothing to approve"


async def test_an_accounts_file_is_forgotten_after_two_weeks(sqlite):
    kept = await brought(sqlite, ACCOUNTS, "accounts")
    await brought(sqlite, deals_of(beside=read_with(survey(IDS), await beside_of(sqlite, kept.person_id))), "deals",
                  now=NOW + timedelta(days=3))  # fmt: skip
    async with sqlite.write() as session:
        assert await drafts.expire(session, now=NOW + drafts.KEEP + timedelta(hours=1)) == 1
    assert [(await row(sqlite, one)).state for one in ("accounts", "deals")] == [State.WITHDRAWN, State.WAITING]
    async with sqlite.read() as session:
        assert await drafts.part(session, kept.id, 0) is None


BY_NAME = IDS.replace("AccountId", "Account Name")


@pytest.mark.parametrize(("text", "partners", "names", "told"), [
    (IDS, False, True, False),
    (IDS, True, True, False),
    (IDS.replace("Partner", "Colour"), True, True, True),
    (BY_NAME, True, None, None),
    (BY_NAME.replace("Partner", "Colour"), True, False, True),
    (BY_NAME.replace("Partner", "Colour"), False, None, None),
    (DEALS.replace("partner", "colour"), True, None, None),
    ("Id,Name\n1,a\n", True, None, None),
    ("Record Name,Our Populations,Partner Populations\na,b,c\n", True, None, None),
])  # fmt: skip
def test_what_deals_take_from_an_accounts_file(text, partners, names, told):
    found = read_with(survey(text), Beside(draft_id=1, fence=1, name="a", partners=partners))
    assert (found and found.names, found and found.partners) == (names, told)
    assert read_with(survey(text), None) is None


def test_an_accounts_file_may_say_the_partner():
    seen = survey(IDS.replace("Partner", "Colour"))
    kept = Beside(draft_id=1, fence=1, name="a")
    assert lacking(seen, make_mapping(), Options(), kept) == ("partner",)
    assert lacking(seen, make_mapping(), Options(), kept.model_copy(update={"partners": True})) == ()


def test_a_column_of_ids_is_named_until_it_is_joined():
    assert deals_of().account_ids == "AccountId"
    assert deals_of(beside=Beside(draft_id=1, fence=1, name="a")).account_ids == ""
    assert deals_of(DEALS).account_ids == ACCOUNTS.account_ids == Found().account_ids == ""
