"""Decide where a URL that somebody else has set may lead: to public https addresses, and to what an operator lists.

Against server-side request forgery (OWASP, SSRF Prevention Cheat Sheet, case 2). A host name proves nothing, because
whoever owns it says at any moment what it resolves to; so each address is judged after it was resolved, by the
resolver of the very connection (`JudgedResolver`), and nothing resolves it again.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from slrt_kit.messaging.errors import TransientError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_HTTPS_PORT = 443
_WIDEST = {4: 8, 6: 32}
"""The shortest prefixes that may be listed: an entry that lets everything through is a mistake."""
# IANA's special-purpose registries where Python's `is_global` says too little or differs by release, and one address
# of a cloud's metadata that is public by its number (168.63.129.16).
_NEVER_GLOBAL = tuple(
    ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2001:db8::/32", "3fff::/20")
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# Metadata of clouds and the neighbours on the link: not even a listed name may lead there.
_LINK_LOCAL = (ip_network("169.254.0.0/16"), ip_network("fe80::/10"))


class ForbiddenDestinationError(TransientError):
    """The address leads where no request of ours may go; it is asked again when it was put right, and loses nothing."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """What may be reached besides public addresses by https on port 443.

    ``origins`` are ``(scheme, host, port)``: the operator vouches for the name, wherever it resolves to short of the
    link itself. ``networks`` may be reached by https on port 443.
    """

    origins: frozenset[tuple[str, str, int]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Destinations":
        """From a comma separated list of origins (``http://127.0.0.1:9000``) and networks (``10.20.0.0/16``).

        Raises:
            ValueError: an entry is neither, or a network is wider than /8 (IPv4) or /32 (IPv6).
        """
        origins, networks = set(), []
        for entry in filter(None, (part.strip() for part in text.split(","))):
            if "://" in entry:
                try:
                    url = _parsed(entry)
                except ForbiddenDestinationError as error:
                    raise ValueError(f"{entry}: {error}") from error
                if str(url.origin()) != str(url).rstrip("/"):
                    raise ValueError(f"{entry}: an origin is a scheme, a host and a port, and nothing else")
                origins.add((url.scheme, _host(url), _port(url)))
            else:
                networks.append(_network(entry))
        return cls(frozenset(origins), tuple(networks))

    def check(self, url: str) -> None:
        """Raises ForbiddenDestinationError: the URL by itself tells that it may not be asked."""
        parsed = _parsed(url)
        host = _host(parsed)
        if self._vouched(parsed):
            return
        if parsed.scheme != "https":
            raise ForbiddenDestinationError("it is not https")
        if parsed.port != _HTTPS_PORT:
            raise ForbiddenDestinationError("its port is not listed")
        literal = _literal(host)
        if literal is not None and not self._public_or_listed(literal):
            raise ForbiddenDestinationError("its address is not public")

    def admits(self, address: str, *, host: str, port: int) -> bool:
        """Whether a connection for this host and port may go to the address that the host was resolved to."""
        found = ip_address(address)
        if any((scheme, host.rstrip(".").lower(), port) in self.origins for scheme in ("https", "http")):
            return not _is_nobodys(found)
        return self._public_or_listed(found)

    def _vouched(self, url: URL) -> bool:
        literal = _literal(_host(url))
        named = (url.scheme, _host(url), _port(url)) in self.origins
        return named and (literal is None or not _is_nobodys(literal))

    def _public_or_listed(self, address: Address) -> bool:
        meant = _meant(address)
        return _is_public(meant) or (
            any(meant in network for network in self.networks if network.version == meant.version)
            and not _is_nobodys(meant)
        )


class JudgedResolver(AbstractResolver):
    """Resolves a host for the connection that is about to be made, and refuses it where one address is forbidden."""

    def __init__(self, destinations: Destinations, inner: AbstractResolver | None = None) -> None:
        self._destinations = destinations
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises ForbiddenDestinationError: some address of the host may not be reached."""
        found = await self._inner.resolve(host, port, family)
        if not all(self._destinations.admits(each["host"], host=host, port=port) for each in found):
            raise ForbiddenDestinationError("its address is not public")
        return found

    async def close(self) -> None:
        """Close the resolver below."""
        await self._inner.close()


def _parsed(url: str) -> URL:
    """By the parser of the client that will make the connection: two parsers differ on what a host is."""
    if any(ord(letter) <= ord(" ") or letter == "\\" for letter in url):
        raise ForbiddenDestinationError("it has spaces, control characters or backslashes in it")
    try:
        parsed = URL(url)
        port = parsed.port
    except (ValueError, TypeError) as error:
        raise ForbiddenDestinationError("it is no URL") from error
    if parsed.scheme not in ("http", "https") or not parsed.raw_host or not port:
        raise ForbiddenDestinationError("it is no http or https address")
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ForbiddenDestinationError("it has credentials in it")
    _literal(_host(parsed))
    return parsed


def _host(url: URL) -> str:
    return (url.raw_host or "").rstrip(".").lower()


def _port(url: URL) -> int:
    return url.port or 0


def _literal(host: str) -> Address | None:
    """The address that a host is written as, None for a name.

    Raises:
        ForbiddenDestinationError: it is a number in another notation (decimal, octal, hexadecimal, fewer parts), which
            some resolvers take for an address (WHATWG URL, "ends in a number").
    """
    bare, _, zone = host.strip("[]").partition("%")
    if zone:
        raise ForbiddenDestinationError("its address is of one link")
    try:
        return ip_address(bare)
    except ValueError:
        pass
    last = bare.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x") or ":" in bare or not host.isascii():
        raise ForbiddenDestinationError("its host is neither a name nor an address in the usual notation")
    return None


def _network(entry: str) -> Network:
    network = ip_network(entry)
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError(f"{entry} is too wide: list the networks that are meant")
    return network


def _meant(address: Address) -> Address:
    """The IPv4 address that packets for this one end at, where it wraps one; else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    if address.version == 6 and address not in _GLOBAL_UNICAST:  # noqa: PLR2004 — the version's number
        return False
    if _within(address, _NEVER_GLOBAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_nobodys(address: Address) -> bool:
    meant = _meant(address)
    return meant.is_unspecified or meant.is_multicast or _within(meant, _LINK_LOCAL)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
