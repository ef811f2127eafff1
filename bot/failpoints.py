"""Named points at which a test can have the process killed, as if the machine had lost its power there.

Nothing happens unless `arm` was called, which only a bot that talks to a Slack on this machine does.
"""

import logging
import os
import signal
from collections.abc import Mapping

logger = logging.getLogger(__name__)

VARIABLE = "CADENCE_FAILPOINT"

POINTS = (
    # people and events come in
    "form.before_ack",
    "button.before_ack",
    "command.before_ack",
    "event.before_ack",
    "event.claimed",
    "event.before_commit",
    "event.committed",
    # time comes in
    "tick.before_commit",
    "tick.committed",
    # what is owed goes out
    "claim.committed",
    "attempt.before_commit",
    "attempt.committed",
    "post.called",
    "finish.before_commit",
    "finish.committed",
    "readback.before",
    "readback.after",
    "edit.claimed",
    "edit.called",
    "edit.committed",
)


class _Plan:
    """Where to die: a point and how many times it is passed before that."""

    def __init__(self) -> None:
        self.point = ""
        self.left = 0

    def passes(self, name: str) -> bool:
        """Whether this pass is the last."""
        if name != self.point:
            return False
        self.left -= 1
        return self.left == 0


_plan = _Plan()


def arm(environ: Mapping[str, str], *, loopback: bool) -> None:
    """Read `CADENCE_FAILPOINT` (`name` or `name:N`, the N-th pass). Ignored unless Slack is on this machine.

    Raises ValueError for a point that does not exist.
    """
    wanted = environ.get(VARIABLE, "")
    name, _, times = wanted.partition(":")
    _plan.point, _plan.left = "", 0
    if not wanted:
        return
    if not loopback:
        logger.warning("%s is ignored: this bot talks to the real Slack", VARIABLE)
        return
    if name not in POINTS or not (times or "1").isdecimal() or int(times or "1") < 1:
        raise ValueError(f"{VARIABLE} is {wanted!r}; it must be one of {', '.join(POINTS)}, perhaps with :N after it")
    _plan.point, _plan.left = name, int(times or "1")


def here(name: str) -> None:
    """Die at once, without any clean-up, if this is the point and the pass that was asked for."""
    if _plan.passes(name):
        os.kill(os.getpid(), signal.SIGKILL)
