"""Credentials, discovery and probes as people meet them at the command."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.command import Rtcc
from tests.onvif_device import OfferedStream, OnvifDevice, onvif_device
from tests.synthetic import Encoding, render, street
from tests.workbench.feeds.rtsp_stub import RtspStub, rtsp_stub

PASSWORD = "p@ss:w/rd%"


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(street(4.0), tmp_path_factory.mktemp("feed") / "street.mp4", Encoding(gop=10))


@pytest.fixture
def camera(video: Path) -> Iterator[RtspStub]:
    """Yield a camera on loopback that wants a login."""
    with rtsp_stub(RtspStub(video, "operator", PASSWORD)) as stub:
        yield stub


@pytest.fixture
def keep(rtcc: Rtcc, monkeypatch: pytest.MonkeyPatch):
    """Return a function that keeps a credential, its password on standard input."""

    def kept(*arguments: object, password: str = PASSWORD + "\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(password))
        return rtcc("cameras", "credential", "set", *arguments)

    return kept


def register(rtcc: Rtcc, folder: Path, *rows: str) -> None:
    file = folder / "cameras.csv"
    file.write_text("\n".join(["camera_id,name,owner_id,legal_basis,sharing,stream_uri", *rows, ""]))
    assert rtcc("cameras", "import", file).code == 0


def test_a_password_comes_from_standard_input_and_is_never_shown(rtcc: Rtcc, keep, home_root: Path) -> None:
    ran = [keep("farish-1", "--user", "operator"), keep("--host", "10.0.0.5:554", "--user", "operator")]
    ran += [rtcc("cameras", "credential", "list"), rtcc("cameras", "credential", "list", "--json")]
    assert [one.code for one in ran] == [0, 0, 0, 0]
    assert all(PASSWORD not in one.out + one.err for one in ran)
    assert "operator" not in ran[2].out + ran[3].out
    assert ran[3].document == [
        {"kind": "camera", "name": "farish-1"},
        {"kind": "host", "name": "10.0.0.5:554"},
    ]
    path = home_root / "credentials.toml"
    assert PASSWORD in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_process_that_takes_a_password_shows_it_to_nobody(home_root: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from apps.cli import main; main()",
        "cameras",
        "credential",
        "set",
        "farish-1",
    ]
    with subprocess.Popen(
        [*command, "--user", "operator"], stdin=subprocess.PIPE, env={**os.environ, "RTCC_HOME": str(home_root)}
    ) as process:
        assert process.stdin is not None
        process.stdin.write(PASSWORD.encode())
        process.stdin.flush()
        shown = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    assert PASSWORD.encode() not in shown


def test_there_is_no_option_for_a_password(rtcc: Rtcc) -> None:
    ran = rtcc("cameras", "credential", "set", "farish-1", "--user", "operator", "--password", PASSWORD)
    assert ran.code == 2


@pytest.mark.parametrize(
    ("arguments", "password"),
    [
        (("--user", "a"), "x\n"),
        (("farish-1", "--host", "h", "--user", "a"), "x\n"),
        (("../a", "--user", "a"), "x\n"),
        (("farish-1", "--user", "a:b"), "x\n"),
        (("farish-1", "--user", "a"), ""),
    ],
    ids=["nobody", "both", "no_id", "colon", "no_password"],
)
def test_a_credential_that_could_not_be_used_is_refused(keep, arguments: tuple[str, ...], password: str) -> None:
    assert keep(*arguments, password=password).code == 2


def test_a_forgotten_credential_is_gone(rtcc: Rtcc, keep, home_root: Path) -> None:
    keep("farish-1", "--user", "operator")
    assert rtcc("cameras", "credential", "remove", "farish-1").code == 0
    assert PASSWORD not in (home_root / "credentials.toml").read_text()
    assert rtcc("cameras", "credential", "remove", "farish-1").code == 4
    assert "adds one" in rtcc("cameras", "credential", "list").err


def test_a_file_open_to_others_is_refused_with_the_remedy(rtcc: Rtcc, keep, home_root: Path) -> None:
    keep("farish-1", "--user", "operator")
    (home_root / "credentials.toml").chmod(0o644)
    ran = rtcc("cameras", "credential", "list")
    assert ran.code == 2
    assert "chmod 600" in ran.err


def test_discovery_lists_what_can_be_registered(rtcc: Rtcc) -> None:
    with onvif_device(OnvifDevice()) as device:
        host = f"127.0.0.1:{device.discovery_port}"
        found = rtcc("cameras", "discover", "--host", host, "--timeout", 5, "--json").document
        shown = rtcc("cameras", "discover", "--host", host, "--timeout", 5)
    assert found == [
        {
            "address": device.address, "name": "Dock 2", "hardware": "Eye 4", "location": "",
            "stream_uri": f"onvif://{device.address}/",
        }
    ]  # fmt: skip
    assert f"onvif://{device.address}/" in shown.out


def test_discovery_without_an_answer_says_where_to_look(rtcc: Rtcc) -> None:
    ran = rtcc("cameras", "discover", "--host", "127.0.0.1:9", "--timeout", 0.1)
    assert (ran.code, ran.out) == (0, "")
    assert "3702" in ran.err


def test_a_probe_says_what_a_camera_sends(kept_rtcc: Rtcc, keep, camera: RtspStub, tmp_path: Path) -> None:
    register(kept_rtcc, tmp_path, f"farish-1,Farish,,,,{camera.uri}")
    keep("farish-1", "--user", "operator")
    facts = kept_rtcc("cameras", "probe", "farish-1", "--seconds", 2, "--json").document
    assert (facts["codec"], facts["width_px"], facts["height_px"], facts["clock"]) == ("h264", 320, 180, "arrival")
    assert facts["fps"] == pytest.approx(10.0, abs=0.2)
    assert facts["gop_s"] == pytest.approx(1.0, abs=0.1)
    assert facts["stream_uri"] == camera.uri


def test_a_probe_without_the_right_login_says_so_and_nothing_more(rtcc: Rtcc, keep, camera: RtspStub) -> None:
    keep("--host", "127.0.0.1", "--user", "operator", password="guessed\n")
    ran = rtcc("cameras", "probe", camera.uri)
    assert ran.code == 1
    assert "credential set" in ran.err
    assert "guessed" not in ran.err


def test_a_probe_of_a_file_needs_no_home(rtcc: Rtcc, video: Path, home_root: Path) -> None:
    shown = rtcc("cameras", "probe", f"file://{video}", "--seconds", 2)
    assert shown.code == 0
    assert "h264" in shown.out
    assert not home_root.exists()


def test_a_probe_of_an_onvif_device_names_both_streams(rtcc: Rtcc, keep, camera: RtspStub) -> None:
    keep("--host", "127.0.0.1", "--user", "operator")
    streams = (OfferedStream("main", uri=camera.uri), OfferedStream("sub", width_px=640, height_px=360))
    with onvif_device(OnvifDevice(streams, "operator", PASSWORD)) as device:
        facts = rtcc("cameras", "probe", f"onvif://{device.address}/", "--seconds", 1, "--json").document
    assert (facts["stream_uri"], facts["sub_stream_uri"]) == (camera.uri, "rtsp://127.0.0.1:554/sub")


def test_a_private_camera_is_probed_only_under_a_consent_to_watch_it_live(
    kept_rtcc: Rtcc, keep, camera: RtspStub, tmp_path: Path
) -> None:
    register(kept_rtcc, tmp_path, f"store-3,Corner store,store,voluntary,on_request,{camera.uri}")
    keep("store-3", "--user", "operator")
    grant = ("consent", "grant", "--camera", "store-3", "--grantor", "owner", "--for", "maintenance")
    probe = ("cameras", "probe", camera.uri, "--camera", "store-3", "--seconds", 1)
    assert kept_rtcc(*grant).code == 0
    for ran in (kept_rtcc("cameras", "probe", "store-3"), kept_rtcc(*probe)):
        assert ran.code == 3
        assert "no consent in force lets it be watched" in ran.err
    assert camera.asked == []
    assert kept_rtcc(*grant, "--live").code == 0
    assert kept_rtcc(*probe).code == 0
    hidden = kept_rtcc("cameras", "probe", "store-3")
    assert hidden.code == 2
    assert "--camera store-3" in hidden.err


def test_what_is_neither_a_camera_nor_a_feed_is_refused(kept_rtcc: Rtcc, tmp_path: Path) -> None:
    register(kept_rtcc, tmp_path, "farish-1,Farish,,,,")
    for arguments, words in (
        (("dock-9",), "not in the registry"),
        (("concat:a|b",), "not in the registry"),
        (("farish-1",), "stream_uri"),
        (("farish-1", "--camera", "farish-1"), "name the address"),
        (("rtsp://u:w-rd@10.0.0.5/a",), "credential set"),
        (("rtsp://u:w-rd@10.0.0.5/a", "--camera", "farish-1"), "credential set"),
    ):
        ran = kept_rtcc("cameras", "probe", *arguments)
        assert ran.code == 2
        assert words in ran.err
        assert "w-rd" not in ran.err
