/* fovea football SOURCE: players, ball, teams and places on the pitch. */
#include <stdio.h>

#include "commands.h"
#include "football.h"
#include "options.h"

enum { OPTIONS = 32 };

static void fill_options(struct football_run *r, struct option_spec *options)
{
    struct football_asked *a = &r->asked;
    fov_football_params *p = &r->params;
    const struct option_spec all[] = {
        {"calibration", OPTION_TEXT, &a->calibration, 0, 0, "FILE",
         "points of the pitch, or a matrix, as JSON: gives metres"},
        {"fps", OPTION_NUMBER, &a->fps, 0.1, 60, "N", "frames a second of the source's time (10)"},
        {"out", OPTION_TEXT, &a->out, 0, 0, "DIR",
         "folder for match, video, maps; goes on where it stopped"},
        {"formats", OPTION_TEXT, &a->formats, 0, 0, "LIST",
         "mot,gamestate,skillcorner,tracab,epts (those that fit)"},
        {"video", OPTION_FLAG, &a->video, 0, 0, NULL, "--no-video: no annotated copy in DIR"},
        {"teams", OPTION_TEXT, &a->teams, 0, 0, "TEAMS", "Reds:#c00000,Blues:#0000c0"},
        {"still", OPTION_FLAG, &a->still, 0, 0, NULL, "the camera never moves"},
        {"model", OPTION_TEXT, &a->chosen.model, 0, 0, "M",
         "finds players; drawn: for pattern:football, none"},
        {"look", OPTION_TEXT, &a->look, 0, 0, "HOW",
         "for players: whole pictures, tiles, auto (tiles for small models)"},
        {"ball-model", OPTION_TEXT, &a->ball_model, 0, 0, "M", "finds the ball (the same)"},
        {"pitch-model", OPTION_TEXT, &a->pitch_model, 0, 0, "M",
         "finds keypoints of the pitch (none)"},
        {"appearance", OPTION_TEXT, &a->appearance, 0, 0, "M",
         "re-identification model: keeps people apart where they meet (none)"},
        {"team-model", OPTION_TEXT, &a->team_model, 0, 0, "M",
         "its vectors tell the teams, instead of the shirts' colours (none)"},
        {"player-labels", OPTION_TEXT, &p->player_labels, 0, 0, "A,B",
         "classes that are players, where known words do not say it"},
        {"goalkeeper-labels", OPTION_TEXT, &p->goalkeeper_labels, 0, 0, "A,B", "goalkeepers"},
        {"referee-labels", OPTION_TEXT, &p->referee_labels, 0, 0, "A,B", "referees"},
        {"ball-labels", OPTION_TEXT, &p->ball_labels, 0, 0, "A,B", "the ball"},
        {"tracker", OPTION_TEXT, &a->tracker, 0, 0, "NAME",
         "pitch with a calibration, else botsort"},
        {"conf", OPTION_NUMBER, &a->chosen.conf, 0.0001, 1, "N", "least confidence (0.25)"},
        {"iou", OPTION_NUMBER, &a->chosen.iou, 0.0001, 1, "N", "overlap of boxes, for NMS (0.45)"},
        {"imgsz", OPTION_INT, &a->chosen.imgsz, 32, 4096, "N", "input size, dynamic models only"},
        {"device", OPTION_TEXT, &a->chosen.device, 0, 0, "D", "CPU, GPU, NPU (best present)"},
        {"backend", OPTION_TEXT, &a->chosen.backend, 0, 0, "B",
         "openvino, onnxruntime, litert (best present)"},
        {"precision", OPTION_TEXT, &a->chosen.precision, 0, 0, "P", "auto, fp32, fp16, int8"},
        {"max-latency-ms", OPTION_NUMBER, &a->max_latency_ms, 0, 1e6, "N",
         "live sources: what would be later is dropped (2000)"},
        {"seconds", OPTION_NUMBER, &a->seconds, 0.1, 1e6, "S", "of the source, then end"},
        {"json", OPTION_FLAG, &a->json, 0, 0, NULL, "one JSON object a frame on standard output"}};
    _Static_assert(sizeof all / sizeof *all < OPTIONS, "room for the row that ends the table");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        options[i] = all[i];
}

static int parse(struct football_run *r, int argc, char **argv)
{
    static const struct usage usage = {
        "football", "SOURCE", "Players, ball and teams of a match; with a calibration in metres.",
        "A SOURCE is what predict takes; pattern:football draws a match. Prints a line now and\n"
        "then and a summary in the end; with --json one JSON object a frame. With --out DIR there\n"
        "are match.jsonl, match.avi (boxes, ball, radar), heat maps (PNG), summary.json and the\n"
        "formats of other programs. Stopped at any moment, the same command goes on after the\n"
        "last frame that is on the disk: docs/football.md.\n\n"
        "  fovea football match.mp4 --calibration pitch.json --out match\n"
        "  fovea football match.mp4 --model football.onnx --teams Reds:#c00000,Blues:#0000c0\n"
        "  fovea football rtsp://user:password@10.0.0.7/stream1 --json\n"
        "  fovea football pattern:football --model drawn --pitch-model drawn --out drawn"};
    struct option_spec options[OPTIONS] = {0};
    fill_options(r, options);
    int count = options_parse(&usage, options, argc, argv, &r->asked.url, 1);
    if (count == 0)
        fprintf(stderr, "fovea football: a source is missing\nsee: fovea football --help\n");
    return count == 0 ? OPTIONS_ERROR : count;
}

int cmd_football(int argc, char **argv)
{
    static struct football_run run = {.asked = {.max_latency_ms = 2000, .video = true}};
    struct football_asked *a = &run.asked;
    int count = parse(&run, argc, argv);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    a->chosen.conf_given = a->chosen.conf > 0;
    if (a->formats && !a->out) {
        fprintf(stderr, "fovea football: --formats go into the folder of --out DIR\n"
                        "see: fovea football --help\n");
        return 2;
    }
    return football_run(&run);
}
