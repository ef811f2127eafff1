"""The card and the form of a dropped file: every state, none, one, many, hostile and longest; no options of a command line."""

import ast
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from handlers.imports import card, form, words
from handlers.imports.card import CardPage
from handlers.imports.form import Ground
from handlers.imports.ids import DraftRef, Field
from models.domain.errors import FieldErrors
from models.domain.files import Problem, SeenColumn, survey
from models.drafts import State
from models.imports.found import Arrival, Beside, Found
from models.imports.options import Options
from models.imports.result import ImportResult, Open
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_message, check_modal
from tests.make import NOW

TEMPLATE = "crm_id,name,partner,owner_email,stage,amount\n1,Pumps,Acme,a@b.example,Prospecting,100\n"
OPEN = "Opportunity ID,Opportunity Name,Stage,Amount,Close Date\n1,a,b,1.234,02/03/26\n"
REF = DraftRef(d=7, n=3)
PARTNERS = Ground(((1, "Acme"), (2, "Bolt")), may_make=True)


def result(number=0, said="", **more):
    text = said or "Deal"
    values = {
        "kind": "deals", "file_name": "deals.csv", "created": number, "changed": number, "unchanged": number,
        "missing": number, "skipped": number, "lines": tuple(f"{text} {n}: new, USD 1, Acme" for n in range(min(number, 40))),
        "problems": tuple(Problem(n + 2, said or "Amount", said or "is not an amount") for n in range(number)),
        "warnings": tuple(f"{text} {n}" for n in range(number)),
        "owners": tuple(Open(said=f"{text} {n}", deals=n + 1, near=(text, "Ann")) for n in range(number)),
        "partners": tuple(Open(said=f"{text} {n}", deals=n + 1, near=("Acme",)) for n in range(number)),
        "stages": tuple(Open(said=f"{text} {n}", deals=n + 1) for n in range(number)),
    }  # fmt: skip
    return ImportResult(**{**values, **more})


def page(state=State.ASKED, found=None, **more):
    values = {
        "draft_id": 7, "look": 3, "state": state, "name": "deals.csv", "done": 0, "total": 0, "problem": "",
        "options": Options(), "found": found or Found(survey=survey(TEMPLATE), result=result(1)), "result": None,
        "open_owners": (), "as_of": None, "clocks": ZoneInfo("Europe/London"),
    }  # fmt: skip
    return CardPage(**{**values, **more})


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("number", [0, 1, 3, 500])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_every_state_fits_and_nothing_of_a_file_is_a_mention(state, number, name):
    said = make.HOSTILE.get(name, "")
    arrivals = tuple(
        Arrival(said=said or "a@b", slack_id="U1", team_id="T", name=said or "Jo", email="a@b") for _ in range(number)
    )
    found = Found(
        survey=survey(TEMPLATE).model_copy(
            update={"columns": (SeenColumn(header=said or "x", field="name"), SeenColumn(header=said or "y", known=False,
                                                                                    samples=(said or "v",)))}
        ),
        result=result(number, said), arrivals=arrivals, said=said or "No.", problems=(said or "line 1: bad",) * number,
        known=number,
    )  # fmt: skip
    shown = page(
        state, found, name=said or "deals.csv", done=number, total=number, problem=said or "ab12", as_of=NOW,
        result=result(number, said), open_owners=result(number, said).owners, options=Options(partner=said or "Acme"),
    )  # fmt: skip
    message = check_message(card.card(shown))
    assert not [word for word in limits.words(message.blocks) if "--" in word.replace(said, "")]


def test_the_dry_run_says_what_would_happen():
    found = Found(survey=survey(TEMPLATE), known=442, result=result(
        created=12, changed=30, unchanged=400, missing=3, lines=("A: new, USD 1", "B: stage X → Y"),
    ))  # fmt: skip
    message = card.card(page(found=found))
    assert "deals.csv*: our deals template, 1 row. Nothing is imported yet." in message.text
    assert (
        "It would create 12 deals, change 30 and leave 400 as they are; 3 of the 442 we know are missing from it."
        in message.text
    )
    assert message.text.index("B: stage") < message.text.index("A: new"), "what changes comes first"
    assert "… and 43 more changes" in message.text


