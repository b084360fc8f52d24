/* fovea predict SOURCE: detections of each picture or frame. */
#include <stdio.h>

#include "commands.h"
#include "predict.h"

static int parse(struct predict *p, int argc, char **argv)
{
    static const struct usage usage = {
        "predict", "SOURCE", "Detections of each picture or frame of a source.",
        "A SOURCE is a picture, a glob, a folder, a video file, a recording (.fvr), rtsp://,\n"
        "rtmp://, http(s):// (JPEGs, HLS, a file), a camera (0, /dev/video0), pattern: (moving\n"
        "shapes), pattern:football (a drawn match) or demo:\n"
        "Prints one line a frame and leaves an annotated copy in fovea-out/; with --json one JSON\n"
        "object a line instead of both.\n\n"
        "  fovea predict street.jpg\n"
        "  fovea predict 'photos/*.jpg' --conf .4 --classes 0,2 --save boxes\n"
        "  fovea predict clip.mp4 --json > clip.ndjson\n"
        "  fovea predict rtsp://user:password@10.0.0.7/stream1 --json"};
    struct option_spec options[PREDICT_OPTIONS + 3] = {0};
    predict_options(p, options);
    options[PREDICT_OPTIONS] = (struct option_spec){
        "start", OPTION_NUMBER, &p->start_s, 0, 1e6, "S", "begin at this second of a video file"};
    options[PREDICT_OPTIONS + 1] = (struct option_spec){
        "decoder",
        OPTION_TEXT,
        &p->video_decoder,
        0,
        0,
        "D",
        "of video: auto, off (the processor), cuda, vaapi, videotoolbox"};
    int count = options_parse(&usage, options, argc, argv, &p->url, 1);
    if (count == OPTIONS_HELP)
        return count;
    if (count == 0)
        fprintf(stderr, "fovea predict: a source is missing\nsee: fovea predict --help\n");
    return count == 1 ? 0 : OPTIONS_ERROR;
}

int cmd_predict(int argc, char **argv)
{
    static struct predict p = {.command = "predict"};
    int parsed = parse(&p, argc, argv);
    if (parsed)
        return parsed == OPTIONS_HELP ? 0 : 2;
    return predict_parse_classes(&p) ? predict_run(&p) : 2;
}
