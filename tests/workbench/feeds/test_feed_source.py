"""Where a feed may come from, that what it leads to stays outside, and that no password is ever in words."""

from __future__ import annotations

import base64
import functools
import logging
import pickle
import socket
import ssl
import traceback
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catalog.errors import BadInput
from tests.onvif_device import OfferedStream, OnvifDevice, onvif_device
from tests.synthetic import Encoding, render, street
from tests.workbench.feeds.http_stub import Mjpeg, Quiet, playlist, segment_of, serving
from tests.workbench.feeds.rtsp_stub import RtspStub, rtsp_stub
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_source import (
    FeedRefused,
    FeedSource,
    FeedUnavailable,
    feed_unavailable,
    open_feed,
    redact,
)
from workbench.media.opening import video_stream

PASSWORD = "p@ss:w/rd%"
LOGIN = Credential("oper ator", PASSWORD)
SPELLINGS = (PASSWORD, "p%40ss%3Aw%2Frd%25", "w/rd", base64.b64encode(f"oper ator:{PASSWORD}".encode()).decode())
"""How the password could be written."""


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 4 s of a street at 10 Hz in H.264, a key frame a second."""
    return render(street(4.0), tmp_path_factory.mktemp("feed") / "street.mp4", Encoding(gop=10))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Return the server's side of TLS with a certificate a camera has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    begun_at = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), begun_at, begun_at + timedelta(days=36_500)
    ).sign(key, hashes.SHA256())
    pem = tmp_path_factory.mktemp("tls") / "camera.pem"
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(key.private_bytes(*private) + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def opened_packets(source: FeedSource, credential: Credential | None = None, count: int = 3) -> int:
    """Open the feed, read so many packets, and return how many came."""
    with open_feed(source, credential, open_timeout_s=5, read_timeout_s=5) as container:
        packets = container.demux(video_stream(container))
        return sum(1 for _, packet in zip(range(count), packets, strict=False) if packet.size)


def packets_if_any(source: FeedSource) -> int:
    """Return how many packets came; none where the feed cannot be opened or read."""
    try:
        return opened_packets(source)
    except (FeedUnavailable, av.FFmpegError):
        return 0


def everything_said(error: BaseException) -> str:
    """Return all that a log, a debugger or Ray could show of an error: its chain, its frames and what they hold."""
    seen: list[str] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None:
            continue
        seen += [str(one), repr(one), repr(one.args), repr(vars(one))]
        frames = traceback.TracebackException.from_exception(one, capture_locals=True)
        seen += list(frames.format())
        todo += [one.__cause__, one.__context__]
    return "\n".join(seen)


def logins_in(text: str) -> list[str]:
    """Return the spellings of the password that stand in the text."""
    return [spelling for spelling in SPELLINGS if spelling in text]


# --- what a feed is


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("rtsp://10.0.0.5/stream1", "rtsp"),
        ("RTSP://camera.local:8554/Streaming/Channels/101?transportmode=unicast", "rtsp"),
        ("rtsps://[fd00::5]:322/live", "rtsps"),
        ("http://10.0.0.5/video.mjpg", "http"),
        ("https://10.0.0.5/axis-cgi/mjpg/video.cgi?camera=1", "http"),
        ("https://10.0.0.5/live/INDEX.M3U8?channel=1", "hls"),
        ("file:///srv/a%20street.mp4", "file"),
        ("onvif://10.0.0.5:8000/", "onvif"),
        ("onvif://10.0.0.5", "onvif"),
    ],
)
def test_the_scheme_says_how_a_feed_is_asked_for(uri: str, kind: str) -> None:
    source = FeedSource.parse(uri)
    assert (source.kind, source.uri) == (kind, uri)
    assert pickle.loads(pickle.dumps(source)) == source


@pytest.mark.parametrize(
    "uri",
    [
        "", "/srv/a.mp4", "a.mp4", "file:a.mp4", "file:/srv/a.mp4", "file://host/a.mp4", "file:///", "file://a.mp4",
        "concat:a.ts|b.ts", "subfile,,start,0,end,9,,:a.mp4", "crypto+https://h/a", "async:http://h/a", "pipe:0",
        "udp://239.0.0.1:1234", "ftp://h/a.mp4", "data:video/mp4;base64,AAAA", "lavfi:testsrc", "http:/h/a",
        "file:///srv/list.m3u8", "file:///srv/list.ffconcat", "file:///srv/a.mp4?loop=2", "file:///srv/a.mp4?x=1",
        "file:///srv/a%00.mp4", "rtsp://", "rtsp:///a", "rtsp://host:0/a", "rtsp://host:65536/a", "rtsp://host:x/a",
        "rtsp://ho st/a", "rtsp://host/a b", "rtsp://host/a\r\nX: y", "rtsp://host/a#b", "rtsp://h\\x/a", "rtsp://hö/a",
        "rtsp://host/" + "a" * 2000, "onvif://host/onvif/device_service", "onvif://host/?a=b",
    ],
)  # fmt: skip
def test_anything_else_is_no_feed(uri: str) -> None:
    with pytest.raises(BadInput):
        FeedSource.parse(uri)


@pytest.mark.parametrize(
    "uri",
    [
        f"rtsp://admin:{PASSWORD}@10.0.0.5/a",
        f"rtsp://admin:{PASSWORD}@10.0.0.5/a b",
        "rtsp://:w/rd@10.0.0.5/a",
        "http://10.0.0.5/a?channel=1&password=w/rd",
        "http://10.0.0.5/a?token=w/rd",
        "onvif://admin:w/rd@10.0.0.5/",
        "smb://admin:w/rd@10.0.0.5/a",
        f"admin:{PASSWORD}@10.0.0.5 w/rd",
    ],
)
def test_a_uri_with_a_login_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(BadInput) as refused:
        FeedSource.parse(uri)
    assert "w/rd" not in str(refused.value)


def test_a_kind_that_is_not_the_uri_s_is_refused() -> None:
    with pytest.raises(BadInput, match="of kind rtsp"):
        FeedSource("http", "rtsp://10.0.0.5/a")


def test_a_file_is_paced_by_whoever_reads_it_and_starts_over_where_that_is_asked() -> None:
    once, again = (FeedSource.parse(f"file:///srv/a%20b.mp4{query}") for query in ("", "?loop=1"))
    assert (once.paced, once.loops, once.path) == (True, False, Path("/srv/a b.mp4"))
    assert (again.paced, again.loops, again.path) == (True, True, Path("/srv/a b.mp4"))
    live = FeedSource.parse("http://10.0.0.5/a?loop=1")
    assert (live.paced, live.loops) == (False, False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://10.0.0.5/a?channel=1", "rtsp://10.0.0.5/a?channel=1"),
        ("rtsp://u:p@10.0.0.5/a", "rtsp://***@10.0.0.5/a"),
        ("rtsp://u:p@s/s:w'o\"rd%@10.0.0.5/a", "rtsp://***@10.0.0.5/a"),
        ("'http://h/a?user=bob&pwd=x&Password=y&n=1'", "'http://h/a?user=***&pwd=***&Password=***&n=1'"),
        ("open http://h/a?SessionToken=abc;sig=x#f", "open http://h/a?SessionToken=***;sig=***#f"),
        ("Authorization: Basic dTpw\r\nHost: h", "Authorization: Basic ***\r\nHost: h"),
        ("no secret in here: 5 frames", "no secret in here: 5 frames"),
    ],
)
def test_redacted_text_opens_nothing(text: str, shown: str) -> None:
    assert redact(text) == shown


# --- RTSP


@pytest.mark.parametrize("scheme", ["Digest", "Basic"])
@pytest.mark.parametrize(
    "password", [PASSWORD, "ü+ &?#[]", "", "x" * 100], ids=["signs", "others", "empty", "long"]
)
def test_every_password_arrives_as_it_is(video: Path, scheme: str, password: str) -> None:
    with rtsp_stub(RtspStub(video, "oper ator", password, scheme)) as camera:  # type: ignore[arg-type]
        assert opened_packets(FeedSource.parse(camera.uri), Credential("oper ator", password)) == 3


def test_a_password_that_ffmpeg_would_cut_off_is_refused_before_the_camera_locks_the_account() -> None:
    with pytest.raises(BadInput, match="127"):
        open_feed(FeedSource.parse("rtsp://127.0.0.1:9/a"), Credential("operator", "%" * 60))


def test_rtsp_over_tls_opens_with_the_camera_s_own_certificate(video: Path, certificate: ssl.SSLContext) -> None:
    with rtsp_stub(RtspStub(video, LOGIN.user, LOGIN.password), certificate) as camera:
        source = FeedSource.parse(camera.uri)
        assert source.kind == "rtsps"
        assert opened_packets(source, LOGIN) == 3


def test_the_container_and_reading_errors_carry_no_login(video: Path) -> None:
    with rtsp_stub(RtspStub(video, LOGIN.user, LOGIN.password)) as camera:
        source = FeedSource.parse(camera.uri)
        with open_feed(source, LOGIN, read_timeout_s=0.3) as container:
            assert repr(container) == f"<av.InputContainer '{camera.uri}'>"
            with pytest.raises(av.FFmpegError) as broken:
                deque(container.demux())
        assert logins_in(everything_said(broken.value)) == []
        assert "nothing came for 0.3 s" in str(feed_unavailable(source, broken.value, waited_s=0.3))


def test_no_login_is_said_by_any_error_or_log(
    video: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    av.logging.set_level(av.logging.DEBUG)  # as someone who looks for a fault would leave it
    errors: list[BaseException] = []
    with rtsp_stub(RtspStub(video, "someone", "else")) as locked, rtsp_stub(RtspStub(video, silent=True)) as silent:
        http = f"http://127.0.0.1:{locked.port}"
        for uri in (
            locked.uri,
            silent.uri,
            "rtsp://127.0.0.1:9/a",
            "rtsp://none.invalid/a",
            f"{http}/a",
            f"{http}/a.m3u8",
        ):
            with pytest.raises(FeedUnavailable) as failed:
                open_feed(FeedSource.parse(uri), LOGIN, open_timeout_s=0.5)
            errors.append(failed.value)
    assert isinstance(errors[0], FeedRefused)
    assert "within" not in str(errors[0])
    assert "nothing came for 0.5 s" in str(errors[1])
    assert "nothing listens" in str(errors[2])
    shown = capfd.readouterr()
    said = "\n".join([*map(everything_said, errors), caplog.text, shown.out, shown.err])
    assert logins_in(said) == []
    assert all(error.__cause__ is None and error.__context__ is None for error in errors)


def test_neither_the_command_line_nor_the_environment_of_the_process_holds_the_login(video: Path) -> None:
    stub = RtspStub(video, LOGIN.user, LOGIN.password)
    with rtsp_stub(stub) as camera, open_feed(FeedSource.parse(camera.uri), LOGIN):
        shown = b"".join(Path(f"/proc/self/{name}").read_bytes() for name in ("cmdline", "environ", "comm"))
    assert logins_in(shown.decode("latin-1")) == []


# --- HTTP: MJPEG and HLS


@pytest.fixture
def mjpeg() -> Iterator[str]:
    """Yield the address of an MJPEG camera."""
    Mjpeg.login = f"{LOGIN.user}:{LOGIN.password}"
    Mjpeg.stopped.clear()
    with serving(Mjpeg) as address:
        yield f"{address}/video.mjpg"
        Mjpeg.stopped.set()


@pytest.fixture
def folder(tmp_path: Path, video: Path) -> Path:
    """Return a folder with a segment of MPEG-TS and a playlist of it."""
    segment_of(video, tmp_path / "segment.ts")
    (tmp_path / "live.m3u8").write_text(playlist("segment.ts"))
    return tmp_path


def test_mjpeg_opens_within_a_second_with_its_password(mjpeg: str) -> None:
    source = FeedSource.parse(mjpeg)
    with open_feed(source, LOGIN, open_timeout_s=2.0) as container:
        stream = video_stream(container)
        assert stream is not None
        assert (stream.codec_context.name, stream.width, stream.height) == ("mjpeg", 1280, 720)
    with pytest.raises(FeedRefused):
        open_feed(source, Credential("oper ator", "guessed"), open_timeout_s=2.0)


def test_hls_opens_by_its_playlist(folder: Path) -> None:
    with serving(functools.partial(Quiet, directory=str(folder))) as address:
        assert opened_packets(FeedSource.parse(f"{address}/live.m3u8"), count=100) == 40


@pytest.mark.parametrize("name", ["evil.m3u8", "evil", "sent.m3u8"], ids=["as_hls", "as_video", "by_redirect"])
@pytest.mark.parametrize("leak", ["video", "text", "map", "key", "concat", "subfile"])
def test_a_playlist_reads_nothing_of_this_machine(folder: Path, tmp_path: Path, name: str, leak: str) -> None:
    local = f"file://{tmp_path}/segment.ts"
    (folder / "evil").write_text(
        {
            "video": playlist(local),
            "text": playlist("file:///etc/hostname"),
            "map": playlist("segment.ts", f'#EXT-X-MAP:URI="{local}"'),
            "key": playlist("segment.ts", '#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/hostname"'),
            "concat": playlist(f"concat:{tmp_path}/segment.ts|{tmp_path}/segment.ts"),
            "subfile": playlist(f"subfile,,start,0,end,9999,,:{tmp_path}/segment.ts"),
        }[leak]
    )
    (folder / "evil.m3u8").write_bytes((folder / "evil").read_bytes())

    class Sends(Quiet):
        def do_GET(self) -> None:
            if "sent" not in self.path:
                super().do_GET()
                return
            self.send_response(302)
            self.send_header("Location", local if leak == "video" else "/evil.m3u8")
            self.end_headers()

    with serving(functools.partial(Sends, directory=str(folder))) as address:
        assert packets_if_any(FeedSource.parse(f"{address}/{name}")) == 0


def test_without_the_wall_the_same_playlist_would_read_a_file(folder: Path) -> None:
    (folder / "evil.m3u8").write_text(playlist(f"file://{folder}/segment.ts"))
    files = functools.partial(Quiet, directory=str(folder))
    open_wide = {"protocol_whitelist": "http,tcp,file"}
    with serving(files) as address, av.open(f"{address}/evil.m3u8", options=open_wide) as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) == 40


def test_an_http_address_with_no_video_says_so(folder: Path) -> None:
    (folder / "page.html").write_text("<html>Welcome</html>")
    with serving(functools.partial(Quiet, directory=str(folder))) as address:
        for name, words in (("page.html", "no video"), ("none.mjpg", "knows no such stream")):
            with pytest.raises(FeedUnavailable, match=words):
                open_feed(FeedSource.parse(f"{address}/{name}"), None)


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for scheme in ("rtsp", "rtsps", "http"):
            source = FeedSource.parse(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/a")
            with pytest.raises(FeedUnavailable, match=r"nothing came for 0\.3 s"):
                open_feed(source, LOGIN, open_timeout_s=0.3)


# --- files and ONVIF


def test_a_file_opens_as_a_feed_and_needs_no_login(video: Path) -> None:
    assert opened_packets(FeedSource.parse(f"file://{video}?loop=1"), LOGIN, count=100) == 40


def test_a_file_that_is_none_is_unavailable_and_not_followed(tmp_path: Path, video: Path) -> None:
    listing = tmp_path / "list.mp4"
    listing.write_text(f"ffconcat version 1.0\nfile {video}\n")
    for path in (listing, tmp_path / "none.mp4", tmp_path):
        with pytest.raises(FeedUnavailable):
            open_feed(FeedSource.parse(f"file://{path}"), None)


def test_an_onvif_address_opens_the_device_s_main_stream(video: Path) -> None:
    with rtsp_stub(RtspStub(video, LOGIN.user, LOGIN.password)) as camera:
        streams = (OfferedStream("sub", width_px=640, height_px=360), OfferedStream("main", uri=camera.uri))
        with onvif_device(OnvifDevice(streams, LOGIN.user, LOGIN.password)) as device:
            assert opened_packets(FeedSource.parse(f"onvif://{device.address}/"), LOGIN) == 3
    assert any(line.startswith("PLAY") for line in camera.asked)
