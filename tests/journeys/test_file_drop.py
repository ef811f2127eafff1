"""A file dropped on the bot: looked over, asked about, imported, by those who may; over real HTTP and sockets."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.importing import Importer, Job
from models.domain.files import Bytes, opened, parse_accounts
from models.imports import planning
from models.tables import (
    Answer,
    CrmRecord,
    Deal,
    DealVersion,
    ImportDraft,
    ImportPart,
    ImportRun,
    Partner,
    Person,
    PersonRole,
)
from tests.journeys.support import answer, journey, labels, press_deal, shown
from tests.world import TEAM, Human, Local, deal, deals_csv, partner, small_team

HEAD, PM, AE = "Hedda Lead", "Pat Manager", "Ann Seller"
DATED = (
    "Opportunity ID,Opportunity Name,Account Name,Partner,Opportunity Owner,Stage,Amount,Close Date\n"
    "006A1,North pumps,North,Acme,Ann Seller,Prospecting,1000,02/03/26\n"
    "006A2,South pumps,South,Acmee Inc,R. Sharma,Qualification,2000,04/05/26\n"
    "006A3,East pumps,East,Acmee Inc,R. Sharma,Qualification,3000,06/07/26\n"
)


async def drop(local: Local, name: str, *files: tuple[str, str | bytes], text: str = "") -> Any:
    listed = [
        {"name": file, "base64": base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()}
        for file, data in files
    ]
    return await local.post("upload", {"user": local.id(name), "channel": "bot", "files": listed, "text": text})


async def card_of(local: Local, name: str, file: str) -> dict[str, Any]:
    """The newest card of this file."""
    return await local.card(name, file)


async def settled(local: Local, name: str, file: str, words: str) -> dict[str, Any]:
    """The card, once it says this."""
    for _ in range(100):
        message = await card_of(local, name, file)
        if words in message["text"]:
            return message
        await local.get("clock")
        await asyncio.sleep(0.05)
    raise AssertionError((words, message["text"]))


async def drafts(local: Local) -> list[ImportDraft]:
    return await local.rows(select(ImportDraft).order_by(ImportDraft.id))


async def number(local: Local, table: Any) -> int:
    async with local.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_the_head_drops_the_crms_file_and_then_the_same_once_more(database_url):
    team = small_team()
    async with journey(team, database_url) as local:
        await local.to("Mon 09:00")
        rows = [deal(n, AE, amount="77000" if n == 1 else str(10_000 * n)) for n in (1, 2, 3, 4, 5, 6)]
        done = await drop(local, HEAD, ("deals.csv", deals_csv(rows)))
        assert done["ok"]
        message = await card_of(local, HEAD, "deals.csv")
        assert "our deals template, 6 rows, UTF-8" in message["text"]
        assert "It would create 1 deal, change 3 and leave 2 as they are." in message["text"]
        assert "Deal 1: amount USD 10,000 → USD 77,000" in message["text"]
        assert labels(message) == ["Import", "Change how it is read…", "Not now"]
        assert await number(local, Deal) == 5
        assert await number(local, ImportPart) > 0
        await local.click(HEAD, message, "Import")
        message = await card_of(local, HEAD, "deals.csv")
        assert "is imported: 1 deal created, 3 changed, 2 as they were." in message["text"]
        assert "CRM as of Mon 2 Mar, 09:00" in message["text"]
        assert labels(message) == []
        assert await number(local, Deal) == 6
        (run,) = await local.rows(select(ImportRun).where(ImportRun.kind == "deals", ImportRun.by_id.is_not(None)))
        assert (run.created, run.changed, run.unchanged, run.state) == (1, 3, 2, "applied")
        assert await number(local, ImportPart) == 0

        await drop(local, HEAD, ("deals.csv", deals_csv(rows)))
        assert len(await drafts(local)) == 2
        message = await card_of(local, HEAD, "deals.csv")
        assert "Nothing would change: 6 deals are here as the file says." in message["text"]
        assert labels(message)[0] == "Import anyway"
        await local.click(HEAD, message, "Not now")
        message = await card_of(local, HEAD, "deals.csv")
        assert "was put away; nothing was imported" in message["text"]
        assert len(await local.dms(HEAD)) == 2


async def test_open_questions_are_a_form_then_owners_are_named_and_a_later_file_is_quiet(sqlite_url):
    stranger = {"id": "U0STRANGE", "name": "ravi", "real_name": "Ravi Sharma", "email": "ravi@home.example",
                "tz": "Europe/London", "team_id": TEAM}  # fmt: skip
    team = small_team(outsiders=[stranger])
    async with journey(team, sqlite_url) as local:
        await local.to("Mon 09:00")
        await drop(local, HEAD, ("report.csv", DATED))
        message = await card_of(local, HEAD, "report.csv")
        assert "the order of its dates: “02/03/26” (line 2, Close Date) is 3 Feb 2026 or 2 Mar 2026" in message["text"]
        assert "--" not in message["text"]
        assert labels(message) == ["Answer the questions…", "Not now"]
        await local.click(HEAD, message, "Answer the questions…")
        view = await local.view(HEAD)
        assert "“02/03/26” is 2 Mar 2026: day first" in shown(view)
        found = await local.submit(HEAD, {})
        assert found["errors"], "the order of dates has to be said"
        await local.submit(HEAD, {"dates": "dmy", "complete": "part"})
        assert await local.view(HEAD) is None
        message = await card_of(local, HEAD, "report.csv")
        assert "“Acmee Inc”: 2 lines; perhaps Acme" in message["text"]
        assert "2 lines have a problem" in message["text"]
        assert labels(message) == ["Answer the questions…", "Import without the 2 bad lines", "Not now"]
        assert await number(local, ImportPart) == 1, "it is not fetched again"
        assert len(await local.api("url_private")) == 1
        await local.click(HEAD, message, "Answer the questions…")
        view = await local.view(HEAD)
        acme = str((await local.rows(select(Partner)))[0].id)
        await local.submit(HEAD, {"name_0": acme})
        message = await card_of(local, HEAD, "report.csv")
        assert "It would create 3 deals." in message["text"]
        assert "“R. Sharma”: 2 deals" in message["text"]
        await local.click(HEAD, message, "Import")
        message = await card_of(local, HEAD, "report.csv")
        assert "3 deals created" in message["text"]
        assert labels(message) == ["Say who they are…"]
        await local.command(PM, "/cadence")
        assert "Name 1 owner of the CRM's file…" in labels(await local.view(PM))
        await local.command(AE, "/cadence")
        assert not [label for label in labels(await local.view(AE)) if "owner" in label]
        await local.click(HEAD, message, "Say who they are…")
        view = await local.view(HEAD)
        assert "“R. Sharma” owns 2 deals. Who is it?" in shown(view)
        await local.submit(HEAD, {"owner_0": "U0STRANGE"})
        view = await local.view(HEAD)
        assert "1 owner named: 2 deals have an owner now." in shown(view)
        (ravi,) = await local.rows(select(Person).where(Person.name == "Ravi Sharma"))
        assert ravi.slack_id == "U0STRANGE"
        async with local.db.read() as session:
            roles = list(await session.scalars(select(PersonRole.role).where(PersonRole.person_id == ravi.id)))
        assert roles == ["ae"]
        owned = await local.rows(
            select(DealVersion).join(Deal, Deal.version_id == DealVersion.id).where(DealVersion.owner_id == ravi.id)
        )
        assert {row.name for row in owned} == {"South pumps", "East pumps"}
        await local.post("close", {"user": local.id(HEAD), "all": True})
        await local.command(HEAD, "/cadence")
        assert not [label for label in labels(await local.view(HEAD)) if "owner" in label]
        message = await card_of(local, HEAD, "report.csv")
        assert labels(message) == []
        assert "Every owner in it is known now." in message["text"]

        await drop(local, HEAD, ("later.csv", DATED))
        message = await card_of(local, HEAD, "later.csv")
        assert "Nothing would change" not in message["text"] or "3 deals are here" in message["text"]
        assert "Who" not in message["text"]
        assert "Answer the questions…" not in labels(message)


GERMAN = (
    "crm_id;name;partner;owner;stage;amount\n"
    "G1;Nordpumpe;Acme;Ann Seller;Angebot;1000,50\n"
    "G2;Ostpumpe;Acmee Inc;Ann Seller;Verhandlung;2000,50\n"
    "G3;Westpumpe;Acme;Ann Seller;Gewonnen;3000,50\n"
    "G4;Südpumpe;Acme;Ann Seller;Angebot;4000,50\n"
)


async def test_stages_of_a_crms_own_are_asked_once_and_known_to_the_next_file(sqlite_url):
    async with journey(small_team(**EMPTY), sqlite_url) as local:
        await local.to("Mon 09:00")
        await drop(local, HEAD, ("liste.csv", GERMAN))
        message = await card_of(local, HEAD, "liste.csv")
        known = "*3 stages are not known:* “Angebot” (2 lines), “Verhandlung” (1 line), “Gewonnen” (1 line)."
        assert known in message["text"].splitlines(), message["text"]
        assert "“Acmee Inc”: 1 line; perhaps Acme" in message["text"], "both are asked about at once"
        assert labels(message) == ["Answer the questions…", "Not now"]
        await local.click(HEAD, message, "Answer the questions…")
        assert "“Angebot” (2 lines) is not a stage we know. What is it?" in shown(await local.view(HEAD))
        acme = str((await local.rows(select(Partner)))[0].id)
        await local.submit(HEAD, {"stage_0": "best_case", "stage_1": "commit", "stage_2": "won", "name_0": acme})
        message = await card_of(local, HEAD, "liste.csv")
        assert "It would create 4 deals." in message["text"], message["text"]
        await local.click(HEAD, message, "Import")
        assert "4 deals created" in (await card_of(local, HEAD, "liste.csv"))["text"]
        rows = await local.rows(
            select(DealVersion).join(Deal, Deal.version_id == DealVersion.id).order_by(DealVersion.name)
        )
        assert [(row.name, row.stage, row.category) for row in rows] == [
            ("Nordpumpe", "Angebot", "best_case"),
            ("Ostpumpe", "Verhandlung", "commit"),
            ("Südpumpe", "Angebot", "best_case"),
            ("Westpumpe", "Gewonnen", "won"),
        ]
        await drop(local, HEAD, ("danach.csv", GERMAN.replace("G4;Südpumpe", "G5;Neupumpe")))
        message = await card_of(local, HEAD, "danach.csv")
        assert "It would create 1 deal" in message["text"]
        assert "not known" not in message["text"]
        assert labels(message)[0] == "Import"


async def test_an_ae_is_told_who_can_and_nothing_is_fetched(sqlite_url, caplog):
    team = small_team()
    async with journey(team, sqlite_url) as local:
        await local.to("Mon 09:00")
        await drop(local, AE, ("a.csv", DATED), ("b.csv", DATED))
        messages = await local.dms(AE)
        assert len(messages) == 1
        assert messages[0]["text"] == (
            "You cannot import files. Partner managers, the head of partnerships and admins can. Ask Hedda Lead or Pat "
            "Manager. The file was not opened or kept."
        )
        assert await drafts(local) == []
        assert not await local.api("files.info")
        assert not await local.api("url_private")
        # A button of somebody else's card proves nothing.
        await drop(local, HEAD, ("a.csv", deals_csv([deal(1, AE, amount="1")])))
        message = await card_of(local, HEAD, "a.csv")
        forged = next(one for block in message["blocks"] for one in block.get("elements", [])
                      if one.get("action_id") == "imports.import")  # fmt: skip
        caplog.set_level("INFO", "cadence.errors")
        for name in (AE, PM):
            payload = await click_payload(local, name, message, forged)
            await local.post("deliver", {"kind": "interaction", "payload": payload})
            assert f"refused: user={local.id(name)} kind=imports.import reason=NotAllowed" in caplog.text
        (draft,) = await drafts(local)
        assert draft.state == "asked"
        await local.post("clock/to", {"at": (await local.now()).isoformat()})


async def click_payload(local: Local, name: str, message: dict[str, Any], element: dict[str, Any]) -> dict[str, Any]:
    user = {"id": local.id(name), "username": name, "name": name, "team_id": TEAM}
    return {
        "type": "block_actions", "user": user, "team": {"id": TEAM, "domain": "home"}, "api_app_id": "A0CADENCE",
        "container": {"type": "message", "message_ts": message["ts"], "channel_id": message["channel"]},
        "trigger_id": "1.1.x", "channel": {"id": message["channel"], "name": "directmessage"}, "message": message,
        "actions": [{**element, "action_ts": "1.5", "block_id": "x"}],
    }  # fmt: skip


async def test_a_partner_manager_brings_their_own_partners_only(sqlite_url):
    people = [Human(PM, "pm"), Human("Pia Other", "pm"), Human(AE), Human("Bob Seller"), Human(HEAD, "head")]
    team = small_team(people=people, partners=[partner(), partner("Bolt", "Pia Other")])
    async with journey(team, sqlite_url) as local:
        await local.to("Mon 09:00")
        rows = [deal(1, AE, amount="5000"), deal(11, AE), deal(12, AE, "Bolt"), deal(13, AE, "Bolt")]
        await drop(local, PM, ("mine.csv", deals_csv(rows)))
        message = await card_of(local, PM, "mine.csv")
        assert "It would create 1 deal and change 1." in message["text"], message["text"]
        assert "2 lines left out: deals of partners that are not yours to import." in message["text"]
        await local.click(PM, message, "Import")
        message = await card_of(local, PM, "mine.csv")
        assert "1 deal created, 1 changed." in message["text"]
        assert await number(local, Deal) == 6
        missing = await local.rows(select(Deal).where(Deal.missing_since.is_not(None)))
        assert missing == [], "a partner manager's file is a part, unless they say otherwise"
        await drop(local, PM, ("people.csv", "name,email,role\nEve New,eve@home.example,ae\n"))
        message = await card_of(local, PM, "people.csv")
        assert "You cannot add people or change their roles." in message["text"]
        assert "Ask Hedda Lead." in message["text"]
        assert await number(local, ImportPart) == 0


async def test_an_import_in_the_middle_of_a_week_edits_the_cards_and_keeps_what_was_said(sqlite_url, monkeypatch):
    team = small_team()
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:00")
        before = len(await local.dms(AE))
        rows = [{**row, "amount": "4321"} if row["crm_id"] == "D-0001" else dict(row) for row in team.deals]
        rows += [deal(number_, AE) for number_ in range(100, 1300)]
        await drop(local, HEAD, ("deals.csv", deals_csv(rows)))
        message = await settled(local, HEAD, "deals.csv", "It would create 1,200 deals")
        await press_deal(local, AE, "Deal 1")
        real, answering = planning.plan, []

        async def slowly(*arguments: Any) -> Any:
            """Between two batches, the first of which is staged, the AE's form is saved."""
            batch = await real(*arguments)
            if arguments[4].rows > 600 and not answering:
                answering.append(asyncio.ensure_future(answer(local, AE, stage="Proposal/Price Quote")))
                while not await number(local, Answer):  # noqa: ASYNC110 - what it waits for is a row
                    await asyncio.sleep(0.01)
            return batch

        monkeypatch.setattr(planning, "plan", slowly)
        await local.click(HEAD, message, "Import")
        await settled(local, HEAD, "deals.csv", "1,200 deals created")
        await answering[0]
        assert await number(local, Answer) == 1
        (version,) = await local.rows(
            select(DealVersion)
            .join(Deal, Deal.version_id == DealVersion.id)
            .join(CrmRecord, CrmRecord.deal_id == Deal.id)
            .where(CrmRecord.crm_id == "D-0001")
        )
        assert version.amount == 432_100
        assert version.said["stage"]["value"] == "Proposal/Price Quote"
        card = await local.card(AE, "Your deals for the next review")
        assert ":white_check_mark: Deal 1" in shown(card)
        assert len(await local.dms(AE)) == before, "the card is edited, nothing is posted anew"


