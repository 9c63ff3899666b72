// How a page comes to stand in its element: one root, full window in a dashboard, a given height in a notebook.
import { render } from "preact";

const inLab = () => document.querySelector(".jp-LabShell, #jupyterlab-splash, .jp-NotebookPanel") !== null;

/** Return what anywidget mounts: `page(model)` gives `{view, dispose}`. */
export function mounted(name, page) {
  return {
    render({ model, el }) {
      const root = document.createElement("div");
      root.className = `rtcc-root rtcc-${name}`;
      root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take J, K and A for itself
      root.tabIndex = -1;
      if (inLab()) root.style.height = model.get("height");
      else document.documentElement.classList.add("rtcc-page", `rtcc-page-${name}`);
      el.append(root);
      const { view, dispose } = page(model, root);
      render(view, root);
      performance.mark("rtcc-rendered");
      return () => {
        render(null, root);
        dispose();
        root.remove();
      };
    },
  };
}
