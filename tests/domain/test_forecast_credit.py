from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.forecast.credit import Won, by_deal, credit
from models.domain.forecast.facts import AttributionState, CreditFacts, Ratios
from models.domain.forecast.rounding import half_even

SIGNED, LATE, OPEN = AttributionState.SIGNED, AttributionState.LATE, AttributionState.OPEN
deals = st.lists(
    st.builds(
        Won,
        st.integers(1, 99),
        st.sampled_from([None, 21, 22]),
        st.integers(-(10**10), 10**12),
        st.sampled_from(["sourced", "influenced", "co_sold", ""]),
        st.sampled_from(AttributionState),
    ),
    max_size=12,
)
ratios = st.builds(Ratios, sourced=st.integers(0, 10_000), influenced=st.integers(0, 10_000), co_sold=st.just(3333))


def test_a_half_cent_is_rounded_once_for_each_ae_and_not_for_each_deal():
    won = [
        Won(1, 21, 101, "influenced", SIGNED),
        Won(2, 21, 201, "influenced", LATE),
        Won(3, 22, 5, "influenced", OPEN),
    ]
    assert credit(won, Ratios()) == (
        CreditFacts(person_id=21, won=302, credit=151, unsigned=0, deals=2),  # 50.5 + 100.5
        CreditFacts(person_id=22, won=5, credit=2, unsigned=2, deals=1),  # 2.5: to the even
    )
    assert [line.credit for line in by_deal(won, Ratios())] == [51, 100, 2]


def test_credit_rests_on_two_signatures_and_the_rest_is_named():
    won = [Won(place, 21, 100, "sourced", state) for place, state in enumerate(AttributionState)]
    assert credit(won, Ratios()) == (CreditFacts(person_id=21, won=700, credit=700, unsigned=500, deals=7),)


def test_a_deal_without_a_kind_counts_as_won_and_gives_nothing():
    assert credit([Won(1, 21, 900, "", OPEN)], Ratios()) == (
        CreditFacts(person_id=21, won=900, credit=0, unsigned=0, deals=1),
    )
    assert by_deal([Won(1, 21, 900, "", OPEN)], Ratios())[0].ratio == 0


def test_a_credit_note_takes_credit_back():
    won = [Won(1, 21, 1000, "sourced", SIGNED), Won(2, 21, -333, "influenced", SIGNED)]
    assert credit(won, Ratios())[0].credit == 834  # 1000 − 166.5 = 833.5: to the even
    assert [line.credit for line in by_deal(won, Ratios())] == [1000, -166]


def test_the_largest_credit_comes_first_and_deals_without_owner_last_of_equals():
    won = [Won(1, None, 5, "sourced", SIGNED), Won(2, 22, 5, "sourced", SIGNED), Won(3, 21, 9, "sourced", SIGNED)]
    assert [line.person_id for line in credit(won, Ratios())] == [21, 22, None]
    assert credit([], Ratios()) == ()


@settings(max_examples=60)
@given(deals, ratios)
def test_credit_never_loses_a_cent(won, terms):
    lines = by_deal(won, terms)
    assert [line.deal for line in lines] == won
    facts = {line.person_id: line for line in credit(won, terms)}
    assert facts.keys() == {deal.person_id for deal in won}
    for person_id, found in facts.items():
        own = [line for line in lines if line.deal.person_id == person_id]
        exact = sum(line.deal.value * terms.of(line.deal.kind) for line in own)
        assert found.credit == sum(line.credit for line in own) == half_even(exact, 10_000)
        assert found.won == sum(line.deal.value for line in own)
        assert found.deals == len(own)
        assert found.unsigned == sum(line.credit for line in own if line.deal.state not in (SIGNED, LATE))
        assert all(abs(line.credit * 10_000 - line.deal.value * line.ratio) < 10_000 for line in own)
