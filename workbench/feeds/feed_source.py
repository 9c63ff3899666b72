"""Where a live feed comes from, and how it is opened, so that no password is ever in words anyone could read.

A URI of a feed holds no credential. User and password join it at the moment of opening and only on their way to
FFmpeg: the container that comes back, every error and everything logged carry the URI without them.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import av
from av.container import InputContainer

from catalog.errors import BadInput, RtccError, UnreadableFootage
from catalog.registry import carries_credentials
from workbench.feeds.credentials import Credential
from workbench.media.opening import PLAYLIST_SUFFIXES, VIDEO_FORMATS, open_video, video_stream

FeedKind = Literal["rtsp", "rtsps", "hls", "http", "file", "onvif"]

SCHEMES = ("rtsp", "rtsps", "http", "https", "file", "onvif")
"""How the URI of a feed may begin."""

HLS_SUFFIXES = (".m3u8", ".m3u")
"""Ends of the path of a playlist that is asked for over HTTP."""

AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?\Z")
"""Host and port: nothing that FFmpeg and we could read differently."""

UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
"""What may not stand in a URI: a line break would let it write headers of its own."""

URI_LENGTH_MAX = 2000
"""Longest URI: FFmpeg asks RTSP for the first 2 070 bytes or so of a longer one, without a word."""

RTSP_LOGIN_LENGTH_MAX = 127
"""Longest user and password for RTSP, percent-encoded, bytes: FFmpeg cuts the rest off without a word."""

PLAIN_IN_LOGIN = "!$&'()*+,;=~"
"""Signs that stand for themselves in a user or password of a URI (RFC 3986), beside letters, digits, `-._`."""

RTSP_OPTIONS = {
    "rtsp_transport": "tcp",
    # the session description names the codecs: waiting for packets to say so would cost the first seconds
    "analyzeduration": "0",
    "fpsprobesize": "0",
    # sound is not asked for: nothing here keeps what people say
    "allowed_media_types": "video",
}
"""Never with `fflags=nobuffer`: it drops the first key frame."""

HTTP_OPTIONS = {
    # one picture of a 4K MJPEG camera fits in; five seconds and 5 MB, FFmpeg's own limits, are a long wait at 1 fps
    "probesize": "2000000",
    "analyzeduration": "1000000",
    "fpsprobesize": "0",
    "seekable": "0",
}

HLS_OPTIONS = {
    "probesize": "2000000",
    "analyzeduration": "1000000",
    "fpsprobesize": "0",
    # from the newest segment on: older ones would come in a burst, with instants that are not theirs
    "live_start_index": "-1",
}

LOOK = "check the address, the network and the device"

REASONS: tuple[tuple[type[Exception], str], ...] = (
    (av.error.EOFError, "the device ends it; look whether the stream is switched on"),
    (av.error.ConnectionRefusedError, "nothing listens at that host and port; check the address"),
    (av.error.HTTPNotFoundError, "the device knows no such stream; check the path"),
    (av.error.InvalidDataError, "what the device sends is no video that may be read; check the address"),
)
"""What FFmpeg's errors mean to whoever runs cameras."""

SILENT = (av.error.ExitError, av.error.TimeoutError)

REFUSED = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)

USER_INFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)\S*@")
"""Everything up to the last `@`: a password that was not encoded may hold `/`, `@`, quotes and more."""

SECRET_KEYS = re.compile(
    r"([\w-]*(?:pass|pwd|psw|secret|token|api_?key|auth|sig|user|usr|login)[\w-]*=)[^\s&;#\"'<>]+", re.IGNORECASE
)
"""Words in front of a `=` after which something secret stands."""

AUTHORIZATION = re.compile(r"(authorization:\s*\w+)[^\r\n]*", re.IGNORECASE)


class FeedUnavailable(RtccError):
    """A feed that cannot be opened or read now; asking again later may help."""


class FeedRefused(FeedUnavailable):
    """The device wants another user or password. Many lock the account when asked again and again: wait long."""


@dataclass(frozen=True)
class FeedSource:
    """Where a feed comes from."""

    kind: FeedKind
    """How it is asked for; `http` is whatever video comes over HTTP(S), as a rule MJPEG."""
    uri: str
    """Its address, without credentials."""

    def __post_init__(self) -> None:
        if (found := _kind(self.uri)) != self.kind:
            raise BadInput(f"{redact(self.uri)!r} is a feed of kind {found}, not {self.kind}; use FeedSource.parse")

    @classmethod
    def parse(cls, uri: str) -> FeedSource:
        """Read the URI of a feed: rtsp, rtsps, http(s) (`.m3u8` is HLS), file or onvif.

        Raises
        ------
        BadInput
            For anything else, and for a URI that carries a user or a password.

        Examples
        --------
        >>> FeedSource.parse("http://10.0.0.5/live/index.m3u8").kind
        'hls'
        """
        return cls(_kind(uri), uri)

    def __repr__(self) -> str:
        return f"FeedSource({self.kind!r}, {self.shown!r})"

    @property
    def shown(self) -> str:
        """The address as messages and logs show it: without what a device may take for a key."""
        return redact(self.uri)

    @property
    def paced(self) -> bool:
        """True where nothing outside sets the pace: whoever reads the packets has to, by their time stamps."""
        return self.kind == "file"

    @property
    def loops(self) -> bool:
        """True for a file that starts over at its end (`?loop=1`): whoever reads it has to."""
        return self.kind == "file" and urlsplit(self.uri).query == "loop=1"

    @property
    def path(self) -> Path:
        """The file of a `file` feed."""
        return Path(unquote(urlsplit(self.uri).path))


