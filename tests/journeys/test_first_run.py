"""First run in Slack alone: from an empty workspace to the first prompt, left in the middle and taken up again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from sqlalchemy import select

from bot.sandbox import SandboxOptions, Seed, start
from bot.trying import APP_TOKEN, BOT_TOKEN, SECRET
from handlers.first_run.ids import Action
from models.tables import Change, Outbox, Partner, Person
from tests.journeys.support import close_all, fields, judge, kinds, labels, person, posted_local, reimport, shown, walk
from tests.journeys.test_file_drop import drop, settled
from tests.journeys.test_planning import forged, said
from tests.migrated import migrate
from tests.ports import free_port
from tests.world import BOT_USER, MANIFEST, TEAM, Human, Local, Team, deal, slack_id, workspace

ADA, PAT, ANN, BOB = "Ada Admin", "Pat Manager", "Ann Seller", "Bob Seller"
BLANK = {"tz": "Europe/London", "team_id": TEAM}
OUTSIDERS = [
    {**BLANK, "id": "U0GUEST", "name": "gus", "real_name": "Gus Guest", "is_restricted": True},
    {**BLANK, "id": "U0ROBOT", "name": "robo", "real_name": "Robo", "is_bot": True},
    {**BLANK, "id": "U0GONE", "name": "gone", "real_name": "Gone Girl", "deleted": True},
    {**BLANK, "id": "U0THEIRS", "name": "eva", "real_name": "Eva Else", "team_id": "T0OTHER", "is_stranger": True},
]


def a_team(**more):
    people = [Human(ADA, slack={"is_primary_owner": True}), Human(PAT), Human(ANN), Human(BOB)]
    return Team(**({"people": people, "partners": [], "deals": [], "outsiders": OUTSIDERS} | more))


@asynccontextmanager
async def installed(team: Team, url: str) -> AsyncIterator[Local]:
    """Slack is full of people, and Cadence, started a moment ago, knows nobody."""
    await migrate(url)
    place, port = workspace(team), free_port()
    ours = [slack_id(team, human.name) for human in team.people]
    place["channels"] += [
        {"id": "C00TEAM", "name": "beta-team", "members": ours},
        {"id": "C00SECRET", "name": "beta-secret", "is_private": True, "members": ours},
        {
            "id": "C00JOINT",
            "name": "acme-joint",
            "members": [*ours, BOT_USER],
            "is_ext_shared": True,
            "is_shared": True,
        },
    ]
    sandbox = await start(
        SandboxOptions(port=0, manifest=MANIFEST, bot_token=BOT_TOKEN, app_token=APP_TOKEN, signing_secret=SECRET,
                       bot_url=f"http://127.0.0.1:{port}", start_at=team.start),
        Seed.from_dict(place),
    )  # fmt: skip
    environment = {
        "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN, "SLACK_API_URL": sandbox.api_url, "DATABASE_URL": url,
        "PORT": str(port), "CADENCE_SIMULATED_CLOCK": "1", "CADENCE_ZONE": team.zone,
        "CADENCE_LEADERSHIP_CHANNEL": team.leadership,
    }  # fmt: skip
    async with aiohttp.ClientSession() as session:
        local = Local(team, sandbox, sandbox.url, session, url, environment)
        try:
            await local.start_bot()
            await local.to(team.start)
            yield local
            await judge(local)
        finally:
            await local.stop_bot()
            await sandbox.close()
            await asyncio.sleep(0)


async def row(local, name, words, label):
    """Press the button beside the row of the topmost view that has these words."""
    view = await local.view(name)
    block = next(one for one in view["blocks"] if words in shown(one) and one.get("accessory"))
    return await local.press(name, label, block_id=block["block_id"])


async def page(local, name=ADA):
    """What the set-up says, opened anew."""
    await close_all(local, name)
    await local.command(name, "/cadence start")
    return shown(await local.view(name))


async def back(local, name=ADA):
    """The view below the topmost one."""
    await local.post("close", {"user": local.id(name)})
    return shown(await local.view(name))


async def add_partner(local, name, manager=PAT, **values):
    await local.press(ADA, "Add a partner…")
    return await local.submit(ADA, {"name": name, "manager": local.id(manager), **values})


async def add_person(local, name, *roles, **values):
    await local.press(ADA, "Add a person…")
    found = await local.submit(ADA, {"person": local.id(name), "roles": list(roles), **values})
    assert found["result"] == "closed", found
    return found


async def with_acme(local):
    await page(local)
    await local.press(ADA, "Partners…")
    assert (await add_partner(local, "Acme"))["result"] == "closed"


async def test_from_nothing_to_the_first_prompt(sqlite_url):
    async with installed(a_team(), sqlite_url) as local:
        [welcome] = await local.dms(ADA)
        assert "you are its first admin" in welcome["text"]
        assert labels(welcome) == ["Set up Cadence"]
        home = await local.home(ADA)
        assert "Set up Cadence: 0 of 6 done" in shown(home)

        # Partners, and the ceiling explained where the tier is chosen.
        await local.click(ADA, welcome, "Set up Cadence")
        first = await local.view(ADA)
        assert first["title"]["text"] == "Set up Cadence"
        assert "six steps, about ten minutes" in shown(first)
        assert labels(first) == ["We have no CRM", "Partners…", "People…"]
        await local.press(ADA, "Partners…")
        await local.press(ADA, "Add a partner…")
        assert "4 to 6 for each partner manager. More than 6 is a breach" in shown(await local.view(ADA))
        refused = await local.submit(ADA, {"name": "Acme", "manager": "U0GUEST"})
        assert refused["errors"][fields(refused["view"])["manager"]].startswith(
            "Gus Guest is a guest in this workspace."
        )
        assert (await local.submit(ADA, {"manager": local.id(PAT)}))["result"] == "closed"
        assert "*Acme*\nTier 1 · Pat Manager" in shown(await local.view(ADA)), "the list below shows it at once"
        assert ":white_check_mark: *2. Partners and tiers*\n1 partner; it is Tier 1" in await back(local)

        # People: who cannot be one of us is refused on the field, in words.
        await local.press(ADA, "People…")
        await local.press(ADA, "Add a person…")
        for who, words in (
            ("U0GUEST", "Gus Guest is a guest in this workspace."),
            ("U0ROBOT", "Robo is an app, not a person."),
            ("U0GONE", "Gone Girl is deactivated in Slack."),
            ("U0THEIRS", "Eva Else is not of this Slack workspace."),
        ):
            refused = await local.submit(ADA, {"person": who, "roles": ["ae"]})
            assert refused["errors"][fields(refused["view"])["person"]].startswith(words), refused["errors"]
        refused = await local.submit(ADA, {"person": local.id(ANN), "roles": ["ae"], "holidays": "XX"})
        assert "There is no holiday calendar “XX”" in refused["errors"][fields(refused["view"])["holidays"]]
        assert (await local.submit(ADA, {"holidays": "GB-ENG"}))["result"] == "closed"
        assert "*Ann Seller*\nAE · holidays GB-ENG" in shown(await local.view(ADA))
        assert "1 AE, 1 partner manager, 1 admin. Nobody is head of partnerships yet." in await back(local)

        # Left in the middle; the bot is restarted; what was done is done.
        await close_all(local, ADA)
        await local.stop_bot()
        await local.start_bot()
        await local.to(await local.now())
        assert len(await local.dms(ADA)) == 1, "welcomed once"
        again = await page(local)
        assert "2 of 6 done." in again
        assert ":arrow_right: *1. The CRM's file*" in again
        assert ":white_circle: *4. Channels*\nAcme: no internal channel yet. Leadership: #leadership." in again

        # A channel of its own, created by Cadence.
        await local.press(ADA, "Channels…")
        await row(local, ADA, "Acme", "Choose…")
        await local.choose(ADA, "way", "create")
        form = await local.view(ADA)
        assert (
            next(one for one in form["blocks"] if one["block_id"] == "name")["element"]["initial_value"]
            == "partner-acme"
        )
        refused = await local.submit(ADA, {"name": "Partner Acme"})
        assert "Use small letters" in refused["errors"]["name"]
        refused = await local.submit(ADA, {"name": "beta-team"})
        assert refused["errors"]["name"].startswith("There is a channel #beta-team already.")
        assert (await local.submit(ADA, {"name": "partner-acme"}))["result"] == "closed"
        assert ":white_check_mark: #partner-acme, and Cadence is in it" in shown(await local.view(ADA))
        made = next(one for one in (await local.get("state"))["channels"] if one.get("name") == "partner-acme")
        assert (made["is_private"], made["num_members"]) == (True, 3), "Ada, Pat and Cadence"
        assert "Acme: #partner-acme. Leadership: #leadership." in await back(local)

        # The set-up form that `/cadence setup` has; it comes back to where it was asked for.
        await local.press(ADA, "Set up…")
        assert (await local.view(ADA))["title"]["text"] == "Weekly deal review"
        assert (await local.submit(ADA))["result"] == "closed"
        now = shown(await local.view(ADA))
        assert "*5 of 6 done.*" in now
        assert "Acme: Thursday 10:00, 30 minutes (Europe/London). The next one is Thu 5 Mar, 10:00." in now
        assert "No open deal is under review yet, so nobody will be asked." in now
        await local.press(ADA, "Preview…")
        assert "Nobody would be asked yet." in shown(await local.view(ADA))

        # The CRM's file, and what it leads to.
        await reimport(local, [deal(number, ANN) for number in (1, 2, 3)])
        done = await page(local)
        assert "All six steps are done." in done
        assert "3 open deals of 1 partner, CRM as of Mon 2 Mar, 08:00." in done
        assert "Scheduled: Ann Seller is asked about 3 deals on Wed 4 Mar, 10:00 (Europe/London)." in done
        await local.press(ADA, "Preview…")
        preview = await local.view(ADA)
        assert "Your deals for the next review" in shown(preview)
        assert "*Deal 3*" in shown(preview)
        assert "`[ Review my deals (3) ]`" in shown(preview)
        assert labels(preview) == [], "nothing can be pressed in a picture"
        await close_all(local, ADA)
        assert "Set up Cadence" not in shown(await local.home(ADA))
        await local.command(ADA, "/cadence")
        assert "Set up Cadence" not in shown(await local.view(ADA))
        await close_all(local, ADA)

        await local.to("Wed 10:00")
        assert await kinds(local, ANN) == ["prompt"]
        assert await posted_local(local, ANN, "prompt") == ["Wed 10:00"]
        assert await walk(local, ANN) == 3
        trail = await local.rows(select(Change).where(Change.entity == "partner").order_by(Change.id))
        assert [(one.field, one.source) for one in trail] == [
            ("name", "slack"), ("tier", "slack"), ("pm_id", "slack"), ("internal_channel", "slack"),
        ]  # fmt: skip


EXPORT = (
    "Opportunity ID,Opportunity Name,Account Name,Partner,Opportunity Owner Email,Stage,Amount,Close Date\n"
    "006A1,North pumps,North,Acme,{ann},Prospecting,1000,2026-06-30\n"
    "006A2,South pumps,South,Acme,{ann},Qualification,2000,2026-06-30\n"
    "006A3,East pumps,East,Bolt & Co,{bob},Qualification,3000,2026-06-30\n"
)


async def test_the_first_day_begins_with_the_file_and_ends_in_a_prompt(sqlite_url):
    """Nobody and nothing is known: the file brings the partners and the owners, three forms the rest."""
    export = EXPORT.format(ann=Human(ANN).email, bob=Human(BOB).email)
    async with installed(a_team(), sqlite_url) as local:
        await drop(local, ADA, ("report.csv", export))
        message = await settled(local, ADA, "report.csv", "2 names are no partners here")
        await local.click(ADA, message, "Answer the questions…")
        assert "There are no partners here yet. The file names 2 partners: Acme, Bolt &amp; Co." in shown(
            await local.view(ADA)
        )
        await local.submit(ADA)
        message = await settled(local, ADA, "report.csv", "It would create 3 deals.")
        assert "*2 partners come with it*, Tier 2 until you say otherwise: Acme, Bolt &amp; Co." in message["text"]
        assert "They come in as AEs" in message["text"]
        assert labels(message)[0] == "Import"
        await local.click(ADA, message, "Import")
        message = await settled(local, ADA, "report.csv", "3 deals created")
        assert labels(message) == ["Set up Cadence"], "the next step is one click away"
        await local.click(ADA, message, "Set up Cadence")
        assert "3 open deals of 2 partners, CRM as of Mon 2 Mar, 08:00." in shown(await local.view(ADA))

        await local.press(ADA, "Partners…")
        await row(local, ADA, "Acme", "Change…")
        assert "Also the 1 other partner without a manager" in shown(await local.view(ADA))
        assert (await local.submit(ADA, {"tier": "1", "manager": local.id(PAT)}))["result"] == "closed"
        below = await back(local)
        assert "*3 of 6 done.*" in below
        assert "1 other partner has no partner manager, so nobody is asked about their deals" in below
        await local.press(ADA, "Partners…")
        await row(local, ADA, "Acme", "Change…")
        assert (await local.submit(ADA, {"manager": local.id(PAT), "others": ["yes"]}))["result"] == "closed"
        assert "*Bolt &amp; Co*\nTier 2 · Pat Manager" in shown(await local.view(ADA))
        assert "no partner manager" not in await back(local)
        await local.press(ADA, "Channels…")
        await row(local, ADA, "Acme", "Choose…")
        await local.choose(ADA, "way", "create")
        assert (await local.submit(ADA, {"name": "partner-acme"}))["result"] == "closed"
        await back(local)
        await local.press(ADA, "Set up…")
        assert (await local.submit(ADA))["result"] == "closed"
        assert "Scheduled: Ann Seller is asked about 2 deals on Wed 4 Mar, 10:00" in shown(await local.view(ADA))
        await close_all(local, ADA)
        await local.to("Wed 10:00")
        assert await kinds(local, ANN) == ["prompt"]
        assert await walk(local, ANN) == 2


async def test_a_channel_that_cadence_is_not_in_is_said_and_looked_at_again(sqlite_url):
    async with installed(a_team(), sqlite_url) as local:
        await with_acme(local)
        await page(local)
        await local.press(ADA, "Channels…")
        await row(local, ADA, "Acme", "Choose…")
        element = next(one for one in (await local.view(ADA))["blocks"] if one["block_id"] == "channel")["element"]
        assert element["filter"] == {"include": ["public", "private"], "exclude_external_shared_channels": True}
        refused = await local.submit(ADA, {"channel": "acme-joint"})
        assert refused["errors"]["channel"].startswith("#acme-joint is shared with another company.")
        assert (await local.submit(ADA, {"channel": "beta-team"}))["result"] == "closed"
        assert "Cadence is not in #beta-team yet. Type `/invite @Cadence` there." in shown(await local.view(ADA))
        assert ":arrow_right: *1." in await back(local)
        assert ":white_circle: *4. Channels*\nAcme: #beta-team." in await page(local), "not done until it is in"

        await local.press(ADA, "Channels…")
        await local.press(ADA, "Look again")
        assert "Cadence is not in #beta-team yet." in shown(await local.view(ADA))
        typed = {"user": local.id(ADA), "channel": "beta-team", "command": "/invite"}
        assert (await local.post("command", {**typed, "text": "@Cadence"}))["ok"], "as the sentence says"
        await local.press(ADA, "Look again")
        assert ":white_check_mark: #beta-team, and Cadence is in it" in shown(await local.view(ADA))
        assert ":white_check_mark: *4. Channels*" in await back(local)

        # A private one that it cannot even see.
        await local.press(ADA, "Channels…")
        await row(local, ADA, "Acme", "Change…")
        assert (await local.submit(ADA, {"channel": "beta-secret"}))["result"] == "closed"
        assert "Cadence cannot see the private channel that was chosen. Type `/invite @Cadence` there." in shown(
            await local.view(ADA)
        )
        await local.post("admin/invite", {"channel": "beta-secret", "user": BOT_USER, "by": local.id(ADA)})
        await local.press(ADA, "Look again")
        assert ":white_check_mark: #beta-secret, and Cadence is in it" in shown(await local.view(ADA))
        # What is shared later is shown as such.
        await local.post("admin/share", {"channel": "beta-secret"})
        await local.press(ADA, "Look again")
        assert "#beta-secret is shared with another company" in shown(await local.view(ADA))


async def test_a_partner_manager_chooses_the_channel_of_their_own_partner_and_nothing_else(sqlite_url):
    async with installed(a_team(), sqlite_url) as local:
        await with_acme(local)
        await close_all(local, ADA)
        text = await page(local, PAT)
        assert "You choose the channels of your partners and plan their reviews; Ada Admin does the rest." in text
        assert labels(await local.view(PAT)) == ["Channels…", "Set up…"]
        await local.press(PAT, "Channels…")
        await row(local, PAT, "Acme", "Choose…")
        assert (await local.submit(PAT, {"channel": "leadership"}))["result"] == "closed"
        acme = (await local.rows(select(Partner)))[0]
        assert acme.internal_channel.startswith("C")
        await close_all(local, PAT)
        await local.click(ADA, (await local.dms(ADA))[0], "Set up Cadence")  # a click for `forged` to be made from
        for action, words in (
            (Action.ADD_PARTNER, "You cannot add partners or change their tier."),
            (Action.PEOPLE, "You cannot add people or change their roles."),
            (Action.PREVIEW, "You cannot set up Cadence."),
            (Action.CRM, "You cannot set up Cadence."),
        ):
            assert words in await forged(local, PAT, action, "{}"), action
        assert await forged(local, PAT, Action.CHANNEL, '{"i":77}') == (
            "This partner is not there any more. Open the list of channels again."
        )


async def test_who_may_not_set_up_is_refused_and_told_who_can(sqlite_url):
    async with installed(a_team(), sqlite_url) as local:
        unknown = await local.command(ANN, "/cadence")
        assert "Cadence does not know you yet: Ada Admin is setting it up." in said(unknown)
        await page(local)
        await local.press(ADA, "People…")
        await add_person(local, ANN, "ae")
        await local.command(ANN, "/cadence")
        assert "Ada Admin is setting Cadence up: 0 of 6 done." in shown(await local.view(ANN))
        assert "Set up Cadence" not in labels(await local.view(ANN))
        await close_all(local, ANN)
        refused = await local.command(ANN, "/cadence start")
        assert "You cannot set up Cadence. The head of partnerships and admins can. Here that is Ada Admin." in said(
            refused
        )

        # Ada's own submission, sent under Ann's name.
        entry = next(
            row for row in reversed(await local.get("log", kind="interaction")) if row["method"] == "view_submission"
        )
        payload = entry["request"]
        view = {**payload["view"], "id": "V0FORGED", "hash": "forged"}
        lie = {**payload, "user": {**payload["user"], "id": local.id(ANN)}, "view": view}
        before = len(await local.rows(select(Person)))
        answer = await local.post("deliver", {"kind": "interaction", "payload": lie})
        assert "You cannot add people or change their roles." in str(answer["response"])
        assert len(await local.rows(select(Person))) == before


async def test_a_form_that_arrives_twice_makes_one_partner_and_one_channel(sqlite_url):
    async with installed(a_team(), sqlite_url) as local:
        await with_acme(local)

        async def again():
            sent = [row for row in await local.get("log", kind="interaction") if row["method"] == "view_submission"]
            return await local.post("replay", {"n": sent[-1]["n"]})

        assert (await again())["ok"]
        assert [one.name for one in await local.rows(select(Partner))] == ["Acme"]
        await page(local)
        await local.press(ADA, "Channels…")
        await row(local, ADA, "Acme", "Choose…")
        await local.choose(ADA, "way", "create")
        assert (await local.submit(ADA, {"name": "partner-acme"}))["result"] == "closed"
        assert (await again())["ok"]
        names = [one.get("name") for one in (await local.get("state"))["channels"]]
        assert names.count("partner-acme") == 1
        # An answer that got lost on the way: the channel is there, and the same form finds it.
        await row(local, ADA, "Acme", "Change…")
        await local.choose(ADA, "way", "create")
        await local.post("faults", {"kind": "lose_reply", "method": "conversations.create"})
        lost = await local.submit(ADA, {"name": "partner-acme-2"})
        assert "Slack did not answer in time" in str(lost["errors"])
        assert (await local.submit(ADA))["result"] == "closed"
        assert "#partner-acme-2, and Cadence is in it" in shown(await local.view(ADA))


async def test_a_name_that_is_nearly_another_ones_is_asked_about_and_the_same_name_refused(sqlite_url):
    async with installed(a_team(), sqlite_url) as local:
        await with_acme(local)
        refused = await add_partner(local, "ACME ")
        assert refused["errors"]["name"].startswith("ACME is there already. Press “Change…” beside it")
        like = await local.submit(ADA, {"name": "Acme Corp"})
        assert like["result"] == "updated"
        assert "Acme is there already, and “Acme Corp” looks like it. If it is another company" in shown(like["view"])
        assert (await local.submit(ADA, {"sure": ["yes"]}))["result"] == "closed"
        assert [one.name for one in await local.rows(select(Partner).order_by(Partner.id))] == ["Acme", "Acme Corp"]
        # A seventh Tier 1 partner is taken, and named as a breach.
        for name in ("Birch", "Cobalt", "Dune", "Ember", "Fjord"):
            assert (await add_partner(local, name, tier="1"))["result"] == "closed"
        assert "Pat Manager: 7 Tier 1 partners" not in shown(await local.view(ADA)), "Acme Corp is Tier 2"
        assert (await add_partner(local, "Granite", tier="1"))["result"] == "closed"
        assert "Pat Manager: 7 Tier 1 partners for one partner manager; the ceiling is 6." in shown(
            await local.view(ADA)
        )


async def test_tier_manager_and_roles_are_changed_and_what_must_stay_stays(sqlite_url):
    async with installed(a_team(), sqlite_url) as local:
        await page(local)
        await local.press(ADA, "Partners…")
        assert (await add_partner(local, "Acme", tier="2"))["result"] == "closed"
        await local.to("Tue 09:00")  # the planner has looked meanwhile
        await row(local, ADA, "Acme", "Change…")
        assert (await local.submit(ADA, {"tier": "1", "archetype": "MSP"}))["result"] == "closed"
        assert "*Acme*\nTier 1 · Pat Manager · MSP" in shown(await local.view(ADA)), "new this week: at once"
        await row(local, ADA, "Acme", "Change…")
        assert (await local.submit(ADA, {"manager": local.id(BOB)}))["result"] == "closed"
        assert "*Acme*\nTier 1 · Bob Seller · MSP" in shown(await local.view(ADA))
        await back(local)
        await local.press(ADA, "People…")
        await row(local, ADA, "Bob Seller", "Change…")
        refused = await local.submit(ADA, {"roles": ["ae"]})
        assert "Bob Seller manages Acme. Name another partner manager there first." in refused["errors"]["roles"]
        assert (await local.submit(ADA, {"roles": ["ae", "pm"]}))["result"] == "closed"
        await row(local, ADA, ADA, "Change…")
        refused = await local.submit(ADA, {"roles": ["head"]})
        assert "Ada Admin is the only admin. Make somebody else one first." in refused["errors"]["roles"]
        assert (await local.submit(ADA, {"roles": ["admin", "head"]}))["result"] == "closed"
        assert sorted(one.role for one in (await person(local, BOB)).roles) == ["ae", "pm"]
        # A week later a change of tier waits for Monday.
        await close_all(local, ADA)
        await local.to(await local.now() + (await local.moment("Mon 09:00") - await local.now()))
        await page(local)
        await local.press(ADA, "Partners…")
        await row(local, ADA, "Acme", "Change…")
        assert (await local.submit(ADA, {"tier": "3"}))["result"] == "closed"
        assert "*Acme*\nTier 3 from Mon 16 Mar on" in shown(await local.view(ADA))


async def test_a_company_without_a_crm_says_so_and_may_change_its_mind(sqlite_url):
    async with installed(a_team(), sqlite_url) as local:
        await page(local)
        await local.press(ADA, "We have no CRM")
        view = await local.view(ADA)
        assert "*1 of 6 done.*" in shown(view)
        assert "You work without a CRM: deals are added here in Slack." in shown(view)
        await local.press(ADA, "We have a CRM")
        assert ":arrow_right: *1. The CRM's file*" in shown(await local.view(ADA))


async def test_who_comes_to_a_running_company_is_not_welcomed(sqlite_url):
    from tests.world import partner, playing, small_team

    team = small_team(partners=[partner()])
    team.people.append(Human(ADA, "admin", slack={"is_primary_owner": True}))
    async with playing(team, sqlite_url) as local:
        await local.to("Tue 12:00")
        assert await local.dms(ADA) == []
        assert await local.rows(select(Outbox).where(Outbox.template == "welcome")) == []
        await local.command("Hedda Lead", "/cadence")
        assert "Set up Cadence" not in shown(await local.view("Hedda Lead"))
        assert "Set up Cadence" not in shown(await local.home("Hedda Lead"))


@pytest.mark.parametrize("fault", [{"kind": "error", "error": "internal_error"}, {"kind": "drop", "count": 5}])
async def test_when_slack_does_not_say_who_somebody_is_nothing_is_saved(sqlite_url, fault):
    async with installed(a_team(), sqlite_url) as local:
        await page(local)
        await local.press(ADA, "People…")
        await local.press(ADA, "Add a person…")
        await local.post("faults", {"method": "users.info", **fault})
        failed = await local.submit(ADA, {"person": local.id(ANN), "roles": ["ae"]})
        assert failed["result"] == "errors", failed
        assert "Nothing was saved" in str(failed["errors"])
        await local.http.delete(f"{local.url}/_local/faults")
        assert (await local.submit(ADA))["result"] == "closed"
