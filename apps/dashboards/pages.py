"""The pages of the command center, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from catalog.access import Role

PEOPLE: tuple[Role, ...] = tuple(role for role in get_args(Role) if role != "service")
"""Roles that people have."""

LAB_ROLES: tuple[Role, ...] = ("investigator", "analyst", "admin")
"""Who may run code of their own, in JupyterLab."""


@dataclass(frozen=True)
class Page:
    """One notebook that is shown as a page."""

    name: str
    """Name of its notebook, without the ending."""
    title: str
    roles: tuple[Role, ...]
    ready: int
    """Kernels that are kept ready, mounted, for the next viewers."""


PAGES = {
    page.name: page
    for page in (
        Page("operations", "Operations", PEOPLE, ready=2),
        Page("supervisor", "Supervisor", ("supervisor", "admin", "auditor"), ready=1),
        Page("phone", "Alert", PEOPLE, ready=1),
        # Read a few times a week: a kernel that waits for it would cost more than the wait for one.
        Page("impact", "Impact lab", ("analyst", "supervisor", "admin", "auditor"), ready=0),
    )
}
