/* Bytes that are put together into one packet: shared by ffmpeg_nal.c and ffmpeg_au.c. */
#ifndef MEDIA_FFMPEG_UNIT_H
#define MEDIA_FFMPEG_UNIT_H

#include <stdbool.h>
#include <libavcodec/packet.h>

struct ffmpeg_unit {
    uint8_t *bytes;
    int size, room;
    int64_t pts, dts; /* of the first part */
    bool failed;      /* no memory, or too large */
};

void ffmpeg_unit_append(struct ffmpeg_unit *unit, const AVPacket *packet);
/* Copies it into `packet` and empties it; size 0: it failed. */
void ffmpeg_unit_take(struct ffmpeg_unit *unit, AVPacket *packet);
void ffmpeg_unit_free(struct ffmpeg_unit *unit);

#endif
