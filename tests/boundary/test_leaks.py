"""Nothing leaks: random companies, every internal field a marked secret, random weeks; no secret in anything a partner sees.

A long run: CADENCE_LEAKS=400 pytest tests/boundary/test_leaks.py
"""

import ast
import inspect
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select, true

from models.domain import shared
from models.domain.shared import SharedDeal, SharedNote, SharedPbr, SharedReadout
from models.joint import views
from models.shared import gather, pages
from models.tables import Deal, DealVersion, JointDeal, NextAction
from tests.boundary.secret_company import EVENTS, Company, DealPlan, Plan, first_plan
from tests.boundary.secrets import as_text

EXAMPLES = int(os.environ.get("CADENCE_LEAKS", "15"))
FLAGS = st.booleans()
DEALS = st.builds(
    DealPlan, joint=st.sampled_from((True, True, False)), amount=FLAGS, worded=FLAGS, named=FLAGS, said=FLAGS, reason=FLAGS,
    category=st.sampled_from(("pipeline", "best_case", "commit", "won", "lost")), second=FLAGS, second_joint=FLAGS,
)  # fmt: skip
PLANS = st.builds(
    Plan,
    st.lists(st.lists(DEALS, max_size=4).map(tuple), min_size=2, max_size=3).map(tuple),
    st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 2), st.integers(0, 3)), min_size=3, max_size=10).map(
        tuple
    ),
    st.integers(0, 10_000),
)


async def leaks(sqlite, plan, *, first=False):
    """What of a company's secrets reached a partner while the plan was lived; all that reached them; the secrets.

    `first`: whoever looks whether there is any leak at all need not live to the end.
    """
    found, seen = [], []
    async with sqlite.write() as session:
        transaction = await session.begin_nested()
        company = await Company(session, plan).build()
        async for sight in company.live():
            if first and found:
                break
            seen.append(sight)
            found += [
                f"{sight.what} to {sight.partner_id} shows {leak}"
                for leak in company.vault.leaks(sight.partner_id, sight.text)
            ]
        await transaction.rollback()  # the next example begins with an empty database
    return found, seen, company.vault


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # made smaller by hand: each company takes a third of a second
)
@given(plan=PLANS)
async def test_no_secret_of_a_random_company_reaches_a_partner_in_a_random_week(sqlite, plan):
    found, _, _ = await leaks(sqlite, plan)
    assert found == []


async def test_a_company_in_which_everything_happens_leaks_nothing_and_what_is_shared_is_seen(sqlite):
    found, seen, vault = await leaks(sqlite, first_plan())
    assert found == []
    assert {sight.what for sight in seen} >= {
        "the card checkin", "the message shared_note", "the message shared_pbr", "the message shared_readout",
        "the message shared_file", "the check-in to copy", "the counterpart's form",
    }  # fmt: skip
    everything = "\n".join(sight.text for sight in seen)
    reached = {one.what for one in vault.secrets if any(needle in everything for needle in one.needles)}
    assert reached == {
        "an account", "an amount", "a shared wording", "a stage's agreed words", "who said so", "their stage", "their action",
        "their owner", "their ask", "a worded commitment", "a ticked reason", "an account for them", "a change for them",
        "their sponsor", "our ask for them", "their ask, worded", "the joint forecast",
    }, "what is shared, and only that"  # fmt: skip


# The search has teeth: with any one check removed, or one more field in a builder, it finds a secret.

