/* One value: from text or a node of the file into its place, with what is wrong with it. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "serve/settings_load.h"

/* ---- findings ------------------------------------------------------------------------------- */

void settings_note(struct settings_report *report, bool fatal, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report->fatal += fatal;
    if (report->fn)
        report->fn(report->user, fatal, text);
}

void settings_note_at(struct settings_report *report, int line, int column, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    settings_note(report, true, "%s:%d:%d: %s", report->file, line, column, text);
}

void settings_wrong(struct settings_load *load, const struct settings_place *place, const char *key,
                    const char *format, ...)
{
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (place->node)
        settings_note_at(&load->report, place->node->line, place->node->column, "%s: %s", key,
                         text);
    else
        settings_note(&load->report, true, "%s: %s: %s", place->name, key, text);
}

/* ---- memory that lives as long as the settings ------------------------------------------------
 */

void *settings_keep(struct settings_load *load, void *chunk)
{
    struct settings_store *store = load->settings->store;
    if (chunk && store->chunk_count == store->chunk_capacity) {
        size_t capacity = store->chunk_capacity ? 2 * store->chunk_capacity : 64;
        void **chunks = realloc(store->chunks, capacity * sizeof *chunks);
        if (!chunks) {
            free(chunk);
            chunk = NULL;
        } else {
            store->chunks = chunks;
            store->chunk_capacity = capacity;
        }
    }
    if (chunk)
        store->chunks[store->chunk_count++] = chunk;
    else
        load->no_memory = true;
    return chunk;
}

char *settings_keep_text(struct settings_load *load, const char *text)
{
    return settings_keep(load, strdup(text));
}

/* ---- one value ------------------------------------------------------------------------------- */

static const char *nearest_word(const char *word, const char *words)
{
    static _Thread_local char copy[160];
    const char *list[16];
    char *rest = NULL;
    size_t count = 0;
    text_copy(copy, sizeof copy, words);
    for (char *at = strtok_r(copy, " ", &rest); at && count < 16; at = strtok_r(NULL, " ", &rest))
        list[count++] = at;
    return text_nearest(word, list, count);
}

/* Index of `word` in the space-separated `words`, -1 if none. */
static int word_index(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (int i = 0; *words; i++) {
        size_t own = strcspn(words, " ");
        if (own == length && strncasecmp(words, word, own) == 0)
            return i;
        words += own + (words[own] == ' ');
    }
    return -1;
}

static int read_bool(const char *text)
{
    int at = word_index("false true no yes off on 0 1", text);
    return at < 0 ? -1 : at % 2;
}

static void set_choice(struct settings_load *load, const struct settings_row *row, const char *key,
                       const char *text, int *value, const struct settings_place *place)
{
    int index = word_index(row->choices, text);
    if (index < 0 && read_bool(text) >= 0) /* `auth: yes` */
        index = word_index(row->choices, read_bool(text) ? "on" : "off");
    if (index >= 0) {
        *value = index;
        return;
    }
    const char *near = nearest_word(text, row->choices);
    settings_wrong(load, place, key, "'%.40s' is none of: %s%s%s", text, row->choices,
                   near ? ", did you mean " : "", near ? near : "");
}

static void set_number(struct settings_load *load, const struct settings_row *row, const char *key,
                       const char *text, void *value, const struct settings_place *place)
{
    double number;
    long long whole;
    if (row->kind == SET_INT &&
        text_to_int(text, (long long)row->least, (long long)row->most, &whole))
        *(int *)value = (int)whole;
    else if (row->kind == SET_NUMBER && text_to_double(text, row->least, row->most, &number))
        *(double *)value = number;
    else
        settings_wrong(load, place, key, "'%.40s' is not a %snumber from %g to %g", text,
                       row->kind == SET_INT ? "whole " : "", row->least, row->most);
}

bool settings_is_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

