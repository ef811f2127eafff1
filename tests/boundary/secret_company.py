"""A company whose every internal field holds a marked secret, and a week of it, as a generated plan says."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.checkin import form as checkin_form
from handlers.features import SHARED_CARDS, SHARED_RENDERERS
from models import closing, pbr
from models.closing import Closing, Promise, Verdict
from models.domain.meetings import JOINT_FORECAST, OUR_ASKS, SPONSOR, THEIR_ASKS
from models.domain.pbr import Loss, Said, TypedPromise
from models.joint import checkin, marks, stages, views
from models.minutes import closing as minutes
from models.pbr import Submitted
from models.shared import copying, owing
from models.tables import (
    Adjustment,
    Artifact,
    Card,
    Deal,
    DealPartner,
    DealVersion,
    JointAnswer,
    JointDeal,
    LossReason,
    NextAction,
    Occurrence,
    Outbox,
    Partner,
    Person,
    Quota,
    SignedCommit,
    StageName,
    Touch,
)
from tests import make, table
from tests.boundary.secrets import Vault, as_text, seen_in
from tests.make import NOW, POLICY

DUE = date(2026, 4, 20)
WEEKS = 2
CLOSE = {"won": "Closed Won", "lost": "Closed Lost"}


@dataclass(frozen=True)
class DealPlan:
    """One deal: what of it is shared with its partner, and whether a second partner has a part in it or sees it."""

    joint: bool = True
    amount: bool = True
    worded: bool = True
    named: bool = True
    said: bool = True
    category: str = "pipeline"
    reason: bool = True
    second: bool = False
    second_joint: bool = False


@dataclass(frozen=True)
class Plan:
    """A company by partner, and what happens, in order: (what, which partner, which deal)."""

    partners: tuple[tuple[DealPlan, ...], ...]
    events: tuple[tuple[str, int, int], ...]
    seed: int = 0


EVENTS = (
    "check_in", "say", "close_review", "skip_review", "pbr", "readout", "deliver", "take_back", "keep_amount", "unlink",
    "unword", "unname", "win", "lose", "untick", "held", "share_amount",
)  # fmt: skip


@dataclass
class Shares:
    """What is shared of one deal with one partner right now; kept by the test, from what it did."""

    mark: JointDeal
    amount: bool
    linked: bool = True
    standing: bool = True
    worded: bool = False
    named: bool = False
    ticked: bool = False

    @property
    def crosses(self) -> bool:
        return self.standing and self.linked


@dataclass
class Held:
    """One deal with its rows and what is shared of it, by partner."""

    deal: Deal
    version: DealVersion
    shares: dict[int, Shares] = field(default_factory=dict)
    action: NextAction | None = None
    amount: int = 0


@dataclass
class Sight:
    """Something that reached one partner."""

    partner_id: int
    what: str
    text: str


class Company:
    """Partners, people and deals, every internal field a secret."""

    def __init__(self, session: AsyncSession, plan: Plan) -> None:
        self.session, self.plan, self.vault = session, plan, Vault(plan.seed)
        self.partners: list[Partner] = []
        self.deals: list[list[Held]] = []
        self.delivered: set[int] = set()
        self._fresh: list[Sight] = []
        self._seen = 0
        self.now = NOW
        self.pm: Person
        self.head: Person

    async def build(self) -> "Company":
        session, vault = self.session, self.vault
        self.head = await make.person(session, "Hedda Lead", "head", email=vault.word("an e-mail address"))
        await make.person(session, "Cara Revenue", "cro")
        self.pm = await make.person(session, "Pat Manager", "pm", email=vault.word("an e-mail address"))
        self.ann = await make.person(session, "Ann Seller", "ae")
        for number in range(len(self.plan.partners)):
            name = f"Pt{number}"
            partner = await make.partner(
                session, name, self.pm, joint_channel=f"joint-{number}", joint_approved=f"joint-{number}", joint_teams=[],
                internal_channel=vault.word("an internal channel"), archetype=vault.word("an archetype"),
                stage=vault.word("a journey stage"),
            )  # fmt: skip
            self.partners.append(partner)
            await make.review(session, partner, at=make.time(10 + number))
        await self._numbers()
        for number, listed in enumerate(self.plan.partners):
            self.deals.append([await self._deal(number, one) for one in listed])
        await table.turn(session, "pbr", "readout")
        vault.forbidden_sums = self._sums
        return self

    def _sums(self, partner_id: int) -> list[tuple[str, int]]:
        """Totals that would reveal an amount that is not shared."""
        of_partner = [
            one
            for listed in self.deals
            for one in listed
            if partner_id in one.shares or one.version.partner_id == partner_id
        ]
        shown = {
            sum(one.amount for one in of_partner if self._shown(one, partner_id, closed=closed))
            for closed in (True, False)
        }
        totals = {
            "the total of all deals": sum(one.amount for one in of_partner),
            "the total of open deals": sum(one.amount for one in of_partner if one.version.category not in CLOSE),
            "the total of joint deals": sum(one.amount for one in of_partner if partner_id in one.shares),
            "the total of what is not shared": sum(one.amount for one in of_partner if not self._shown(one, partner_id, closed=True)),
        }  # fmt: skip
        single = {one.amount for one in of_partner}
        return [(what, amount) for what, amount in totals.items() if amount and amount not in shown | single]

    def _shown(self, one: Held, partner_id: int, *, closed: bool) -> bool:
        share = one.shares.get(partner_id)
        return share is not None and share.crosses and share.amount and (closed or one.version.category not in CLOSE)

    async def _numbers(self) -> None:
        """Signed numbers, targets, another partner's pulse: rows that nothing outside ever knows of."""
        vault, session = self.vault, self.session
        for partner in self.partners:
            session.add(SignedCommit(
                period="2026Q1", partner_id=partner.id, pm_id=self.pm.id, by_id=self.pm.id, at=NOW, currency="USD",
                commit=vault.amount("a signed commit"), best_case=vault.amount("a signed best case"),
                deals_commit=vault.amount("a sum of deals"), deals_best_case=vault.amount("a sum of deals"),
            ))  # fmt: skip
            session.add(Adjustment(period="2026Q1", partner_id=partner.id, by_id=self.head.id, at=NOW, currency="USD",
                                   commit=vault.amount("an adjustment"), reason=vault.word("an adjustment's reason")))  # fmt: skip
            session.add(
                Quota(period="2026Q1", partner_id=partner.id, currency="USD", amount=vault.amount("a quota"), at=NOW)
            )
        await session.flush()

    async def _deal(self, place: int, plan: DealPlan) -> Held:
        vault, session, partner = self.vault, self.session, self.partners[place]
        amount, account = vault.amount("an amount"), vault.word("an account")
        stage = CLOSE.get(plan.category, vault.word("our stage"))
        deal = await make.deal(
            session, vault.word("a deal's name"), partner, self.ann, account=account, amount=amount, stage=stage,
            category=plan.category, close_date=date(2026, 3, 3) if plan.category in CLOSE else vault.day(),
            created_date=vault.day(), next_step=vault.word("the CRM's next step"), attribution=vault.word("a kind")[:15],
            lost_reason=vault.word("the CRM's reason"), seen=NOW - timedelta(days=2),
            said={"stage": {"value": vault.word("a stage said"), "by_id": self.ann.id, "at": NOW.isoformat()}},
        )  # fmt: skip
        deal.help_needed, deal.partner_owner = (
            vault.word("help needed"),
            vault.word("the partner's owner as we wrote it"),
        )
        held = Held(deal, await make.current(session, deal), amount=amount)
        shared = vault.word(
            "a shared wording", partner_id=partner.id, shared=lambda: self._open(held, partner.id, "worded")
        )
        if plan.category not in CLOSE:
            held.action = await make.action(session, deal, self.ann, vault.word("a next action"),
                                            shared_text=shared if plan.worded else "", close_note=vault.word("a note"))  # fmt: skip
        session.add(Touch(deal_id=deal.id, partner_id=partner.id, day=NOW.date(), said=vault.word("a touch"), at=NOW,
                          by_id=self.ann.id))  # fmt: skip
        session.add(LossReason(deal_id=deal.id, reason=vault.word("a loss reason nobody shares"), shared=False, at=NOW,
                               by_id=self.pm.id))  # fmt: skip
        if plan.category == "lost" and plan.reason:
            words = vault.word(
                "a ticked reason", partner_id=partner.id, shared=lambda: self._open(held, partner.id, "ticked")
            )
            session.add(LossReason(deal_id=deal.id, reason=words, shared=True, at=NOW, by_id=self.pm.id))
        if plan.joint:
            await self._share(held, partner, plan, account)
            held.shares[partner.id].worded = plan.worded
            held.shares[partner.id].ticked = plan.category == "lost" and plan.reason
        if plan.second:
            other = self.partners[(place + 1) % len(self.partners)]
            session.add(DealPartner(deal_id=deal.id, partner_id=other.id, share=0, is_primary=False, valid_from=NOW,
                                    role=vault.word("a role")))  # fmt: skip
            if plan.second_joint:
                await session.flush()
                await self._share(held, other, plan, account)
                held.shares[other.id].worded = plan.worded
                vault.open_to(shared, other.id, lambda: self._open(held, other.id, "worded"))
        await session.flush()
        return held

    def _open(self, held: Held, partner_id: int, what: str) -> bool:
        share = held.shares.get(partner_id)
        return share is not None and share.crosses and bool(getattr(share, what))

    async def _share(self, held: Held, partner: Partner, plan: DealPlan, account: str) -> None:
        """The mark, the stage's words, and what the partner itself said, all of which may reach this partner."""
        session, vault = self.session, self.vault
        mark = JointDeal(deal_id=held.deal.id, partner_id=partner.id, amount_shared=plan.amount, valid_from=NOW)
        session.add(mark)
        held.deal.joint = True
        held.shares[partner.id] = share = Shares(mark, plan.amount)
        vault.open_to(account, partner.id, lambda: share.crosses)
        vault.open_to(str(held.amount), partner.id, lambda: share.crosses and share.amount)
        await session.flush()
        if plan.named:
            words = vault.word("a stage's agreed words", partner_id=partner.id, shared=lambda: True)
            await self._call(partner, held.version.stage, words)
            share.named = True
        if plan.said:
            await self._say(share, partner)

    async def _call(self, partner: Partner, stage: str, words: str) -> None:
        if stage not in await stages.names(self.session, partner.id):
            self.session.add(StageName(partner_id=partner.id, stage=stage, joint=words, changed_at=NOW))
            await self.session.flush()

    async def _say(self, share: Shares, partner: Partner) -> None:
        def own(what: str) -> str:
            return self.vault.word(what, partner_id=partner.id, shared=lambda: share.crosses)

        self.session.add(JointAnswer(
            joint_deal_id=share.mark.id, at=self.now, source="form", changed={}, said_by=own("who said so"),
            stage=own("their stage"), action=own("their action"), owner=own("their owner"), due=DUE, ask=own("their ask"),
        ))  # fmt: skip
        await self.session.flush()

    # What happens.

    async def live(self) -> AsyncIterator[Sight]:
        """Everything that reached a partner, as it happens; whatever is shown is shown anew after each event."""
        for event, partner, deal in self.plan.events:
            self.now += timedelta(minutes=1)
            number = partner % len(self.partners)
            listed = self.deals[number]
            held = listed[deal % len(listed)] if listed else None
            await getattr(self, event)(self.partners[number], held)
            await self.session.flush()
            async for sight in self.shown():
                yield sight
        await self.deliver(self.partners[0], None)
        async for sight in self.shown():
            yield sight

    async def shown(self) -> AsyncIterator[Sight]:
        """What each partner can see now: cards as they are edited, forms, what waits to be copied, what was delivered."""
        cards = await self.session.scalars(select(Card).where(Card.partner_id.is_not(None)))
        for card in cards.all():
            message = await SHARED_CARDS[card.kind](self.session, card.id, now=self.now, policy=POLICY)
            if message is not None:
                yield Sight(card.partner_id or 0, f"the card {card.kind}", seen_in(message))
        for sight in await self._frozen():
            yield sight
        for partner in self.partners:
            for sight in await self._looked_at(partner):
                yield sight
        while self._fresh:
            yield self._fresh.pop(0)

    async def _frozen(self) -> list[Sight]:
        """What was frozen for a partner by the last event: nothing that has to be left out later may be in it already."""
        rows = await self.session.scalars(
            select(Artifact).where(Artifact.audience == "partner", Artifact.id > self._seen)
        )
        found = [Sight(row.partner_id or 0, f"the frozen {row.kind}", as_text(row.facts)) for row in rows.all()]
        self._seen = await self.session.scalar(select(func.max(Artifact.id))) or 0
        return found

    async def _looked_at(self, partner: Partner) -> list[Sight]:
        found = [
            Sight(partner.id, "text to copy", one.title + one.text)
            for one in await copying.to_copy(self.session, partner.id, now=self.now)
        ]
        text = await checkin.text_to_copy(self.session, partner.id, now=self.now, policy=POLICY)
        found.append(Sight(partner.id, "the check-in to copy", text))
        listed = await views.shared_deals(self.session, partner.id, now=self.now)
        words = tuple((await stages.names(self.session, partner.id)).values())
        for deal in listed:
            page = checkin_form.FormPage(partner.name, deal, words, 0, choices=listed)
            found.append(Sight(partner.id, "the counterpart's form", as_text(checkin_form.modal(page))))
        return found

    async def check_in(self, partner: Partner, _: Held | None) -> None:
        week = await self._week(partner)
        if week is not None:
            await checkin.owe(self.session, week, partner, now=self.now, policy=POLICY, step=None)

    async def say(self, partner: Partner, held: Held | None) -> None:
        share = held.shares.get(partner.id) if held else None
        if share is not None:
            await self._say(share, partner)

    async def close_review(self, partner: Partner, _: Held | None, *, is_held: bool = True) -> None:
        week = await self._week(partner)
        if week is None:
            return
        self.now = max(self.now, week.ends_at)
        week.moved_reason = self.vault.word("why it was moved")
        standing = await closing.to_judge(self.session, week.cadence_id)
        promises = [
            Promise(self.vault.word("a commitment"), self.ann.id, DUE, shared=self._worded(partner) if place else "")
            for place in range(2)
        ]
        form = Closing(
            week.id, is_held, "" if is_held else "ours", "" if is_held else self.vault.word("why it was skipped"),
            {one.id: Verdict("carried") for one in standing}, tuple(promises) if is_held else (),
        )  # fmt: skip
        await closing.close(self.session, self.pm, form, now=self.now, policy=POLICY)

    def _worded(self, partner: Partner) -> str:
        return self.vault.word("a worded commitment", partner_id=partner.id, shared=lambda: True)

    async def skip_review(self, partner: Partner, held: Held | None) -> None:
        await self.close_review(partner, held, is_held=False)

    async def pbr(self, partner: Partner, _: Held | None) -> None:
        found = await self._meeting(partner, "pbr", "2026-04")
        if found is None:
            return
        self.now = max(self.now, found.ends_at)
        base = (await pbr.desk_of(self.session, found.id, now=self.now, policy=POLICY)).base
        word = self.vault.word
        said = Said(
            changes=(word("a change"), word("another change")), accounts=word("an account typed for us"),
            promises=tuple(TypedPromise(text=word("a commitment"), owner_id=self.pm.id, due=DUE + timedelta(days=10),
                                        shared=self._worded(partner) if place else "") for place in range(2)),
            what_changed=word("what changed") if base.versions else "",
            shared_pursuit=word("an account for them", partner_id=partner.id, shared=lambda: True),
            shared_changes=word("a change for them", partner_id=partner.id, shared=lambda: True),
            lost={one.deal.id: Loss(reason=word("a reason typed for us"), shared=False)
                  for one in self.deals[self.partners.index(partner)] if one.version.category == "lost" and not base.versions
                  and not any(share.ticked for share in one.shares.values())},
        )  # fmt: skip
        if base.versions:
            said = said.model_copy(update={"promises": ()})
        await pbr.publish(self.session, self.pm, Submitted(found.id, base, said), now=self.now, policy=POLICY)

    async def readout(self, partner: Partner, _: Held | None) -> None:
        found = await self._meeting(partner, "readout", "2026Q1")
        if found is None or found.closed_at is not None:
            return
        self.now = max(self.now, found.ends_at)

        def own(what: str) -> str:
            return self.vault.word(what, partner_id=partner.id, shared=lambda: True)

        said = {
            SPONSOR: own("their sponsor"), "our_asks": self.vault.word("our ask"), "their_asks": self.vault.word("their ask"),
            OUR_ASKS: own("our ask for them"), THEIR_ASKS: own("their ask, worded"), JOINT_FORECAST: own("the joint forecast"),
        }  # fmt: skip
        promises = tuple(
            Promise(self.vault.word("a commitment"), self.pm.id, DUE + timedelta(days=10), shared=self._worded(partner))
            for _ in range(2)
        )
        form = Closing(found.id, True, "", "", {}, promises)
        await minutes.close(self.session, self.head, form, said, now=self.now, policy=POLICY)

    async def held(self, partner: Partner, _: Held | None) -> None:
        """A held internal message: somebody asks for its partner-safe version."""
        rows = await self.session.scalars(
            select(Outbox).where(Outbox.audience == "internal", Outbox.channel_ref == partner.internal_channel)
        )
        for row in rows.all():
            if owing.has_safe(row):
                await owing.owe_safe(self.session, row, now=self.now, policy=POLICY)

    async def deliver(self, _: Partner, __: Held | None) -> None:
        """What waits for a partner goes out as it is now."""
        rows = await self.session.scalars(select(Outbox).where(Outbox.audience == "partner").order_by(Outbox.id))
        for row in rows.all():
            if row.id in self.delivered or row.card_id is not None:
                continue
            self.delivered.add(row.id)
            message = await SHARED_RENDERERS[row.template](self.session, row.args, now=self.now, policy=POLICY)
            if message is not None:
                self._fresh.append(Sight(row.partner_id or 0, f"the message {row.template}", seen_in(message)))

    async def take_back(self, partner: Partner, held: Held | None) -> None:
        share = held.shares.get(partner.id) if held else None
        if share is not None and share.standing:
            await marks.take_back(self.session, self.pm, share.mark.id, now=self.now, policy=POLICY)
            share.standing = False

    async def keep_amount(self, partner: Partner, held: Held | None, *, shared: bool = False) -> None:
        share = held.shares.get(partner.id) if held else None
        if share is not None and share.standing:
            await marks.share_amount(self.session, self.pm, share.mark.id, shared, now=self.now, policy=POLICY)
            share.amount = shared

    async def share_amount(self, partner: Partner, held: Held | None) -> None:
        await self.keep_amount(partner, held, shared=True)

    async def unlink(self, partner: Partner, held: Held | None) -> None:
        """The deal leaves the partner, and nobody has ended its mark yet."""
        if held is None:
            return
        if held.version.partner_id == partner.id:
            held.version.partner_id = None
        links = await self.session.scalars(select(DealPartner).where(
            DealPartner.deal_id == held.deal.id, DealPartner.partner_id == partner.id))  # fmt: skip
        for link in links.all():
            link.valid_to = self.now
        if partner.id in held.shares:
            held.shares[partner.id].linked = False

    async def unword(self, _: Partner, held: Held | None) -> None:
        if held is not None and held.action is not None:
            held.action.shared_text = ""
            for share in held.shares.values():
                share.worded = False

    async def unname(self, partner: Partner, _: Held | None) -> None:
        await self.session.execute(StageName.__table__.delete().where(StageName.partner_id == partner.id))

    async def win(self, _: Partner, held: Held | None, *, category: str = "won") -> None:
        if held is None or held.version.category in CLOSE:
            return
        held.version.valid_to = self.now
        copied = {name: getattr(held.version, name) for name in (
            "deal_id", "name", "account", "partner_id", "owner_id", "amount", "currency", "next_step", "lost_reason", "said")}  # fmt: skip
        fresh = DealVersion(**copied, valid_from=self.now, reported_at=self.now, source="import", category=category,
                            stage=CLOSE[category], close_date=self.now.date())  # fmt: skip
        self.session.add(fresh)
        await self.session.flush()
        held.deal.version_id, held.version = fresh.id, fresh

    async def lose(self, partner: Partner, held: Held | None) -> None:
        await self.win(partner, held, category="lost")

    async def untick(self, _: Partner, held: Held | None) -> None:
        if held is not None:
            self.session.add(LossReason(deal_id=held.deal.id, reason=self.vault.word("a reason of ours"), shared=False,
                                        at=self.now, by_id=self.pm.id))  # fmt: skip
            for share in held.shares.values():
                share.ticked = False

    # Which meeting.

    async def _week(self, partner: Partner) -> Occurrence | None:
        """The partner's first review that is not closed."""
        found: Occurrence | None = await self.session.scalar(
            select(Occurrence)
            .join(make.Cadence, make.Cadence.id == Occurrence.cadence_id)
            .where(
                make.Cadence.kind == "weekly_review",
                make.Cadence.partner_id == partner.id,
                Occurrence.closed_at.is_(None),
            )
            .order_by(Occurrence.starts_at)
            .limit(1)
        )
        return found if found is not None and found.starts_at < NOW + timedelta(weeks=WEEKS) else None

    async def _meeting(self, partner: Partner, key: str, slot: str) -> Occurrence | None:
        return (await table.held(self.session, await table.series(self.session, key, partner))).get(slot)


