// The echo bot of tests/sandbox/echo.py in Bolt for JavaScript: `node echo.mjs` over a socket, `node echo.mjs 4600` over
// HTTP on that port. SLACK_API_URL says where Slack is. Prints one line when it hears; SIGTERM ends it.
import bolt from "@slack/bolt";

const port = process.argv[2];
const app = new bolt.App({
  token: process.env.SLACK_BOT_TOKEN,
  // The same options serve the socket's own client, which asks for the address to connect to.
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
  ...(port
    ? { signingSecret: process.env.SLACK_SIGNING_SECRET }
    : { socketMode: true, appToken: process.env.SLACK_APP_TOKEN }),
});

const plain = (text) => ({ type: "plain_text", text });
const button = (action_id, text, value) => ({ type: "button", action_id, text: plain(text), value });

const form = (title) => ({
  type: "modal",
  callback_id: "deal",
  notify_on_close: title !== "On top" && title !== "From Home",
  title: plain(title),
  submit: plain("Save"),
  blocks: [
    {
      type: "input",
      block_id: "what",
      label: plain("Next action"),
      element: { type: "plain_text_input", action_id: "text", max_length: 20 },
    },
    {
      type: "input",
      block_id: "who",
      optional: true,
      label: plain("Owner"),
      element: { type: "users_select", action_id: "person" },
    },
    { type: "actions", block_id: "more", elements: [button("push", "Push"), button("refresh", "Refresh")] },
  ],
});

app.command("/deals", async ({ ack, body, client }) => {
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view: form("Deal") });
});

app.command("/cadence", async ({ ack, command, respond }) => {
  await ack(`You said: ${command.text}`);
  await respond({ text: "And later: *this*", response_type: "in_channel" });
});

app.view("deal", async ({ ack, view, body, client }) => {
  const text = view.state.values.what.text.value;
  if (text === "errors") {
    await ack({ response_action: "errors", errors: { what: "Say more." } });
  } else if (text === "update") {
    await ack({ response_action: "update", view: form("Next deal") });
  } else {
    await ack();
    await client.chat.postMessage({ channel: body.user.id, text: `saved ${text}` });
  }
});

app.view({ callback_id: "deal", type: "view_closed" }, async ({ ack, body, client }) => {
  await ack();
  await client.chat.postMessage({ channel: body.user.id, text: `closed, cleared ${body.is_cleared}` });
});

app.action("push", async ({ ack, body, client }) => {
  await ack();
  await client.views.push({ trigger_id: body.trigger_id, view: form("On top") });
});

app.action("refresh", async ({ ack, body, client }) => {
  await ack();
  await client.views.update({ view_id: body.view.id, hash: body.view.hash, view: form("Refreshed") });
});

app.action("same", async ({ ack, action, body, client }) => {
  await ack();
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text: `Thanks for ${action.value}` });
});

app.action("from_home", async ({ ack, body, client }) => {
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view: form("From Home") });
});

app.message(async ({ message, say }) => {
  if (message.subtype === undefined) {
    await say({
      text: `You wrote: ${message.text}`,
      blocks: [
        { type: "section", text: plain("Hello to you") },
        { type: "actions", block_id: "card", elements: [button("same", "No change", "7")] },
      ],
    });
  }
});

app.event("app_home_opened", async ({ event, client }) => {
  if (event.tab === "home") {
    const blocks = [{ type: "actions", elements: [button("from_home", "Open")] }];
    await client.views.publish({ user_id: event.user, view: { type: "home", blocks } });
  }
});

process.once("SIGTERM", async () => {
  await app.stop();
  process.exit(0);
});
await (port ? app.start({ port: Number(port), host: "127.0.0.1" }) : app.start());
console.log("ready");
