// Mounts a page's widgets from the state that came with it. The kernel has done its part by then and is told to go:
// what a page shows and does goes between it and the gateway.
//
// A widget is an anywidget: a module whose default export has `render`, or makes something that has.

const page = JSON.parse(document.getElementById("rtcc-widgets").textContent);

/** The state of one widget; it is the browser's own, nobody else is told of changes. */
class Model {
  #state;
  #listeners = new Map();

  constructor(state) {
    this.#state = state;
  }

  get(name) {
    return this.#state[name];
  }

  set(name, value) {
    this.#state[name] = value;
    for (const event of [`change:${name}`, "change"]) for (const told of this.#listeners.get(event) ?? []) told();
  }

  save_changes() {}

  send() {}

  on(event, told) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), told]);
  }

  off(event, told) {
    const left = told ? (this.#listeners.get(event) ?? []).filter((one) => one !== told) : [];
    this.#listeners.set(event, left);
  }
}

/** Return the widget that a module's text makes. */
async function made(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    const { default: found } = await import(address);
    return typeof found === "function" ? await found() : found;
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function mount(id) {
  const state = page.states[id];
  const model = new Model(state);
  const el = document.createElement("div");
  if (state._css) el.append(Object.assign(document.createElement("style"), { textContent: state._css }));
  document.getElementById("rendered_cells").append(el);
  const widget = await made(state._esm);
  await widget.initialize?.({ model });
  await widget.render({ model, el });
}

const word = document.cookie.match(/\b_xsrf=([^;]*)/)?.[1] ?? "";
function leave() {
  const said = new FormData();
  said.append("_xsrf", word);
  navigator.sendBeacon(page.leaving, said);
}

try {
  for (const id of page.views) await mount(id);
  window.rtccMounted();
  leave();
} catch (error) {
  console.error("the page could not be mounted", error);
  window.rtccFailed();
}
