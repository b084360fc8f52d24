/* Stands in for ffmpeg_hw.c: a graphics card that is the processor, and fails when it is told to.
 */
#ifndef TESTS_MEDIA_FAKE_CARD_H
#define TESTS_MEDIA_FAKE_CARD_H

#include <stdbool.h>

extern struct fake_card {
    bool absent;      /* it cannot be opened */
    bool no_decoder;  /* the decoder cannot be opened on it */
    bool other_shape; /* it does not take the stream: the processor decodes at once */
    int fails_at;     /* the picture that it does not give out, from 1; 0: none */
    int fetched, open;
} fake_card;

#endif
