"""What a picture is drawn on: rectangles, lines and texts in points, set as PNG at four times Slack's dots."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from handlers.files.fonts import Faces, Setter

WIDTH: Final = 360
"""The width at which Slack previews a picture."""
PPI: Final = 288
INK, QUIET, LINE = "#1f2933", "#5f6b78", "#d5dbe1"


@dataclass(frozen=True)
class Picture:
    """A picture's file name and title, its bytes, and what somebody hears who does not see it."""

    name: str
    title: str
    data: bytes
    alt: str


@dataclass
class Canvas:
    """What a picture is made of, in points from the upper left corner."""

    items: list[dict[str, Any]] = field(default_factory=list)

    def rect(self, x: float, y: float, w: float, h: float, fill: str) -> None:
        if w < 0:
            x, w = x + w, -w
        self.items.append({"kind": "rect", "x": x, "y": y, "w": max(w, 0.8), "h": max(h, 0.01), "fill": fill})

    def line(self, x: float, y: float, x2: float, y2: float, fill: str = LINE, **look: Any) -> None:
        self.items.append({"kind": "line", "x": x, "y": y, "x2": x2, "y2": y2, "fill": fill} | look)

    def dot(self, x: float, y: float, r: float, fill: str) -> None:
        self.items.append({"kind": "dot", "x": x, "y": y, "r": r, "fill": fill})

    def text(
        self, x: float, y: float, said: str, size: float = 9.5, fill: str = INK, w: float = 200, **look: Any
    ) -> None:
        self.items.append({"kind": "text", "x": x, "y": y, "text": said, "size": size, "fill": fill, "w": w} | look)

    def heading(self, title: str, below: str) -> None:
        self.text(14, 11, title, 15, INK, WIDTH - 28, weight="bold")
        self.text(14, 31, below, 9, QUIET, WIDTH - 20)

    def png(self, height: float, title: str, day: datetime, faces: Faces | None) -> bytes:
        """The picture, `height` points high; `day` is the date it is of."""
        setter = Setter("picture.typ", day.astimezone(UTC), faces or Faces())
        data = {"width": WIDTH, "height": height, "title": title, "items": self.items}
        setter.look(data)
        return setter.png(data, PPI)
