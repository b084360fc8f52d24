/* fovea config check F | show | schema | reference */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "serve/settings.h"

extern char **environ;

static void report(void *user, bool fatal, const char *text)
{
    (void)user;
    fprintf(stderr, "%s%s\n", fatal ? "" : "note: ", text);
}

static int check(const char *file)
{
    struct settings *settings;
    fov_error error = {0};
    fov_status status = settings_load(&settings, file, environ, NULL, 0, report, NULL, &error);
    if (status != FOV_OK) {
        fprintf(stderr, "fovea: %s\n", error.message);
        return status == FOV_ENOTFOUND ? 3 : 1;
    }
    settings_free(&settings);
    printf("%s: ok\n", file);
    return 0;
}

static int show(const char *file)
{
    struct settings *settings;
    fov_error error = {0};
    fov_status status = settings_load(&settings, file, environ, NULL, 0, report, NULL, &error);
    if (status != FOV_OK) {
        fprintf(stderr, "fovea: %s\n", error.message);
        return status == FOV_ENOTFOUND ? 3 : 1;
    }
    settings_print(settings, stdout);
    settings_free(&settings);
    return 0;
}

int cmd_config(int argc, char **argv)
{
    static const struct usage usage = {
        "config", "check FILE | show [FILE] | schema | reference",
        "Checks settings, or shows them with where each value comes from.",
        "Mistakes are shown as file:line:col: key: what is wrong, did you mean ..."};
    const char *words[2] = {NULL, NULL}, *config = NULL;
    const struct option_spec options[] = {
        {"config", OPTION_TEXT, &config, 0, 0, "FILE", "settings, YAML"}, {0}};
    int count = options_parse(&usage, options, argc, argv, words, 2);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    const char *file = count == 2 ? words[1] : config;
    if (count >= 1 && strcmp(words[0], "check") == 0 && file)
        return check(file);
    if (count >= 1 && strcmp(words[0], "show") == 0)
        return show(file);
    if (count == 1 && strcmp(words[0], "schema") == 0) {
        settings_print_schema(stdout);
        return 0;
    }
    if (count == 1 && strcmp(words[0], "reference") == 0) {
        settings_print_reference(stdout);
        return 0;
    }
    fprintf(stderr, "usage: fovea config %s\n", usage.arguments);
    return 2;
}
