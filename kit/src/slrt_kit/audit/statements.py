"""Say and sign what the chain was at a moment (its head) and what a day's root is; read and check such statements."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from slrt_kit.audit import chain

_KEY_DIGITS = 64


class StatementError(ValueError):
    """A statement cannot be read, or is not signed by the key."""


class Signed(NamedTuple):
    """A statement's exact bytes and its Ed25519 signature (64 bytes)."""

    statement: bytes
    signature: bytes

    @property
    def digest(self) -> bytes:
        """What the next day's statement names this one by."""
        return sha256(self.statement).digest()


class Signer:
    """Signs with the service's key."""

    def __init__(self, secret: str) -> None:
        """``secret`` is the private key: 64 hexadecimal digits (RFC 8032: 32 random bytes). Raises ValueError."""
        digits = secret.strip()
        if len(digits) != _KEY_DIGITS:
            raise ValueError("an audit signing key has 64 hexadecimal digits")
        self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(digits))
        self.public_key = self._key.public_key()
        self.key_id = key_id_of(self.public_key)

    @property
    def public_pem(self) -> str:
        """The public key, for those who check."""
        return self.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, kind: str, content: "Head | Day | Closing") -> Signed:
        """The statement, signed."""
        statement = content.encode(self.key_id)
        return Signed(statement, self._key.sign(chain.to_sign(kind, statement)))


class Keys:
    """The public keys that statements may be signed with: more than one where a key was replaced."""

    def __init__(self, *keys: Ed25519PublicKey) -> None:
        self._keys = {key_id_of(key): key for key in keys}

    @classmethod
    def read(cls, *paths: Path) -> Self:
        """From PEM files. Raises OSError; ValueError: no Ed25519 key in it."""
        return cls(*(_public(path.read_bytes(), path) for path in paths))

    def check(self, kind: str, signed: Signed) -> dict[str, Any]:
        """The statement's content.

        Raises:
            StatementError: it is no statement of that kind, or no key of these has signed it.
        """
        try:
            content = orjson.loads(signed.statement)
            key = self._keys[content["key"]]
            key.verify(signed.signature, chain.to_sign(kind, signed.statement))
        except KeyError:
            raise StatementError("is signed with a key that was not given") from None
        except InvalidSignature:
            raise StatementError("has a signature that is not the key's") from None
        except (ValueError, TypeError):
            raise StatementError("cannot be read") from None
        if content.get("kind") != kind:
            raise StatementError(f"is no statement of a {kind}")
        return dict(content)


