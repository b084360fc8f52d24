#include "media/ffmpeg_au.h"

#include <stdlib.h>
#include <string.h>

#include "media/ffmpeg_unit.h"

enum { ALIKE = 2 }; /* pictures in a row with as many slices before that number is believed */

struct picture {
    struct ffmpeg_unit unit;
    int slices;
};

struct ffmpeg_au {
    bool h265;
    struct picture now;  /* being put together */
    struct picture next; /* began, so that `now` is whole */
    int slices, alike;   /* of the last picture, and how many in a row had so many */
    bool guess, ready;
    bool believed; /* the last picture was taken for whole by their number */
};

struct ffmpeg_au *ffmpeg_au_new(bool h265)
{
    struct ffmpeg_au *au = calloc(1, sizeof *au);
    if (au) {
        au->h265 = h265;
        au->guess = true;
    }
    return au;
}

void ffmpeg_au_free(struct ffmpeg_au **au)
{
    if (*au) {
        ffmpeg_unit_free(&(*au)->now.unit);
        ffmpeg_unit_free(&(*au)->next.unit);
    }
    free(*au);
    *au = NULL;
}

/* ---- what a unit is -------------------------------------------------------------------------- */

/* How many slices, and whether it begins a picture. */
struct content {
    int slices;
    bool begins;
};

/* H.265, 7.3.1.2 and 7.4.2.4.4: a first slice, parameter sets, delimiters and what stands before
 * slices. `size` > 2. */
static void look_h265(const uint8_t *unit, struct content *c)
{
    int type = unit[0] >> 1 & 63;
    bool slice = type < 32;
    bool before = (type >= 32 && type <= 35) || type == 39 || (type >= 41 && type <= 44) ||
                  (type >= 48 && type <= 55);
    c->slices += slice;
    c->begins |= slice ? unit[2] >> 7 : before;
}

/* H.264, 7.3.1 and 7.4.1.2.3: a slice of macroblock 0, and the like. */
static void look_h264(const uint8_t *unit, struct content *c)
{
    int type = unit[0] & 31;
    bool slice = type == 1 || type == 2 || type == 5;
    bool before = (type >= 6 && type <= 9) || (type >= 14 && type <= 18);
    c->slices += slice;
    c->begins |= slice ? unit[1] >> 7 : before;
}

static struct content look(const struct ffmpeg_au *au, const uint8_t *bytes, int size)
{
    static const uint8_t code[3] = {0, 0, 1};
    struct content c = {0};
    const uint8_t *end = bytes + size;
    while ((bytes = memmem(bytes, (size_t)(end - bytes), code, 3)) && (bytes += 3) + 2 < end) {
        if (au->h265)
            look_h265(bytes, &c);
        else
            look_h264(bytes, &c);
    }
    return c;
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* The next picture has begun: this is how many slices the last one had. */
static void learn(struct ffmpeg_au *au, int slices)
{
    au->alike = slices == au->slices ? au->alike + 1 : 1;
    au->slices = slices;
}

static void append(struct picture *picture, const AVPacket *packet, int slices)
{
    ffmpeg_unit_append(&picture->unit, packet);
    picture->slices += slices;
}

static bool is_whole(const struct ffmpeg_au *au)
{
    return au->guess && au->alike >= ALIKE && au->now.slices == au->slices;
}

void ffmpeg_au_add(struct ffmpeg_au *au, AVPacket *packet)
{
    struct content c = look(au, packet->data, packet->size);
    if (c.begins && au->now.slices > 0) {
        learn(au, au->now.slices);
        append(&au->next, packet, c.slices);
        au->ready = true;
        au->believed = false;
    } else if (!c.begins && c.slices > 0 && au->believed) {
        au->guess = false; /* it went on: this sender cuts its pictures as it likes */
    } else {
        append(&au->now, packet, c.slices);
        au->ready = is_whole(au);
        if (c.slices > 0) /* else it may stand behind the slices of the last one */
            au->believed = au->ready;
    }
    av_packet_unref(packet);
}

bool ffmpeg_au_ready(const struct ffmpeg_au *au)
{
    return au->ready;
}

void ffmpeg_au_take(struct ffmpeg_au *au, AVPacket *packet)
{
    struct picture done = au->now;
    ffmpeg_unit_take(&done.unit, packet);
    done.slices = 0;
    au->now = au->next;
    au->next = done;
    au->ready = is_whole(au) && au->now.slices > 0;
    if (au->now.slices > 0)
        au->believed = au->ready;
}
