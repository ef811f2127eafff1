// Moving business time, playing a week like a film, and the guide that leads a newcomer through it.
import { $, $$, place, send, toast } from "./state.js";
import { arrive, go, onDrawn, refocus, refresh } from "./draw.js";

const DAY = 24 * 3600 * 1000;
let seconds = "3";
let moving = false;

/** Move the clock; false if it could not be moved. */
export async function move(path, body) {
  if (moving) return null;
  moving = true;
  const from = document.activeElement && document.activeElement.id;
  const moved = await send(path, body);
  moving = false;
  // The app draws its Home when it is opened: whoever looks at it wants it as of now.
  if (place.at === "home") await send("home", { user: place.viewer });
  await refresh();
  refocus(from);
  return moved;
}

const now = () => new Date($("#part-clock [data-now]").dataset.now);

// From event to event at a speed one can read, each shown where it happens, until Friday's note or until stopped.

let playing = false;
export async function play() {
  playing = !playing;
  showPlaying();
  if (!playing) { toast(""); return; }
  const until = new Date($("#clock-friday").dataset.clockTo);
  if (until - now() < DAY) until.setDate(until.getDate() + 7); // on Friday afternoon, the week to play is the next one
  while (playing) {
    const before = newest();
    const coming = $("#part-activity [data-clock-to]");
    const last = !coming || new Date(coming.dataset.clockTo) > until;
    const moved = last ? await move("clock/to", { at: until.toISOString() }) : await move("clock/next", {});
    if (!moved || moved.note || !playing) break;
    const caption = moved.steps.map((step) => step.what).join(", ");
    await show(before);
    if (caption) toast(caption);
    if (last) toast("That was the week, up to its Friday note.");
    if (last || $("#part-modal dialog")) break;
    await new Promise((wake) => setTimeout(wake, 1000 * Number(seconds)));
  }
  playing = false;
  showPlaying();
}

const rows = () => $$("#part-activity [data-sent]");
const newest = () => (rows()[0] ? rows()[0].dataset.sent : "");

// Go where something was just sent: to the present person's own message if there is one, else to the first.
async function show(before) {
  const fresh = rows().filter((row) => row.dataset.sent > before);
  if (!fresh.length) return;
  const links = fresh.flatMap((row) => $$("a[data-go]", row));
  const link = links.find((one) => one.dataset.person === place.viewer && one.dataset.at === "bot") || links[links.length - 1];
  if (link) await go(link.getAttribute("href"));
}

function showPlaying() {
  const button = $("[data-play]");
  if (!button) return;
  button.textContent = playing ? "❚❚ Pause" : "▶\uFE0E Play the week";
  button.setAttribute("aria-pressed", String(playing));
}

// What was sent since the last look stands out in the list.
let seen = null;
onDrawn((name) => {
  if (name === "clock") showPlaying();
  if (name === "clock" && $("#clock-speed")) $("#clock-speed").value = seconds;
  if (name !== "activity") return;
  if (seen !== null) for (const row of rows()) row.classList.toggle("just", row.dataset.sent > seen);
});
document.addEventListener("change", (event) => { if (event.target.id === "clock-speed") seconds = event.target.value; });
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-clock-next], [data-clock-to], #clock-go")) seen = newest();
}, true);

// the guide

const guide = $("#guide");
const steps = guide ? $$("li", guide) : [];
const KEY = "guide-step";
let step = 0;

function remembered() {
  try { return localStorage.getItem(KEY); } catch { return null; }
}

function showStep(number, hidden = false) {
  step = Math.max(0, Math.min(number, steps.length - 1));
  steps.forEach((one, index) => { one.hidden = index !== step; });
  guide.hidden = hidden;
  $("[data-guide=back]", guide).disabled = step === 0;
  $("[data-guide=next]", guide).disabled = step === steps.length - 1;
  const { at, person, place: where } = steps[step].dataset;
  $("[data-guide=go]", guide).hidden = !(at || person || where);
  document.body.classList.toggle("guide-hidden", hidden);
  try { localStorage.setItem(KEY, hidden ? "hidden" : String(step)); } catch { /* a private window */ }
}

/** One of the guide's buttons: go, next, back, hide, show. */
export async function guided(what) {
  if (what === "hide") showStep(step, true);
  else if (what === "show") showStep(step);
  else if (what === "next" || what === "back") showStep(step + (what === "next" ? 1 : -1));
  else await takeThere(steps[step].dataset);
  if (what === "hide") $("#say").focus();
}

// The person and the place first, so that one sees it happen; then the clock.
async function takeThere({ at, person, place: where }) {
  const button = $("[data-guide=go]", guide);
  const url = "/?" + new URLSearchParams({ as: person || place.viewer, at: where || place.at });
  button.disabled = true;
  button.textContent = "On the way…";
  await go(url);
  const past = at && new Date(at) < now();
  if (at && !past && new Date(at) > now()) await move("clock/to", { at });
  else if (past) toast("The clock is past that already, and it never goes back: start the local Slack anew to see it happen.");
  await arrive();
  button.disabled = false;
  button.textContent = "Take me there";
}

if (guide) {
  // A local Slack that was started anew begins at the beginning; one that has gone on, at the step of its time.
  const last = remembered();
  const begun = rows().length > 0;
  const reached = steps.filter((one) => one.dataset.at && new Date(one.dataset.at) <= now()).length;
  const wanted = last === null || last === "hidden" ? Math.max(0, reached - 1) : Number(last);
  showStep(begun ? wanted : 0, begun && last === "hidden");
}
