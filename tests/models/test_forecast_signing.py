"""Numbers with names below them: who may sign, what is refused, what stays."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from models.domain.errors import FieldErrors, NotAllowed, Stale, UserError
from models.domain.forecast.rates import MissingRate
from models.forecast import adjusting, closing, finding, numbers, publishing, quotas, rates, reading, signing, terms
from models.forecast.signing import Number
from models.people import record_absence
from models.tables import Adjustment, Quota, SignedCommit
from tests.models import forecast_team as t

NOW = t.later(24 * 40)


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def rows(session, table=SignedCommit):
    return await session.scalar(select(func.count()).select_from(table))


async def sign(session, actor, *given, period="2026Q2", shown=None, now=NOW):
    wanted = [Number(partner.id, commit, best) for partner, commit, best in given]
    return await signing.sign(session, actor, period, wanted, shown or {}, now=now, policy=t.POLICY)


async def test_a_number_stands_with_its_name_and_beside_what_the_deals_add_up_to(session):
    made = await t.team(session)
    a = made.partners["A"]
    await t.add(session, "won", a, category="won", amount=300)
    await t.add(session, "commit", a, category="commit", amount=50)
    await t.add(session, "best", a, category="best_case", amount=7)
    (row,) = await sign(session, made.pat, (a, 400, 500))
    assert (row.commit, row.best_case, row.deals_commit, row.deals_best_case) == (400, 500, 350, 357)
    assert (row.by_id, row.for_id, row.pm_id, row.at) == (made.pat.id, None, made.pat.id, NOW)
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    (part,) = facts.partners
    assert (part.commit, facts.signed_commit, facts.missing) == (400, 400, ())
    assert facts.not_expected == ("Partner B", "Partner C", "Partner D")


async def test_not_submitted_is_not_zero_and_a_partner_without_deals_is_not_expected(session):
    made = await t.team(session)
    await t.add(session, "open", made.partners["A"])
    await t.add(session, "won", made.partners["C"], category="won")
    await t.add(session, "lost", made.partners["B"], category="lost")
    await sign(session, made.quinn, (made.partners["C"], 0, 0))
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    assert facts.missing == ("Partner A",)
    assert facts.not_expected == ("Partner B", "Partner D")
    assert {part.name: part.commit for part in facts.partners} == {"Partner A": None, "Partner C": 0}


async def test_nobody_signs_for_anothers_partner_and_nothing_of_the_form_is_stored(session):
    made = await t.team(session)
    with pytest.raises(FieldErrors) as refused:
        await sign(session, made.pat, (made.partners["A"], 1, 1), (made.partners["C"], 1, 1))
    assert list(refused.value.errors) == [f"commit_{made.partners['C'].id}"], "on the field it is about"
    assert "Partner C: You cannot sign this partner's commit. Quinn Manager (partner manager) signs it" in str(
        refused.value
    )
    with pytest.raises(
        NotAllowed, match=r"Quinn Manager .partner manager. signs it, the head of partnerships as cover"
    ):
        await sign(session, made.pat, (made.partners["C"], 1, 1))
    assert await rows(session) == 0
    for somebody in (made.ann, made.carl, made.fay, made.root):
        with pytest.raises(NotAllowed):
            await sign(session, somebody, (made.partners["A"], 1, 1))
    with pytest.raises(NotAllowed):
        await signing.mine(session, made.ann, t.Q2, now=NOW, policy=t.POLICY)


async def test_the_head_who_signs_one_partner_as_cover_signs_no_other_by_it(session):
    """The form shows what the managers signed; on another day the same number is not the head's."""
    made = await t.team(session)
    a, b = made.partners["A"], made.partners["B"]
    await sign(session, made.pat, (a, 100, 200), (b, 1, 2))
    later = NOW + timedelta(days=2)
    (mine,) = [
        one
        for one in await signing.mine(session, made.hedda, t.Q2, now=later, policy=t.POLICY)
        if one.partner.id == a.id
    ]
    shown = {a.id: mine.signature_id}
    assert (
        await signing.sign(
            session, made.pat, t.Q2.label, [signing.Number(a.id, 100, 200)], shown, now=NOW, policy=t.POLICY
        )
        == []
    )
    (row,) = await signing.sign(
        session, made.hedda, t.Q2.label, [signing.Number(a.id, 100, 200)], shown, now=later, policy=t.POLICY
    )
    assert (row.by_id, row.for_id) == (made.hedda.id, made.pat.id), "typed by the head into an empty field"
    again = await signing.sign(session, made.hedda, t.Q2.label, [signing.Number(a.id, 100, 200)], {a.id: row.id},
                               now=later + timedelta(days=3), policy=t.POLICY)  # fmt: skip
    assert again == [], "no day makes a cover sign anew"


