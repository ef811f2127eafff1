// Buttons, inputs and modals: what was chosen, and telling the driver.
import { $, $$, place, send } from "./state.js";

/** What was offered and stands in an external select now; its bare words are no choice. */
const offered = (field) => $$("option", field.list).find((one) => one.value === field.value);

/** The value of one input as the driver takes it. */
export function valueOf(field) {
  if ("group" in field.dataset) {
    const on = $$("input:checked", field).map((one) => one.value);
    return field.dataset.type === "radio_buttons" ? on[0] ?? null : on;
  }
  if (field.multiple) return [...field.selectedOptions].map((one) => one.value);
  if ("external" in field.dataset) {
    const option = offered(field);
    if (!option) return null;
    const chosen = { text: { type: "plain_text", text: option.value }, value: option.dataset.value };
    return field.dataset.type.startsWith("multi_") ? [chosen] : chosen;
  }
  return field.value === "" ? null : field.value;
}

const values = (dialog) => Object.fromEntries($$("[data-field]", dialog).map((one) => [one.dataset.blockId, valueOf(one)]));

function ask(confirm) {
  if (!confirm) return Promise.resolve(true);
  const box = JSON.parse(confirm);
  const dialog = $("#confirm");
  $("#confirm-title").textContent = box.title.text;
  $("#confirm-text").textContent = box.text.text;
  $("#confirm-yes").textContent = box.confirm.text;
  $("#confirm-no").textContent = box.deny.text;
  $("#confirm-yes").classList.toggle("danger", box.style === "danger");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

/** Press a button or choose something that the app hears of at once. */
export async function act(field, extra) {
  if (field.dataset.going) return;
  if (!(await ask(field.dataset.confirm))) return;
  field.dataset.going = "1";
  field.classList.add("going");
  const spec = { user: place.viewer, action_id: field.dataset.actionId, block_id: field.dataset.blockId, ...extra };
  const view = field.closest("[data-view-id]");
  const message = field.closest("[data-ts]");
  try {
    if (view) {
      if (view.tagName === "DIALOG") await fill(view);
      await send("view_action", { ...spec, view_id: view.dataset.viewId });
    } else if (message) await send("click", { ...spec, channel: message.dataset.channel, ts: message.dataset.ts });
  } finally {
    delete field.dataset.going;
    field.classList.remove("going");
  }
}

/** A shortcut in the menu of a message. */
export async function choose(button) {
  const message = button.closest("[data-ts]");
  button.closest("details").open = false;
  await send("shortcut", {
    user: place.viewer, channel: message.dataset.channel, ts: message.dataset.ts, callback_id: button.dataset.shortcut,
  });
}

// What is typed is kept with the server, so that a reload or another browser loses nothing.
function fill(dialog) {
  if (!dialog.isConnected || dialog.dataset.closing) return Promise.resolve();
  return fetch("/_local/fill", {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user: place.viewer, view_id: dialog.dataset.viewId, values: values(dialog) }),
  }).catch(() => null);
}

export async function close(dialog, all) {
  if (dialog.dataset.closing) return;
  dialog.dataset.closing = "1";
  clearTimeout(typing);
  await send("close", { user: place.viewer, view_id: dialog.dataset.viewId, all });
  delete dialog.dataset.closing;
}

export async function submit(dialog) {
  const form = $("form", dialog);
  if (form.dataset.going) return;
  form.dataset.going = "1";
  clearTimeout(typing);
  const button = $("[data-submit]", form);
  if (button) { button.disabled = true; button.classList.add("going"); }
  await send("submit", { user: place.viewer, view_id: dialog.dataset.viewId, values: values(dialog) });
  delete form.dataset.going;
  if (button) { button.disabled = false; button.classList.remove("going"); }
}

// A complaint about what stood there goes when something else does; what is right is judged at the next submission.
function forgive(field) {
  const block = field.closest(".field.wrong");
  if (!block) return;
  block.classList.remove("wrong");
  for (const one of $$(".error", block)) one.remove();
  for (const one of $$("[aria-invalid]", block)) { one.removeAttribute("aria-invalid"); one.removeAttribute("aria-describedby"); }
}

let typing = 0;
export function changed(field) {
  forgive(field);
  const value = valueOf(field);
  const written = field.matches("textarea, input[type=text]") && !("external" in field.dataset);
  if (!written && "dispatch" in field.dataset) {
    act(field, { selected: value ?? "" }).then(() => { if (field.classList.contains("overflow")) field.value = ""; });
  } else if (field.closest("dialog")) fill(field.closest("dialog"));
}

export function written(field) {
  const dialog = field.closest("dialog[data-view-id]");
  if (!dialog) return;
  forgive(field);
  clearTimeout(typing);
  typing = setTimeout(() => ("external" in field.dataset ? suggest(field, dialog) : fill(dialog)), "external" in field.dataset ? 200 : 300);
}

async function suggest(field, dialog) {
  if (offered(field)) { await fill(dialog); return; } // one was picked: asking for its whole name would take it away
  const data = await send("suggest", {
    user: place.viewer, view_id: dialog.dataset.viewId, block_id: field.dataset.blockId, value: field.value,
  });
  field.list.replaceChildren(...((data && data.options) || []).map((one) => {
    const option = new Option(one.text.text, one.text.text);
    option.dataset.value = one.value;
    return option;
  }));
}
