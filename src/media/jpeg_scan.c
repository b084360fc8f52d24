/* Source: ITU-T T.81, annexes B (markers), C and F (Huffman codes). */
#include "media/jpeg_scan.h"

#include <string.h>

#include "media/bytes.h"
#include "media/image.h"
#include "media/jpeg_marker.h"

const uint8_t scan_zigzag[SCAN_BLOCK] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

struct head {
    struct jpeg_scan *scan;
    uint16_t steps[4][SCAN_BLOCK]; /* natural order */
    bool has_steps[4];
    int quant_of[3];
    bool framed;
};

/* ---- tables ---- */

static bool make_codes(struct scan_table *t, const uint8_t counts[16])
{
    int32_t code = 0;
    int used = 0;
    memset(t->fast, 0, sizeof t->fast);
    memset(t->length, 0, sizeof t->length);
    for (int length = 1; length <= SCAN_CODE_BITS; length++, code *= 2) {
        t->first[length] = used - code;
        for (int i = 0; i < counts[length - 1]; i++, code++, used++) {
            uint8_t symbol = t->symbols[used];
            if (code >= 1 << length || t->length[symbol])
                return false;
            t->code[symbol] = (uint16_t)code;
            t->length[symbol] = (uint8_t)length;
            for (int k = 0; length <= SCAN_FAST && k < 1 << (SCAN_FAST - length); k++)
                t->fast[(code << (SCAN_FAST - length)) + k] = (uint16_t)(length << 8 | symbol);
        }
        t->most[length] = counts[length - 1] ? code - 1 : -1;
    }
    t->present = true;
    return true;
}

static bool read_huffman(struct jpeg_scan *scan, const uint8_t *body, size_t size)
{
    while (size >= 17) {
        int sum = 0, kind = body[0] >> 4, number = body[0] & 15;
        for (int i = 1; i <= 16; i++)
            sum += body[i];
        if (kind > 1 || number > 3 || sum > 256 || size < 17 + (size_t)sum)
            return false;
        struct scan_table *t = &scan->tables[kind][number];
        memcpy(t->symbols, body + 17, (size_t)sum);
        if (!make_codes(t, body + 1))
            return false;
        body += 17 + sum;
        size -= 17 + (size_t)sum;
    }
    return size == 0;
}

static bool read_steps(struct head *head, const uint8_t *body, size_t size)
{
    while (size > 0) {
        int wide = body[0] >> 4, number = body[0] & 15;
        size_t length = wide ? 2 * SCAN_BLOCK : SCAN_BLOCK;
        if (wide > 1 || number > 3 || size < 1 + length)
            return false;
        for (int i = 0; i < SCAN_BLOCK; i++) {
            unsigned step = wide ? (unsigned)get_be(body + 1 + 2 * i, 2) : body[1 + i];
            if (!step)
                return false;
            head->steps[number][scan_zigzag[i]] = (uint16_t)step;
        }
        head->has_steps[number] = true;
        body += 1 + length;
        size -= 1 + length;
    }
    return true;
}

/* ---- headers ---- */

static bool sampling_is_known(const struct jpeg_scan *scan)
{
    const struct scan_component *c = scan->components;
    if (scan->count == 1)
        return true;
    return c[0].h >= 1 && c[0].h <= 2 && c[0].v >= 1 && c[0].v <= 2 && c[1].h == 1 && c[1].v == 1 &&
           c[2].h == 1 && c[2].v == 1;
}

static fov_status read_frame(struct head *head, const uint8_t *body, size_t size)
{
    struct jpeg_scan *scan = head->scan;
    if (head->framed || size < 6 || (body[5] != 1 && body[5] != 3) || size != 6 + 3u * body[5] ||
        body[0] != 8)
        return FOV_EUNSUPPORTED;
    head->framed = true;
    scan->height = (int)get_be(body + 1, 2);
    scan->width = (int)get_be(body + 3, 2);
    scan->count = body[5];
    if (image_check_size(scan->width, scan->height, NULL) != FOV_OK)
        return FOV_EFORMAT;
    for (int i = 0; i < scan->count; i++) {
        const uint8_t *c = body + 6 + 3 * i;
        scan->components[i].id = c[0];
        scan->components[i].h = scan->count == 1 ? 1 : c[1] >> 4; /* alone, a block is an MCU */
        scan->components[i].v = scan->count == 1 ? 1 : c[1] & 15;
        head->quant_of[i] = c[2];
    }
    bool rgb = scan->count == 3 && scan->components[0].id == 'R';
    scan->mcu_width = 8 * scan->components[0].h;
    scan->mcu_height = 8 * scan->components[0].v;
    if (rgb || !sampling_is_known(scan))
        return FOV_EUNSUPPORTED;
    scan->columns = (scan->width + scan->mcu_width - 1) / scan->mcu_width;
    scan->rows = (scan->height + scan->mcu_height - 1) / scan->mcu_height;
    return FOV_OK;
}

