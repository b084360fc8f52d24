/* The table of trackers. */
#include <string.h>

#include "track/tracker.h"
#include "tracker_list.h"

#define DECLARE(name) extern const struct tracker tracker_##name;
FOV_TRACKERS(DECLARE)
#undef DECLARE

static const struct tracker *const trackers[] = {
#define ROW(name) &tracker_##name,
    FOV_TRACKERS(ROW)
#undef ROW
};

enum { TRACKERS = sizeof trackers / sizeof *trackers };

const struct tracker *tracker_at(size_t i)
{
    return i < TRACKERS ? trackers[i] : NULL;
}

const struct tracker *tracker_named(const char *name)
{
    for (size_t i = 0; i < TRACKERS; i++)
        if (!strcmp(trackers[i]->name, name))
            return trackers[i];
    return NULL;
}

const char *fov_tracker_name(int i, const char **help)
{
    const struct tracker *tracker = i < 0 ? NULL : tracker_at((size_t)i);
    if (!tracker)
        return NULL;
    if (help)
        *help = tracker->help;
    return tracker->name;
}

bool fov_tracker_uses_embeddings(const char *name)
{
    const struct tracker *tracker = name && *name ? tracker_named(name) : trackers[0];
    return tracker && tracker->compares_looks;
}

bool fov_tracker_uses_motion(const char *name)
{
    const struct tracker *tracker = name && *name ? tracker_named(name) : trackers[0];
    return tracker && tracker->follows_camera;
}
