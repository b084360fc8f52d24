#include "media/ffmpeg_nal.h"

#include <stdlib.h>
#include <string.h>

#define UNIT_MAX (8 << 20)
#define LEAST_FULL 1000 /* nobody cuts units into smaller parts */

struct unit {
    uint8_t *bytes;
    int size, room;
    int64_t pts, dts;
    bool failed;
};

struct ffmpeg_nal {
    struct unit now;           /* being put together */
    struct unit next;          /* began, so that `now` is whole */
    int full;                  /* payload of a part that others follow */
    int last;                  /* payload of the last part */
    bool guess, ready, closed; /* closed: the last unit was taken for whole by its length */
};

struct ffmpeg_nal *ffmpeg_nal_new(void)
{
    struct ffmpeg_nal *nal = calloc(1, sizeof *nal);
    if (nal) {
        nal->full = LEAST_FULL;
        nal->guess = true;
    }
    return nal;
}

void ffmpeg_nal_free(struct ffmpeg_nal **nal)
{
    if (*nal) {
        free((*nal)->now.bytes);
        free((*nal)->next.bytes);
    }
    free(*nal);
    *nal = NULL;
}

static void append(struct unit *unit, const AVPacket *packet)
{
    int size = unit->size + packet->size;
    if (unit->size == 0) {
        unit->pts = packet->pts;
        unit->dts = packet->dts;
        unit->failed = false;
    }
    if (size > unit->room || size > UNIT_MAX) {
        int room = 2 * size;
        uint8_t *bytes = size > UNIT_MAX ? NULL : realloc(unit->bytes, (size_t)room);
        if (!bytes) {
            unit->failed = true;
            return;
        }
        unit->bytes = bytes;
        unit->room = room;
    }
    memcpy(unit->bytes + unit->size, packet->data, (size_t)packet->size);
    unit->size = size;
}

static bool begins(const AVPacket *p)
{
    static const uint8_t code[4] = {0, 0, 0, 1};
    return p->size >= 4 && memcmp(p->data, code, 4) == 0;
}

void ffmpeg_nal_add(struct ffmpeg_nal *nal, AVPacket *packet)
{
    bool first = begins(packet);
    /* Bytes in the RTP packet: FFmpeg adds a start code and takes the two of a part's header. */
    int payload = first ? packet->size - 3 : packet->size + 2;
    if (first && nal->now.size > 0) {
        append(&nal->next, packet);
        nal->ready = true;
    } else if (!first && nal->now.size == 0) {
        if (nal->closed)
            nal->guess = false; /* it went on: this sender does not fill its packets up */
    } else {
        if (!first && nal->last > nal->full)
            nal->full = nal->last;
        append(&nal->now, packet);
        nal->closed = nal->guess && payload < nal->full;
        nal->ready = nal->closed;
    }
    nal->last = payload;
    av_packet_unref(packet);
}

bool ffmpeg_nal_ready(const struct ffmpeg_nal *nal)
{
    return nal->ready;
}

void ffmpeg_nal_take(struct ffmpeg_nal *nal, AVPacket *packet)
{
    struct unit done = nal->now;
    av_packet_unref(packet);
    if (!done.failed && av_new_packet(packet, done.size) == 0) {
        memcpy(packet->data, done.bytes, (size_t)done.size);
        packet->pts = done.pts;
        packet->dts = done.dts;
    }
    done.size = 0;
    nal->now = nal->next;
    nal->next = done;
    nal->closed = nal->guess && nal->now.size > 0 && nal->last < nal->full;
    if (nal->now.size == 0)
        nal->closed = true; /* what is left of it would prove the guess wrong */
    nal->ready = nal->now.size > 0 && nal->closed;
}
