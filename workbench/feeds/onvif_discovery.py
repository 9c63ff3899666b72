"""Which ONVIF devices are there: the question of WS-Discovery, and what answers it."""

from __future__ import annotations

import ipaddress
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil  # type: ignore[import-untyped]

from catalog.errors import BadInput
from workbench.feeds.onvif_soap import TLS_PORTS, NotOnvif, read_xml

MULTICAST = ("239.255.255.250", 3702)
"""Where devices of a network segment listen for the question (WS-Discovery 1.0, 2.4)."""

HOPS_MAX = 1
"""How far the question travels: this network segment."""

DATAGRAM_BYTES_MAX = 65_536
DEVICES_MAX = 4_096
"""Devices after which no more are listened to."""

DISCOVERY = "{http://schemas.xmlsoap.org/ws/2005/04/discovery}"
ADDRESSING = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
SCOPE = "onvif://www.onvif.org/"

PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<e:Header><w:MessageID>{message_id}</w:MessageID>
<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>
"""


@dataclass(frozen=True, order=True)
class FoundDevice:
    """A device that answered."""

    address: str
    """`host:port` where its ONVIF service is; the host is the one that answered."""
    name: str
    """As it calls itself; may be empty."""
    hardware: str
    """Its model, as it calls it; may be empty."""
    location: str
    """Where it thinks it hangs; may be empty."""

    @property
    def stream_uri(self) -> str:
        """What to register as the camera's `stream_uri`."""
        return f"onvif://{self.address}/"


def discover(targets: Sequence[str] = (), timeout_s: float = 3.0) -> tuple[FoundDevice, ...]:
    """Ask for ONVIF devices, and return those that answered, by address.

    Parameters
    ----------
    targets
        Hosts to ask, each `host` or `host:port`; none to ask every network this machine is on, by multicast.
    timeout_s
        How long answers are waited for; once every target has answered, no longer.

    Raises
    ------
    BadInput
        When a target's name is unknown.
    """
    message_id = f"urn:uuid:{uuid.uuid4()}"  # noqa: TID251 tells answers to us from others, names nothing
    question = PROBE.format(message_id=message_id).encode()
    asked = [_resolved(target) for target in targets]
    hosts = {address for address, _ in asked}
    found: dict[str, FoundDevice] = {}
    heard: set[str] = set()
    with ExitStack() as stack:
        endpoints = _asked_targets(stack, question, asked) if asked else _asked_networks(stack, question)
        for answer, sender in _answers(endpoints, timeout_s):
            matched = list(_matches(answer, message_id, sender)) if not asked or sender in hosts else []
            found.update((device.address, device) for device in matched)
            heard.update(sender for _ in matched)
            all_heard = asked and heard == hosts and len(found) >= len(asked)
            if all_heard or len(found) >= DEVICES_MAX:
                break
    return tuple(sorted(found.values()))


def _answers(endpoints: Sequence[socket.socket], timeout_s: float) -> Iterator[tuple[bytes, str]]:
    """Yield what comes in until the time is over, and who sent it."""
    until_s = time.monotonic() + timeout_s
    with DefaultSelector() as selector:
        for endpoint in endpoints:
            selector.register(endpoint, EVENT_READ, endpoint)
        while endpoints and (left_s := until_s - time.monotonic()) > 0:
            for key, _ in selector.select(left_s):
                with suppress(OSError):  # the kernel announces datagrams that prove broken
                    answer, (sender, *_) = key.data.recvfrom(DATAGRAM_BYTES_MAX)
                    yield answer, str(sender)


def _resolved(target: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{target}")
        host, port = parts.hostname or "", parts.port or MULTICAST[1]
        return str(socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0]), port
    except (OSError, ValueError) as error:
        raise BadInput(f"host {target!r} is unknown here ({error}); give a name or an IPv4 address") from error


def _endpoint(stack: ExitStack, address: str = "") -> socket.socket:
    endpoint = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    endpoint.setblocking(False)
    if address:
        endpoint.bind((address, 0))
    return endpoint


def _asked_targets(stack: ExitStack, question: bytes, targets: Sequence[tuple[str, int]]) -> list[socket.socket]:
    endpoint = _endpoint(stack)
    for target in targets:
        with suppress(OSError):  # a host that cannot be reached does not answer
            endpoint.sendto(question, target)
    return [endpoint]


def _asked_networks(stack: ExitStack, question: bytes) -> list[socket.socket]:
    """Ask out of every network card: the routing table would choose one of them."""
    endpoints = []
    for addresses in psutil.net_if_addrs().values():
        for address in (one.address for one in addresses if one.family == socket.AF_INET):
            if ipaddress.ip_address(address).is_loopback:
                continue
            with suppress(OSError):  # a card that is down, or carries no multicast
                endpoint = _endpoint(stack, address)
                endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
                endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS_MAX)
                endpoint.sendto(question, MULTICAST)
                endpoints.append(endpoint)
    return endpoints


def _matches(answer: bytes, message_id: str, sender: str) -> Iterator[FoundDevice]:
    """Yield the devices of one answer; nothing where it is no answer to this question."""
    try:
        root = read_xml(answer)
    except NotOnvif:
        return
    if _text(root, f".//{ADDRESSING}RelatesTo") != message_id:
        return
    for match in root.iter(f"{DISCOVERY}ProbeMatch"):
        port = _port(_text(match, f"{DISCOVERY}XAddrs").split(), sender)
        if port is None:
            continue
        scopes = _text(match, f"{DISCOVERY}Scopes").split()
        name, hardware, location = (_scope(scopes, word) for word in ("name", "hardware", "location"))
        yield FoundDevice(f"{sender}:{port}", name, hardware, location)


def _text(element: Any, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _port(addresses: Sequence[str], sender: str) -> int | None:
    """Return the port of the device's service: of an address at the sender's own host, else of its first."""
    found: list[tuple[bool, int]] = []
    for address in addresses:
        with suppress(ValueError):
            parts = urlsplit(address)
            if parts.scheme in ("http", "https") and parts.hostname:
                found.append(
                    (parts.hostname == sender, parts.port or (TLS_PORTS[0] if parts.scheme == "https" else 80))
                )
    return max(found, key=lambda one: one[0])[1] if found else None


def _scope(scopes: Sequence[str], word: str) -> str:
    """Return what the scopes say under one word, e.g. `onvif://www.onvif.org/name/Dock%202`, fit to be printed."""
    prefix = f"{SCOPE}{word}/"
    said = " ".join(unquote(scope[len(prefix) :]) for scope in scopes if scope.startswith(prefix))
    return "".join(sign for sign in said if sign.isprintable())[:120]
