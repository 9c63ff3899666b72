"""What an ONVIF device offers: its streams, which of them to record and which to watch, and its clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from catalog.errors import BadInput
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_source import FeedSource, FeedUnavailable
from workbench.feeds.onvif_soap import Device, converse

SUB_WIDTH_MIN_PX = 352
"""Narrowest stream to watch: CIF, below which people across a street are too small for the detector."""

CODECS = {"H264": "h264", "H265": "hevc", "HEVC": "hevc", "JPEG": "mjpeg", "MPEG4": "mpeg4", "MPV4-ES": "mpeg4"}
"""FFmpeg's names of codecs by ONVIF's."""

RTSP_SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
"""RTP inside the RTSP connection, over TCP."""


@dataclass(frozen=True)
class MediaProfile:
    """One stream that a device offers."""

    name: str
    token: str
    """What the device calls it by."""
    codec: str
    """FFmpeg's name, e.g. `h264`."""
    width_px: int
    height_px: int
    fps: float | None
    """The rate it is limited to, Hz; `None` where the device does not say."""
    stream_uri: str
    """Where it is, without credentials."""
    source_token: str = ""
    """What the device calls the lens, or on a recorder the channel, it shows."""

    @property
    def area_px(self) -> int:
        """Size of the picture, pixels."""
        return self.width_px * self.height_px


@dataclass(frozen=True)
class DeviceFacts:
    """What a device says about itself."""

    maker: str
    model: str
    firmware: str
    clock_offset_s: float | None
    """How far its clock is ahead of ours, ±0.5 s as it tells whole seconds; `None` where it does not tell."""


def profiles(
    address: str,
    credential: Credential | None,
    *,
    timeout_s: float = 10.0,
) -> tuple[MediaProfile, ...]:
    """Return the video streams of a device, in its order.

    Their addresses lead to the host that was asked, whatever host the device thinks it has: behind a router it is
    wrong, and nobody is handed our password by naming someone else.

    Parameters
    ----------
    address
        `host`, `host:port` or `onvif://host:port/`.

    Raises
    ------
    FeedRefused
        When the device wants another user or password.
    FeedUnavailable
        When it does not answer, or not as an ONVIF device does.
    """

    async def work(device: Device) -> tuple[MediaProfile, ...]:
        media = await device.media()
        found: list[MediaProfile] = []
        for profile in await media.ask("GetProfiles") or []:
            if profile.VideoEncoderConfiguration is None:
                continue
            # a recorder declines for a channel without a camera
            uri = await media.ask_if_known("GetStreamUri", StreamSetup=RTSP_SETUP, ProfileToken=profile.token)
            found.extend(_profile(profile, uri.Uri if uri is not None else None, device.host))
        return tuple(found)

    return converse(onvif_source(address), credential, work, timeout_s=timeout_s)


def device_facts(
    address: str,
    credential: Credential | None,
    *,
    timeout_s: float = 10.0,
) -> DeviceFacts:
    """Return maker and model of a device, and how wrong its clock is; parameters and errors as `profiles`."""

    async def work(device: Device) -> DeviceFacts:
        ahead = await device.clock_ahead()
        said = await (await device.management()).ask("GetDeviceInformation")
        # it cuts its second off: on average half of one has passed
        offset_s = ahead.total_seconds() + 0.5 if ahead is not None else None
        maker, model, firmware = (str(one or "") for one in (said.Manufacturer, said.Model, said.FirmwareVersion))
        return DeviceFacts(maker, model, firmware, offset_s)

    return converse(onvif_source(address), credential, work, timeout_s=timeout_s)


def choose_streams(offered: Sequence[MediaProfile]) -> tuple[MediaProfile, MediaProfile | None]:
    """Return the stream to record and the one to watch.

    To record: the largest in H.264, which every browser plays; where there is none, the largest in HEVC. To watch:
    the smallest in H.264 that is at least 352 px wide, smaller than the first, and of the same lens or channel;
    `None` where there is none. Of two of one size the first in the device's order is taken. The cameras behind one
    recorder are registered by the RTSP addresses of their channels, as this takes one of them.

    Raises
    ------
    FeedUnavailable
        When nothing is offered in either codec.
    """
    by_codec = {codec: [one for one in offered if one.codec == codec] for codec in ("h264", "hevc")}
    recordable = by_codec["h264"] or by_codec["hevc"]
    if not recordable:
        found = ", ".join(sorted({one.codec for one in offered})) or "no video"
        raise FeedUnavailable(f"the ONVIF device offers {found}; set up a stream in H.264 on it")
    main = max(recordable, key=lambda one: one.area_px)
    smaller = [
        one
        for one in by_codec["h264"]
        if one.source_token == main.source_token and one.width_px >= SUB_WIDTH_MIN_PX and one.area_px < main.area_px
    ]
    return main, min(smaller, key=lambda one: one.area_px, default=None)


def resolve(
    source: FeedSource,
    credential: Credential | None,
    *,
    timeout_s: float = 10.0,
) -> tuple[str, str | None]:
    """Return where the stream to record and the stream to watch of an `onvif` feed are; errors as `profiles`."""
    main, sub = choose_streams(profiles(source.uri, credential, timeout_s=timeout_s))
    return main.stream_uri, sub.stream_uri if sub else None


def onvif_source(address: str) -> FeedSource:
    """Return the device at `host`, `host:port` or `onvif://host:port/` as the source of a feed.

    Raises
    ------
    BadInput
        When it is no such address.
    """
    source = FeedSource.parse(address if "://" in address else f"onvif://{address}/")
    if source.kind != "onvif":
        raise BadInput(f"{source.shown} is a feed of kind {source.kind}; give an ONVIF device, onvif://host:port/")
    return source


def _profile(profile: Any, uri: str | None, host: str) -> Iterator[MediaProfile]:
    """Yield a profile as we keep it; nothing where it has no picture or no address that can be used."""
    encoder = profile.VideoEncoderConfiguration
    size = encoder.Resolution
    if not uri or size is None or not size.Width or not size.Height:
        return
    try:
        source = FeedSource.parse(_at_host(uri.strip(), host))
    except (BadInput, ValueError):
        return
    if source.kind not in ("rtsp", "rtsps", "http", "hls"):
        return  # a device names streams of its own, never a file of ours
    shows = profile.VideoSourceConfiguration
    limit = encoder.RateControl.FrameRateLimit if encoder.RateControl is not None else None
    yield MediaProfile(
        name=str(profile.Name or profile.token),
        token=str(profile.token),
        codec=CODECS.get(str(encoder.Encoding).upper(), str(encoder.Encoding).lower()),
        width_px=int(size.Width),
        height_px=int(size.Height),
        fps=float(limit) if limit else None,
        stream_uri=source.uri,
        source_token=str(shows.SourceToken or "") if shows is not None else "",
    )


def _at_host(uri: str, host: str) -> str:
    """Return the URI at this host, at its own port, without a user or a password."""
    parts = urlsplit(uri)
    bracketed = f"[{host}]" if ":" in host else host
    return urlunsplit(parts._replace(netloc=f"{bracketed}:{parts.port}" if parts.port else bracketed))