static const char *checked_text(struct settings_load *load, const struct settings_row *row,
                                const char *key, const char *text,
                                const struct settings_place *place)
{
    size_t most = row->most > 0 ? (size_t)row->most : 4096;
    if (strlen(text) > most)
        settings_wrong(load, place, key, "longer than %zu bytes", most);
    else if (!settings_is_line(text) || !text_is_utf8((const uint8_t *)text, strlen(text)))
        settings_wrong(load, place, key,
                       "control characters and bytes that are not UTF-8 are not allowed");
    else
        return settings_keep_text(load, text);
    return NULL;
}

static void add_item(struct settings_load *load, struct settings_list *list, const char *text)
{
    const char **items = text ? malloc((list->count + 1) * sizeof *items) : NULL;
    if (!text || !settings_keep(load, items)) /* what is refused was reported */
        return;
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count] = text;
    list->items = items;
    list->count++;
}

/* A list given as one text: comma separated. */
static void set_list(struct settings_load *load, const struct settings_row *row, const char *key,
                     const char *text, struct settings_list *list,
                     const struct settings_place *place)
{
    *list = (struct settings_list){0};
    while (*text) {
        size_t length = strcspn(text, ",");
        const char *from = text;
        text += length + (text[length] == ',');
        while (length > 0 && isspace((unsigned char)*from))
            from++, length--;
        while (length > 0 && isspace((unsigned char)from[length - 1]))
            length--;
        char item[2100];
        if (length == 0)
            continue;
        if (length >= sizeof item) {
            settings_wrong(load, place, key, "an entry is too long");
            continue;
        }
        memcpy(item, from, length);
        item[length] = '\0';
        add_item(load, list, checked_text(load, row, key, item, place));
    }
}

void settings_set_text(struct settings_load *load, const struct settings_row *row, const char *key,
                       const char *text, void *value, const struct settings_place *place)
{
    int truth;
    switch (row->kind) {
    case SET_BOOL:
        truth = read_bool(text);
        if (truth < 0)
            settings_wrong(load, place, key, "'%.40s' is neither true nor false", text);
        else
            *(bool *)value = truth == 1;
        break;
    case SET_INT:
    case SET_NUMBER:
        set_number(load, row, key, text, value, place);
        break;
    case SET_CHOICE:
        set_choice(load, row, key, text, value, place);
        break;
    case SET_TEXT:
        *(const char **)value = checked_text(load, row, key, text, place);
        break;
    case SET_LIST:
        set_list(load, row, key, text, value, place);
        break;
    case SET_ANY:
    case SET_ZONES:
    case SET_HOOKS:
        break;
    case SET_TEAMS:
        settings_set_teams_text(load, key, text, value, place);
        break;
    }
}

/* A value of the file: shapes are checked here. */
void settings_set_node(struct settings_load *load, const struct settings_row *row, const char *key,
                       const struct yaml_node *node, void *value)
{
    struct settings_place place = {.node = node};
    if (row->kind == SET_ANY)
        return;
    if (row->kind == SET_ZONES) {
        settings_set_zones(load, key, node, value);
    } else if (row->kind == SET_HOOKS) {
        settings_set_webhooks(load, key, node, value);
    } else if (row->kind == SET_TEAMS) {
        settings_set_teams(load, key, node, value);
    } else if (row->kind == SET_LIST && node->kind == YAML_LIST) {
        *(struct settings_list *)value = (struct settings_list){0};
        for (const struct yaml_node *item = node->child; item; item = item->next) {
            place.node = item;
            if (item->kind != YAML_SCALAR)
                settings_wrong(load, &place, key, "each entry must be a text");
            else
                add_item(load, value, checked_text(load, row, key, item->text, &place));
        }
    } else if (node->kind == YAML_LIST) {
        settings_wrong(load, &place, key, "one value is expected, not a list");
    } else if (node->kind == YAML_MAP) {
        bool braces = node->child && !node->child->next && node->child->text &&
                      node->child->text[0] == '\0';
        settings_wrong(load, &place, key, "a value is expected, not a section%s",
                       braces ? " (quote values that begin with a brace: \"{NAME}\")" : "");
    } else if (node->text[0] == '\0' && !node->quoted && row->kind != SET_LIST) {
        if (row->kind != SET_TEXT)
            settings_wrong(load, &place, key, "a value is missing");
    } else {
        settings_set_text(load, row, key, node->text, value, &place);
    }
}
