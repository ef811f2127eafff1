"""The part of the bench that needs no clock: how many statements things take, and that this does not grow."""

import pytest

from tests.bench import doors, notes


@pytest.mark.parametrize("deals", [40, 400])
async def test_the_weekly_note_takes_the_statements_of_one_of_ten_deals(tmp_path, deals):
    few, many = await notes.note_of(tmp_path, 10), await notes.note_of(tmp_path, deals)
    assert many["statements"] == few["statements"] <= 25


async def test_prompts_take_the_same_statements_for_ten_times_the_deals_and_so_does_each_card(tmp_path):
    few = await notes.prompts_of(tmp_path, aes=100, deals=100)
    many = await notes.prompts_of(tmp_path, aes=100, deals=1000)
    assert many["statements"] == few["statements"] <= 45
    assert many["card_statements"] == few["card_statements"] <= 15


async def test_a_command_takes_six_statements_and_a_saved_form_nine(tmp_path):
    """BEGIN counts; so do the savepoint of a form that shares a commit, and its release."""
    assert await doors.statements_of_a_command(tmp_path) <= 6
    assert await doors.statements_of_a_submission(tmp_path) <= 9
