"""Write each service's OpenAPI document and the merged one that the gateway serves; ``--check`` fails on drift."""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "referral", "registry", "notification")
MERGED = ROOT / "deploy" / "gateway" / "openapi.json"
_UNUSED = {
    "DATABASE_URL": "postgresql://none@127.0.0.1:1/none",
    "KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "OIDC_ISSUER": "http://127.0.0.1:1",
    "OIDC_JWKS_URL": "http://127.0.0.1:1/jwks.json",
    "TOKEN_URL": "http://127.0.0.1:1/token",
    "CLIENT_SECRET": "none",
    "INTAKE_URL": "http://127.0.0.1:1",
    "SMTP_HOST": "127.0.0.1",
    "MAIL_FROM": "none@none.example",
    "MESSAGE_PROVIDER_URL": "http://127.0.0.1:1",
    "KEYS_URL": "postgresql://none@127.0.0.1:1/keys",
    "KEY_ENCRYPTION_KEY": "01" + "02" * 31,
    "INDEX_KEY": "03" + "04" * 31,
}


def service_document(service: str) -> dict[str, Any]:
    """The OpenAPI document of a service, from its own application; nothing is connected to."""
    for name, value in _UNUSED.items():
        os.environ[f"SLRT_{service.upper()}_{name}"] = value
    app = importlib.import_module(f"slrt_{service}.app")
    document: dict[str, Any] = app.build_app(app.build_runtime()).openapi()
    return document


def merge(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One document: paths under ``/<service>``, component names prefixed with the service."""
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "SLRT suite",
            "version": "1",
            "description": "Sistem Layanan dan Rujukan Terpadu: one door for every trouble. "
            "POST commands want an Idempotency-Key; commands on an existing thing want If-Match.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [],
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": {}},
    }
    for service, document in documents.items():
        renamed = json.loads(json.dumps(document).replace("#/components/schemas/", f"#/components/schemas/{service}."))
        merged["tags"].append({"name": service, "description": document["info"].get("description", "")})
        for path, operations in renamed["paths"].items():
            for method, operation in operations.items():
                operation["operationId"] = f"{service}.{operation['operationId']}"
                operation["tags"] = [service]
                merged["paths"].setdefault(f"/{service}{path}", {})[method] = operation
        components = renamed.get("components", {})
        for name, schema in components.get("schemas", {}).items():
            merged["components"]["schemas"][f"{service}.{name}"] = schema
        merged["components"]["securitySchemes"] |= components.get("securitySchemes", {})
    return merged


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a committed file differs")
    check = parser.parse_args().check
    documents = {service: service_document(service) for service in SERVICES}
    files = {ROOT / "services" / service / "openapi.json": document for service, document in documents.items()}
    files[MERGED] = merge(documents)
    drifted = []
    for file, document in files.items():
        written = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        if not check:
            file.write_text(written, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != written:
            drifted.append(str(file.relative_to(ROOT)))
    if drifted:
        sys.exit(f"drifted from the code: {', '.join(drifted)}; run `make contracts` and commit the result")


if __name__ == "__main__":
    main()
