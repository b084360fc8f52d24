/* One walk over the coded scan. Runs of untouched MCUs are copied as bits; a touched one is coded
 * anew; the first MCU behind it gets new DC differences, as those are coded against the block
 * before. Between restart markers everything starts afresh, so that parts without a touched MCU are
 * not even walked. Source: ITU-T T.81, annex F. */
#include "media/jpeg_splice.h"

#include <stdlib.h>
#include <string.h>

#include "media/image.h"
#include "media/jpeg_scan.h"

enum {
    SHARE_MAX = 15, /* percent of the MCUs: beyond, all is encoded anew (ADR 14) */
    TOUCHED_MAX = 8192,
    BEHIND = 512,     /* zero bytes behind a part: more than a block can read */
    BLOCK_BYTES = 512 /* more than a coded block takes, stuffed */
};

/* Bits of a part without stuffing, most significant first. */
struct reader {
    const uint8_t *bytes;
    size_t at, end; /* bits */
};

struct writer {
    uint8_t *to;
    uint64_t bits; /* the low `count` ones are not written yet */
    int count;
};

struct splice {
    struct jpeg_scan scan;
    struct buffer plain, out, cells; /* a part without stuffing; the result; a byte an MCU */
    const fov_image *image;
    struct reader in;
    struct writer w;
    int before[3], written[3]; /* DC of the last block, in the old file and in the new one */
};

/* ---- bits ---- */

static inline uint64_t peek(const struct reader *in)
{
    uint64_t word;
    memcpy(&word, in->bytes + (in->at >> 3), sizeof word);
    return __builtin_bswap64(word) << (in->at & 7);
}

static void put_byte(struct writer *w, uint8_t byte)
{
    *w->to++ = byte;
    if (byte == 0xFF)
        *w->to++ = 0;
}

/* At most 32 bits. */
static inline void put(struct writer *w, uint32_t value, int count)
{
    w->bits = w->bits << count | value;
    w->count += count;
    if (w->count < 32)
        return;
    uint32_t word = (uint32_t)(w->bits >> (w->count - 32));
    w->count -= 32;
    if (((~word - 0x01010101u) & word & 0x80808080u) == 0) { /* no byte is 255 */
        word = __builtin_bswap32(word);
        memcpy(w->to, &word, sizeof word);
        w->to += 4;
        return;
    }
    for (int shift = 24; shift >= 0; shift -= 8)
        put_byte(w, (uint8_t)(word >> shift));
}

/* The rest of the last byte is ones. */
static void put_end(struct writer *w)
{
    int pad = (8 - w->count % 8) % 8;
    put(w, (1u << pad) - 1, pad);
    for (; w->count > 0; w->count -= 8)
        put_byte(w, (uint8_t)(w->bits >> (w->count - 8)));
}

static void copy_bits(struct splice *s, size_t from, size_t to)
{
    struct reader in = {s->in.bytes, from, to};
    for (; in.at + 32 <= to; in.at += 32)
        put(&s->w, (uint32_t)(peek(&in) >> 32), 32);
    if (in.at < to)
        put(&s->w, (uint32_t)(peek(&in) >> (64 - (to - in.at))), (int)(to - in.at));
}

/* ---- reading ---- */

/* A symbol out of the 64 bits that follow; its length, 0: no code. */
static inline int find_symbol(const struct scan_table *t, uint64_t bits, uint8_t *symbol)
{
    unsigned fast = t->fast[bits >> (64 - SCAN_FAST)];
    if (fast) {
        *symbol = (uint8_t)fast;
        return (int)(fast >> 8);
    }
    for (int length = SCAN_FAST + 1; length <= SCAN_CODE_BITS; length++) {
        int32_t code = (int32_t)(bits >> (64 - length));
        if (code <= t->most[length]) {
            *symbol = t->symbols[t->first[length] + code];
            return length;
        }
    }
    return 0;
}

/* DC difference of a block; false: no such code. */
static bool read_dc(struct reader *in, const struct scan_table *t, int *difference)
{
    uint64_t bits = peek(in);
    uint8_t size;
    int length = find_symbol(t, bits, &size);
    if (!length || size > 11)
        return false;
    *difference = 0;
    if (size > 0) {
        int value = (int)(bits << length >> (64 - size));
        *difference = value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
    }
    in->at += (size_t)(length + size);
    return true;
}

static bool skip_ac(struct reader *in, const struct scan_table *t)
{
    for (int k = 1; k < SCAN_BLOCK; k++) {
        uint8_t symbol;
        int length = find_symbol(t, peek(in), &symbol);
        if (!length)
            return false;
        in->at += (size_t)(length + (symbol & 15));
        if (symbol == 0)
            return true;
        k += symbol >> 4;
        if (k >= SCAN_BLOCK || ((symbol & 15) == 0 && symbol != 0xF0))
            return false;
    }
    return true;
}

