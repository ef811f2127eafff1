// Where one is, and the one way to tell the local Slack what a person does: the driver's own routes.
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const place = { viewer: document.body.dataset.viewer, at: document.body.dataset.at, thread: document.body.dataset.thread };

const listeners = [];
/** Called after everything that was sent, whatever came of it. */
export const afterSending = (listener) => listeners.push(listener);

let toastTimer = 0;
/** A few words at the bottom; errors stay a little longer. */
export function toast(text) {
  $("#toast").textContent = text;
  clearTimeout(toastTimer);
  if (text) toastTimer = setTimeout(() => toast(""), 8000);
}

let busy = 0;
/** POST to the driver; its answer, or null after saying why not. `body` is JSON or a FormData. */
export async function send(path, body) {
  busy += 1;
  document.body.classList.add("busy");
  try {
    const form = body instanceof FormData;
    const answer = await fetch("/_local/" + path, {
      method: "POST", headers: form ? {} : { "Content-Type": "application/json" }, body: form ? body : JSON.stringify(body),
    });
    const data = await answer.json();
    if (!answer.ok) toast(data.error || "That did not work.");
    else if (data.note) toast(data.note);
    return answer.ok ? data : null;
  } catch {
    toast("The local Slack does not answer.");
    return null;
  } finally {
    busy -= 1;
    document.body.classList.toggle("busy", busy > 0);
    for (const listener of listeners) listener();
  }
}
