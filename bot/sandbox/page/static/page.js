// Keeps the page up to date and sends what a person does to the driver. No framework, no network beyond this host.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const place = { viewer: document.body.dataset.viewer, at: document.body.dataset.at, thread: document.body.dataset.thread };
  const drawn = {};
  let version = Number(document.body.dataset.version);
  let modalKey = null;
  let busy = 0;

  const query = () => {
    const found = new URLSearchParams({ as: place.viewer, at: place.at });
    if (place.thread) found.set("thread", place.thread);
    return found;
  };

  // words to the person

  let toastTimer = 0;
  function toast(text) {
    $("#toast").textContent = text;
    clearTimeout(toastTimer);
    if (text) toastTimer = setTimeout(() => toast(""), 8000);
  }

  async function send(path, body) {
    busy += 1;
    document.body.classList.add("busy");
    try {
      const answer = await fetch("/_local/" + path, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
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
      refresh();
    }
  }

  // drawing, without losing what is typed

  const keyOf = (field) => field.id || [field.dataset.blockId, field.dataset.actionId].join("/");
  const typed = (root) => new Map($$("input:not([type=checkbox]):not([type=radio]), textarea", root)
    .filter((field) => field.id).map((field) => [keyOf(field), field.value]));

  function draw(name, html) {
    if (drawn[name] === html) return;
    const root = $("#part-" + name);
    const scroller = $(".scroller", root);
    const atEnd = !scroller || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    const top = scroller ? scroller.scrollTop : 0;
    const focused = root.contains(document.activeElement) ? document.activeElement : null;
    const focusKey = focused && focused.id;
    const selection = focused && "selectionStart" in focused ? [focused.selectionStart, focused.selectionEnd] : null;
    const open = $$("details[open]", root).length > 0;
    const values = name === "clock" && (!focused || focusKey !== "clock-at") ? new Map() : typed(root);
    root.innerHTML = html;
    drawn[name] = html;
    if (name === "clock") showPlaying();
    for (const field of $$("input, textarea", root)) {
      if (field.id && values.has(field.id) && field.type !== "checkbox" && field.type !== "radio") field.value = values.get(field.id);
    }
    if (open) $$("details", root).forEach((one) => { one.open = true; });
    const now = $(".scroller", root);
    if (now) now.scrollTop = atEnd && !now.classList.contains("home") ? now.scrollHeight : top;
    if (focusKey) {
      const again = document.getElementById(focusKey);
      if (again && root.contains(again)) {
        again.focus({ preventScroll: true });
        if (selection && selection[0] !== null) try { again.setSelectionRange(...selection); } catch { /* no text field */ }
      }
    }
  }

  // Drawing anew takes the focus away from where the keyboard was; give it back.
  function refocus(id) {
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
    for (const field of $$("input, textarea", dialog)) {
      if (field.id && values.has(field.id) && field.type !== "checkbox" && field.type !== "radio") field.value = values.get(field.id);
    }
    dialog.showModal();
    $(".modal-body", dialog).scrollTop = scroll;
    const wrong = $("[aria-invalid]", dialog);
    const target = wrong || (focus && document.getElementById(focus)) || $("[autofocus]", dialog) || $("[data-field]", dialog)
      || $(".modal-body button, .modal-body select, .modal-body a", dialog) || $("footer button", dialog);
    if (target) target.focus();
  }

  let refreshing = false;
  let again = false;
  async function refresh() {
    if (refreshing) { again = true; return; }
    refreshing = true;
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
        for (const name of ["sidebar", "clock", "main", "thread"]) draw(name, data.parts[name]);
        drawModal(data.parts.modal, data.modal_key);
      } while (again);
    } catch { /* the poll below notices and tries again */ } finally { refreshing = false; }
  }

  async function follow() {
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

  function go(url, push = true) {
    const to = new URL(url, location.href).searchParams;
    place.viewer = to.get("as") || place.viewer;
    place.at = to.get("at") || "bot";
    place.thread = to.get("thread") || "";
    if (push) history.pushState(null, "", url);
    for (const key of Object.keys(drawn)) delete drawn[key];
    $("#menu").checked = false;
    $("#thread").hidden = !place.thread;
    $(".frame").classList.toggle("with-thread", Boolean(place.thread));
    $("#say-form").hidden = place.at === "home";
    $("#reply").value = "";
    arrive();
  }

  async function arrive() {
    if (place.at === "home") await send("home", { user: place.viewer });
    else await refresh();
    const scroller = $("#scroller");
    const wanted = location.hash.startsWith("#m") && $$("[data-ts]").find((one) => one.dataset.ts.replace(".", "") === location.hash.slice(2));
    if (wanted) { wanted.scrollIntoView({ block: "center" }); wanted.classList.add("wanted"); }
    else if (scroller) scroller.scrollTop = scroller.scrollHeight;
  }

  // what was chosen

  function valueOf(field) {
    if ("group" in field.dataset) {
      const on = $$("input:checked", field).map((one) => one.value);
      return field.dataset.type === "radio_buttons" ? on[0] ?? null : on;
    }
    if (field.multiple) return [...field.selectedOptions].map((one) => one.value);
    if ("external" in field.dataset) {
      const option = $$("option", field.list).find((one) => one.value === field.value);
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

  async function act(field, extra) {
    if (field.dataset.going) return;
    if (!(await ask(field.dataset.confirm))) return;
    field.dataset.going = "1";
    field.classList.add("going");
    const spec = { user: place.viewer, action_id: field.dataset.actionId, block_id: field.dataset.blockId, ...extra };
    const view = field.closest("[data-view-id]");
    const message = field.closest("[data-ts]");
    try {
      if (view) {
        const id = view.dataset.viewId;
        if (view.tagName === "DIALOG") await fill(view);
        await send("view_action", { ...spec, view_id: id });
      } else if (message) await send("click", { ...spec, channel: message.dataset.channel, ts: message.dataset.ts });
    } finally {
      delete field.dataset.going;
      field.classList.remove("going");
    }
  }

  function fill(dialog) {
    if (!dialog.isConnected || dialog.dataset.closing) return Promise.resolve();
    return fetch("/_local/fill", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: place.viewer, view_id: dialog.dataset.viewId, values: values(dialog) }),
    }).catch(() => null);
  }

  document.addEventListener("click", async (event) => {
    const target = event.target.closest("[data-press], [data-go], [data-close], [data-close-all], [data-clock-to], [data-clock-next], [data-play]");
    if (!target) return;
    if ("go" in target.dataset) {
      if (event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      go(target.getAttribute("href"));
    } else if ("press" in target.dataset) {
      act(target, target.dataset.value === undefined ? {} : { value: target.dataset.value });
    } else if ("closeAll" in target.dataset || "close" in target.dataset) {
      close(target.closest("dialog"), "closeAll" in target.dataset);
    } else if ("play" in target.dataset) play(target);
    else if ("clockTo" in target.dataset) move("clock/to", { at: target.dataset.clockTo });
    else move("clock/next", {});
  });

  // from due time to due time at a speed one can read, until nothing comes or somebody stops it

  let playing = false;
  async function play() {
    playing = !playing;
    showPlaying();
    while (playing) {
      const moved = await send("clock/next", {});
      if (!moved || moved.note || $("#part-modal dialog")) playing = false;
      else await new Promise((wake) => setTimeout(wake, 1800));
    }
    showPlaying();
  }

  function showPlaying() {
    const button = $("[data-play]");
    if (!button) return;
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-pressed", String(playing));
  }

  let moving = false;
  async function move(path, body) {
    if (moving) return;
    moving = true;
    const from = document.activeElement && document.activeElement.id;
    await send(path, body);
    moving = false;
    await refresh();
    refocus(from);
  }

  document.addEventListener("change", (event) => {
    const target = event.target;
    if (target.id === "who") { go("/?" + new URLSearchParams({ as: target.value, at: place.at })); return; }
    const field = target.closest("[data-type]");
    if (!field) return;
    const value = valueOf(field);
    const written = field.matches("textarea, input[type=text]") && !("external" in field.dataset);
    if (!written && "dispatch" in field.dataset) {
      act(field, { selected: value ?? "" }).then(() => { if (field.classList.contains("overflow")) field.value = ""; });
    } else if (field.closest("dialog")) fill(field.closest("dialog"));
  });

  let typing = 0;
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLElement)) return;
    const dialog = field.closest("dialog[data-view-id]");
    clearTimeout(typing);
    if ("external" in field.dataset && dialog) typing = setTimeout(() => suggest(field, dialog), 200);
    else if (dialog) typing = setTimeout(() => fill(dialog), 300);
  });

  async function suggest(field, dialog) {
    const data = await send("suggest", {
      user: place.viewer, view_id: dialog.dataset.viewId, block_id: field.dataset.blockId, value: field.value,
    });
    field.list.replaceChildren(...((data && data.options) || []).map((one) => {
      const option = new Option(one.text.text, one.text.text);
      option.dataset.value = one.value;
      return option;
    }));
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.closest("#confirm")) return;
    event.preventDefault();
    const dialog = form.closest("dialog[data-view-id]");
    if (dialog) {
      if (form.dataset.going) return;
      form.dataset.going = "1";
      clearTimeout(typing);
      const button = $("[data-submit]", form);
      if (button) { button.disabled = true; button.classList.add("going"); }
      await send("submit", { user: place.viewer, view_id: dialog.dataset.viewId, values: values(dialog) });
      delete form.dataset.going;
      if (button) { button.disabled = false; button.classList.remove("going"); }
    } else if (form.id === "say-form" || form.id === "reply-form") say(form);
    else if (form.id === "clock-form") move("clock/to", { at: $("#clock-at").value, zone: document.body.dataset.zone });
  });

  async function say(form) {
    const input = $("input", form);
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    const channel = place.at === "home" ? "bot" : place.at;
    let done;
    if (text.startsWith("/") && form.id === "say-form") {
      const [command, ...rest] = text.split(/\s+/);
      done = await send("command", { user: place.viewer, channel, command, text: text.slice(command.length).trim() || rest.join(" ") });
    } else {
      done = await send("message", { user: place.viewer, channel, text, thread_ts: form.id === "reply-form" ? place.thread : null });
    }
    if (!done && !input.value) input.value = text;
    const scroller = $("#scroller");
    if (scroller && form.id === "say-form") scroller.scrollTop = scroller.scrollHeight;
  }

  document.addEventListener("cancel", (event) => {
    const dialog = event.target;
    if (!dialog.dataset.viewId) return;
    event.preventDefault();
    close(dialog, false);
  }, true);

  async function close(dialog, all) {
    if (dialog.dataset.closing) return;
    dialog.dataset.closing = "1";
    clearTimeout(typing);
    await send("close", { user: place.viewer, view_id: dialog.dataset.viewId, all });
    delete dialog.dataset.closing;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target instanceof HTMLInputElement && event.target.closest("dialog[data-view-id]")) {
      // Slack sends a form only by its button; Enter in a field must not.
      if (!["checkbox", "radio"].includes(event.target.type)) event.preventDefault();
      if ("dispatch" in event.target.dataset) act(event.target, { selected: valueOf(event.target) ?? "" });
    } else if (event.key === "/" && !event.target.closest("input, textarea, select, dialog")) {
      event.preventDefault();
      $("#say").focus();
      $("#say").value = "/";
    } else if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
      const dialog = event.target.closest("dialog[data-view-id]");
      if (dialog) $("form", dialog).requestSubmit();
    }
  });

  addEventListener("popstate", () => go(location.href, false));
  document.addEventListener("visibilitychange", refresh);
  if (place.viewer) { arrive(); follow(); }
})();