/* ---- writing ---- */

static bool put_symbol(struct writer *w, const struct scan_table *t, int symbol)
{
    put(w, t->code[symbol], t->length[symbol]);
    return t->length[symbol] > 0;
}

/* A number's bits behind the symbol that says how many. */
static void put_number(struct writer *w, int value, int size)
{
    put(w, (uint32_t)(value < 0 ? value + (1 << size) - 1 : value), size);
}

static int size_of(int value)
{
    unsigned magnitude = (unsigned)abs(value);
    return magnitude ? 32 - __builtin_clz(magnitude) : 0;
}

static bool put_dc(struct writer *w, const struct scan_table *t, int difference)
{
    int size = size_of(difference);
    bool good = size <= 11 && put_symbol(w, t, size);
    if (good)
        put_number(w, difference, size);
    return good;
}

static bool put_block(struct writer *w, const struct scan_component *c, const int16_t *block,
                      int before)
{
    int run = 0;
    bool good = put_dc(w, c->dc, block[0] - before);
    for (int k = 1; good && k < SCAN_BLOCK; k++) {
        int value = block[scan_zigzag[k]], size = size_of(value);
        if (!value) {
            run++;
            continue;
        }
        for (; good && run > 15; run -= 16)
            good = put_symbol(w, c->ac, 0xF0);
        good = good && put_symbol(w, c->ac, run << 4 | size);
        put_number(w, value, size);
        run = 0;
    }
    return good && (run == 0 || put_symbol(w, c->ac, 0));
}

/* ---- blocks anew ---- */

/* Samples of a block; what lies beyond the picture repeats its edge. */
static void load(const fov_image *image, int plane, int x, int y, float samples[8][8])
{
    int width = image_plane_width(image, plane), height = image_plane_height(image, plane);
    for (int row = 0; row < 8; row++) {
        int at = y + row < height ? y + row : height - 1;
        const uint8_t *from = image->plane[plane] + (ptrdiff_t)at * image->stride[plane];
        uint8_t edge[8];
        for (int i = 0; x + 8 > width && i < 8; i++)
            edge[i] = from[x + i < width ? x + i : width - 1];
        from = x + 8 > width ? edge : from + x;
        for (int i = 0; i < 8; i++)
            samples[row][i] = (float)from[i] - 128;
    }
}

/* basis[v][y] of the DCT-II, and the same turned. */
#define A .35355339f
#define B .49039264f
#define C .46193977f
#define D .41573481f
#define E .27778512f
#define F .19134172f
#define G .09754516f
static const float basis[8][8] = {{A, A, A, A, A, A, A, A},     {B, D, E, G, -G, -E, -D, -B},
                                  {C, F, -F, -C, -C, -F, F, C}, {D, -G, -B, -E, E, B, G, -D},
                                  {A, -A, -A, A, A, -A, -A, A}, {E, -B, G, D, -D, -G, B, -E},
                                  {F, -C, C, -F, -F, C, -C, F}, {G, -E, D, -B, B, -D, E, -G}};
static const float turned[8][8] = {{A, B, C, D, A, E, F, G},     {A, D, F, -G, -A, -B, -C, -E},
                                   {A, E, -F, -B, -A, G, C, D},  {A, G, -C, -E, A, D, -F, -B},
                                   {A, -G, -C, E, A, -D, -F, B}, {A, -E, -F, B, -A, -G, C, -D},
                                   {A, -D, F, G, -A, B, -C, E},  {A, -B, C, -D, A, -E, F, -G}};

/* Eight numbers at once, in whatever registers the processor has. */
typedef float row8 __attribute__((vector_size(32)));

/* Sums of whole rows, each times a number: no sum goes across a register. */
static void multiply(const float left[8][8], const float right[8][8], float product[8][8])
{
    row8 rows[8];
    memcpy(rows, right, sizeof rows);
    for (int row = 0; row < 8; row++) {
        row8 sum = {0};
        for (int k = 0; k < 8; k++)
            sum += left[row][k] * rows[k];
        memcpy(product[row], &sum, sizeof sum);
    }
}

typedef int32_t whole8 __attribute__((vector_size(32)));

/* Rounds to nearest by adding what leaves a float no place for fractions, and cuts to what the
 * codes can say. */
static void quantise(const float numbers[8], const float quant[8], int16_t to[8])
{
    const row8 shift = (row8){0} + 12582912.0f; /* 1.5 * 2^23 */
    row8 from, by;
    memcpy(&from, numbers, sizeof from);
    memcpy(&by, quant, sizeof by);
    whole8 value = (whole8)(from * by + shift) - (whole8)shift;
    whole8 above = value > 1023, below = value < -1023;
    value = (value & ~above & ~below) | (above & 1023) | (below & -1023);
    for (int i = 0; i < 8; i++)
        to[i] = (int16_t)value[i];
}

