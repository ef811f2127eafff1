// Keeps the page like the server's picture of it, without losing what is typed, where the focus is, or how far one has read.
import { $, $$, place, send } from "./state.js";

const PARTS = ["sidebar", "clock", "main", "thread", "activity"];
const drawn = {};
const afterDrawing = [];
let version = Number(document.body.dataset.version);
let modalKey = null;
let fresh = "";

/** Called with the name of each part that was drawn anew. */
export const onDrawn = (listener) => afterDrawing.push(listener);

const query = () => {
  const found = new URLSearchParams({ as: place.viewer, at: place.at });
  if (place.thread) found.set("thread", place.thread);
  return found;
};
const isWritten = (field) => field.type !== "checkbox" && field.type !== "radio" && field.type !== "file";
const keyOf = (field) => field.id || [field.dataset.blockId, field.dataset.actionId].join("/");
const KEPT = "input, textarea, .manage select";
const typed = (root) => new Map($$(KEPT, root)
  .filter((field) => field.id && isWritten(field)).map((field) => [keyOf(field), field.value]));

function restore(root, values) {
  for (const field of $$(KEPT, root)) {
    if (!field.id || !values.has(field.id) || !isWritten(field)) continue;
    const stood = field.value;
    field.value = values.get(field.id);
    if (field.matches("select") && field.selectedIndex < 0) field.value = stood; // no longer offered
  }
}

let held = false;
/** Leave the sidebar as it is while somebody is typing into its list of people. */
export const hold = (on) => { held = on; };

function draw(name, html) {
  if (drawn[name] === html || (held && name === "sidebar")) return;
  const root = $("#part-" + name);
  const scroller = $(".scroller", root);
  // A conversation is read from its newest end, a thread from its beginning.
  const first = drawn[name] === undefined;
  const atEnd = scroller ? scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60 : name !== "thread";
  const top = scroller ? scroller.scrollTop : root.scrollTop;
  const focused = root.contains(document.activeElement) ? document.activeElement : null;
  const focusKey = focused && focused.id;
  const selection = focused && "selectionStart" in focused ? [focused.selectionStart, focused.selectionEnd] : null;
  const open = new Set($$("details[open]", root).map((one) => one.id));
  // The clock's own field shows the new time, unless somebody is typing into it.
  const values = name === "clock" && focusKey !== "clock-at" ? new Map() : typed(root);
  root.innerHTML = html;
  drawn[name] = html;
  restore(root, values);
  $$("details", root).forEach((one) => { if (open.has(one.id)) one.open = true; });
  const now = $(".scroller", root);
  if (!now) root.scrollTop = top;
  else if (now.classList.contains("home")) now.scrollTop = first ? 0 : top;
  else if (name === "thread" && first) toReplies(now);
  else if (name !== "activity") now.scrollTop = atEnd ? now.scrollHeight : top;
  if (name === "main") markFresh();
  for (const listener of afterDrawing) listener(name);
  if (focusKey) refocusIn(root, focusKey, selection);
}

function refocusIn(root, id, selection) {
  const again = document.getElementById(id);
  if (!again || !root.contains(again)) return;
  again.focus({ preventScroll: true });
  if (selection && selection[0] !== null) try { again.setSelectionRange(...selection); } catch { /* no text field */ }
}

/** Drawing anew takes the focus away from where the keyboard was; give it back. */
export function refocus(id) {
  const target = id && document.getElementById(id);
  if (target && (document.activeElement === document.body || !document.activeElement)) target.focus({ preventScroll: true });
}

let beforeModal = "";
function drawModal(html, key) {
  if (key === modalKey) return;
  const root = $("#part-modal");
  const before = $("dialog", root);
  const sameView = before && key.startsWith(before.dataset.viewId + " ");
  const values = sameView ? typed(root) : new Map();
  const focus = sameView && document.activeElement && document.activeElement.id;
  const scroll = sameView ? $(".modal-body", before).scrollTop : 0;
  if (before) before.close();
  else beforeModal = (document.activeElement && document.activeElement.id) || "";
  root.innerHTML = html;
  modalKey = key;
  const dialog = $("dialog", root);
  if (!dialog) { refocus(document.getElementById(beforeModal) ? beforeModal : "say"); return; }
  restore(dialog, values);
  dialog.showModal();
  $(".modal-body", dialog).scrollTop = scroll;
  const wrong = $("[aria-invalid]", dialog);
  const target = wrong || (focus && document.getElementById(focus)) || $("[autofocus]", dialog) || $("[data-field]", dialog)
    || $(".modal-body button, .modal-body select, .modal-body a", dialog) || $("footer button", dialog);
  if (target) focusInto(target);
}