NUMBERED, BY_ITSELF = "called[mark.id]", "version.account"
"""Only accounts of deals that cross have a number: a second check, which has to go too before the first is missed."""
CHECKS = [
    (views, "_ROWS _ACCOUNTS", "marks.STANDS", "true()", "deals whose mark or link is gone"),
    (views, "_ROWS _ACCOUNTS", 'JointDeal.partner_id == bindparam("partner")', "true()", "other partners' joint deals"),
    (views, "_ROWS", "NextAction.shared_text,", "NextAction.text,", "our own words of an action"),
    (views, "shared_deals", "amount if mark.amount_shared else None", "amount", "amounts that are not shared"),
    (views, "shared_deals", "stage=stages.said_as(stage, words)", "stage=stage", "our own stage"),
    (gather, "_closed", ("            marks.STANDS,\n", NUMBERED), ("", BY_ITSELF), "closed deals whose mark was taken back"),
    (gather, "_closed", ("JointDeal.partner_id == partner_id,", NUMBERED), ("", BY_ITSELF), "others' closed deals"),
    (gather, "_closed", "version.amount if shared else None", "version.amount", "amounts of closed deals"),
    (gather, "_closed", "stages.said_as(version.stage, words)", "version.next_step", "another field of a closed deal"),
    (gather, "_worded", "worded[item.commitment_id]", "item.text", "our own words of a commitment"),
    (gather, "pbr", "pursuit=facts.shared_pursuit", "pursuit=tuple(x.account for x in facts.pursuit)", "our pursuit list"),
    (gather, "pbr", "changes=facts.shared_changes", "changes=facts.changes", "our own changes to the motion"),
    (gather, "readout", "typed.get(OUR_ASKS", 'typed.get("our_asks"', "our own words of an ask"),
    (pages, "shared_reasons", "if row.shared and row.reason", "if row.reason", "a reason that was not ticked"),
    (pages, "shared_reasons", ", DealVersion.partner_id == partner_id", "", "a reason that was ticked for another partner"),
    (pages, "load", "narrowed(read(artifact), await present(session, artifact.partner_id))", "read(artifact)",
     "what was taken back meanwhile"),
    (shared, "_deal", "if not present.marks[deal.ref]:", "if False:", "an amount that was kept back meanwhile"),
    (shared, "_deal", "(deal.ref, deal.ours.text) not in present.wordings", "False", "a wording that was taken back"),
    (shared, "_closed", "if not present.marks[deal.ref]:", "if False:", "the amount of a closed deal"),
    (shared, "_closed", "if deal.ref not in present.reasons:", "if False:", "a reason that was unticked meanwhile"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "check", "instead", "what"), CHECKS, ids=[row[4] for row in CHECKS])
async def test_a_check_that_is_removed_is_found(sqlite, monkeypatch, module, name, check, instead, what):
    monkeypatch.setattr(module, "true", true, raising=False)
    for one in name.split():
        mutate(monkeypatch, module, one, check, instead)
    found, _, _ = await leaks(sqlite, first_plan(), first=True)
    assert found, f"{what} would have crossed, and nobody had found it"


FIELDS = [(DealVersion, name) for name in (
    "name", "stage", "category", "amount", "close_date", "created_date", "next_step", "attribution", "lost_reason", "said",
)] + [(Deal, name) for name in ("crm_id", "help_needed", "partner_owner")] + [(NextAction, name) for name in (
    "text", "close_note")]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "column"), FIELDS, ids=[f"{table.__tablename__}.{column}" for table, column in FIELDS]
)
async def test_one_more_field_in_a_builder_is_found(sqlite, monkeypatch, table, column):
    whole = views.shared_deals

    async def with_one_more(session, partner_id, **more):
        deals = await whole(session, partner_id, **more)
        rows = await session.execute(
            select(JointDeal.id, getattr(table, column))
            .select_from(JointDeal)
            .join(Deal, Deal.id == JointDeal.deal_id)
            .join(DealVersion, DealVersion.id == Deal.version_id)
            .outerjoin(NextAction, NextAction.deal_id == Deal.id)
        )
        extra = {mark_id: value for mark_id, value in rows}  # noqa: C416 - a Row is a tuple
        return tuple(deal.model_copy(update={"ask": as_text(extra[deal.ref])}) for deal in deals)

    monkeypatch.setattr(views, "shared_deals", with_one_more)
    found, _, _ = await leaks(sqlite, first_plan(), first=True)
    assert found


def test_the_boundary_takes_no_field_that_nobody_decided_about():
    for page in (SharedDeal, SharedNote, SharedPbr, SharedReadout):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            page.model_validate({"internal": "x"})


def mutate(monkeypatch, module, name, check, instead):
    """The module's own `name`, with one check of it taken out of its source; put back when the test is over."""
    source = inspect.getsource(module)
    node = next(one for one in ast.parse(source).body if name in _names(one))
    segment = ast.get_source_segment(source, node)
    pairs = [(check, instead)] if isinstance(check, str) else zip(check, instead, strict=True)
    for old, new in pairs:
        assert old in segment, f"{module.__name__}.{name} does not check this way any more: follow it here"
        segment = segment.replace(old, new)
    before = getattr(module, name)
    exec(compile("from __future__ import annotations\n" + segment, module.__file__, "exec"), vars(module))
    after = getattr(module, name)
    setattr(module, name, before)
    monkeypatch.setattr(module, name, after)


def _names(node):
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [getattr(node, "name", "")]