@pytest.mark.parametrize(("more", "words_"), [
    ({"unchanged": 1}, "Nothing would change: 1 deal is here as the file says."),
    ({"unchanged": 1204}, "Nothing would change: 1,204 deals are here as the file says."),
    ({"outside": 3}, "Nothing in it is yours to import."),
    ({"changed": 1}, "It would change 1 deal."),
    ({"missing": 1}, "It would change nothing of what it holds; 1 we know is missing from it."),
    ({"kind": "people", "created": 2}, "It would create 2 people."),
    ({"kind": "history", "changed": 4, "unchanged": 1}, "It would give 4 deals their past and leave 1 as they are."),
])  # fmt: skip
def test_each_count_in_words(more, words_):
    found = Found(survey=survey(TEMPLATE), result=ImportResult(**{"kind": "deals", "file_name": "x", **more}))
    assert words_ in card.card(page(found=found)).text


@pytest.mark.parametrize(("found", "labels"), [
    (Found(survey=survey(TEMPLATE), result=ImportResult(kind="deals", file_name="x", created=1)), ["Import", "Not now"]),
    (Found(survey=survey(TEMPLATE), result=ImportResult(kind="deals", file_name="x", created=1), known=4),
     ["Import", "Change how it is read…", "Not now"]),
    (Found(survey=survey(TEMPLATE), result=ImportResult(kind="deals", file_name="x", unchanged=1)), ["Import anyway", "Not now"]),
    (Found(survey=survey(TEMPLATE), result=ImportResult(kind="deals", file_name="x", created=1, skipped=3)),
     ["Import without the 3 bad lines", "Not now"]),
    (Found(survey=survey(OPEN), missing=("owner", "partner")), ["Answer the questions…", "Not now"]),
    (Found(survey=survey(TEMPLATE), result=ImportResult(kind="deals", file_name="x", created=1, skipped=1,
                                                        partners=(Open(said="Acmee", deals=1),))),
     ["Answer the questions…", "Import without the 1 bad line", "Not now"]),
    (Found(survey=survey("name,email,role\na,a@b.example,ae\n"), result=ImportResult(kind="people", file_name="x", created=1)),
     ["Import", "Not now"]),
])  # fmt: skip
def test_the_buttons_are_what_can_be_done_now(found, labels):
    template = found.survey.kind == "template"
    if template:  # its amounts are in the company's currency: that question alone is no reason for a second button here
        found = found.model_copy(
            update={"survey": survey(TEMPLATE.replace(",amount", ",currency").replace(",100", ",USD"))}
        )
    assert limits.labels(card.card(page(found=found)).blocks) == labels


def test_flagging_most_of_what_is_known_is_asked_about():
    warning = (
        f"40 deals of the 60 we know are not in this file and were flagged as missing.{' '}"
        "If it is not a complete export, import it with --partial."
    )
    found = Found(survey=survey(TEMPLATE), known=60, result=result(1, missing=40, warnings=(warning,), partners=()))
    message = check_message(card.card(page(found=found)))
    (button,) = [one for one in limits.walk(message.blocks) if one.get("action_id") == "imports.import"]
    assert button["confirm"]["title"]["text"] == "Flag 40 deals as missing?"
    assert len(button["confirm"]["text"]["text"]) <= 300
    assert "would be flagged as missing" in message.text
    assert "say so with “Change how it is read…”" in message.text


@pytest.mark.parametrize(("done", "total", "words_"), [
    (0, 0, "░" * 20 + " 0 of 0 lines"), (1, 2, "▓" * 10 + "░" * 10 + " 1 of 2 lines"),
    (41_000, 100_000, "41,000 of 100,000 lines"), (3, 2, "▓" * 20 + " 3 of 3 lines"),
])  # fmt: skip
def test_the_bar(done, total, words_):
    assert card.bar(done, total).endswith(words_)


