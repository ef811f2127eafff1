"""Managers and their partners in a roll-up: what the deals add up to, and the numbers, targets and changes beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.domain.forecast.facts import AdjustedFacts, Bands, PartnerPart, PmPart, SignedFacts
from models.domain.forecast.parts import REST
from models.domain.forecast.ratios import attainment
from models.forecast.adding import Sums
from models.forecast.scope import Scope
from models.forecast.tally import Lines

REST_NAME = "no partner's share"


@dataclass
class Team:
    """Managers and partners, with all that stands beside them. `blocked`: nothing can be added up."""

    scope: Scope
    sums: Sums
    blocked: bool
    signed: Mapping[int, SignedFacts]
    adjusted: Mapping[int, AdjustedFacts]
    quotas: Mapping[int | None, int]
    lines: Lines

    def pms(self) -> tuple[PmPart, ...]:
        """The managers with the most money first, partners without a manager last."""
        places: dict[int | None, set[int]] = {pm_id: set() for pm_id in self.lines.pms}
        for pm_id, partner_id in self.sums.parts:
            places.setdefault(pm_id, set()).add(partner_id)
        named = {*self.signed, *self.adjusted, *(partner for partner in self.quotas if partner), *self.lines.partners}
        for partner_id in named:
            if self.scope.sees(partner_id):
                places.setdefault(self.scope.pms.get(partner_id), set()).add(partner_id)
        for pm_id in self.lines.rests:
            places.setdefault(pm_id, set()).add(REST)
        found = [self._pm(pm_id, partner_ids) for pm_id, partner_ids in places.items()]
        return tuple(sorted(found, key=lambda pm: (pm.pm_id is None, -pm.bands.total, pm.pm_id or 0)))

    def _pm(self, pm_id: int | None, partner_ids: Iterable[int]) -> PmPart:
        listed = [self._partner(pm_id, partner_id) for partner_id in partner_ids]
        listed.sort(key=lambda part: (part.partner_id == REST, -part.bands.total, part.name, part.partner_id))
        return PmPart(
            pm_id=pm_id,
            bands=Bands() if self.blocked else self.sums.pm_bands(pm_id),
            signed_commit=sum(part.signed.commit for part in listed if part.signed),
            signed_best_case=sum(part.signed.best_case for part in listed if part.signed),
            missing=sum(part.expected and part.signed is None for part in listed),
            changes=self.lines.pm(pm_id),
            partners=tuple(listed),
        )

    def _partner(self, pm_id: int | None, partner_id: int) -> PartnerPart:
        bands = Bands() if self.blocked else self.sums.bands(pm_id, partner_id)
        quota = self.quotas.get(partner_id)
        return PartnerPart(
            partner_id=partner_id,
            name=REST_NAME if partner_id == REST else self.scope.names.get(partner_id, ""),
            pm_id=pm_id,
            bands=bands,
            expected=partner_id in self.sums.expected,
            signed=self.signed.get(partner_id),
            adjusted=self.adjusted.get(partner_id),
            quota=quota,
            attainment=None if self.blocked else attainment(bands.won, quota),
            changes=self.lines.partner(partner_id, pm_id),
        )

    def missing(self) -> tuple[str, ...]:
        """Partners whose number is expected and not there."""
        return self._names(partner_id for partner_id in self.sums.expected if partner_id not in self.signed)

    def not_expected(self) -> tuple[str, ...]:
        """Partners without an open or won deal in the quarter."""
        there = self.sums.expected
        return self._names(one for one in self.scope.names if one not in there and self.scope.sees(one))

    def _names(self, partner_ids: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted(self.scope.names.get(partner_id, "") for partner_id in partner_ids))
