"""Secrets, nonces and limits by themselves."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from apps.gateway.devices import Device, Devices, new_secret
from apps.gateway.limits import RateLimit
from apps.gateway.nonces import KEPT_FOR, Nonces
from apps.gateway.plates import without_plate
from apps.gateway.refusals import BadSignature, TooMany
from apps.gateway.signing import proven, signature, signed_headers
from catalog.errors import BadInput, CatalogConflict, NotFound
from catalog.home import Home
from tests.apps.command import Rtcc, runner
from tests.apps.gateway.conftest import NOW


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


def test_a_signature_is_what_the_words_say_it_is() -> None:
    """The value was worked out with openssl, from the same words."""
    made = signature("00" * 32, "post", "/v1/panic", "1772380800", "0123456789abcdef", b'{"a":1}')
    assert made == "v1=8870f4e0f254c0da4d8313d31b4cf2f233e06bd302b83572f9dfab4a887be0dd"


def test_only_the_owner_reads_the_secrets_and_nobody_prints_them(home: Home) -> None:
    devices = Devices(home)
    device = Device("button", "panic", new_secret())
    devices.add(device)
    assert stat.S_IMODE(devices.path.stat().st_mode) == 0o600
    assert device.secret not in repr(device)
    assert Devices(home).get("button") == device


def test_a_device_is_added_once_and_disabled_for_good(home: Home) -> None:
    devices = Devices(home)
    devices.add(Device("button", "panic", new_secret()))
    with pytest.raises(CatalogConflict):
        devices.add(Device("button", "panic", new_secret()))
    devices.disable("button")
    assert Devices(home).all()[0].disabled
    with pytest.raises(NotFound):
        devices.disable("other")


@pytest.mark.parametrize("words", [
    {"device_id": "a b"}, {"device_id": ""}, {"kind": "drone"}, {"place_kind": "moon"}, {"lon_deg": 1.0},
    {"lon_deg": 1.0, "lat_deg": 95.0}, {"lon_deg": 181.0, "lat_deg": 5.0},
])  # fmt: skip
def test_a_device_that_cannot_be_is_refused(words: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Device(**{"device_id": "button", "kind": "panic", "secret": "00", **words})  # type: ignore[arg-type]


def test_a_signature_of_other_letters_is_none(home: Home) -> None:
    devices, nonces = Devices(home), Nonces(home)
    devices.add(Device("button", "panic", "00" * 32))
    headers = {name.lower(): value for name, value in
               signed_headers("button", "00" * 32, "POST", "/v1/panic", b"", NOW).items()}  # fmt: skip
    with pytest.raises(BadSignature):
        proven(devices, nonces, "POST", "/v1/panic", {**headers, "x-rtcc-signature": "v1=ü"}, b"", NOW)
    with pytest.raises(BadSignature):
        proven(devices, nonces, "POST", "/v1/alerts", headers, b"", NOW)
    with pytest.raises(BadSignature):
        proven(devices, nonces, "POST", "/v1/panic", headers, b"{}", NOW)
    assert proven(devices, nonces, "POST", "/v1/panic", headers, b"", NOW).device_id == "button"
    nonces.close()


def test_nonces_are_remembered_as_long_as_their_timestamps_pass_and_no_longer(home: Home) -> None:
    nonces = Nonces(home)
    now = NOW
    for number in range(40):  # hours of use, through many turns of the file and many restarts
        assert nonces.take("button", f"{number:016x}", now)
        if number % 3 == 0:
            nonces.close()
            nonces = Nonces(home)
        assert not nonces.take("button", f"{number:016X}", now + timedelta(minutes=10))
        assert nonces.take("other", f"{number:016x}", now)
        now += timedelta(minutes=4)
    assert nonces.take("button", f"{0:016x}", now)
    nonces.close()
    lines = (home.run_dir / "gateway" / "nonces").read_text().splitlines()
    assert len(lines) < 2 * KEPT_FOR / timedelta(minutes=4)


def test_a_torn_line_of_nonces_is_passed_over(home: Home) -> None:
    path = home.run_dir / "gateway" / "nonces"
    path.parent.mkdir(parents=True)
    path.write_text(f"{NOW.timestamp():.0f} button aaaaaaaaaaaaaaaa\n17723808")
    nonces = Nonces(home)
    assert not nonces.take("button", "a" * 16, NOW)
    assert nonces.take("button", "b" * 16, NOW)
    nonces.close()


def test_a_limit_lets_a_burst_pass_and_then_so_many_a_second() -> None:
    clock_s = [0.0]
    limit = RateLimit(2.0, "device", monotonic=lambda: clock_s[0])
    for _ in range(6):
        limit.take("a")
    with pytest.raises(TooMany) as refused:
        limit.take("a")
    assert refused.value.retry_after_s == pytest.approx(0.5)
    limit.take("b")
    passed = 0
    for tenth in range(100):
        clock_s[0] = (tenth + 1) / 10
        try:
            limit.take("a")
            passed += 1
        except TooMany:
            continue
    assert passed == 20


@pytest.mark.parametrize(("text", "hidden"), [
    ("stolen: KD 7-319!", "stolen: [plate]!"), ("kd7319", "[plate]"), ("K D 7 3 1 9 seen", "[plate] seen"),
    ("KD731", "KD731"), ("", ""), ("KD7319 and kd-7319", "[plate] and [plate]"),
])  # fmt: skip
def test_a_plate_is_taken_out_however_it_is_spaced(text: str, hidden: str) -> None:
    assert without_plate(text, "KD-7319") == hidden


def test_words_are_not_torn_for_a_read_of_two_letters() -> None:
    assert without_plate("Main Street", "ST") == "Main Street"
    assert without_plate("anything", None) == "anything"


@pytest.fixture
def rtcc(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rtcc:
    monkeypatch.setenv("RTCC_HOME", str(home.root))
    return runner(capsys)


def test_the_command_prints_a_secret_once(rtcc: Rtcc, home: Home) -> None:
    added = rtcc("devices", "add", "north-high", "--kind", "panic", "--place-kind", "school", "--lon", "-90.18",
                 "--lat", "32.3", "--json")  # fmt: skip
    assert added.code == 0
    device = Devices(home).get("north-high")
    assert device is not None
    assert (added.document["secret"], device.place_kind, device.lon_deg) == (device.secret, "school", -90.18)
    listed = rtcc("devices", "list", "--json")
    assert [one["device_id"] for one in listed.document] == ["north-high"]
    assert device.secret not in listed.out + listed.err
    assert device.secret not in rtcc("devices", "list").out
    assert rtcc("devices", "disable", "north-high").code == 0
    assert Devices(home).all()[0].disabled
    assert rtcc("devices", "add", "x", "--kind", "drone").code == 2
    assert rtcc("devices", "add", "north-high", "--kind", "panic").code == 7
    assert rtcc("devices", "disable", "nobody").code == 4