def test_the_result_names_owners_that_are_open_and_the_time_of_the_crm():
    told = result(0, created=3, owners=(Open(said="R. Sharma", deals=2),))
    message = card.card(page(State.DONE, result=told, open_owners=told.owners, as_of=NOW))
    assert "is imported: 3 deals created." in message.text
    assert "“R. Sharma”: 2 deals" in message.text
    assert "CRM as of Mon 2 Mar, 08:00" in message.text
    assert limits.labels(message.blocks) == ["Say who they are…"]
    later = card.card(page(State.DONE, result=told, as_of=NOW))
    assert "Every owner in it is known now." in later.text
    assert limits.labels(later.blocks) == []


def sentences():
    """Every sentence of the models that names an option of the command line, with its gaps filled."""
    root = Path(__file__).resolve().parents[2] / "models"
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                text = "".join(part.value if isinstance(part, ast.Constant) else "dmy" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            if words._OPTION.search(text) and " " in text.strip() and len(text) > 16:
                yield text


@pytest.mark.parametrize("text", sorted(set(sentences())))
def test_no_option_of_the_command_line_is_spoken_of(text):
    assert not words._OPTION.search(words.in_slack(text)), words.in_slack(text)


@pytest.mark.parametrize(("said", "told"), [
    ("“02/03/26” could be 3 Feb 2026 (--dates mdy) or 2 Mar 2026 (--dates dmy). Say which.",
     "“02/03/26” could be 3 Feb 2026 or 2 Mar 2026. Say which."),
    ("“1.234” could be thousands or decimals. Say which: --decimal , reads thousands, --decimal . reads decimals.",
     "“1.234” could be thousands or decimals. Say which."),
    ("“Acmee” is not a partner we know. Did you mean Acme? Add it to the partners file, or use --partner NAME.",
     "“Acmee” is not a partner we know. Did you mean Acme? Say in the form which one it is, or add it first."),
    ("Mend the cell -- it is empty.", "Mend the cell -- it is empty."),
    ("The column AccountId holds ids. Give the accounts file with --accounts FILE to see the accounts' names.",
     "The column AccountId holds ids. Drop the accounts file too, and their names are shown."),
    ("Fill it in, name one for all with --partner NAME, or give an accounts file with a column Partner by --accounts FILE.",
     "Fill it in, choose one for all lines in the form, or drop an accounts file with a column Partner."),
    ("First this. Then use --nothing we know. Last that.", "First this. Last that."),
])  # fmt: skip
def test_the_readers_sentences_in_slacks_words(said, told):
    assert words.in_slack(said) == told


IDS = "Id,AccountId,Name,StageName\n1,A1,Pumps,Prospecting\n"
BESIDE = Beside(draft_id=1, fence=1, name="Account.csv")


@pytest.mark.parametrize(("rows", "tells", "said"), [
    (1, False, "*Account.csv*: 1 account, kept. Drop the deals now: their accounts' names are taken from it."),
    (1204, True,
     "*Account.csv*: 1,204 accounts, kept. Drop the deals now: their accounts' names and partners are taken from it."),
])  # fmt: skip
def test_an_accounts_file_is_kept(rows, tells, said):
    seen = survey("Id,Name\nA1,North\n").model_copy(update={"rows": rows})
    found = Found(survey=seen, tells_partners=tells)
    message = check_message(card.card(page(State.KEPT, found, name="Account.csv")))
    assert message.text == said
    assert limits.labels(message.blocks) == ["Put it away"]
    away = card.card(page(State.WITHDRAWN, found, name="Account.csv"))
    assert away.text == "*Account.csv* was put away. Drop it again to take accounts' names from it."


@pytest.mark.parametrize("said", make.HOSTILE.values())
def test_an_accounts_file_is_named_without_harm(said):
    seen = survey("Id,Name\nA1,North\n").model_copy(update={"misfits": 3, "warnings": (said,) * 30})
    message = check_message(card.card(page(State.KEPT, Found(survey=seen, tells_partners=True), name=said)))
    assert ":warning: 3 lines do not fit the header and are left out." in message.text
    beside = BESIDE.model_copy(update={"name": said, "partners": True})
    check_message(card.card(page(found=Found(survey=survey(IDS), result=result(3, said), partner=said, beside=beside))))
    shown(Found(survey=survey(IDS), result=result(3, said), partner=said, beside=beside))
    seen = survey(IDS)
    columns = tuple(
        one.model_copy(update={"header": said}) if one.field == "account_id" else one for one in seen.columns
    )
    found = Found(survey=seen.model_copy(update={"columns": columns}), missing=("owner", "partner"))
    message = check_message(card.card(page(found=found)))
    assert "Drop the accounts file too" in message.text


@pytest.mark.parametrize(("names", "partners", "partner", "line"), [
    (True, False, "", "Accounts' names from Account.csv."),
    (True, True, "", "Accounts' names and partners from Account.csv."),
    (False, True, "Acme", "Accounts' partners from Account.csv. Partner of accounts it does not have: Acme."),
    (True, False, "Acme", "Accounts' names from Account.csv."),
])  # fmt: skip
def test_what_comes_from_an_accounts_file_is_one_line(names, partners, partner, line):
    beside = BESIDE.model_copy(update={"names": names, "partners": partners})
    found = Found(survey=survey(IDS), result=result(1), partner=partner, beside=beside)
    message = card.card(page(found=found))
    texts = limits.words(message.blocks)
    assert line in texts
    assert line in message.text.splitlines()
    assert any(one.startswith("For all lines: partner Acme") for one in texts) == (bool(partner) and not partners)
    hint = limits.block(shown(found), "partner")["hint"]["text"]
    assert hint == ("For accounts that are not in Account.csv." if partners else "No column names one.")


def test_what_to_do_about_ids_is_said_before_the_dry_run_with_it_and_after_the_import():
    said = "The column AccountId holds ids. Drop the accounts file too, and their names are shown."
    before = card.card(page(found=Found(survey=survey(IDS), missing=("owner",))))
    assert said in before.text
    warned = result(
        warnings=(
            "The column AccountId holds ids. Give the accounts file with --accounts FILE to see the accounts' names.",
        )
    )
    found = Found(survey=survey(IDS), result=warned)
    assert card.card(page(found=found)).text.count(said) == 1
    assert "Drop the accounts file" not in card.card(page(found=Found(survey=survey(IDS), beside=BESIDE))).text
    after = card.card(page(State.DONE, found, result=warned))
    assert "Drop the accounts file and then this one again, and their names are shown." in after.text


# The form


def fields(view):
    return [block_id.split(":")[0] for block_id in limits.ids(view["blocks"])]


def shown(found, options=None, of=PARTNERS):
    return check_modal(form.modal("deals.csv", REF, found, options or Options(), of))


def submitted(view, **given):
    values = {
        block["block_id"]: {"value": given.get(block["block_id"].split(":")[0], {})}
        for block in view["blocks"]
        if block["type"] == "input"
    }
    return {"state": {"values": values}, "private_metadata": view["private_metadata"]}


def option(value):
    return {"selected_option": {"value": value}}


def test_only_what_is_open_or_worth_asking_is_asked():
    complete = TEMPLATE.replace(",amount", ",currency").replace(",100", ",USD")
    assert not form.worth_asking(Found(survey=survey(complete), result=result(0)))
    assert not form.worth_asking(Found())
    assert not form.worth_asking(Found(survey=survey("name,email,role\na,a@b.example,ae\n"), result=result(0)))
    found = Found(survey=survey(OPEN), missing=("owner", "partner"), currency="EUR", known=3)
    assert fields(shown(found)) == [
        Field.DATES, Field.DECIMAL, Field.PARTNER, Field.OWNER, Field.CURRENCY, Field.COMPLETE
    ]  # fmt: skip


def test_the_readings_are_of_a_cell_of_the_file():
    view = shown(Found(survey=survey(OPEN), missing=("owner", "partner")))
    texts = limits.words(view)
    assert "“02/03/26” is 3 Feb 2026: month first" in texts
    assert "“02/03/26” is 2 Mar 2026: day first" in texts
    assert "“1.234” is 1234: the “.” groups thousands" in texts
    assert "“1.234” is a little over 1: the “.” stands before the cents" in texts


def test_every_round_has_ids_of_its_own():
    found = Found(survey=survey(OPEN), missing=("owner", "partner"))
    first = form.modal("x", DraftRef(d=1, n=3), found, Options(), PARTNERS)
    second = form.modal("x", DraftRef(d=1, n=5), found, Options(), PARTNERS)
    assert not set(limits.ids(first["blocks"])) & set(limits.ids(second["blocks"]))


@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
@pytest.mark.parametrize("number", [0, 1, 99, 100, 300])
def test_the_form_fits_whatever_the_file_holds(name, number):
    said = make.HOSTILE.get(name, "")
    header = said or "Besitzer"
    columns = tuple(
        SeenColumn(header=f"{header} {n}", known=False, samples=(said[:40] or "v",) * 3, near=("owner",))
        for n in range(40)
    )
    names = tuple(Open(said=f"{said or 'Acmee'} {n}", deals=n, near=(said or "Acme",)) for n in range(30))
    of = Ground(tuple((n, f"{said or 'Partner'} {n}") for n in range(number)), may_make=True)
    seen = survey(OPEN).model_copy(update={"columns": columns})
    shown(Found(survey=seen, missing=("crm_id", "name", "stage", "owner", "partner"), names=names, known=1), of=of)
    shown(Found(survey=seen, result=result(30, said), names=names, known=1), of=of)
    shown(Found(survey=seen, names=names, stages=names, known=1), of=of)


async def test_what_was_said_becomes_options(sqlite):
    found = Found(survey=survey(OPEN), missing=("owner", "partner"), known=3)
    view = shown(found)
    async with sqlite.write() as session:
        await make.person(session, "Ann", "ae")
        told = await form.parse(session, submitted(
            view, dates=option("dmy"), decimal=option(","), partner=option("2"), owner={"selected_user": "UANN"},
            currency={"value": " eur "}, complete=option("part"),
        ), found, Options(skip_bad=True), PARTNERS)  # fmt: skip
    assert told == Options(
        dates="dmy",
        decimal=",",
        partner="Bolt",
        owner="ann@home.example",
        currency="EUR",
        complete=False,
        skip_bad=True,
        stand_in=False,
    )


async def test_columns_and_names_are_mapped(sqlite):
    text = "Nummer,Titel,Phase,Wer,Bemerkung\n1,a,Prospecting,Ann,x\n"
    found = Found(survey=survey(text), missing=("crm_id", "name", "stage", "owner", "partner"))
    view = shown(found)
    async with sqlite.write() as session:
        given = {"needed_0": option("0"), "needed_1": option("1"), "needed_2": option("2"), "needed_3": option("3"),
                 "partner": option("1")}  # fmt: skip
        told = await form.parse(session, submitted(view, **given), found, Options(), PARTNERS)
        assert told.columns == {"Nummer": "crm_id", "Titel": "name", "Phase": "stage", "Wer": "owner"}
        assert told.partner == "Acme"
        later = Found(survey=survey(text, Options(columns=told.columns).mapping(mapping())),
                      result=result(0, skipped=2, partners=(Open(said="Acmee", deals=2), Open(said="New One", deals=1))))  # fmt: skip
        view = shown(later)
        assert "column_0" in fields(view)
        told = await form.parse(
            session,
            submitted(view, column_0=option("-"), name_0=option("1"), rest=option("make")),
            later,
            told,
            PARTNERS,
        )
        assert told.columns["Bemerkung"] == ""
        assert (told.partners, told.create_partners) == ({"Acmee": "Acme"}, True)


STAGES = (Open(said="Angebot", deals=12), Open(said="Ende", deals=1))


@pytest.mark.parametrize("taken", [True, False])
async def test_stages_nobody_knows_are_asked_about_once_each(sqlite, taken):
    problems = [
        Problem(n, "stage", f'“{said}” is not a stage we know. Say what it is with --stage "{said}=best case".')
        for n, said in enumerate(["Angebot"] * 12 + ["Ende"])
    ]
    dry = result(0, created=3, skipped=13, stages=STAGES, problems=tuple(problems)) if taken else None
    found = Found(survey=survey(TEMPLATE), result=dry, stages=() if taken else STAGES, said="" if taken else "None.",
                  problems=() if taken else tuple(map(str, problems)))  # fmt: skip
    message = check_message(card.card(page(found=found)))
    assert "*2 stages are not known:* “Angebot” (12 lines), “Ende” (1 line)." in message.text.splitlines()
    assert "is not a stage we know" not in message.text
    without = ["Import without the 13 bad lines"] if taken else []
    assert limits.labels(message.blocks) == ["Answer the questions…", *without, "Not now"]
    view = shown(found)
    assert fields(view)[:2] == ["stage_0", "stage_1"]
    texts = limits.words(view)
    assert "“Angebot” (12 lines) is not a stage we know. What is it?" in texts
    choices = [one["text"]["text"] for one in limits.block(view, "stage_0")["element"]["options"]]
    assert choices == ["Pipeline", "Best case", "Commit", "Closed won", "Closed lost"]
    before = Options.from_json({"stages": {"Anfang": "pipeline"}})
    async with sqlite.read() as session:
        given = {"stage_0": option("best_case"), "stage_1": option("whatever")}
        told = await form.parse(session, submitted(view, **given), found, before, PARTNERS)
    assert told.stages == {"Anfang": "pipeline", "Angebot": "best_case"}


def test_bad_lines_that_are_listed_below_are_counted():
    told = (
        Problem(2, "stage", "“Ende” is not a stage we know."),
        Problem(3, "partner", "“A” is not a partner we know."),
        Problem(4, "amount", "No."),
    )
    found = Found(survey=survey(TEMPLATE), result=result(0, skipped=3, problems=told, stages=STAGES[1:],
                                                         partners=(Open(said="A", deals=1),)))  # fmt: skip
    message = card.card(page(found=found))
    assert "3 lines have a problem, 2 of them the stage or the name of a partner, see below:" in message.text
    assert "*1 stage is not known:* “Ende” (1 line)." in message.text


async def test_lines_that_somebody_has_left_out_are_asked_about_no_more(sqlite):
    told = (
        Problem(2, "partner", "“A” is not a partner we know."),
        Problem(3, "partner", "“A” is not a partner we know."),
    )
    dry = result(0, created=1, skipped=2, problems=told, partners=(Open(said="A", deals=2),))
    found = Found(survey=survey(TEMPLATE), result=dry)
    async with sqlite.read() as session:
        said = await form.parse(session, submitted(shown(found), rest=option("leave")), found, Options(), PARTNERS)
    assert (said.leave_out, said.create_partners) == (True, False)
    message = check_message(card.card(page(found=found, options=said)))
    assert "*2 lines are left out, as you said:* A." in message.text.splitlines()
    assert "have a problem" not in message.text
    assert limits.labels(message.blocks) == ["Import without the 2 bad lines", "Change how it is read…", "Not now"]
    nothing = Found(survey=survey(TEMPLATE), names=dry.partners, said="None.")
    assert limits.labels(card.card(page(found=nothing, options=said)).blocks)[0] == "Answer the questions…"


def mapping():
    from models.domain.files import Mapping

    return Mapping()


async def test_what_cannot_be_is_said_on_its_field(sqlite):
    text = "Nummer,Titel,Phase\n1,a,Prospecting\n"
    found = Found(survey=survey(text), missing=("crm_id", "name", "stage", "owner", "partner"))
    many = Ground(tuple((n, f"Partner {n}") for n in range(300)))
    async with sqlite.write() as session:
        await make.person(session, "Gus", guest=True)
        view = shown(found, of=many)
        given = {"needed_0": option("0"), "needed_1": option("0"), "partner": {"value": "Partnr 7"},
                 "owner": {"selected_user": "UGUS"}}  # fmt: skip
        with pytest.raises(FieldErrors) as refused:
            await form.parse(session, submitted(view, **given), found, Options(), many)
        errors = refused.value.errors
        assert "is chosen twice" in errors["needed_1"]
        assert errors["needed_2"] == "Choose the column that holds the stage of each deal."
        assert "Did you mean Partner 7" in errors["partner"]
        assert "Gus is a guest" in errors["owner"]
        with pytest.raises(FieldErrors) as refused:
            await form.parse(session, submitted(view), found, Options(), many)
        assert refused.value.errors["partner"] == "Choose the partner of all lines, or the column that says it."
        money = Found(survey=survey(OPEN), missing=())
        with pytest.raises(FieldErrors) as refused:
            await form.parse(session, submitted(shown(money), currency={"value": "ZZZ"}), money, Options(), PARTNERS)
        assert "“ZZZ” is no currency code" in refused.value.errors["currency"]


async def test_nobody_makes_partners_who_may_not(sqlite):
    found = Found(survey=survey(TEMPLATE), result=result(0, skipped=1, partners=(Open(said="Acmee", deals=2),)))
    own = Ground(PARTNERS.partners, may_make=False)
    assert "rest" not in fields(shown(found, of=own))
    view = shown(found)  # a form that says more than it was shown
    async with sqlite.read() as session:
        told = await form.parse(session, submitted(view, rest=option("make")), found, Options(), own)
    assert not told.create_partners


def test_what_stands_for_all_lines_is_said_with_where_it_comes_from():
    found = Found(
        survey=survey(OPEN), result=result(0, created=1, partners=()), partner="Acme", owner="ann@home.example"
    )
    texts = limits.words(card.card(page(found=found)).blocks)
    assert "For all lines: partner Acme (as said of an earlier file), owner ann@home.example" in texts
    told = page(found=found, options=Options(partner="Acme", dates="dmy", complete=False))
    texts = limits.words(card.card(told).blocks)
    assert any(text.startswith("For all lines: partner Acme, owner ann@home.example") for text in texts)
    assert limits.block(shown(found), "partner")["element"]["initial_option"]["value"] == "1"


async def test_a_partner_manager_chooses_among_their_own_partners(sqlite):
    async with sqlite.write() as session:
        pm, head = await make.person(session, "Pat", "pm"), await make.person(session, "Hedda", "head")
        await make.partner(session, "Acme", pm)
        await make.partner(session, "Bolt", head)
        for who, names, may_make in ((pm, ["Acme"], False), (head, ["Acme", "Bolt"], True)):
            of = await form.ground(session, who, Options(owner="pat@home.example"), now=NOW, policy=make.POLICY)
            assert ([name for _, name in of.partners], of.may_make) == (names, may_make)
            assert of.owner_slack_id == "UPAT"


def test_what_has_to_be_said_first_is_a_short_list():
    message = card.card(page(found=Found(survey=survey(OPEN), missing=("owner", "partner"))))
    assert message.text.splitlines()[1:] == [
        "*It cannot be read before you say:*",
        "• the order of its dates: “02/03/26” (line 2, Close Date) is 3 Feb 2026 or 2 Mar 2026",
        "• the mark before the cents: “1.234” (line 2, Amount) is 1234 or a little over 1",
        "• which column holds the owner of each deal",
        "• which column holds the partner",
    ]


async def test_on_the_first_day_names_are_asked_about_once_since_none_can_mean_a_partner(sqlite):
    found = Found(survey=survey(OPEN), names=tuple(Open(said=f"Name {n}", deals=1) for n in range(30)))
    of = Ground((), may_make=True)
    view = shown(found, of=of)
    assert not [name for name in fields(view) if name.startswith("name_")]
    assert "The file names 30 partners: Name 0, Name 1" in str(view["blocks"])
    assert "and 5 more" in str(view["blocks"])
    async with sqlite.write() as session:
        told = await form.parse(session, submitted(view, rest=option("make")), found, Options(), of)
    assert told.create_partners
