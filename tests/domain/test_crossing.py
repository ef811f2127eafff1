"""The README's list of what crosses the boundary is the type's own, and every field says what it is."""

from pathlib import Path

import pytest

from models.domain import crossing, shared
from models.domain.shared import Shared

README = Path(__file__).parents[2] / "README.md"
RENEW = (
    "python -c \"from pathlib import Path; from models.domain import crossing; p = Path('README.md'); "
    'p.write_text(crossing.renewed(p.read_text()))"'
)


def test_the_readme_lists_what_crosses_as_the_type_says_it():
    text = README.read_text(encoding="utf-8")
    assert crossing.renewed(text) == text, f"the boundary has changed; to renew the list: {RENEW}"


CLASSES = [
    one for one in vars(shared).values() if isinstance(one, type) and issubclass(one, Shared) and one is not Shared
]


@pytest.mark.parametrize("of", CLASSES, ids=lambda of: of.__name__)
def test_every_field_of_the_boundary_says_what_it_is_and_stands_in_the_list(of):
    listed = crossing.table()
    for name, field in of.model_fields.items():
        assert field.description, f"{of.__name__}.{name} says nothing of itself"
        if not any(crossing._shared(field.annotation)):
            assert f"| {field.description} |" in listed


def test_a_field_that_is_added_makes_the_list_another_one():
    class More(shared.SharedNote):
        """A note with one thing more."""

        more: str = shared.Field(default="", description="one thing more")

    assert "one thing more" in list(crossing._leaves(More))


def test_a_readme_without_the_comments_is_refused():
    with pytest.raises(ValueError, match="has no"):
        crossing.renewed("nothing")
