"""The forecast's page, message and forms: at their limits, in plain words, and nothing that Slack would refuse."""

from datetime import UTC, date, datetime

import pytest

from handlers.forecast import card, form, page, render
from handlers.forecast import words as f
from handlers.forecast.ids import SignState, View
from handlers.kit.fit import MOST_CHARACTERS, MOST_LINES
from models.domain.errors import Conflict, FieldErrors
from models.domain.forecast.facts import (
    Bands,
    ChangeKind,
    ChangeLine,
    Coverage,
    Landing,
    PartnerPart,
    PmPart,
    Ratios,
    RollUpFacts,
    Share,
    SignedFacts,
    Terms,
)
from models.domain.zones import zone
from models.forecast.signing import Mine
from models.tables import ExchangeRate, Partner, QuarterClose, SignOff, Snapshot, TermsVersion
from tests import make
from tests.handlers.limits import block, check_message, check_modal, labels, words
from tests.make import POLICY

AT = datetime(2026, 11, 4, 14, 20, tzinfo=UTC)
QUARTER = POLICY.fiscal.quarter_of(date(2026, 11, 4))
BOOK = make.a_book(make.a_person(1, "Pat Manager"), make.a_person(2, "Hedda Head"), make.a_person(3, "Cora Cro"),
                   make.a_person(4, "Fay Cfo"))  # fmt: skip


def signed(commit=21_000_000, best=25_000_000, by=1, **more):
    return SignedFacts(commit=commit, best_case=best, by_id=by, for_id=None, at=AT, deals_commit=20_000_000,
                       deals_best_case=24_000_000, **more)  # fmt: skip


def part(number=1, name="Acme", **more):
    return PartnerPart(**{
        "partner_id": number, "name": name, "pm_id": 1,
        "bands": Bands(won=12_000_000, commit=8_000_000, best_case=4_000_000, pipeline=20_000_000, deals=12, unknown=1), **more,
    })  # fmt: skip


def facts(*parts, **more):
    listed = parts or (part(signed=signed()),)
    total = Bands.sum(one.bands for one in listed)
    return RollUpFacts(**{
        "period": "2026Q4", "first": QUARTER.first, "last": QUARTER.last, "label": "week 5", "cut_off": AT, "rate_day": AT.date(),
        "currency": "USD", "program": total, "pms": (PmPart(pm_id=1, bands=total, partners=listed),), "number": 2,
        "kind": "roll_up", "signed_commit": 21_000_000, "signed_best_case": 25_000_000, "adjusted_commit": 21_000_000, **more,
    })  # fmt: skip


def text(found, **more):
    made = render.page_text(found, BOOK, POLICY, **more)
    assert len(made) <= MOST_CHARACTERS
    assert made.count("\n") < MOST_LINES
    return made


def snapshot(kind="roll_up", **more):
    return Snapshot(**{
        "id": 5, "period": "2026Q4", "number": 2, "kind": kind, "label": "week 5", "cut_off": AT, "rate_day": AT.date(),
        "currency": "USD", "made_by_id": 2, "facts": {}, **more,
    })  # fmt: skip


def roll_up(found=None, offs=(), *, newer=False, closed=None, kind="roll_up"):
    return card.RollUpPage(snapshot=snapshot(kind), facts=found or facts(), offs=tuple(offs), signers={"cro": 3, "cfo": 4},
                           newer=newer, closed=closed, book=BOOK, policy=POLICY)  # fmt: skip


def test_the_page_says_the_number_that_counts_and_the_raw_one_beside_it():
    assert "*Commit 210,000* signed · best case 250,000 (1 of 1 partner signed, closed won included)" in text(facts())
    adjusted = text(facts(adjusted_commit=19_000_000))
    assert "*Commit 190,000*, signed 210,000, adjusted by −20,000" in adjusted


