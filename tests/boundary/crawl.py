"""Every door that somebody entitled is shown, with what it really carries: found by going through them, as people do.

From the commands, the cards, the messages and the Home tabs on, every button is pressed, every form opened and filled in.
What comes of it are payloads as good as any that could be copied, forwarded or forged.
"""

import json
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select

from handlers.attribution.ids import Shortcut as Touch
from handlers.checkin.ids import MarkRef
from handlers.features import CARD_RENDERERS, RENDERERS
from handlers.first_run.ids import Action as First
from handlers.first_run.ids import CrmRef, Row
from handlers.first_run.ids import View as FirstView
from handlers.joint.ids import Action as JointAction
from handlers.kit.doors import CardRef, Door
from handlers.pbr.ids import Action as PbrAction
from handlers.pbr.ids import FormState as PbrState
from handlers.pbr.ids import View as PbrView
from models.tables import Artifact, Card, Counterpart, JointDeal, Outbox, Person
from tests.boundary import ground as g
from tests.boundary.company import NED
from tests.boundary.ground import Caller, Came, Ground
from tests.boundary.slack import Json

DUE = date(2026, 4, 24)
"""A working day in the week after: what every date of a form is filled with."""
ENOUGH = 2
"""So many people try the same door with the same choice."""


GIVEN: Mapping[str, Mapping[str, Any]] = {
    "attribution.touch_form": {"deal": "2", "touch_day": "2026-04-16"},
    "cadence.bump_form": {"at": "15:45"},
    "first_run.person_form": {"person": "U00000004", "holidays": "GB-ENG", "roles": ["ae", "pm"]},
    "forecast.targets_form": {"currency": "EUR"},
    "forecast.terms_form": {"ratio_influenced": "0.4"},
    "home.away_form": {"cover": NED},
    "joint.deals_form": {"deals": [], "amounts": []},
    "joint.person_form": {"person": "U00000121"},
    "pbr.form": {"how": "draft"},
    "people.hand_over_form": {"person": "U00000003", "to": "U00000004"},
    "people.new_manager_form": {"partner": "11", "manager": "U00000002"},
}
"""What a form has to be told where its own first choice would change nothing: by form and field."""
MOST_CHOICES = 6
"""So many choices of one menu are tried."""
COMMANDS = ("/deals", "/deals new", "/cadence", "/cadence start", "/cadence setup", "/pbr", "/forecast")


@dataclass(frozen=True)
class Offer:
    """One request that somebody entitled could send: `kind` and `door` as the app registers them."""

    kind: str
    door: str
    by: Caller
    body: Json = field(hash=False, compare=False)

    def sent_by(self, caller: Caller) -> Json:
        """The very same request by somebody else: forwarded, replayed or forged."""
        if "command" in self.body:
            return self.body | {"user_id": caller.slack_id}
        return self.body | {"user": self.body["user"] | {"id": caller.slack_id, "team_id": caller.team}}


def filled(view: Json, me: str) -> Json:
    """The values of a form's inputs: what it shows, else something a person could say."""
    values: Json = {}
    given = GIVEN.get(view.get("callback_id", ""), {})
    for block in view.get("blocks", ()):
        if block["type"] == "input":
            element = block["element"]
            name = block["block_id"].split(":")[0]
            values[block["block_id"]] = {element["action_id"]: _value(element, me, name, given.get(name))}
    return values


def _value(element: Json, me: str, name: str, given: Any) -> Json:
    kind = element["type"]
    if kind in ("plain_text_input", "number_input"):
        return {"type": kind, "value": given or element.get("initial_value") or _words(name)}
    if kind == "datepicker":
        return {"type": kind, "selected_date": given or element.get("initial_date") or DUE.isoformat()}
    if kind == "timepicker":
        return {"type": kind, "selected_time": given or element.get("initial_time") or "16:30"}
    if kind == "users_select":
        return {"type": kind, "selected_user": given or element.get("initial_user") or me}
    if kind == "conversations_select":
        return {"type": kind, "selected_conversation": given or element.get("initial_conversation") or "C00000004"}
    if kind in ("checkboxes", "multi_static_select") and given is not None:
        return {"type": kind, "selected_options": [one for one in element["options"] if one["value"] in given]}
    if kind in ("checkboxes", "multi_static_select"):
        chosen = element.get("initial_options") or ([] if kind == "checkboxes" else element["options"][-1:])
        return {"type": kind, "selected_options": chosen}
    options = element.get("options") or [one for group in element.get("option_groups", ()) for one in group["options"]]
    chosen = element.get("initial_option") or (options[0] if options else None)
    if given is not None:
        chosen = next((one for one in options if one["value"] == given), {"value": given, "text": {"text": "x"}})
    return {"type": kind, "selected_option": chosen}


