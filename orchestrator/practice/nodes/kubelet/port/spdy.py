"""SPDY/3.1 as far as kubectl's port-forward uses it: frames in, frames out, no sockets.

It has no flow control, as neither of the two ends that speak it here has.

Source: the SPDY protocol, draft 3.1; header blocks are compressed with its own dictionary.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

VERSION: Final = 0x8003
FIN: Final = 0x01
_LARGEST_FRAME: Final = 1 << 24
_HEAD: Final = struct.Struct("!HHI")


class Broken(Exception):
    """What came is no SPDY."""


class Type(IntEnum):
    """The control frames that matter, and the data frame."""

    DATA = 0
    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, taken apart."""

    type: int
    stream: int = 0
    is_last: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


_NAMES: Final = (
    "options", "head", "post", "put", "delete", "trace", "accept", "accept-charset",
    "accept-encoding", "accept-language", "accept-ranges", "age", "allow", "authorization",
    "cache-control", "connection", "content-base", "content-encoding", "content-language",
    "content-length", "content-location", "content-md5", "content-range", "content-type", "date",
    "etag", "expect", "expires", "from", "host", "if-match", "if-modified-since",
    "if-none-match", "if-range", "if-unmodified-since", "last-modified", "location",
    "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "referer",
    "retry-after", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    "vary", "via", "warning", "www-authenticate", "method", "get", "status", "200 OK",
    "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin",
)  # fmt: skip
_TAIL: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, "
    "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
    "gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY: Final = b"".join(
    struct.pack("!I", len(name)) + name.encode() for name in _NAMES
) + _TAIL.encode()  # fmt: skip


class Reader:
    """Puts frames together from whatever pieces come in."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, content: bytes) -> Iterator[Frame]:
        """The frames that are complete by now.

        Raises: Broken.
        """
        self._buffer.extend(content)
        while len(self._buffer) >= _HEAD.size:
            first, second, rest = _HEAD.unpack_from(self._buffer)
            length = rest & 0xFFFFFF
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEAD.size : end])
            del self._buffer[:end]
            if first & 0x8000:
                if first != VERSION:
                    raise Broken(f"SPDY version {first & 0x7FFF}")
                yield self._control(second, rest >> 24, body)
            else:
                stream = first << 16 | second
                last = bool(rest >> 24 & FIN)
                yield Frame(type=Type.DATA, stream=stream, is_last=last, content=body)

    def _control(self, kind: int, flags: int, body: bytes) -> Frame:
        try:
            stream = struct.unpack_from("!I", body)[0] & 0x7FFFFFFF if body else 0
        except struct.error as error:
            raise Broken("a control frame is too short") from error
        skipped = {Type.SYN_STREAM: 10, Type.SYN_REPLY: 4, Type.HEADERS: 4}.get(Type(kind), 0) if (
            kind in Type.__members__.values()
        ) else 0  # fmt: skip
        headers = self._headers(body[skipped:]) if skipped else {}
        return Frame(
            type=kind, stream=stream, is_last=bool(flags & FIN), headers=headers, content=body
        )

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._inflate.decompress(block, _LARGEST_FRAME)
            count, position, texts = struct.unpack_from("!I", plain)[0], 4, []
            for _ in range(2 * count):
                (size,) = struct.unpack_from("!I", plain, position)
                texts.append(plain[position + 4 : position + 4 + size].decode("latin-1"))
                position += 4 + size
        except (zlib.error, struct.error) as error:
            raise Broken("a block of headers can't be read") from error
        return dict(zip(texts[::2], texts[1::2], strict=True))


class Writer:
    """Makes frames."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def reply(self, stream: int) -> bytes:
        """Accept a stream."""
        block = self._deflate.compress(struct.pack("!I", 0))
        block += self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return self._control(Type.SYN_REPLY, struct.pack("!I", stream) + block)

    def data(self, stream: int, content: bytes, *, is_last: bool = False) -> bytes:
        """Bytes of a stream."""
        length = len(content) | (FIN << 24 if is_last else 0)
        return struct.pack("!II", stream, length) + content

    def reset(self, stream: int, status: int = 5) -> bytes:
        """Give a stream up; unless said, as cancelled."""
        return self._control(Type.RST_STREAM, struct.pack("!II", stream, status))

    def ping(self, number: int) -> bytes:
        """Answer a ping."""
        return self._control(Type.PING, struct.pack("!I", number))

    def _control(self, kind: Type, body: bytes) -> bytes:
        return _HEAD.pack(VERSION, kind, len(body)) + body
