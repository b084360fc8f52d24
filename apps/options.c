#include "options.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { OPTIONS_MAX = 64 };

static void print_help(const struct usage *usage, const struct option_spec *options)
{
    printf("usage: fovea %s %s [--options]\n\n%s\n", usage->command, usage->arguments,
           usage->summary);
    if (options->name)
        printf("\noptions:\n");
    for (const struct option_spec *o = options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        printf("  %-26s %s\n", left, o->help);
    }
    printf("  %-26s %s\n", "--help", "this text");
    if (usage->details)
        printf("\n%s\n", usage->details);
}

/* Compares up to `length`, with '_' in what was typed equal to '-'. */
static bool same_name(const char *typed, size_t length, const char *name)
{
    if (strlen(name) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((typed[i] == '_' ? '-' : typed[i]) != name[i])
            return false;
    return true;
}

static const struct option_spec *find(const struct option_spec *options, const char *typed,
                                      size_t length)
{
    for (const struct option_spec *o = options; o->name; o++)
        if (same_name(typed, length, o->name))
            return o;
    return NULL;
}

static int fail_unknown(const struct usage *usage, const struct option_spec *options,
                        const char *typed, size_t length)
{
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (const struct option_spec *o = options; o->name && count < OPTIONS_MAX; o++)
        names[count++] = o->name;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, typed);
    const char *near = text_nearest(word, names, count);
    fprintf(stderr, "fovea %s: unknown option --%s", usage->command, word);
    if (near)
        fprintf(stderr, ", did you mean --%s?", near);
    fprintf(stderr, "\nsee: fovea %s --help\n", usage->command);
    return OPTIONS_ERROR;
}

static bool store(const struct usage *usage, const struct option_spec *o, const char *text)
{
    long long whole;
    double number;
    switch (o->kind) {
    case OPTION_TEXT:
        *(const char **)o->value = text;
        return true;
    case OPTION_INT:
        if (text_to_int(text, (long long)o->least, (long long)o->most, &whole)) {
            *(int *)o->value = (int)whole;
            return true;
        }
        break;
    case OPTION_NUMBER:
        if (text_to_double(text, o->least, o->most, &number)) {
            *(double *)o->value = number;
            return true;
        }
        break;
    case OPTION_FLAG:
        if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "false") == 0 ||
            strcmp(text, "0") == 0) {
            *(bool *)o->value = text[0] == 't' || text[0] == '1';
            return true;
        }
        fprintf(stderr, "fovea %s: --%s takes true or false, not '%s'\n", usage->command, o->name,
                text);
        return false;
    }
    fprintf(stderr, "fovea %s: --%s must be a number from %g to %g, not '%s'\n", usage->command,
            o->name, o->least, o->most, text);
    return false;
}

/* One argument that begins with "--". Returns how many were used, or OPTIONS_ERROR. */
static int take_option(const struct usage *usage, const struct option_spec *options, int left,
                       char **argv)
{
    const char *typed = argv[0] + 2;
    const char *equals = strchr(typed, '=');
    size_t length = equals ? (size_t)(equals - typed) : strlen(typed);
    const struct option_spec *o = find(options, typed, length);
    if (!o && !equals && strncmp(typed, "no-", 3) == 0) {
        o = find(options, typed + 3, length - 3);
        if (o && o->kind == OPTION_FLAG) {
            *(bool *)o->value = false;
            return 1;
        }
        o = NULL;
    }
    if (!o)
        return fail_unknown(usage, options, typed, length);
    if (equals)
        return store(usage, o, equals + 1) ? 1 : OPTIONS_ERROR;
    if (o->kind == OPTION_FLAG) {
        *(bool *)o->value = true;
        return 1;
    }
    if (left < 2) {
        fprintf(stderr, "fovea %s: --%s needs %s\n", usage->command, o->name,
                o->argument ? o->argument : "a value");
        return OPTIONS_ERROR;
    }
    return store(usage, o, argv[1]) ? 2 : OPTIONS_ERROR;
}

/* `key=value` with a known key. Returns 1 used, 0 not one of these, OPTIONS_ERROR. */
static int take_pair(const struct usage *usage, const struct option_spec *options, const char *arg)
{
    const char *equals = strchr(arg, '=');
    if (!equals)
        return 0;
    const struct option_spec *o = find(options, arg, (size_t)(equals - arg));
    if (!o)
        return 0;
    return store(usage, o, equals + 1) ? 1 : OPTIONS_ERROR;
}

int options_parse(const struct usage *usage, const struct option_spec *options, int argc,
                  char **argv, const char **positional, int max_positional)
{
    int count = 0;
    bool only_positional = false;
    for (int i = 1; i < argc;) {
        const char *arg = argv[i];
        int used = 0;
        if (!only_positional && strcmp(arg, "--") == 0) {
            only_positional = true;
            i++;
            continue;
        }
        if (!only_positional && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            print_help(usage, options);
            return OPTIONS_HELP;
        }
        if (!only_positional && strncmp(arg, "--", 2) == 0)
            used = take_option(usage, options, argc - i, argv + i);
        else if (!only_positional)
            used = take_pair(usage, options, arg);
        if (used < 0)
            return OPTIONS_ERROR;
        if (!used) {
            if (strncmp(arg, "source=", 7) == 0)
                arg += 7;
            if (count == max_positional) {
                fprintf(stderr, "fovea %s: one argument too many: '%s'\nsee: fovea %s --help\n",
                        usage->command, arg, usage->command);
                return OPTIONS_ERROR;
            }
            positional[count++] = arg;
            used = 1;
        }
        i += used;
    }
    return count;
}

bool options_classes(const char *list, unsigned long long classes[16])
{
    char item[16];
    memset(classes, 0, 16 * sizeof *classes);
    while (*list) {
        size_t length = strcspn(list, ",");
        long long id;
        if (length >= sizeof item)
            return false;
        memcpy(item, list, length);
        item[length] = '\0';
        if (!text_to_int(item, 0, 1023, &id))
            return false;
        classes[id / 64] |= 1ULL << (id % 64);
        list += length;
        if (*list == ',' && !*++list)
            return false;
    }
    return true;
}
