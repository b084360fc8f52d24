/* How often the lines of streams were crossed: totals by class, from the server's start or the last
 * reset on, also across streams of one name. Loop thread. */
#ifndef SERVE_TALLY_H
#define SERVE_TALLY_H

#include "scene/zones.h"
#include "serve/serve.h"

enum {
    TALLY_STREAMS_MAX = 256, /* the one crossed longest ago makes room */
    TALLY_CLASSES_MAX = 16   /* of a line; others count as "other" */
};

/* The first of a list; NULL at first. */
struct tally;

void tally_add(struct tally **list, const char *stream, const char *line, const char *class_name,
               bool in);

/* From now on 0. */
void tally_reset(struct tally **list, const char *stream, const char *line);

/* Writes [{"line", "in", "out", "by_class", "since", "state"} …] of the lines among `zones` (may be
 * NULL); `since_ms`: Unix ms of the server's start. */
void tally_write(const struct tally *list, const char *stream, const struct zones *zones,
                 const struct zones_known *known, long long since_ms, struct json_writer *w);

void tally_free(struct tally **list);

#endif
