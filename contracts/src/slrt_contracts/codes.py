"""Code lists: every value that an event may carry by name, closed ones and extensible ones.

A **closed** list changes only with a new major version of the event. An **extensible** list may gain a value
in any release, so a consumer built today must live with tomorrow's value: such a field is declared
`Open[Sector]`, which the type checker sees as `Sector | UnknownCode`. Constructing an event takes known
values only; decoding one keeps a value that this build does not know as an `UnknownCode`, which is a `str`.
"""

import re
from enum import StrEnum
from typing import Annotated, Any, TypeVar, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from slrt_contracts.types import CLASS_KEY, EXTENSIBLE_KEY, LIST_KEY, DataClass

READING = "slrt-reading"
"""Validation context under which values from a newer contract are accepted."""

CODE_SHAPE = "[A-Za-z][A-Za-z0-9_-]{0,39}"
"""What a value of any code list looks like; one that this build does not know must look like it too."""

_CODE = re.compile(CODE_SHAPE)


class UnknownCode(str):
    """A value of an extensible list that a newer producer knows and this build does not."""

    __slots__ = ()


class Code(StrEnum):
    """A code list; its values are the words on the wire."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Replace what pydantic would write."""
        del schema, handler
        return cls.list_schema()

    @classmethod
    def list_schema(cls) -> JsonSchemaValue:
        """Return the JSON Schema of a value of the list: its words, its name and its class."""
        return {
            "type": "string",
            "enum": [member.value for member in cls],
            "description": (cls.__doc__ or "").strip(),
            LIST_KEY: cls.__name__,
            CLASS_KEY: DataClass.CODE.value,
        }


def _newer_code(value: str, info: ValidationInfo) -> UnknownCode:
    if info.context != READING or not _CODE.fullmatch(value):
        raise ValueError("not a code")  # the union below says which list
    return UnknownCode(value)


