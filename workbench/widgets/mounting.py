"""The few lines of JavaScript through which a kernel mounts a page: they load the bundled files."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from workbench.widgets.bundle import STATIC, page_files

LOADER = """
const url = (name) => new URL("/assets/" + name, location.href).href;
export default async () => {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: url("%(css)s") });
  if (!document.querySelector(`link[href="${link.href}"]`)) {
    document.head.append(link);
    await new Promise((done) => { link.onload = link.onerror = done; });
  }
  return (await import(url("%(js)s"))).default;
};
"""


def loader(page: str, static: Path = STATIC) -> str:
    """Return the module that loads a page's bundled files from the gateway that serves the page."""
    files = page_files(page, static)
    return LOADER % {"css": files.css, "js": files.js}


class Page(anywidget.AnyWidget):
    """A page of the command center; what it shows goes between browser and gateway, never through the kernel."""

    height = traitlets.Unicode("100vh").tag(sync=True)
    """How tall it is inside a notebook, as CSS says it; a dashboard fills its window."""
