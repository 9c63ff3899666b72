"""An ONVIF device in miniature on loopback: its SOAP over HTTP, and its answer to discovery over UDP.

It checks the digest of WS-Security as a camera does, by its own clock, and can be made to misbehave.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from xml.etree import ElementTree

SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
SECEXT = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
UTILITY = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
DIGEST_AGE_MAX_S = 5.0

Misbehaviour = Literal[
    "", "html", "silent", "entities", "endless", "elsewhere", "nonsense", "no_services", "utf16", "deep"
]

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d SYSTEM "file:///etc/hostname">]>'
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>&c;&d;</s:Body></s:Envelope>'
)


@dataclass(frozen=True)
class OfferedStream:
    """One profile of the device."""

    token: str
    encoding: str = "H264"
    width_px: int = 1920
    height_px: int = 1080
    fps: int = 25
    uri: str = ""


@dataclass
class OnvifDevice:
    """What the device is, what it was asked, and how it misbehaves."""

    streams: tuple[OfferedStream, ...] = (OfferedStream("main"),)
    user: str = "operator"
    password: str = "p@ss:w/rd%<&>"
    clock_ahead_s: float = 0.0
    misbehaves: Misbehaviour = ""
    wants_http_digest: bool = False
    """Ask for the digest of HTTP instead of that in the message."""
    says_host: str = "192.0.2.7"
    """The host it thinks it has: behind a router that is not where it is reached."""
    port: int = 0
    discovery_port: int = 0
    asked: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.clock_ahead_s)

    def knows(self, envelope: ElementTree.Element) -> bool:
        """Check the digest of the message: of a nonce, an instant close to ours, and the password."""
        token = envelope.find(f".//{SECEXT}UsernameToken")
        if token is None or token.findtext(f"{SECEXT}Username") != self.user:
            return False
        nonce = base64.b64decode(token.findtext(f"{SECEXT}Nonce") or "")
        created = token.findtext(f"{UTILITY}Created") or ""
        if abs((datetime.fromisoformat(created) - self.now()).total_seconds()) > DIGEST_AGE_MAX_S:
            return False
        digest = hashlib.sha1(nonce + created.encode() + self.password.encode()).digest()
        return token.findtext(f"{SECEXT}Password") == base64.b64encode(digest).decode()

    def answer(self, operation: str, request: ElementTree.Element) -> str:
        now = self.now()
        media = f"http://{self.says_host}/onvif/media_service"
        if operation == "GetSystemDateAndTime":
            return (
                "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
                "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
                f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
                f"<tt:Second>{now.second}</tt:Second></tt:Time>"
                f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
                "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
            )
        if operation == "GetServices":
            return (
                "<tds:GetServicesResponse><tds:Service><tds:Namespace>http://www.onvif.org/ver10/media/wsdl"
                f"</tds:Namespace><tds:XAddr>{media}</tds:XAddr><tds:Version><tt:Major>2</tt:Major>"
                "<tt:Minor>60</tt:Minor></tds:Version></tds:Service></tds:GetServicesResponse>"
            )
        if operation == "GetCapabilities":
            return (
                f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>{media}</tt:XAddr>"
                "<tt:StreamingCapabilities/></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
            )
        if operation == "GetDeviceInformation":
            return (
                "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>Eye 4"
                "</tds:Model><tds:FirmwareVersion>1.2</tds:FirmwareVersion><tds:SerialNumber>7</tds:SerialNumber>"
                "<tds:HardwareId>7</tds:HardwareId></tds:GetDeviceInformationResponse>"
            )
        if operation == "GetProfiles":
            profiles = "".join(map(_profile, self.streams))
            return f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"
        token = next(one.text for one in request.iter() if one.tag.endswith("ProfileToken"))
        uri = next(stream.uri for stream in self.streams if stream.token == token)
        uri = uri or f"rtsp://{self.says_host}:554/{token}"
        return (
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false"
            "</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            "<tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
        )


def _profile(stream: OfferedStream) -> str:
    return (
        f'<trt:Profiles token="{stream.token}" fixed="true"><tt:Name>{stream.token} stream</tt:Name>'
        f'<tt:VideoEncoderConfiguration token="e_{stream.token}"><tt:Name>e</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{stream.encoding}</tt:Encoding><tt:Resolution><tt:Width>{stream.width_px}</tt:Width>"
        f"<tt:Height>{stream.height_px}</tt:Height></tt:Resolution><tt:Quality>4</tt:Quality><tt:RateControl>"
        f"<tt:FrameRateLimit>{stream.fps}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
        "<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl></tt:VideoEncoderConfiguration></trt:Profiles>"
    )


def _envelope(body: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
        'xmlns:ter="http://www.onvif.org/ver10/error" xmlns:tt="http://www.onvif.org/ver10/schema">'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _fault(code: str, words: str) -> bytes:
    return _envelope(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{words}</s:Text></s:Reason></s:Fault>'
    )


RUBBISH: dict[str, bytes] = {
    "html": b"<html><head><title>Log in</title></head><body><form>password</form></body></html>",
    "entities": BOMB.encode(),
    "utf16": BOMB.replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16"),
    "nonsense": _envelope("<tds:Surprise><tt:Time>noon</tt:Time></tds:Surprise>"),
    "deep": _envelope("<tt:a>" * 20_000),
}


@contextmanager
def onvif_device(device: OnvifDevice) -> Iterator[OnvifDevice]:
    """Run the device on free ports until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: tests read what was asked from the device."""

        def do_POST(self) -> None:
            _serve(device, self)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, _discovery_socket() as endpoint:
        server.daemon_threads = True
        device.port, device.discovery_port = server.server_address[1], endpoint.getsockname()[1]
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True),
            threading.Thread(target=_discovery, args=(device, endpoint), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield device
        finally:
            device.stopped.set()
            server.shutdown()
            for thread in threads:
                thread.join()


def _serve(device: OnvifDevice, peer: BaseHTTPRequestHandler) -> None:
    request = ElementTree.fromstring(peer.rfile.read(int(peer.headers["Content-Length"])))
    body = request.find(f"{SOAP}Body")
    assert body is not None
    operation = body[0].tag.partition("}")[2]
    device.asked.append(operation)
    if device.misbehaves == "silent":
        device.stopped.wait()
        return
    if device.misbehaves == "endless":
        _without_end(device, peer)
        return
    if device.misbehaves in RUBBISH:
        status, content, extra = 200, RUBBISH[device.misbehaves], {}
    elif device.misbehaves == "elsewhere":
        status, content, extra = 307, b"", {"Location": f"http://127.0.0.1:{device.discovery_port}/"}
    else:
        status, content, extra = _answered(device, peer, operation, request)
    peer.send_response(status)
    for name, value in {"Content-Type": "application/soap+xml", "Content-Length": len(content), **extra}.items():
        peer.send_header(name, str(value))
    peer.end_headers()
    peer.wfile.write(content)


def _answered(
    device: OnvifDevice, peer: BaseHTTPRequestHandler, operation: str, request: ElementTree.Element
) -> tuple[int, bytes, dict[str, str]]:
    known = _knows_http(device, peer) if device.wants_http_digest else device.knows(request)
    if operation != "GetSystemDateAndTime" and not known:
        if device.wants_http_digest:
            return 401, b"", {"WWW-Authenticate": 'Digest realm="camera", nonce="n0", qop="auth", algorithm=MD5'}
        return 400, _fault("NotAuthorized", "Sender not authorized"), {}
    if operation == "GetServices" and device.misbehaves == "no_services":
        return 500, _fault("ActionNotSupported", "Optional Action Not Implemented"), {}
    return 200, _envelope(device.answer(operation, request)), {}


def _knows_http(device: OnvifDevice, peer: BaseHTTPRequestHandler) -> bool:
    given = peer.headers.get("Authorization", "")
    fields = {}
    for part in given.partition(" ")[2].split(", "):
        name, _, value = part.partition("=")
        fields[name] = value.strip('"')
    secret = hashlib.md5(f"{device.user}:camera:{device.password}".encode()).hexdigest()
    asked = hashlib.md5(f"POST:{fields.get('uri')}".encode()).hexdigest()
    middle = ":".join(str(fields.get(name)) for name in ("nonce", "nc", "cnonce", "qop"))
    return fields.get("response") == hashlib.md5(f"{secret}:{middle}:{asked}".encode()).hexdigest()


def _without_end(device: OnvifDevice, peer: BaseHTTPRequestHandler) -> None:
    peer.send_response(200)
    peer.send_header("Content-Type", "application/soap+xml")
    peer.end_headers()
    try:
        while not device.stopped.is_set():
            peer.wfile.write(b"<a>" * 20_000)
    except OSError:
        """The client has had enough."""


def _discovery_socket() -> socket.socket:
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.bind(("127.0.0.1", 0))
    endpoint.settimeout(0.05)
    return endpoint


def _discovery(device: OnvifDevice, endpoint: socket.socket) -> None:
    """Answer those who look for devices, once truly and once with someone else's answer before it."""
    while not device.stopped.is_set():
        try:
            question, asker = endpoint.recvfrom(65_536)
        except TimeoutError:
            continue
        message_id = next(
            one.text for one in ElementTree.fromstring(question).iter() if one.tag.endswith("MessageID")
        )
        if device.misbehaves == "silent":
            continue
        if device.misbehaves == "entities":
            endpoint.sendto(BOMB.encode(), asker)
            continue
        endpoint.sendto(b"\xff\x00 no XML at all", asker)
        endpoint.sendto(_probe_matches(device, "urn:uuid:of-another-question", "http://198.51.100.1/"), asker)
        here = f"http://{device.says_host}/onvif/device_service http://{device.address}/onvif/device_service"
        endpoint.sendto(_probe_matches(device, str(message_id), here), asker)


def _probe_matches(device: OnvifDevice, message_id: str, addresses: str) -> bytes:
    scopes = " ".join(
        f"onvif://www.onvif.org/{one}" for one in ("type/video_encoder", "name/Dock%202", "hardware/Eye%204")
    )
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
        f"<w:RelatesTo>{message_id}</w:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
        f"<w:EndpointReference><w:Address>urn:uuid:{device.port}</w:Address></w:EndpointReference>"
        f"<d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
        "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
    ).encode()
