"""Read all that can be read of a database with the keys that there are: what an attacker with everything would get."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import psycopg
from tests.leaks.tables import everything_in

from slrt_kit.privacy import ERASED
from slrt_kit.privacy.keys import SubjectKey, subject_key
from slrt_kit.privacy.sealing import place_of, unseal
from slrt_kit.privacy.stream import ChunkOpener
from slrt_kit.privacy.wrapping import KeyEncryptionKeys, StoredKey
from slrt_kit.testing.service import KEY_ENCRYPTION_KEY

# Service, table → where each sealed value is sealed for, and its key. A column that is missing here fails the drill.
SEALED: Mapping[tuple[str, str], str] = {
    ("intake", "persons"): "SELECT person_id::text, key_id, sealed FROM persons",
    ("intake", "contacts"): "SELECT t.case_id::text, c.key_id, t.sealed FROM contacts t JOIN cases c USING (case_id)",
    ("intake", "needs"): "SELECT t.need_id::text, c.key_id, t.sealed FROM needs t JOIN cases c USING (case_id)",
    ("intake", "drafts"): "SELECT draft_id::text, key_id, sealed FROM drafts",
    ("intake", "emergency_accesses"): (
        "SELECT t.access_id::text, c.key_id, t.sealed FROM emergency_accesses t JOIN cases c USING (case_id)"
    ),
    ("intake", "attachments"): "SELECT attachment_id::text, key_id, sealed FROM attachments",
    ("intake", "exports"): "SELECT export_id::text, key_id, sealed FROM exports",
    ("intake", "consents"): (
        "SELECT t.consent_id::text, p.key_id, t.sealed FROM consents t JOIN persons p USING (person_id)"
    ),
    ("intake", "consent_withdrawals"): (
        "SELECT t.consent_id::text, p.key_id, t.sealed FROM consent_withdrawals t JOIN consents USING (consent_id) "
        "JOIN persons p USING (person_id)"
    ),
    ("intake", "facts"): "SELECT fact_id::text, key_id, sealed FROM facts",
    ("intake", "field_items"): "SELECT receipt_id::text, key_id, sealed FROM field_items",
    ("intake", "field_photos"): "SELECT photo_id::text, key_id, sealed FROM field_photos",
    ("intake", "field_photo_parts"): (
        "SELECT t.photo_id::text || '/' || t.start, p.key_id, t.sealed FROM field_photo_parts t "
        "JOIN field_photos p USING (photo_id)"
    ),
    ("intake", "letters"): "SELECT letter_id::text, key_id, sealed FROM letters",
    ("registry", "persons"): "SELECT person_id::text, key_id, sealed FROM persons",
    ("registry", "families"): "SELECT family_id::text, key_id, sealed FROM families",
    ("referral", "referral_steps"): (
        "SELECT referral_id || '/' || action || '/' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') || "
        "CASE WHEN extract(microsecond FROM at)::int % 1000000 = 0 THEN '' ELSE to_char(at, '.US') END || '+00:00', "
        "key_id, sealed FROM referral_steps"
    ),
}
_SEALED_COLUMNS = """
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'sealed' AND data_type = 'bytea'
    """


def everything_readable(
    service: str,
    url: str,
    keys_url: str,
    key_encryption_key: bytes = bytes.fromhex(KEY_ENCRYPTION_KEY),
    *,
    objects: Path | None = None,
) -> dict[str, str]:
    """Every table as it is, and every sealed value that a key of today opens, by where it was found.

    With the folder of ``objects`` also each file as it lies there, and each that a key in the database opens.

    Raises:
        LookupError: a table has sealed values and is not in `SEALED`.
    """
    held = {f"{service}.{table}": rows for table, rows in everything_in(url).items()}
    with psycopg.connect(keys_url) as connection:
        rows = connection.execute("SELECT key_id, kek, made_of FROM subject_keys WHERE made_of IS NOT NULL").fetchall()
    keks = KeyEncryptionKeys(key_encryption_key)
    keys = {row[0]: subject_key(row[0], keks.key(row[0], StoredKey(row[1], row[2]))) for row in rows}
    with psycopg.connect(url) as connection:
        tables = {table for (table,) in connection.execute(_SEALED_COLUMNS)}
        if unknown := tables - {table for owner, table in SEALED if owner == service}:
            raise LookupError(f"the drill does not know what is sealed in {service}: {sorted(unknown)}")
        for table in sorted(tables):
            rows = connection.execute(SEALED[service, table]).fetchall()
            held[f"{service}.{table} opened"] = "\n".join(_opened(service, table, rows, keys))
        if objects is not None:
            rows = connection.execute(SEALED[service, "attachments"]).fetchall()
            held |= _files(service, objects, rows, keys)
    return held


def _files(service: str, objects: Path, rows: list[Any], keys: Mapping[int, SubjectKey]) -> dict[str, str]:
    files = {file.name: file.read_bytes() for file in objects.rglob("*") if file.is_file()}
    file_keys = {
        row: bytes.fromhex(orjson.loads(opened)["key"])
        for row, key_id, sealed in rows
        for opened in _opened(service, "attachments", [(row, key_id, sealed)], keys)
    }
    opened = [
        _file(files[name], key, place_of(service, "objects", name)) for name, key in file_keys.items() if name in files
    ]
    return {
        f"{service}.objects": "\n".join(raw.decode("latin-1") for raw in files.values()),
        f"{service}.objects opened": "\n".join(opened),
    }


def _file(raw: bytes, key: bytes, place: bytes) -> str:
    opener = ChunkOpener(key, place)
    return (opener.update(raw) + opener.finish()).decode("latin-1")


def _opened(service: str, table: str, rows: list[Any], keys: Mapping[int, SubjectKey]) -> Iterator[str]:
    for row, key_id, sealed in rows:
        if sealed is None or key_id not in keys:
            continue
        found = unseal(keys[key_id], bytes(sealed), place=place_of(service, table, row))
        if found is not ERASED:
            yield orjson.dumps(found).decode()