def test_a_commit_that_the_head_has_raised_is_never_above_the_best_case():
    raised = {"commit": 30_000_000, "reason": "x", "by_id": 2, "at": AT}
    alone = {"commit": 5_000_000, "reason": "y", "by_id": 2, "at": AT}
    found = facts(part(signed=signed(), adjusted=raised), part(2, "Beta", adjusted=alone), adjusted_commit=35_000_000)
    assert "*Commit 350,000*, signed 210,000, adjusted by +140,000 · best case 350,000 (1 of 2 partners" in text(found)


def test_nobody_signed_is_no_zero():
    made = text(facts(part(), missing=("Acme",), signed_commit=0, adjusted_commit=0, signed_best_case=0))
    assert "*Nobody has signed a commit yet*: 1 number expected" in made
    assert "Commit 0" not in made


def test_the_definitions_are_printed():
    assert "Sourced: The partner brought the lead. influenced: The partner touched" in text(facts())


def test_a_missing_rate_leaves_no_total_on_the_page():
    made = text(
        facts(blocked="There is no exchange rate from EUR into USD for 2026-11-04, which the deal “Big” needs.")
    )
    assert ":warning: *No totals:* There is no exchange rate from EUR into USD" in made
    assert "By deals" not in made
    assert "Commit 2" not in made


def test_not_submitted_is_named_and_is_not_zero():
    made = text(facts(part(signed=signed()), part(2, "Beta"), part(3, "Gamma", expected=False, bands=Bands()),
                      missing=("Beta",), not_expected=("Gamma",)))  # fmt: skip
    assert "Not submitted, which is not zero:* Beta" in made
    assert "• *Beta*: *not submitted*" in made
    assert "Not expected, no deal in the quarter: Gamma" in made


def test_an_adjustment_stands_beside_the_signature_with_its_reason():
    adjusted = {"commit": 19_000_000, "reason": "two deals *doubled*", "by_id": 2, "at": AT}
    made = text(facts(part(signed=signed(), adjusted=adjusted)))
    assert (
        "commit 210,000, best case 250,000 signed by Pat Manager, Wed 4 Nov, adjusted to *190,000* by Hedda Head, Wed 4 Nov (two deals"
        in made
    )


def test_a_former_managers_number_asks_to_be_signed_again():
    assert "who no longer manages it: to be signed again" in text(facts(part(signed=signed(former=True))))


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, "Target: none is set"),
        ({"quota": 50_000_000, "attainment": 2400, "coverage": Coverage(basis_points=18_000)},
         "Target 500,000 · 24 % attained · coverage 1.8×"),
        ({"quota": 10_000_000, "attainment": 12_000, "coverage": Coverage(reached=True)},
         "Target 100,000 · 120 % attained · target reached"),
        ({"quota": 0, "coverage": Coverage(reached=True)}, "Target 0 · target reached"),
    ],
)  # fmt: skip
def test_target_attainment_and_coverage_are_one_line(more, line):
    assert line in text(facts(**more))


def test_the_landing_names_what_it_rests_on_or_why_it_is_not_there():
    shown = Landing(p10=30_000_000, p50=36_000_000, p90=45_000_000, deals=212, quarters=8, tried=6, held=5)
    assert ("Predicted landing: 300,000 to 450,000, middle 360,000 (8 of 10 outcomes; rests on 212 past deals of 8 quarters; "
            "5 of 6 past ranges held)") in text(facts(landing=shown))  # fmt: skip
    declined = Landing(why="it would rest on 12 past deals, and needs 40")
    assert "Predicted landing: not shown, it would rest on 12 past deals, and needs 40" in text(facts(landing=declined))


def test_shares_are_named_in_full_and_a_missing_one_says_why():
    made = text(facts(partner_share=Share(part=1, whole=2, basis_points=4500),
                      total_share=Share(part=1, whole=0, basis_points=None, why="no direct deals are imported")))  # fmt: skip
    assert "45 % of partner pipeline (0.02); share of total new pipeline: no direct deals are imported" in made


