"""The form that asks who the CRM's owners are: pages, candidates, what was chosen, the receipt."""

import pytest

from handlers.owners import form
from handlers.owners.ids import FormState
from models.imports.lookup import Human
from models.owners import OpenOwner
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_modal

ANN, ROY = Human(1, "Ann Sharma", "ann@x", "ours", True), Human(2, "Roy Sharma", "roy@x", "ours", True)
IDS = {1: "U00001", 2: "U00002"}


def listed(number, said="", near=(ANN,)):
    return [OpenOwner(f"{said or 'A. Sharma'} {n}", n + 1, tuple(near)) for n in range(number)]


def page(everyone, state=None):
    state = state or FormState()
    return check_modal(form.modal(form.page_of(everyone, state), len(everyone), IDS, state))


@pytest.mark.parametrize("number", [1, 5, 6, 700])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_a_page_fits_and_holds_five_at_most(number, name):
    said = make.HOSTILE.get(name, "")
    human = Human(1, said or "Ann", "a@x", "ours", True)
    view = page(
        listed(number, said, (human, human)), FormState(past=tuple(f"{n:010d}" for n in range(150)), named=2, deals=9)
    )
    assert len(limits.ids(view["blocks"])) == min(number, 5)


def test_the_one_candidate_is_chosen_and_several_are_only_named():
    view = page(listed(1))
    assert limits.block(view, "owner_0")["element"]["initial_user"] == "U00001"
    assert limits.block(view, "owner_0")["label"]["text"] == "“A. Sharma 0” owns 1 deal. Who is it?"
    view = page(listed(1, near=(ANN, ROY)))
    assert "initial_user" not in limits.block(view, "owner_0")["element"]
    assert limits.block(view, "owner_0")["hint"]["text"] == "Perhaps Ann Sharma or Roy Sharma."
    assert "hint" not in limits.block(page(listed(1, near=())), "owner_0")


def test_a_walk_passes_over_what_was_left_empty():
    everyone = listed(8)
    first = FormState()
    past = tuple(form.print_of(one.said) for one in form.page_of(everyone, first))
    assert [one.said for one in form.page_of(everyone, FormState(past=past))] == [one.said for one in everyone[5:]]
    assert page(everyone)["submit"]["text"] == "Save and go on"
    assert page(everyone, FormState(past=past, page=2))["submit"]["text"] == "Save"


def test_what_was_chosen_is_read_by_its_place():
    view = page(listed(3))
    values = {block["block_id"]: {"value": {}} for block in view["blocks"] if block["type"] == "input"}
    values["owner_1:1"] = {"value": {"selected_user": "U00002"}}
    assert form.chosen({"state": {"values": values}, "private_metadata": view["private_metadata"]}) == {1: "U00002"}


@pytest.mark.parametrize(("named", "left", "words"), [
    (0, 2, "2 owners stay open."), (1, 1, "1 owner stays open."), (3, 0, "Every owner the CRM names is somebody here."),
])  # fmt: skip
def test_the_receipt_says_what_stays(named, left, words):
    view = check_modal(form.done(FormState(named=named, deals=4), left))
    text = " ".join(limits.words(view))
    assert words in text
    assert ("named: 4 deals have an owner now." in text) == bool(named)
