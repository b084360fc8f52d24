/* H.264 and H.265 units out of the packets of RTP, without waiting for the next picture.
 *
 * FFmpeg gives each RTP packet's part of a unit by itself, and does not tell which one is the last.
 * A part that is shorter than the ones before it is taken for the last: senders fill their packets
 * up. Where a stream proves this wrong, a unit waits for the beginning of the next one from then
 * on. */
#ifndef MEDIA_FFMPEG_NAL_H
#define MEDIA_FFMPEG_NAL_H

#include <stdbool.h>
#include <libavcodec/packet.h>

struct ffmpeg_nal;

struct ffmpeg_nal *ffmpeg_nal_new(bool h265); /* else H.264; NULL: no memory */
void ffmpeg_nal_free(struct ffmpeg_nal **nal);

/* Takes the packet's bytes (it is unreferenced). Only while nothing is ready. */
void ffmpeg_nal_add(struct ffmpeg_nal *nal, AVPacket *packet);
/* True when a whole unit may be taken. */
bool ffmpeg_nal_ready(const struct ffmpeg_nal *nal);
/* Moves it into `packet`, with its time stamps; size 0: there was no memory, or it was too large.
 */
void ffmpeg_nal_take(struct ffmpeg_nal *nal, AVPacket *packet);

#endif
