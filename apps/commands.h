/* The commands: one file cmd_NAME.c and one row each. */
#ifndef APPS_COMMANDS_H
#define APPS_COMMANDS_H

/* Each takes argv[0] = its own name and returns the exit code: 0 ok, 1 the job failed, 2 usage, 3 a
 * source or model cannot be opened. */
// clang-format off
#define FOVEA_COMMANDS(X)                                                                          \
    X(serve,     "cameras, viewers and the API over HTTP")                                         \
    X(predict,   "detections of pictures, folders, videos")                                        \
    X(track,     "names that last for what a source shows, or a file of detections")               \
    X(football,  "players, ball and teams of a match, in metres")                                  \
    X(record,    "keeps the frames of a source with their times")                                  \
    X(replay,    "runs a recording again: the same frames, the same detections")                   \
    X(benchmark, "what a frame costs here; how many streams fit")                                  \
    X(eval,      "COCO mean average precision of a model")                                         \
    X(models,    "models with their licences; what a model file is")                               \
    X(optimize,  "a faster file of a model that still sees the same")                              \
    X(token,     "access tokens: create, list, revoke")                                            \
    X(config,    "checks and shows settings")                                                      \
    X(devices,   "hardware and runtimes found, and which are used")                                \
    X(doctor,    "what is missing on this machine, and the command that mends it")                 \
    X(version,   "version, build, runtimes found")
// clang-format on

#define FOVEA_COMMAND_DECLARATION(name, summary) int cmd_##name(int argc, char **argv);
FOVEA_COMMANDS(FOVEA_COMMAND_DECLARATION)
#undef FOVEA_COMMAND_DECLARATION

#endif
