// The reader's own settings: kept by the gateway, so that they are the same at every desk.
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { api } from "../core/api.js";
import { Icon } from "./icons.jsx";

const PALETTES = [
  ["standard", "Standard"],
  ["high_contrast", "High contrast"],
  ["colour_safe", "Colour-safe"],
];

export function Settings({ store, desk }) {
  const open = useSignal(false);
  const failed = useSignal("");
  const box = useRef();
  useEffect(() => {
    const away = (event) => {
      if (!box.current?.contains(event.target) || event.key === "Escape") open.value = false;
    };
    addEventListener("pointerdown", away);
    addEventListener("keydown", away);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", away);
    };
  }, []);
  const now = store.settings.value;
  const save = async (change) => {
    const settings = { ...now, ...change };
    try {
      await api.saveSettings(settings);
      store.me.value = { ...store.me.value, settings };
      failed.value = "";
    } catch (error) {
      failed.value = error.message;
    }
  };
  return (
    <div class="menu" ref={box}>
      <button
        type="button"
        class="tool"
        data-testid="open-settings"
        aria-label="Settings"
        title="Settings"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        <Icon name="gear" />
      </button>
      {open.value && (
        <div class="sheet" role="group" aria-label="Settings" data-testid="settings">
          <label class="check">
            <input
              type="checkbox"
              data-testid="set-sound"
              checked={now.sound}
              onChange={(e) => save({ sound: e.currentTarget.checked })}
            />
            Sound for new alerts
          </label>
          <label class="range">
            <span>Volume</span>
            <input
              type="range"
              data-testid="set-volume"
              min="0"
              max="1"
              step="0.05"
              value={now.volume}
              disabled={!now.sound}
              onChange={(e) => save({ volume: Number(e.currentTarget.value) })}
            />
          </label>
          <fieldset>
            <legend>Colours</legend>
            {PALETTES.map(([key, words]) => (
              <label class="check" key={key}>
                <input
                  type="radio"
                  name="palette"
                  data-testid={`palette-${key}`}
                  checked={now.palette === key}
                  onChange={() => save({ palette: key })}
                />
                {words}
              </label>
            ))}
          </fieldset>
          <label class="check">
            <input
              type="checkbox"
              checked={now.reduced_motion}
              onChange={(e) => save({ reduced_motion: e.currentTarget.checked })}
            />
            Less motion
          </label>
          <label class="check">
            <input
              type="checkbox"
              data-testid="set-keys"
              checked={desk.keys.value}
              onChange={(e) => desk.hearKeys(e.currentTarget.checked)}
            />
            Single-key shortcuts on this machine
          </label>
          {failed.value && (
            <p class="refusal" role="alert">
              {failed.value}
            </p>
          )}
          <form method="post" action="/logout" onSubmit={signOut}>
            <button type="submit" class="quiet">
              Sign out
            </button>
          </form>
        </div>
      )}
    </div>
  );
}

async function signOut(event) {
  event.preventDefault();
  await fetch("/logout", {
    method: "POST",
    headers: { "X-RTCC": "1" },
    credentials: "same-origin",
    redirect: "manual",
  }).catch(() => {});
  location.assign("/login");
}
