/* fovea track SOURCE: objects of a video get names that last; or of a file of detections. */
#include <stdio.h>

#include "base/text.h"
#include "commands.h"
#include "predict.h"
#include "track.h"

enum { TRACK_OPTIONS = 15, NAMES_MOST = 160 };

/* All options, whichever way they lead. */
struct asked {
    struct predict predict;
    struct track_dets dets;
    double high, low, start, buffer;
};

static void fill_options(struct asked *a, struct option_spec *options)
{
    static char names[NAMES_MOST];
    text_list(names, sizeof names, fov_tracker_name);
    struct track_dets *d = &a->dets;
    const struct option_spec own[TRACK_OPTIONS] = {
        {"tracker", OPTION_TEXT, &d->params.name, 0, 0, "NAME", names},
        {"appearance", OPTION_TEXT, &a->predict.appearance, 0, 0, "M",
         "re-identification model: compares what boxes look like"},
        {"mot", OPTION_TEXT, &d->mot, 0, 0, "FILE", "write the tracks there, as MOT lines"},
        {"dets", OPTION_TEXT, &d->path, 0, 0, "FILE", "detections instead of a source"},
        {"fps", OPTION_NUMBER, &d->fps, 0.001, 1000, "N", "with --dets: frames a second (30)"},
        {"motion", OPTION_TEXT, &d->motion, 0, 0, "FILE",
         "with --dets: camera motion, lines of frame a b tx c d ty"},
        {"homography", OPTION_TEXT, &d->ground, 0, 0, "FILE",
         "with --dets: the ground, lines of frame and 9 numbers, metres to px"},
        {"width", OPTION_INT, &d->width, 1, 65535, "N", "with --dets: px of the pictures"},
        {"height", OPTION_INT, &d->height, 1, 65535, "N", "with --dets: of the same"},
        {"sparse", OPTION_FLAG, &d->sparse, 0, 0, NULL,
         "with --dets: frames without a line were dropped, not empty"},
        {"high", OPTION_NUMBER, &a->high, 0.0001, 1, "N", "least score of sure detections"},
        {"low", OPTION_NUMBER, &a->low, 0.0001, 1, "N", "least score that may keep a track"},
        {"start", OPTION_NUMBER, &a->start, 0.0001, 1, "N", "least score that begins a track"},
        {"lost", OPTION_NUMBER, &d->params.lost_s, 0.001, 3600, "S", "keep what is unseen so long"},
        {"buffer", OPTION_NUMBER, &a->buffer, 0, 4, "N",
         "look for unseen tracks in boxes grown by this part"}};
    for (int i = 0; i < TRACK_OPTIONS; i++)
        options[i] = own[i];
    options[TRACK_OPTIONS] = (struct option_spec){"across-classes",
                                                  OPTION_FLAG,
                                                  &d->params.across_classes,
                                                  0,
                                                  0,
                                                  NULL,
                                                  "a track may go on with another class"};
    predict_options(&a->predict, options + TRACK_OPTIONS + 1);
}

/* What does not go together. */
static const char *contradiction(const struct asked *a, int sources)
{
    const struct track_dets *d = &a->dets;
    if (!sources && !d->path)
        return "a source, or --dets with a file of detections, is missing";
    if (sources && d->path)
        return "--dets takes the place of a source: leave one out";
    if (sources && (d->motion || d->ground || d->sparse || d->fps > 0 || d->width || d->height))
        return "--motion, --homography, --sparse, --fps, --width and --height go with --dets";
    if (d->path && (a->predict.save || a->predict.chosen.model))
        return "--dets runs no model and draws nothing: leave --model and --save out";
    if (d->path && a->predict.appearance)
        return "--dets has no pictures to look at: leave --appearance out";
    return NULL;
}

static int parse(struct asked *a, int argc, char **argv)
{
    static const struct usage usage = {
        "track", "[SOURCE]", "Objects of a source get names that last.",
        "A SOURCE is what predict takes. Prints and draws what predict does, with each box's\n"
        "name. With --dets and no SOURCE it gives names to the detections of a file, lines of the\n"
        "MOT challenge: frame,id,x,y,w,h,score, frames from 1. What trackers there are, and which\n"
        "is for what: docs/tracking.md.\n\n"
        "  fovea track clip.mp4 --classes 0 --save tracked\n"
        "  fovea track clip.mp4 --appearance reid.onnx --json\n"
        "  fovea track rtsp://user:password@10.0.0.7/stream1 --tracker bytetrack --json\n"
        "  fovea track --dets det.txt --motion gmc.txt --mot out.txt --fps 25"};
    struct option_spec options[TRACK_OPTIONS + 1 + PREDICT_OPTIONS + 1] = {0};
    fill_options(a, options);
    int count = options_parse(&usage, options, argc, argv, &a->predict.url, 1);
    const char *wrong = count >= 0 ? contradiction(a, count) : NULL;
    if (wrong)
        fprintf(stderr, "fovea track: %s\nsee: fovea track --help\n", wrong);
    return wrong ? OPTIONS_ERROR : count;
}

int cmd_track(int argc, char **argv)
{
    static struct asked a = {.predict = {.command = "track"}};
    int count = parse(&a, argc, argv);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    a.dets.params.high = (float)a.high;
    a.dets.params.low = (float)a.low;
    a.dets.params.start = (float)a.start;
    a.dets.params.buffer = (float)a.buffer;
    if (a.dets.path) {
        a.dets.fps = a.dets.fps > 0 ? a.dets.fps : 30;
        return track_dets_run(&a.dets);
    }
    a.predict.tracker = &a.dets.params;
    a.predict.mot = a.dets.mot;
    return predict_parse_classes(&a.predict) ? predict_run(&a.predict) : 2;
}
