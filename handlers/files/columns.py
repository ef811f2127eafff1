"""The workbook's lists, column by column, and the terms in words."""

from handlers.files.sheets import Column as C  # noqa: N817 - a table of columns is read more easily
from handlers.files.words import ROLL_UP_KINDS as KINDS
from models.domain.deals import Attribution
from models.domain.forecast.facts import RollUpFacts


def lists(currency: str) -> tuple[tuple[str, str, tuple[C, ...]], ...]:
    """Title, sentence and columns of each list, in the order of their tabs."""
    value, deal, name = f"Value ({currency})", C("Deal id", 9, "id"), C("Deal", 34)
    return (
        ("Deals", "One row a deal. Value = amount × rate, rounded once; a blank amount is unknown and adds nothing.", (
            deal, C("CRM id", 20), name, C("Account", 26), C("Partner id", 9, "id"), C("Partner", 24),
            C("Manager id", 9, "id", "DealManager"), C("Partner manager", 20), C("AE", 20), C("Kind", 18, name="DealKind"),
            C("Attribution", 18, name="DealState"), C("Category", 11, name="DealCategory"), C("Close date", 13, "day"),
            C("Currency", 9, name="DealCurrency"), C("Amount", 17, "own", "DealAmount"), C("Rate", 12, "rate"),
            C("Rate of", 13, "day", "DealRateDay"), C(value, 17, "money", "DealValue"), C("Amount known", 9, name="DealKnown"),
        )),
        ("Parts", "Whose share of each deal is whose: the parts of a deal add up to its value.", (
            deal, name, C("Partner id", 9, "id", "PartPartner"), C("Partner", 26), C("Manager id", 9, "id", "PartManager"),
            C("Partner manager", 22), C("Category", 12, name="PartCategory"), C("Share", 10, "ratio"),
            C(value, 18, "money", "PartValue"), C("Amount known", 9, name="PartKnown"),
        )),
        ("What changed", "What each deal put on which line, by band and partner; “Deals” counts a deal once a line.", (
            deal, name, C("Line", 15, name="ChangeLine"), C("Band", 12, name="ChangeBand"),
            C("Partner id", 9, "id", "ChangePartner"), C("Partner", 26), C("Manager id", 9, "id", "ChangeManager"),
            C("Partner manager", 22), C(f"Amount ({currency})", 18, "money", "ChangeAmount"), C("Deals", 8, "whole", "ChangeDeals"),
        )),
        ("Signatures", "Every signed commit and adjustment, amended ones too; those that count say so. Closed won is included.", (
            C("What", 15, name="SignWhat"), C("Partner id", 9, "id", "SignPartner"), C("Partner", 26), C("Partner manager", 22),
            C("Commit", 17, "money", "SignCommit"), C("Best case", 17, "money", "SignBest"), C("By", 22), C("For", 22),
            C("At", 19, "instant"), C("Deals' commit then", 17, "money"), C("Deals' best case then", 17, "money"),
            C("Reason", 40), C("Counts", 9, name="SignCounts"),
        )),
        ("Attribution", "Every claim with its two signatures; what was replaced stays.", (
            deal, name, C("Partner", 24), C("Kind", 18), C("Opened", 19, "instant"), C("Opened by", 22), C("Due", 13, "day"), C("AE signed", 22),
            C("for", 18), C("at", 19, "instant"), C("Manager signed", 22), C("for", 18), C("at", 19, "instant"),
            C("In force", 19, "instant"), C("Replaced", 19, "instant"), C("Reason", 40),
        )),
        ("Credit", "Quota credit of each won deal: value × ratio, an AE's remainder divided so that nothing is lost.", (
            deal, name, C("Person id", 9, "id", "CreditOwner"), C("AE", 22), C("Kind", 18), C("Attribution", 18),
            C("Ratio", 9, "ratio"), C(value, 18, "money", "CreditValue"), C("Credit", 18, "money", "CreditCredit"),
            C("Unsigned", 10, name="CreditUnsigned"),
        )),
        ("Conversions", "Each rate that was used: amount × rate beside the values, which were rounded deal by deal.", (
            C("Currency", 10), C("Rate", 14, "rate"), C("As of", 13, "day"), C("In force from", 13, "day"), C("Deals", 8, "whole"),
            C("Amount", 20, "own"), C("Amount × rate", 20, "money"), C(value, 20, "money"), C("Rounding", 12, "money"),
        )),
        ("Rates", "Exchange rates as entered; in force is the latest row on or before the day.", (
            C("Currency", 10), C("Into", 8), C("From day", 13, "day"), C("Rate", 16, "rate"), C("Entered", 19, "instant"),
            C("By", 22), C("Source", 16),
        )),
        ("Targets", "Targets as entered; those that count say so.", (
            C("Partner id", 9, "id", "TargetPartner"), C("Partner", 28), C("Currency", 10),
            C("Amount", 18, "own"), C(value, 18, "money", "TargetAmount"), C("Entered", 19, "instant"), C("By", 22), C("Source", 16),
            C("Counts", 9, name="TargetCounts"),
        )),
    )  # fmt: skip


def terms_in_words(facts: RollUpFacts) -> list[tuple[str, str]]:
    """What a reader of the numbers has to know, a label and a sentence each."""
    terms, ratios = facts.terms, facts.terms.ratios
    kinds = (Attribution.SOURCED, Attribution.INFLUENCED, Attribution.CO_SOLD)
    return [
        *((KINDS[kind].capitalize(), terms.definition(kind)) for kind in kinds),
        *((f"Quota credit, {KINDS[kind]}", f"{ratios.of(kind.value) / 10_000:g} of what was won") for kind in kinds),
        ("Attribution", f"Both signatures within {terms.attribution_days} days; later ones count as late."),
        ("Closing", f"The CFO closes a quarter within {terms.close_days} working days of its end; what changes afterwards is a restatement."),
        ("Signing again", f"A new partner manager signs again within {terms.resign_days} working days."),
        ("Predicted landing", f"Shown when it rests on {terms.landing_deals} deals of {terms.landing_quarters} quarters at least."),
        ("What counts", "Deals with a partner that are won or open and close in the quarter; lost and direct deals do not."),
        ("Categories", "Closed won, commit, best case and pipeline exclude one another. A signed commit includes closed won."),
        ("Conversion", "Won deals at the rate of their close date, open ones at that of the cut-off day; each deal rounded half-even once, then added."),
        ("Unknown amounts", "A deal without an amount is counted, and adds nothing."),
        ("Attainment", "Closed won ÷ target."),
        ("Coverage", "Open pipeline ÷ (target − closed won); reached when closed won is the target or more."),
        ("Accuracy", "1 − |signed − closed| ÷ the larger of both, never below 0; not rated when both are 0."),
        ("Credit", "Per account executive the sum of value × ratio, rounded half-even once and divided among the deals by largest remainder."),
    ]  # fmt: skip
