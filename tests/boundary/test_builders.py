"""What writes for a partner reads the boundary's type, and nothing that knows more: an allow-list of imports, name by name."""

import ast
from pathlib import Path

import pytest

from handlers.features import SHARED_CARDS, SHARED_RENDERERS

ROOT = Path(__file__).parents[2]
READERS = {"models.joint.checkin", "models.shared.owing", "models.shared.pages"}
"""What goes from rows to `models.domain.shared`, and hands on nothing else."""
KNOWN = {
    "handlers/checkin/card.py": READERS,
    "handlers/checkin/form.py": {"models.joint.answers"},  # what the form takes, and how long it may be
    "handlers/shared/page.py": set(),
    "handlers/shared/render.py": READERS,
    "handlers/files/partner.py": set(),
    "models/shared/words.py": {"models.domain.pbr.next_month"},  # a month's arithmetic
}
"""The modules that write what a partner reads, with what each may read besides `EVERYBODY`."""
EVERYBODY = {
    "handlers.kit.blocks", "handlers.kit.fit", "handlers.kit.forms", "handlers.kit.message", "handlers.kit.pages.short",
    "handlers.kit.words", "handlers.checkin", "handlers.shared", "handlers.files.fonts", "handlers.files.page",
    "handlers.files.partner", "handlers.files.slides", "handlers.files.words", "models.shared.words", "models.domain.shared", "models.domain.text",
    "models.domain.money", "models.domain.policy",
}  # fmt: skip


def imported(path):
    """What a module of ours takes from others of ours, as `module.name`."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for one in node.names:
                yield f"{node.module}.{one.name}"
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names)


def inside(name, rooms):
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("path", KNOWN)
def test_what_writes_for_a_partner_reads_the_boundarys_type_alone(path):
    ours = [name for name in imported(path) if name.split(".")[0] in {"bot", "handlers", "models", "scheduling"}]
    assert [name for name in ours if not inside(name, EVERYBODY | KNOWN[path])] == []


def test_whatever_writes_for_a_partner_is_in_that_list():
    writers = {
        write.__module__.replace(".", "/") + ".py" for write in (*SHARED_RENDERERS.values(), *SHARED_CARDS.values())
    }
    assert writers <= set(KNOWN)
