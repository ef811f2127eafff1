// The message box: words, files, and commands with completion from the app's manifest.
import { $, $$, place, send, toast } from "./state.js";

const input = $("#say");
const list = $("#commands");
const options = list ? $$("[role=option]", list) : [];

function offered() {
  return options.filter((one) => !one.hidden);
}

function choose(option) {
  options.forEach((one) => one.setAttribute("aria-selected", String(one === option)));
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
}

/** Show the commands that begin like what is typed; nothing once the command is complete. */
export function complete() {
  const word = input.value;
  const wanted = word.startsWith("/") && !word.includes(" ");
  for (const option of options) option.hidden = !option.dataset.command.startsWith(word);
  const shown = wanted && offered().length > 0;
  list.hidden = !shown;
  input.setAttribute("aria-expanded", String(shown));
  choose(shown ? offered()[0] : null);
}

function shut() {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  choose(null);
}

function take(option) {
  input.value = option.dataset.command + " ";
  shut();
  input.focus();
}

/** Arrow keys, Tab and Escape in the list; Enter completes a half-typed command and sends a whole one. */
export function key(event) {
  if (list.hidden) return;
  const rows = offered();
  const chosen = rows.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : rows.length - 1;
    choose(rows[(Math.max(chosen, 0) + step) % rows.length]);
  } else if (event.key === "Tab" || (event.key === "Enter" && rows[chosen] && rows[chosen].dataset.command !== input.value)) {
    event.preventDefault();
    take(rows[Math.max(chosen, 0)]);
  } else if (event.key === "Escape") {
    event.preventDefault();
    shut();
  }
}

if (list) {
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) { event.preventDefault(); take(option); }
  });
  input.addEventListener("blur", shut);
}

const channel = () => (place.at === "home" ? "bot" : place.at);

export async function say(form) {
  const field = form.id === "say-form" ? input : $("input", form);
  const text = field.value.trim();
  if (form.id === "say-form" && pending.length) { await upload(text); return; }
  if (!text) return;
  field.value = "";
  shut();
  let done;
  if (text.startsWith("/") && form.id === "say-form") {
    const command = text.split(/\s/, 1)[0];
    done = await send("command", { user: place.viewer, channel: channel(), command, text: text.slice(command.length).trim() });
  } else {
    done = await send("message", { user: place.viewer, channel: channel(), text, thread_ts: form.id === "reply-form" ? place.thread : null });
  }
  // What was refused is not lost, unless something new was typed meanwhile.
  if (!done && !field.value) field.value = text;
  toEnd(form);
}

// Files wait above the box until Send, with whatever is said about them.
let pending = [];

function attach(files) {
  pending = [...pending, ...files];
  showPending();
  input.focus();
}

function showPending() {
  const shown = $("#pending");
  shown.hidden = !pending.length;
  shown.replaceChildren(...pending.map((file, index) => {
    const row = document.createElement("li");
    const drop = document.createElement("button");
    row.textContent = file.name;
    drop.type = "button";
    drop.textContent = "✕";
    drop.setAttribute("aria-label", `Do not send ${file.name}`);
    drop.addEventListener("click", () => { pending = pending.filter((_, other) => other !== index); showPending(); input.focus(); });
    row.append(" ", drop);
    return row;
  }));
}

async function upload(text) {
  const body = new FormData();
  body.append("user", place.viewer);
  body.append("channel", channel());
  body.append("text", text);
  for (const file of pending) body.append("file", file, file.name);
  toast(pending.length === 1 ? `Uploading ${pending[0].name}…` : `Uploading ${pending.length} files…`);
  const done = await send("upload", body);
  if (done) { pending = []; showPending(); input.value = ""; toast(""); }
  toEnd($("#say-form"));
}

function toEnd(form) {
  const scroller = $("#scroller");
  if (scroller && form.id === "say-form") scroller.scrollTop = scroller.scrollHeight;
}

if (input) {
  $("#attach").addEventListener("change", (event) => {
    attach([...event.target.files]);
    event.target.value = "";
  });
  const main = $("#main");
  main.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  main.addEventListener("dragleave", (event) => { if (!main.contains(event.relatedTarget)) document.body.classList.remove("dropping"); });
  main.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    attach([...event.dataTransfer.files]);
  });
}
