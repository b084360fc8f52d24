/* fovea replay F.fvr: runs the frames of a recording again. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "commands.h"
#include "predict.h"

static int parse(struct predict *p, bool *fast, int argc, char **argv)
{
    static const struct usage usage = {
        "replay", "FILE.fvr",
        "Runs the frames of a recording again, and prints what predict prints.",
        "Frames come at the pace of their arrival, or of the video, and none is left out: with "
        "the\n"
        "same model, runtime and precision the detections are the same to the bit. Model, "
        "thresholds\n"
        "and the way of decoding are those of the recording unless options say otherwise.\n\n"
        "  fovea replay complaint.fvr --json\n"
        "  fovea replay complaint.fvr --fast --check   # is it answered as it was then?"};
    struct option_spec options[PREDICT_OPTIONS + 3] = {0};
    predict_options(p, options);
    options[PREDICT_OPTIONS] = (struct option_spec){
        "fast", OPTION_FLAG, fast, 0, 0, NULL, "as fast as they are worked off"};
    options[PREDICT_OPTIONS + 1] = (struct option_spec){
        "check",
        OPTION_FLAG,
        &p->check,
        0,
        0,
        NULL,
        "compare with the recorded answers; a difference is exit 1"};
    int count = options_parse(&usage, options, argc, argv, &p->url, 1);
    if (count == 0)
        fprintf(stderr, "fovea replay: a recording is missing\nsee: fovea replay --help\n");
    return count == OPTIONS_HELP ? count : count == 1 ? 0 : OPTIONS_ERROR;
}

/* A name only: a file that somebody sent must not choose a path or an address to be opened. */
static bool is_plain_name(const char *name)
{
    return name[0] && name[0] != '.' && !strpbrk(name, "/:~\\") && !strstr(name, "..");
}

/* The model that the recording names, when it is here. */
static void choose_model(struct predict *p, const fov_recording_info *info)
{
    fov_inspection *inspection = NULL;
    fov_error error = {0};
    if (p->chosen.model || !info->model_id[0])
        return;
    struct chosen_model wanted = {.model = info->model_id};
    bool here = is_plain_name(info->model_id) &&
                chosen_model_inspect(&wanted, &inspection, &error) == FOV_OK;
    fov_inspection_close(&inspection);
    if (here)
        p->chosen.model = info->model_id;
    else
        fprintf(stderr,
                "fovea: the recording was run on %s, which is not here by that name: "
                "--model says which to take\n",
                info->model_id);
}

static void take_over(struct predict *p, const fov_recording_info *info)
{
    p->chosen.conf_given = p->chosen.conf > 0;
    p->chosen.iou_given = p->chosen.iou > 0;
    if (!p->chosen.conf_given)
        p->chosen.conf = (double)info->conf;
    if (!p->chosen.iou_given)
        p->chosen.iou = (double)info->iou;
    p->chosen.exact = p->chosen.exact || info->exact;
    choose_model(p, info);
}

int cmd_replay(int argc, char **argv)
{
    static struct predict p = {.command = "replay"};
    bool fast = false;
    fov_error error = {0};
    int parsed = parse(&p, &fast, argc, argv);
    if (parsed)
        return parsed == OPTIONS_HELP ? 0 : 2;
    if (!predict_parse_classes(&p))
        return 2;
    fov_source_params source = {.url = p.url};
    fov_status status = fov_source_open(&p.source, &source, &error);
    const fov_recording_info *info = status ? NULL : fov_source_recording(p.source);
    if (!status && !info)
        status = fov_fail(&error, FOV_EFORMAT, "%.180s is no recording; see: fovea predict", p.url);
    if (status) {
        fprintf(stderr, "fovea: %s\n", error.message);
        fov_source_close(&p.source);
        return fov_status_exit(status);
    }
    p.paced = !fast && fov_source_get_info(p.source)->fps > 0;
    take_over(&p, info);
    return predict_run(&p);
}