FULL, NOTHING, INTERNAL = {}, {"amount": False, "worded": False, "named": False, "reason": False}, {"joint": False}
"""All of a deal is shared with its partner, only that it is joint, or not even that."""


def first_plan() -> Plan:
    """Everything happens once, above all between a page's freezing and its delivery: for the tests that the search has teeth."""
    deals = [
        *(DealPlan(category="pipeline", **shared) for shared in (FULL, NOTHING, INTERNAL)),
        DealPlan(category="commit"),
        *(DealPlan(category="won", **shared) for shared in (FULL, NOTHING, INTERNAL)),
        *(DealPlan(category="lost", **shared) for shared in (FULL, NOTHING, INTERNAL)),
        DealPlan(second=True, second_joint=True),
        DealPlan(),
        DealPlan(category="lost", second=True, second_joint=True),
    ]
    others = (DealPlan(), DealPlan(joint=False, second=True), DealPlan(category="won"))
    events = (
        ("check_in", 0, 0), ("say", 0, 0), ("close_review", 0, 0), ("close_review", 1, 0), ("keep_amount", 0, 0),
        ("unword", 0, 3), ("keep_amount", 0, 4), ("untick", 0, 7), ("take_back", 0, 10), ("unlink", 0, 11), ("deliver", 0, 0),
        ("held", 0, 0), ("close_review", 0, 0), ("take_back", 0, 4), ("deliver", 0, 0), ("pbr", 0, 0), ("readout", 0, 0),
        ("deliver", 0, 0), ("share_amount", 0, 0), ("skip_review", 1, 0), ("pbr", 1, 0), ("unname", 0, 0), ("deliver", 0, 0),
    )  # fmt: skip
    return Plan((tuple(deals), others), events)