def test_the_terms_are_printed_with_their_version():
    made = text(facts(terms=Terms(version=3, ratios=Ratios(influenced=3_333))))
    assert "Terms, version 3: AE credit sourced 1.0, influenced 0.3333, co-sold 0.5" in made


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (ChangeLine(kind=ChangeKind.NEW, bands=Bands(commit=4_000_000, deals=1), deals=1), "new +40,000 (1 deal, commit)"),
        (ChangeLine(kind=ChangeKind.WON, bands=Bands(won=4_000_000, commit=-4_000_000), deals=2),
         "won 0 (2 deals: won +40,000, commit −40,000)"),
        (ChangeLine(kind=ChangeKind.PUSHED_OUT, bands=Bands(pipeline=-150), deals=1), "pushed out −1.50 (1 deal, pipeline)"),
        (ChangeLine(kind=ChangeKind.REASSIGNED, bands=Bands(), deals=3), "reassigned 0 (3 deals)"),
    ],
)  # fmt: skip
def test_a_line_of_what_changed_says_how_much_of_what(line, said):
    assert f.change(line, "USD") == said


@pytest.mark.parametrize(
    ("basis_points", "said"), [(10_000, "1.0"), (5_000, "0.5"), (0, "0.0"), (3_333, "0.3333"), (25, "0.0025")]
)
def test_ratios_are_said_as_a_part_of_one(basis_points, said):
    assert f.ratio(basis_points) == said


@pytest.mark.parametrize("name", list(make.HOSTILE))
@pytest.mark.parametrize("number", [0, 1, 60])
def test_the_message_is_one_page_with_any_partners(number, name):
    hostile = make.HOSTILE[name]
    parts = [part(one + 1, f"{one} {hostile}", signed=signed() if one % 2 else None) for one in range(number)]
    lines = tuple(
        ChangeLine(kind=kind, bands=Bands(commit=-(10**15), won=10**15, deals=1), deals=9) for kind in ChangeKind
    )
    changes = {"since": AT, "since_label": hostile[:40], "before": Bands(), "after": Bands(won=10**15), "lines": lines}
    found = facts(*parts, missing=tuple(one.name for one in parts[::2]), not_expected=(hostile,) * number, changes=changes,
                  gaps=({"what": "amount", "deals": 9, "names": (hostile,) * 5},))  # fmt: skip
    made = check_message(card.message(roll_up(found)))
    assert len(made.text) <= MOST_CHARACTERS
    assert made.text.count("\n") < MOST_LINES


def test_the_published_message_has_a_button_until_both_have_signed():
    cro = SignOff(snapshot_id=5, role="cro", person_id=3, at=AT)
    cfo = SignOff(snapshot_id=5, role="cfo", person_id=4, at=AT)
    assert labels(card.message(roll_up()).blocks) == ["Sign off"]
    half = card.message(roll_up(offs=[cro]))
    assert labels(half.blocks) == ["Sign off"]
    assert "CRO: signed by Cora Cro" in half.text
    assert "CFO, Fay Cfo: not signed" in half.text
    assert labels(card.message(roll_up(offs=[cro, cfo])).blocks) == []


def test_a_roll_up_that_a_newer_one_replaced_is_not_signed_any_more():
    made = card.message(roll_up(newer=True))
    assert labels(made.blocks) == []
    assert "A newer roll-up of 2026Q4 has replaced it" in "\n".join(words(made.blocks))


def test_a_closing_is_no_roll_up_to_sign():
    made = card.message(roll_up(kind="closing"))
    assert labels(made.blocks) == []
    assert "not signed" not in made.text


def mine(number=1, name="Acme", **more):
    return Mine(**{
        "partner": Partner(id=number, name=name, tier=1), "for_id": None, "expected": True, "signature_id": 0, "signed": None,
        "deals_commit": 20_000_000, "deals_best_case": 24_000_000, "deals": 12, "unknown": 1, **more,
    })  # fmt: skip


def signing(*listed, **more):
    return form.Signing(**{"quarter": QUARTER, "mine": listed, "currency": "USD", "book": BOOK, "page": False, **more})


def test_the_form_shows_what_the_deals_add_up_to_beside_two_empty_fields():
    view = check_modal(form.sign_modal(signing(mine())))
    assert "The deals add up to commit *200,000*, best case *240,000* (12 deals; 1 of unknown amount)" in "\n".join(
        words(view["blocks"])
    )
    assert "initial_value" not in block(view, "commit_1")["element"]
    assert view["submit"]["text"] == "Sign"


