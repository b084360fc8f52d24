#include "infer/metadata_beside.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- metadata.yaml: not a YAML reader, but one of the few forms that exporters write ---- */

struct line {
    const char *text;
    size_t size, indent;
};

/* The value that is being put together: "[640, 640]", "{0: 'person', 1: 'bicycle'}". */
struct pending {
    char key[METADATA_KEY];
    char *text;
    size_t used;
    char close; /* ']' or '}', 0 before the first item */
    bool full;
};

static bool next_line(const char **at, const char *end, struct line *line)
{
    if (*at >= end)
        return false;
    const char *feed = memchr(*at, '\n', (size_t)(end - *at)), *stop = feed ? feed : end;
    *line = (struct line){.text = *at};
    while (line->text < stop && *line->text == ' ')
        line->text++;
    line->indent = (size_t)(line->text - *at);
    line->size = (size_t)(stop - line->text);
    while (line->size && strchr(" \r\t", line->text[line->size - 1]))
        line->size--;
    *at = feed ? feed + 1 : end;
    return true;
}

/* Without the quotes around it; a doubled quote inside stays as it is. */
static void unquote(const char **text, size_t *size)
{
    bool quoted = *size >= 2 && (**text == '\'' || **text == '"') && (*text)[*size - 1] == **text;
    *text += quoted;
    *size -= quoted ? 2 : 0;
}

static void put(struct pending *p, const char *text, size_t size)
{
    if (p->full || size >= METADATA_VALUE - p->used) {
        p->full = true;
        return;
    }
    memcpy(p->text + p->used, text, size);
    p->used += size;
}

static void put_quoted(struct pending *p, const char *text, size_t size)
{
    put(p, "'", 1);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\'' || text[i] == '\\')
            put(p, "\\", 1);
        put(p, text + i, 1);
    }
    put(p, "'", 1);
}

static void finish(struct pending *p, struct metadata *meta)
{
    if (p->close) {
        put(p, &p->close, 1);
        if (!p->full)
            metadata_add(meta, p->key, strlen(p->key), p->text, p->used);
    }
    p->key[0] = p->close = '\0';
    p->used = 0;
    p->full = false;
}

/* "- 640" or "0: person" below a key. */
static void add_item(struct pending *p, const struct line *line)
{
    const char *text = line->text, *colon = memchr(text, ':', line->size);
    size_t size = line->size;
    bool list = size > 2 && text[0] == '-' && text[1] == ' ';
    if (!p->key[0] || (!list && !colon) || (p->close && (p->close == ']') != list))
        return;
    put(p, p->close ? ", " : list ? "[" : "{", p->close ? 2 : 1);
    p->close = list ? ']' : '}';
    if (list) {
        put(p, text + 2, size - 2);
        return;
    }
    const char *value = colon + 1;
    size_t left = size - (size_t)(value - text);
    while (left && *value == ' ') {
        value++;
        left--;
    }
    unquote(&value, &left);
    put(p, text, (size_t)(colon - text));
    put(p, ": ", 2);
    put_quoted(p, value, left);
}

static void add_scalar(struct pending *p, struct metadata *meta, const struct line *line)
{
    const char *colon = memchr(line->text, ':', line->size);
    size_t key = colon ? (size_t)(colon - line->text) : 0;
    finish(p, meta);
    if (!key || key >= METADATA_KEY)
        return;
    const char *value = colon + 1;
    size_t left = line->size - key - 1;
    while (left && *value == ' ') {
        value++;
        left--;
    }
    if (!left) { /* items follow */
        memcpy(p->key, line->text, key);
        p->key[key] = '\0';
        return;
    }
    unquote(&value, &left);
    metadata_add(meta, line->text, key, value, left);
}

void metadata_scan_yaml(struct metadata *meta, const char *text, size_t size)
{
    struct pending p = {.text = malloc(METADATA_VALUE)};
    struct line line;
    int before = meta->count;
    for (const char *at = text; p.text && next_line(&at, text + size, &line);) {
        if (!line.size || *line.text == '#')
            continue;
        if (line.indent || *line.text == '-')
            add_item(&p, &line);
        else
            add_scalar(&p, meta, &line);
    }
    if (p.text)
        finish(&p, meta);
    free(p.text);
    if (!before && meta->count)
        meta->source = "metadata.yaml";
}

/* ---- files ---- */

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void read_yaml(struct metadata *meta, const char *path)
{
    FILE *file = is_file(path) ? fopen(path, "re") : NULL;
    char *text = file ? malloc(METADATA_VALUE) : NULL;
    if (text)
        metadata_scan_yaml(meta, text, fread(text, 1, METADATA_VALUE, file));
    free(text);
    if (file)
        fclose(file);
}

void metadata_read_beside(struct metadata *meta, const char *path)
{
    static const char *const endings[] = {".txt", "_labels.txt", "labels.txt"};
    char beside[PATH_MAX];
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    int folder = slash ? (int)(slash + 1 - path) : 0;
    int stem = dot && (!slash || dot > slash) ? (int)(dot - path) : (int)strlen(path);
    if (stem > PATH_MAX - 32)
        return;
    snprintf(beside, sizeof beside, "%.*smetadata.yaml", folder, path);
    read_yaml(meta, beside);
    for (size_t i = 0; i < sizeof endings / sizeof *endings && !meta->label_file; i++) {
        snprintf(beside, sizeof beside, "%.*s%s", i == 2 ? folder : stem, path, endings[i]);
        if (is_file(beside))
            meta->label_file = strdup(beside);
    }
}
