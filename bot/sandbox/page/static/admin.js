// What administrators and Slack itself do with a channel: the small forms in its header.
import { place, send } from "./state.js";
import { go } from "./draw.js";

const UNKNOWN = "-"; // an invitation to an address whose company nobody knows

function value(name, given) {
  if (name === "pending") return given === "true";
  return given === UNKNOWN ? "" : given;
}

/** Do what the form says; a channel that has another id then is gone to. */
export async function administer(form, button) {
  const given = new FormData(form);
  if (button && button.name) given.set(button.name, button.value);
  const action = (button && button.dataset.admin) || form.dataset.admin;
  const fields = Object.fromEntries([...given].map(([name, one]) => [name, value(name, one)]));
  const done = await send("admin/" + action, { ...fields, by: place.viewer });
  const now = done && done.channel && done.channel.id;
  if (now && fields.channel === place.at && now !== place.at) {
    await go("/?" + new URLSearchParams({ as: place.viewer, at: now }));
  }
}
