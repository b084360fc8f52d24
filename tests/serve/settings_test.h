/* What the tests of settings share: files parsed with their findings, tables of mistakes. */
#ifndef TESTS_SETTINGS_TEST_H
#define TESTS_SETTINGS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/settings.h"

struct findings {
    char text[4096];
    int fatal, notes;
};

static void collect(void *user, bool fatal, const char *text)
{
    struct findings *f = user;
    size_t used = strlen(f->text);
    snprintf(f->text + used, sizeof f->text - used, "%s\n", text);
    fatal ? f->fatal++ : f->notes++;
}

static fov_status parse(const char *text, char *const *env, struct settings **s,
                        struct findings *found)
{
    fov_error error = {0};
    *found = (struct findings){0};
    return settings_parse(s, text, strlen(text), "f.yaml", env, collect, found, &error);
}

/* Settings of a file that has no mistake. */
static inline struct settings *read_good(const char *text, char *const *env)
{
    struct settings *s;
    struct findings found;
    if (parse(text, env, &s, &found) != FOV_OK || found.notes)
        fail_msg("%s\ngave: %s", text, found.text);
    return s;
}

/* A file with one mistake; the finding must begin with its place and hold the words. */
struct mistake {
    const char *text, *place, *words;
};

static inline void mistakes_are_named(const struct mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct settings *s;
        struct findings found;
        fov_status status = parse(mistakes[i].text, NULL, &s, &found);
        bool right = status == FOV_EINVAL && !s && found.fatal == 1 &&
                     strncmp(found.text, mistakes[i].place, strlen(mistakes[i].place)) == 0 &&
                     strstr(found.text, mistakes[i].words);
        if (!right)
            fail_msg("%s\ngave %d findings: %s", mistakes[i].text, found.fatal, found.text);
    }
}

/* What settings_print shows; free it. */
static char *shown_text(const struct settings *s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    settings_print(s, to);
    fclose(to);
    return text;
}

/* What settings_print shows can be read, and this is what it says. */
static inline struct settings *shown_again(const struct settings *s, char *const *env)
{
    char *text = shown_text(s);
    struct settings *again = read_good(text, env);
    free(text);
    return again;
}

#endif
