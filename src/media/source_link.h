/* The life of a live source's connection: a pure function of times and events. It reads no clock
 * and opens nothing; source_live.c asks it what to do next. */
#ifndef MEDIA_SOURCE_LINK_H
#define MEDIA_SOURCE_LINK_H

#include <fovea/source.h>

#define LINK_STALL_NS INT64_C(2000000000)   /* without a picture: stalled ... */
#define LINK_GIVE_UP_NS INT64_C(5000000000) /* ... and closed, to be opened again */
#define LINK_OPEN_NS INT64_C(10000000000)   /* from opening to the first picture */
#define LINK_PROBE_NS INT64_C(1000000000)   /* between looks at a port that did not answer */
#define LINK_BACK_OFF_NS INT64_C(500000000) /* after the first failure, doubled by each */
#define LINK_BACK_OFF_MAX_NS INT64_C(10000000000)

struct link {
    fov_source_phase phase;
    int64_t since_ns;          /* of the phase */
    int64_t opening_ns;        /* CONNECTING: since when */
    int64_t picture_ns;        /* of the last picture */
    int64_t interval_ns;       /* usual, between pictures; 0 unknown */
    int64_t open_ns, probe_ns; /* BACKING_OFF: when to open, when to look at the port */
    int failures;              /* in a row */
    bool unreachable;          /* the port did not answer: look at it */
    bool was_live;
    uint64_t reconnects;
    uint32_t random;
};

enum link_step {
    LINK_WAIT,  /* nothing before `until` */
    LINK_OPEN,  /* open the source now */
    LINK_PROBE, /* see whether its port answers, then call link_probed */
    LINK_CLOSE  /* silent for too long: close it, then call link_failed */
};

/* CONNECTING, to be opened at once. `seed`: any number, for the jitter. */
void link_start(struct link *link, int64_t now, uint32_t seed);

/* What to do at `now`; notices a stall. *until: when to ask again at the latest. */
enum link_step link_next(struct link *link, int64_t now, int64_t *until);

void link_opening(struct link *link, int64_t now); /* opening has begun */
void link_picture(struct link *link, int64_t now); /* a picture has come */
/* Opening or reading failed. `unreachable`: nothing answered at its address. */
void link_failed(struct link *link, int64_t now, bool unreachable);
void link_probed(struct link *link, int64_t now, bool answers);
void link_ended(struct link *link, int64_t now);

#endif
