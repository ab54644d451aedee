"""Envelopes of all kinds, for tests of what becomes of them."""

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from slrt_contracts.envelope import MAX_KEYSEQUENCE, Envelope, source_of
from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.types import EventId

_times = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 — hypothesis adds the zone
    max_value=datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
_traces = st.builds(
    "00-{:032x}-{:016x}-{:02x}".format,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 255),
)
envelopes = st.builds(
    Envelope,
    id=st.uuids().map(EventId),
    type=st.sampled_from(sorted(EVENT_TYPES)),
    source=st.sampled_from(["intake", "referral", "registry", "notification"]).map(source_of),
    subject=st.uuids().map(str),
    time=_times,
    recordedtime=_times,
    keysequence=st.integers(1, MAX_KEYSEQUENCE),
    correlationid=st.uuids(),
    causationid=st.none() | st.uuids().map(EventId),
    traceparent=st.none() | _traces,
)
