"""What the demo's command center has beside its cameras: people who may sign in, and a panic button in a school."""

from __future__ import annotations

from dataclasses import dataclass

from apps.accounts import Accounts, generated_password
from apps.demo_scenes import SCENES
from apps.gateway.devices import Device, Devices, new_secret
from catalog.access import Role
from catalog.home import Home

DEMO_PEOPLE: tuple[tuple[str, Role, str], ...] = (
    ("officer", "officer", "Demo officer"),
    ("officer2", "officer", "Second officer"),
    ("supervisor", "supervisor", "Demo supervisor"),
    ("investigator", "investigator", "Demo investigator"),
)
"""Name, role and how they are called; nobody's real name."""

PANIC_BUTTON = "demo-school-panic"


@dataclass(frozen=True)
class DemoPerson:
    """Somebody of the demo, with the password of this start."""

    name: str
    role: str
    password: str


def demo_people(home: Home) -> tuple[DemoPerson, ...]:
    """Let the demo's people sign in, each with a new password that is kept nowhere in the clear."""
    accounts = Accounts(home)
    known = {account.name for account in accounts.all()}
    people = []
    for name, role, display in DEMO_PEOPLE:
        password = generated_password()
        if name in known:
            accounts.set_password(name, password)
        else:
            accounts.add(name, role, display, password)
        people.append(DemoPerson(name, role, password))
    return tuple(people)


def demo_panic_button(home: Home) -> Device:
    """Return the demo's panic button, in a school beside its first cameras; made on first use."""
    devices = Devices(home)
    found = devices.get(PANIC_BUTTON)
    if found is None:
        scene = SCENES[0]
        found = Device(
            PANIC_BUTTON, "panic", new_secret(), None, "school", "Demo school, front office",
            scene.lon_deg + 0.0006, scene.lat_deg + 0.0004,
        )  # fmt: skip
        devices.add(found)
    return found
