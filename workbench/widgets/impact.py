"""The page of the impact lab as a widget."""

from __future__ import annotations

import traitlets

from workbench.widgets.mounting import Page, loader


class Impact(Page):
    """What published studies found: verdict and claim, figures, methods, data and guards."""

    _esm = traitlets.Unicode().tag(sync=True)
    study = traitlets.Unicode("").tag(sync=True)
    """Which study, by its name in addresses; empty: the page's address says it, or else the newest."""

    @traitlets.default("_esm")
    def _load(self) -> str:
        return loader("impact")