async def test_a_cover_and_the_head_sign_in_their_own_name_for_the_manager(session):
    made = await t.team(session)
    a = made.partners["A"]
    today = NOW.date()
    await record_absence(
        session, made.pat, first=today, last=today, cover=made.quinn, by=made.pat, now=NOW, policy=t.POLICY
    )
    (row,) = await sign(session, made.quinn, (a, 5, 6))
    assert (row.by_id, row.for_id, row.pm_id) == (made.quinn.id, made.pat.id, made.pat.id)
    with pytest.raises(NotAllowed):
        await sign(session, made.quinn, (a, 7, 7), shown={a.id: row.id}, now=NOW + timedelta(days=3))
    (later,) = await sign(session, made.hedda, (a, 8, 8), shown={a.id: row.id})
    assert (later.by_id, later.for_id) == (made.hedda.id, made.pat.id)
    (own,) = await sign(session, made.hedda, (made.partners["D"], 1, 1))
    assert (own.for_id, own.pm_id) == (None, None)
    mine = await signing.mine(session, made.quinn, t.Q2, now=NOW, policy=t.POLICY)
    assert [(one.partner.name, one.for_id) for one in mine] == [
        ("Partner A", made.pat.id), ("Partner B", made.pat.id), ("Partner C", None),
    ]  # fmt: skip


async def test_only_what_differs_is_stored_and_a_new_manager_takes_a_number_on(session):
    made = await t.team(session)
    a = made.partners["A"]
    (row,) = await sign(session, made.pat, (a, 5, 6))
    assert await sign(session, made.pat, (a, 5, 6), shown={a.id: row.id}) == []
    a.pm_id = made.quinn.id
    await session.flush()
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    assert facts.partners[0].signed.former
    (again,) = await sign(session, made.quinn, (a, 5, 6), shown={a.id: row.id})
    assert (again.by_id, again.pm_id) == (made.quinn.id, made.quinn.id)
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    assert not facts.partners[0].signed.former
    assert await rows(session) == 2


async def test_two_who_sign_at_once_both_see_both_numbers(session):
    made = await t.team(session)
    a = made.partners["A"]
    (first,) = await sign(session, made.pat, (a, 500, 600))
    (second,) = await sign(session, made.hedda, (a, 700, 600 + 100), shown={a.id: first.id})
    with pytest.raises(Stale) as stale:
        await sign(session, made.pat, (a, 550, 600), shown={a.id: first.id})
    assert [(one.field, one.shown, one.present, one.typed, one.by) for one in stale.value.conflicts] == [
        (f"commit_{a.id}", "USD 5", "USD 7", "USD 5.50", "Hedda Lead"),
        (f"best_case_{a.id}", "USD 6", "USD 7", "USD 6", "Hedda Lead"),
    ]
    with pytest.raises(Stale, match="Somebody else"):
        await sign(session, made.pat, (a, 1, 1))
    assert (await numbers.signed(session, "2026Q2"))[a.id].id == second.id


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        (("1.2M", "5"), "commit", "Write the whole number"),
        (("abc", "5"), "commit", "is not an amount"),
        (("5", "4"), "best_case", "includes the commit: it is at least USD 5"),
        (("-5", "4"), "commit", "not below zero"),
        (("5", ""), "best_case", "both numbers are signed together"),
        (("", "5"), "commit", "both numbers are signed together"),
        (("EUR 5", "5"), "commit", "is not in USD"),
    ],
)
def test_a_number_that_is_none_is_said_on_its_field(typed, field, sentence):
    with pytest.raises(FieldErrors) as refused:
        signing.numbers_of({7: typed, 8: ("", "")}, t.POLICY)
    assert list(refused.value.errors) == [f"{field}_7"]
    assert sentence in refused.value.errors[f"{field}_7"]


