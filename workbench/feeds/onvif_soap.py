"""The SOAP an ONVIF device speaks, read as what it is: words of a stranger on the network.

What the device answers is bounded in size and time, may declare no entities, may send nobody elsewhere, and has to
be a SOAP envelope before anything looks into it. The descriptions of its services come with onvif-zeep-async.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from lxml import etree

from workbench.feeds.credentials import Credential
from workbench.feeds.feed_source import FeedRefused, FeedSource, FeedUnavailable, redact

# importing onvif gives the root logger a handler, as if it were the program: it finds one and leaves it
_STANDING_IN = logging.NullHandler()
logging.getLogger().addHandler(_STANDING_IN)
import onvif  # noqa: E402
import zeep  # noqa: E402
import zeep.exceptions  # noqa: E402
from onvif.client import AsyncTransportProtocolErrorHandler  # noqa: E402

logging.getLogger().removeHandler(_STANDING_IN)

ANSWER_BYTES_MAX = 1_000_000
"""Longest answer that is read, bytes: room for hundreds of profiles."""

DEVICE_PATH = "/onvif/device_service"
"""Where every ONVIF device answers (ONVIF Core Specification, 5.1.1)."""

MEDIA = "http://www.onvif.org/ver10/media/wsdl"

TLS_PORTS = (443, 8443)
"""Ports where a device is asked over HTTPS."""

ENVELOPES = (
    "{http://www.w3.org/2003/05/soap-envelope}Envelope",
    "{http://schemas.xmlsoap.org/soap/envelope/}Envelope",
)

NOT_AUTHORISED = {"NotAuthorized", "FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken"}
"""Subcodes of faults that are about the user or the password."""

ANSWERS = zeep.Settings(strict=False, xml_huge_tree=False, forbid_dtd=True, forbid_external=True)
"""How answers are read: forgiving in what they lack, as devices lack a lot, and in nothing else."""

WSDL_FOLDER = Path(onvif.__file__).parent / "wsdl"

RUBBISH = (
    zeep.exceptions.Error, etree.LxmlError, onvif.ONVIFError,
    AssertionError, AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip
"""What zeep raises over an answer that is none."""

T = TypeVar("T")


class NotOnvif(ValueError):
    """An answer that is no SOAP, or asks for what no answer may."""


def read_xml(content: bytes) -> Any:
    """Return the root of a document from the network, an lxml element.

    Raises
    ------
    NotOnvif
        When it is too long, is no XML, or declares a document type: entities are for attacks only.
    """
    if len(content) > ANSWER_BYTES_MAX:
        raise NotOnvif("its answer has no end")
    # cameras break small rules of XML, so breaches are mended where that is possible
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        root = None
    if root is None:
        raise NotOnvif("its answer is no XML")
    if root.getroottree().docinfo.doctype:
        raise NotOnvif("its answer declares a document type or entities")
    return root


class NotLetIn(ValueError):
    """An HTTP status that wants another login."""


class _Transport(AsyncTransportProtocolErrorHandler):  # type: ignore[misc]
    """HTTP that follows no redirects and hands on nothing but SOAP."""

    credential: Credential | None = None

    async def _post_internal(
        self, address: str, message: str | bytes, headers: dict[str, str]
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        body = message.encode() if isinstance(message, str) else message
        login = self.credential
        # some devices, Axis's among them, want the digest of HTTP instead of, or beside, that in the message
        digest = (aiohttp.DigestAuthMiddleware(login.user, login.password),) if login else ()
        headers = {"Content-Type": 'application/soap+xml; charset="utf-8"', **(headers or {})}
        async with self.session.post(
            address, data=body, headers=headers, allow_redirects=False, middlewares=digest
        ) as response:
            if response.status in (401, 403):
                raise NotLetIn(response.status)
            content = bytearray()
            async for chunk in response.content.iter_chunked(65_536):
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise NotOnvif("its answer has no end")
        if 300 <= response.status < 400:
            raise NotOnvif("it sends the question elsewhere")
        if read_xml(bytes(content)).tag not in ENVELOPES:
            raise NotOnvif("its answer is no SOAP")
        return response, bytes(content)


class _Service(onvif.ONVIFService):  # type: ignore[misc]
    """A service of one device, over the transport above."""

    def __init__(
        self, url: str, name: str, binding: str, credential: Credential | None, ahead: timedelta | None
    ) -> None:
        user, password = (credential.user, credential.password) if credential else (None, None)
        super().__init__(
            url, user, password, str(WSDL_FOLDER / name), no_cache=True, dt_diff=ahead, binding_name=binding
        )
        self.transport = _Transport(session=self._session, verify_ssl=False)
        self.transport.credential = credential
        self.anonymous = credential is None

    async def setup(self) -> None:
        """Read the description of the service, from the package."""
        await super().setup()
        for client in (self.zeep_client, self.zeep_client_authless):
            client.settings = ANSWERS

    async def ask_if_known(self, operation: str, **parameters: object) -> Any:
        """Return the device's answer; `None` where it declines for another reason than the login."""
        try:
            return await self.ask(operation, **parameters)
        except zeep.exceptions.Fault as fault:
            if _is_about_login(fault):
                raise
            return None

    async def ask(self, operation: str, **parameters: object) -> Any:
        """Return the device's answer, as zeep reads it."""
        return await getattr(self, f"authless_{operation}" if self.anonymous else operation)(parameters)


