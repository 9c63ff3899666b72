"""A device's side of a report: the envelope, signed and sent. For trying a device out, and for tests."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from apps.gateway.devices import Device
from apps.gateway.envelopes import ALERT, PANIC, PLATE_READ
from apps.gateway.signing import signed_headers
from catalog.errors import RtccError
from catalog.spans import iso

ROUTES = {"panic": ("/v1/panic", PANIC), "plate": ("/v1/plate-reads", PLATE_READ), "alerts": ("/v1/alerts", ALERT)}
"""By kind of device: where it reports, and what its events are called."""

TIMEOUT_S = 10.0


class NotTaken(RtccError):
    """The gateway did not take a report."""


def send_report(
    device: Device, address: str, data: Mapping[str, Any], now: datetime, *, event_id: str = ""
) -> dict[str, Any]:
    """Send one report as the device does, and return what the gateway says: `alert_id`, and whether it knew it.

    Parameters
    ----------
    address
        The gateway's, e.g. `http://127.0.0.1:8750`.
    data
        What the event says.
    event_id
        The same id again is the same event; empty for a new one.

    Raises
    ------
    NotTaken
        When the gateway is not there, or refuses it.
    """
    path, kind = ROUTES[device.kind]
    event = {
        "specversion": "1.0", "type": kind, "source": device.device_id, "id": event_id or secrets.token_hex(8),
        "time": iso(now), "datacontenttype": "application/json", "data": dict(data),
    }  # fmt: skip
    body = json.dumps(event).encode()
    headers = signed_headers(device.device_id, device.secret, "POST", path, body, now)
    try:
        answer = httpx.post(address + path, content=body, headers=headers, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        raise NotTaken(
            f"the gateway at {address} does not answer ({error}); `rtcc up --status` shows it"
        ) from error
    if answer.status_code != 202:
        raise NotTaken(f"the gateway refused the report ({answer.status_code}): {answer.text[:300]}")
    said: dict[str, Any] = answer.json()
    return said
