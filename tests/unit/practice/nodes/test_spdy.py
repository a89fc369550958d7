"""SPDY as far as port-forward speaks it: frames come out as they went in, whatever the pieces."""

import struct
import zlib

import pytest

from orchestrator.practice.nodes.kubelet.port.spdy import (
    DICTIONARY,
    Broken,
    Frame,
    Reader,
    Type,
    Writer,
)


class Client:
    """The other end, which opens streams."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def opens(self, stream: int, **headers: str) -> bytes:
        """The frame that opens a stream."""
        block = struct.pack("!I", len(headers))
        for text in (text for pair in headers.items() for text in pair):
            block += struct.pack("!I", len(text)) + text.encode()
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack("!IIBB", stream, 0, 0, 0) + packed
        return struct.pack("!HHI", 0x8003, Type.SYN_STREAM, len(body)) + body


def test_dictionary_is_the_protocols_own() -> None:
    # The checksum of the dictionary is part of every stream that is compressed with it.
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


def test_headers_of_streams_share_one_compression() -> None:
    client, reader = Client(), Reader()
    sent = client.opens(1, streamtype="error", port="80") + client.opens(3, streamtype="data")

    first, second = reader.feed(sent)

    assert (first.stream, dict(first.headers)) == (1, {"streamtype": "error", "port": "80"})
    assert (second.stream, dict(second.headers)) == (3, {"streamtype": "data"})


def test_frames_come_in_any_pieces() -> None:
    writer, reader = Writer(), Reader()
    sent = writer.data(3, b"some bytes") + writer.data(3, b"", is_last=True)

    found = [frame for byte in sent for frame in reader.feed(bytes([byte]))]

    assert found == [
        Frame(type=Type.DATA, stream=3, content=b"some bytes"),
        Frame(type=Type.DATA, stream=3, is_last=True),
    ]


def test_reply_reset_and_ping_are_read_back() -> None:
    writer, reader = Writer(), Reader()

    found = [*reader.feed(writer.reply(1) + writer.reset(3) + writer.ping(5))]

    kinds = [(Type.SYN_REPLY, 1), (Type.RST_STREAM, 3), (Type.PING, 5)]
    assert [(frame.type, frame.stream) for frame in found] == kinds


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x80\x02\x00\x01\x00\x00\x00\x00",
        struct.pack("!HHI", 0x8003, Type.SYN_STREAM, 14) + bytes(14),
        struct.pack("!HHI", 0x8003, Type.PING, 2) + bytes(2),
    ],
)
def test_garbage_is_told_apart(garbage: bytes) -> None:
    with pytest.raises(Broken):
        list(Reader().feed(garbage))