class _OpenList:
    """Read unknown values of a code list, refuse to write them."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        codes: type[Code] = get_args(source)[0]
        # Left to right, so that a known code, the normal case, never calls into Python.
        return core_schema.union_schema(
            [
                handler.generate_schema(codes),
                core_schema.with_info_after_validator_function(_newer_code, core_schema.str_schema(strict=True)),
            ],
            mode="left_to_right",
            custom_error_type="unknown_code",
            custom_error_message=f"not a value of the code list {codes.__name__}",
            metadata={"code_list": codes},
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del handler
        codes: type[Code] = schema["metadata"]["code_list"]
        return codes.list_schema() | {EXTENSIBLE_KEY: True}


_AnyCode = TypeVar("_AnyCode", bound=Code)
Open = Annotated[_AnyCode | UnknownCode, _OpenList()]
"""`Open[Sector]`: a value of an extensible list, possibly newer than this build."""


# -- extensible lists ----------------------------------------------------------------------------------------
class Sector(Code):
    """Service sector of a need."""

    KESEHATAN = "kesehatan"
    PENDIDIKAN = "pendidikan"
    SOSIAL_EKONOMI = "sosial_ekonomi"
    PANGAN = "pangan"
    ENERGI = "energi"
    INFRASTRUKTUR = "infrastruktur"
    PERTANIAN = "pertanian"
    PERIKANAN = "perikanan"
    PERUMAHAN = "perumahan"
    ADMINDUK = "adminduk"
    KETENAGAKERJAAN = "ketenagakerjaan"


class ProgrammeCode(Code):
    """Programme of the catalogue."""

    PBI_JK = "PBI-JK"
    JKN_APBD = "JKN-APBD"
    JAMPERSAL = "JAMPERSAL"
    PIP = "PIP"
    KIP_K = "KIP-K"
    PKH = "PKH"
    BLT_DD = "BLT-DD"
    KUBE = "KUBE"
    REHSOS = "REHSOS"
    TELANTAR = "TELANTAR"
    ODGJ = "ODGJ"
    YATIM = "YATIM"
    SANTUNAN = "SANTUNAN"
    BENCANA = "BENCANA"
    ZAKAT = "ZAKAT"
    TRANSPORT = "TRANSPORT"
    SPMB = "SPMB"
    BOP_RAWAT = "BOP-RAWAT"
    BLT_DBHCHT = "BLT-DBHCHT"
    PBB = "PBB"
    SEMBAKO = "SEMBAKO"
    SUB_LISTRIK = "SUB-LISTRIK"
    SUB_LPG = "SUB-LPG"
    JALAN = "JALAN"
    BPBL = "BPBL"
    SUB_PUPUK = "SUB-PUPUK"
    PERIKANAN = "PERIKANAN"
    RUTILAHU = "RUTILAHU"
    ADMINDUK = "ADMINDUK"
    KERJA = "KERJA"


class NeedCode(Code):
    """What is needed: the programme asked for, or a local service without a programme."""

    PBI_JK = "PBI-JK"
    JKN_APBD = "JKN-APBD"
    JAMPERSAL = "JAMPERSAL"
    PIP = "PIP"
    KIP_K = "KIP-K"
    PKH = "PKH"
    BLT_DD = "BLT-DD"
    KUBE = "KUBE"
    REHSOS = "REHSOS"
    TELANTAR = "TELANTAR"
    ODGJ = "ODGJ"
    YATIM = "YATIM"
    SANTUNAN = "SANTUNAN"
    BENCANA = "BENCANA"
    ZAKAT = "ZAKAT"
    TRANSPORT = "TRANSPORT"
    SPMB = "SPMB"
    BOP_RAWAT = "BOP-RAWAT"
    BLT_DBHCHT = "BLT-DBHCHT"
    PBB = "PBB"
    SEMBAKO = "SEMBAKO"
    SUB_LISTRIK = "SUB-LISTRIK"
    SUB_LPG = "SUB-LPG"
    JALAN = "JALAN"
    BPBL = "BPBL"
    SUB_PUPUK = "SUB-PUPUK"
    PERIKANAN = "PERIKANAN"
    RUTILAHU = "RUTILAHU"
    ADMINDUK = "ADMINDUK"
    KERJA = "KERJA"
    DOMISILI = "DOMISILI"
    SKTM = "SKTM"
    KEKERASAN = "KEKERASAN"
    ANAK = "ANAK"
    HIV = "HIV"
    LAINNYA = "LAINNYA"


class FunctionCode(Code):
    """What an office does, whatever it is called in its region."""

    SOSIAL = "SOSIAL"
    PENDIDIKAN = "PENDIDIKAN"
    KESEHATAN = "KESEHATAN"
    DUKCAPIL = "DUKCAPIL"
    PUPR = "PUPR"
    PERKIM = "PERKIM"
    NAKER = "NAKER"
    PMD = "PMD"
    P3A = "P3A"
    PERTANIAN = "PERTANIAN"
    PERIKANAN = "PERIKANAN"
    PERINDAG = "PERINDAG"
    ESDM = "ESDM"
    BPBD = "BPBD"
    BAPPEDA = "BAPPEDA"
    KEMENAG = "KEMENAG"
    BPJS_KES = "BPJS-KES"
    PLN = "PLN"
    BAZNAS = "BAZNAS"
    KECAMATAN = "KECAMATAN"
    SLRT = "SLRT"
    TRANSPORT = "TRANSPORT"


class OutcomeCode(Code):
    """How a need ended."""

    FULFILLED = "fulfilled"
    PARTLY = "partly"
    EXPLAINED_ONLY = "explained_only"
    NOT_ELIGIBLE = "not_eligible"
    PROPOSED_WAITING_QUOTA = "proposed_waiting_quota"
    OTHER_OWNER = "other_owner"
    PERSON_UNREACHABLE = "person_unreachable"
    DIED_MOVED = "died_moved"


class DeclineReason(Code):
    """Why an office does not take a referral, or why it is sent on."""

    OTHER_OWNER = "other_owner"
    OUT_OF_AREA = "out_of_area"
    NOT_ELIGIBLE = "not_eligible"
    DOCUMENTS_MISSING = "documents_missing"
    QUOTA_FULL = "quota_full"
    DUPLICATE = "duplicate"
    UNCLEAR = "unclear"


class ErasureReason(Code):
    """Why personal data are erased (UU 27/2022, article 43)."""

    NO_LONGER_NEEDED = "no_longer_needed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    REQUESTED = "requested"
    UNLAWFUL = "unlawful"


class FileClass(Code):
    """What a file that was attached to a case shows."""

    HOUSE = "house"
    ID_CARD = "id_card"
    FAMILY_CARD = "family_card"
    LETTER = "letter"
    MEDICAL = "medical"
    OTHER = "other"


class MediaType(Code):
    """Type of a file's content (IANA media type)."""

    JPEG = "image-jpeg"
    PNG = "image-png"
    WEBP = "image-webp"
    PDF = "application-pdf"


