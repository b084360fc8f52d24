"""A table of WebSocket cases by the classes of the public suite (its numbers 1-7, 9, 10, 12, 13), written anew.

A case: what a client sends as frames, and the frames that must come back. Each is sent whole, in pieces of 997 bytes and,
where it is short, byte by byte; the answer has to be the same. After a case without an end the connection must still echo.
"""
import random
import socket
import struct
import threading
import zlib

import pytest

from test_websocket import HANDSHAKE, frame, raw, read_frame

TEXT, BINARY, CONTINUE, CLOSE, PING, PONG = 0x81, 0x82, 0x80, 0x88, 0x89, 0x8A
PART, PART_BINARY, MIDDLE = 0x01, 0x02, 0x00  # not the last frame of a message
SHORT = 2000
# The server's limit for a message, in the mode that these cases use.
MEBIBYTE = 1 << 20


def text(payload=b""):
    return frame(TEXT, payload)


def binary(payload=b""):
    return frame(BINARY, payload)


def ping(payload=b""):
    return frame(PING, payload)


def close(code=1000, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


def parts(payload, size, kind=TEXT):
    """A message in frames of `size` bytes."""
    cut = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
    head = [kind & 0x0F] + [MIDDLE] * (len(cut) - 1)
    head[-1] |= 0x80
    return b"".join(frame(first, part) for first, part in zip(head, cut))


def ends(code):
    return [(CLOSE, code)]


HELLO = b"*" * 5
LENGTHS = (0, 1, 125, 126, 127, 128, 65535, 65536)
KAPPA = "κόσμε".encode()

# --- 1 framing ---
FRAMING = [(f"{name} of {length}", send(b"*" * length), [(first, b"*" * length)])
           for name, send, first in (("text", text, TEXT), ("binary", binary, BINARY)) for length in LENGTHS]

# --- 2 pings and pongs ---
ALL_BYTES = bytes(range(0, 250, 2))
PINGS = [
    ("empty ping", ping(), [(PONG, b"")]),
    ("ping with text", ping(HELLO), [(PONG, HELLO)]),
    ("ping with bytes that are no text", ping(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), [(PONG, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")]),
    ("the longest ping", ping(ALL_BYTES), [(PONG, ALL_BYTES)]),
    ("a ping too long", ping(b"\xfe" * 126), ends(1002)),
    ("a pong nobody asked for", frame(PONG), []),
    ("such a pong with bytes", frame(PONG, HELLO), []),
    ("such a pong, then a ping", frame(PONG, b"x") + ping(b"y"), [(PONG, b"y")]),
    ("ten pings", b"".join(ping(b"%d" % n) for n in range(10)), [(PONG, b"%d" % n) for n in range(10)]),
]

# --- 3 reserved bits, 4 opcodes: alone, after a message, before one, in every kind of frame ---
RESERVED = [(f"bits {bits:#x} in {first:#x}", text(b"a") + frame(first | bits, b"b") + text(b"c"), [(TEXT, b"a"), *ends(1002)])
            for bits in (0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70) for first in (TEXT, BINARY, CLOSE, PING, PONG)]
OPCODES = [(f"opcode {opcode} {len(payload)} bytes", text(b"a") + frame(0x80 | opcode, payload) + ping(), [(TEXT, b"a"), *ends(1002)])
           for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15) for payload in (b"", b"x")]

# --- 5 messages in parts ---
PARTED = [
    ("a ping in two parts", frame(0x09, b"a") + frame(CONTINUE, b"b"), ends(1002)),
    ("a pong in two parts", frame(0x0A, b"a") + frame(CONTINUE, b"b"), ends(1002)),
    ("a close in two parts", frame(0x08, b"\x03") + frame(CONTINUE, b"\xe8"), ends(1002)),
    ("text in two parts", frame(PART, b"a") + frame(CONTINUE, b"b"), [(TEXT, b"ab")]),
    ("binary in two parts", frame(PART_BINARY, b"\x00") + frame(CONTINUE, b"\xff"), [(BINARY, b"\x00\xff")]),
    ("a ping between two parts", frame(PART, b"a") + ping(b"p") + frame(CONTINUE, b"b"), [(PONG, b"p"), (TEXT, b"ab")]),
    ("a pong between two parts", frame(PART, b"a") + frame(PONG) + frame(CONTINUE, b"b"), [(TEXT, b"ab")]),
    ("five parts with pings", b"".join([frame(PART, b"1"), frame(MIDDLE, b"2"), ping(b"x"), frame(MIDDLE, b"3"), ping(b"y"),
                                       frame(MIDDLE, b"4"), frame(CONTINUE, b"5")]), [(PONG, b"x"), (PONG, b"y"), (TEXT, b"12345")]),
    ("empty parts", frame(PART) + frame(MIDDLE) + frame(CONTINUE), [(TEXT, b"")]),
    ("a continuation of nothing, final", frame(CONTINUE, b"a") + text(b"b"), ends(1002)),
    ("a continuation of nothing, not final", frame(MIDDLE, b"a") + text(b"b"), ends(1002)),
    ("a continuation after a whole message", text(b"a") + frame(MIDDLE, b"b"), [(TEXT, b"a"), *ends(1002)]),
    ("a continuation after a message in parts", frame(PART, b"a") + frame(CONTINUE, b"b") + frame(CONTINUE, b"c"), [(TEXT, b"ab"), *ends(1002)]),
    ("a message inside another", frame(PART, b"a") + text(b"b"), ends(1002)),
    ("a message in parts inside another", frame(PART, b"a") + frame(PART, b"b"), ends(1002)),
    ("binary inside text", frame(PART, b"a") + binary(b"b"), ends(1002)),
    ("a thousand parts", frame(PART, b"a") + frame(MIDDLE, b"a") * 998 + frame(CONTINUE, b"a"), [(TEXT, b"a" * 1000)]),
]

# --- 6 UTF-8: the usual table of right and wrong sequences ---
RIGHT = [b"", b"Hello", KAPPA, b"\x00", b"\x7f", b"\xc2\x80", b"\xdf\xbf", b"\xe0\xa0\x80", b"\xed\x9f\xbf", b"\xee\x80\x80",
         b"\xef\xbf\xbd", b"\xef\xbf\xbf", b"\xef\xbf\xbe", b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf", b"\xf0\x9f\xbf\xbe",
         "Hello-µ@ßöäüàá-UTF-8!!".encode(), "אב ﻢﻧ 漢字 😀".encode()]
WRONG = [b"\x80", b"\xbf", b"\x80\xbf\x80\xbf", bytes(range(0x80, 0xC0)), b"\xc0 \xc1 ", b"\xe0 \xef ", b"\xf0 \xf7 ", b"\xf8 \xfb ",
         b"\xfc \xfd ", b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xf4\x8f\xbf", b"\xfe", b"\xff",
         b"\xfe\xfe\xff\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf",
         b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf", b"\xc0\x80", b"\xf8\x80\x80\x80\x80", b"\xed\xa0\x80", b"\xed\xad\xbf",
         b"\xed\xae\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80", b"\xed\xbe\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80",
         b"\xf4\x90\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xf8\x88\x80\x80\x80", b"\xfd\xbf\xbf\xbf\xbf\xbf"]
UTF8 = [(f"right {one.hex()}", send(one), [(TEXT, one)]) for one in RIGHT for send in (text, lambda one: parts(one, 1))]
UTF8 += [(f"wrong {one.hex()} {name}", send(KAPPA + one + b"edited"), ends(1007)) for one in WRONG
         for name, send in (("whole", text), ("in parts", lambda one: parts(one, 1)))]
UTF8 += [(f"wrong at the end {one.hex()}", text(KAPPA + one), ends(1007)) for one in WRONG]
UTF8 += [(f"binary may be anything {one.hex()}", binary(one), [(BINARY, one)]) for one in WRONG]

# --- 7 closing ---
REASON = "ä".encode() * 61 + b"!"
CLOSING = [
    ("a message, then a close", text(b"a") + close(), [(TEXT, b"a"), *ends(1000)]),
    ("two closes", close() + close(), ends(1000)),
    ("a ping after the close", close() + ping(), ends(1000)),
    ("a message after the close", close() + text(b"a"), ends(1000)),
    ("a close between two parts", frame(PART, b"a") + close() + frame(CONTINUE, b"b"), ends(1000)),
    ("a quarter of a megabyte, then a close", text(b"B" * 262144) + close() + ping(), [(TEXT, b"B" * 262144), *ends(1000)]),
    ("a close without a code", frame(CLOSE), ends(None)),
    ("a close with half a code", frame(CLOSE, b"\x03"), ends(1002)),
    ("a close with a reason", close(1000, b"bye"), ends(1000)),
    ("the longest reason", close(1000, REASON), ends(1000)),
    ("a reason too long", frame(CLOSE, b"\x03\xe8" + b"*" * 124), ends(1002)),
    ("a reason that is no text", close(1000, b"\xce\xba\xed\xa0\x80"), ends(1007)),
]
CLOSING += [(f"code {code}", close(code), ends(code)) for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
                                                                  3000, 3999, 4000, 4999)]
CLOSING += [(f"code {code} that may not be sent", close(code, b"x"), ends(1002)) for code in (0, 999, 1004, 1005, 1006, 1015, 1016,
                                                                                             1100, 2000, 2999, 5000, 65535)]

# --- 9 sizes and numbers, 10 parts of a fixed size ---
SIZES = [(f"{kind.__name__} of {length}", kind(b"*" * length), [(first, b"*" * length)])
         for kind, first in ((text, TEXT), (binary, BINARY)) for length in (65536, 262144, MEBIBYTE, 4 * MEBIBYTE, 8 * MEBIBYTE)]
SIZES += [(f"4 MiB in parts of {size}", parts(b"*" * 4 * MEBIBYTE, size, BINARY), [(BINARY, b"*" * 4 * MEBIBYTE)])
          for size in (4096, 16384, 65536, MEBIBYTE)]
SIZES += [(f"1000 messages of {length}", text(b"*" * length) * 1000, [(TEXT, b"*" * length)] * 1000) for length in (0, 16, 64, 256, 1024)]
SIZES += [("64 KiB in parts of 1300", parts(b"*" * 65536, 1300), [(TEXT, b"*" * 65536)])]

CLASSES = {"1 framing": FRAMING, "2 pings": PINGS, "3 reserved bits": RESERVED, "4 opcodes": OPCODES, "5 parts": PARTED,
           "6 utf-8": UTF8, "7 closing": CLOSING, "9 and 10 sizes": SIZES}


def offer(server, extension):
    """A connection that asked for this extension, and the server's word on it."""
    head = (HANDSHAKE % b"/ws/echo?deflate=1").replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: " + extension + b"\r\n\r\n")
    sock = server.connect(head)
    sock.settimeout(5)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return sock, answer


def send_cut(sock, data, size):
    """In pieces; the peer may have ended the connection meanwhile."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for at in range(0, len(data), size):
            sock.sendall(data[at:at + size])
    except (BrokenPipeError, ConnectionResetError):
        pass


def check(sock, name, wanted):
    for first, payload in wanted:
        came = read_frame(sock)
        if first == CLOSE:
            code = struct.unpack(">H", came[1][:2])[0] if came[1] else None
            assert came[0] == CLOSE and code == payload, f"{name}: {came[0]:#x} {code} came, not a close with {payload}"
            try:
                assert sock.recv(1) == b"", f"{name}: something after the close"
            except ConnectionResetError:
                pass  # what was still on its way to a server that does not listen any more
            return
        assert came == (first, payload), f"{name}: {came[0]:#x} with {len(came[1])} bytes came"
    sock.sendall(text(b"still here"))
    assert read_frame(sock) == (TEXT, b"still here"), f"{name}: the connection is of no use any more"


@pytest.mark.parametrize("name", CLASSES)
def test_class(server, name):
    for what, data, wanted in CLASSES[name]:
        sizes = [len(data) or 1, 997] + ([1] if len(data) < SHORT else [])
        for size in sizes[:1] if len(data) > MEBIBYTE else sizes:
            with raw(server) as sock:
                if len(data) > 1 << 17:  # read while it is sent, or both sides would wait
                    threading.Thread(target=send_cut, args=(sock, data, size), daemon=True).start()
                else:
                    send_cut(sock, data, size)
                check(sock, f"{what}, in pieces of {size}", wanted)
    server.wait_stats(sockets=0, buffered=0)


# --- 12, 13 compression -------------------------------------------------------------------------------------------

OFFERS = [b"permessage-deflate", b"permessage-deflate; client_max_window_bits",
          b"permessage-deflate; server_no_context_takeover", b"permessage-deflate; server_no_context_takeover; client_max_window_bits",
          b"permessage-deflate; server_max_window_bits=9", b"permessage-deflate; client_max_window_bits; server_max_window_bits=15",
          b"permessage-deflate; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=8",
          b"permessage-deflate; server_max_window_bits=99, permessage-deflate; client_max_window_bits"]


def squeeze(payload, level, bits):
    """One message as a peer that keeps no context compresses it."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -bits)
    packed = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
    return packed[:-4]


def payloads():
    rng = random.Random(3)
    words = [bytes(rng.choices(b"abcdefghij {}\":,", k=rng.randrange(2, 9))) for _ in range(200)]
    for length in (0, 1, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072):
        yield b"".join(rng.choices(words, k=length // 4 + 1))[:length]
    yield rng.randbytes(70000)
    yield bytes(MEBIBYTE)


@pytest.mark.parametrize("extension", OFFERS)
def test_compression(server, extension):
    """Compressed at several levels and windows, whole and in parts with pings between; plain ones among them."""
    sock, answer = offer(server, extension)
    with sock:
        assert b"permessage-deflate; server_no_context_takeover; client_no_context_takeover" in answer
        for number, payload in enumerate(payloads()):
            for level, bits in ((1, 15), (9, 9), (6, 12)):
                packed = squeeze(payload, level, bits)
                sock.sendall(frame(0xC2, packed))
                assert read_frame(sock) == (BINARY, payload), (number, level)
                third = len(packed) // 3
                sock.sendall(frame(0x42, packed[:third]) + ping(b"x") + frame(MIDDLE, packed[third:2 * third]) +
                             frame(CONTINUE, packed[2 * third:]))
                assert read_frame(sock) == (PONG, b"x") and read_frame(sock) == (BINARY, payload), (number, level)
            sock.sendall(binary(payload[:1000]))
            assert read_frame(sock) == (BINARY, payload[:1000]), "not every message has to be compressed"


def test_thousand_compressed_messages(server):
    sock, _ = offer(server, OFFERS[0])
    with sock:
        message = b'{"type":"frame","frame_id":7,"detections":[]}' * 20
        packed = frame(0xC1, squeeze(message, 6, 15))
        for _ in range(10):
            sock.sendall(packed * 100)
            for _ in range(100):
                assert read_frame(sock) == (TEXT, message)


COMPRESSED_WRONG = [
    ("bytes that are no deflate", frame(0xC2, b"\xff\xff\xff\xff"), 1007),
    ("a block type that does not exist", frame(0xC2, b"\x07\x00"), 1007),
    ("a distance beyond the beginning", frame(0xC2, b"\x4b\x04\x21"), 1007),
    ("text that is no UTF-8 when inflated", frame(0xC1, squeeze(b"\xed\xa0\x80", 6, 15)), 1007),
    ("RSV1 on a ping", frame(0xC9, b""), 1002),
    ("RSV1 on a close", frame(0xC8, b"\x03\xe8"), 1002),
    ("RSV1 on a continuation", frame(0x41, squeeze(b"abc", 6, 15)) + frame(0xC0, b""), 1002),
    ("RSV2 beside RSV1", frame(0xE1, squeeze(b"abc", 6, 15)), 1002),
    ("too long when inflated", frame(0xC2, squeeze(bytes(17 << 20), 9, 15)), 1009),
]


@pytest.mark.parametrize("what, data, code", COMPRESSED_WRONG, ids=[one[0] for one in COMPRESSED_WRONG])
def test_compression_wrong(server, what, data, code):
    sock, _ = offer(server, OFFERS[0])
    with sock:
        sock.sendall(data)
        check(sock, what, ends(code))
    server.wait_stats(sockets=0, buffered=0)
