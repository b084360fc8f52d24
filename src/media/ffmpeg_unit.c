#include "media/ffmpeg_unit.h"

#include <stdlib.h>
#include <string.h>

#define UNIT_MAX (8 << 20)

void ffmpeg_unit_append(struct ffmpeg_unit *unit, const AVPacket *packet)
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

void ffmpeg_unit_take(struct ffmpeg_unit *unit, AVPacket *packet)
{
    av_packet_unref(packet);
    if (!unit->failed && av_new_packet(packet, unit->size) == 0) {
        memcpy(packet->data, unit->bytes, (size_t)unit->size);
        packet->pts = unit->pts;
        packet->dts = unit->dts;
    }
    unit->size = 0;
}

void ffmpeg_unit_free(struct ffmpeg_unit *unit)
{
    free(unit->bytes);
    *unit = (struct ffmpeg_unit){0};
}
