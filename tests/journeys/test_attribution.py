"""Attribution by clicks: claimed from the card, signed from Home, one late, one changed with a reason, a touch from a message."""

from sqlalchemy import select

from models.tables import AttributionClaim, Deal, Touch
from tests.journeys.support import close_all, journey, labels, shown
from tests.journeys.test_planning import forged
from tests.world import deal, small_team

ANN, PAT, BOB = "Ann Seller", "Pat Manager", "Bob Seller"


def team():
    """Deals created the day Cadence came, and one that is older."""
    rows = [deal(number, ANN, created_date="2026-03-01", attribution="") for number in (1, 2, 3)]
    return small_team(deals=[*rows, deal(4, BOB, attribution="sourced")])


async def state(local, name):
    (found,) = await local.rows(select(Deal).where(Deal.crm_id == f"D-000{name[-1]}"))
    return found.attribution, found.attribution_state


async def row_button(local, who, words, label):
    """Press the button of a deal in the list."""
    view = await local.view(who)
    place = next(at for at, block in enumerate(view["blocks"]) if words in str(block.get("text")))
    for block in view["blocks"][place : place + 2]:
        for element in [block.get("accessory"), *(block.get("elements") or [])]:
            if isinstance(element, dict) and (element.get("text") or {}).get("text") == label:
                return await local.press(who, label, block_id=block["block_id"], value=element["value"])
    raise AssertionError((label, view["blocks"][place : place + 2]))


async def from_home(local, who):
    view = await local.home(who)
    await local.press(who, "Sign…", view_id="home")
    return shown(view)


