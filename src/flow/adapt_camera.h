/* Adaptation of a browser's camera: how many pictures it sends, how good they are, at what size
 * they are analysed, and from what score on a box is shown. A pure function of what a tenth of a
 * second brought; docs/latency.md says which knob is turned first and why. */
#ifndef FLOW_ADAPT_CAMERA_H
#define FLOW_ADAPT_CAMERA_H

#include <fovea/stream.h>

#include "flow/steady.h"

enum adapt_knob { ADAPT_FPS, ADAPT_QUALITY, ADAPT_SIZE, ADAPT_CONF, ADAPT_KNOBS };
enum { ADAPT_SAMPLES = 30 };

#define ADAPT_PERIOD_S 0.1 /* how often a step is made */

/* Where the knobs begin and come back to, inside of fps 5-60 (a slower camera is never asked for
 * less), quality 0.3-0.95, confidence 0.15-0.5 (outside of it the threshold is held). A knob that
 * is held never moves. The size's home is the ladder's first. */
struct adapt_camera_params {
    double home[ADAPT_KNOBS];
    bool held[ADAPT_KNOBS];
};

/* What passed since the last step. */
struct adapt_sample {
    double passed_s;
    int delivered;    /* frames with detections */
    int lost;         /* dropped because the server was too slow: queue, superseded, deadline */
    double worst_ms;  /* longest time from arrival to answer; 0: nothing was delivered */
    double budget_ms; /* deadline, 0: none */
    double work_ms;   /* of a frame, lately; 0 unknown */
    double boxes_ms;  /* part of it that reading and sorting boxes takes */
    double load;      /* part of the time that the model's runs were taken, by all streams */
    int runs;         /* that fit beside each other */
    double slow;      /* part of the viewers that cannot keep up, 0-1 */
};

struct adapt_camera {
    double home[ADAPT_KNOBS], now[ADAPT_KNOBS];
    bool held[ADAPT_KNOBS];
    fov_sizes ladder;
    int want_px; /* a size that it would turn to, were it compiled; 0: none */
    struct steady steady;
    struct adapt_sample samples[ADAPT_SAMPLES]; /* newest first, since the last turn */
    int sample_count;
    double settle_s, calm_s, slow_s;
};

void adapt_camera_start(struct adapt_camera *camera, const struct adapt_camera_params *params);

/* The model's sizes, as they are now; with one or none the size cannot be turned. Another first
 * one: another model, whose own size is home. */
void adapt_camera_set_ladder(struct adapt_camera *camera, const fov_sizes *ladder);

/* True when a knob was turned: `change` says which. Frames that are lost while none is delivered
 * mean that the model is down: that is no slowness, and pictures go on. */
bool adapt_camera_step(struct adapt_camera *camera, const struct adapt_sample *sample,
                       fov_change *change);

/* A viewer's last second. */
struct adapt_viewer {
    double sent, skipped;          /* pictures; skipped: replaced by a newer one before they left */
    double fps, latency_ms, queue; /* as its page says; < 0 unknown */
    double budget_ms, wait_ms;     /* wait: what a picture waits for its boxes */
};

/* Its network or its screen is too slow for what it is sent. What a page says alone convinces
 * nobody: clocks may be wrong, and pages in the background paint nothing. */
bool adapt_viewer_is_slow(const struct adapt_viewer *viewer);

#endif
