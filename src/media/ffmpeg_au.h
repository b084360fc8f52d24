/* Whole pictures out of the units of H.265 or H.264, without waiting for the next picture.
 *
 * A picture is known to be whole when the next one begins, an interval later. So the slices of the
 * pictures before are counted: once two in a row had the same number, a picture is whole with that
 * many. A stream that proves this wrong loses the rest of one picture and is waited for from then
 * on. */
#ifndef MEDIA_FFMPEG_AU_H
#define MEDIA_FFMPEG_AU_H

#include <stdbool.h>
#include <libavcodec/packet.h>

struct ffmpeg_au;

struct ffmpeg_au *ffmpeg_au_new(bool h265); /* else H.264; NULL: no memory */
void ffmpeg_au_free(struct ffmpeg_au **au);

/* Takes a unit, or several that came together, with start codes (it is unreferenced). Only while
 * nothing is ready. */
void ffmpeg_au_add(struct ffmpeg_au *au, AVPacket *unit);
/* True when a whole picture may be taken. */
bool ffmpeg_au_ready(const struct ffmpeg_au *au);
/* Moves it into `packet`, with its time stamps; size 0: there was no memory, or it was too large.
 */
void ffmpeg_au_take(struct ffmpeg_au *au, AVPacket *packet);

#endif
