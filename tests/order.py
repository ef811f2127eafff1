"""The order of a run: what takes longest begins first, so that no worker is idle at its end.

`--dist worksteal` gives each worker one part of the list, in order, and takes from the end of a part what another can do
sooner. So what is long stands at the beginning of each part, dealt out in turn. A stale list costs seconds and no more.
"""

from collections.abc import Sequence

import pytest

LONG = (
    "test_the_tree_is_clean_by[types]",
    "test_no_kill_at_any_point_loses_or_doubles_anything_on_sqlite",
    "tests/journeys/test_whole_quarter.py",
    "tests/browser/test_week.py",
    "tests/browser/test_accessibility.py",
    "test_no_kill_loses_or_doubles_anything_on_postgresql",
    "tests/journeys/test_quarter_slice.py",
    "tests/browser/test_local_slack.py",
    "tests/browser/test_quarter.py",
    "tests/processes/",
    "tests/test_project.py",
    "tests/bot/test_cli.py",
    "tests/sandbox/test_sdk.py",
    "tests/journeys/",
    "tests/sandbox/test_page.py",
)
"""Parts of tests' names, the longest first."""


def longest_first(items: list[pytest.Item], workers: int) -> None:
    long = sorted((item for item in items if _place(item) < len(LONG)), key=_place)
    short = [item for item in items if _place(item) == len(LONG)]
    items[:] = dealt(long, short, workers)


def dealt(long: Sequence[pytest.Item], short: Sequence[pytest.Item], parts: int) -> list[pytest.Item]:
    """The long ones in turn at the beginning of each part; the parts are of one size."""
    size = (len(long) + len(short)) // parts
    found: list[pytest.Item] = []
    rest = iter(short)
    for part in range(parts):
        mine = long[part::parts]
        found += mine
        found += [item for _, item in zip(range(size - len(mine)), rest, strict=False)]
    return [*found, *rest]


def _place(item: pytest.Item) -> int:
    return next((place for place, words in enumerate(LONG) if words in item.nodeid), len(LONG))
