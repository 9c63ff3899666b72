"""A notebook as a page that can be mounted without its kernel: what its widgets are comes with the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, TypedDict

from voila.notebook_renderer import NotebookRenderer

VIEW = "application/vnd.jupyter.widget-view+json"
"""What a cell's output is called that shows a widget."""


class Widgets(TypedDict):
    """What the browser needs to mount a page's widgets."""

    failed: bool
    """True where a cell broke: there is nothing to mount."""
    views: list[str]
    """The widgets that are shown, in order; none where Voila's own scripts have to mount them."""
    states: dict[str, dict[str, Any]]
    """Of each of them."""
    leaving: str
    """Where it is said that the kernel is not needed any more."""


class PageRenderer(NotebookRenderer):
    """Renders a notebook, and remembers what its cells showed."""

    async def initialize(self, **named: Any) -> None:
        """Prepare; the template may ask for the widgets."""
        await super().initialize(**named)
        self._cells: list[Any] = []
        self.exporter.environment.globals["mounting"] = self._mounting

    async def _jinja_cell_generator(self, nb: Any, kernel_id: str) -> AsyncIterator[Any]:
        async for cell in super()._jinja_cell_generator(nb, kernel_id):
            self._cells.append(cell)
            yield cell

    def _mounting(self, kernel_id: str) -> Widgets:
        outputs = [output for cell in self._cells for output in cell.get("outputs", ())]
        failed = any(output["output_type"] == "error" for output in outputs)
        shown = [
            output["data"] for output in outputs if output["output_type"] in ("display_data", "execute_result")
        ]
        views = [data[VIEW]["model_id"] for data in shown if VIEW in data]
        found = {model_id: self.executor.widget_state.get(model_id, {}) for model_id in views}
        own = len(views) == len(shown) and all(map(_is_ours, found.values()))
        if failed or not own or any(model_id in self.executor.widget_buffers for model_id in views):
            views, found = [], {}
        leaving = f"{self.base_url}voila/api/shutdown/{kernel_id}"
        return {"failed": failed, "views": views, "states": found, "leaving": leaving}


def _is_ours(state: Mapping[str, Any]) -> bool:
    """Tell whether a widget is a module that mounts itself."""
    return state.get("_model_module") == "anywidget" and bool(state.get("_esm"))