class RemovalReason(Code):
    """Why a file was taken away from a case."""

    WRONG_CASE = "wrong_case"
    WRONG_PERSON = "wrong_person"
    UNREADABLE = "unreadable"
    NOT_NEEDED = "not_needed"


class LetterRevocation(Code):
    """Why a letter holds no longer."""

    WRONG_DATA = "wrong_data"
    CIRCUMSTANCES_CHANGED = "circumstances_changed"
    REPLACED = "replaced"
    OBTAINED_BY_DECEIT = "obtained_by_deceit"
    LOST = "lost"


class ConsentEnd(Code):
    """How a consent ended; why somebody withdrew is theirs, and told to nobody."""

    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Channel(Code):
    """How the case came in."""

    FACILITATOR = "facilitator"
    FRONT_OFFICE = "front_office"
    PUSKESOS = "puskesos"
    SUPERVISOR = "supervisor"
    WHATSAPP = "whatsapp"
    PHONE = "phone"
    EMAIL = "email"
    WEB = "web"
    PAPER = "paper"
    PARTNER = "partner"


class CaseKind(Code):
    """What somebody came with (Kemensos FO-BO manual: pertanyaan, saran, pengaduan)."""

    QUESTION = "question"
    SUGGESTION = "suggestion"
    COMPLAINT = "complaint"


class Concern(Code):
    """Whom a case is about: a person, a family on one card, all in one house, a group such as a hamlet, or a place."""

    INDIVIDUAL = "individual"
    FAMILY = "family"
    HOUSEHOLD = "household"
    GROUP = "group"
    PLACE = "place"


class NeedSubject(Code):
    """What a need is about: a programme that they are in (kepesertaan), one that they are not in (kebutuhan), or a
    complaint (keluhan)."""

    PARTICIPATION = "participation"
    NEED = "need"
    COMPLAINT = "complaint"


class GrievanceType(Code):
    """What is wrong, in the words of PublicSchema.

    The decision table of the Unified Database (TNP2K, 2015) has them so: a household that should be listed is an
    exclusion error, a wrong welfare status a data correction, somebody listed who is not entitled an inclusion error,
    trouble with how a programme runs service quality, and how staff behave misconduct.
    """

    EXCLUSION_ERROR = "exclusion_error"
    INCLUSION_ERROR = "inclusion_error"
    PAYMENT_COMPLAINT = "payment_complaint"
    DATA_CORRECTION = "data_correction"
    APPEAL = "appeal"
    SERVICE_QUALITY = "service_quality"
    MISCONDUCT = "misconduct"
    INFORMATION_REQUEST = "information_request"
    OTHER = "other"


class WaitReason(Code):
    """Why one need can only be met after another one."""

    IDENTITY_FIRST = "identity_first"
    REGISTRY_FIRST = "registry_first"
    MEMBERSHIP_FIRST = "membership_first"
    DOCUMENT_FIRST = "document_first"
    OTHER = "other"


