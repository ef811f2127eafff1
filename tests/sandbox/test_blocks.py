"""Block Kit's limits: accepted at n, refused at n+1 with a pointer to the place."""

import pytest

from bot.sandbox.blocks import check_blocks, check_view
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
MESSAGE_LIMITS = [
    ("blocks", 50, lambda n: [{"type": "divider"}] * n),
    ("section text", 3000, lambda n: [section(X(n))]),
    ("block_id", 255, lambda n: [section(block_id=X(n))]),
    ("fields", 10, lambda n: [{"type": "section", "fields": [mrkdwn("x")] * n}]),
    ("field text", 2000, lambda n: [{"type": "section", "fields": [mrkdwn(X(n))]}]),
    ("header", 150, lambda n: [{"type": "header", "text": plain(X(n))}]),
    ("header level", 4, lambda n: [{"type": "header", "text": plain("x"), "level": n}]),
    ("context", 10, lambda n: [{"type": "context", "elements": [mrkdwn("x")] * n}]),
    ("actions", 25, lambda n: [actions(*[button(action_id=f"a{i}") for i in range(n)])]),
    ("button text", 75, lambda n: [actions(button(text=plain(X(n))))]),
    ("button value", 2000, lambda n: [actions(button(value=X(n)))]),
    ("button url", 3000, lambda n: [actions(button(url=X(n)))]),
    ("accessibility_label", 75, lambda n: [actions(button(accessibility_label=X(n)))]),
    ("action_id", 255, lambda n: [actions(button(action_id=X(n)))]),
    ("options", 100, lambda n: [actions(select(options=options(n)))]),
    ("option text", 75, lambda n: [actions(select(options=options(2, n)))]),
    ("option value", 150, lambda n: [actions(select(options=[{"text": plain("x"), "value": X(n)}]))]),
    ("option description", 75, lambda n: [actions(select(options=[{**options(1)[0], "description": plain(X(n))}]))]),
    ("placeholder", 150, lambda n: [actions(select(placeholder=plain(X(n))))]),
    ("group label", 75, lambda n: [
        actions(select(options=None, option_groups=[{"label": plain(X(n)), "options": options(1)}]))
    ]),
    ("overflow", 5, lambda n: [actions({"type": "overflow", "action_id": "a", "options": options(n)})]),
    ("radios", 10, lambda n: [actions({"type": "radio_buttons", "action_id": "a", "options": options(n)})]),
    ("checkboxes", 10, lambda n: [actions({"type": "checkboxes", "action_id": "a", "options": options(n)})]),
    ("alt text", 2000, lambda n: [{"type": "image", "image_url": "https://e.com/a", "alt_text": X(n)}]),
    ("table rows", 100, lambda n: [{"type": "table", "rows": rows(n)}]),
    ("table columns", 20, lambda n: [{"type": "table", "rows": rows(1, n)}]),
    ("table characters", 10_000, lambda n: [{"type": "table", "rows": rows(1, 1, X(n))}]),
    ("tables", 1, lambda n: [{"type": "table", "rows": rows(1)}] * n),
    ("markdown", 12_000, lambda n: [{"type": "markdown", "text": X(n - 1)}, {"type": "markdown", "text": "x"}]),
    *[
        (f"confirm {name}", most, lambda n, name=name: [actions(button(confirm={
            "title": plain("x"), "text": plain("x"), "confirm": plain("x"), "deny": plain("x"), name: plain(X(n))
        }))])
        for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
    ],
]  # fmt: skip
VIEW_LIMITS = [
    ("title", 24, lambda n: form(X(n))),
    ("submit", 24, lambda n: form(submit=plain(X(n)))),
    ("close", 24, lambda n: form(close=plain(X(n)))),
    ("private_metadata", 3000, lambda n: form(private_metadata=X(n))),
    ("callback_id", 255, lambda n: form(callback_id=X(n))),
    ("external_id", 255, lambda n: form(external_id=X(n))),
    ("blocks", 100, lambda n: form(blocks=[{"type": "divider"}] * n)),
    ("label", 2000, lambda n: form(blocks=[entry({"type": "plain_text_input"}, label=plain(X(n)))])),
    ("hint", 2000, lambda n: form(blocks=[entry({"type": "plain_text_input"}, hint=plain(X(n)))])),
    ("max_length", 3000, lambda n: form(blocks=[entry({"type": "plain_text_input", "max_length": n})])),
    ("initial_value", 3000, lambda n: form(blocks=[entry({"type": "plain_text_input", "initial_value": X(n)})])),
]
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


@pytest.mark.parametrize(("what", "most", "make"), MESSAGE_LIMITS, ids=[row[0] for row in MESSAGE_LIMITS])
def test_a_message_is_accepted_at_the_limit_and_refused_beyond(what, most, make):
    assert check_blocks(make(most), "message") == []
    refused = check_blocks(make(most + 1), "message")
    assert refused, what
    assert all("[json-pointer:/blocks" in one for one in refused)


@pytest.mark.parametrize(("what", "most", "make"), VIEW_LIMITS, ids=[row[0] for row in VIEW_LIMITS])
def test_a_view_is_accepted_at_the_limit_and_refused_beyond(what, most, make):
    assert check_view(make(most)) == []
    assert check_view(make(most + 1)), what


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