static fov_status read_scan(struct head *head, const uint8_t *body, size_t size)
{
    struct jpeg_scan *scan = head->scan;
    if (!head->framed || size != 4 + 2u * (unsigned)scan->count || body[0] != scan->count)
        return FOV_EUNSUPPORTED;
    for (int i = 0; i < scan->count; i++) {
        struct scan_component *c = &scan->components[i];
        int dc = body[2 + 2 * i] >> 4, ac = body[2 + 2 * i] & 15, quant = head->quant_of[i];
        if (body[1 + 2 * i] != c->id || dc > 3 || ac > 3 || quant > 3 || !head->has_steps[quant])
            return FOV_EUNSUPPORTED;
        c->dc = &scan->tables[0][dc];
        c->ac = &scan->tables[1][ac];
        if (!c->dc->present || !c->ac->present)
            return FOV_EUNSUPPORTED;
        for (int k = 0; k < SCAN_BLOCK; k++)
            c->quant[k] = 1.0f / (float)head->steps[quant][k];
    }
    const uint8_t *last = body + 1 + 2 * scan->count;
    return last[0] == 0 && last[1] == 63 && last[2] == 0 ? FOV_OK : FOV_EUNSUPPORTED;
}

static fov_status read_segment(struct head *head, int marker, const uint8_t *body, size_t size)
{
    switch (marker) {
    case JPEG_SOF0:
    case JPEG_SOF1:
        return read_frame(head, body, size);
    case JPEG_DHT:
        return read_huffman(head->scan, body, size) ? FOV_OK : FOV_EFORMAT;
    case JPEG_DQT:
        return read_steps(head, body, size) ? FOV_OK : FOV_EFORMAT;
    case JPEG_DRI:
        if (size != 2)
            return FOV_EFORMAT;
        head->scan->interval = (int)get_be(body, 2);
        return FOV_OK;
    case JPEG_APP14: /* Adobe: transform 0 means that the components are no YCbCr */
        return size >= 12 && !memcmp(body, "Adobe", 5) && body[11] == 0 ? FOV_EUNSUPPORTED : FOV_OK;
    case JPEG_SOS:
        return read_scan(head, body, size);
    default:
        return (marker >= JPEG_APP0 && marker <= JPEG_APP15) || marker == JPEG_COM
                   ? FOV_OK
                   : FOV_EUNSUPPORTED;
    }
}

/* The marker behind the coded bytes must be the end of the picture. */
static fov_status find_end(struct jpeg_scan *scan, const uint8_t *bytes, size_t size)
{
    size_t at = scan->begin;
    for (;;) {
        const uint8_t *found = at < size ? memchr(bytes + at, 0xFF, size - at) : NULL;
        if (!found || found + 1 >= bytes + size)
            return FOV_EFORMAT;
        at = (size_t)(found - bytes);
        if (found[1] == JPEG_EOI) {
            scan->end = at;
            return FOV_OK;
        }
        bool restart = found[1] >= JPEG_RST0 && found[1] <= JPEG_RST7 && scan->interval > 0;
        if (found[1] != 0 && !restart)
            return FOV_EUNSUPPORTED;
        at += 2;
    }
}

fov_status jpeg_scan_read(struct jpeg_scan *scan, const uint8_t *bytes, size_t size)
{
    struct head head = {.scan = scan};
    size_t at = 2;
    memset(scan, 0, sizeof *scan);
    if (size < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8)
        return FOV_EFORMAT;
    for (int marker = 0; marker != JPEG_SOS;) {
        while (at < size && bytes[at] == 0xFF && at + 1 < size && bytes[at + 1] == 0xFF)
            at++; /* fill bytes */
        if (size - at < 4 || bytes[at] != 0xFF)
            return FOV_EFORMAT;
        marker = bytes[at + 1];
        size_t length = get_be(bytes + at + 2, 2);
        if (length < 2 || length > size - at - 2)
            return FOV_EFORMAT;
        fov_status status = read_segment(&head, marker, bytes + at + 4, length - 2);
        if (status)
            return status;
        at += 2 + length;
    }
    scan->begin = at;
    return find_end(scan, bytes, size);
}