def _words(name: str) -> str:
    return (
        "12000"
        if any(word in name for word in ("amount", "commit", "best", "rate", "minutes"))
        else f"Words for {name}"
    )


def offers_of(view: Json, me: Caller, *, opened: str = "") -> Iterator[Offer]:
    """What a view offers; `opened` is the id that Slack gave it."""
    named = [
        {"block_id": f"named_{place}"} | block for place, block in enumerate(view.get("blocks", ()))
    ]  # as Slack does
    held = g.view_of(view.get("callback_id", ""), view.get("private_metadata", ""), blocks=named,
                     **({"id": opened} if opened else {}))  # fmt: skip
    held |= {"type": view["type"], "state": {"values": filled(view, me.slack_id)}}
    for action in _actions(view.get("blocks", ())):
        if action["type"] == "external_select":
            yield Offer("options", action["action_id"], me, g.suggestion(me, action["action_id"], "", held))
        else:
            yield Offer("action", action["action_id"], me, g.click(me, action, view=held))
    if "submit" in view:
        yield Offer("view", view["callback_id"], me, g.submission(me, held))


def _actions(blocks: Any) -> Iterator[Json]:
    for block in blocks:
        elements = [*block.get("elements", ()), block.get("accessory"), block.get("element")]
        for element in elements:
            if isinstance(element, dict) and "action_id" in element:
                if (
                    block["type"] == "input"
                    and not block.get("dispatch_action")
                    and element["type"] != "external_select"
                ):
                    continue
                yield from _pressed(element, block.get("block_id", "b"))


def _pressed(element: Json, block_id: str) -> Iterator[Json]:
    """The element as it comes back when somebody presses it: each choice of a menu is one."""
    made = {"type": element["type"], "action_id": element["action_id"], "block_id": block_id}
    if element["type"] == "button":
        if "url" not in element:
            yield made | {"value": element.get("value", "")}
    elif element["type"] == "external_select":
        yield made
    else:
        for option in element.get("options", ())[:MOST_CHOICES]:
            yield made | {"selected_option": option}