def test_what_was_signed_before_stands_in_the_fields():
    view = form.sign_modal(signing(mine(signature_id=7, signed=signed())))
    assert block(view, "commit_1")["element"]["initial_value"] == "210,000"
    assert block(view, "best_case_1")["element"]["initial_value"] == "250,000"
    assert dict(SignState.load(view["private_metadata"]).shown) == {1: 7}


@pytest.mark.parametrize("more", [{"for_id": 9}, {"signed": signed(former=True)}])
def test_what_somebody_else_signed_is_said_and_not_filled_in(more):
    """Who submits the form signs what stands in its fields."""
    view = form.sign_modal(signing(mine(**{"signature_id": 7, "signed": signed(), **more})))
    assert "initial_value" not in block(view, "commit_1")["element"]
    assert "Signed before: 210,000 and 250,000 by Pat Manager" in "\n".join(words(view["blocks"]))


def test_more_partners_than_a_form_holds_come_next_and_what_is_signed_last():
    listed = [mine(one + 1, f"P{one:02}", signed=signed() if one < 20 else None) for one in range(40)]
    view = check_modal(form.sign_modal(signing(*listed)))
    shown = [partner_id for partner_id, _ in SignState.load(view["private_metadata"]).shown]
    assert shown[:20] == list(range(21, 41)), "the unsigned first"
    assert "10 more partners: sign these, then open the form again" in "\n".join(words(view["blocks"]))


def test_a_form_that_comes_back_keeps_what_was_typed_and_shows_both_values():
    conflict = Conflict("Acme: commit", "—", "200,000", "190,000", "Hedda Head")
    before = form.sign_modal(signing(mine()))
    view = check_modal(form.sign_modal(signing(mine(signature_id=8, signed=signed(by=2)), typed={1: ("190000", "x")},
                                               conflicts=(conflict,))))  # fmt: skip
    assert block(view, "commit_1")["element"]["initial_value"] == "190000"
    assert block(view, "best_case_1")["element"]["initial_value"] == "x"
    assert "Hedda Head signed *200,000*; you typed *190,000*" in words(view["blocks"])[0]
    assert block(view, "commit_1")["block_id"] != block(before, "commit_1")["block_id"], (
        "Slack would keep the old value"
    )


@pytest.mark.parametrize("number", [0, 1, 30, 31, 80])
@pytest.mark.parametrize("name", ["Acme", make.HOSTILE["3000 characters"], make.HOSTILE["right to left"]])
def test_the_form_for_signing_fits_with_any_partners(number, name):
    listed = [
        mine(one + 1, name, expected=one % 3 > 0, signed=signed() if one % 2 else None, for_id=2)
        for one in range(number)
    ]
    check_modal(form.sign_modal(signing(*listed)))


def test_a_partner_whose_deals_cannot_be_converted_says_so_where_it_is_signed():
    view = form.sign_modal(signing(mine(blocked="There is no exchange rate from EUR into USD.", deals_commit=None)))
    assert ":warning: There is no exchange rate" in "\n".join(words(view["blocks"]))


def quarter_page(found=None, **more):
    return page.QuarterPage(**{
        "quarter": QUARTER, "before": POLICY.fiscal.previous(QUARTER), "after": POLICY.fiscal.next(QUARTER),
        "facts": found or facts(), "mine": (), "snapshots": (), "closed": None, "may": page.Rights(), "book": BOOK,
        "policy": POLICY, "clocks": zone("UTC"), "over": False, **more,
    })  # fmt: skip


HEAD = page.Rights(leads=True, adjusts=True, publishes=True, sets_targets=True)
CFO = page.Rights(leads=True, closes=True, sets_targets=True, sets_terms=True, signs_off=True)


