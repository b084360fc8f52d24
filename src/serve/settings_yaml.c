/* A YAML file as a small tree with line and column of every value. Only what settings need: no
 * anchors, aliases or tags, so that a small file cannot become a large tree. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/text.h"
#include "serve/settings_rows.h"

enum { YAML_DEPTH_MAX = 24, YAML_NODES_MAX = 10000 };
#define YAML_BYTES_MAX ((size_t)1 << 20)

struct yaml_reader {
    yaml_parser_t parser;
    yaml_event_t event;
    struct settings_report *report;
    char *const *env;
    int nodes;
};

static struct yaml_node *read_value(struct yaml_reader *r, int depth);

static int line_of(const yaml_mark_t *mark)
{
    return (int)mark->line + 1;
}

static int column_of(const yaml_mark_t *mark)
{
    return (int)mark->column + 1;
}

void settings_yaml_free(struct yaml_node **node)
{
    struct yaml_node *next, *at = *node;
    for (; at; at = next) {
        next = at->next;
        settings_yaml_free(&at->child);
        free(at->key);
        free(at->text);
        free(at);
    }
    *node = NULL;
}

/* Next event into r->event; false after a report. */
static bool next_event(struct yaml_reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return true;
    const yaml_mark_t *mark = &r->parser.problem_mark;
    const char *problem = r->parser.problem ? r->parser.problem : "cannot be read";
    if (r->parser.error == YAML_READER_ERROR)
        settings_note_at(r->report, 1, 1, "not UTF-8 text at byte %zu: %s",
                         r->parser.problem_offset, problem);
    else
        settings_note_at(r->report, line_of(mark), column_of(mark), "not YAML: %s%s%s", problem,
                         r->parser.context ? " " : "", r->parser.context ? r->parser.context : "");
    return false;
}

static bool refuse(struct yaml_reader *r, const char *what)
{
    settings_note_at(r->report, line_of(&r->event.start_mark), column_of(&r->event.start_mark),
                     "%s", what);
    return false;
}

const char *settings_env(char *const *env, const char *name, size_t length)
{
    for (; env && *env; env++)
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
            return (*env)[length + 1] ? *env + length + 1 : NULL;
    return NULL;
}

static size_t name_length(const char *text)
{
    size_t n = 0;
    while (isupper((unsigned char)text[n]) || text[n] == '_' ||
           (n > 0 && isdigit((unsigned char)text[n])))
        n++;
    return n;
}

/* Appends `size` bytes to *text; false when memory is short. */
static bool append(char **text, size_t *used, const char *from, size_t size)
{
    char *grown = realloc(*text, *used + size + 1);
    if (!grown)
        return false;
    memcpy(grown + *used, from, size);
    *used += size;
    grown[*used] = '\0';
    *text = grown;
    return true;
}

/* `{NAME}` becomes the variable's value; `{{` is a brace. */
static char *substitute(struct yaml_reader *r, const char *from)
{
    char *text = NULL;
    size_t used = 0;
    bool ok = append(&text, &used, "", 0);
    while (ok && *from) {
        size_t plain = strcspn(from, "{");
        ok = append(&text, &used, from, plain);
        from += plain;
        if (!ok || *from == '\0')
            break;
        size_t length = name_length(from + 1);
        if (from[1] == '{' || length == 0 || from[1 + length] != '}') {
            ok = append(&text, &used, "{", 1);
            from += from[1] == '{' ? 2 : 1;
            continue;
        }
        const char *value = settings_env(r->env, from + 1, length);
        if (!value)
            settings_note_at(r->report, line_of(&r->event.start_mark),
                             column_of(&r->event.start_mark),
                             "the environment variable %.*s is not set", (int)length, from + 1);
        ok = !value || append(&text, &used, value, strlen(value));
        from += length + 2;
    }
    if (!ok)
        free(text);
    return ok ? text : NULL;
}

static struct yaml_node *new_node(struct yaml_reader *r, enum yaml_kind kind)
{
    struct yaml_node *node = ++r->nodes <= YAML_NODES_MAX ? calloc(1, sizeof *node) : NULL;
    if (!node) {
        refuse(r, "more than 10,000 values");
        return NULL;
    }
    node->kind = kind;
    node->line = line_of(&r->event.start_mark);
    node->column = column_of(&r->event.start_mark);
    return node;
}

