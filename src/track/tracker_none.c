/* No tracker: detections keep no name. For those who set a tracker's name and want none. */
#include "track/tracker.h"

static void update(void *own, const struct tracker_frame *frame, struct tracker_output *out)
{
    (void)own;
    (void)frame;
    (void)out;
}

const struct tracker tracker_none = {
    .name = "none",
    .help = "no names: detections only",
    .update = update,
};