static void make_block(const struct splice *s, int plane, int x, int y, int16_t block[SCAN_BLOCK])
{
    float samples[8][8], half[8][8], numbers[8][8];
    load(s->image, plane, x, y, samples);
    multiply(basis, (const float(*)[8])samples, half);
    multiply((const float(*)[8])half, turned, numbers);
    for (int row = 0; row < 8; row++)
        quantise(numbers[row], s->scan.components[plane].quant + 8 * row, block + 8 * row);
}

/* ---- MCUs ---- */

/* A component's share of an MCU, in bits of the part. */
struct share {
    int dc;         /* of its first block */
    size_t ac, end; /* behind that one's DC difference; behind its last block */
};

static bool skip_mcu(struct splice *s, struct share shares[3])
{
    for (int i = 0; i < s->scan.count; i++) {
        const struct scan_component *c = &s->scan.components[i];
        for (int b = 0; b < c->h * c->v; b++) {
            int difference;
            if (s->in.at >= s->in.end || !read_dc(&s->in, c->dc, &difference))
                return false;
            s->before[i] += difference;
            if (b == 0)
                shares[i] = (struct share){.dc = s->before[i], .ac = s->in.at};
            if (!skip_ac(&s->in, c->ac))
                return false;
        }
        shares[i].end = s->in.at;
    }
    return s->in.at <= s->in.end;
}

static bool code_mcu(struct splice *s, int column, int row)
{
    int16_t block[SCAN_BLOCK];
    bool good = true;
    for (int i = 0; i < s->scan.count; i++) {
        const struct scan_component *c = &s->scan.components[i];
        for (int b = 0; good && b < c->h * c->v; b++) {
            make_block(s, i, 8 * (column * c->h + b % c->h), 8 * (row * c->v + b / c->h), block);
            good = put_block(&s->w, c, block, s->written[i]);
            s->written[i] = block[0];
        }
    }
    return good;
}

/* An untouched MCU behind a touched one: the first block of each component is now that much away
 * from its new neighbour, everything else is copied. */
static bool mend_mcu(struct splice *s, const struct share shares[3])
{
    for (int i = 0; i < s->scan.count; i++) {
        if (!put_dc(&s->w, s->scan.components[i].dc, shares[i].dc - s->written[i]))
            return false;
        copy_bits(s, shares[i].ac, shares[i].end);
    }
    return true;
}

/* ---- parts between restart markers ---- */

/* Takes the stuffing out; the part's size in bytes. */
static size_t unstuff(const uint8_t *from, size_t size, uint8_t *to)
{
    uint8_t *start = to;
    while (size > 0) {
        const uint8_t *mark = memchr(from, 0xFF, size);
        size_t n = mark ? (size_t)(mark - from) + 1 : size;
        memcpy(to, from, n);
        to += n;
        n += mark != NULL; /* the 0 behind it */
        n = n < size ? n : size;
        from += n;
        size -= n;
    }
    memset(to, 0, BEHIND);
    return (size_t)(to - start);
}

/* The MCUs from `mcu` to before `end`, which begin where s->in stands. */
static bool code_part(struct splice *s, int mcu, int end)
{
    const uint8_t *touched = s->cells.data;
    struct share shares[3];
    size_t run = 0; /* where the bits begin that are copied as they are */
    bool after = false;
    memset(s->before, 0, sizeof s->before);
    for (; mcu < end; mcu++) {
        size_t at = s->in.at;
        if (touched[mcu] && !after) {
            copy_bits(s, run, at);
            memcpy(s->written, s->before, sizeof s->written);
        }
        if (!skip_mcu(s, shares))
            return false;
        if (touched[mcu] ? !code_mcu(s, mcu % s->scan.columns, mcu / s->scan.columns)
                         : after && !mend_mcu(s, shares))
            return false;
        if (touched[mcu] || after)
            run = s->in.at;
        after = touched[mcu];
    }
    if (s->in.end - s->in.at >= 8) /* something else is in there */
        return false;
    copy_bits(s, run, s->in.at);
    put_end(&s->w);
    return true;
}

static bool any_touched(const struct splice *s, int mcu, int end)
{
    return memchr((const uint8_t *)s->cells.data + mcu, 1, (size_t)(end - mcu)) != NULL;
}

/* Where the part that begins at `at` ends: before a restart marker or at the scan's end. */
static size_t part_end(const struct jpeg_scan *scan, const uint8_t *bytes, size_t at)
{
    while (at < scan->end) {
        const uint8_t *mark = memchr(bytes + at, 0xFF, scan->end - at);
        if (!mark)
            break;
        at = (size_t)(mark - bytes);
        if (mark[1] != 0)
            return at;
        at += 2;
    }
    return scan->end;
}

