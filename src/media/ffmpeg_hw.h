/* Inside of the FFmpeg module: decoding on a graphics card. What the card made is copied into
 * memory at once, so that no surface of it is held. */
#ifndef MEDIA_FFMPEG_HW_H
#define MEDIA_FFMPEG_HW_H

#include <stdbool.h>
#include <stddef.h>

struct AVCodecContext;
struct AVFrame;
struct ffmpeg_hw;

/* Makes `codec`, which is not open yet, decode on the kind of card that is `wanted` ("auto": the
 * first that is here). NULL: the processor decodes; `why` says what was wrong with the card, ""
 * when none is here and none was named. The codec context must not outlive it. */
struct ffmpeg_hw *ffmpeg_hw_attach(struct AVCodecContext *codec, const char *wanted, char *why,
                                   size_t size);

const char *ffmpeg_hw_name(const struct ffmpeg_hw *hw); /* static */

/* Brings a decoded frame into memory; `on_card`: it was made there. Returns FFmpeg's code. */
int ffmpeg_hw_fetch(struct ffmpeg_hw *hw, struct AVFrame *frame, bool *on_card);

void ffmpeg_hw_free(struct ffmpeg_hw **hw); /* sets NULL, accepts NULL */

/* Names and presence of the kinds, best first: the i-th name, NULL after the last; `why`: what is
 * missing on this machine, "" nothing. Nothing is opened. */
const char *ffmpeg_hw_kind(int i, char *why, size_t size);

#endif