class Device:
    """A conversation with one ONVIF device.

    Parameters
    ----------
    source
        Where it is, of kind `onvif`.
    credential
        User and password; `None` to ask as anyone.
    """

    def __init__(self, source: FeedSource, credential: Credential | None) -> None:
        parts = urlsplit(source.uri)
        scheme = "https" if parts.port in TLS_PORTS else "http"
        self.host = str(parts.hostname)
        self._base = f"{scheme}://{parts.netloc}"
        self._credential = credential
        self._open: list[_Service] = []
        self._ahead: timedelta | None = None

    async def __aenter__(self) -> Device:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self._open:
            await service.close()

    async def clock_ahead(self) -> timedelta | None:
        """Return how far the device's clock is ahead of ours, to its whole second; `None` where it does not say."""
        if self._ahead is None:
            self._ahead = await self._asked_clock()
        return self._ahead

    async def _asked_clock(self) -> timedelta | None:
        try:
            answer = await (await self._service(DEVICE_PATH, "devicemgmt", None)).ask("GetSystemDateAndTime")
        except zeep.exceptions.Fault:  # it must answer anyone, but some answer only those they know
            if self._credential is None:
                raise
            service = await self._service(DEVICE_PATH, "devicemgmt", self._credential)
            answer = await service.ask("GetSystemDateAndTime")
        said = answer.UTCDateTime
        if said is None:
            return None
        day, time = said.Date, said.Time
        at = datetime(day.Year, day.Month, day.Day, time.Hour, time.Minute, min(time.Second, 59), tzinfo=UTC)
        # zeep reads the same clock for the digest of the password, good only at the device's own instant
        return at - datetime.now(UTC)  # noqa: TID251 what the device's clock is held against

    async def management(self) -> _Service:
        """Return the service every device has."""
        await self.clock_ahead()
        return await self._service(DEVICE_PATH, "devicemgmt", self._credential)

    async def media(self) -> _Service:
        """Return the media service, asked at the device itself, whatever host it thinks it has."""
        management = await self.management()
        # older devices know only the other question
        services = await management.ask_if_known("GetServices", IncludeCapability=False) or []
        addresses = [one.XAddr for one in services if one.Namespace == MEDIA]
        if not addresses:
            addresses = [(await management.ask("GetCapabilities", Category="Media")).Media.XAddr]
        parts = urlsplit(addresses[0])
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return await self._service(path, "media", self._credential)

    async def _service(self, path: str, name: str, credential: Credential | None) -> _Service:
        namespace = {"devicemgmt": "device", "media": "media"}[name]
        binding = f"{{http://www.onvif.org/ver10/{namespace}/wsdl}}{namespace.capitalize()}Binding"
        service = _Service(f"{self._base}{path}", f"{name}.wsdl", binding, credential, self._ahead)
        self._open.append(service)
        await service.setup()
        return service


def converse(
    source: FeedSource,
    credential: Credential | None,
    work: Callable[[Device], Awaitable[T]],
    *,
    timeout_s: float,
) -> T:
    """Return what the work with a device gives.

    Raises
    ------
    FeedRefused
        When the device wants another user or password.
    FeedUnavailable
        When it does not answer within the time, or answers with something that is no ONVIF.
    """

    async def talk() -> T | FeedUnavailable:
        try:
            async with asyncio.timeout(timeout_s), Device(source, credential) as device:
                return await work(device)
        except FeedUnavailable as error:
            return error
        except (aiohttp.ClientError, OSError, *RUBBISH) as error:
            return _unavailable(source, error, timeout_s)

    found = _run(talk())
    if isinstance(found, FeedUnavailable):
        raise found  # out here: the chain of the errors above holds messages with the login in them
    return found


def _run(talk: Coroutine[Any, Any, T]) -> T:
    """Run a conversation in a thread of its own, as the caller may be in an event loop: a notebook is."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, talk).result()


def _is_about_login(fault: zeep.exceptions.Fault) -> bool:
    codes = {etree.QName(code).localname for code in fault.subcodes or ()}
    return bool(codes & NOT_AUTHORISED) or "not authorized" in str(fault.message).lower()


def _unavailable(source: FeedSource, error: Exception, timeout_s: float) -> FeedUnavailable:
    device = f"the ONVIF device {source.shown}"
    if isinstance(error, NotLetIn) or (isinstance(error, zeep.exceptions.Fault) and _is_about_login(error)):
        return FeedRefused(
            f"{device} refuses this user and password; keep the right ones with "
            "`rtcc cameras credential set CAMERA --user NAME`, and look whether they may use ONVIF"
        )
    if isinstance(error, TimeoutError):
        return FeedUnavailable(
            f"{device} gives no answer within {timeout_s:g} s; check the address and the network"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return FeedUnavailable(f"{device} cannot be reached: {error.strerror}; check the address and the network")
    if isinstance(error, NotOnvif):
        return FeedUnavailable(f"{device} does not speak ONVIF: {error}; check host and port")
    if isinstance(error, zeep.exceptions.Fault):
        said = " ".join(redact(str(error.message)).split())[:200]
        return FeedUnavailable(f"{device} declines: {said!r}; look whether ONVIF is switched on there")
    return FeedUnavailable(
        f"{device} answers with something that cannot be read ({type(error).__name__}); check host and port"
    )
