"""The one mouth that speaks to Slack on its own initiative.

Rows of the outbox are posted, cards and Home tabs are edited, and whatever may have been said already is read back
before it is said again.
"""

from bot.delivery.calls import CallFailed, NotAnswered, RateLimited, Refused
from bot.delivery.contract import CardRenderer, Identity, Limits, Renderer
from bot.delivery.delivery import Delivery

__all__ = [
    "CallFailed",
    "CardRenderer",
    "Delivery",
    "Identity",
    "Limits",
    "NotAnswered",
    "RateLimited",
    "Refused",
    "Renderer",
]