def _kind(uri: str) -> FeedKind:
    scheme = uri.partition(":")[0].lower()
    shown = redact(uri)
    if UNPRINTABLE.search(uri):
        # where text has blanks in it, nobody can tell where a password ends: show nothing of it
        shown = f"{scheme}:…" if scheme in SCHEMES else "…"
        raise BadInput(f"the feed {shown} has a blank or a control character in it; percent-encode it, e.g. %20")
    if scheme not in SCHEMES or not uri[len(scheme) :].startswith("://"):
        raise BadInput(
            f"{shown!r} is no feed: give a URI that begins with {'://, '.join(SCHEMES)}://, e.g. "
            "rtsp://10.0.0.5/stream1 or file:///srv/footage/a.mp4"
        )
    if len(uri) > URI_LENGTH_MAX:
        raise BadInput(f"the {scheme} feed has a URI of {len(uri)} characters; at most {URI_LENGTH_MAX} will do")
    if "#" in uri:
        raise BadInput(f"the feed {shown!r} has a '#' in it; percent-encode it as %23")
    if carries_credentials(uri):
        raise BadInput(
            f"the feed {shown!r} carries a user, a password or a key; leave them out and keep them with "
            "`rtcc cameras credential set CAMERA --user NAME`"
        )
    if scheme == "file":
        return _require_file(uri)
    return _require_address(uri, scheme)


def _require_file(uri: str) -> FeedKind:
    parts = urlsplit(uri)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or len(path) < 2 or "\0" in path:
        raise BadInput(f"the feed {redact(uri)!r} names no file of this machine; write file:///folder/name.mp4")
    if Path(path).suffix.lower() in PLAYLIST_SUFFIXES:
        raise BadInput(f"the feed {redact(uri)!r} is a playlist of other files; name the video file itself")
    if parts.query not in ("", "loop=0", "loop=1"):
        raise BadInput(f"the feed {redact(uri)!r} asks more of a file than it can; only loop=1 will do")
    return "file"


def _require_address(uri: str, scheme: str) -> FeedKind:
    authority = re.split(r"[/?]", uri.partition("://")[2], maxsplit=1)[0]
    found = AUTHORITY.match(authority)
    if not found or (found[2] and not 0 < int(found[2][1:]) < 65536):
        raise BadInput(
            f"the feed {redact(uri)!r} has no host and port that can be read; write {scheme}://host:port/…"
        )
    parts = urlsplit(uri)
    if scheme == "onvif" and (parts.path not in ("", "/") or parts.query):
        raise BadInput(f"the feed {redact(uri)!r} asks an ONVIF device for a path; write onvif://{authority}/")
    if scheme in ("http", "https"):
        return "hls" if parts.path.lower().endswith(HLS_SUFFIXES) else "http"
    return "rtsp" if scheme == "rtsp" else "rtsps" if scheme == "rtsps" else "onvif"


def open_feed(
    source: FeedSource,
    credential: Credential | None,
    *,
    open_timeout_s: float = 10.0,
    read_timeout_s: float = 5.0,
    small: bool = False,
) -> InputContainer:
    """Open a feed for reading its video.

    RTSP comes over TCP, so that no packet is lost on the way unnoticed. What comes over TLS is encrypted, but the
    device's certificate is not checked: cameras sign their own. An ONVIF device is first asked for its main stream.

    Parameters
    ----------
    credential
        User and password; `None` where the device wants none. A file needs none.
    open_timeout_s
        Longest wait for the device's answers until its video can be read.
    read_timeout_s
        Longest silence while packets are read, after which reading raises.
    small
        Open an ONVIF device's small stream instead of its main one; other feeds have only themselves.

    Raises
    ------
    FeedRefused
        When the device wants another user or password.
    FeedUnavailable
        When it does not answer, or what it sends is no video that may be read.
    """
    if source.kind == "onvif":
        # zeep takes half a second to load, and only these feeds need it
        from workbench.feeds.onvif_devices import resolve

        main, sub = resolve(source, credential, timeout_s=open_timeout_s)
        if small and sub is None:
            raise FeedUnavailable(f"the device {source.shown} offers no stream smaller than its main one")
        source = FeedSource.parse(sub if small and sub is not None else main)
    # raised here, outside every handler: an error below would bring the address as FFmpeg had it into the chain
    if source.kind == "file":
        opened = _opened_file(source)
    else:
        opened = _opened(source, credential, open_timeout_s, read_timeout_s)
    if isinstance(opened, FeedUnavailable):
        raise opened
    if video_stream(opened) is None:
        opened.close()
        raise FeedUnavailable(f"the feed {source.shown} holds no video; name the stream with the picture")
    return opened


