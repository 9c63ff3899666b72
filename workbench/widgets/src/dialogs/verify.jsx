// A plate hit is believed only after a person read the plate from the picture. The read is never shown before.
import { useSignal } from "@preact/signals";
import { pictureUrl } from "../core/api.js";
import { percent } from "../core/words.js";
import { Picture } from "../parts/bits.jsx";
import { About, Dialog, Refusal } from "./dialog.jsx";

export function Verify({ desk, alert }) {
  const typed = useSignal("");
  const matches = useSignal(false);
  const came = useSignal(null);
  const zoomed = useSignal(null);
  const shut = () => (desk.dialog.value = null);
  const sending = desk.underWay.value.has(alert.alert_id);
  const submit = async (event) => {
    event.preventDefault();
    came.value = null;
    const told = await desk.step(alert, "verify", {
      plate_typed: typed.value.trim(),
      vehicle_matches: matches.value,
    });
    if (told) came.value = told.alert.plate?.verified ? "verified" : "unlike";
  };
  return (
    <Dialog title="Verify the plate" testid="dialog-verify" onClose={shut} wide="wide">
      <About alert={alert} />
      <div class="verify">
        <button
          type="button"
          class={`evidence ${zoomed.value ? "zoomed" : ""}`}
          aria-label={zoomed.value ? "Show the whole picture" : "Enlarge the picture"}
          style={zoomed.value ? { "--at": zoomed.value } : undefined}
          onClick={(event) => (zoomed.value = zoomed.value ? null : placeOf(event))}
        >
          <Picture src={pictureUrl(alert, 1280)} alt="The vehicle as the camera saw it" />
        </button>
        <form onSubmit={submit}>
          <p class="hint">
            Read the plate from the picture. What the camera read stays hidden, so that yours is a second opinion.
          </p>
          <label class="field">
            Plate as you read it
            <input
              type="text"
              class="plate-input"
              data-testid="input-plate"
              data-first
              value={typed.value}
              autocomplete="off"
              autocapitalize="characters"
              spellcheck={false}
              maxLength={16}
              disabled={came.value === "verified"}
              onInput={(e) => ([typed.value, came.value] = [e.currentTarget.value.toUpperCase(), null])}
            />
          </label>
          <div class="compare">
            <span>Wanted vehicle</span>
            <b>{alert.plate?.vehicle || "not described"}</b>
          </div>
          <label class="check">
            <input
              type="checkbox"
              data-testid="check-vehicle"
              checked={matches.value}
              disabled={came.value === "verified"}
              onChange={(e) => (matches.value = e.currentTarget.checked)}
            />
            The vehicle in the picture matches
          </label>
          {alert.confidence !== null && (
            <p class="hint">The camera's own confidence in its read: {percent(alert.confidence)}.</p>
          )}
          <Result came={came.value} />
          <Refusal desk={desk} alert={alert} />
          <footer>
            <button type="button" onClick={shut}>
              {came.value ? "Done" : "Back"}
            </button>
            {came.value !== "verified" && (
              <button
                type="submit"
                class="loud"
                data-testid="confirm-verify"
                disabled={!typed.value.trim() || sending}
              >
                {sending ? "Comparing…" : "Compare"}
              </button>
            )}
          </footer>
        </form>
      </div>
    </Dialog>
  );
}

/** Where in the picture a click was; its middle for a key. */
function placeOf({ currentTarget, clientX, clientY, detail }) {
  const box = currentTarget.getBoundingClientRect();
  const share = (at, from, size) => `${Math.round((100 * (at - from)) / size)}%`;
  return detail ? `${share(clientX, box.left, box.width)} ${share(clientY, box.top, box.height)}` : "50% 50%";
}

function Result({ came }) {
  if (came === "verified")
    return (
      <p class="said good" role="status" data-testid="verify-result" data-result="verified">
        <b>Verified.</b> Plate and vehicle are the ones looked for. It can be assigned now.
      </p>
    );
  if (came === "unlike")
    return (
      <p class="said refused" role="status" data-testid="verify-result" data-result="unlike">
        <b>Does not match.</b> Nobody can be sent on it. Look again, or close it as a false alarm.
      </p>
    );
  return null;
}
