// The inspector follows the wire while one looks; opened entries stay open.
import { $, $$, send, toast } from "./state.js";

let version = Number(document.body.dataset.version);
const drawn = {};

function filters() {
  return new URLSearchParams([...new FormData($("#filters"))].filter(([, value]) => value));
}

async function refresh() {
  const asked = filters().toString();
  const answer = await fetch("/_page/inspector?" + asked);
  if (!answer.ok) return;
  const data = await answer.json();
  if (asked !== filters().toString()) return; // another choice is on its way
  version = data.version;
  for (const [name, html] of Object.entries(data.parts)) {
    if (drawn[name] === html) continue;
    const root = $("#part-" + name);
    const open = $$("details[open]", root).map((one) => one.id);
    const focused = root.contains(document.activeElement) && document.activeElement.closest("details");
    root.innerHTML = html;
    drawn[name] = html;
    for (const id of open) { const one = document.getElementById(id); if (one) one.open = true; }
    const again = focused && document.getElementById(focused.id);
    if (again) $("summary", again).focus({ preventScroll: true });
  }
}

async function follow() {
  for (;;) {
    try {
      const answer = await fetch("/_page/changes?since=" + version);
      if ((await answer.json()).version !== version) await refresh();
      document.body.classList.remove("gone");
    } catch {
      document.body.classList.add("gone");
      version = 0;
    }
    await new Promise((wake) => setTimeout(wake, 400));
  }
}

try { $("#back").href = sessionStorage.getItem("place") || "/"; } catch { /* a private window */ }

let waiting = 0;
$("#filters").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 200); });
$("#filters").addEventListener("submit", (event) => { event.preventDefault(); refresh(); });

$("#fault-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = new FormData(event.target);
  const done = await send("faults", {
    kind: given.get("kind"), method: given.get("method").trim(), count: Number(given.get("count")), seconds: Number(given.get("seconds")),
  });
  if (done) refresh();
});

document.addEventListener("change", async (event) => {
  const field = event.target.closest("#switch-form select");
  if (!field) return;
  const position = { true: true, false: false }[field.value];
  if (await send("switches", { [field.name]: position === undefined ? field.value : position })) refresh();
});

document.addEventListener("click", async (event) => {
  const again = event.target.closest("[data-replay]");
  const entry = event.target.closest("[data-entry]");
  if (again) {
    const n = Number(again.dataset.replay);
    const done = await send("replay", { n });
    if (done) toast(`Number ${n} was sent again: ${done.acked ? "the bot acknowledged it" : done.error || "the bot did not acknowledge it"}.`);
    refresh();
  }
  else if (event.target.id === "faults-clear") { await fetch("/_local/faults", { method: "DELETE" }); refresh(); }
  else if (entry) { const found = document.getElementById("e" + entry.dataset.entry); if (found) found.open = true; }
});

follow();
