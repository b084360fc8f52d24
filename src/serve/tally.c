#include "serve/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

struct count {
    char name[64]; /* of a class */
    uint64_t in, out;
};

struct line {
    char name[ZONE_NAME_MAX]; /* "": free */
    long long since_ms;       /* 0: the server's start */
    uint64_t in, out;
    size_t count;
    struct count classes[TALLY_CLASSES_MAX + 1];
    int64_t used_ns;
};

struct tally {
    struct tally *next;
    char stream[ROOM_NAME_MAX];
    int64_t used_ns;
    struct line lines[ZONES_MAX];
};

static struct tally *find(struct tally *list, const char *stream)
{
    while (list && strcmp(list->stream, stream) != 0)
        list = list->next;
    return list;
}

/* A new one, or that of the stream which was crossed longest ago. */
static struct tally *make(struct tally **list, const char *stream)
{
    size_t count = 0;
    struct tally *oldest = NULL, *made = NULL;
    for (struct tally *at = *list; at; at = at->next, count++)
        if (!oldest || at->used_ns < oldest->used_ns)
            oldest = at;
    if (count < TALLY_STREAMS_MAX && (made = calloc(1, sizeof *made))) {
        made->next = *list;
        *list = made;
    } else if (oldest) {
        made = oldest;
        memset(made->lines, 0, sizeof made->lines);
    }
    if (made)
        text_copy(made->stream, sizeof made->stream, stream);
    return made;
}

static const struct line *line_find(const struct tally *tally, const char *name)
{
    for (size_t i = 0; tally && i < ZONES_MAX; i++)
        if (strcmp(tally->lines[i].name, name) == 0)
            return &tally->lines[i];
    return NULL;
}

/* Its line of that name; a new one takes a free place, or that of the one not used for longest. */
static struct line *line_of(struct tally *tally, const char *name)
{
    struct line *room = (struct line *)line_find(tally, name);
    if (room)
        return room;
    room = &tally->lines[0];
    for (size_t i = 1; i < ZONES_MAX; i++)
        if (tally->lines[i].used_ns < room->used_ns)
            room = &tally->lines[i];
    *room = (struct line){0};
    text_copy(room->name, sizeof room->name, name);
    return room;
}

static struct count *count_of(struct line *line, const char *class_name)
{
    for (size_t i = 0; i < line->count; i++)
        if (strcmp(line->classes[i].name, class_name) == 0)
            return &line->classes[i];
    bool full = line->count >= TALLY_CLASSES_MAX;
    if (full && strcmp(class_name, "other") != 0)
        return count_of(line, "other");
    struct count *made = &line->classes[line->count++];
    text_copy(made->name, sizeof made->name, class_name);
    return made;
}

void tally_add(struct tally **list, const char *stream, const char *line, const char *class_name,
               bool in)
{
    struct tally *tally = find(*list, stream);
    if (!tally && !(tally = make(list, stream)))
        return;
    struct line *l = line_of(tally, line);
    struct count *c = count_of(l, class_name);
    tally->used_ns = l->used_ns = clock_now_ns();
    l->in += in;
    l->out += !in;
    c->in += in;
    c->out += !in;
}

void tally_reset(struct tally **list, const char *stream, const char *line)
{
    struct tally *tally = find(*list, stream);
    if (!tally && !(tally = make(list, stream)))
        return;
    struct line *l = line_of(tally, line);
    *l = (struct line){.since_ms = (long long)clock_unix_ms(), .used_ns = clock_now_ns()};
    text_copy(l->name, sizeof l->name, line);
}

static void write_counts(struct json_writer *w, uint64_t in, uint64_t out)
{
    json_add_int(w, "in", (int64_t)in);
    json_add_int(w, "out", (int64_t)out);
}

static void write_line(struct json_writer *w, const struct zone *zone, const struct line *line,
                       const struct zones_known *known, long long since_ms)
{
    json_object_begin(w);
    json_add_string(w, "line", zone->name);
    write_counts(w, line ? line->in : 0, line ? line->out : 0);
    json_name(w, "by_class");
    json_object_begin(w);
    for (size_t i = 0; line && i < line->count; i++) {
        json_name(w, line->classes[i].name);
        json_object_begin(w);
        write_counts(w, line->classes[i].in, line->classes[i].out);
        json_object_end(w);
    }
    json_object_end(w);
    json_add_int(w, "since", line && line->since_ms > 0 ? line->since_ms : since_ms);
    json_add_string(w, "state", zone_state(zone, known));
    json_object_end(w);
}

void tally_write(const struct tally *list, const char *stream, const struct zones *zones,
                 const struct zones_known *known, long long since_ms, struct json_writer *w)
{
    const struct tally *tally = find((struct tally *)list, stream);
    json_array_begin(w);
    for (size_t i = 0; zones && i < zones->count; i++)
        if (zones->items[i].line)
            write_line(w, &zones->items[i], line_find(tally, zones->items[i].name), known,
                       since_ms);
    json_array_end(w);
}

void tally_free(struct tally **list)
{
    while (*list) {
        struct tally *next = (*list)->next;
        free(*list);
        *list = next;
    }
}
