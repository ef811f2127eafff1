// One listener for each kind of event; what is pressed says by its data-attributes what it does. No framework, no network.
import { $, afterSending, place } from "./state.js";
import { arrive, follow, go, hold, refresh, showMenu } from "./draw.js";
import { act, changed, choose, close, submit, valueOf, written } from "./forms.js";
import { complete, key, say } from "./composer.js";
import { guided, move, play } from "./clock.js";
import { administer } from "./admin.js";

afterSending(refresh);

const PRESSED = {
  go: (target) => go(target.getAttribute("href")),
  press: (target) => act(target, target.dataset.value === undefined ? {} : { value: target.dataset.value }),
  shortcut: (target) => choose(target),
  close: (target) => close(target.closest("dialog"), false),
  closeAll: (target) => close(target.closest("dialog"), true),
  play: () => play(),
  clockTo: (target) => move("clock/to", { at: target.dataset.clockTo }),
  clockNext: () => move("clock/next", {}),
  guide: (target) => guided(target.dataset.guide),
  menu: (target) => showMenu(target.getAttribute("aria-expanded") === "true" ? "" : target.dataset.menu),
};
const NAMES = Object.keys(PRESSED);
const SELECTOR = NAMES.map((name) => `[data-${name.replace(/[A-Z]/g, (big) => "-" + big.toLowerCase())}]`).join(", ");

document.addEventListener("click", (event) => {
  const permalink = event.target.closest(`a[href^="${location.origin}/archives/"]`);
  if (permalink && !event.metaKey && !event.ctrlKey) {
    event.preventDefault();
    const url = new URL(permalink.href);
    url.searchParams.set("as", place.viewer);
    location.assign(url);
    return;
  }
  const target = event.target.closest(SELECTOR);
  if (!target || target.getAttribute("aria-disabled") === "true") return;
  const name = NAMES.find((one) => one in target.dataset);
  if (name === "go") {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
  }
  PRESSED[name](target);
});

// Who types a name changes the choice with every letter: go when the name is typed, at once when it was picked.
const TYPING = 600;
let typedAt = 0;
let switching = 0;
function switchTo(list) {
  clearTimeout(switching);
  const wait = performance.now() - typedAt < TYPING ? TYPING : 0;
  hold(wait > 0);
  switching = setTimeout(() => {
    hold(false);
    go("/?" + new URLSearchParams({ as: list.value, at: place.at }));
  }, wait);
}

document.addEventListener("change", (event) => {
  const target = event.target;
  if (target.id === "who") { switchTo(target); return; }
  const field = target.closest("[data-type]");
  if (field) changed(field);
});

document.addEventListener("input", (event) => {
  if (event.target.id === "say") complete();
  else if (event.target instanceof HTMLElement) written(event.target);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.closest("#confirm")) return;
  event.preventDefault();
  const dialog = form.closest("dialog[data-view-id]");
  if (dialog) submit(dialog);
  else if ("admin" in form.dataset) administer(form, event.submitter);
  else if (form.id === "say-form" || form.id === "reply-form") say(form);
  else if (form.id === "clock-form") move("clock/to", { at: $("#clock-at").value, zone: document.body.dataset.zone });
});

document.addEventListener("cancel", (event) => {
  const dialog = event.target;
  if (!dialog.dataset.viewId) return;
  event.preventDefault();
  close(dialog, false);
}, true);

document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (target.id === "say") key(event);
  if (target.id === "who") typedAt = performance.now();
  if (event.defaultPrevented) return;
  const dialog = target.closest && target.closest("dialog[data-view-id]");
  if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && dialog) {
    submit(dialog);
  } else if (event.key === "Enter" && target instanceof HTMLInputElement && dialog) {
    // Slack sends a form only by its button; Enter in a field must not.
    if (!["checkbox", "radio"].includes(target.type)) event.preventDefault();
    if ("dispatch" in target.dataset) act(target, { selected: valueOf(target) ?? "" });
  } else if (event.key === "Escape" && $(".frame.show-sidebar, .frame.show-activity")) {
    showMenu("");
  } else if (event.key === "/" && !(target.closest && target.closest("input, textarea, select, dialog")) && !$("#say-form").hidden) {
    event.preventDefault();
    $("#say").focus();
    $("#say").value = "/";
    complete();
  }
});

if (place.viewer) { arrive(); follow(); }