static struct yaml_node *read_scalar(struct yaml_reader *r)
{
    const char *value = (const char *)r->event.data.scalar.value;
    struct yaml_node *node;
    if (strlen(value) != r->event.data.scalar.length) {
        refuse(r, "a NUL character is not allowed");
        return NULL;
    }
    node = new_node(r, YAML_SCALAR);
    if (!node)
        return NULL;
    node->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    bool null = !node->quoted && (strcmp(value, "~") == 0 || strcmp(value, "null") == 0);
    node->text = substitute(r, null ? "" : value);
    if (!node->text) {
        refuse(r, "not enough memory");
        settings_yaml_free(&node);
    }
    return node;
}

static struct yaml_node *read_list(struct yaml_reader *r, int depth)
{
    struct yaml_node *list = new_node(r, YAML_LIST), **tail = list ? &list->child : NULL;
    while (list) {
        if (!next_event(r))
            break;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return list;
        *tail = read_value(r, depth + 1);
        if (!*tail)
            break;
        tail = &(*tail)->next;
    }
    settings_yaml_free(&list);
    return NULL;
}

/* The key of a member, whose event was just read, into `member`'s place and name. */
static char *read_key(struct yaml_reader *r, const struct yaml_node *map)
{
    if (r->event.type != YAML_SCALAR_EVENT || r->event.data.scalar.anchor) {
        refuse(r, "a name is expected here (values with braces need quotes)");
        return NULL;
    }
    const char *name = (const char *)r->event.data.scalar.value;
    for (const struct yaml_node *at = map->child; at; at = at->next)
        if (strcmp(at->key, name) == 0) {
            settings_note_at(r->report, line_of(&r->event.start_mark),
                             column_of(&r->event.start_mark),
                             "%s: given twice, the first time in line %d", name, at->key_line);
            return NULL;
        }
    return strdup(name);
}

static struct yaml_node *read_map(struct yaml_reader *r, int depth)
{
    struct yaml_node *map = new_node(r, YAML_MAP), **tail = map ? &map->child : NULL;
    while (map && next_event(r)) {
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return map;
        int line = line_of(&r->event.start_mark), column = column_of(&r->event.start_mark);
        char *key = read_key(r, map);
        struct yaml_node *member = key && next_event(r) ? read_value(r, depth + 1) : NULL;
        if (!member) {
            free(key);
            break;
        }
        member->key = key;
        member->key_line = line;
        member->key_column = column;
        *tail = member;
        tail = &member->next;
    }
    settings_yaml_free(&map);
    return NULL;
}

/* The value whose first event is in r->event. */
static struct yaml_node *read_value(struct yaml_reader *r, int depth)
{
    if (depth > YAML_DEPTH_MAX) {
        refuse(r, "nested deeper than 24 levels");
        return NULL;
    }
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        if (r->event.data.scalar.anchor || r->event.data.scalar.tag)
            break;
        return read_scalar(r);
    case YAML_SEQUENCE_START_EVENT:
        if (r->event.data.sequence_start.anchor || r->event.data.sequence_start.tag)
            break;
        return read_list(r, depth);
    case YAML_MAPPING_START_EVENT:
        if (r->event.data.mapping_start.anchor || r->event.data.mapping_start.tag)
            break;
        return read_map(r, depth);
    default:
        break;
    }
    refuse(r, "anchors, aliases and tags (& * !) are not supported; quote the value");
    return NULL;
}

static struct yaml_node *read_document(struct yaml_reader *r)
{
    struct yaml_node *root = NULL;
    if (!next_event(r) || !next_event(r)) /* stream start, document start */
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return new_node(r, YAML_MAP); /* nothing but comments */
    if (!next_event(r))
        return NULL;
    root = read_value(r, 0);
    if (!root || !next_event(r) || !next_event(r)) { /* document end, stream end */
        settings_yaml_free(&root);
        return NULL;
    }
    if (r->event.type != YAML_STREAM_END_EVENT) {
        refuse(r, "a second document; settings are one");
        settings_yaml_free(&root);
    }
    return root;
}

struct yaml_node *settings_yaml_parse(const char *text, size_t size, char *const *env,
                                      struct settings_report *report)
{
    struct yaml_reader r = {.report = report, .env = env};
    if (size > YAML_BYTES_MAX) {
        settings_note_at(report, 1, 1, "larger than 1 MiB");
        return NULL;
    }
    if (!yaml_parser_initialize(&r.parser)) {
        settings_note_at(report, 1, 1, "not enough memory");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
    struct yaml_node *root = read_document(&r);
    if (root && root->kind == YAML_SCALAR && root->text[0] == '\0')
        root->kind = YAML_MAP; /* "---" or "~" */
    if (root && root->kind != YAML_MAP) {
        settings_note_at(report, root->line, root->column,
                         "sections (server:, cameras:, …) are expected");
        settings_yaml_free(&root);
    }
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return root;
}