async def test_numbers_as_people_type_them(session):
    assert signing.numbers_of({7: ("$ 1,250.50", "2000"), 8: ("", "")}, t.POLICY) == [Number(7, 125_050, 200_000)]
    made = await t.team(session)
    with pytest.raises(FieldErrors) as refused:
        await sign(session, made.pat, (made.partners["A"], -1, -2))
    assert set(refused.value.errors) == {f"commit_{made.partners['A'].id}", f"best_case_{made.partners['A'].id}"}


async def test_a_quarter_that_is_closed_unknown_or_far_away_takes_no_number(session):
    made = await t.team(session)
    a = made.partners["A"]
    await closing.close(session, made.fay, t.Q1, now=NOW, policy=t.POLICY)
    with pytest.raises(UserError, match=r"2026Q1 was closed by Fay Finance on 11 May 2026.*restatement"):
        await sign(session, made.pat, (a, 1, 1), period="2026Q1")
    with pytest.raises(UserError, match="closed by Fay Finance"):
        await adjusting.adjust(session, made.hedda, "2026Q1", a.id, 5, "why not", now=NOW, policy=t.POLICY)
    with pytest.raises(UserError, match="closed by Fay Finance"):
        await publishing.publish(session, made.hedda, t.Q1, now=NOW, policy=t.POLICY)
    with pytest.raises(UserError, match=r"“2026Q9” is no quarter. Numbers are signed for 2026Q2 and 2026Q3"):
        await sign(session, made.pat, (a, 1, 1), period="2026Q9")
    with pytest.raises(UserError, match="too far ahead"):
        await sign(session, made.pat, (a, 1, 1), period="2026Q4")
    assert len(await sign(session, made.pat, (a, 1, 1), period="2026Q3")) == 1
    assert len(await sign(session, made.pat, (a, 1, 1), period="2025Q4")) == 1
    with pytest.raises(UserError, match="does not exist any more"):
        await signing.sign(session, made.pat, "2026Q2", [Number(999, 1, 1)], {}, now=NOW, policy=t.POLICY)


async def test_an_adjustment_stands_beside_the_number_with_its_reason_until_it_is_taken_back(session):
    made = await t.team(session)
    a = made.partners["A"]
    await sign(session, made.pat, (a, 500, 600))

    async def adjust(commit, reason, actor=made.hedda):
        return await adjusting.adjust(session, actor, "2026Q2", a.id, commit, reason, now=NOW, policy=t.POLICY)

    with pytest.raises(NotAllowed, match="The head of partnerships can"):
        await adjust(400, "sandbagged", made.pat)
    with pytest.raises(FieldErrors) as refused:
        await adjust(-4, "  ")
    assert set(refused.value.errors) == {"commit", "reason"}
    with pytest.raises(FieldErrors, match="no adjustment to take back"):
        await adjust(None, "never mind")
    row = await adjust(400, "one deal is  shaky")
    assert (row.commit, row.reason, row.by_id) == (400, "one deal is shaky", made.hedda.id)
    assert await adjust(400, "one deal is shaky") is None
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    assert (facts.signed_commit, facts.adjusted_commit, facts.partners[0].adjusted.reason) == (500, 400, row.reason)
    await adjust(None, "it is signed after all")
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    assert (facts.adjusted_commit, facts.partners[0].adjusted) == (500, None)
    assert await rows(session, Adjustment) == 2
    with pytest.raises(FieldErrors, match="does not exist"):
        await adjusting.adjust(session, made.hedda, "2026Q2", 999, 1, "why", now=NOW, policy=t.POLICY)


