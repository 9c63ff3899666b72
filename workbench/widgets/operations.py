"""The operations page as a widget."""

from __future__ import annotations

import traitlets

from workbench.widgets.mounting import Page, loader


class Operations(Page):
    """Map, alert queue, video wall and response, for officers."""

    _esm = traitlets.Unicode().tag(sync=True)

    @traitlets.default("_esm")
    def _load(self) -> str:
        return loader("operations")
