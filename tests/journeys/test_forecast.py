"""The forecast against the local Slack: signed, adjusted, published, signed off, amended, closed and restated."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from models import meetings
from models.domain.forecast.facts import RollUpFacts
from models.tables import Adjustment, Card, Outbox, Partner, QuarterClose, Quota, SignedCommit, SignOff, Snapshot
from tests.journeys.support import close_all, fields, journey, labels, reimport, shown, value_of
from tests.world import Human, deal, partner, small_team

STARTS = datetime(2026, 3, 2, 9, tzinfo=UTC)
PM, HEAD, CRO, CFO, OTHER = "Pat Manager", "Hedda Lead", "Cora Revenue", "Fay Money", "Paul Other"


def team(**more):
    """Two managers, three partners; Acme with deals of every category, one of Beta in euro where a test wants it."""
    made = small_team(
        partners=[partner("Acme"), partner("Beta"), partner("Gamma", OTHER, channel=""), partner("Idle", channel="")],
        reviews=False,
        **more,
    )
    made.people += [Human(OTHER, "pm"), Human(CRO, "cro"), Human(CFO, "cfo")]
    made.deals = [
        deal(1, "Ann Seller", category="won", stage="Closed Won", close_date="2026-02-10"),
        deal(2, "Ann Seller", category="commit", stage="Negotiation/Review"),
        deal(3, "Ann Seller", category="best case", stage="Proposal/Price Quote", attribution="influenced"),
        deal(4, "Bob Seller"),
        deal(5, "Bob Seller", partner="Beta"),
        deal(6, "Bob Seller", partner="Gamma", category="commit", stage="Negotiation/Review"),
    ]
    return made


def playing(url, **more):
    return journey(more.pop("team", team()), url, may_disturb=(PM, HEAD, CRO, CFO, OTHER), **more)


async def roll_ups(db):
    async with db.write() as session:
        for key in ("leadership_roll_up", "executive_roll_up"):
            await meetings.turn(session, key, on=True, by=None, now=STARTS, policy=team().policy)


async def words(local, name):
    return shown(await local.view(name))


async def refused(local, name, text):
    """What somebody is answered who only gets a sentence."""
    await local.command(name, text)
    return (await told(local, name))[-1]


async def told(local, name):
    return [row["text"] for row in await local.get("messages") if row["ephemeral_to"] == local.id(name)]


async def partner_id(local, name):
    return (await local.rows(select(Partner).where(Partner.name == name)))[0].id


async def fill(local, **numbers):
    """The fields of a form for signing, by partner's name: (commit, best case)."""
    values = {}
    for name, (commit, best) in numbers.items():
        found = await partner_id(local, name)
        values |= {f"commit_{found}": commit, f"best_case_{found}": best}
    return values


async def open_sign(local, name):
    await close_all(local, name)
    await local.command(name, "/forecast")
    await local.press(name, "Sign as cover…" if name == HEAD else "Sign…")
    return await local.view(name)


async def sign(local, name, **numbers):
    await open_sign(local, name)
    found = await local.submit(name, await fill(local, **numbers))
    assert found["result"] == "closed", found
    return await words(local, name)


async def publish(local):
    await close_all(local, HEAD)
    await local.command(HEAD, "/forecast")
    await local.press(HEAD, "Review and publish…")
    text = await words(local, HEAD)
    found = await local.submit(HEAD)
    assert found["result"] == "closed", found
    return text


async def sent(local):
    """Wait until everything owed is out: files are written in a thread, and a page is edited once it is posted."""
    for _ in range(400):
        waiting = await local.rows(select(Outbox).where(Outbox.state.in_(("pending", "sending"))))
        behind = await local.rows(select(Card).where(Card.shown < Card.wanted, Card.ts.is_not(None), Card.dead == ""))
        if not waiting and not behind:
            return
        await asyncio.sleep(0.05)
    raise AssertionError([(row.key, row.state, row.problem) for row in waiting])


async def roll_up(local):
    """The newest roll-up in the leaders' channel, and the files below it."""
    await sent(local)
    rows = await local.bot_messages("leadership")
    head = [row for row in rows if "Partner forecast" in row["text"] and row["thread_ts"] in (None, row["ts"])][-1]
    return head, [row for row in rows if row["thread_ts"] == head["ts"] and row["ts"] != head["ts"]]


async def kinds(local, rows, reader=HEAD):
    """What the files of these messages are, by their first bytes."""
    found = []
    for file_id in [one for row in rows for one in row["files"]]:
        async with local.http.get(f"{local.url}/files/{file_id}/x", params={"as": local.id(reader)}) as answer:
            data = await answer.read()
            found.append({b"\x89PN": "png", b"PK\x03": "xlsx"}.get(data[:3], str(data[:3])))
    return found


