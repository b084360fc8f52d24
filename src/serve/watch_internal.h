/* What the files of the watch share: rules as they run on a stream (watch.c), what they tell
 * (watch_notice.c), what is asked about them (watch_report.c). */
#ifndef SERVE_WATCH_INTERNAL_H
#define SERVE_WATCH_INTERNAL_H

#include <pthread.h>

#include "scene/alerts.h"
#include "serve/lanes.h"
#include "serve/sights.h"
#include "serve/tally.h"
#include "serve/watch.h"

/* A rule as it runs on one stream. `of` lies in a snapshot of the settings, which lives as long as
 * the server. */
struct running {
    const struct settings_alert *of;
    struct alert_rule rule;
    struct alert_state state;
    uint64_t classes[ALERT_CLASS_WORDS];
    struct zone zone;
    uint64_t id; /* of the alert that is raised */
    fov_detection last;
    uint64_t number;
};

struct watch {
    struct watch *next;
    struct server *server;
    char stream[ROOM_NAME_MAX];
    bool tracker, football;
    atomic_bool view;     /* of the pitch, in the last frame */
    atomic_size_t work;   /* rules and lines; 0 is known without the lock */
    pthread_mutex_t lock; /* of all below; held for comparisons only */
    struct running *rules;
    size_t count;
    struct lanes lanes;
    bool metres;      /* a rule or a line asks for them */
    fov_model *model; /* whose labels the class bits were made from */
    struct sights sights;
};

struct watches {
    struct watch *first;
    struct tally *tallies;
    uint64_t raised, crossed;
    atomic_ullong last_id;
    long long epoch_ms; /* ids of another run begin with another number */
};

/* What is posted to the loop. */
struct notice {
    struct server *server;
    const struct settings_alert *of;
    char stream[ROOM_NAME_MAX], class_name[64], zone[ZONE_NAME_MAX];
    fov_detection box;
    int64_t ns;
    uint64_t id, number;
    enum { NOTICE_CLEARED, NOTICE_RAISED, NOTICE_CROSSED } state;
    enum crossing_way way;
};

/* A crossing, for the totals. */
struct crossed {
    struct server *server;
    char stream[ROOM_NAME_MAX], class_name[64], line[ZONE_NAME_MAX];
    bool in;
};

/* Take what was posted, on the loop. */
void watch_run_notice(void *notice);
void watch_run_crossed(void *crossed);

/* The rule's zone on a stream with these zones; false: it has none of that name, so the rule rests.
 */
bool watch_find_zone(const struct settings_alert *alert, const struct zones *zones,
                     const struct zone **zone);

#endif
