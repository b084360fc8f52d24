#include "media/ffmpeg_nal.h"

#include <stdlib.h>
#include <string.h>

#include "media/ffmpeg_unit.h"

#define LEAST_FULL 1000 /* nobody cuts units into smaller parts */

struct ffmpeg_nal {
    int header;                /* bytes of a part that FFmpeg leaves out */
    struct ffmpeg_unit now;    /* being put together */
    struct ffmpeg_unit next;   /* began, so that `now` is whole */
    int full;                  /* payload of a part that others follow */
    int last;                  /* payload of the last part */
    bool guess, ready, closed; /* closed: the last unit was taken for whole by its length */
};

struct ffmpeg_nal *ffmpeg_nal_new(bool h265)
{
    struct ffmpeg_nal *nal = calloc(1, sizeof *nal);
    if (nal) {
        nal->header = h265 ? 3 : 2;
        nal->full = LEAST_FULL;
        nal->guess = true;
    }
    return nal;
}

void ffmpeg_nal_free(struct ffmpeg_nal **nal)
{
    if (*nal) {
        ffmpeg_unit_free(&(*nal)->now);
        ffmpeg_unit_free(&(*nal)->next);
    }
    free(*nal);
    *nal = NULL;
}

static bool begins(const AVPacket *p)
{
    static const uint8_t code[4] = {0, 0, 0, 1};
    return p->size >= 4 && memcmp(p->data, code, 4) == 0;
}

void ffmpeg_nal_add(struct ffmpeg_nal *nal, AVPacket *packet)
{
    bool first = begins(packet);
    /* Bytes in the RTP packet: FFmpeg adds a start code and takes a part's header. */
    int payload = first ? packet->size - 3 : packet->size + nal->header;
    if (first && nal->now.size > 0) {
        ffmpeg_unit_append(&nal->next, packet);
        nal->ready = true;
    } else if (!first && nal->now.size == 0) {
        if (nal->closed)
            nal->guess = false; /* it went on: this sender does not fill its packets up */
    } else {
        if (!first && nal->last > nal->full)
            nal->full = nal->last;
        ffmpeg_unit_append(&nal->now, packet);
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
    struct ffmpeg_unit done = nal->now;
    ffmpeg_unit_take(&done, packet);
    nal->now = nal->next;
    nal->next = done;
    nal->closed = nal->guess && nal->now.size > 0 && nal->last < nal->full;
    if (nal->now.size == 0)
        nal->closed = true; /* what is left of it would prove the guess wrong */
    nal->ready = nal->now.size > 0 && nal->closed;
}
