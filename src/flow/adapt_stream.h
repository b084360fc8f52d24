/* Adaptation of a stream with a source of its own: how many of its frames are analysed a second,
 * so that the mean latency stays under a target. A pure function of what a step's time brought. */
#ifndef FLOW_ADAPT_STREAM_H
#define FLOW_ADAPT_STREAM_H

#include <fovea/stream.h>

#include "flow/steady.h"

#define ADAPT_STREAM_PERIOD_S 0.5 /* how often a step is made */

/* least_fps <= initial_fps <= most_fps, all above 0. */
struct adapt_stream_params {
    double initial_fps, least_fps, most_fps, target_ms;
};

struct adapt_stream_sample {
    double passed_s;
    int delivered, lost; /* lost: dropped because the server was too slow */
    double mean_ms;      /* of those delivered, from arrival to answer */
};

struct adapt_stream {
    struct adapt_stream_params params;
    double fps;
    struct steady steady;
    double over_s, calm_s; /* in a row */
};

void adapt_stream_start(struct adapt_stream *stream, const struct adapt_stream_params *params);

/* True when the frame rate was changed. Frames over 1.2 × the target, or a fifth of them lost, for
 * a second: a fifth less, not under the least. Under 0.7 × the target for 3 s with nothing lost:
 * one more a second, not over the most. */
bool adapt_stream_step(struct adapt_stream *stream, const struct adapt_stream_sample *sample,
                       fov_change *change);

#endif
