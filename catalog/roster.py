"""Who is on: the registry and the open alerts as they stand now, for whoever runs the cameras.

It comes from what the keeper knows by heart, so that asking once a second costs no commit, no lake and no line in
the audit: it names cameras and alerts, and shows nothing that a camera saw.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.casework import Alert
from catalog.consent import Consent
from catalog.registry import Camera, Mounting, Zone


@dataclass(frozen=True)
class Roster:
    """The registry and the open alerts."""

    version: str
    """Changes with every change of registry, consents or alerts, and with every keeper."""
    cameras: tuple[Camera, ...] = ()
    mountings: tuple[Mounting, ...] = ()
    zones: tuple[Zone, ...] = ()
    alerts: tuple[Alert, ...] = ()
    """Open ones."""
    consents: tuple[Consent, ...] = ()
    """Withdrawn ones too."""
