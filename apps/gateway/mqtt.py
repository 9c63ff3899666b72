"""Plate readers that speak ONVIF Profile M over MQTT: `python -m apps.gateway.mqtt SETTINGS.toml`.

A process of its own, and a device like any other: it signs what it sends to the gateway. It compares every read
with the hotlist, reports the hits, and forgets the rest at once. A message is acknowledged to the broker when the
gateway has it, so that neither a restart here nor one there loses a hit.
"""

from __future__ import annotations

import argparse
import csv
import logging
import queue
import signal
import sys
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from apps.edge import now
from apps.gateway.envelopes import PLATE_READ
from apps.gateway.onvif_plates import FILTERS, PlateRead, plate_reads
from apps.gateway.plates import characters
from apps.gateway.signing import signed_headers
from catalog.errors import BadInput, RtccError
from catalog.ids import content_id
from catalog.spans import iso, parse_instant

log = logging.getLogger(__name__)

PATH = "/v1/plate-reads"

MOST_WAITING = 1_000
"""Messages that wait for the gateway; the broker keeps what comes beyond."""

AGAIN_S = (0.5, 1.0, 2.0, 5.0)
"""Waits before a report is tried again, seconds; the last one for as long as it takes."""

CALL_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class HotlistEntry:
    """A plate that is looked for."""

    plate: str
    reason: str
    vehicle: str | None
    priority: str
    expires_at: datetime | None


@dataclass(frozen=True)
class MqttSettings:
    """How the adapter reaches broker and gateway, and what it looks for."""

    device_id: str
    secret: str = field(repr=False)
    gateway: str = "http://127.0.0.1:8750"
    broker: str = "127.0.0.1"
    port: int = 1883
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    topics: tuple[str, ...] = FILTERS
    cameras: Mapping[str, str] = field(default_factory=dict)
    """Our camera ids by the prefix of the devices' topics."""
    hotlist: Path | None = None

    @classmethod
    def read(cls, path: Path) -> MqttSettings:
        """Return the settings in a TOML file; secrets stand in files of their own, beside it.

        Raises
        ------
        BadInput
            When something is missing or unknown.
        """
        try:
            given: dict[str, Any] = tomllib.loads(path.read_text())
            for name in ("secret", "password"):
                if f"{name}_file" in given:
                    given[name] = (path.parent / given.pop(f"{name}_file")).read_text().strip()
            if "hotlist" in given:
                given["hotlist"] = path.parent / given["hotlist"]
            given["topics"] = tuple(given.get("topics", FILTERS))
            return cls(**given)
        except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
            raise BadInput(f"{path}: {error}; see docs/gateway.md for what belongs into it") from error


def read_hotlist(path: Path) -> dict[str, HotlistEntry]:
    """Return the hotlist in a CSV file by the plates' characters: plate, reason, vehicle, priority, expires_at.

    Raises
    ------
    BadInput
        When a line has no plate or no reason, or its end is no instant.
    """
    found: dict[str, HotlistEntry] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            plate, reason = (row.get("plate") or "").strip(), (row.get("reason") or "").strip()
            if not characters(plate) or not reason:
                raise BadInput(f"{path.name}, line {number}: a plate and a reason are needed")
            expires = (row.get("expires_at") or "").strip()
            try:
                expires_at = parse_instant(expires) if expires else None
            except ValueError as error:
                raise BadInput(f"{path.name}, line {number}: {error}") from error
            found[characters(plate)] = HotlistEntry(
                plate, reason, (row.get("vehicle") or "").strip() or None,
                (row.get("priority") or "").strip() or "P2", expires_at,
            )  # fmt: skip
    return found