def test_a_manager_finds_sign_and_no_number_of_the_program():
    view = check_modal(page.modal(quarter_page(mine=[mine(), mine(2, "Beta", signed=signed())])))
    assert labels(view["blocks"])[0] == "Sign…"
    assert "*1 of 2 partners signed, the last on Wed 4 Nov*" in words(view["blocks"])
    assert not {"Review and publish…", "Adjust…", "Targets and rates…"} & set(labels(view["blocks"]))
    assert "Partner forecast" not in "\n".join(words(view["blocks"]))


def test_the_head_reviews_and_adjusts_each_partner():
    view = check_modal(page.modal(quarter_page(facts(part(signed=signed()), part(2, "Beta")), may=HEAD)))
    assert labels(view["blocks"]).count("Adjust…") == 2
    assert labels(view["blocks"])[0] == "Review and publish…"
    assert "• *Acme*" not in "\n".join(words(view["blocks"])), "each partner once, beside its button"


def test_the_head_signs_as_cover():
    view = page.modal(quarter_page(mine=[mine()], may=HEAD))
    assert labels(view["blocks"])[:2] == ["Review and publish…", "Sign as cover…"]


def test_the_cfo_closes_a_quarter_only_when_it_is_over():
    assert "Close the quarter…" not in labels(page.modal(quarter_page(may=CFO))["blocks"])
    assert "Close the quarter…" in labels(page.modal(quarter_page(may=CFO, over=True))["blocks"])


def test_a_closed_quarter_offers_nothing_that_would_change_it():
    closed = QuarterClose(period="2026Q4", at=AT, by_id=4, snapshot_id=1)
    view = check_modal(page.modal(quarter_page(mine=[mine()], may=HEAD, closed=closed, over=True)))
    assert not {"Sign…", "Review and publish…", "Adjust…", "Close the quarter…"} & set(labels(view["blocks"]))
    assert any("*Closed* by Fay Cfo" in one for one in words(view["blocks"]))


@pytest.mark.parametrize("number", [0, 1, 45, 46, 200])
def test_the_page_fits_with_any_partners_and_snapshots(number):
    parts = [
        part(one + 1, make.HOSTILE["3000 ampersands"], signed=signed(), quota=10**15, attainment=9)
        for one in range(number)
    ]
    found = facts(*parts) if parts else facts(part(expected=False, bands=Bands())).model_copy(update={"pms": ()})
    shots = [(snapshot(id=one), ()) for one in range(9)]
    check_modal(page.modal(quarter_page(found, may=HEAD, snapshots=shots, mine=[mine()])))


def test_who_sees_no_partner_is_told_who_does():
    empty = facts(part()).model_copy(update={"pms": ()})
    assert page.NOBODY in words(page.modal(quarter_page(empty))["blocks"])


def test_adjusting_shows_the_signed_number_and_asks_for_a_reason():
    view = check_modal(form.adjust_modal(part(signed=signed()), QUARTER, "USD", BOOK))
    assert "Signed commit *210,000* by Pat Manager" in words(view["blocks"])[0]
    assert not block(view, "reason").get("optional")


def test_a_review_names_what_is_missing_and_a_blocked_one_cannot_be_published():
    view = check_modal(form.review_modal(facts(missing=("Beta", "Gamma")), "text", "#executives"))
    assert view["submit"]["text"] == "Publish"
    assert (
        "*Not submitted:* Beta, Gamma. Published now, they stand as missing, not as zero." in words(view["blocks"])[0]
    )
    blocked = check_modal(form.review_modal(facts(blocked="No rate."), "text", "#executives"))
    assert "submit" not in blocked


def test_closing_says_what_stands_and_what_to_look_at():
    view = check_modal(form.close_modal(facts(), ["3 deals are still open in it."]))
    assert "*Closed won in 2026Q4: USD 120,000*" in words(view["blocks"])[0]
    assert "• 3 deals are still open in it." in words(view["blocks"])[1]


