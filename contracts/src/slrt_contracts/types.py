"""Classified types: the only building blocks an event field may have.

Every type says three things about a value: what it may look like (so that no name, number or free text of
a person fits), what class of data it is (`x-slrt-class` in the JSON Schema), and what it means. A field of
bare `str`, `int` or `UUID` is refused by the schema lint (`contracts/codegen/lint.py`).
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NewType
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic.fields import FieldInfo

CLASS_KEY = "x-slrt-class"
"""JSON Schema keyword of ours: what class of data a value is."""
LIST_KEY = "x-slrt-list"
"""JSON Schema keyword of ours: the name of the code list that a value comes from."""
EXTENSIBLE_KEY = "x-slrt-extensible"
"""JSON Schema keyword of ours: readers must expect values that are not listed yet."""


class DataClass(StrEnum):
    """What kind of data a value is. There is no class for personal data: it has no place in an event."""

    IDENTIFIER = "id"
    """An id that only its owner can resolve to a person or a thing."""
    CODE = "code"
    """One value of a published code list, or a rule, version or template named by one."""
    REGION = "region"
    """A region, never finer than a district (kecamatan)."""
    AREA = "area"
    """Where an officer works: a region of any level down to the district, or the nation."""
    OFFICE = "office"
    """An office; an institution, not a person."""
    FLAG = "flag"
    """True or false."""
    COUNT = "count"
    """A small number of things."""
    POSITION = "position"
    """A place in a log, counted by the machine itself and never taken from what somebody said."""
    DIGEST = "digest"
    """A hash or a signature, in hexadecimal digits."""
    DATE = "date"
    """The date of an administrative fact, never a date of birth."""
    MOMENT = "moment"
    """When a machine noted something, by its own clock."""


def classified(data_class: DataClass, description: str, *, shape: str | None = None, **limits: Any) -> Any:
    """Return the pydantic field information that gives a type its class, its meaning and its limits.

    `shape` is a pattern for the JSON Schema alone, for types that pydantic parses: most JSON Schema validators
    do not check `format`, and whoever relies on one of them must be no less protected.
    """
    extra: dict[str, Any] = {CLASS_KEY: data_class.value}
    if shape is not None:
        extra["pattern"] = shape
    field: FieldInfo = Field(description=description, json_schema_extra=extra, **limits)
    return field


UUID_SHAPE = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
DIGEST_SHAPE = r"^([0-9a-f]{64}){1,2}$"
DATE_SHAPE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MOMENT_SHAPE = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$"


def _identifier(description: str) -> Any:
    return classified(DataClass.IDENTIFIER, description, shape=UUID_SHAPE)


# -- ids: a UUID each, told apart by the type checker ------------------------------------------------------
CaseId = NewType("CaseId", Annotated[UUID, _identifier("A case (kasus): one contact of a resident.")])
NeedId = NewType("NeedId", Annotated[UUID, _identifier("A need (kebutuhan): one problem inside a case.")])
ReferralId = NewType("ReferralId", Annotated[UUID, _identifier("A referral (rujukan): a need sent to an office.")])
PersonId = NewType("PersonId", Annotated[UUID, _identifier("A person in the registry; not a NIK.")])
PartyId = NewType("PartyId", Annotated[UUID, _identifier("A person of one case, as intake knows them; not a NIK.")])
FamilyId = NewType("FamilyId", Annotated[UUID, _identifier("A family in the registry; not a KK number.")])
ParticipationId = NewType(
    "ParticipationId", Annotated[UUID, _identifier("A participation (kepesertaan) in a programme.")]
)
NotificationId = NewType("NotificationId", Annotated[UUID, _identifier("One message to one resident.")])
AccessId = NewType("AccessId", Annotated[UUID, _identifier("One emergency access (akses darurat) to a case.")])
FileId = NewType("FileId", Annotated[UUID, _identifier("A file that was attached to a case; not its name.")])
LetterId = NewType("LetterId", Annotated[UUID, _identifier("A letter (surat) about a case; not its number.")])
ChallengeId = NewType(
    "ChallengeId", Annotated[UUID, _identifier("One request of a resident for a one-time code; not the code.")]
)
LookedAtId = NewType("LookedAtId", Annotated[UUID, _identifier("What somebody looked at, by the id that it has.")])
ConsentId = NewType("ConsentId", Annotated[UUID, _identifier("One person's consent (persetujuan) in one case.")])
ReceiptId = NewType(
    "ReceiptId",
    Annotated[
        UUID, _identifier("One delivery of personal data to an office, which got this id with it and nobody else.")
    ],
)
ClockId = NewType("ClockId", Annotated[UUID, _identifier("A clock (batas waktu) of a case, a need or a referral.")])
StallId = NewType(
    "StallId", Annotated[UUID, _identifier("One time that a case, a need or a referral was held up (macet).")]
)
DutyId = NewType("DutyId", Annotated[UUID, _identifier("One duty (tugas): who has a role where, from when to when.")])
OfficerId = NewType(
    "OfficerId",
    Annotated[UUID, _identifier("An officer's login, by an id made from it; neither the login nor a person's name.")],
)
EventId = NewType("EventId", Annotated[UUID, _identifier("The CloudEvents id of an event.")])

PolicyId = NewType(
    "PolicyId", Annotated[UUID, _identifier("The policy of one region's layer in one service, through all versions.")]
)
ChainId = NewType("ChainId", Annotated[UUID, _identifier("The chain of an audit log, from its first entry on.")])

# -- places and offices --------------------------------------------------------------------------------------
# [0-9] and not \d: pydantic's engine lets \d match the digits of every script, JSON Schema's does not.
DISTRICT_PATTERN = r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}$"
AREA_PATTERN = r"^[0-9]{2}(\.[0-9]{2}){0,2}$"
OFFICE_PATTERN = r"^[0-9]{2}(\.[0-9]{2}){0,2}\.[A-Z][A-Z0-9-]{1,19}$"

DistrictCode = NewType(
    "DistrictCode",
    Annotated[
        str,
        classified(
            DataClass.REGION,
            "District (kecamatan) by its dotted Kemendagri code, such as 12.74.05; never finer.",
            pattern=DISTRICT_PATTERN,
            max_length=8,
        ),
    ],
)
DutyArea = NewType(
    "DutyArea",
    Annotated[
        str,
        classified(
            DataClass.AREA,
            "Where a duty is: 00 for the nation, else a dotted Kemendagri code down to the district; never finer.",
            pattern=AREA_PATTERN,
            max_length=8,
        ),
    ],
)
OfficeCode = NewType(
    "OfficeCode",
    Annotated[
        str,
        classified(
            DataClass.OFFICE,
            "Office: region code down to district, then its function, such as 12.74.DUKCAPIL; region 00 is national.",
            pattern=OFFICE_PATTERN,
            max_length=29,
        ),
    ],
)

# -- names of rules, policies and templates ------------------------------------------------------------------
RuleId = NewType(
    "RuleId",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "A routing rule by its id, such as road-unknown-owner.",
            pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+){0,7}$",
            max_length=48,
        ),
    ],
)
PolicyLayer = NewType(
    "PolicyLayer",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "Whose policy: 00 the centre's, else the dotted code of the region, such as 12.74; of a village's the "
            "code of its district (kecamatan).",
            pattern=r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2})?)?$",
            max_length=8,
        ),
    ],
)
PolicyLabel = NewType(
    "PolicyLabel",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "The versions of a policy's layers, centre first, such as 00:3,12.74:2; never a village's.",
            pattern=r"^00:[0-9]{1,5}(,[0-9]{2}(\.[0-9]{2}){0,2}:[0-9]{1,5}){0,3}$",
            max_length=80,
        ),
    ],
)
SlaClassCode = NewType(
    "SlaClassCode",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "How long something may take, by its class in the policy, such as owner-acceptance.",
            pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+){0,3}$",
            max_length=40,
        ),
    ],
)
StepCode = NewType(
    "StepCode",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "The step of its workflow that something is at, such as in_handling.",
            pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+){0,3}$",
            max_length=40,
        ),
    ],
)
ClockOffset = NewType(
    "ClockOffset",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "A step of an escalation chain: -20% while so much time is left, 0 when due, +3wd three working days on.",
            pattern=r"^(-[1-9][0-9]?%|0|\+[1-9][0-9]{0,2}(wd|wh|h))$",
            max_length=6,
        ),
    ],
)
TemplateCode = NewType(
    "TemplateCode",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "A message template by its code, such as referral-accepted.",
            pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+){1,5}$",
            max_length=40,
        ),
    ],
)
# That of a template: two words at least.
LETTER_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+){1,5}$"
LetterType = NewType(
    "LetterType",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "What kind of letter, by its entry in the policy, such as dtsen-statement.",
            pattern=LETTER_PATTERN,
            max_length=40,
        ),
    ],
)

PurposeCode = NewType(
    "PurposeCode",
    Annotated[
        str,
        classified(
            DataClass.CODE,
            "A purpose that personal data was asked for, such as additional-assistance.",
            pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+){0,4}$",
            max_length=40,
        ),
    ],
)

# -- plain values: strict, because JSON Schema does not take "yes" for true or 1 for a date ------------------
UrgentFlag = Annotated[
    bool, classified(DataClass.FLAG, "True when help cannot wait for the normal clock.", strict=True)
]
SubjectFlag = Annotated[
    bool, classified(DataClass.FLAG, "True when the case is about a person, false when about a place.", strict=True)
]
RestrictedFlag = Annotated[
    bool,
    classified(DataClass.FLAG, "True when the case is sensitive: only assigned officers may know of it.", strict=True),
]
JustifiedFlag = Annotated[bool, classified(DataClass.FLAG, "What the review of an access found.", strict=True)]
OwnSessionFlag = Annotated[
    bool, classified(DataClass.FLAG, "True when it was done in the resident's own session.", strict=True)
]
ShownToResidentFlag = Annotated[
    bool,
    classified(DataClass.FLAG, "True when whoever has the case's ticket and phone sees it as theirs.", strict=True),
]
SatisfiedFlag = Annotated[bool, classified(DataClass.FLAG, "The resident's answer to 'did it help?'.", strict=True)]
MemberCount = Annotated[
    int, classified(DataClass.COUNT, "How many people belong to the family.", strict=True, ge=0, le=99)
]
RerouteCount = Annotated[
    int, classified(DataClass.COUNT, "How often this need was sent on already.", strict=True, ge=0, le=99)
]
PolicyNumber = Annotated[
    int, classified(DataClass.COUNT, "Which version of a layer's policy, from 1.", strict=True, ge=1, le=999_999)
]
SizeKib = Annotated[
    int,
    classified(DataClass.COUNT, "Size in KiB, rounded up.", strict=True, ge=1, le=102_400),
]
LogPosition = Annotated[
    int,
    classified(DataClass.POSITION, "A place in an audit log, from 1.", strict=True, ge=0, le=9_999_999_999),
]
Digest = Annotated[
    str,
    classified(
        DataClass.DIGEST,
        "64 hexadecimal digits are a SHA-256, 128 an Ed25519 signature.",
        pattern=DIGEST_SHAPE,
        max_length=128,
    ),
]
SealedDay = Annotated[
    date, classified(DataClass.DATE, "A day of UTC, by the sealing service's clock.", shape=DATE_SHAPE, strict=True)
]
EraseBy = Annotated[
    date,
    classified(
        DataClass.DATE,
        "The day of UTC on which 3 x 24 hours from the event's time end: by then the receiver has erased.",
        shape=DATE_SHAPE,
        strict=True,
    ),
]
FirstDutyDay = Annotated[
    date,
    classified(DataClass.DATE, "First day of a duty, in Western Indonesian Time.", shape=DATE_SHAPE, strict=True),
]
LastDutyDay = Annotated[
    date,
    classified(DataClass.DATE, "Last day of a duty, in Western Indonesian Time.", shape=DATE_SHAPE, strict=True),
]
LastValidDay = Annotated[
    date,
    classified(
        DataClass.DATE, "Last day on which a letter holds, in its region's time.", shape=DATE_SHAPE, strict=True
    ),
]
StartDate = Annotated[
    date,
    classified(DataClass.DATE, "First day of the participation, in local time.", shape=DATE_SHAPE, strict=True),
]


def _in_utc(moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta():
        raise ValueError("must be in UTC")
    return moment.astimezone(UTC)


Moment = Annotated[
    datetime,
    AfterValidator(_in_utc),
    classified(DataClass.MOMENT, "When it was, in UTC, by the service's clock.", shape=MOMENT_SHAPE),
]
