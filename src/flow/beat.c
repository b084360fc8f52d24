#include "flow/beat.h"

#include "base/clock.h"

#define JUMP_MS 10e3 /* a gap between time stamps that nobody waits for */

int64_t beat_due_ns(struct beat *beat, double pts_ms, double interval_ms, int64_t now)
{
    int64_t due = beat->first_ns + ms_to_ns(pts_ms - beat->first_ms);
    bool jumped = pts_ms < beat->last_ms || pts_ms > beat->last_ms + JUMP_MS;
    bool behind = beat->behind_ns && now - due > beat->behind_ns;
    if (!beat->anchored || jumped || behind) {
        due = beat->anchored && jumped ? now + ms_to_ns(interval_ms) : now;
        beat->anchored = true;
        beat->first_ns = due;
        beat->first_ms = pts_ms;
    }
    beat->last_ms = pts_ms;
    return due;
}

void thin_set(struct thin *thin, double fps)
{
    *thin = (struct thin){.every_ms = fps > 0 ? 1e3 / fps : 0};
}

bool thin_keeps(struct thin *thin, double at_ms)
{
    double apart_ms = at_ms - thin->last_ms;
    bool anew = !thin->begun || apart_ms < 0; /* the first one, or the first one of a loop */
    thin->last_ms = at_ms;
    if (thin->every_ms <= 0)
        return true;
    if (!anew && at_ms + apart_ms / 2 < thin->next_ms)
        return false;
    thin->next_ms = (anew ? at_ms : thin->next_ms) + thin->every_ms;
    if (thin->next_ms < at_ms) /* a gap, or fewer come than are wanted */
        thin->next_ms = at_ms + thin->every_ms;
    thin->begun = true;
    return true;
}
