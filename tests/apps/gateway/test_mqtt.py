"""Plate readers over MQTT: from the broker to an alert, through cuts and restarts; the rest is forgotten."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from apps.edge import now
from apps.gateway.mqtt import Adapter, MqttSettings, read_hotlist
from catalog.errors import BadInput
from tests.apps.gateway.conftest import Clock, Serve, Served, listening, run, until
from tests.apps.gateway.mqtt_broker import Broker, broker

TOPIC = "gate-cam/onvif-ej/RuleEngine/Recognition/LicensePlate/&1/Rule_1"


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The adapter dates what it signs by the real clock, so this gateway lives by it too."""
    clock = Clock()
    clock.now = now()
    return clock


def read(plate: str, at: str = "2026-03-01T15:59:58Z") -> bytes:
    number = {"@Likelihood": 0.92, "#text": plate}
    return json.dumps(
        {"UtcTime": at, "Data": {"LicensePlateInfo": {"LicensePlateInfo": {"PlateNumber": number}}}}
    ).encode()


def settings(served: Served, at: str, broker_port: int, folder: Path) -> MqttSettings:
    (folder / "hotlist.csv").write_text(
        "plate,reason,vehicle,priority,expires_at\n"
        "HND 4128,stolen vehicle,white pickup,P1,\n"
        "OLD 1,was sought,,,2020-01-01T00:00:00Z\n"
    )
    (folder / "device.secret").write_text(served.add_device("onvif", "plate") + "\n")
    (folder / "mqtt.toml").write_text(
        f'device_id = "onvif"\nsecret_file = "device.secret"\nhotlist = "hotlist.csv"\n'
        f'gateway = "http://{at}"\nbroker = "127.0.0.1"\nport = {broker_port}\n'
        '[cameras]\n"gate-cam" = "farish-1"\n'
    )
    return MqttSettings.read(folder / "mqtt.toml")


@contextmanager
def running(given: MqttSettings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Adapter(given).run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def subscribed(running_broker: Broker) -> bool:
    return any(session.filters and session.writer for session in running_broker.sessions.values())


def plates(served: Served) -> list[Any]:
    return [alert for alert in served.room.state.alerts.values() if alert.kind == "plate"]


def test_a_hit_becomes_an_alert_once_and_nothing_else_leaves_the_adapter(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def work() -> None:
        with broker() as cameras:
            async with serve() as served, listening(served.app) as at:
                with running(settings(served, at, cameras.port, tmp_path)):
                    await until(lambda: subscribed(cameras))
                    for plate in ("KD7319", "OLD1", "hnd-4128"):
                        cameras.publish(TOPIC, read(plate))
                    cameras.publish(TOPIC, b"rubbish")
                    cameras.publish("unknown-cam/onvif-ej/RuleEngine/Recognition/LicensePlate/&1", read("HND4128"))
                    cameras.publish(TOPIC, read("HND4128"))  # the same read, sent again
                    await until(lambda: len(cameras.delivered) >= 6)
                    (alert,) = plates(served)
                    assert (alert.camera_id, alert.priority, alert.vehicle) == ("farish-1", "P1", "white pickup")
                    assert (alert.title, alert.confidence) == ("Plate hit: stolen vehicle", 0.92)
                    assert alert.repeats == 0

    run(work)
    said = "".join(letter for letter in caplog.text.upper() if letter.isalnum())
    assert "HND4128" not in said
    assert "KD7319" not in said


def test_a_hit_survives_a_cut_connection_and_a_gateway_that_is_away(serve: Serve, tmp_path: Path) -> None:
    async def work() -> None:
        with broker() as cameras:
            async with serve() as served:
                async with listening(served.app) as at:
                    pass  # the port is free again: nobody answers there
                given = settings(served, at, cameras.port, tmp_path)
                with running(given):
                    await until(lambda: subscribed(cameras))
                    before = len(plates(served))
                    cameras.publish(TOPIC, read("HND4128", "2026-03-01T18:00:00Z"))
                    await until(lambda: any(one.unacknowledged for one in cameras.sessions.values()))
                    assert cameras.delivered == []  # not acknowledged: nobody has it
                # The adapter ended with the hit in its hands; the next one is sent it again by the broker.
                async with listening(served.app) as at:
                    with running(settings(served, at, cameras.port, tmp_path)):
                        await until(lambda: len(cameras.delivered) == 1, 20)
                        assert len(plates(served)) == before + 1
                        cameras.cut()
                        await until(lambda: not subscribed(cameras))
                        cameras.publish(TOPIC, read("HND4128", "2026-03-01T19:00:00Z"))
                        await until(lambda: len(cameras.delivered) == 2, 20)

    run(work)


WRONG_SETTINGS = {
    "no device": 'secret = "00"', "an unknown word": 'device_id = "x"\nsecret = "00"\ncolour = "red"',
    "no TOML": "device_id", "a secret that is not there": 'device_id = "x"\nsecret_file = "gone"',
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG_SETTINGS.values(), ids=WRONG_SETTINGS.keys())
def test_wrong_settings_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "mqtt.toml").write_text(text)
    with pytest.raises(BadInput):
        MqttSettings.read(tmp_path / "mqtt.toml")


@pytest.mark.parametrize("line", ["A1,", ",reason", "A1,reason,,P1,tomorrow", "--,reason"])
def test_a_line_of_the_hotlist_that_will_not_do_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "hotlist.csv").write_text(f"plate,reason,vehicle,priority,expires_at\nB2,reason\n{line}\n")
    with pytest.raises(BadInput, match="line 3"):
        read_hotlist(tmp_path / "hotlist.csv")
