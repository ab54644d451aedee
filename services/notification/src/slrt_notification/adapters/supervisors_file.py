"""Read which mailbox supervises which region."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from slrt_contracts.types import CaseId, DistrictCode
from slrt_kit.regions import RegionCode, ancestors
from slrt_notification.domain.contact import Contact

_Region = Annotated[str, Field(pattern=r"^[0-9]{2}(\.[0-9]{2}){0,2}$")]
_Mailbox = Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=254)]
_FILE = TypeAdapter(dict[_Region, _Mailbox])


class SupervisorsFileError(ValueError):
    """The file cannot be used; the message names each entry at fault."""


class SupervisorMailboxes:
    """Mailboxes by region code (keeps the promise of `ports.Supervisors`); the nearest region above counts."""

    def __init__(self, mailboxes: Mapping[str, str] = MappingProxyType({})) -> None:
        self._mailboxes = mailboxes

    @classmethod
    def load(cls, path: Path | None) -> "SupervisorMailboxes":
        """The mailboxes of a YAML file such as ``"12.74": pengawas@contoh.go.id``; none without a file.

        Raises:
            SupervisorsFileError: naming what is wrong. OSError: the file cannot be read.
        """
        if path is None:
            return cls()
        try:
            return cls(_FILE.validate_python(yaml.safe_load(path.read_text(encoding="utf-8"))))
        except yaml.YAMLError as error:
            raise SupervisorsFileError(f"{path.name}: not YAML: {error}") from error
        except ValidationError as error:
            places = [f"{found['loc'][0] if found['loc'] else 'the file'}: {found['msg']}" for found in error.errors()]
            raise SupervisorsFileError(f"{path.name}: {'; '.join(places)}") from None

    def contact_of(self, case_id: CaseId, district_code: DistrictCode | None) -> Contact:
        """See `ports.Supervisors`. What a resident knows as the ticket is the id of the case here."""
        mailbox = None
        if district_code is not None:
            above = ancestors(RegionCode(district_code))
            mailbox = next((self._mailboxes[code] for code in above if code in self._mailboxes), None)
        return Contact(ticket_number=str(case_id), language="id", phone=None, email=mailbox)
