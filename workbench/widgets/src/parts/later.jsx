// A part of the page that is loaded when it is first needed.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export function Later({ load, ...props }) {
  const View = useSignal(null);
  const failed = useSignal(false);
  useEffect(
    () =>
      void load().then(
        (part) => (View.value = part.default),
        () => (failed.value = true),
      ),
    [],
  );
  if (failed.value) return <p class="hint">This part could not be loaded. Reload the page.</p>;
  return View.value && <View.value {...props} />;
}
