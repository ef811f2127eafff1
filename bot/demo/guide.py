"""What a newcomer is led through: one week of the demo company, from the prompt to the Friday note."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.demo import cast
from bot.demo.build import LEADERSHIP, Company, Human

Json = dict[str, Any]
WEDNESDAY, THURSDAY, FRIDAY = 2, 3, 4


def guide(company: Company) -> list[Json]:
    """The steps, in the form a local Slack's seed takes them. `company.today` is a Monday."""
    people = {user["email"]: user["id"] for user in company.workspace["users"]}
    places = {channel["name"]: channel["id"] for channel in company.workspace["channels"]}
    hers = [one for one in cast.COMPANY.firms if one.tier == 1 and one.pm == cast.AMARA.email and one.internal]
    firm = min(hers, key=lambda one: one.name)  # reviews are set up in this order: hers begin at ten
    cora = firm.counterparts[0]

    def at(days: int, hour: time) -> str:
        return _instant(company.today, days, hour, company.settings["zone"])

    def who(human: Human) -> str:
        return str(people[human.email])

    return [
        {
            "say": "On Wednesday at 10:00 every account executive gets one card with all their deals. Go there as Siobhán, "
            "press “Review my deals” and answer one or two. Stop whenever you like: what you sent is kept.",
            "at": at(WEDNESDAY, time(10)),
            "person": who(cast.SIOBHAN),
            "place": "bot",
        },
        {
            "say": "Acme is a partner with a channel of its own, shared between two companies. Before anything is posted there "
            "Amara, its partner manager, looks at it and at who reads it: press “Look at it…”, then “Post it here”.",
            "person": who(cast.AMARA),
            "place": "bot",
        },
        {
            "say": "Now you are Cora, who works at Acme. She sees three joint deals, one of them with its amount, and nothing "
            "else. Press “Update”: what she says changes none of your fields, and stands on Amara's agenda.",
            "at": at(WEDNESDAY, time(10, 5)),
            "person": people[cora.email],
            "place": places[firm.joint_channel],
        },
        {
            "say": "Ten minutes before a review its agenda stands in the partner's channel: stalled deals first, then what "
            "nobody has answered, and by whom.",
            "at": at(THURSDAY, time(9, 51)),
            "person": who(cast.AMARA),
            "place": places[firm.internal_channel],
        },
        {
            "say": "After her last review Amara, the partner manager, is asked to close them. Press “Close all 5”: was it held, "
            "and what are the two or three commitments? The partner's note is out at once.",
            "at": at(THURSDAY, time(12, 40)),
            "person": who(cast.AMARA),
            "place": "bot",
        },
        {
            "say": "Friday at 15:00 leadership gets one page. Each partner's note stands in its thread, and what nobody "
            "closed is named.",
            "at": at(FRIDAY, time(15, 1)),
            "person": who(cast.INGRID),
            "place": places[LEADERSHIP],
        },
        {
            "say": "That was the week. Everybody has a Home; “/cadence” shows what is next and what is wrong, “/deals” works "
            "on any day. Play the next week: where nothing changed, one click is an answer.",
            "person": who(cast.INGRID),
            "place": "home",
        },
    ]


def first_day(company: Company, export: str) -> list[Json]:
    """The steps from an empty workspace to the first prompt; `export` is the name of the CRM's file."""
    people = {user["email"]: user["id"] for user in company.workspace["users"]}
    admin, seller = str(people[cast.KOFI.email]), str(people[cast.SIOBHAN.email])
    wednesday = _instant(company.today, WEDNESDAY, time(10), company.settings["zone"])
    return [
        {
            "say": f"Cadence was installed this minute. It has written to Kofi, its first admin. Drop the CRM's export, {export}, "
            "into this conversation with the paper clip: it is looked over, and nothing is imported before you say so.",
            "person": admin,
            "place": "bot",
        },
        {
            "say": "Answer what the file leaves open: its partners are new, and so are its owners, who are in Slack. Then import it.",
            "person": admin,
            "place": "bot",
        },
        {
            "say": "“Set up Cadence” leads on: tiers and partner managers, people and roles, a channel for the Tier 1 partner, "
            "and the day and hour of one weekly review. Name Amara Okafor as partner manager, and start with one partner.",
            "person": admin,
            "place": "bot",
        },
        {
            "say": "Wednesday at 10:00 the first prompt is out. Siobhán has one if she owns a deal of that partner; the last step "
            "of “Set up Cadence” says who is asked.",
            "at": wednesday,
            "person": seller,
            "place": "bot",
        },
    ]


def _instant(monday: date, days: int, hour: time, zone: str) -> str:
    return datetime.combine(monday + timedelta(days=days), hour, tzinfo=ZoneInfo(zone)).isoformat()
