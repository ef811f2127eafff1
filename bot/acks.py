"""How a listener's ack reaches Slack: the moment it is given."""

import asyncio
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.listener.async_listener import AsyncListener
from slack_bolt.listener.asyncio_runner import AsyncioListenerRunner
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.failpoints import here

POINTS = {
    "view_submission": "form.before_ack",
    "block_actions": "button.before_ack",
    "event_callback": "event.before_ack",
}
"""Where a test may have the process killed: what the ack promises is committed, and nobody has heard of it."""


class WakingAck(AsyncAck):
    """An ack that tells whoever waits for it."""

    def __init__(self, kind: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.given = asyncio.Event()
        self._point = POINTS.get(kind, "command.before_ack")

    async def __call__(self, *args: Any, **kwargs: Any) -> BoltResponse:
        here(self._point)
        response = await super().__call__(*args, **kwargs)
        self.given.set()
        return response


class WakingRunner(AsyncioListenerRunner):
    """Bolt's runner, woken by the ack.

    Bolt's own looks every 10 ms whether the ack has come. That is 10 ms more for everybody, thousands of useless wake-ups
    when a hundred forms come at once, and an ack that is lost when its listener fails before Bolt has looked.
    Lazy listeners, which we have none of, are left out.
    """

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._listening: set[asyncio.Task[None]] = set()  # the loop itself holds its tasks weakly

    async def ended(self, within: float) -> bool:
        """Wait until every listener under way has ended, at most `within` seconds; whether they have."""
        if not self._listening:
            return True
        _, going_on = await asyncio.wait(set(self._listening), timeout=within)
        return not going_on

    async def run(
        self,
        request: AsyncBoltRequest,
        response: BoltResponse | None,
        listener_name: str,
        listener: AsyncListener,
        starting_time: float | None = None,  # noqa: ARG002 - Bolt's signature
    ) -> BoltResponse | None:
        """The response as soon as there is one; None when none came within the time Slack waits."""
        ack = request.context["ack"] = WakingAck(str(request.body.get("type")))
        if listener.auto_acknowledgement:
            await ack()
        task = asyncio.create_task(self._listen(request, response, listener, ack))
        self._listening.add(task)
        task.add_done_callback(self._listening.discard)
        try:
            async with asyncio.timeout(listener.ack_timeout):
                await ack.given.wait()
        except TimeoutError:
            self.logger.warning("%s did not ack in time", listener_name)
        return ack.response

    async def _listen(
        self, request: AsyncBoltRequest, response: BoltResponse | None, listener: AsyncListener, ack: WakingAck
    ) -> None:
        try:
            await listener.run_ack_function(request=request, response=response or BoltResponse(status=200))
        except Exception as error:  # noqa: BLE001 - the app's error handler judges it
            unanswered = None if ack.response else BoltResponse(status=500)
            await self.listener_error_handler.handle(error=error, request=request, response=unanswered)
            ack.response = ack.response or unanswered
            ack.given.set()


def wake_by_ack(app: AsyncApp) -> WakingRunner:
    """Give `app` the runner above, with all that its own one holds. Call before any error handler is registered."""
    own = app.listener_runner
    runner = WakingRunner(
        logger=own.logger,
        process_before_response=False,
        listener_error_handler=own.listener_error_handler,
        listener_start_handler=own.listener_start_handler,
        listener_completion_handler=own.listener_completion_handler,
        lazy_listener_runner=own.lazy_listener_runner,
    )
    app._async_listener_runner = runner  # noqa: SLF001 - Bolt has no parameter for it; a test says if it moves
    return runner
