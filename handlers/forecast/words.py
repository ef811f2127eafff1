"""How the forecast's figures are said: without the currency, which the page names once; ratios as percent or times."""

from decimal import Decimal

from models.domain.forecast.facts import AttributionState, Bands, ChangeLine, Coverage, Share, Terms
from models.domain.money import format_money
from models.domain.text import count

KINDS = {"sourced": "sourced", "influenced": "influenced", "co_sold": "co-sold", "": "without attribution"}
ROLES = {"cro": "CRO", "cfo": "CFO"}
DOUBTFUL = (
    AttributionState.LATE, AttributionState.ONE_SIDED, AttributionState.OPEN, AttributionState.OVERDUE,
    AttributionState.NO_CLOCK, AttributionState.LEGACY,
)  # fmt: skip


def amount(minor: int, currency: str) -> str:
    """`412,000` of `USD 412,000`."""
    return format_money(minor, currency).removeprefix(f"{currency} ").replace("-", "−")


def difference(minor: int, currency: str) -> str:
    """`+40,000`, `−12,500`, `0`."""
    return f"+{amount(minor, currency)}" if minor > 0 else amount(minor, currency)


def percent(basis_points: int) -> str:
    """`24 %`, with a decimal where it has one: `24.5 %`."""
    return f"{(Decimal(basis_points) / 100).quantize(Decimal('0.1')).normalize():f} %"


def coverage(found: Coverage) -> str:
    """`1.8 times what is missing`, or that nothing is."""
    if found.reached:
        return "target reached"
    if found.basis_points is None:
        return ""
    return f"coverage {(Decimal(found.basis_points) / 10_000).quantize(Decimal('0.01')).normalize():f}×"


def bands(found: Bands, currency: str) -> str:
    """`won 120,000 · commit 280,000 · …`, those that are not zero."""
    listed = (
        ("won", found.won),
        ("commit", found.commit),
        ("best case", found.best_case),
        ("pipeline", found.pipeline),
    )
    return " · ".join(f"{label} {amount(value, currency)}" for label, value in listed if value) or "nothing"


def deals(found: Bands) -> str:
    """`12 deals, 1 of unknown amount`."""
    unknown = f", {found.unknown} of unknown amount" if found.unknown else ""
    return count(found.deals, "deal") + unknown


def change(line: ChangeLine, currency: str) -> str:
    """`recategorised 0 (2 deals: commit −40,000, best case +40,000)`: a line that only moves between bands says so."""
    parts = [
        f"{label} {difference(value, currency)}"
        for label, value in (
            ("won", line.bands.won), ("commit", line.bands.commit), ("best case", line.bands.best_case),
            ("pipeline", line.bands.pipeline),
        )
        if value
    ]  # fmt: skip
    inside = f": {', '.join(parts)}" if len(parts) > 1 else (f", {parts[0].rsplit(' ', 1)[0]}" if parts else "")
    return f"{line.kind.label} {difference(line.bands.total, currency)} ({count(line.deals, 'deal')}{inside})"


def share(found: Share, of: str, currency: str) -> str:
    """`45 % of partner pipeline (491,000)`, or why there is none."""
    if found.basis_points is None:
        return f"share of {of}: {found.why or 'nothing to divide by'}"
    return f"{percent(found.basis_points)} of {of} ({amount(found.whole, currency)})"


def ratio(basis_points: int) -> str:
    """`1.0`, `0.5`."""
    return f"{Decimal(basis_points) / 10_000:.4f}".rstrip("0").ljust(3, "0")


def terms(found: Terms) -> str:
    """The ratios and thresholds in a line."""
    ratios = found.ratios
    return (
        f"Terms, version {found.version}: AE credit sourced {ratio(ratios.sourced)}, influenced "
        f"{ratio(ratios.influenced)}, co-sold {ratio(ratios.co_sold)}; attribution signed by AE and partner manager within "
        f"{found.attribution_days} days"
    )
