// A question in front of the page. The browser keeps the focus inside, and gives it back.
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/icons.jsx";

export function Dialog({ title, testid, onClose, wide, children }) {
  const box = useRef();
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    box.current.querySelector("[autofocus], [data-first]")?.focus();
    return () => before?.isConnected && before.focus?.();
  }, []);
  return (
    <dialog
      ref={box}
      class={`dialog ${wide ?? ""}`}
      data-testid={testid}
      aria-label={title}
      onCancel={(event) => (event.preventDefault(), onClose())}
      onClick={(event) => event.target === box.current && onClose()}
    >
      <div class="inside">
        <header>
          <h2>{title}</h2>
          <button type="button" class="tool" aria-label="Close this dialog" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** The alert a dialog is about, on one line. */
export const About = ({ alert }) => (
  <p class="about">
    <b class={`prio ${alert.priority.toLowerCase()}`}>{alert.priority}</b> <b>{alert.title}</b>
    <span>{alert.camera_name ?? alert.camera_id ?? alert.source}</span>
  </p>
);

/** A form that sends one step, shows why it was refused, and closes when it was not. */
export async function send(desk, alert, kind, extra) {
  const told = await desk.step(alert, kind, extra);
  if (told) desk.dialog.value = null;
  return told;
}

export const Refusal = ({ desk, alert }) => {
  const noted = desk.notes.value.get(alert.alert_id);
  return noted ? (
    <p class={`said ${noted.tone}`} role="alert">
      {noted.text}
    </p>
  ) : null;
};