@dataclass
class Crawl:
    """What was found, and what came of each offer when it was sent by whom it was made to."""

    ground: Ground
    found: list[tuple[Offer, Came]] = field(default_factory=list)
    _seen: dict[tuple[str, str, str], set[Caller]] = field(default_factory=lambda: defaultdict(set))
    _waiting: deque[Offer] = field(default_factory=deque)

    async def go(self, *roles: str) -> "Crawl":
        me = [Caller(str((await self.ground.person(role=role)).slack_id)) for role in roles]
        for caller in me:
            for name in COMMANDS:
                word, _, rest = name.partition(" ")
                self._add(Offer("command", word, caller, g.command(caller, word, rest)))
            self._add(Offer("shortcut", Touch.TOUCH, caller, g.shortcut(caller, Touch.TOUCH)))
        await self._messages(me)
        await self._known(me[0])
        while self._waiting:
            offer = self._waiting.popleft()
            came = await self.ground.send(offer.body)
            self.found.append((offer, came))
            self._learn(offer, came)
            if came.changed:
                self.ground.anew()
        return self

    def _learn(self, offer: Offer, came: Came) -> None:
        for view in came.views:
            if view.get("title", {}).get("text") != "That did not work":
                for found in offers_of(view, offer.by):
                    self._add(found)
        for option in came.answer.get("options", ())[:1] if ("action", offer.door) in g.doors() else ():
            chosen = {"type": "external_select", "action_id": offer.door, "block_id": "b", "selected_option": option}
            self._add(Offer("action", offer.door, offer.by, g.click(offer.by, chosen, view=offer.body["view"])))

    async def _known(self, head: Caller) -> None:
        """What no page of this week shows: a past PBR, the first day's buttons, and a counterpart's own."""
        async with self.ground.bot.db.read() as session:
            met = await session.scalar(select(Artifact.occurrence_id).where(Artifact.kind == "pbr").limit(1))
            mark = (await session.scalars(select(JointDeal).order_by(JointDeal.id))).first()
            speaks = select(Counterpart).where(
                Counterpart.partner_id == mark.partner_id, Counterpart.state == "confirmed"
            )
            cora = (await session.scalars(speaks)).one()
        page, lists = g.view_of(FirstView.PAGE), g.view_of(FirstView.PARTNERS)
        form = g.view_of(PbrView.FORM, PbrState(o=met, n=2).dump())
        held = {
            "type": "radio_buttons",
            "action_id": PbrAction.HELD,
            "block_id": "held",
            "selected_option": {"value": "no"},
        }
        counterpart = Caller(cora.slack_id, cora.slack_team_id)
        for caller, action, view in (
            (head, g.button(Door.OPEN_PBR, CardRef(o=(met,)).dump()), None),
            (head, held, form),
            (head, g.button(Door.FIRST_RUN, ""), None),
            (head, g.button(First.CRM, CrmRef().dump()), page),
            (head, g.button(First.TURN_ON, Row(at=1).dump()), lists),
            (head, g.button(First.TURN_BACK, Row().dump()), lists),
            (counterpart, g.button(Door.CHECK_IN, MarkRef(m=mark.id).dump()), None),
        ):
            self._add(Offer("action", action["action_id"], caller, g.click(caller, action, view=view)))

    def _add(self, offer: Offer) -> None:
        """One of each door and person, and few people; choices of a menu that say different things are different doors."""
        action = (offer.body.get("actions") or [{}])[0]
        choice = str((action.get("selected_option") or {}).get("value") or "")
        if offer.door == JointAction.PAGE:
            choice = str(action.get("value"))  # the page of a partner that is posted to, and of one that is not
        chosen = json.loads(choice) if choice.startswith("{") else {}
        what = chosen.get("m") or chosen.get("p") or ""
        key = (offer.kind, offer.door, f"{what}{offer.body.get('text') or ''}")
        people = self._seen[key]
        if offer.by not in people and (len(people) < ENOUGH or offer.kind == "command"):
            people.add(offer.by)
            self._waiting.append(offer)

    async def _messages(self, callers: Sequence[Caller]) -> None:
        """The cards and messages that stand, by whom they are for; those of channels are for everybody."""
        ours = {caller.slack_id: caller for caller in callers}
        now, policy = g.NOW, self.ground.policy
        async with self.ground.bot.db.read() as session:
            book = {person.id: person for person in await session.scalars(select(Person))}
            for card in await session.scalars(select(Card).where(Card.kind.in_(CARD_RENDERERS))):
                message = await CARD_RENDERERS[card.kind](session, card.id, now=now, policy=policy)
                self._of(message, book.get(card.person_id or 0), ours, {})
            for row in await session.scalars(select(Outbox).where(Outbox.template.in_(RENDERERS))):
                message = await RENDERERS[row.template](session, row.args, now=now, policy=policy)
                where = {"channel": row.channel_id, "message": {"ts": row.ts}} if row.channel_id else {}
                self._of(message, book.get(row.person_id or 0), ours, where)
            for caller in callers:
                await self._home(session, book, caller)

    def _of(self, message: Any, person: Person | None, ours: Mapping[str, Caller], where: Mapping[str, Any]) -> None:
        for caller in ours.values():
            if message is not None and (person is None or person.slack_id == caller.slack_id):
                for action in _actions(message.blocks):
                    self._add(Offer("action", action["action_id"], caller, g.click(caller, action, **where)))

    async def _home(self, session: Any, book: Mapping[int, Person], caller: Caller) -> None:
        person = next(one for one in book.values() if one.slack_id == caller.slack_id)
        card = Card(kind="home", person_id=person.id, created_at=g.NOW, wanted=1, shown=0, dead="", fence=0)
        session.add(card)
        await session.flush()
        message = await CARD_RENDERERS["home"](session, card.id, now=g.NOW, policy=self.ground.policy)
        home = {"type": "home", "blocks": list(message.blocks)}
        for offer in offers_of(home, caller):
            self._add(offer)