async def test_a_quarters_forecast_is_signed_adjusted_published_and_signed_off(database_url):
    async with playing(database_url) as local:
        await local.to(STARTS)
        await targets(local)
        await signing(local)
        await adjusting(local)
        await publishing(local)
        await signing_off(local)
        await amending(local)


async def targets(local):
    await local.command(CFO, "/forecast")
    await local.press(CFO, "Targets and rates…")
    wrong = await local.submit(CFO, {"amount_0": "a lot"})
    assert any("is not an amount" in one for one in wrong["errors"].values()), wrong
    saved = await local.submit(CFO, {"amount_0": "200000"})
    assert saved["result"] == "closed", saved
    assert [(row.period, row.partner_id, row.amount) for row in await local.rows(select(Quota))] == [
        ("2026Q1", None, 200_000_00)
    ]


async def signing(local):
    """The manager sees what the deals add up to, is told what is wrong on the field, and loses nothing typed."""
    view = await open_sign(local, PM)
    text = shown(view)
    assert "*Acme* The deals" not in text
    assert "The deals add up to commit *30,000*, best case *60,000* (4 deals)" in text
    assert "Gamma" not in text, "another manager's"
    found = await local.submit(PM, await fill(local, Acme=("a hundred", "60000")))
    assert list(found["errors"]) == [fields(view)[f"commit_{await partner_id(local, 'Acme')}"]], found
    found = await local.submit(PM, await fill(local, Acme=("70000", "60000")))
    assert any("includes the commit" in one for one in found["errors"].values()), found
    acme = await partner_id(local, "Acme")
    assert value_of(await local.view(PM), f"commit_{acme}") == "70000"
    found = await local.submit(PM, await fill(local, Acme=("35000", "60000")))
    assert found["result"] == "closed", found
    assert "Signed: 1 partner" in await words(local, PM)
    assert "1 of 2 partners signed" in await words(local, PM)
    rows = await local.rows(select(SignedCommit))
    assert [(row.partner_id, row.commit, row.best_case, row.deals_commit, row.deals_best_case) for row in rows] == [
        (acme, 35_000_00, 60_000_00, 30_000_00, 60_000_00)
    ]
    assert "You cannot read this forecast" in await refused(local, "Ann Seller", "/forecast")


async def adjusting(local):
    await local.command(HEAD, "/forecast")
    view = await local.view(HEAD)
    text = shown(view)
    assert "Not submitted, which is not zero" in text
    assert "Not expected, no deal in the quarter: Idle" in text
    row = next(one for one in view["blocks"] if "*Acme* ·" in shown(one) and one.get("accessory"))
    await local.press(HEAD, "Adjust…", block_id=row["block_id"])
    assert "Signed commit *35,000* by Pat Manager" in await words(local, HEAD)
    found = await local.submit(HEAD, {"commit": "32000", "reason": "   "})
    assert "reason" in str(found["errors"]), found
    found = await local.submit(HEAD, {"commit": "32000", "reason": "Deal 2 hangs on one signature"})
    assert found["result"] == "closed", found
    assert "adjusted to *32,000*" in await words(local, HEAD)
    assert [(row.commit, row.reason) for row in await local.rows(select(Adjustment))] == [
        (32_000_00, "Deal 2 hangs on one signature")
    ]


async def publishing(local):
    text = await publish(local)
    assert "*Not submitted:* Beta, Gamma. Published now, they stand as missing, not as zero." in text
    head, files = await roll_up(local)
    assert "*Commit 32,000*, signed 35,000, adjusted by −3,000" in head["text"]
    assert "Target 200,000 · 5 % attained" in head["text"]
    assert "CRO, Cora Revenue: not signed" in head["text"]
    assert labels(head) == ["Sign off"]
    assert await kinds(local, files) == ["png", "xlsx"]


async def signing_off(local):
    """Two different people; what is refused is said to them alone."""
    head, _ = await roll_up(local)
    await local.click(PM, head, "Sign off")
    assert "You cannot sign off the roll-up. The CRO and the CFO sign it off." in (await told(local, PM))[-1]
    await local.click(CRO, head, "Sign off")
    head, _ = await roll_up(local)
    assert "CRO: signed by Cora Revenue" in head["text"]
    await local.click(CRO, head, "Sign off")
    assert "You have signed it off already" in (await told(local, CRO))[-1]
    await local.click(CFO, head, "Sign off")
    head, _ = await roll_up(local)
    assert "CFO: signed by Fay Money" in head["text"]
    assert labels(head) == []
    assert len(await local.rows(select(SignOff))) == 2


