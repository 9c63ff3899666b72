"""The phone page as a widget."""

from __future__ import annotations

import traitlets

from workbench.widgets.mounting import Page, loader


class Phone(Page):
    """One alert, its picture and its place, for an officer in the field."""

    _esm = traitlets.Unicode().tag(sync=True)
    alert_id = traitlets.Unicode("").tag(sync=True)
    """Which alert; empty: the page's address says it, or else the most urgent one that is one's own."""

    @traitlets.default("_esm")
    def _load(self) -> str:
        return loader("phone")