class Hotlist:
    """The hotlist of a file, read again when it has changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._entries: dict[str, HotlistEntry] = {}

    def find(self, plate: str, at: datetime) -> HotlistEntry | None:
        """Return what is said of this plate; `None` where nobody looks for it any more."""
        if self._path is None:
            return None
        stat = self._path.stat()
        if (stat.st_mtime_ns, stat.st_size) != self._seen:
            self._entries, self._seen = read_hotlist(self._path), (stat.st_mtime_ns, stat.st_size)
        entry = self._entries.get(characters(plate))
        return None if entry is None or (entry.expires_at is not None and entry.expires_at <= at) else entry


class Adapter:
    """From the broker to the gateway."""

    def __init__(self, settings: MqttSettings, *, http: httpx.Client | None = None) -> None:
        self._settings = settings
        self._http = http or httpx.Client(timeout=CALL_TIMEOUT_S)
        self._hotlist = Hotlist(settings.hotlist)
        self._waiting: queue.Queue[MQTTMessage] = queue.Queue(MOST_WAITING)
        self._stop = threading.Event()
        self._client = self._connected()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        worker = threading.Thread(target=self._work, name="plates", daemon=True)
        worker.start()
        self._client.connect_async(self._settings.broker, self._settings.port, keepalive=30)
        self._client.loop_start()
        stop.wait()
        self._stop.set()
        worker.join(CALL_TIMEOUT_S)
        self._client.disconnect()
        self._client.loop_stop()
        self._http.close()

    def _connected(self) -> Client:
        settings = self._settings
        # A fixed name and a session that stays: the broker keeps what comes while this process is away.
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"rtcc-{settings.device_id}",
            clean_session=False,
            manual_ack=True,
        )
        if settings.user is not None:
            client.username_pw_set(settings.user, settings.password)
        if settings.tls:
            client.tls_set()
        client.on_connect = self._subscribe
        client.on_message = self._arrived
        client.reconnect_delay_set(1, 10)
        return client

    def _subscribe(self, client: Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            log.warning("the broker at %s refused: %s", self._settings.broker, reason)
            return
        client.subscribe([(topic, 1) for topic in self._settings.topics])
        log.info("listening at %s:%d", self._settings.broker, self._settings.port)

    def _arrived(self, _: Client, __: Any, message: MQTTMessage) -> None:
        while not self._stop.is_set():
            try:
                self._waiting.put(message, timeout=0.5)
                return
            except queue.Full:
                continue  # the broker waits for our acknowledgements, and so do we

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                message = self._waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            if self.handle(message.topic, bytes(message.payload)):
                self._client.ack(message.mid, message.qos)

    def handle(self, topic: str, payload: bytes) -> bool:
        """Report the hits in a message; `False` where it is not done, and the broker should send it again."""
        try:
            reads = plate_reads(topic, payload)
        except BadInput as error:
            log.warning("%s: %s", topic, error)
            return True
        return all([self._report(read) for read in reads])

    def _report(self, read: PlateRead) -> bool:
        received_at = now()
        try:
            entry = self._hotlist.find(read.plate, received_at)
        except (BadInput, OSError) as error:
            log.error("the hotlist cannot be read, so nothing is found: %s", error)
            return False
        if entry is None:
            return True
        camera_id = self._settings.cameras.get(read.prefix)
        if camera_id is None:
            log.warning("a hit of device %r is lost: no camera is named for it", read.prefix)
            return True
        return self._send(event_of(self._settings.device_id, camera_id, read, entry, received_at))

    def _send(self, body: bytes) -> bool:
        """Send a report until the gateway has it, or will never take it."""
        tries = 0
        while not self._stop.is_set():
            done = self._sent(body)
            if done is not None:
                return done
            self._stop.wait(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
            tries += 1
        return False

    def _sent(self, body: bytes) -> bool | None:
        settings = self._settings
        headers = signed_headers(settings.device_id, settings.secret, "POST", PATH, body, now())
        try:
            answer = self._http.post(
                settings.gateway + PATH, content=body, headers={**headers, "Content-Type": JSONFormat.CONTENT_TYPE}
            )
        except httpx.HTTPError as error:
            log.warning("the gateway does not answer: %s", type(error).__name__)
            return None
        if answer.status_code == 202:
            log.info("a hit is reported as %s", answer.json()["alert_id"])
            return True
        if answer.status_code in (429, 500, 502, 503, 504):
            return None
        log.error("the gateway will not take a hit: %d %s", answer.status_code, answer.json().get("error"))
        return True


def event_of(
    device_id: str, camera_id: str, read: PlateRead, entry: HotlistEntry, received_at: datetime
) -> bytes:  # fmt: skip
    """Return the CloudEvent that reports a hit; the same read sent again by the broker has the same id."""
    seen_at = read.seen_at or received_at
    event_id = content_id("onv", read.prefix, characters(read.plate), iso(seen_at))
    attributes = {
        "specversion": "1.0", "type": PLATE_READ, "source": device_id, "id": event_id, "time": seen_at,
        "datacontenttype": "application/json",
    }  # fmt: skip
    hit: dict[str, Any] = {"reason": entry.reason, "priority": entry.priority}
    if entry.vehicle is not None:
        hit["vehicle"] = entry.vehicle
    data = {
        "plate": read.plate, "confidence": read.likelihood, "camera_id": camera_id,
        "seen_at": iso(seen_at), "hotlist": hit,
    }  # fmt: skip
    return JSONFormat().write(CloudEvent(attributes, data))


def main(arguments: list[str] | None = None) -> int:
    """Run the adapter until SIGTERM or Ctrl-C; the exit code is the error's."""
    parser = argparse.ArgumentParser(prog="python -m apps.gateway.mqtt", description=__doc__)
    parser.add_argument(
        "settings", type=Path, help="TOML file: device_id, secret_file, broker, cameras, hotlist, …"
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        Adapter(MqttSettings.read(given.settings)).run(stop)
    except RtccError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
