"""The supervisor page as a widget."""

from __future__ import annotations

import traitlets

from workbench.widgets.mounting import Page, loader


class Supervisor(Page):
    """Who is on, load, ageing alerts, outcomes, health, watches and rules, for supervisors."""

    _esm = traitlets.Unicode().tag(sync=True)

    @traitlets.default("_esm")
    def _load(self) -> str:
        return loader("supervisor")
