"""The boundary at the mouth: what is held because of who reads a channel, who is asked about it, and what they decide.

A held message has no expiry: it stays on somebody's desk until it is decided, and what waits below it in its thread follows.
"""

from models.boundary.asking import can_be_told, is_anything_held, remind, tell
from models.boundary.deciding import (
    allow_guest,
    drop,
    move,
    post_it_now,
    send_safe,
    show_desks,
    why_not_there,
)
from models.boundary.guests import Guest, seen_guests
from models.boundary.held import Held, Offer, Settled, decided_for, guests_for, held_for
from models.boundary.losing import Lost, lost, lost_for
from models.boundary.opened import Opened, opened_for

__all__ = [
    "Guest",
    "Held",
    "Lost",
    "Offer",
    "Opened",
    "Settled",
    "allow_guest",
    "can_be_told",
    "decided_for",
    "drop",
    "guests_for",
    "held_for",
    "is_anything_held",
    "lost",
    "lost_for",
    "move",
    "opened_for",
    "post_it_now",
    "remind",
    "seen_guests",
    "send_safe",
    "show_desks",
    "tell",
    "why_not_there",
]