def _opened_file(source: FeedSource) -> InputContainer | FeedUnavailable:
    try:
        return open_video(source.path)
    except UnreadableFootage as error:
        return FeedUnavailable(f"the feed {source.shown} cannot be opened: {error}")


def _opened(
    source: FeedSource, credential: Credential | None, open_timeout_s: float, read_timeout_s: float
) -> InputContainer | FeedUnavailable:
    # libav's own log lines carry addresses as they were given to it
    av.logging.set_level(None)
    sealed = _SealedUri(source.shown, _with_login(source, credential))
    begun_s = time.monotonic()
    try:
        return av.open(
            sealed,
            format="rtsp" if source.kind in ("rtsp", "rtsps") else None,
            options=_options(source),
            metadata_errors="replace",
            timeout=(open_timeout_s, read_timeout_s),
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        # RTSP calls it invalid data when its wait was cut short
        late = time.monotonic() - begun_s >= open_timeout_s
        return feed_unavailable(source, av.error.ExitError(0, "") if late else error, waited_s=open_timeout_s)
    finally:
        sealed.forget()


class _SealedUri(str):
    """A URI whose text may be shown to anyone, and whose bytes, as PyAV asks them for FFmpeg, hold the login.

    PyAV keeps the name of what it has opened, and puts it into `repr` and into every error that reading raises.
    """

    def __new__(cls, shown: str, whole: str) -> _SealedUri:
        made = super().__new__(cls, shown)
        made._whole = whole
        return made

    _whole: str

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self._whole.encode(encoding, errors)

    def forget(self) -> None:
        """Hold no password from here on."""
        self._whole = str(self)


def _with_login(source: FeedSource, credential: Credential | None) -> str:
    if credential is None:
        return source.uri
    user, password = (quote(text, safe=PLAIN_IN_LOGIN) for text in (credential.user, credential.password))
    login = f"{user}:{password}"
    if source.kind in ("rtsp", "rtsps") and len(login) > RTSP_LOGIN_LENGTH_MAX:
        raise BadInput(
            f"user and password of the feed {source.shown} take {len(login)} bytes in its URI; FFmpeg sends "
            f"{RTSP_LOGIN_LENGTH_MAX} of them: choose a shorter password on the camera"
        )
    parts = urlsplit(source.uri)
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def _options(source: FeedSource) -> dict[str, str]:
    """Return FFmpeg's options: where it may go from there, what it may read, and how long it may probe."""
    if source.kind == "rtsp":
        return {**RTSP_OPTIONS, "protocol_whitelist": "rtsp,rtp,tcp"}
    if source.kind == "rtsps":
        return {**RTSP_OPTIONS, "protocol_whitelist": "rtsps,rtsp,rtp,tls,tcp"}
    # a playlist, or a server that sends one elsewhere, reaches HTTP and nothing of this machine
    reach = {"protocol_whitelist": "http,https,tcp,tls,crypto"}
    if source.kind == "hls":
        return {**HLS_OPTIONS, **reach, "format_whitelist": "hls,mpegts,mov"}
    return {**HTTP_OPTIONS, **reach, "format_whitelist": ",".join(VIDEO_FORMATS)}


def feed_unavailable(source: FeedSource, error: Exception, *, waited_s: float | None = None) -> FeedUnavailable:
    """Return what to raise for an error of PyAV, while opening or reading: in words, without addresses of its own.

    Raise it outside the handler that caught the error, or `from None`.

    Parameters
    ----------
    waited_s
        How long it was waited for an answer or a packet, where that may be what is wrong, seconds.
    """
    if isinstance(error, REFUSED):
        return FeedRefused(
            f"the feed {source.shown} refuses this user and password; keep the right ones with "
            "`rtcc cameras credential set CAMERA --user NAME`"
        )
    if isinstance(error, SILENT):
        wait = f" for {waited_s:g} s" if waited_s is not None else ""
        return FeedUnavailable(f"the feed {source.shown} cannot be read: nothing came{wait}; {LOOK}")
    why = next((words for kind, words in REASONS if isinstance(error, kind)), None)
    why = why or f"{getattr(error, 'strerror', None) or type(error).__name__}; {LOOK}"
    return FeedUnavailable(f"the feed {source.shown} cannot be read: {why}")


def redact(text: str) -> str:
    """Return the text with everything that could open a device made unreadable: better too much than too little.

    Examples
    --------
    >>> redact("cannot open rtsp://admin:p@ss:w/rd@10.0.0.5/live?token=abc&channel=1")
    'cannot open rtsp://***@10.0.0.5/live?token=***&channel=1'
    """
    text = USER_INFO.sub(r"\1***@", text)
    text = SECRET_KEYS.sub(r"\1***", text)
    return AUTHORIZATION.sub(r"\1 ***", text)
