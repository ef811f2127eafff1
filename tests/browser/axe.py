"""axe-core on a page of ours: what keeps people out who do not see, or do not use a mouse."""

from functools import cache
from typing import Any

from playwright.async_api import Page

from tests.node import there

GRAVE = ("serious", "critical")
RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


@cache
def source() -> str:
    """A visible skip without axe-core, a failure where all is required."""
    return there.module("axe-core/axe.min.js").read_text(encoding="utf-8")


async def violations(page: Page) -> list[str]:
    """The serious and the critical, a line each: the rule, where, and what is wrong there."""
    if not await page.evaluate("typeof axe === 'object'"):
        # The page forbids inline scripts; what the browser's driver evaluates is none.
        await page.evaluate(source())
    found = [rule for rule in await page.evaluate(RUN) if rule["impact"] in GRAVE]
    return [_line(rule, node) for rule in found for node in rule["nodes"]]


def _line(rule: dict[str, Any], node: dict[str, Any]) -> str:
    where = " ".join(part if isinstance(part, str) else " ".join(part) for part in node["target"])
    return f"{rule['id']} ({rule['impact']}) at {where}: {' '.join(node['failureSummary'].split())}"
