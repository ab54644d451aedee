"""Keep what was taken back before its time, for the list that every service asks for every two seconds."""

import contextlib
import fcntl
import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any

from slrt_local.state import State, write_private

_FORGOTTEN_AFTER_S = 25 * 3600
"""No service takes a token that lives longer than a day."""


class Revoked:
    """A file that the issuer and the command line write side by side. Moments are seconds since 1970 UTC."""

    def __init__(self, state: State) -> None:
        self._file = state.root / "identity" / "revocations.json"

    def token(self, token_id: str, *, at: float) -> None:
        """Take back one token."""
        self._note("tokens", token_id, math.floor(at) + 1)

    def subject(self, subject: str, *, at: float) -> None:
        """Take back every token of a person that was issued until ``at``, with the second of ``at``."""
        self._note("subjects", subject, math.floor(at) + 1)

    def client(self, client: str, *, at: float) -> None:
        """The same of whatever an application or a machine has asked for."""
        self._note("clients", client, math.floor(at) + 1)

    def holds(self, claims: dict[str, Any]) -> bool:
        """Whether an access token with these claims was taken back."""
        noted, issued = self._read(), claims["iat"]
        by_owner = max(noted["subjects"].get(claims["sub"], 0), noted["clients"].get(claims["azp"], 0))
        return claims["jti"] in noted["tokens"] or issued < by_owner

    def document(self) -> tuple[bytes, str]:
        """The list as `slrt_kit.http.revocations` reads it, and its ETag."""
        noted = self._read()
        body = json.dumps({**noted, "tokens": sorted(noted["tokens"])}, sort_keys=True).encode()
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    def _read(self) -> dict[str, dict[str, float]]:
        empty: dict[str, dict[str, float]] = {"tokens": {}, "subjects": {}, "clients": {}}
        try:
            noted: dict[str, dict[str, float]] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return empty
        return empty | noted

    def _note(self, kind: str, name: str, moment: float) -> None:
        with self._alone():
            noted = self._read()
            noted[kind][name] = max(moment, noted[kind].get(name, 0))
            write_private(self._file, json.dumps(_pruned(noted, moment)))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _pruned(noted: dict[str, dict[str, float]], now: float) -> dict[str, dict[str, float]]:
    oldest = now - _FORGOTTEN_AFTER_S
    return {
        kind: {name: moment for name, moment in entries.items() if moment > oldest} for kind, entries in noted.items()
    }
