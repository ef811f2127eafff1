"""A stand-in for Slack on this machine: the wire, the people, and a clock that one can move.

Imports nothing of the rest of the project: the bot runs against it unchanged, over HTTP and sockets.
"""

from bot.sandbox.options import SandboxOptions
from bot.sandbox.seed import Seed
from bot.sandbox.server import Sandbox, start

__all__ = ["Sandbox", "SandboxOptions", "Seed", "start"]
