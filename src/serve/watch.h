/* Rules on the results of streams: what `alerts:` asks for becomes events of kind "alert".
 *
 * A stream's results come in on its worker, pass the rules there (comparisons of numbers, no memory
 * is taken), and only what changes is posted to the loop: an alert is raised or cleared, a line is
 * crossed. */
#ifndef SERVE_WATCH_H
#define SERVE_WATCH_H

#include "serve/serve.h"

struct watch;

/* One analysed frame. */
struct watch_frame {
    const fov_detection *items; /* in source px */
    size_t count;
    int width, height; /* source px */
    int64_t ns;        /* monotonic, of its capture */
    uint64_t number;   /* frameNumber in the event */
    const fov_model *model;
    const fov_football_frame *football; /* NULL: none; its people take the place of `items` */
};

/* The rules that the settings have for a stream of this name, zones drawn or from the settings
 * included; settings and zones that change are followed. `tracker`: its boxes have names;
 * `football`: its frames have football. NULL: no memory. Loop thread. */
struct watch *watch_open(struct server *server, const char *stream, bool tracker, bool football);

/* Passes a frame through the rules. Any thread, in the order of the frames. Blocks: no. */
void watch_see(struct watch *watch, const struct watch_frame *frame);

/* The stream ends: what is raised is cleared, later frames are left out. Accepts NULL. Loop. */
void watch_end(struct watch *watch);

/* Frees it after watch_end, once nobody calls watch_see any more. Sets NULL, accepts NULL. Any
 * thread. */
void watch_free(struct watch **watch);

/* Settings or the zones of `stream` (NULL: of all) have changed. Loop thread. */
void watch_refresh(struct server *server, const char *stream);

/* Logs classes of rules that no loaded model has, with the nearest one. Loop thread. */
void watch_check_classes(struct server *server);

/* Writes the names of the rules that look at a stream, as an array. Loop thread. */
void watch_write_rules(struct server *server, const char *stream, struct json_writer *w);

/* What the stream of that name has by now, or would have by its settings. Loop thread. */
struct zones_known watch_known(struct server *server, const char *stream);

/* Writes how often the stream's lines were crossed, as an array. Loop thread. */
void watch_write_lines(struct server *server, const char *stream, struct json_writer *w);
/* Counts them from 0 again, one or (NULL) all. False: there is none of that name. Loop thread. */
bool watch_reset_lines(struct server *server, const char *stream, const char *line);

/* Alerts raised, and lines crossed, since the start. Loop thread. */
uint64_t watch_raised(const struct server *server);
uint64_t watch_crossed(const struct server *server);

/* State at server->watches. */
struct watches;
struct watches *watches_create(void);
void watches_destroy(struct watches **watches);

#endif
