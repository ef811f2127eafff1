"""The page: everything that comes from outside is escaped, and a real browser can live in it."""

import os
import shutil

import pytest

from bot.sandbox.page.mrkdwn import Words
from tests.sandbox.support import CARD, SEED, mrkdwn, plain

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
    for path in ("/?as=U1&at=C1", "/?as=U1&at=home", "/log"):
        html = await page(slack, path)
        assert "<img" not in html
        assert "javascript:1" not in html.replace("&#34;", '"') or path == "/log"
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
    await view.click("label.menu")
    await view.click("[data-testid=go-home]")
    await view.wait_for_selector("[data-view-id=home] >> text=Go")
    assert await view.evaluate("document.documentElement.scrollWidth") <= 390
    assert failures == []
