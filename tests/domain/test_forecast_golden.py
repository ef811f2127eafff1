"""One quarter, computed by hand: 2026Q4, 1 October to 31 December 2026, in US dollars.

Every figure below was worked out on paper; the tests assert them one by one, in cents.

WHO
    Ana (11) manages Nordwind (1) and Southgate (2). Ben (12) manages Eastline (3). AEs: 21 and 22.

RATES of the euro: 1.10 from 1 October, 1.12 from 23 November.

DEALS        partner                       kind        2 November (week 5)               30 November (week 9)
    D1       Nordwind                      sourced     commit    USD 100,000.00          won 20 November
    D2       Nordwind 60, Southgate 40 %   co-sold     best case EUR  50,000.00          commit EUR 60,000.03
    D3       Southgate 70 %, rest 30 %     influenced  pipeline  USD  30,000.01          lost
    D4       Eastline                      sourced     best case USD  40,000.00, 15 Dec  20 January 2027
    D5       Eastline                      none        commit    EUR  20,000.00, 15 Feb  18 December
    D6       Southgate                     influenced  lost      USD  25,000.00          pipeline
    D7       Nordwind                      sourced     pipeline  USD  80,000.00          Eastline, USD 72,000.00
    D8       Eastline                      sourced     not there                         pipeline USD 18,000.00
    D9       Nordwind                      co-sold     not there                         best case, amount unknown
    D10      Eastline                      influenced  won 12 Oct EUR 10,000.01          as before
All others close in December 2026.

CONVERTED, each once, half-even
    D2   2 Nov: 50,000.00 × 1.10 = 55,000.00              60 %: 33,000.00   40 %: 22,000.00
    D2  30 Nov: 60,000.03 × 1.12 = 67,200.0336 → 67,200.03
         60 % = 40,320.018, 40 % = 26,880.012: down to 40,320.01 and 26,880.01, one cent is left; the remainders are
         0.8 and 0.2 of a cent, so Nordwind has it:       60 %: 40,320.02   40 %: 26,880.01
    D2  new amount at the old rate: 60,000.03 × 1.10 = 66,000.033 → 66,000.03
         60 % = 39,600.018, 40 % = 26,400.012:            60 %: 39,600.02   40 %: 26,400.01
    D3   30,000.01: 70 % = 21,000.007, 30 % = 9,000.003:  70 %: 21,000.01   30 %:  9,000.00
    D5   20,000.00 × 1.10 = 22,000.00; × 1.12 = 22,400.00
    D10  won: the rate of 12 October for ever: 10,000.01 × 1.10 = 11,000.011 → 11,000.01

THE BANDS                           won         commit    best case      pipeline   deals  unknown
    2 November, program       11,000.01     100,000.00    95,000.00    110,000.01       6        0
        Ana                        0.00     100,000.00    55,000.00    110,000.01       4        0   D1 D2 D3 D7
            Nordwind               0.00     100,000.00    33,000.00     80,000.00       3        0   D1 D2 D7
            Southgate              0.00           0.00    22,000.00     21,000.01       2        0   D2 D3
            rest                   0.00           0.00         0.00      9,000.00       1        0   D3
        Ben = Eastline        11,000.01           0.00    40,000.00          0.00       2        0   D4 D10
    30 November, program     111,000.01      89,600.03         0.00    115,000.00       8        1
        Ana                  100,000.00      67,200.03         0.00     25,000.00       4        1   D1 D2 D6 D9
            Nordwind         100,000.00      40,320.02         0.00          0.00       3        1   D1 D2 D9
            Southgate              0.00      26,880.01         0.00     25,000.00       2        0   D2 D6
        Ben = Eastline        11,000.01      22,400.00         0.00     90,000.00       4        0   D5 D7 D8 D10
    Ana's deals are not the sum of her partners': D2 stands at both, and once above them.
    In euros on 30 November: D2 67,200.03 + D5 22,400.00 + D10 11,000.01 = 100,600.04. In dollars: D1 100,000.00 +
    D6 25,000.00 + D7 72,000.00 + D8 18,000.00 = 215,000.00. Together 315,600.04
        = 111,000.01 + 89,600.03 + 0.00 + 115,000.00.

WHAT CHANGED, program               won         commit    best case      pipeline   deals  unknown   stand on it
    new                                                                 +18,000.00      +2       +1   D8 D9
    won                     +100,000.00    −100,000.00                                                D1
    lost                                                                −30,000.01      −1            D3
    reopened                                                            +25,000.00      +1            D6
    (reassigned: D7 leaves Nordwind and comes to Eastline: nothing for the program)
    recategorised                           +55,000.00   −55,000.00                                   D2
    pushed out                                           −40,000.00                     −1            D4
    pulled in                               +22,000.00                                  +1            D5 at the old rate
    bigger                                  +11,000.03                                                D2 66,000.03 − 55,000.00
    smaller                                                              −8,000.00                    D7
    rate                                     +1,600.00                                                D2 1,200.00, D5 400.00
    won:       11,000.01 + 100,000.00                                                = 111,000.01
    commit:   100,000.00 − 100,000.00 + 55,000.00 + 22,000.00 + 11,000.03 + 1,600.00 =  89,600.03
    best case: 95,000.00 −  55,000.00 − 40,000.00                                    =       0.00
    pipeline: 110,000.01 +  18,000.00 − 30,000.01 + 25,000.00 − 8,000.00             = 115,000.00
    deals:      6 + 2 − 1 + 1 − 1 + 1 = 8                                    unknown: 0 + 1 = 1

    Ana: new 1 deal unknown; won; lost −30,000.01; reopened +25,000.00; reassigned pipeline −80,000.00, −1 deal;
        recategorised ±55,000.00; bigger +11,000.03; rate +1,200.00
        pipeline 110,000.01 − 30,000.01 + 25,000.00 − 80,000.00 = 25,000.00; deals 4 + 1 − 1 + 1 − 1 = 4
    Ben: new +18,000.00; reassigned +80,000.00, +1 deal; pushed out −40,000.00; pulled in +22,000.00; smaller −8,000.00;
        rate +400.00
        pipeline 0.00 + 18,000.00 + 80,000.00 − 8,000.00 = 90,000.00; deals 2 + 1 + 1 − 1 + 1 = 4
    Nordwind: new 1 unknown; won; reassigned −80,000.00; recategorised ±33,000.00; bigger 39,600.02 − 33,000.00 =
        +6,600.02; rate 40,320.02 − 39,600.02 = +720.00
        commit 100,000.00 − 100,000.00 + 33,000.00 + 6,600.02 + 720.00 = 40,320.02
    Southgate: lost −21,000.01; reopened +25,000.00; recategorised ±22,000.00; bigger 26,400.01 − 22,000.00 = +4,400.01;
        rate 26,880.01 − 26,400.01 = +480.00
    rest: lost −9,000.00
    Bigger: 6,600.02 + 4,400.01 = 11,000.03, as above. Rate: 720.00 + 480.00 + 400.00 = 1,600.00.
    Sourced deals (D1 D4 D7 D8): new +18,000.00; won ±100,000.00; pushed out −40,000.00; smaller −8,000.00

TARGETS on 30 November
    program 250,000: attainment 111,000.01 ÷ 250,000 = 0.44400004 → 4440 basis points
        coverage: open 89,600.03 + 0.00 + 115,000.00 = 204,600.03, left 250,000.00 − 111,000.01 = 138,999.99;
        204,600.03 ÷ 138,999.99 = 1.471942… → 14,719
    Ana 120,000: 100,000 ÷ 120,000 = 0.8333… → 8333; coverage (67,200.03 + 25,000.00) ÷ 20,000.00 = 4.6100015 → 46,100
    Eastline 10,000: 11,000.01 ÷ 10,000 = 1.100001 → 11,000; reached

THE END: on 18 December D2 is won as it stands, 67,200.03 at the rate of that day, which is 1.12; nothing else happens.
    Closed: program 111,000.01 + 67,200.03 = 178,200.04; Ana 167,200.03; Ben 11,000.01.
    Accuracy: Ana signed 150,000: 1 − 17,200.03 ÷ 167,200.03 = 150,000 ÷ 167,200.03 = 0.897129… → 8971
        Ben signed 30,000: 1 − 18,999.99 ÷ 30,000 = 11,000.01 ÷ 30,000 = 0.366667 → 3667
        together 180,000: 178,200.04 ÷ 180,000 = 0.99000022… → 9900
    Credit (sourced 1.0, influenced and co-sold 0.5)
        AE 21: D1 100,000.00 sourced, signed: 100,000.00
        AE 22: D2 67,200.03 × 0.5 = 33,600.015 co-sold, not signed yet; D10 11,000.01 × 0.5 = 5,500.005 influenced, late
            together 39,100.02 exactly. What both signed (D10) and what they did not (D2): down to 5,500.00 and 33,600.01, one
            cent is left, the remainders tie, so what is signed has it: 5,500.01 and 33,600.01. Unsigned 33,600.01.
    Shares: of all that the company won, 594,000.00: 178,200.04 ÷ 594,000.00 = 0.30000006… → 3000
        Sourced of the partners' closed-won: 100,000.00 ÷ 178,200.04 = 0.561167… → 5612
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from models.domain.fiscal import Quarter
from models.domain.forecast.changes import DealAt, Ledger, split
from models.domain.forecast.credit import Won, by_deal, credit
from models.domain.forecast.facts import AttributionState, Bands, ChangeLine, Coverage, CreditFacts, Ratios
from models.domain.forecast.parts import Part, parts_with_rest
from models.domain.forecast.rates import Rate, Rates, convert
from models.domain.forecast.ratios import accuracy, attainment, coverage, share

QUARTER = Quarter(2026, 4, date(2026, 10, 1), date(2026, 12, 31))
WEEK_5, WEEK_9 = date(2026, 11, 2), date(2026, 11, 30)
RATES = Rates(
    "USD",
    [
        Rate("EUR", "USD", date(2026, 10, 1), Decimal("1.10")),
        Rate("EUR", "USD", date(2026, 11, 23), Decimal("1.12")),
    ],
)
ANA, BEN = 11, 12
NORDWIND, SOUTHGATE, EASTLINE = 1, 2, 3
MANAGER = {NORDWIND: ANA, SOUTHGATE: ANA, EASTLINE: BEN}
DECEMBER = date(2026, 12, 18)


def a_deal(number, category, amount, currency, partners, kind, cut_off, close=DECEMBER):
    """One deal at a cut-off; `partners` to their share in basis points, the primary one first."""
    primary = next(iter(partners))
    rate = RATES.need(currency, close if category == "won" else cut_off)
    parts = [Part(partner, MANAGER[partner], share) for partner, share in partners.items()]
    return DealAt(
        deal_id=number,
        category=category,
        kind=kind,
        close_date=close,
        currency=currency,
        amount=amount,
        rate=rate,
        value=None if amount is None else convert(amount, rate),
        parts=parts_with_rest(parts, MANAGER[primary]),
        partner_id=primary,
        pm_id=MANAGER[primary],
    )


TWO = {NORDWIND: 6000, SOUTHGATE: 4000}
BEFORE = {
    1: a_deal(1, "commit", 10_000_000, "USD", {NORDWIND: 10_000}, "sourced", WEEK_5, date(2026, 11, 20)),
    2: a_deal(2, "best_case", 5_000_000, "EUR", TWO, "co_sold", WEEK_5),
    3: a_deal(3, "pipeline", 3_000_001, "USD", {SOUTHGATE: 7000}, "influenced", WEEK_5),
    4: a_deal(4, "best_case", 4_000_000, "USD", {EASTLINE: 10_000}, "sourced", WEEK_5, date(2026, 12, 15)),
    5: a_deal(5, "commit", 2_000_000, "EUR", {EASTLINE: 10_000}, "", WEEK_5, date(2027, 2, 15)),
    6: a_deal(6, "lost", 2_500_000, "USD", {SOUTHGATE: 10_000}, "influenced", WEEK_5),
    7: a_deal(7, "pipeline", 8_000_000, "USD", {NORDWIND: 10_000}, "sourced", WEEK_5),
    10: a_deal(10, "won", 1_000_001, "EUR", {EASTLINE: 10_000}, "influenced", WEEK_5, date(2026, 10, 12)),
}
AFTER = {
    1: a_deal(1, "won", 10_000_000, "USD", {NORDWIND: 10_000}, "sourced", WEEK_9, date(2026, 11, 20)),
    2: a_deal(2, "commit", 6_000_003, "EUR", TWO, "co_sold", WEEK_9),
    3: a_deal(3, "lost", 3_000_001, "USD", {SOUTHGATE: 7000}, "influenced", WEEK_9),
    4: a_deal(4, "best_case", 4_000_000, "USD", {EASTLINE: 10_000}, "sourced", WEEK_9, date(2027, 1, 20)),
    5: a_deal(5, "commit", 2_000_000, "EUR", {EASTLINE: 10_000}, "", WEEK_9),
    6: a_deal(6, "pipeline", 2_500_000, "USD", {SOUTHGATE: 10_000}, "influenced", WEEK_9),
    7: a_deal(7, "pipeline", 7_200_000, "USD", {EASTLINE: 10_000}, "sourced", WEEK_9),
    8: a_deal(8, "pipeline", 1_800_000, "USD", {EASTLINE: 10_000}, "sourced", WEEK_9),
    9: a_deal(9, "best_case", None, "USD", {NORDWIND: 10_000}, "co_sold", WEEK_9),
    10: a_deal(10, "won", 1_000_001, "EUR", {EASTLINE: 10_000}, "influenced", WEEK_9, date(2026, 10, 12)),
}


def line(kind, deals, won=0, commit=0, best_case=0, pipeline=0, count=0, unknown=0):
    bands = Bands(won=won, commit=commit, best_case=best_case, pipeline=pipeline, deals=count, unknown=unknown)
    return ChangeLine(kind=kind, bands=bands, deals=deals)


def standing(deals):
    """The deals as they stand: what comes of nothing is all of it."""
    ledger = Ledger()
    for deal in deals.values():
        ledger.add(split(None, deal, QUARTER))
    return ledger


def bands(found):
    return found[0].bands if found else Bands()


@pytest.fixture(scope="module")
def changed():
    ledger = Ledger()
    for number in BEFORE.keys() | AFTER.keys():
        ledger.add(split(BEFORE.get(number), AFTER.get(number), QUARTER))
    return ledger


def test_each_deal_is_converted_once_at_its_day():
    values = {number: deal.value for number, deal in AFTER.items()}
    assert values[2] == 6_720_003
    assert values[5] == 2_240_000
    assert values[9] is None
    assert values[10] == BEFORE[10].value == 1_100_001
    assert BEFORE[2].value == 5_500_000
    assert BEFORE[5].value == 2_200_000


def test_the_bands_of_week_5():
    ledger = standing(BEFORE)
    program = Bands(won=1_100_001, commit=10_000_000, best_case=9_500_000, pipeline=11_000_001, deals=6)
    ana = Bands(commit=10_000_000, best_case=5_500_000, pipeline=11_000_001, deals=4)
    ben = Bands(won=1_100_001, best_case=4_000_000, deals=2)
    assert bands(ledger.program()) == program
    assert {pm: bands(found) for pm, found in ledger.by_pm().items()} == {ANA: ana, BEN: ben}
    assert {partner: bands(found) for partner, found in ledger.by_partner().items()} == {
        NORDWIND: Bands(commit=10_000_000, best_case=3_300_000, pipeline=8_000_000, deals=3),
        SOUTHGATE: Bands(best_case=2_200_000, pipeline=2_100_001, deals=2),
        0: Bands(pipeline=900_000, deals=1),
        EASTLINE: ben,
    }


def test_the_bands_of_week_9():
    ledger = standing(AFTER)
    program = Bands(won=11_100_001, commit=8_960_003, pipeline=11_500_000, deals=8, unknown=1)
    ana = Bands(won=10_000_000, commit=6_720_003, pipeline=2_500_000, deals=4, unknown=1)
    ben = Bands(won=1_100_001, commit=2_240_000, pipeline=9_000_000, deals=4)
    assert bands(ledger.program()) == program
    assert program.total == 31_560_004
    assert {pm: bands(found) for pm, found in ledger.by_pm().items()} == {ANA: ana, BEN: ben}
    assert {partner: bands(found) for partner, found in ledger.by_partner().items()} == {
        NORDWIND: Bands(won=10_000_000, commit=4_032_002, deals=3, unknown=1),
        SOUTHGATE: Bands(commit=2_688_001, pipeline=2_500_000, deals=2),
        EASTLINE: ben,
    }
    euros = standing({number: deal for number, deal in AFTER.items() if deal.currency == "EUR"})
    dollars = standing({number: deal for number, deal in AFTER.items() if deal.currency == "USD"})
    assert (bands(euros.program()).total, bands(dollars.program()).total) == (10_060_004, 21_500_000)


def test_what_changed_for_the_program(changed):
    assert changed.program() == (
        line("new", 2, pipeline=1_800_000, count=2, unknown=1),
        line("won", 1, won=10_000_000, commit=-10_000_000),
        line("lost", 1, pipeline=-3_000_001, count=-1),
        line("reopened", 1, pipeline=2_500_000, count=1),
        line("recategorised", 1, commit=5_500_000, best_case=-5_500_000),
        line("pushed_out", 1, best_case=-4_000_000, count=-1),
        line("pulled_in", 1, commit=2_200_000, count=1),
        line("bigger", 1, commit=1_100_003),
        line("smaller", 1, pipeline=-800_000),
        line("rate", 2, commit=160_000),
    )


def test_what_changed_for_each_manager(changed):
    assert changed.by_pm() == {
        ANA: (
            line("new", 1, count=1, unknown=1),
            line("won", 1, won=10_000_000, commit=-10_000_000),
            line("lost", 1, pipeline=-3_000_001, count=-1),
            line("reopened", 1, pipeline=2_500_000, count=1),
            line("reassigned", 1, pipeline=-8_000_000, count=-1),
            line("recategorised", 1, commit=5_500_000, best_case=-5_500_000),
            line("bigger", 1, commit=1_100_003),
            line("rate", 1, commit=120_000),
        ),
        BEN: (
            line("new", 1, pipeline=1_800_000, count=1),
            line("reassigned", 1, pipeline=8_000_000, count=1),
            line("pushed_out", 1, best_case=-4_000_000, count=-1),
            line("pulled_in", 1, commit=2_200_000, count=1),
            line("smaller", 1, pipeline=-800_000),
            line("rate", 1, commit=40_000),
        ),
    }


def test_what_changed_for_each_partner(changed):
    found = changed.by_part()
    assert found == {
        (ANA, NORDWIND): (
            line("new", 1, count=1, unknown=1),
            line("won", 1, won=10_000_000, commit=-10_000_000),
            line("reassigned", 1, pipeline=-8_000_000, count=-1),
            line("recategorised", 1, commit=3_300_000, best_case=-3_300_000),
            line("bigger", 1, commit=660_002),
            line("rate", 1, commit=72_000),
        ),
        (ANA, SOUTHGATE): (
            line("lost", 1, pipeline=-2_100_001, count=-1),
            line("reopened", 1, pipeline=2_500_000, count=1),
            line("recategorised", 1, commit=2_200_000, best_case=-2_200_000),
            line("bigger", 1, commit=440_001),
            line("rate", 1, commit=48_000),
        ),
        (ANA, 0): (line("lost", 1, pipeline=-900_000, count=-1),),
        (BEN, EASTLINE): changed.by_pm()[BEN],
    }
    assert changed.by_partner() == {partner: lines for (_, partner), lines in found.items()}


def test_what_changed_for_sourced_deals(changed):
    assert changed.by_kind()["sourced"] == (
        line("new", 1, pipeline=1_800_000, count=1),
        line("won", 1, won=10_000_000, commit=-10_000_000),
        line("pushed_out", 1, best_case=-4_000_000, count=-1),
        line("smaller", 1, pipeline=-800_000),
    )


def test_targets_in_week_9():
    assert attainment(11_100_001, 25_000_000) == 4440
    assert coverage(8_960_003 + 11_500_000, 25_000_000, 11_100_001) == Coverage(basis_points=14_719)
    assert attainment(10_000_000, 12_000_000) == 8333
    assert coverage(6_720_003 + 2_500_000, 12_000_000, 10_000_000) == Coverage(basis_points=46_100)
    assert attainment(1_100_001, 1_000_000) == 11_000
    assert coverage(2_240_000 + 9_000_000, 1_000_000, 1_100_001) == Coverage(reached=True)


def test_the_end_of_the_quarter():
    closed = standing(AFTER | {2: replace(AFTER[2], category="won", rate=RATES.need("EUR", DECEMBER))})
    assert bands(closed.program()).won == 17_820_004
    assert {pm: bands(found).won for pm, found in closed.by_pm().items()} == {ANA: 16_720_003, BEN: 1_100_001}
    assert accuracy(15_000_000, 16_720_003) == 8971
    assert accuracy(3_000_000, 1_100_001) == 3667
    assert accuracy(18_000_000, 17_820_004) == 9900


def test_credit_and_shares_at_the_end():
    won = [
        Won(1, 21, 10_000_000, "sourced", AttributionState.SIGNED),
        Won(2, 22, 6_720_003, "co_sold", AttributionState.OPEN),
        Won(10, 22, 1_100_001, "influenced", AttributionState.LATE),
    ]
    assert [(one.deal.deal_id, one.ratio, one.credit) for one in by_deal(won, Ratios())] == [
        (1, 10_000, 10_000_000),
        (2, 5000, 3_360_001),
        (10, 5000, 550_001),
    ]
    assert credit(won, Ratios()) == (
        CreditFacts(person_id=21, won=10_000_000, credit=10_000_000, unsigned=0, deals=1),
        CreditFacts(person_id=22, won=7_820_004, credit=3_910_002, unsigned=3_360_001, deals=2),
    )
    assert share(17_820_004, 59_400_000).basis_points == 3000
    assert share(10_000_000, 17_820_004).basis_points == 5612
