/* The `fovea` command: finds the command in the table and runs it. */
#include <stdio.h>
#include <string.h>

#include <fovea/fovea.h>
#include "base/text.h"
#include "commands.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
#define ROW(name, summary) {#name, summary, cmd_##name},
    FOVEA_COMMANDS(ROW)
#undef ROW
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_overview(FILE *to)
{
    fprintf(to, "usage: fovea COMMAND [SOURCE] [--options]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\nfovea COMMAND --help tells more.\n");
}

static int fail_unknown(const char *name)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    const char *near = text_nearest(name, names, COMMAND_COUNT);
    fprintf(stderr, "fovea: unknown command '%s'", name);
    if (near)
        fprintf(stderr, ", did you mean '%s'?", near);
    fprintf(stderr, "\n\n");
    print_overview(stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_overview(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return fail_unknown(name);
}
