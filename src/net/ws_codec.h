/* WebSocket frames (RFC 6455), server side. Pure: works on a buffer that its caller fills. */
#ifndef NET_WS_CODEC_H
#define NET_WS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_FRAGMENTS_MAX 1024
#define WS_HEADER_MAX 10

enum ws_opcode { WS_TEXT = 1, WS_BINARY = 2, WS_OP_CLOSE = 8, WS_OP_PING = 9, WS_OP_PONG = 10 };

struct ws_codec {
    size_t max_text, max_binary; /* bytes of a message as sent */
    bool deflate;                /* permessage-deflate was agreed */

    unsigned kind; /* of the message in parts, 0: none */
    bool deflated;
    unsigned fragments;
    size_t message; /* data[0, message) is the message in parts so far */
    size_t raw;     /* data[raw, len) is not read yet */
};

enum ws_event { WS_MORE, WS_MESSAGE, WS_PING, WS_PONG, WS_CLOSE, WS_FAIL };

struct ws_item {
    enum ws_event event;
    unsigned kind; /* WS_MESSAGE: WS_TEXT or WS_BINARY */
    bool deflated;
    uint8_t *data; /* unmasked, inside the buffer; valid until the next call */
    size_t len;
    int code; /* WS_CLOSE: the peer's (1005: none); WS_FAIL: ours */
    const char *reason;
};

/* The next thing in data[0, len). Text of messages is not checked for UTF-8 (it may be compressed);
 * reasons of a close are. After WS_FAIL nothing more can be read. */
void ws_next(struct ws_codec *codec, uint8_t *data, size_t len, struct ws_item *item);

/* Moves what is not read yet to the front, behind the message in parts. Returns the new length. */
size_t ws_compact(struct ws_codec *codec, uint8_t *data, size_t len);

/* Header of an unmasked final frame. Returns its size. */
size_t ws_header(uint8_t out[WS_HEADER_MAX], unsigned opcode, size_t len);

/* True for codes that may stand in a close frame. */
bool ws_code_valid(unsigned code);

#endif