def test_targets_and_rates_show_what_stands():
    rate = ExchangeRate(currency="EUR", into="USD", day=date(2026, 10, 1), rate="1.0825", at=AT)
    view = check_modal(form.targets_modal(form.Targets(
        quarter=QUARTER, names={0: "", 1: "Acme"}, amounts={0: "500,000", 1: "EUR 100,000"}, rows={0: 3, 1: 4}, rates=[rate], currency="USD",
        page=False, today=date(2026, 11, 4),
    )))  # fmt: skip
    assert block(view, "amount_0")["element"]["initial_value"] == "500,000"
    assert block(view, "amount_1")["label"]["text"] == "Target of Acme"
    assert "• 1 EUR = 1.0825 USD from 1 Oct 2026" in "\n".join(words(view["blocks"]))


@pytest.mark.parametrize("number", [1, 60, 61, 300])
def test_the_form_of_targets_fits_with_any_partners(number):
    names = {0: ""} | dict.fromkeys(range(1, number), make.HOSTILE["3000 characters"])
    rates = [ExchangeRate(currency="EUR", into="USD", day=date(2026, 1, 1), rate="1", at=AT)] * 40
    check_modal(form.targets_modal(form.Targets(quarter=QUARTER, names=names, amounts={}, rows={}, rates=rates, currency="USD", page=True,
                                                today=date(2026, 11, 4), needed="x")))  # fmt: skip


def terms_view(**typed):
    """A submission of the form of terms, each field as it stands unless it was typed."""
    view = form.terms_modal(Terms(), (), BOOK, changes=True)
    values = {}
    for held in view["blocks"]:
        if "element" in held:
            name = held["block_id"].split(":")[0]
            values[held["block_id"]] = {"value": {"value": typed.get(name, held["element"].get("initial_value", ""))}}
    return {"state": {"values": values}}


def test_terms_are_read_by_leaders_and_changed_by_cro_and_cfo():
    read = check_modal(form.terms_modal(Terms(), (), BOOK, changes=False))
    assert "submit" not in read
    assert "*Sourced*: The partner brought the lead." in words(read["blocks"])[1]
    change = check_modal(form.terms_modal(Terms(), (), BOOK, changes=True))
    assert change["submit"]["text"] == "Save a new version"


def test_the_form_of_terms_reads_back_what_it_shows():
    assert form.typed_terms(terms_view(reason="why"), Terms()) == (Terms(), "why")
    changed, _ = form.typed_terms(terms_view(ratio_influenced="0.25", attribution_days="21", reason="y"), Terms())
    assert (changed.ratios.influenced, changed.attribution_days) == (2_500, 21)


@pytest.mark.parametrize("said", ["", "x", "-0.5", "1.1", "2", ".", "0.00001", "½"])
def test_a_ratio_that_is_none_is_refused_on_its_field(said):
    with pytest.raises(FieldErrors) as refused:
        form.typed_terms(terms_view(ratio_sourced=said), Terms())
    assert refused.value.errors == {"ratio_sourced": "A ratio is a number between 0 and 1, such as 0.5."}


@pytest.mark.parametrize("said", ["", "0", "91", "1.5", "ten", "-3"])
def test_days_out_of_their_bounds_are_refused_on_their_field(said):
    with pytest.raises(FieldErrors) as refused:
        form.typed_terms(terms_view(attribution_days=said), Terms())
    assert refused.value.errors == {"attribution_days": "A whole number from 1 to 90."}


def test_versions_of_the_terms_are_listed_with_who_and_why():
    rows = [TermsVersion(number=number, terms={}, reason=make.HOSTILE["braces"], at=AT, by_id=4)
            for number in range(20, 1, -1)]  # fmt: skip
    view = check_modal(form.terms_modal(Terms(version=20), rows, BOOK, changes=True))
    assert view["callback_id"] == View.TERMS


def test_buttons_that_stand_in_messages_fit_their_limit():
    assert all(len(held["value"]) < 200 for held in walk_buttons(page.modal(quarter_page(may=HEAD, mine=[mine()]))))


def walk_buttons(view):
    return [one for held in view["blocks"] if held["type"] == "actions" for one in held["elements"]]


def test_a_page_of_nothing_is_still_a_page():
    made = text(facts(part(expected=False, bands=Bands())).model_copy(update={"pms": (), "program": Bands()}))
    assert "By deals: nothing (0 deals)" in made