class NotificationChannel(Code):
    """How a message reaches the resident."""

    EMAIL = "email"
    WHATSAPP = "whatsapp"


class FailureReason(Code):
    """Why a message will not be delivered."""

    NO_CONTACT = "no_contact"
    OPTED_OUT = "opted_out"
    RECIPIENT_REFUSED = "recipient_refused"
    EXPIRED = "expired"


class NikStatus(Code):
    """How far the population register knows the person's NIK."""

    UNVERIFIED = "unverified"
    MATCHED = "matched"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"
    NONE = "none"


class ParticipationStatus(Code):
    """Where a participation stands."""

    ACTIVE = "active"


class DecidedByLevel(Code):
    """Where the decision was made: the coordinator in the village, the manager in the regency."""

    VILLAGE = "village"
    REGENCY = "regency"


class AttributeName(Code):
    """A fact about a need that routing rules may ask for."""

    ASSET_CLASS = "asset_class"
    CENTRE_LINE = "centre_line"
    GRID_NEARBY = "grid_nearby"
    HAS_NIK = "has_nik"
    AGE_BAND = "age_band"
    SCHOOL_LEVEL = "school_level"
    SCHOOL_STATUS = "school_status"
    DOCUMENT = "document"
    DESTINATION = "destination"
    RETURN_TRIP = "return_trip"


class AttributeValue(Code):
    """The value of an attribute; which values go with which name says `catalogue.ATTRIBUTES`."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    NATIONAL_ROAD = "national_road"
    PROVINCIAL_ROAD = "provincial_road"
    REGENCY_ROAD = "regency_road"
    VILLAGE_ROAD = "village_road"
    YELLOW = "yellow"
    WHITE = "white"
    UNDER_FIVE = "under_five"
    CHILD = "child"
    ADULT = "adult"
    ELDERLY = "elderly"
    PRIMARY = "primary"
    JUNIOR = "junior"
    SENIOR = "senior"
    HIGHER = "higher"
    ENROLLED = "enrolled"
    OUT_OF_SCHOOL = "out_of_school"
    IDENTITY_CARD = "identity_card"
    FAMILY_CARD = "family_card"
    BIRTH_CERTIFICATE = "birth_certificate"
    DEATH_CERTIFICATE = "death_certificate"
    CHILD_CARD = "child_card"
    SOCIAL_OFFICE = "social_office"
    REFERRAL_PLACE = "referral_place"
    SCHOOL = "school"
    HOME = "home"


class LookerRole(Code):
    """Who looked at somebody's data, by the role that let them."""

    RESIDENT = "resident"
    FACILITATOR = "facilitator"
    FRONT_OFFICE = "front_office"
    BACK_OFFICE = "back_office"
    SURVEYOR = "surveyor"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    OPD_OFFICER = "opd_officer"
    HEAD_OF_DIVISION = "head_of_division"
    HEAD_OF_OFFICE = "head_of_office"
    PROVINCE_DESK = "province_desk"
    CENTRE_DESK = "centre_desk"
    LEADERSHIP = "leadership"
    PARTNER = "partner"
    ADMIN = "admin"
    AUDITOR = "auditor"
    SERVICE = "service"
    OTHER = "other"


class DutyRole(Code):
    """What somebody is on duty as: those who work on cases and referrals, and those whom they report to."""

    FACILITATOR = "facilitator"
    FRONT_OFFICE = "front_office"
    BACK_OFFICE = "back_office"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    OPD_OFFICER = "opd_officer"
    HEAD_OF_OFFICE = "head_of_office"
    PROVINCE_DESK = "province_desk"
    CENTRE_DESK = "centre_desk"


class LookAction(Code):
    """What was done in a look."""

    READ = "read"
    FIND = "find"
    UNMASK = "unmask"
    TRACK = "track"
    SESSION = "session"
    EXPORT = "export"