async def test_a_missing_rate_names_the_deal_the_currency_and_the_day_and_shows_no_part_as_the_whole(session):
    made = await t.team(session)
    await t.add(session, "Öl", made.partners["A"], currency="EUR", category="won", close_date=date(2026, 4, 9))
    await t.add(session, "Tanks", made.partners["A"], amount=None, currency="NOK")
    await t.add(session, "Pumps", made.partners["C"])
    sentence = "There is no exchange rate from EUR into USD for 9 Apr 2026, which the deal “Öl” needs"
    with pytest.raises(MissingRate, match=sentence):
        await publishing.publish(session, made.hedda, t.Q2, now=NOW, policy=t.POLICY)
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    assert facts.blocked.startswith(sentence)
    assert facts.program.total == 0
    assert {part.name: (part.expected, part.bands.total) for part in facts.partners} == {
        "Partner A": (True, 0), "Partner C": (True, 0),
    }  # fmt: skip
    assert (facts.changes, facts.by_kind, facts.weeks, facts.credit) == (None, (), (), ())
    assert facts.missing == ("Partner A", "Partner C")
    with pytest.raises(MissingRate):
        await sign(session, made.pat, (made.partners["A"], 1, 1))
    assert len(await sign(session, made.quinn, (made.partners["C"], 1, 1))) == 1
    (held, *_) = await signing.mine(session, made.pat, t.Q2, now=NOW, policy=t.POLICY)
    assert (held.deals_commit, held.blocked.startswith(sentence)) == (None, True)
    await rates.set_rate(session, made.fay, "eur", date(2026, 4, 10), "1.1", now=NOW, policy=t.POLICY)
    assert (await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)).blocked
    await rates.set_rate(session, made.fay, "eur", date(2026, 4, 9), "1.25", now=NOW, policy=t.POLICY)
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    assert (facts.program.won, facts.program.commit, facts.program.unknown) == (
        125_00,
        100_00,
        1,
    ) or facts.blocked == ""
    assert facts.rates[0].from_day == date(2026, 4, 9)