async def test_what_is_no_list_is_refused_in_words(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Mon 09:00")
        workbook = b"PK\x03\x04" + b"\x00" * 30 + b"[Content_Types].xml xl/workbook.xml" + b"\x00" * 100
        await drop(local, HEAD, ("book.xlsx", workbook))
        message = await card_of(local, HEAD, "book.xlsx")
        assert "was not imported. This is an Excel workbook, not a CSV file." in message["text"]
        assert labels(message) == []
        await drop(local, HEAD, ("noise.csv", bytes(range(256)) * 20))
        assert "This is no text file." in (await card_of(local, HEAD, "noise.csv"))["text"]
        await drop(local, HEAD, ("notes.csv", "Colour,Taste\nred,sweet\n"))
        assert "It is no list that Cadence knows" in (await card_of(local, HEAD, "notes.csv"))["text"]
        await drop(local, HEAD, ("empty.csv", ""))
        assert "This file is empty." in (await card_of(local, HEAD, "empty.csv"))["text"]
        assert await number(local, ImportPart) == 0


async def test_the_bot_starts_anew_between_the_approval_and_the_import(database_url):
    async with journey(small_team(), database_url) as local:
        await local.to("Mon 09:00")
        await drop(local, HEAD, ("deals.csv", deals_csv([deal(n, AE) for n in range(1, 9)])))
        message = await card_of(local, HEAD, "deals.csv")
        worker = local.bot.engine.drafts

        async def nothing() -> bool:
            return False

        worker._anything = nothing
        await local.click(HEAD, message, "Import")
        assert "the import begins in a moment" in (await card_of(local, HEAD, "deals.csv"))["text"]
        await local.stop_bot()
        await local.start_bot()
        await local.to("Mon 09:30")
        message = await settled(local, HEAD, "deals.csv", "is imported")
        assert "3 deals created" in message["text"]
        assert await number(local, Deal) == 8


async def test_however_often_import_is_pressed_it_is_imported_once(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Mon 09:00")
        await drop(local, HEAD, ("deals.csv", deals_csv([deal(n, AE) for n in range(1, 9)])))
        message = await card_of(local, HEAD, "deals.csv")
        await asyncio.gather(*(local.click(HEAD, message, "Import", ok=False) for _ in range(4)))
        message = await settled(local, HEAD, "deals.csv", "is imported")
        runs = await local.rows(select(ImportRun).where(ImportRun.by_id.is_not(None)))
        assert len(runs) == 1
        assert "3 deals created" in message["text"]


EXPORT = Path(__file__).resolve().parent.parent / "fixtures" / "salesforce_export"
ACCOUNTS, OPPORTUNITIES = ((name, (EXPORT / name).read_bytes()) for name in ("Account.csv", "Opportunity.csv"))
KEPT = "10 accounts, kept. Drop the deals now: their accounts' names are taken from it."
ONLY_IDS = "The column AccountId holds ids. Drop the accounts file too, and their names are shown."
JOINED = "Accounts' names from Account.csv."
ASKS = "a Salesforce data export, 40 rows"
EMPTY = {"deals": [], "reviews": False}


def telling(data: bytes) -> bytes:
    """The accounts file with a column Partner: every account is Acme's."""
    header, *lines = data.decode().splitlines()
    return "\n".join([f"{header},Partner", *(f"{line},Acme" for line in lines), ""]).encode()


async def say_owner_and_partner(local: Local, name: str) -> dict[str, Any]:
    """Answer what the export does not say; the card with the dry run."""
    acme = str((await local.rows(select(Partner)))[0].id)
    await local.click(name, await local.card(name, ASKS), "Answer the questions…")
    await local.submit(name, {"owner": local.id(AE), "partner": acme})
    return await local.card(name, ASKS)


async def named(local: Local) -> dict[str, str]:
    """The account of every deal, by the deal's CRM id."""
    async with local.db.read() as session:
        rows = await session.execute(
            select(CrmRecord.crm_id, DealVersion.account)
            .join(Deal, Deal.id == CrmRecord.deal_id)
            .join(DealVersion, DealVersion.id == Deal.version_id)
        )
        return {row.crm_id: row.account for row in rows}


@pytest.mark.parametrize(
    "drops",
    [
        [[ACCOUNTS], [OPPORTUNITIES]],
        [[OPPORTUNITIES], [ACCOUNTS]],
        [[ACCOUNTS, OPPORTUNITIES]],
        [[OPPORTUNITIES, ACCOUNTS]],
    ],
    ids=["accounts first", "deals first", "together", "together, deals first"],
)
async def test_an_export_with_its_accounts_file_is_imported_as_on_the_command_line(database_url, drops):
    team = small_team(**EMPTY)
    async with journey(team, database_url) as local:
        await local.to("Mon 09:00")
        for place, files in enumerate(drops):
            await drop(local, HEAD, *files)
            if files == [OPPORTUNITIES] and not place:
                assert ONLY_IDS in (await local.card(HEAD, ASKS))["text"]
        kept = await local.card(HEAD, KEPT)
        assert labels(kept) == ["Put it away"]
        message = await local.card(HEAD, ASKS)
        assert JOINED in message["text"].splitlines()
        assert ONLY_IDS not in message["text"]
        message = await say_owner_and_partner(local, HEAD)
        assert JOINED in message["text"].splitlines()
        assert "It would create 40 deals" in message["text"]
        await local.click(HEAD, message, "Import")
        assert "40 deals created" in (await local.card(HEAD, "Opportunity.csv* is imported"))["text"]
        accounts = {account.name for account in parse_accounts(opened(Bytes(ACCOUNTS[1]))).by_id.values()}
        found = await named(local)
        assert len(found) == 40
        assert set(found.values()) <= accounts
        # The command line, with --accounts, finds nothing to change in what Slack has imported.
        job = Job("deals", "Opportunity.csv", opened(Bytes(OPPORTUNITIES[1])), await local.now(),
                  accounts=opened(Bytes(ACCOUNTS[1])))  # fmt: skip
        same = await Importer(local.db, team.policy).look(job)
        assert (same.created, same.changed, same.unchanged, same.missing) == (0, 0, 40, 0)
        assert len(await local.api("url_private")) == 2, "each is fetched once"


async def test_an_accounts_file_that_says_the_partner_is_put_away_again(sqlite_url):
    async with journey(small_team(**EMPTY), sqlite_url) as local:
        await local.to("Mon 09:00")
        await drop(local, HEAD, (ACCOUNTS[0], telling(ACCOUNTS[1])), OPPORTUNITIES)
        kept = await local.card(HEAD, "names and partners are taken from it.")
        message = await local.card(HEAD, ASKS)
        assert "Accounts' names and partners from Account.csv." in message["text"].splitlines()
        assert "which column holds the owner" in message["text"]
        assert "which column holds the partner" not in message["text"]
        await local.click(HEAD, kept, "Put it away")
        away = await local.card(HEAD, "Account.csv* was put away.")
        assert labels(away) == []
        message = await local.card(HEAD, ASKS)
        assert ONLY_IDS in message["text"]
        assert "which column holds the partner" in message["text"]
        assert "Account.csv" not in message["text"]
        assert len(await local.dms(HEAD)) == 2, "the cards are edited, nothing is posted anew"
        message = await say_owner_and_partner(local, HEAD)
        assert ONLY_IDS in message["text"]
        await local.click(HEAD, message, "Import")
        message = await local.card(HEAD, "Opportunity.csv* is imported")
        assert "Drop the accounts file and then this one again, and their names are shown." in message["text"]
        assert set((await named(local)).values()) == {""}
        await drop(local, HEAD, ACCOUNTS, OPPORTUNITIES)
        message = await local.card(HEAD, ASKS)
        assert "It would change 40 deals." in message["text"]
        await local.click(HEAD, message, "Import")
        assert "" not in set((await named(local)).values())


async def test_the_accounts_file_of_somebody_else_is_not_used(sqlite_url, caplog):
    async with journey(small_team(**EMPTY), sqlite_url) as local:
        await local.to("Mon 09:00")
        await drop(local, PM, ACCOUNTS)
        await drop(local, HEAD, OPPORTUNITIES)
        kept = await local.card(PM, KEPT)
        message = await local.card(HEAD, ASKS)
        assert ONLY_IDS in message["text"]
        assert "Account.csv" not in message["text"]
        forged = next(one for block in kept["blocks"] for one in block.get("elements", []) if "action_id" in one)
        caplog.set_level("INFO", "cadence.errors")
        await local.post("deliver", {"kind": "interaction", "payload": await click_payload(local, HEAD, kept, forged)})
        assert f"refused: user={local.id(HEAD)} kind=imports.withdraw reason=NotAllowed" in caplog.text
        assert [draft.state for draft in await drafts(local)] == ["kept", "asked"]
        await drop(local, AE, ACCOUNTS)
        assert "You cannot import files." in (await local.dms(AE))[-1]["text"]
        assert len(await drafts(local)) == 2
