/* Command line options of all commands: GNU style, `key=value` as well. */
#ifndef APPS_OPTIONS_H
#define APPS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
    OPTION_FLAG,  /* bool *; no argument; `--no-NAME` sets false */
    OPTION_TEXT,  /* const char **; points into argv */
    OPTION_INT,   /* int *; within [least, most] */
    OPTION_NUMBER /* double *; within [least, most] */
};

struct option_spec {
    const char *name; /* without dashes: "max-latency-ms" */
    enum option_kind kind;
    void *value;          /* set only when the option is given: preset it with the default */
    double least, most;   /* OPTION_INT, OPTION_NUMBER */
    const char *argument; /* in --help: "N", "FILE"; NULL for flags */
    const char *help;
};

struct usage {
    const char *command;   /* "predict" */
    const char *arguments; /* "SOURCE" */
    const char *summary;   /* one sentence */
    const char *details;   /* examples and notes under the options; may be NULL */
};

enum { OPTIONS_ERROR = -1, OPTIONS_HELP = -2 };

/* Parses argv[1..argc-1] (argv[0] is the command's name). Positional arguments are put into
 * `positional` (at most `max_positional`); `source=X` is one too. `options` ends with name NULL.
 * Returns their number; OPTIONS_ERROR after a message on standard error (exit with 2); OPTIONS_HELP
 * after printing the help (exit with 0). */
int options_parse(const struct usage *usage, const struct option_spec *options, int argc,
                  char **argv, const char **positional, int max_positional);

/* Parses "0,2,5" into the bits of fov_detect_params.classes. False on a bad list. */
bool options_classes(const char *list, unsigned long long classes[16]);

#endif
