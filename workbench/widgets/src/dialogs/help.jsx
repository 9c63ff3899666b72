// The keys, all of them.
import { keysOf } from "../desk/keys.js";
import { Dialog } from "./dialog.jsx";

export const Help = ({ desk }) => (
  <Dialog title="Keys" testid="dialog-help" onClose={() => (desk.dialog.value = null)}>
    <dl class="key-list">
      {keysOf(desk.page).map(([key, words]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{words}</dd>
        </div>
      ))}
    </dl>
    <p class="hint">
      {desk.keys.value
        ? "Shortcuts can be switched off in the settings."
        : "Shortcuts are switched off in the settings."}
    </p>
  </Dialog>
);
