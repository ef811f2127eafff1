"""Block Kit's limits: accepted at n, refused at n+1 with a pointer to the place."""

import pytest

from bot.sandbox.blocks import check_blocks, check_view, is_too_large, size_of, uses_of_view
from bot.sandbox.limits import near, uses_of_message
from tests.sandbox.support import form, mrkdwn, plain


def section(text="x", **more):
    return {"type": "section", "text": mrkdwn(text)} | more


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def button(**more):
    return {"type": "button", "action_id": "a", "text": plain("x")} | more


def options(count, length=1):
    return [{"text": plain("x" * length), "value": str(n)} for n in range(count)]


def select(**more):
    return {"type": "static_select", "action_id": "a", "options": options(2)} | more


def entry(element, **more):
    return {"type": "input", "label": plain("x"), "element": {"action_id": "a"} | element} | more


def rows(count, columns=1, text="x"):
    return [[{"type": "raw_text", "text": text}] * columns for _ in range(count)]


X = "x".__mul__
OPTION = {"text": plain("x"), "value": "1"}
INPUT = {"type": "plain_text_input"}


def grouped(*groups):
    return select(options=None, option_groups=list(groups))


def group(label="x", count=1, start=0):
    return {"label": plain(label), "options": [{"text": plain("x"), "value": f"{start}.{n}"} for n in range(count)]}


def question(**more):
    return {"title": plain("x"), "text": plain("x"), "confirm": plain("x"), "deny": plain("x")} | more


def picture(**more):
    return {"type": "image", "image_url": "https://e.com/a", "alt_text": "x"} | more


def table(*lines, **more):
    return {"type": "table", "rows": list(lines)} | more


def written(kind, **more):
    return {"type": kind, "action_id": "a", "options": options(1)} | more


