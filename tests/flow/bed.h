/* What the tests with real threads stand on: workers with the fake backend, streams that end in a
 * sink, frames with a white block. Failures end the test. */
#ifndef TESTS_FLOW_BED_H
#define TESTS_FLOW_BED_H

#include "flow_test.h"
#include "sink.h"

/* Events of workers, counted. */
struct events {
    atomic_int switches, lost, degraded, fallbacks;
};

extern fov_frame_pool *frames; /* made by bed_make */

fov_workers *workers_of(const char *path, int count,
                        struct events *events); /* events may be NULL */
fov_stream *stream_of(fov_workers *workers, struct sink *sink, fov_stream_params params);

/* 96 × 64 px times `scale`, black with a white block whose place follows from `number`. */
fov_frame *scaled_frame_of(uint64_t number, fov_pixels pixels, int scale);
fov_frame *frame_of(uint64_t number, fov_pixels pixels);
fov_frame *jpeg_of(fov_encoder *encoder, uint64_t number); /* scale 10 */

void put(fov_stream *stream, uint64_t number);

/* Closes the stream and fails when any rule was broken. */
void close_all(fov_stream **stream, struct sink *sink);

/* Set-up and end of a group of tests. */
int bed_make(void **state);
int bed_clear(void **state);

#endif
