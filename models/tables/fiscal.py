"""Fiscal quarters that have begun: their labels and bounds stand, whatever the settings become."""

from datetime import date, datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class FiscalQuarter(Base):
    """A quarter as it was when it began, from `first` to `last`; `model` says how its weeks are counted."""

    __tablename__ = "fiscal_quarter"

    label: Mapped[str] = mapped_column(String(16), primary_key=True)
    year: Mapped[int]
    number: Mapped[int]
    first: Mapped[date]
    last: Mapped[date]
    model: Mapped[str] = mapped_column(String(16))
    kept_at: Mapped[datetime]
