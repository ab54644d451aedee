"""Sign the local issuer's tokens, and change the key that they are signed with. Development only."""

import hashlib
import json
import secrets
import time
import warnings
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey

from slrt_local.identity import AUDIENCE, PUBLIC_CLIENT, Account
from slrt_local.state import State, write_private

# RFC 9864 has a newer name for it, which hardly any client library knows yet.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

DEFAULT_TTL = 3600
OVERLAP_S = DEFAULT_TTL + 60
"""How long an old key is published after a new one signs: as long as what it signed is good."""
ALGORITHMS = ("ES256", "EdDSA")
ACCESS_TOKEN = "at+jwt"  # noqa: S105 — a media type, RFC 9068
ID_TOKEN = "JWT"  # noqa: S105 — a media type

Key = ECKey | OKPKey


@dataclass(frozen=True)
class _Published:
    key: Key
    algorithm: str
    until: float | None
    """Seconds since 1970; None while it signs."""


class Signer:
    """Signs with the newest key of one stack; the file of keys is read again when it has changed."""

    def __init__(self, file: Path, issuer: str) -> None:
        self._file = file
        self._read_at = 0
        self._known: list[_Published] = []
        self.issuer = issuer

    @classmethod
    def of(cls, state: State, issuer: str) -> "Signer":
        """The signer of ``state``; its key is made on first use and kept readable by the owner alone."""
        signer = cls(state.root / "identity" / "keys.json", issuer)
        if not signer._file.exists():
            signer.rotate("ES256", at=time.time())
        return signer

    def rotate(self, algorithm: str, *, at: float, keep_old: bool = True) -> str:
        """Sign with a new key from ``at`` (seconds since 1970) on; returns its id.

        The old ones are published for `OVERLAP_S` yet, or not at all with ``keep_old=False``: then what they signed
        is good no longer, as soon as the services have fetched the keys again.
        """
        old = [_retired(each, at=at) for each in self._keys()] if keep_old and self._file.exists() else []
        fresh = _Published(_made(algorithm), algorithm, None)
        kept = [each for each in old if each.until is None or each.until > at]
        write_private(self._file, json.dumps([_stored(each) for each in [*kept, fresh]]))
        return str(fresh.key.kid)

    @property
    def public_keys(self) -> dict[str, Any]:
        """The JWKS document."""
        return {"keys": [_public(each) for each in self._keys() if each.until is None or each.until > time.time()]}

    def mint(
        self,
        account: Account,
        *,
        now: datetime,
        ttl: int = DEFAULT_TTL,
        client: str = PUBLIC_CLIENT,
        token_id: str | None = None,
    ) -> str:
        """An access token for ``account`` that ends ``ttl`` seconds after ``now`` (negative: already over)."""
        claims: dict[str, Any] = {
            **self._about(account, now=now, ttl=ttl),
            "aud": AUDIENCE,
            "azp": client,
            "client_id": client,  # RFC 9068, section 2.2
            "jti": token_id or secrets.token_hex(16),
            "roles": list(account.roles),
        }
        if account.region is not None:
            claims["region"] = account.region
        if account.office is not None:
            claims["office"] = account.office
        return self._signed(ACCESS_TOKEN, claims)

    def mint_id(self, account: Account, *, now: datetime, client: str, access_token: str, **more: Any) -> str:
        """An ID token for the application ``client`` (OpenID Connect Core, section 2); ``more`` are further claims."""
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            **self._about(account, now=now, ttl=DEFAULT_TTL),
            "aud": client,
            "azp": client,
            "name": account.name,
            "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
            **{name: value for name, value in more.items() if value is not None},
        }
        return self._signed(ID_TOKEN, claims)

    def read(self, token: str, *, kind: str, at: float | None) -> dict[str, Any] | None:
        """The claims of a token of ours, of that kind and not over ``at`` (seconds; None: any time), else None."""
        try:
            header = jws.extract_compact(token.encode()).headers()
            key = next(each for each in self._keys() if each.key.kid == header.get("kid"))
            claims = dict(jwt.decode(token, key.key, algorithms=[key.algorithm]).claims)
        except (JoseError, ValueError, StopIteration):
            return None
        is_ours = header.get("typ") == kind and claims.get("iss") == self.issuer
        return claims if is_ours and (at is None or claims["exp"] > at) else None

    def _about(self, account: Account, *, now: datetime, ttl: int) -> dict[str, Any]:
        issued = int(now.timestamp())
        return {"iss": self.issuer, "sub": account.subject, "iat": issued + min(ttl, 0), "exp": issued + ttl}

    def _signed(self, kind: str, claims: dict[str, Any]) -> str:
        newest = self._keys()[-1]
        header = {"alg": newest.algorithm, "kid": newest.key.kid, "typ": kind}
        return jwt.encode(header, claims, newest.key, algorithms=[newest.algorithm])

    def _keys(self) -> list[_Published]:
        changed = self._file.stat().st_mtime_ns
        if changed != self._read_at:
            self._known = [_loaded(each) for each in json.loads(self._file.read_text(encoding="utf-8"))]
            self._read_at = changed
        return self._known


def _made(algorithm: str) -> Key:
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", {"use": "sig", "alg": algorithm}, private=True, auto_kid=True)
    return OKPKey.generate_key("Ed25519", {"use": "sig", "alg": algorithm}, private=True, auto_kid=True)


def _retired(published: _Published, *, at: float) -> _Published:
    return _Published(published.key, published.algorithm, published.until or at + OVERLAP_S)


def _stored(published: _Published) -> dict[str, Any]:
    return {"jwk": published.key.as_dict(private=True), "until": published.until}


def _loaded(entry: dict[str, Any]) -> _Published:
    kind = ECKey if entry["jwk"]["kty"] == "EC" else OKPKey
    return _Published(kind.import_key(entry["jwk"]), entry["jwk"]["alg"], entry["until"])


def _public(published: _Published) -> dict[str, Any]:
    of_key = {"kid": published.key.kid, "use": "sig", "alg": published.algorithm}
    return {**published.key.as_dict(private=False), **of_key}