async def test_attribution_is_claimed_signed_late_and_changed_and_a_message_records_the_touch(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        await local.to("Wed 10:00")
        card = await local.card(ANN, "Your deals for the next review")
        assert "attribution: 11 days left, by Sun 15 Mar, your signature is missing" in shown(card)
        assert "Sign attribution (3)…" in labels(card)
        await local.click(ANN, card, "Sign attribution (3)…")
        assert "nobody has said which kind it is · 11 days left" in shown(await local.view(ANN))
        await row_button(local, ANN, "Deal 1", "Sign…")
        text = shown(await local.view(ANN))
        assert "The partner brought the lead." in str(await local.view(ANN))
        assert "Ann Seller (AE) has to sign." in text
        await local.choose(ANN, "kind", "sourced")
        done = await local.submit(ANN)
        assert "You have signed *Deal 1* as *sourced*. Pat Manager (partner manager) has to sign." in shown(
            done["view"]
        )
        assert await state(local, "Deal 1") == ("sourced", "one_sided")
        await local.post("close", {"user": local.id(ANN)})
        assert "2 deals wait" in shown(await local.view(ANN)), "the list below shows what is left"
        await row_button(local, ANN, "Deal 2", "Sign…")
        await local.choose(ANN, "kind", "sourced")
        await local.submit(ANN)
        await close_all(local, ANN)
        card = await local.card(ANN, "Your deals for the next review")
        assert "Sign attribution (1)…" in labels(card), "the card follows"

        home = await from_home(local, PAT)
        assert "*Attribution to sign (3)*" in home
        assert "Deal 1 · Acme: 11 days left, Ann Seller has signed sourced" in home
        await row_button(local, PAT, "*Deal 1*", "Sign “sourced”")
        assert await state(local, "Deal 1") == ("sourced", "signed")
        text = shown(await local.view(PAT))
        assert "*Deal 1* is *sourced*, signed by both: signed in time." in text
        assert "2 deals wait" in text
        await close_all(local, PAT)

        said = await local.post(
            "message", {"user": local.id(BOB), "channel": "p-acme", "text": "Acme's Zoë ran the demo & won them"}
        )
        await local.post(
            "shortcut",
            {"user": local.id(ANN), "channel": "p-acme", "ts": said["ts"], "label": "Record a partner touch"},
        )
        view = await local.view(ANN)
        offered = await local.post("suggest", {"user": local.id(ANN), "block_id": "deal", "value": "deal 3"})
        assert [one["text"]["text"] for one in offered["options"]] == ["Deal 3 · Acme"]
        assert "Acme's Zoë ran the demo & won them" in str(view)
        done = await local.submit(ANN, {"deal": offered["options"][0]})
        assert "The touch is recorded on *Deal 3*." in shown(done["view"])
        (touch,) = await local.rows(select(Touch))
        assert (touch.source, touch.ts, str(touch.day), touch.said) == (
            "message", said["ts"], "2026-03-04", "Acme's Zoë ran the demo & won them",
        )  # fmt: skip
        await local.press(ANN, "Sign attribution…")
        await local.choose(ANN, "kind", "influenced")
        assert "due by" in shown(await local.view(ANN))
        await local.submit(ANN)
        assert await state(local, "Deal 3") == ("influenced", "one_sided")
        await close_all(local, ANN)

        await local.to(local.team.start.replace(day=17))
        home = await from_home(local, PAT)
        assert "Deal 2 · Acme: :warning: 2 days overdue, Ann Seller has signed sourced" in home
        await row_button(local, PAT, "*Deal 2*", "Sign “sourced”")
        assert await state(local, "Deal 2") == ("sourced", "late")
        assert "signed late" in shown(await local.view(PAT))
        await row_button(local, PAT, "*Deal 3*", "Sign “influenced”")
        assert await state(local, "Deal 3") == ("influenced", "signed")
        await close_all(local, PAT)

        await local.command(ANN, "/deals")
        await local.press(ANN, "Sign attribution…")
        (one,) = (await local.post("suggest", {"user": local.id(ANN), "block_id": "another", "value": "deal 1"}))[
            "options"
        ]
        await local.post("view_action", {"user": local.id(ANN), "block_id": "another", "action_id": "attribution.another",
                                         "selected": one})  # fmt: skip
        await local.choose(ANN, "kind", "co_sold")
        refused = await local.submit(
            ANN, {"touch_day": "2026-03-18", "touch_said": "joint demo", "reason": "we sold it together"}
        )
        assert refused["errors"] == {
            "touch_day:1": "This day is still to come. A touch is recorded when it has happened."
        }
        done = await local.submit(ANN, {"touch_day": "2026-03-10"})
        assert "You have signed *Deal 1* as *co-sold*." in shown(done["view"])
        assert await state(local, "Deal 1") == ("sourced", "signed"), "the old stays until both have signed"
        await close_all(local, ANN)
        await from_home(local, PAT)
        assert "Ann Seller has signed *co-sold* instead of sourced: “we sold it together”" in shown(
            await local.view(PAT)
        )
        await row_button(local, PAT, "*Deal 1*", "Sign “co-sold”")
        assert await state(local, "Deal 1") == ("co_sold", "signed")
        rows = await local.rows(
            select(AttributionClaim).where(AttributionClaim.deal_id == 1).order_by(AttributionClaim.id)
        )
        assert [(row.kind, row.reason, row.replaced_at is None) for row in rows] == [
            ("sourced", "", False), ("co_sold", "we sold it together", True),
        ]  # fmt: skip
        await close_all(local, PAT)


async def test_forged_and_repeated_clicks_change_nothing_and_a_form_that_was_overtaken_shows_both_values(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        await local.to("Wed 10:00")
        card = await local.card(ANN, "Your deals for the next review")
        await local.click(ANN, card, "Sign attribution (3)…")
        await row_button(local, ANN, "Deal 1", "Sign…")
        await local.choose(ANN, "kind", "sourced")
        await local.submit(ANN)
        await close_all(local, ANN)
        entry = (await local.get("log", kind="interaction", method="view_submission"))[-1]
        again = await local.post("replay", {"n": entry["n"]})
        assert again["acked"]
        assert len(await local.rows(select(AttributionClaim))) == 1
        # Bob presses a button that was Pat's, and submits Ann's form under his own name.
        payload = {**entry["request"], "user": {**entry["request"]["user"], "id": local.id(BOB)}}
        payload["view"] = {**payload["view"], "id": "V0OTHER"}
        answer = await local.post("deliver", {"kind": "interaction", "payload": payload})
        assert "Ann Seller (owner of the deal) and Pat Manager (partner manager) sign it." in str(answer["response"])
        await forged(local, BOB, "attribution.sign", '{"c":1}')
        await forged(local, BOB, "attribution.open", '{"d":1}')
        assert len(await local.rows(select(AttributionClaim).where(AttributionClaim.in_force_at.is_not(None)))) == 0

        # Pat fills in the form of another deal, and Ann is faster.
        await from_home(local, PAT)
        await row_button(local, PAT, "*Deal 2*", "Sign…")
        await local.choose(PAT, "kind", "co_sold")
        await local.press(PAT, "Record a touch…")
        await local.submit(PAT, {"touch_day": "2026-03-03", "touch_said": "joint <!channel> demo"})
        assert "Touch 3 Mar 2026: joint &lt;!channel&gt; demo" in shown(await local.view(PAT))

        card = await local.card(ANN, "Your deals for the next review")
        await local.click(ANN, card, "Sign attribution (2)…")
        await row_button(local, ANN, "*Deal 2*", "Sign…")
        await local.choose(ANN, "kind", "sourced")
        await local.submit(ANN)
        await close_all(local, ANN)

        done = await local.submit(PAT)
        assert done["result"] == "updated"
        text = shown(done["view"])
        assert "it was: nobody had signed" in text
        assert "it is: sourced, signed by Ann Seller" in text
        assert "you chose: *co-sold*" in text
        assert await state(local, "Deal 2") == ("sourced", "one_sided"), "nothing is saved yet"
        refused = await local.submit(PAT)
        assert "complete this required field" in str(refused["errors"]), "somebody else's signature falls: why?"
        done = await local.submit(PAT, {"reason": "We built it with them"})
        assert "It replaces sourced, which only one side had signed. Ann Seller (AE) has to sign." in shown(
            done["view"]
        )
        assert await state(local, "Deal 2") == ("co_sold", "one_sided")
        await close_all(local, PAT)
