"""Filling in, submitting and closing modals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox import find, limits, views
from bot.sandbox.api.base import ApiError
from bot.sandbox.api.views import checked
from bot.sandbox.delivery import payloads
from bot.sandbox.delivery.link import Ack
from bot.sandbox.elements import SUGGESTED
from bot.sandbox.inputs import chosen, client_errors
from bot.sandbox.models import User, View
from bot.sandbox.refused import Refused
from bot.sandbox.world import World

if TYPE_CHECKING:
    from bot.sandbox.people import People

Json = dict[str, Any]
TROUBLE = "We had some trouble connecting. Try again?"
BANNER = ""
CLOSED: tuple[str, dict[str, str]] = ("closed", {})


class Forms:
    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people

    def put(self, view: View, block: Json, element: Json, wanted: Any) -> Json:
        """Put a value into an element of a view; returns what was chosen."""
        picked = chosen(self._world, element, wanted)
        if element["type"] in views.INITIAL:
            place = view.state.setdefault(block["block_id"], {})
            place[element["action_id"]] = {"type": element["type"], **picked}
        return picked

    def fill(self, user_id: str, view_id: str, values: Json) -> Json:
        """Set inputs, named by block_id, label or action_id. Raises Refused for what is not there."""
        user = find.person(self._world, user_id)
        view = find.view(self._world, user, view_id)
        for name, wanted in values.items():
            block, element = find.input_block(view.body["blocks"], name)
            self.put(view, block, element, wanted)
        return self._world.view_api(view)

    def trouble(self, view: View) -> None:
        view.errors = {BANNER: TROUBLE}
        self._world.watches.touch()

    async def suggest(self, user_id: str, view_id: str, name: str, typed: str) -> list[Json]:
        """The options that the app offers for what was typed into an external select."""
        user = find.person(self._world, user_id)
        view = find.view(self._world, user, view_id)
        block, element = find.input_block(view.body["blocks"], name)
        payload = payloads.suggestion(
            self._world, user, view, block["block_id"], action_id=element["action_id"], typed=typed
        )
        ack = await self._people.ask("interaction", "block_suggestion", payload)
        offered = ack.payload if isinstance(ack.payload, dict) else {}
        problems = list(SUGGESTED(offered, ""))
        if problems:
            self._world.problem(f"the options offered for {element['action_id']} were refused: {problems[0]}")
            return []
        grouped = [one for group in offered.get("option_groups") or [] for one in group["options"]]
        options = [*(offered.get("options") or []), *grouped]
        self._world.reached.options(user, view, element["action_id"], typed, options)
        return options

    async def submit(self, user_id: str, view_id: str, values: Json | None = None) -> Json:
        """Press the submit button of a modal: closed, updated, pushed, errors, client_errors, timeout."""
        if values:
            self.fill(user_id, view_id, values)
        user = find.person(self._world, user_id)
        view = find.view(self._world, user, view_id)
        if view.type != "modal" or not view.body.get("submit"):
            raise Refused("this view has no submit button")
        view.errors = client_errors(view)
        if view.errors:
            self._world.watches.touch()
            return self._result("client_errors", user, view.errors)
        with self._people.watching(user) as watch:
            payload = payloads.submission(self._world, user, view)
            ack = await self._people.ask("interaction", "view_submission", payload)
            if not ack.ok:
                self.trouble(view)
                return self._result("timeout" if self._people.timed_out(ack) else "not_reached", user, view.errors)
            if view not in self._world.stack(user.id):
                result, errors = CLOSED
            else:
                result, errors = self._respond(user, view, ack)
            self._world.watches.touch()
            if result != "errors":
                await self._people.aftermath(watch, 0.0)
            return self._result(result, user, errors) | {"seen": self._people.seen(user, watch)}

    def _result(self, result: str, user: User, errors: dict[str, str]) -> Json:
        stack = self._people.open_views(user.id)
        return {"ok": True, "result": result, "errors": errors, "view": stack[-1] if stack else None}

    def _respond(self, user: User, view: View, ack: Ack) -> tuple[str, dict[str, str]]:
        """Do what the app answered to the submission."""
        answer = ack.payload if isinstance(ack.payload, dict) else {}
        action = answer.get("response_action")
        if action == "errors":
            return self._show_errors(view, answer)
        if action == "clear":
            views.clear(self._world, user.id)
            return "closed", {}
        if action in ("update", "push"):
            return self._show_view(user, view, answer, ack.n)
        if answer:
            self._world.problem(f"the answer to {view.body.get('callback_id')} is none that Slack knows: {answer}")
            self.trouble(view)
            return "invalid_response", view.errors
        self._close_one(user, view)
        return "closed", {}

    def _close_one(self, user: User, view: View) -> None:
        stack = self._world.stack(user.id)
        if view in stack:
            stack.remove(view)

    def _show_errors(self, view: View, answer: Json) -> tuple[str, dict[str, str]]:
        errors = answer.get("errors") or {}
        inputs = {block["block_id"] for block in view.body["blocks"] if block["type"] == "input"}
        for name in errors.keys() - inputs:
            self._world.problem(f"errors name the block {name!r}, which is no input of this view")
        view.errors = {name: str(text) for name, text in errors.items() if name in inputs}
        self._world.reached.errors(view)
        if not view.errors:
            self.trouble(view)
            return "invalid_response", view.errors
        return "errors", view.errors

    def _show_view(self, user: User, view: View, answer: Json, n: int) -> tuple[str, dict[str, str]]:
        pushing = answer["response_action"] == "push"
        try:
            body = checked(answer.get("view"), "modal")
            self._require_room(user, pushing=pushing)
        except ApiError as refused:
            self._world.problem(f"the view in the answer was refused: {refused.error} {refused.extra}")
            self.trouble(view)
            return "invalid_response", view.errors
        limits.note_view(self._world, body, by="the answer to view_submission", n=n)
        if pushing:
            views.push_modal(self._world, user.id, body)
            return "pushed", {}
        views.replace(self._world, view, body)
        return "updated", {}

    def _require_room(self, user: User, *, pushing: bool) -> None:
        if pushing and len(self._world.stack(user.id)) >= views.DEPTH:
            raise ApiError("push_limit_reached")

    async def close(self, user_id: str, view_id: str = "", *, everything: bool = False) -> Json:
        """Cancel the topmost modal, or with `everything` close the whole stack (the ✕)."""
        user = find.person(self._world, user_id)
        view = find.view(self._world, user, view_id)
        everything = everything or bool(view.body.get("clear_on_close"))
        gone = views.clear(self._world, user.id) if everything else [view]
        if not everything:
            self._close_one(user, view)
        told = gone[0] if everything else view
        if told.body.get("notify_on_close"):
            payload = payloads.closed(self._world, user, told, cleared=everything)
            await self._people.ask("interaction", "view_closed", payload)
            await self._world.clock.settle()
        self._world.watches.touch()
        return self._result("closed", user, {})
