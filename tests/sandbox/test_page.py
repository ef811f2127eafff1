"""The page: everything that comes from outside is escaped, and a real browser can live in it."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from bot.sandbox.page.emoji import EMOJI
from bot.sandbox.page.feed import happenings
from bot.sandbox.page.mrkdwn import Words
from tests.sandbox.support import CARD, SEED, form, mrkdwn, plain

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NASTY = '<img src=x onerror="document.title=1">"\'&<b>'
TEXTS = [
    ("*bold* _it_ ~no~ `a*b*`", "<b>bold</b> <i>it</i> <s>no</s> <code>a*b*</code>"),
    ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
    ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
    ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ("<https://e.com|site>", '<a href="https://e.com" rel="noopener noreferrer" target="_blank">site</a>'),
    ("<javascript:alert(1)|click>", "click"),
    ("<@U1> in <#C1>", '<span class="mention">@Mira Castellanos</span> in <span class="mention">#acme</span>'),
    ("<!channel>", '<span class="mention loud">@channel</span>'),
    ("&lt;!channel&gt;", "&lt;!channel&gt;"),
    ("```\n<!here> *x*\n```", "<pre>&lt;!here&gt; *x*</pre>"),
    ("> said\nthen", "<blockquote>said</blockquote>then"),
    (":tada: :unknown_one:", "🎉 :unknown_one:"),
    ("<!date^1795600800^{date_num}^https://e.com|x>", "2026-11-25</a>"),
    ("<!date^x^{date_num}|later>", "later"),
    ("\ue0000\ue001", "0"),
]


@pytest.mark.parametrize(("text", "html"), TEXTS)
async def test_mrkdwn(slack, text, html):
    words = Words(slack.sandbox.world, slack.sandbox.world.users["U1"])
    shown = str(words.mrkdwn(text))
    assert html in shown
    assert "<script" not in shown
    assert 'href="javascript' not in shown


async def page(slack, path):
    async with slack.session.get(slack.sandbox.url + path) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_hostile_names_and_texts_stay_text(launch):
    seed = {
        **SEED,
        "users": [{"id": "U1", "name": "x", "real_name": NASTY, "title": NASTY}],
        "channels": [{"id": "C1", "name": NASTY, "topic": NASTY, "members": ["U1", "U0CADENCE"]}],
    }
    slack = await launch(seed=seed)
    blocks = [
        {"type": "header", "text": plain(NASTY)},
        {"type": "section", "text": mrkdwn(NASTY), "fields": [plain(NASTY)]},
        {"type": "markdown", "text": NASTY},
        {"type": "table", "rows": [[{"type": "raw_text", "text": NASTY}]]},
        {"type": "image", "image_url": "https://e.com/x", "alt_text": NASTY},
        {
            "type": "actions",
            "block_id": NASTY,
            "elements": [
                {"type": "button", "action_id": NASTY, "text": plain(NASTY), "value": NASTY, "url": "javascript:1"}
            ],
        },
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "link", "url": "javascript:1", "text": NASTY}]}
            ],
        },
    ]
    assert (await slack.api("chat.postMessage", channel="C1", text=NASTY, blocks=blocks))["ok"]
    await slack.post("message", user="U1", channel="C1", text=NASTY)
    for path in ("/?as=U1&at=C1", "/?as=U1&at=home", "/inspector"):
        html = await page(slack, path)
        assert "<img" not in html
        assert "javascript:1" not in html.replace("&#34;", '"') or path == "/inspector"
        assert "this is not Slack" in html


async def test_unread_marks_and_who_has_news(slack):
    await slack.api("chat.postMessage", channel="U2", text="x")
    assert "● 1 new" in await page(slack, "/?as=U1")
    parts = "/_page/parts?as=U2&at=bot&read=1"
    await page(slack, parts)
    assert "● 1 new" not in await page(slack, "/?as=U1")


async def test_an_empty_workspace_says_so(launch):
    slack = await launch(seed={"users": []} | {"channels": []} | {"team": {"name": "Nobody"}})
    assert "no people" in await page(slack, "/")


@pytest.fixture
async def browser():
    if BROWSER is None:
        if os.environ.get("CADENCE_REQUIRE_ALL") == "1":
            pytest.fail("no Chromium, and CADENCE_REQUIRE_ALL wants one")
        pytest.skip("no Chromium on this machine")
    from playwright.async_api import async_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=BROWSER, args=arguments)
        yield running
        await running.close()


async def test_a_browser_lives_a_form(slack, bots, browser):
    await bots(slack).connect()
    view = await browser.new_page(viewport={"width": 390, "height": 800})
    failures = []
    view.on("pageerror", lambda error: failures.append(str(error)))
    await slack.api("chat.postMessage", channel="U1", text="card", blocks=CARD)
    await view.goto(slack.sandbox.url + "/?as=U1&at=bot")
    await view.click("[data-action-id=same]")
    await view.wait_for_selector("text=Thanks")
    await view.fill("#say", "/deals")
    await view.press("#say", "Enter")
    await view.wait_for_selector("dialog[open]")
    await view.click("[data-testid=modal-submit]")
    await view.wait_for_selector("text=Please complete this required field.")
    await view.fill("dialog [data-block-id=what][data-field]", "errors")
    await view.click("[data-testid=modal-submit]")
    await view.wait_for_selector("text=Say more.")
    assert await view.input_value("dialog [data-block-id=what][data-field]") == "errors"
    await view.click("dialog [data-action-id=push]")
    await view.wait_for_selector("text=Pushed")
    await view.keyboard.press("Escape")
    await view.wait_for_selector("#modal-title:has-text('Deal')")
    await view.fill("dialog [data-block-id=what][data-field]", "call them")
    await view.click("[data-testid=modal-submit]")
    await view.wait_for_selector("text=saved call them")
    await view.click("[data-testid=menu]")
    await view.click("[data-testid=go-home]")
    await view.wait_for_selector("[data-view-id=home] >> text=Go")
    assert await view.evaluate("document.documentElement.scrollWidth") <= 390
    assert failures == []


async def test_a_browser_finds_the_shortcut_on_a_message_and_keeps_what_an_external_menu_offered(slack, bots, browser):
    await bots(slack).connect()
    view = await browser.new_page()
    await slack.post("message", user="U2", channel="C1", text="They ran the demo")
    await view.goto(slack.sandbox.url + "/?as=U1&at=C1")
    await view.hover("text=They ran the demo")
    await view.click("[aria-label='More actions']")
    await view.click("[data-shortcut='attribution.touch']")
    await view.wait_for_selector("#modal-title:has-text('Of a message')")
    await view.fill("[data-external]", "valv")
    await view.wait_for_selector("datalist option", state="attached")
    async with view.expect_request("**/_local/fill"):  # and no second question, which would find nothing of that name
        await view.fill("[data-external]", "Valves · Acme")  # as when the browser's list is clicked
    await view.click("[data-testid=modal-submit]")
    await view.wait_for_selector("text=Messages")
    assert "saved V" in [one["text"] for one in await until_said(slack)]


async def until_said(slack):
    for _ in range(100):
        found = await slack.get("read", user="U1", channel="bot")
        if found:
            return found
        await asyncio.sleep(0.02)
    return []


HOSTILE = (
    '<img src=x onerror=\'window.hacked=1\'><script>window.hacked=1</script>" onfocus="window.hacked=1" autofocus="'
)
LONG = "W" * 3000


def hostile_form():
    view = form(title=HOSTILE[:24], private_metadata=HOSTILE, callback_id="deal")
    view["blocks"] = [
        {"type": "header", "text": plain(HOSTILE)},
        {"type": "section", "text": mrkdwn(HOSTILE + LONG[: 3000 - len(HOSTILE)])},
        {"type": "input", "label": plain(HOSTILE), "hint": plain(HOSTILE), "element": {
            "type": "plain_text_input", "initial_value": "</textarea>" + HOSTILE, "multiline": True}},
        {"type": "input", "label": plain("one"), "element": {
            "type": "static_select", "placeholder": plain(HOSTILE),
            "options": [{"text": plain(HOSTILE[:75]), "value": HOSTILE}]}},
    ]  # fmt: skip
    return view


@pytest.mark.parametrize("width", [390, 1400])
async def test_hostile_and_endless_content_neither_runs_nor_breaks_the_page(launch, bots, browser, width):
    """Names, texts, files and forms as an attacker or a very long company would write them, on every surface."""
    seed = {
        **SEED,
        "team": {"id": "T0LOCAL01", "name": HOSTILE, "domain": "local"},
        "users": [
            {"id": "U1", "name": "x", "real_name": HOSTILE, "title": HOSTILE},
            {"id": "U2", "name": "y", "real_name": LONG[:200], "title": LONG[:200]},
        ],
        "channels": [{"id": "C1", "name": HOSTILE, "topic": HOSTILE, "members": ["U1", "U2", "U0CADENCE"]}],
        "guide": [{"say": HOSTILE, "person": 'U1" onclick="window.hacked=1'}],
    }
    slack = await launch(seed=seed)
    page = await browser.new_page(viewport={"width": width, "height": 800})
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("dialog", lambda box: failures.append(box.message))
    await slack.post("upload", user="U1", channel="C1", text=HOSTILE, files=[
        {"name": f"{HOSTILE[:60].replace('/', '')}.csv", "text": f"{HOSTILE},{LONG}\n" * 30}])  # fmt: skip
    answer = await slack.api("chat.postMessage", channel="C1", text=HOSTILE, blocks=[
        {"type": "section", "text": mrkdwn(LONG)}, {"type": "header", "text": plain(HOSTILE)},
        {"type": "table", "rows": [[{"type": "raw_text", "text": HOSTILE}, {"type": "raw_text", "text": LONG[:1000]}]]},
        {"type": "actions", "elements": [{"type": "button", "text": plain(HOSTILE[:75]), "value": HOSTILE}]}])  # fmt: skip
    assert answer["ok"], answer
    await slack.api("chat.postMessage", channel="C1", text=HOSTILE, thread_ts=answer["ts"])
    for _ in range(200):
        slack.sandbox.world.post(slack.sandbox.world.im("U1"), "U0CADENCE", HOSTILE)
    home = {"type": "home", "blocks": hostile_form()["blocks"]}
    assert (await slack.api("views.publish", user_id="U1", view=home))["ok"]
    for path in (
        "/?as=U1",
        "/?as=U2",
        "/?as=U1&at=C1",
        f"/?as=U1&at=C1&thread={answer['ts']}",
        "/?as=U1&at=home",
        "/inspector",
    ):
        await page.goto(slack.sandbox.url + path)
        await page.wait_for_timeout(300)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert await page.evaluate("window.hacked === undefined"), path
    await page.goto(slack.sandbox.url + "/?as=U1")
    trigger = slack.sandbox.world.new_trigger("U1")
    opened = await slack.api("views.open", trigger_id=trigger.id, view=hostile_form())
    assert opened["ok"], opened
    await page.wait_for_selector("dialog[open]")
    box = await page.locator("dialog[open]").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert await page.evaluate("window.hacked === undefined")
    assert failures == []


def test_every_emoji_that_the_bot_writes_is_drawn():
    root = Path(__file__).parents[2]
    sources = [one for one in (root / "handlers").rglob("*") if one.suffix in (".py", ".j2")]
    written = {name for one in sources for name in re.findall(r":([a-z][a-z0-9_+]{2,}):", one.read_text())}
    assert "warning" in written, "the search finds what it looks for"
    assert written - EMOJI.keys() == set()


async def test_what_was_sent_is_told_together_where_it_says_the_same(slack):
    """A prompt to two people is one line without their numbers; something else of the same minute is another."""
    for user, text in (("U1", "Your deals: 0 of 10"), ("U1", "Ann has left"), ("U2", "Your deals: 0 of 12")):
        assert (await slack.api("chat.postMessage", channel=user, text=text))["ok"]
    await slack.api("chat.postMessage", channel="C1", text="*Agenda* for <@U1|Mira>\nmore")
    rows = happenings(slack.sandbox.world)
    assert [row.title for row in rows] == ["Agenda for Mira", "Your deals: … of …", "Ann has left"]
    assert [target.label for target in rows[1].targets] == ["Ann Lee", "Mira Castellanos"]
    assert rows[0].targets[0].label == "#acme"


async def test_groups_rich_text_and_tables_are_drawn_as_slack_draws_them(launch):
    seed = SEED | {"usergroups": [{"id": "S1", "handle": "sales", "name": "Sales", "users": ["U1"]}]}
    slack = await launch(seed=seed)
    leaf = {"type": "text", "text": "one", "style": {"bold": True}}
    people = [
        {"type": "usergroup", "usergroup_id": "S1"},
        {"type": "user", "user_id": "U2"},
        {"type": "emoji", "name": "tada"},
    ]
    section = {"type": "rich_text_section", "elements": [leaf, *people]}
    blocks = [
        {"type": "table", "column_settings": [{"align": "left"}, {"align": "right"}],
         "rows": [[{"type": "raw_text", "text": one} for one in row] for row in (("deal", "amount"), ("Kiwi", "7"))]},
        {"type": "section", "text": mrkdwn("for <!subteam^S1>")},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "ordered", "elements": [section]}]},
    ]  # fmt: skip
    answer = await slack.api("chat.postMessage", channel="C1", text="x", blocks=blocks)
    assert answer["ok"], answer
    html = await page(slack, "/?as=U1&at=C1")
    assert 'for <span class="mention loud">@sales</span>' in html
    assert re.search(r"<ol[^>]*><li><b>one</b>.*@sales.*@Ann Lee.*🎉</li></ol>", html)
    assert re.search(r'<td class="right" dir="auto">7</td>', html)
    assert html.index("Kiwi") > html.index("<b>one</b>"), "a table is drawn last"


COMPANIES = {
    **SEED,
    "companies": [{"id": "T9", "name": f"Acme {NASTY}", "domain": "acme"}, {"id": "T8", "name": "Beta"}],
    "channels": [
        {"id": "C1", "name": "joint", "members": ["U1", "U3", "U6", "U0CADENCE"], "is_ext_shared": True,
         "connected_team_ids": ["T9"], "is_pending_ext_shared": True, "pending_connected_team_ids": ["T8"]},
        {"id": "C2", "name": "ours", "members": ["U1"]},
    ],
}  # fmt: skip


async def test_a_channel_says_who_can_see_it_and_its_people_whose_they_are(launch):
    slack = await launch(COMPANIES)
    await slack.post("message", user="U6", channel="C1", text="from outside")
    await slack.post("message", user="U3", channel="C1", text="from a guest")
    await slack.post("message", user="U1", channel="C1", text="from us")
    shown = await page(slack, "/?as=U1&at=C1")
    assert "<img src=x" not in shown
    badges = re.search(r'data-testid="badges">(.*?)</p>', shown)[1]
    assert ["shared with Acme" in badges, "Beta invited" in badges, "has guests" in badges, "forbidden" in badges] == [
        True, True, True, False,
    ]  # fmt: skip
    marks = re.findall(r'data-testid="company">(.*?)</span>', shown)
    assert [one[:5] for one in marks] == ["Acme ", "guest"]
    groups = re.findall(r'<optgroup label="([^"]*)', re.search(r'<select id="who".*?</select>', shown, re.DOTALL)[0])
    assert [one[:5] for one in groups] == ["Local", "Acme "]
    assert 'data-testid="outside"' not in shown
    outside = await page(slack, "/?as=U6&at=C1")
    assert re.search(r'data-testid="outside">Outside Local Slack<', outside)
    assert re.search(r'data-testid="outside">A guest of Local Slack<', await page(slack, "/?as=U3&at=C1"))
    await slack.post("admin/forbid_buttons", channel="C1", team="T9")
    assert "buttons forbidden" in await page(slack, "/?as=U1&at=C1")


async def test_what_an_administrator_is_offered_is_what_can_be_done(launch):
    slack = await launch(COMPANIES)

    def offered(html):
        return {*re.findall(r'data-admin="(\w+)"', html)}

    shared, ours = await page(slack, "/?as=U1&at=C1"), await page(slack, "/?as=U1&at=C2")
    assert offered(shared) == {
        "share", "accept", "decline", "unshare", "invite", "kick", "forbid_buttons", "channel_id_change",
    }  # fmt: skip
    assert offered(ours) == {"share", "invite", "kick", "forbid_buttons", "channel_id_change"}
    assert 'value="U6"' not in re.search(r'id="come-user".*?</select>', ours, re.DOTALL)[0], "not shared with theirs"
    await slack.post("admin/forbid_buttons")
    assert "allow_buttons" in offered(await page(slack, "/?as=U1&at=C2"))
    assert offered(shared) <= set((await slack.get(""))["admin"])


async def test_every_switch_is_on_the_inspector(slack):
    shown = await page(slack, "/inspector")
    names = set((await slack.get("switches"))["switches"]) - {"no_buttons"}
    assert {one for one in names if f'data-testid="{one}"' in shown} == names
