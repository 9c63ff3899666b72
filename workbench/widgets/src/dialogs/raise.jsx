// An alert that a person makes: a call came in, or something was seen on the wall.
import { useSignal } from "@preact/signals";
import { api } from "../core/api.js";
import { Segmented } from "../parts/bits.jsx";
import { Dialog } from "./dialog.jsx";

export function Raise({ desk }) {
  const title = useSignal("");
  const detail = useSignal("");
  const priority = useSignal("P2");
  const failed = useSignal("");
  const sending = useSignal(false);
  const camera = desk.camera.value;
  const shut = () => (desk.dialog.value = null);
  const submit = async (event) => {
    event.preventDefault();
    sending.value = true;
    try {
      const place = camera ? { camera_id: camera.camera_id, lon_deg: camera.lon_deg, lat_deg: camera.lat_deg } : {};
      const told = await api.raise({
        title: title.value.trim(),
        detail: detail.value.trim(),
        priority: priority.value,
        ...place,
      });
      desk.store.take_alert(told);
      desk.pick(told.alert);
      shut();
    } catch (error) {
      failed.value = error.message;
    } finally {
      sending.value = false;
    }
  };
  return (
    <Dialog title="New alert" testid="dialog-raise" onClose={shut}>
      <form onSubmit={submit}>
        <label class="field">
          What is it?
          <input
            type="text"
            data-testid="raise-title"
            data-first
            maxLength={120}
            value={title.value}
            onInput={(e) => (title.value = e.currentTarget.value)}
          />
        </label>
        <div class="field">
          <span>How urgent?</span>
          <Segmented
            label="Priority"
            value={priority.value}
            onPick={(key) => (priority.value = key)}
            options={[
              ["P1", "P1"],
              ["P2", "P2"],
              ["P3", "P3"],
            ]}
          />
        </div>
        <label class="field">
          More, if there is
          <textarea rows="3" value={detail.value} onInput={(e) => (detail.value = e.currentTarget.value)} />
        </label>
        <p class="hint">
          {camera ? (
            <>
              Place: <b>{camera.name}</b>, the camera in hand.
            </>
          ) : (
            "No place: pick a camera on the map first to give it one."
          )}
        </p>
        {failed.value && (
          <p class="said refused" role="alert">
            {failed.value}
          </p>
        )}
        <footer>
          <button type="button" onClick={shut}>
            Back
          </button>
          <button
            type="submit"
            class="loud"
            data-testid="confirm-raise"
            disabled={!title.value.trim() || sending.value}
          >
            Raise alert
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
