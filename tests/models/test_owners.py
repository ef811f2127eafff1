"""Owners the CRM names and nobody is known by: listed by what they own, settled once for deals and later files."""

import pytest
from sqlalchemy import select

from models import owners
from models.deals import PRESENT, Source, name_owner
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.imports import import_deals
from models.tables import Change, CrmRecord, Deal, DealVersion
from tests import make
from tests.make import HOSTILE, NOW, POLICY

HEADER = "crm_id,name,partner,owner_email,stage\n"


async def company(session):
    head = await make.person(session, "Hedda Lead", "head")
    pat = await make.person(session, "Pat Manager", "pm")
    pia = await make.person(session, "Pia Other", "pm")
    ann = await make.person(session, "Ann Sharma", "ae")
    acme, bolt = await make.partner(session, "Acme", pat), await make.partner(session, "Bolt", pia)
    return head, pat, pia, ann, acme, bolt


def file(*rows):
    return HEADER + "".join(
        f"{crm_id},Deal {crm_id},{partner},{owner},Prospecting\n" for crm_id, partner, owner in rows
    )


ROWS = (("1", "Acme", "A. Sharma"), ("2", "Acme", "A. Sharma"), ("3", "Bolt", "B. Nobody"), ("4", "Acme", "Ann Sharma"))


async def brought(session, *rows, **how):
    return await import_deals(session, file(*(rows or ROWS)), file_name="deals.csv", now=NOW, **how)


async def owned_by(session, person):
    rows = await session.execute(
        select(Deal.crm_id).join(DealVersion, PRESENT).where(DealVersion.owner_id == person.id).order_by(Deal.crm_id)
    )
    return [crm_id for (crm_id,) in rows]


async def listed(session, actor=None):
    found = await owners.list_open(session, actor, now=NOW, policy=POLICY)
    return [(one.said, one.deals) for one in found]


async def test_they_are_listed_most_deals_first_with_the_likeliest_people(sqlite):
    async with sqlite.write() as session:
        head, pat, pia, *_ = await company(session)
        assert await listed(session) == []
        await brought(session)
        found = await owners.list_open(session, head, now=NOW, policy=POLICY)
        assert [(one.said, one.deals) for one in found] == [("A. Sharma", 2), ("B. Nobody", 1)]
        assert [human.name for human in found[0].near] == ["Ann Sharma"]
        assert await listed(session, pat) == [("A. Sharma", 2)], "a partner manager sees those of their partners' deals"
        assert await listed(session, pia) == [("B. Nobody", 1)]


async def test_settling_gives_all_deals_their_owner_and_a_later_file_changes_nothing(db):
    async with db.write() as session:
        head, _, _, ann, *_ = await company(session)
        await brought(session)
        assert await owners.settle(session, head, "a.  sharma", ann, now=NOW, policy=POLICY) == 2
        assert await owned_by(session, ann) == ["1", "2", "4"]
        assert await listed(session) == [("B. Nobody", 1)]
        again = await brought(session)
        assert (again.created, again.changed, again.unchanged) == (0, 0, 4)
        assert [one.said for one in again.owners] == ["B. Nobody"]
        more = await brought(session, *ROWS, ("5", "Acme", "A. Sharma"))
        assert (more.created, more.owners[0].said) == (1, "B. Nobody")
        assert await owned_by(session, ann) == ["1", "2", "4", "5"]
        (line,) = await session.scalars(select(Change).where(Change.field == "owner_of"))
        assert (line.by_id, line.after, line.source) == (head.id, {"said": "a.  sharma", "deals": 2}, "slack")


async def test_whoever_got_the_deal_meanwhile_keeps_it(sqlite):
    async with sqlite.write() as session:
        head, _, _, ann, *_ = await company(session)
        bob = await make.person(session, "Bob Seller", "ae")
        await brought(session)
        deal_id = await session.scalar(select(CrmRecord.deal_id).where(CrmRecord.crm_id == "1"))
        await name_owner(session, [deal_id], bob.id, Source(NOW, head.id, "slack"))
        assert await owners.settle(session, head, "A. Sharma", ann, now=NOW, policy=POLICY) == 2
        assert await owned_by(session, bob) == ["1"]
        assert await owned_by(session, ann) == ["2", "4"]


async def test_a_partner_manager_settles_for_their_own_partners_only(sqlite):
    async with sqlite.write() as session:
        _, pat, _, ann, *_ = await company(session)
        await brought(session, ("1", "Acme", "A. Sharma"), ("2", "Bolt", "A. Sharma"), ("3", "Acme", "Only Mine"))
        with pytest.raises(UserError, match="partners that are not yours, too"):
            await owners.settle(session, pat, "A. Sharma", ann, now=NOW, policy=POLICY)
        assert await owners.settle(session, pat, "Only Mine", ann, now=NOW, policy=POLICY) == 1
        with pytest.raises(NotAllowed, match="cannot import files"):
            await owners.settle(session, ann, "A. Sharma", ann, now=NOW, policy=POLICY)


@pytest.mark.parametrize("more", [{"active": False}, {"side": "partner"}, {"guest": True}])
async def test_only_one_of_our_people_can_be_meant(sqlite, more):
    async with sqlite.write() as session:
        head, *_ = await company(session)
        wrong = await make.person(session, "Wrong One", **more)
        await brought(session)
        with pytest.raises(FieldErrors) as refused:
            await owners.settle(session, head, "A. Sharma", wrong, now=NOW, policy=POLICY)
        assert "Wrong One" in refused.value.errors["person"]
        assert await listed(session) == [("A. Sharma", 2), ("B. Nobody", 1)]


async def test_a_word_nobody_uses_or_one_that_is_settled_is_said(sqlite):
    async with sqlite.write() as session:
        head, _, _, ann, *_ = await company(session)
        await brought(session)
        await owners.settle(session, head, "B. Nobody", ann, now=NOW, policy=POLICY)
        for said in ("B. Nobody", "never seen"):
            with pytest.raises(UserError, match=f"“{said}” is settled already"):
                await owners.settle(session, head, said, ann, now=NOW, policy=POLICY)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "lines"])
async def test_any_word_can_be_settled(sqlite, name):
    said = HOSTILE[name].replace('"', "").replace(",", "")
    async with sqlite.write() as session:
        head, _, _, ann, *_ = await company(session)
        await brought(session, ("1", "Acme", said))
        (one,) = await owners.list_open(session, head, now=NOW, policy=POLICY)
        assert await owners.settle(session, head, one.said, ann, now=NOW, policy=POLICY) == 1
        assert await owned_by(session, ann) == ["1"]
        assert (await brought(session, ("1", "Acme", said))).unchanged == 1