static void put_bytes(struct writer *w, const uint8_t *bytes, size_t size)
{
    memcpy(w->to, bytes, size);
    w->to += size;
}

static fov_status code_parts(struct splice *s, const uint8_t *bytes)
{
    const struct jpeg_scan *scan = &s->scan;
    int all = scan->columns * scan->rows, each = scan->interval ? scan->interval : all, mcu = 0;
    for (size_t at = scan->begin; at < scan->end; mcu += each) {
        size_t stop = part_end(scan, bytes, at);
        int end = each < all - mcu ? mcu + each : all;
        if (mcu >= all)
            return FOV_EFORMAT;
        if (any_touched(s, mcu, end)) {
            size_t size = unstuff(bytes + at, stop - at, s->plain.data);
            s->in = (struct reader){s->plain.data, 0, 8 * size};
            if (!code_part(s, mcu, end))
                return FOV_EFORMAT;
        } else {
            put_bytes(&s->w, bytes + at, stop - at);
        }
        at = stop < scan->end ? stop + 2 : stop;
        put_bytes(&s->w, bytes + stop, at - stop); /* the restart marker */
    }
    return mcu >= all ? FOV_OK : FOV_EFORMAT;
}

/* ---- a picture ---- */

static bool is_the_same_picture(const struct jpeg_scan *scan, const fov_image *image)
{
    bool colour = scan->count == 3;
    return image->pixels == FOV_YUV && image->width == scan->width &&
           image->height == scan->height && (image->plane[1] != NULL) == colour &&
           (!colour ||
            (scan->mcu_width == 8 << image->shift_x && scan->mcu_height == 8 << image->shift_y));
}

/* Marks the MCUs with a touched cell; how many. */
static int mark_mcus(struct splice *s, const struct overlay_touched *touched)
{
    const struct jpeg_scan *scan = &s->scan;
    int wide = scan->mcu_width / OVERLAY_CELL, high = scan->mcu_height / OVERLAY_CELL, marked = 0;
    memset(s->cells.data, 0, (size_t)scan->columns * (size_t)scan->rows);
    for (int y = 0; y < touched->rows; y++)
        for (int x = 0; x < touched->columns; x++) {
            uint8_t *mcu = s->cells.data + (ptrdiff_t)(y / high) * scan->columns + x / wide;
            bool mark = touched->cells[(ptrdiff_t)y * touched->columns + x] && !*mcu;
            marked += mark;
            *mcu |= mark;
        }
    return marked;
}

static fov_status prepare(struct splice *s, size_t size, const struct overlay_touched *touched)
{
    int all = s->scan.columns * s->scan.rows;
    if (!buffer_reserve(&s->cells, (size_t)all) || !buffer_reserve(&s->plain, size + BEHIND))
        return FOV_ENOMEM;
    int marked = mark_mcus(s, touched);
    if (marked > TOUCHED_MAX || marked * 100 > all * SHARE_MAX)
        return FOV_EUNSUPPORTED;
    size_t blocks = (size_t)s->scan.mcu_width * (size_t)s->scan.mcu_height / SCAN_BLOCK + 2;
    return buffer_reserve(&s->out, 2 * size + (size_t)marked * blocks * BLOCK_BYTES + BEHIND)
               ? FOV_OK
               : FOV_ENOMEM;
}

fov_status splice_run(struct splice **splice, const uint8_t *bytes, size_t size,
                      const fov_image *image, const struct overlay_touched *touched,
                      const uint8_t **out, size_t *out_size)
{
    struct splice *s = *splice;
    if (!s)
        s = *splice = calloc(1, sizeof *s);
    if (!s)
        return FOV_ENOMEM;
    fov_status status = jpeg_scan_read(&s->scan, bytes, size);
    if (!status && !is_the_same_picture(&s->scan, image))
        status = FOV_EUNSUPPORTED;
    if (!status)
        status = prepare(s, size, touched);
    if (status)
        return status;
    s->image = image;
    s->w = (struct writer){.to = s->out.data};
    put_bytes(&s->w, bytes, s->scan.begin);
    status = code_parts(s, bytes);
    if (!status)
        put_bytes(&s->w, bytes + s->scan.end, size - s->scan.end);
    *out = s->out.data;
    *out_size = (size_t)(s->w.to - s->out.data);
    return status;
}

void splice_destroy(struct splice **splice)
{
    struct splice *s = *splice;
    *splice = NULL;
    if (!s)
        return;
    buffer_release(&s->plain);
    buffer_release(&s->out);
    buffer_release(&s->cells);
    free(s);
}