def key_id_of(key: Ed25519PublicKey) -> str:
    """A key's name: its SHA-256."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def _public(pem: bytes, path: Path) -> Ed25519PublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path}: no Ed25519 public key")  # noqa: TRY004 — of what is in the file
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Up to where a chain went at a moment. ``open_day`` is the UTC day that the next entry is counted to."""

    service: str
    chain_id: UUID
    position: int
    link: bytes
    open_day: date
    day_first: int
    """Position of the first entry of the open day, whether there is one yet or not."""
    days: int
    """How many days were closed."""
    last_day: bytes
    """Digest of the statement of the day closed last."""
    base: int = 0
    """The position before the chain's first; more than 0 where it follows a chain that was lost and closed."""
    follows: bytes = b""
    """Digest of the statement that closed the chain before; empty for the first."""

    @classmethod
    def beginning_at(cls, service: str, chain_id: UUID, *, today: date, base: int = 0, follows: bytes = b"") -> Self:
        """Of a chain without entries, whose first will be the one after ``base``."""
        return cls(
            service=service,
            chain_id=chain_id,
            position=base,
            link=chain.genesis(service, chain_id, follows),
            open_day=today,
            day_first=base + 1,
            days=0,
            last_day=chain.NO_DAY,
            base=base,
            follows=follows,
        )

    @property
    def beginning(self) -> bytes:
        """What the chain's first entry is linked to."""
        return chain.genesis(self.service, self.chain_id, self.follows)

    def encode(self, key_id: str) -> bytes:
        """Its exact bytes."""
        return _bytes(
            kind=chain.HEAD,
            key=key_id,
            service=self.service,
            chain=str(self.chain_id),
            position=self.position,
            link=self.link.hex(),
            open_day=self.open_day.isoformat(),
            day_first=self.day_first,
            days=self.days,
            last_day=self.last_day.hex(),
            **({"base": self.base, "follows": self.follows.hex()} if self.follows else {}),
        )

    @classmethod
    def of(cls, content: dict[str, Any]) -> Self:
        """From a checked statement. Raises StatementError."""
        try:
            return cls(
                service=str(content["service"]),
                chain_id=UUID(content["chain"]),
                position=int(content["position"]),
                link=bytes.fromhex(content["link"]),
                open_day=date.fromisoformat(content["open_day"]),
                day_first=int(content["day_first"]),
                days=int(content["days"]),
                last_day=bytes.fromhex(content["last_day"]),
                base=int(content.get("base", 0)),
                follows=bytes.fromhex(content.get("follows", "")),
            )
        except (KeyError, ValueError, TypeError, AttributeError):
            raise StatementError("cannot be read") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was sealed in one UTC day: entries ``first`` to ``last`` (``last`` is ``first - 1`` for an empty day).

    ``number`` counts the chain's days from 1; ``head`` is the link of the entry ``last``; ``previous`` the digest
    of the statement of the day before.
    """

    service: str
    chain_id: UUID
    day: date
    number: int
    first: int
    last: int
    head: bytes
    root: bytes
    previous: bytes

    def encode(self, key_id: str) -> bytes:
        """Its exact bytes."""
        return _bytes(
            kind=chain.DAY,
            key=key_id,
            service=self.service,
            chain=str(self.chain_id),
            day=self.day.isoformat(),
            number=self.number,
            first=self.first,
            last=self.last,
            head=self.head.hex(),
            root=self.root.hex(),
            previous=self.previous.hex(),
        )

    @classmethod
    def of(cls, content: dict[str, Any]) -> Self:
        """From a checked statement. Raises StatementError."""
        try:
            return cls(
                service=str(content["service"]),
                chain_id=UUID(content["chain"]),
                day=date.fromisoformat(content["day"]),
                number=int(content["number"]),
                first=int(content["first"]),
                last=int(content["last"]),
                head=bytes.fromhex(content["head"]),
                root=bytes.fromhex(content["root"]),
                previous=bytes.fromhex(content["previous"]),
            )
        except (KeyError, ValueError, TypeError, AttributeError):
            raise StatementError("cannot be read") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """That a chain was lost behind a position, who says so and why; the chain that goes on names it.

    ``position`` is the last entry that is there as it was sealed, ``link`` its link; what stood behind it up to
    ``lost_to`` is lost. ``days`` is how many closed days are there as a whole, ``last_day`` the digest of the last
    one's statement. ``known_root`` is that of the newest day that was ever signed, as far as that is known.
    """

    service: str
    chain_id: UUID
    position: int
    link: bytes
    lost_to: int
    days: int
    last_day: bytes
    known_day: date | None
    known_root: bytes
    next_chain: UUID
    reason: str
    by: str
    at: str
    """UTC, as entries write it."""

    @property
    def shown(self) -> str:
        """In a sentence."""
        lost = f"positions {self.position + 1} to {self.lost_to} are lost ({self.reason})"
        return f"chain {self.chain_id} ends at position {self.position}: {lost}, says {self.by}, {self.at}"

    def encode(self, key_id: str) -> bytes:
        """Its exact bytes."""
        return _bytes(
            kind=chain.CLOSING,
            key=key_id,
            service=self.service,
            chain=str(self.chain_id),
            position=self.position,
            link=self.link.hex(),
            lost_to=self.lost_to,
            days=self.days,
            last_day=self.last_day.hex(),
            known_day=None if self.known_day is None else self.known_day.isoformat(),
            known_root=self.known_root.hex(),
            next_chain=str(self.next_chain),
            reason=self.reason,
            by=self.by,
            at=self.at,
        )

    @classmethod
    def of(cls, content: dict[str, Any]) -> Self:
        """From a checked statement. Raises StatementError."""
        try:
            known_day = content["known_day"]
            return cls(
                service=str(content["service"]),
                chain_id=UUID(content["chain"]),
                position=int(content["position"]),
                link=bytes.fromhex(content["link"]),
                lost_to=int(content["lost_to"]),
                days=int(content["days"]),
                last_day=bytes.fromhex(content["last_day"]),
                known_day=None if known_day is None else date.fromisoformat(known_day),
                known_root=bytes.fromhex(content["known_root"]),
                next_chain=UUID(content["next_chain"]),
                reason=str(content["reason"]),
                by=str(content["by"]),
                at=str(content["at"]),
            )
        except (KeyError, ValueError, TypeError, AttributeError):
            raise StatementError("cannot be read") from None


def _bytes(**content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
