#include "net/ws_codec.h"

#include <string.h>

#include "base/text.h"

struct frame {
    bool fin, rsv1;
    unsigned opcode;
    uint64_t len;
    size_t header; /* bytes, with the key */
    const uint8_t *key;
};

static void fail(struct ws_item *item, int code, const char *reason)
{
    item->event = WS_FAIL;
    item->code = code;
    item->reason = reason;
}

/* False: not complete yet. The length is not limited here. */
static bool read_header(struct frame *f, const uint8_t *p, size_t have)
{
    if (have < 2)
        return false;
    f->fin = p[0] >> 7;
    f->rsv1 = (p[0] & 0x40) != 0;
    f->opcode = p[0] & 15;
    f->len = p[1] & 127;
    size_t extra = f->len == 126 ? 2 : f->len == 127 ? 8 : 0;
    f->header = 2 + extra + 4;
    if (have < f->header)
        return false;
    if (extra)
        f->len = 0;
    for (size_t i = 0; i < extra; i++)
        f->len = f->len << 8 | p[2 + i];
    f->key = p + 2 + extra;
    return true;
}

/* What the first two bytes alone can be refused for: at once, whatever follows. */
static const char *first_bytes_wrong(const struct ws_codec *c, const uint8_t *p)
{
    unsigned opcode = p[0] & 15;
    bool control = opcode >= 8;
    if (!(p[1] & 0x80))
        return "frames of a client must be masked";
    if (p[0] & 0x30)
        return "reserved bits are set";
    if ((p[0] & 0x40) && (!c->deflate || control || opcode == 0))
        return "RSV1 is set where it has no meaning";
    if ((opcode > 2 && opcode < 8) || opcode > 10)
        return "unknown opcode";
    if (control && (!(p[0] & 0x80) || (p[1] & 127) > 125))
        return "control frames have at most 125 bytes in one piece";
    if (opcode == 0 && !c->kind)
        return "a continuation without a beginning";
    if ((opcode == 1 || opcode == 2) && c->kind)
        return "a new message inside another";
    return NULL;
}

static void unmask(uint8_t *data, size_t len, const uint8_t key[4])
{
    uint64_t wide;
    uint8_t twice[8];
    for (size_t i = 0; i < 8; i++)
        twice[i] = key[i & 3];
    memcpy(&wide, twice, 8);
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        word ^= wide;
        memcpy(data + i, &word, 8);
    }
    for (; i < len; i++)
        data[i] ^= twice[i & 7];
}

bool ws_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static void read_control(const struct frame *f, uint8_t *payload, struct ws_item *item)
{
    size_t len = (size_t)f->len;
    item->data = payload;
    item->len = len;
    if (f->opcode != WS_OP_CLOSE) {
        item->event = f->opcode == WS_OP_PING ? WS_PING : WS_PONG;
        return;
    }
    item->event = WS_CLOSE;
    item->code = 1005;
    if (len == 0)
        return;
    unsigned code = len >= 2 ? (unsigned)payload[0] << 8 | payload[1] : 0;
    if (!ws_code_valid(code))
        fail(item, 1002, "invalid close code");
    else if (!text_is_utf8(payload + 2, len - 2))
        fail(item, 1007, "the close reason is no UTF-8");
    else
        item->code = (int)code;
}

static void give(struct ws_item *item, unsigned kind, bool deflated, uint8_t *data, size_t len)
{
    item->event = WS_MESSAGE;
    item->kind = kind;
    item->deflated = deflated;
    item->data = data;
    item->len = len;
}

/* A part of a message; true when an item came of it. */
static bool read_part(struct ws_codec *c, const struct frame *f, uint8_t *data, uint8_t *payload,
                      struct ws_item *item)
{
    size_t len = (size_t)f->len;
    if (f->opcode && f->fin) {
        give(item, f->opcode, f->rsv1, payload, len);
        return true;
    }
    if (f->opcode) {
        c->kind = f->opcode;
        c->deflated = f->rsv1;
        c->fragments = 0;
    }
    if (++c->fragments > WS_FRAGMENTS_MAX) {
        fail(item, 1009, "too many fragments");
        return true;
    }
    memmove(data + c->message, payload, len);
    c->message += len;
    if (!f->fin)
        return false;
    give(item, c->kind, c->deflated, data, c->message);
    c->kind = 0;
    c->message = 0;
    return true;
}

static bool too_long(const struct ws_codec *c, const struct frame *f)
{
    unsigned kind = f->opcode ? f->opcode : c->kind;
    size_t max = kind == WS_TEXT ? c->max_text : c->max_binary;
    return f->opcode < 8 && (f->len > max || c->message > max - (size_t)f->len);
}

void ws_next(struct ws_codec *c, uint8_t *data, size_t len, struct ws_item *item)
{
    for (;;) {
        *item = (struct ws_item){.event = WS_MORE};
        struct frame f = {0};
        uint8_t *at = data + c->raw;
        const char *wrong = len - c->raw >= 2 ? first_bytes_wrong(c, at) : NULL;
        if (wrong) {
            fail(item, 1002, wrong);
            return;
        }
        if (!read_header(&f, at, len - c->raw))
            return;
        if (too_long(c, &f)) {
            fail(item, 1009, "the message is too long");
            return;
        }
        if (len - c->raw - f.header < f.len)
            return;
        uint8_t *payload = at + f.header;
        unmask(payload, (size_t)f.len, f.key);
        c->raw += f.header + (size_t)f.len;
        if (f.opcode >= 8) {
            read_control(&f, payload, item);
            return;
        }
        if (read_part(c, &f, data, payload, item))
            return;
    }
}

size_t ws_compact(struct ws_codec *c, uint8_t *data, size_t len)
{
    size_t left = len - c->raw;
    if (c->raw != c->message && left)
        memmove(data + c->message, data + c->raw, left);
    c->raw = c->message;
    return c->message + left;
}

size_t ws_header(uint8_t out[WS_HEADER_MAX], unsigned opcode, size_t len)
{
    out[0] = (uint8_t)(0x80 | opcode);
    size_t extra = len < 126 ? 0 : len < 65536 ? 2 : 8;
    out[1] = (uint8_t)(extra == 0 ? len : extra == 2 ? 126 : 127);
    for (size_t i = 0; i < extra; i++)
        out[2 + i] = (uint8_t)((uint64_t)len >> (8 * (extra - 1 - i)));
    return 2 + extra;
}