# (what, the most, where the refusal points, blocks with n of it)
MESSAGE_LIMITS = [
    ("blocks of a message", 50, "", lambda n: [{"type": "divider"}] * n),
    ("block_id", 255, "/0/block_id", lambda n: [section(block_id=X(n))]),
    ("section text", 3000, "/0/text/text", lambda n: [section(X(n))]),
    ("section fields", 10, "/0/fields", lambda n: [{"type": "section", "fields": [mrkdwn("x")] * n}]),
    ("section field text", 2000, "/0/fields/0/text", lambda n: [{"type": "section", "fields": [mrkdwn(X(n))]}]),
    ("header text", 150, "/0/text/text", lambda n: [{"type": "header", "text": plain(X(n))}]),
    ("header level", 4, "/0/level", lambda n: [{"type": "header", "text": plain("x"), "level": n}]),
    ("context elements", 10, "/0/elements", lambda n: [{"type": "context", "elements": [mrkdwn("x")] * n}]),
    ("actions elements", 25, "/0/elements", lambda n: [actions(*[button(action_id=f"a{i}") for i in range(n)])]),
    ("action_id", 255, "/0/elements/0/action_id", lambda n: [actions(button(action_id=X(n)))]),
    ("button text", 75, "/0/elements/0/text/text", lambda n: [actions(button(text=plain(X(n))))]),
    ("button value", 2000, "/0/elements/0/value", lambda n: [actions(button(value=X(n)))]),
    ("button url", 3000, "/0/elements/0/url", lambda n: [actions(button(url=X(n)))]),
    ("accessibility_label", 75, "/0/elements/0/accessibility_label",
        lambda n: [actions(button(accessibility_label=X(n)))]),
    ("accessory text", 75, "/0/accessory/text/text", lambda n: [section(accessory=button(text=plain(X(n))))]),
    ("select options", 100, "/0/elements/0/options", lambda n: [actions(select(options=options(n)))]),
    ("option text", 75, "/0/elements/0/options/0/text/text", lambda n: [actions(select(options=options(2, n)))]),
    ("option value", 150, "/0/elements/0/options/0/value",
        lambda n: [actions(select(options=[OPTION | {"value": X(n)}]))]),
    ("option description", 75, "/0/elements/0/options/0/description/text",
        lambda n: [actions(select(options=[OPTION | {"description": plain(X(n))}]))]),
    ("option groups", 100, "/0/elements/0/option_groups",
        lambda n: [actions(grouped(*[group(start=i) for i in range(n)]))]),
    ("options of a group", 100, "/0/elements/0/option_groups/0/options", lambda n: [actions(grouped(group(count=n)))]),
    ("group label", 75, "/0/elements/0/option_groups/0/label/text", lambda n: [actions(grouped(group(X(n))))]),
    ("placeholder", 150, "/0/elements/0/placeholder/text", lambda n: [actions(select(placeholder=plain(X(n))))]),
    ("overflow options", 5, "/0/elements/0/options", lambda n: [actions(written("overflow", options=options(n)))]),
    ("radio options", 10, "/0/elements/0/options", lambda n: [actions(written("radio_buttons", options=options(n)))]),
    ("checkbox options", 10, "/0/elements/0/options", lambda n: [actions(written("checkboxes", options=options(n)))]),
    ("confirm title", 100, "/0/elements/0/confirm/title/text",
        lambda n: [actions(button(confirm=question(title=plain(X(n)))))]),
    ("confirm text", 300, "/0/elements/0/confirm/text/text",
        lambda n: [actions(button(confirm=question(text=plain(X(n)))))]),
    ("confirm yes", 30, "/0/elements/0/confirm/confirm/text",
        lambda n: [actions(button(confirm=question(confirm=plain(X(n)))))]),
    ("confirm no", 30, "/0/elements/0/confirm/deny/text",
        lambda n: [actions(button(confirm=question(deny=plain(X(n)))))]),
    ("image url", 3000, "/0/image_url", lambda n: [picture(image_url="https://e.com/" + X(n - 14))]),
    ("image alt text", 2000, "/0/alt_text", lambda n: [picture(alt_text=X(n))]),
    ("image title", 2000, "/0/title/text", lambda n: [picture(title=plain(X(n)))]),
    ("table rows", 100, "/0/rows", lambda n: [table(*rows(n))]),
    ("table columns", 20, "/0/rows/0", lambda n: [table(*rows(1, n))]),
    ("table column settings", 20, "/0/column_settings", lambda n: [table(*rows(1), column_settings=[{}] * n)]),
    ("table characters in one cell", 10_000, "/0/rows/0/0/text", lambda n: [table(*rows(1, 1, X(n)))]),
    ("table characters together", 10_000, "/0/rows", lambda n: [table(*rows(1, 1, X(n // 2)), *rows(1, 1, X(n - n // 2)))]),
    ("tables of a message", 1, "/1", lambda n: [table(*rows(1))] * n),
    ("markdown of one block", 12_000, "/0/text", lambda n: [{"type": "markdown", "text": X(n)}]),
    ("markdown of a message", 12_000, "", lambda n: [{"type": "markdown", "text": X(n - 1)}, {"type": "markdown", "text": "x"}]),
]  # fmt: skip
VIEW_LIMITS = [
    ("blocks of a modal", 100, "/blocks", lambda n: form(blocks=[{"type": "divider"}] * n)),
    ("title", 24, "/title/text", lambda n: form(X(n))),
    ("submit", 24, "/submit/text", lambda n: form(submit=plain(X(n)))),
    ("close", 24, "/close/text", lambda n: form(close=plain(X(n)))),
    ("callback_id", 255, "/callback_id", lambda n: form(callback_id=X(n))),
    ("external_id", 255, "/external_id", lambda n: form(external_id=X(n))),
    ("private_metadata", 3000, "/private_metadata", lambda n: form(private_metadata=X(n))),
    ("input label", 2000, "/blocks/0/label/text", lambda n: form(blocks=[entry(INPUT, label=plain(X(n)))])),
    ("input hint", 2000, "/blocks/0/hint/text", lambda n: form(blocks=[entry(INPUT, hint=plain(X(n)))])),
    ("input placeholder", 150, "/blocks/0/element/placeholder/text",
        lambda n: form(blocks=[entry({**INPUT, "placeholder": plain(X(n))})])),
    ("max_length", 3000, "/blocks/0/element/max_length", lambda n: form(blocks=[entry({**INPUT, "max_length": n})])),
    ("initial_value", 3000, "/blocks/0/element/initial_value",
        lambda n: form(blocks=[entry({**INPUT, "initial_value": X(n)})])),
    ("blocks of Home", 100, "/blocks", lambda n: {"type": "home", "blocks": [{"type": "divider"}] * n}),
    ("private_metadata of Home", 3000, "/private_metadata",
        lambda n: {"type": "home", "blocks": [], "private_metadata": X(n)}),
]  # fmt: skip
REFUSED = [
    [{"type": "nonsense"}],
    ["text"],
    [{"type": "section"}],
    [section("")],
    [section(text={"type": "html", "text": "x"})],
    [section(colour="red")],
    [section(accessory={"type": "plain_text_input", "action_id": "a"})],
    [{"type": "header", "text": mrkdwn("x")}],
    [{"type": "context", "elements": []}],
    [{"type": "context", "elements": [button()]}],
    [actions()],
    [actions(button(), button())],
    [actions(button(style="default"))],
    [actions(button(text=plain("")))],
    [actions({"type": "nonsense", "action_id": "a"})],
    [actions({"type": "plain_text_input", "action_id": "a"})],
    [actions(select(options=[]))],
    [actions(select(options=None))],
    [actions(select(options=[*options(1), *options(1)]))],
    [actions(select(initial_option={"text": plain("other"), "value": "9"}))],
    [actions({"type": "datepicker", "action_id": "a", "initial_date": "tomorrow"})],
    [actions({"type": "datepicker", "action_id": "a", "initial_date": "2026-02-30"})],
    [actions({"type": "timepicker", "action_id": "a", "initial_time": "25:00"})],
    [actions({"type": "checkboxes", "action_id": "a", "options": options(1), "initial_options": options(2)})],
    [section(block_id="b"), section(block_id="b")],
    [{"type": "image", "alt_text": "x"}],
    [{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}],
    [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text"}]}]}],
    [entry({"type": "button", "text": plain("x")})],
    [entry({"type": "number_input"})],
    [entry({"type": "plain_text_input", "min_length": 5, "max_length": 4})],
]


def pointers(problems):
    return [one.rpartition("[json-pointer:")[2].rstrip("]") for one in problems]


@pytest.mark.parametrize(("what", "most", "where", "make"), MESSAGE_LIMITS, ids=[row[0] for row in MESSAGE_LIMITS])
def test_a_message_is_accepted_at_the_limit_and_refused_beyond(what, most, where, make):
    assert check_blocks(make(most), "message") == []
    refused = check_blocks(make(most + 1), "message")
    assert set(pointers(refused)) >= {f"/blocks{where}"}, (what, refused)


@pytest.mark.parametrize(("what", "most", "where", "make"), VIEW_LIMITS, ids=[row[0] for row in VIEW_LIMITS])
def test_a_view_is_accepted_at_the_limit_and_refused_beyond(what, most, where, make):
    assert check_view(make(most)) == []
    assert pointers(check_view(make(most + 1))) == [f"/view{where}"], what


def test_a_view_has_250_kilobytes():
    def weighing(size):
        view = form(blocks=[section(X(2900), block_id=f"b{n}") for n in range(80)])
        view["padding"] = ""
        view["padding"] = X(size - size_of(view))
        return view

    assert not is_too_large(weighing(250_000))
    assert is_too_large(weighing(250_001))


AMOUNTS = [row for row in MESSAGE_LIMITS if row[0] not in ("header level", "tables of a message")]


@pytest.mark.parametrize(("what", "most", "where", "make"), AMOUNTS, ids=[row[0] for row in AMOUNTS])
def test_what_is_at_a_limit_is_told_as_near(what, most, where, make):
    found = near(uses_of_message("", make(most)))
    assert any((use.used, use.limit) == (most, most) for use in found), found


def test_near_begins_at_eighty_percent_and_tells_the_largest_once():
    def found(*lengths):
        return [(use.what, use.used, use.limit) for use in near(uses_of_message("", [section(X(n)) for n in lengths]))]

    assert found(2399) == []
    assert found(2400) == [("text of a section", 2400, 3000)]
    assert found(2400, 2999, 2500) == [("text of a section", 2999, 3000)]
    fields = near(uses_of_message("x" * 3200, [], most=4000))
    assert [(use.what, use.used) for use in fields] == [("text of a message", 3200)]
    view = near(uses_of_view(form("x" * 24)))
    assert [(use.what, use.used, use.limit) for use in view] == [("title of a modal", 24, 24)]


@pytest.mark.parametrize("blocks", REFUSED)
def test_refused_in_a_message(blocks):
    assert check_blocks(blocks, "message")


def test_surfaces():
    assert check_view(form(blocks=[{"type": "table", "rows": rows(1)}]))
    assert check_view(form(blocks=[{"type": "markdown", "text": "x"}]))
    assert check_view({"type": "home", "blocks": [section()]}) == []


def test_a_form_with_inputs_needs_a_submit_button():
    assert check_view(form(submit=None))
    assert check_view(form(submit=None, blocks=[section()])) == []


def test_what_the_sdk_builds_is_accepted():
    from slack_sdk.models import blocks as sdk

    built = [
        sdk.HeaderBlock(text="Header"),
        sdk.SectionBlock(text=sdk.MarkdownTextObject(text="*x*", verbatim=True), fields=["a", "b"]),
        sdk.DividerBlock(),
        sdk.ContextBlock(elements=[sdk.MarkdownTextObject(text="x")]),
        sdk.ActionsBlock(
            elements=[
                sdk.ButtonElement(text="Go", action_id="go", value="1", style="primary"),
                sdk.OverflowMenuElement(
                    action_id="o", options=[sdk.Option(text="a", value="1"), sdk.Option(text="b", value="2")]
                ),
                sdk.DatePickerElement(action_id="d", initial_date="2026-11-25"),
            ]
        ),
        sdk.InputBlock(label="What", element=sdk.PlainTextInputElement(action_id="t", multiline=True), optional=True),
        sdk.InputBlock(label="Who", element=sdk.UserSelectElement(action_id="u", initial_user="U1")),
        sdk.InputBlock(label="How many", element=sdk.NumberInputElement(action_id="n", is_decimal_allowed=True)),
    ]
    assert check_blocks([one.to_dict() for one in built], "modal") == []
