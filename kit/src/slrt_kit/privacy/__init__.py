"""Personal data at rest: sealed under a key of each subject, found by keyed indexes, destroyed with the key."""

from slrt_kit.privacy.keys import KeyMissingError, SubjectKey
from slrt_kit.privacy.sealing import ERASED, Erased, SealBrokenError
from slrt_kit.privacy.vault import SealedRow, Vault

__all__ = ["ERASED", "Erased", "KeyMissingError", "SealBrokenError", "SealedRow", "SubjectKey", "Vault"]
