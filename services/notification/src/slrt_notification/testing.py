"""What tests need of notification: the messages that come with its package, without a database."""

from datetime import UTC, datetime

from slrt_kit.clock import Clock
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.regions import NATION
from slrt_kit.testing import FixedClock
from slrt_notification.adapters.message_book import MessageBook
from slrt_notification.domain.messages import MessagePolicy


def packaged_messages(clock: Clock | None = None) -> MessageBook:
    """The messages of all regions, in force since ever."""
    rules = PolicyRules.of("notification")
    book = PolicyBook.of(rules, packaged_documents("slrt_notification", rules))
    return MessageBook(book, clock or FixedClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC)))


def packaged_policy(region: str = NATION) -> MessagePolicy:
    """The messages of one region."""
    return packaged_messages().at(region)