async def amending(local):
    """Amended and moved on: the next roll-up says what changed, the one before stays as it was."""
    before = (await local.rows(select(Snapshot)))[0].facts
    await local.to(datetime(2026, 3, 4, 9, tzinfo=UTC))
    made = team().deals
    made[1] |= {"category": "won", "stage": "Closed Won"}
    made[3] |= {"close_date": "2026-05-01"}
    await reimport(local, [*made, deal(7, "Ann Seller", partner="Beta")])
    await sign(local, PM, Acme=("40000", "60000"), Beta=("0", "50000"))
    await publish(local)
    head, files = await roll_up(local)
    assert "*What changed since week 9*" in head["text"]
    for line in (
        "new +70,000 (1 deal, pipeline)",
        "won 0 (1 deal: won +20,000, commit −20,000)",
        "pushed out −40,000 (1 deal, pipeline)",
    ):
        assert line in head["text"], head["text"]
    assert await kinds(local, files) == ["png", "png", "xlsx"]
    snapshots = await local.rows(select(Snapshot).order_by(Snapshot.number))
    assert [row.number for row in snapshots] == [1, 2]
    assert snapshots[0].facts == before, "a snapshot never changes"
    facts = RollUpFacts.model_validate(snapshots[1].facts)
    assert facts.changes is not None
    lines = sum(line.bands.total for line in facts.changes.lines)
    assert facts.changes.before.total + lines == facts.changes.after.total == facts.program.total
    first = next(row for row in await local.bot_messages("leadership") if "Partner forecast" in row["text"])
    assert "A newer roll-up of 2026Q1 has replaced it" in shown(first)


