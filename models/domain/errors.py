"""What can go wrong because of what a person did: each knows its own sentence. The edge translates."""

from collections.abc import Mapping
from dataclasses import dataclass


class UserError(Exception):
    """Something the person can mend. The message is a sentence that says what, and how to mend it."""


class NotAllowed(UserError):
    """The actor may not do this; the sentence says who can."""


class ForPartner(UserError):
    """A sentence that may be said to somebody of another company: its words hold nothing internal."""


class FieldErrors(UserError):
    """Errors that belong to fields of a form: field name to sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True)
class Conflict:
    """A field that somebody else changed since the form was shown: what it showed, what is there now, what was typed."""

    field: str
    shown: str
    present: str
    typed: str
    by: str


class Stale(UserError):
    """Somebody changed the same fields meanwhile; nothing was saved. Carries both values of each."""

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__("Somebody else changed this while your form was open.")
        self.conflicts = conflicts


class BadFile(UserError):
    """A file was refused; `problems` name line, column and reason."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems
