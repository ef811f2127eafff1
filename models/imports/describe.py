"""What an import changes, in words: one line a deal, each field from what it was to what it is."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from models.domain.deals import LABELS, Category
from models.domain.money import format_money
from models.domain.text import clip

_LABELS = {
    "name": "name",
    "account": "account",
    "partner_id": "partner",
    "owner_id": "owner",
    "stage": "stage",
    "category": "category",
    "amount": "amount",
    "close_date": "close date",
    "created_date": "created",
    "next_step": "next step",
    "attribution": "attribution",
    "lost_reason": "lost reason",
}
LONGEST = 60


class Words:
    """Turns stored values into what people read, by the names of people and partners."""

    def __init__(self, people: Mapping[int, str], partners: dict[int, str]) -> None:
        self.people = people
        self.partners = partners

    def name(self, values: Mapping[str, Any]) -> str:
        return clip(values["name"], LONGEST)

    def created(self, values: Mapping[str, Any]) -> str:
        partner = self._value("partner_id", values)
        return f"{clip(values['name'], LONGEST)}: new, {self._value('amount', values)}, {partner}"

    def changed(self, before: Mapping[str, Any], after: Mapping[str, Any], more: tuple[str, ...] = ()) -> str:
        """`NAME: stage Qualification → Needs Analysis; …` for the fields that differ."""
        parts = [
            f"{label} {self._bare(field, before)} → {self._bare(field, after)}"
            for field, label in _LABELS.items()
            if (before[field] != after[field]) or (field == "amount" and before["currency"] != after["currency"])
        ]
        return f"{clip(after['name'], LONGEST)}: {'; '.join([*parts, *more]) or 'nothing that is shown'}"

    def _bare(self, field: str, values: Mapping[str, Any]) -> str:
        """The value behind its label: an unknown amount is not “amount amount unknown”."""
        return "unknown" if field == "amount" and values[field] is None else self._value(field, values)

    def _value(self, field: str, values: Mapping[str, Any]) -> str:
        value = values[field]
        if field == "partner_id":
            return self.partners.get(value, "?") if value else "direct"
        if field == "amount":
            return "amount unknown" if value is None else format_money(value, values["currency"])
        if value in (None, ""):
            return "none"
        if field == "owner_id":
            return self.people.get(value, "?")
        if field == "category":
            return LABELS[Category(value)]
        return value.isoformat() if isinstance(value, date) else clip(str(value), LONGEST)