class LookObject(Code):
    """What kind of data was looked at."""

    CASE = "case"
    CASE_PARTIES = "case-parties"
    CASE_CONTACT = "case-contact"
    RESIDENT_CODE = "resident-code"
    PERSON = "person"
    FAMILY = "family"
    REFERRAL = "referral"
    ATTACHMENT = "attachment"
    LETTER = "letter"


class LookPurpose(Code):
    """What a look was for: a purpose that may be stated, or that none was, or another than today's."""

    CASE_HANDLING = "case-handling"
    IDENTITY_CHECK = "identity-check"
    CONTACT_RESIDENT = "contact-resident"
    LETTER = "letter"
    DATA_CORRECTION = "data-correction"
    REFERRAL_SERVICE = "referral-service"
    EMERGENCY_HELP = "emergency-help"
    ADDITIONAL_ASSISTANCE = "additional-assistance"
    REGISTRY_RECORD = "registry-record"
    RESIDENT_MESSAGE = "resident-message"
    RESIDENT_CODE = "resident-code"
    RESIDENT_REQUEST = "resident-request"
    REPORTING = "reporting"
    PROGRAMME_MATCHING = "programme-matching"
    DATA_UPDATE = "data-update"
    SUPERVISION = "supervision"
    OTHER = "other"
    NOT_STATED = "not-stated"


class ClockOwner(Code):
    """Whose time passes on a clock: a role in the case's region, an office, or the resident."""

    FACILITATOR = "facilitator"
    FRONT_OFFICE = "front_office"
    BACK_OFFICE = "back_office"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    OFFICE = "office"
    RESIDENT = "resident"


class ClockAudience(Code):
    """Who hears of a clock, by their place on the reporting line."""

    OWNER = "owner"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    HEAD_OF_OFFICE = "head_of_office"
    OFFICE_HEAD = "office_head"
    NEXT_LEVEL = "next_level"


class ClockPauseReason(Code):
    """Why no time counts on a clock."""

    WAITING_FOR_RESIDENT = "waiting_for_resident"
    EXTERNAL_DECISION = "external_decision"


class ClockExtensionReason(Code):
    """Why somebody asks for more time."""

    DOCUMENTS_MISSING = "documents_missing"
    FIELD_VISIT = "field_visit"
    OTHER_OFFICE = "other_office"
    MANY_AT_ONCE = "many_at_once"
    DISASTER = "disaster"


class ClockMoveCause(Code):
    """Why a clock is due at another instant than before."""

    RESUMED = "resumed"
    EXTENDED = "extended"
    CALENDAR_CHANGED = "calendar_changed"
    CLASS_CHANGED = "class_changed"
    POLICY_CHANGED = "policy_changed"


class StallKind(Code):
    """What something that is open lacks, so that it would stop without a sound."""

    NO_OWNER = "no_owner"
    NO_CLOCK = "no_clock"
    NO_NEXT_ACTION = "no_next_action"
    ENDLESS_PAUSE = "endless_pause"
    NOT_ON_ITS_WAY = "not_on_its_way"
    NO_ESCALATION = "no_escalation"
    EFFECT_FAILING = "effect_failing"
    NO_ROSTER = "no_roster"


# -- closed lists --------------------------------------------------------------------------------------------
class RegistryStatus(Code):
    """What the welfare registry said when the case was screened."""

    LISTED = "listed"
    NOT_LISTED = "not_listed"
    UNKNOWN = "unknown"


class Recommendation(Code):
    """What the back office proposes for a need."""

    REFER = "refer"
    SOLVE_LOCALLY = "solve_locally"


class NeedDecision(Code):
    """What was decided for a need."""

    REFER = "refer"
    SOLVED_LOCALLY = "solved_locally"


class ClosedBy(Code):
    """Who ended the case: the resident's answer, or the rule for those who never answer."""

    RESIDENT = "resident"
    POLICY = "policy"