async def test_two_who_sign_at_once_see_both_values(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to(STARTS)
        await open_sign(local, PM)
        await sign(local, HEAD, Acme=("10000", "20000"))
        found = await local.submit(PM, await fill(local, Acme=("35000", "60000")))
        assert found["result"] == "updated", found
        text = await words(local, PM)
        assert "Somebody else signed while your form was open" in text
        assert "Acme, commit: Hedda Lead signed *USD 10,000*; you typed *USD 35,000*" in text
        acme = await partner_id(local, "Acme")
        assert value_of(await local.view(PM), f"commit_{acme}") == "35000"
        found = await local.submit(PM)
        assert found["result"] == "closed", found
        rows = await local.rows(select(SignedCommit).order_by(SignedCommit.id))
        assert [(row.commit, row.by_id == row.pm_id, row.for_id == row.pm_id) for row in rows] == [
            (10_000_00, False, True), (35_000_00, True, False),
        ]  # fmt: skip


async def test_a_signature_is_amended_and_not_emptied(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to(STARTS)
        await sign(local, PM, Acme=("35000", "60000"))
        await open_sign(local, PM)
        found = await local.submit(PM, await fill(local, Acme=("", "")))
        assert any("a signature is not taken back" in one for one in found["errors"].values()), found
        assert len(await local.rows(select(SignedCommit))) == 1


async def test_publishing_from_home_is_answered(sqlite_url):
    """Where no page lies below, the form itself says what was done."""
    async with playing(sqlite_url, prepared=roll_ups) as local:
        await local.to(datetime(2026, 3, 4, 10, 30, tzinfo=UTC))
        await local.home(HEAD)
        await local.press(HEAD, "Review…", view_id="home")
        found = await local.submit(HEAD)
        assert found["result"] == "updated", found
        assert "*Published* to #leadership, and frozen." in await words(local, HEAD)
        await sent(local)
        await local.home(CFO)
        assert "it waits for your sign-off" in shown(await local.home(CFO))


async def test_a_form_of_targets_takes_back_nothing_that_it_did_not_show(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to(STARTS)
        acme = await partner_id(local, "Acme")
        await local.command(HEAD, "/forecast")
        await local.press(HEAD, "Targets and rates…")
        await local.command(CFO, "/forecast")
        await local.press(CFO, "Targets and rates…")
        assert (await local.submit(CFO, {"amount_0": "500000"}))["result"] == "closed"
        found = await local.submit(HEAD, {"amount_0": "400000", f"amount_{acme}": "7000"})
        assert any("Fay Money changed it meanwhile: 500,000" in one for one in found["errors"].values()), found
        found = await local.submit(HEAD, {"amount_0": ""})
        assert found["result"] == "closed", found
        rows = await local.rows(select(Quota).order_by(Quota.id))
        assert [(row.partner_id, row.amount) for row in rows] == [(None, 500_000_00), (acme, 7_000_00)]


async def test_a_missing_rate_blocks_the_roll_up_until_somebody_enters_it(sqlite_url):
    made = team()
    made.deals[4] |= {"currency": "EUR", "name": "Eurodeal"}
    async with playing(sqlite_url, team=made) as local:
        await local.to(STARTS)
        await local.command(HEAD, "/forecast")
        await local.press(HEAD, "Review and publish…")
        text = await words(local, HEAD)
        assert "*It cannot be published:* There is no exchange rate from EUR into USD for 2 Mar 2026" in text
        assert "Eurodeal" in text
        assert not (await local.view(HEAD)).get("submit")
        await close_all(local, HEAD)
        await local.command(CFO, "/forecast")
        await local.press(CFO, "Targets and rates…")
        found = await local.submit(CFO, {"currency": "EUR", "day": "2026-03-01", "rate": "one"})
        assert "rate" in str(found["errors"]), found
        found = await local.submit(CFO, {"currency": "eur", "day": "2026-03-01", "rate": "1.25"})
        assert found["result"] == "closed", found
        await publish(local)
        head, _ = await roll_up(local)
        assert "pipeline 102,500" in head["text"], head["text"]  # 40,000 and 62,500 of EUR 50,000


async def test_the_cfo_closes_a_quarter_that_is_over_and_what_changes_is_restated(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to(STARTS)
        await sign(local, PM, Acme=("35000", "60000"), Beta=("0", "50000"))
        await publish(local)
        await local.command(CFO, "/forecast")
        assert "Close the quarter…" not in labels(await local.view(CFO))
        await local.to(datetime(2026, 4, 2, 9, tzinfo=UTC))
        await close_all(local, CFO)
        await local.command(CFO, "/forecast 2026Q1")
        await local.press(CFO, "Close the quarter…")
        text = await words(local, CFO)
        assert "*Closed won in 2026Q1: USD 10,000*" in text
        assert "still open" in text
        found = await local.submit(CFO)
        assert found["result"] == "closed", found
        assert "2026Q1 is closed" in await words(local, CFO)
        assert len(await local.rows(select(QuarterClose))) == 1
        await close_all(local, PM)
        await local.command(PM, "/forecast 2026Q1")
        assert "Sign…" not in labels(await local.view(PM))
        made = team().deals
        made[0] |= {"amount": "8000"}
        await reimport(local, made)
        await publish(local)
        head, _ = await roll_up(local)
        assert "2026Q2" in head["text"]
        assert "*Restated 2026Q1*: closed won 10,000 → 8,000 (smaller −2,000)" in head["text"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("Ann Seller", "/forecast", "You cannot read this forecast."),
        (HEAD, "/forecast 2026Q9", "is no quarter. Write one like"),
        (HEAD, "/forecast next year", "is no quarter. Write one like"),
    ],
)
async def test_what_cannot_be_shown_is_said(sqlite_url, name, text, said):
    async with playing(sqlite_url) as local:
        assert said in await refused(local, name, text)


async def test_terms_are_a_new_version_with_a_reason_and_stand_on_the_next_roll_up(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to(STARTS)
        await local.command(HEAD, "/forecast")
        await local.press(HEAD, "Definitions…")
        assert not (await local.view(HEAD)).get("submit"), "the head reads them"
        await close_all(local, HEAD)
        await local.command(CRO, "/forecast")
        await local.press(CRO, "Definitions…")
        found = await local.submit(CRO, {"ratio_co_sold": "2", "reason": "as agreed"})
        assert "between 0 and 1" in str(found["errors"]), found
        found = await local.submit(CRO, {"ratio_co_sold": "0.75", "reason": "as agreed in March"})
        assert found["result"] == "closed", found
        await publish(local)
        head, _ = await roll_up(local)
        assert "Terms, version 2: AE credit sourced 1.0, influenced 0.5, co-sold 0.75" in head["text"]


async def test_a_forged_form_for_anothers_partner_signs_nothing(sqlite_url):
    """Metadata is what was shown, never a right."""
    async with playing(sqlite_url) as local:
        await local.to(STARTS)
        gamma = await partner_id(local, "Gamma")
        view = await open_sign(local, PM)
        state = view["private_metadata"].replace(f"[[{await partner_id(local, 'Acme')},", f"[[{gamma},")
        assert state != view["private_metadata"]
        found = await local.post("submit", {"user": local.id(PM), "values": {}, "private_metadata": state}, ok=False)
        assert await local.rows(select(SignedCommit)) == [], found


async def test_the_workbook_goes_to_who_asks_and_may_read_it(sqlite_url):
    async with playing(sqlite_url) as local:
        await local.to(STARTS)
        await publish(local)
        await local.command(CFO, "/forecast")
        view = await local.view(CFO)
        row = next(one for one in view["blocks"] if "*week 9*" in shown(one) and one.get("accessory"))
        await local.press(CFO, "Open…", block_id=row["block_id"])
        await local.press(CFO, "Send me the workbook")
        await sent(local)
        found = [row for row in await local.dms(CFO) if row.get("files")]
        assert await kinds(local, found, CFO) == ["xlsx"]
        assert date(2026, 3, 2) <= (await local.now()).date()
