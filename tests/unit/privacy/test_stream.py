"""A file that was sealed in chunks opens whole, in its place, or not at all."""

import os
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slrt_kit.privacy import SealBrokenError
from slrt_kit.privacy.stream import CHUNK, ChunkOpener, ChunkSealer, new_file_key, open_stream, seal_stream

KEY = bytes(range(32))
PLACE = b"intake/objects/7"
SEALED_CHUNK = CHUNK + 16
EDGES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK]


def content_of(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def sealed(content: bytes, *, pieces: Sequence[int] = (), place: bytes = PLACE) -> bytes:
    sealer = ChunkSealer(KEY, place)
    given_, at = [], 0
    for size in pieces:
        given_.append(sealer.update(content[at : at + size]))
        at += size
    return b"".join((*given_, sealer.update(content[at:]), sealer.finish()))


def opened(file: bytes, *, pieces: Sequence[int] = (), key: bytes = KEY, place: bytes = PLACE) -> bytes:
    opener = ChunkOpener(key, place)
    given_, at = [], 0
    for size in pieces:
        given_.append(opener.update(file[at : at + size]))
        at += size
    return b"".join((*given_, opener.update(file[at:]), opener.finish()))


def chunks_of(file: bytes) -> list[bytes]:
    return [file[at : at + SEALED_CHUNK] for at in range(1, len(file), SEALED_CHUNK)]


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("lost", [1, 16, 17, SEALED_CHUNK, SEALED_CHUNK + 1])
def test_a_file_that_ends_early_is_refused(size: int, lost: int) -> None:
    file = sealed(content_of(size))
    if lost > len(file):
        return
    with pytest.raises(SealBrokenError):
        opened(file[:-lost])


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("more", [b"\0", b"\0" * 16, b"\0" * SEALED_CHUNK])
def test_a_file_that_goes_on_is_refused(size: int, more: bytes) -> None:
    with pytest.raises(SealBrokenError):
        opened(sealed(content_of(size)) + more)


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1])
def test_another_place_another_key_and_another_form_are_refused(size: int) -> None:
    file = sealed(content_of(size))
    with pytest.raises(SealBrokenError):
        opened(file, place=b"intake/objects/8")
    with pytest.raises(SealBrokenError):
        opened(file, key=new_file_key())
    with pytest.raises(SealBrokenError):
        opened(b"\x02" + file[1:])
    with pytest.raises(SealBrokenError):
        opened(b"")


def test_an_empty_chunk_at_the_end_is_refused_unless_the_file_is_empty() -> None:
    assert opened(sealed(b"")) == b""
    whole = ChunkSealer(KEY, PLACE)
    file = whole.update(content_of(CHUNK + 1))  # one full chunk, as not the last
    forged = ChunkSealer(KEY, PLACE)
    forged._number = 1
    with pytest.raises(SealBrokenError):
        opened(file + forged.finish())


@settings(max_examples=60)
@given(size=st.sampled_from(EDGES), data=st.data())
def test_however_it_is_cut_into_pieces_what_was_sealed_is_opened(size: int, data: st.DataObject) -> None:
    content = content_of(size)
    cuts = st.lists(st.integers(0, CHUNK + 40), max_size=6)
    file = sealed(content, pieces=data.draw(cuts))
    assert file == sealed(content)
    assert len(file) == 1 + size + 16 * max(1, -(-size // CHUNK))
    assert opened(file, pieces=data.draw(cuts)) == content


@settings(max_examples=60)
@given(
    size=st.integers(0, 3 * CHUNK),
    place=st.integers(0, 3 * CHUNK + 64),
    change=st.integers(1, 255),
)
def test_every_altered_byte_is_noticed(size: int, place: int, change: int) -> None:
    file = bytearray(sealed(content_of(size)))
    file[place % len(file)] ^= change
    with pytest.raises(SealBrokenError):
        opened(bytes(file))


@settings(max_examples=60)
@given(size=st.integers(CHUNK + 1, 4 * CHUNK), data=st.data())
def test_chunks_moved_repeated_or_left_out_are_noticed(size: int, data: st.DataObject) -> None:
    file = sealed(content_of(size))
    chunks = chunks_of(file)
    places = data.draw(st.lists(st.integers(0, len(chunks) - 1), max_size=len(chunks) + 1))
    if places == list(range(len(chunks))):
        return
    with pytest.raises(SealBrokenError):
        opened(file[:1] + b"".join(chunks[place] for place in places))


@settings(max_examples=60)
@given(size=st.integers(0, 2 * CHUNK), cut=st.integers(0, 2 * SEALED_CHUNK))
def test_wherever_it_is_cut_off_it_is_noticed(size: int, cut: int) -> None:
    file = sealed(content_of(size))
    if cut >= len(file):
        return
    with pytest.raises(SealBrokenError):
        opened(file[:cut])


def test_what_is_told_before_the_fault_is_what_was_sealed() -> None:
    content = content_of(3 * CHUNK)
    file = bytearray(sealed(content))
    file[-1] ^= 1
    opener = ChunkOpener(KEY, PLACE)
    assert content.startswith(opener.update(bytes(file)))
    with pytest.raises(SealBrokenError):
        opener.finish()


async def test_streams_seal_and_open_piece_by_piece() -> None:
    content, key = os.urandom(CHUNK * 2 + 5), new_file_key()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 1000):
            yield content[at : at + 1000]

    told = [piece async for piece in open_stream(seal_stream(pieces(), key, PLACE), key, PLACE)]
    assert b"".join(told) == content
    assert max(map(len, told)) <= CHUNK
