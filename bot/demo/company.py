"""The demo company: Halyard Systems of London, made for a day, the same for the same seed."""

from datetime import date
from random import Random

from bot.demo import cast
from bot.demo.build import Company, build, first_file
from bot.demo.deals import Story, tell

__all__ = ["Company", "make_company"]


def make_company(today: date, seed: int = 1) -> Company:
    """23 partners, two partner managers, six AEs in three time zones, and sixty deals with three weeks of history."""
    rng = Random(seed)
    accounts = list(cast.ACCOUNTS)
    rng.shuffle(accounts)
    stories: list[Story] = []
    for place, (partners, plots) in enumerate(cast.PLOTS):
        owners = cast.DESKS[place % len(cast.DESKS)]
        for step, plot in enumerate(plots):
            owner = owners[step % len(owners)]
            other = owners[(step + 1) % len(owners)]
            stories.append(Story(plot, accounts.pop(), partners, owner, other))
    deals = tell(stories, today=today, rng=rng, installed=first_file(cast.COMPANY, today))
    return build(cast.COMPANY, today=today, deals=deals)