async def test_targets_and_rates_are_rows_with_a_name_and_of_one_day_the_last_counts(session):
    made = await t.team(session)
    a = made.partners["A"]

    async def quota(partner_id, text, actor=made.carl, period="2026Q2"):
        return await quotas.set_quota(session, actor, period, partner_id, text, now=NOW, policy=t.POLICY)

    for somebody in (made.pat, made.ann, made.root):
        with pytest.raises(NotAllowed, match="The head of partnerships, the CRO and the CFO can"):
            await quota(None, "5", somebody)
        with pytest.raises(NotAllowed):
            await rates.set_rate(session, somebody, "EUR", t.IN, "1.1", now=NOW, policy=t.POLICY)
    with pytest.raises(FieldErrors) as refused:
        await quota(999, "much", period="next")
    assert set(refused.value.errors) == {"period", "partner", "amount"}
    with pytest.raises(FieldErrors, match="above zero"):
        await quota(None, "0")
    assert await quota(None, "") is None
    await quota(None, "10,000")
    with pytest.raises(FieldErrors, match="no exchange rate from EUR for 1 Apr 2026, the quarter's first day"):
        await quota(a.id, "EUR 4,000")
    session.add(Quota(period="2026Q2", partner_id=a.id, currency="EUR", amount=4_000_00, at=NOW, by_id=made.carl.id))
    await session.flush()
    with pytest.raises(MissingRate, match="from EUR into USD for 1 Apr 2026, which the target of Partner A needs"):
        await quotas.quotas(session, t.Q2, policy=t.POLICY)
    assert (await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)).blocked
    with pytest.raises(FieldErrors) as refused:
        await rates.set_rate(session, made.carl, "euros", None, "one", now=NOW, policy=t.POLICY)
    assert set(refused.value.errors) == {"currency", "day", "rate"}
    with pytest.raises(FieldErrors, match="needs no rate into itself"):
        await rates.set_rate(session, made.carl, "USD", t.IN, "1", now=NOW, policy=t.POLICY)
    for text in ("1.20", "1.10"):
        await rates.set_rate(session, made.carl, "EUR", date(2026, 1, 1), text, now=NOW, policy=t.POLICY)
    assert await rates.set_rate(session, made.carl, "EUR", date(2026, 1, 1), "1,1", now=NOW, policy=t.POLICY) is None
    assert [(row.rate, row.day) for row in await rates.list_rates(session, "USD")] == [("1.1", date(2026, 1, 1))]
    assert await quotas.quotas(session, t.Q2, policy=t.POLICY) == {None: 1_000_000, a.id: 440_000}
    await t.add(session, "won", a, category="won", amount=1_100_00)
    facts = await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)
    assert (facts.quota, facts.attainment, facts.partners[0].attainment) == (1_000_000, 1100, 2500)
    await quota(a.id, "")
    assert await quotas.quotas(session, t.Q2, policy=t.POLICY) == {None: 1_000_000}


async def test_terms_are_versions_with_a_reason(session):
    made = await t.team(session)
    before = await terms.current(session)
    wanted = before.model_copy(update={"ratios": before.ratios.model_copy(update={"co_sold": 4000})})
    with pytest.raises(NotAllowed, match="The CRO and the CFO can"):
        await terms.change(session, made.hedda, wanted, "less", now=NOW, policy=t.POLICY)
    with pytest.raises(FieldErrors, match="Say why"):
        await terms.change(session, made.fay, wanted, " ", now=NOW, policy=t.POLICY)
    with pytest.raises(UserError, match="Nothing was changed"):
        await terms.change(session, made.fay, before, "again", now=NOW, policy=t.POLICY)
    with pytest.raises(FieldErrors, match="in writing"):
        await terms.change(session, made.fay, wanted.model_copy(update={"sourced": ""}), "x", now=NOW, policy=t.POLICY)
    stored = await terms.change(session, made.fay, wanted, "finance trusts less", now=NOW, policy=t.POLICY)
    assert (stored.version, stored.since, stored.by_id, stored.ratios.co_sold) == (2, NOW.date(), made.fay.id, 4000)
    assert await terms.current(session) == stored
    assert await terms.at(session, NOW - timedelta(hours=1)) == before
    assert [row.reason for row in await terms.versions(session)] == ["finance trusts less"]
    assert (await reading.draft(session, t.Q2, now=NOW, policy=t.POLICY)).terms == stored


@pytest.mark.parametrize(
    ("text", "label"),
    [("", "2026Q2"), ("this quarter", "2026Q2"), ("next", "2026Q3"), ("Last", "2026Q1"), ("2025q4", "2025Q4"),
     ("Q1", "2026Q1"), ("q3 2026", "2026Q3"), ("2027-Q1", "2027Q1")],
)  # fmt: skip
def test_quarters_as_people_name_them(text, label):
    assert finding.quarter_named(text, NOW.date(), t.POLICY).label == label


@pytest.mark.parametrize("text", ["2026Q5", "soon", "1950Q1", "26Q2"])
def test_a_quarter_that_is_none_names_the_nearest(text):
    with pytest.raises(UserError, match=r"is no quarter. Write one like 20\d\dQ\d"):
        finding.quarter_named(text, NOW.date(), t.POLICY)
