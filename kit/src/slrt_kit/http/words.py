"""What people read, in both languages, as services show it."""

from typing import Self

from pydantic import BaseModel

from slrt_kit.problems import Text


class Words(BaseModel):
    """The same in Indonesian and in English."""

    id: str
    en: str

    @classmethod
    def of(cls, text: Text) -> Self:
        return cls(id=text.id, en=text.en)
