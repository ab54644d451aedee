"""Hold the issuer's public keys: fetched when needed, kept while the issuer is away, dropped when it drops them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from slrt_kit import metrics
from slrt_kit.http.outgoing import HttpClient, Reply, UnreachableError
from slrt_kit.logs import get_logger
from slrt_kit.problems import ServiceUnavailableError

log = get_logger(__name__)

FRESH_S = 60.0
"""How old the keys may be: so long a key that its issuer has withdrawn is still good."""
RENEW_S = 45.0
"""After how long whoever watches fetches them, so that no request has to."""
UNKNOWN_KEY_REFETCH_S = 5.0
"""How often strangers can make us ask; and how soon at the latest a key is found that is not known yet."""
_FAILED_FETCH_PAUSE_S = 2.0
_MOST_KEYS = 50
# By key type and curve; a key may narrow it by its own ``alg``. Ed25519 is the newer name of the same (RFC 9864).
_ALGORITHMS = {("EC", "P-256"): frozenset({"ES256"}), ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"})}
ALGORITHMS = frozenset().union(*_ALGORITHMS.values())


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key and the algorithms that it is for; ``thumbprint`` is that of RFC 7638."""

    key: ECKey | OKPKey
    algorithms: frozenset[str]
    thumbprint: str


Keys = Mapping[str, VerifyingKey]
"""By key id."""


class IssuerKeys:
    """The keys of one JWKS address. ``generation`` grows whenever they have changed."""

    def __init__(self, url: str, *, client: HttpClient, monotonic: Callable[[], float]) -> None:
        self._url, self._client, self._monotonic = url, client, monotonic
        self._keys: Keys | None = None
        self._thumbprints: frozenset[str] = frozenset()
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")
        self._asked_at = float("-inf")
        self._fetching = asyncio.Lock()
        self.generation = 0

    @property
    def age(self) -> float:
        """Seconds since they were fetched."""
        return self._monotonic() - self._fetched_at

    def holds(self, thumbprint: str) -> bool:
        """Whether the key is among them."""
        return thumbprint in self._thumbprints

    async def now(self, *, fresh: float = FRESH_S) -> Keys:
        """The keys, fetched when they are older than ``fresh`` seconds and the issuer answers.

        Raises:
            ServiceUnavailableError: they cannot be had and none are known.
        """
        if self._keys is not None and (self.age < fresh or self._fetching.locked()):
            # Somebody is fetching newer ones: a slow issuer need not hold up the others.
            return self._keys
        async with self._fetching:
            if self._keys is None or self.age >= fresh:
                await self._fetch()
            return self._held()

    async def newer_than(self, keys: Keys) -> Keys:
        """For a key that is not among them: the issuer may have a new one. It is not asked for each stranger.

        What was fetched for another reason a moment ago does not count: a key that was rotated in right behind it is
        found by the first token that it signs.
        """
        async with self._fetching:
            now = self._monotonic()
            if self._keys is keys and now - self._asked_at >= UNKNOWN_KEY_REFETCH_S:
                self._asked_at = now
                await self._fetch()
            return self._held()

    def _held(self) -> Keys:
        if self._keys is None:
            raise ServiceUnavailableError
        return self._keys

    async def _fetch(self) -> None:
        """Replace the keys; keep the old ones when the issuer fails us, and then leave it alone for a moment."""
        if self._monotonic() - self._failed_at < _FAILED_FETCH_PAUSE_S:
            return
        try:
            keys = keys_of(await self._client.request("GET", self._url))
        except (UnreachableError, ValueError) as error:
            self._failed_at = self._monotonic()
            metrics.ISSUER_FAILURES.inc()
            log.warning("issuer keys not fetched", error=type(error).__name__)
            return
        self._fetched_at = self._monotonic()
        self._keys = keys
        thumbprints = frozenset(key.thumbprint for key in keys.values())
        if thumbprints != self._thumbprints:
            self._thumbprints = thumbprints
            self.generation += 1


def keys_of(reply: Reply) -> Keys:
    """Raises ValueError: it is no JWKS with a key that we can use, or one key id stands for two keys."""
    document = reply.json() if reply.is_success else None
    entries = document.get("keys") if isinstance(document, dict) else None
    if (
        not isinstance(entries, list)
        or len(entries) > _MOST_KEYS
        or not all(isinstance(each, dict) for each in entries)
    ):
        raise ValueError("not a JWKS")
    found: dict[str, VerifyingKey] = {}
    for entry in entries:
        key = _usable(entry)
        if key is not None and found.setdefault(entry["kid"], key) is not key:
            raise ValueError("a key id stands twice in the JWKS")
    if not found:
        raise ValueError("no usable key in the JWKS")
    return found


def _usable(entry: dict[str, Any]) -> VerifyingKey | None:
    """The key, where it is one for signatures that we take; issuers publish others beside (RSA, for encryption)."""
    algorithms = _ALGORITHMS.get((str(entry.get("kty")), str(entry.get("crv"))))
    operations = entry.get("key_ops", ["verify"])
    if algorithms is None or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations or entry.get("alg", "ES256") not in ALGORITHMS:
        return None
    if "alg" in entry:
        algorithms &= {entry["alg"]}
    # Only what makes the key: its own ``alg`` was judged above.
    material: dict[str, Any] = {name: entry[name] for name in ("kty", "crv", "x", "y") if name in entry}
    try:
        key = (ECKey if entry["kty"] == "EC" else OKPKey).import_key(material)
        return VerifyingKey(key, algorithms, key.thumbprint()) if algorithms else None
    except (JoseError, ValueError, KeyError, TypeError):
        return None