// A group of choices takes the focus at the one that is chosen, else at the first.
function focusInto(target) {
  const inner = "group" in target.dataset ? $("input:checked", target) || $("input", target) : target;
  (inner || target).focus();
}

let refreshing = null;
let again = false;
/** Fetch and draw what changed; calls during one become one more. */
export function refresh() {
  if (refreshing) { again = true; return refreshing; }
  refreshing = fetchParts().finally(() => { refreshing = null; });
  return refreshing;
}

async function fetchParts() {
  try {
    do {
      again = false;
      const asked = query();
      if (document.visibilityState === "visible") asked.set("read", "1");
      const answer = await fetch("/_page/parts?" + asked);
      if (!answer.ok) break;
      const data = await answer.json();
      if (asked.get("at") !== place.at || asked.get("as") !== place.viewer) { again = true; continue; }
      version = data.version;
      if (data.fresh && !fresh) fresh = data.fresh;
      for (const name of PARTS) draw(name, data.parts[name]);
      drawModal(data.parts.modal, data.modal_key);
    } while (again);
  } catch { /* the poll below notices and tries again */ }
}

/** Follow the server for as long as the page lives. */
export async function follow() {
  for (;;) {
    try {
      const answer = await fetch("/_page/changes?since=" + version);
      const data = await answer.json();
      if (data.version !== version) {
        if (data.version < version) version = 0;
        await refresh();
      }
      document.body.classList.remove("gone");
    } catch {
      document.body.classList.add("gone");
      await new Promise((wake) => setTimeout(wake, 1000));
      version = 0;
    }
  }
}

/** Go to one of the page's own addresses without loading it anew. */
export function go(url, push = true) {
  const address = new URL(url, location.href);
  const to = address.searchParams;
  const before = JSON.stringify(place);
  place.viewer = to.get("as") || place.viewer;
  place.at = to.get("at") || "bot";
  place.thread = to.get("thread") || "";
  if (push) history.pushState(null, "", url);
  if (before === JSON.stringify(place) && place.at !== "home" && !address.hash) { showMenu(""); return refresh(); }
  for (const key of Object.keys(drawn)) delete drawn[key];
  fresh = "";
  showMenu("");
  $("#thread").hidden = !place.thread;
  $(".frame").classList.toggle("with-thread", Boolean(place.thread));
  $("#say-form").hidden = place.at === "home";
  $("#reply").value = "";
  return arrive();
}

/** On small screens one of the two side panels, or none. */
export function showMenu(name) {
  for (const button of $$("[data-menu]")) {
    const on = button.dataset.menu === name;
    button.setAttribute("aria-expanded", String(on));
    $(".frame").classList.toggle("show-" + button.dataset.menu, on);
  }
}

function remember() {
  try { sessionStorage.setItem("place", location.pathname + location.search); } catch { /* a private window */ }
}

export async function arrive() {
  remember();
  if (place.at === "home") await send("home", { user: place.viewer });
  await refresh();
  const scroller = $("#scroller");
  const wanted = location.hash.startsWith("#m")
    && $$("[data-ts]").filter((one) => one.dataset.ts.replace(".", "") === location.hash.slice(2)).pop();
  const first = $(".fresh-line");
  if (wanted) { reveal(wanted); wanted.classList.add("wanted"); }
  else if (first) reveal(first.previousElementSibling && first.previousElementSibling.matches(".day") ? first.previousElementSibling : first);
  else if (scroller) scroller.scrollTop = scroller.scrollHeight;
}

// Who opens a thread knows the message it hangs from: the replies are in view, however long that message is.
function toReplies(scroller) {
  const line = $(".replies-line", scroller);
  if (line && line.offsetTop - scroller.offsetTop > scroller.clientHeight / 2) reveal(line);
}

// Only its own list scrolls: the browser's scrollIntoView would move the whole page with it.
function reveal(target) {
  const scroller = target.closest(".scroller");
  scroller.scrollTop += target.getBoundingClientRect().top - scroller.getBoundingClientRect().top - 12;
}

// A line above what came since one was last here, as long as one stays.
function markFresh() {
  const first = fresh && $("#part-main [data-ts='" + CSS.escape(fresh) + "']");
  if (!first) return;
  const line = document.createElement("p");
  line.className = "fresh-line";
  line.textContent = "New";
  first.before(line);
}

addEventListener("popstate", () => go(location.href, false));
document.addEventListener("visibilitychange", refresh);
