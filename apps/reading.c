#include "reading.h"

#include <stdio.h>

#include "base/clock.h"

bool reading_goes_on(fov_status status)
{
    return status == FOV_EFORMAT || status == FOV_EUNSUPPORTED || status == FOV_ELIMIT ||
           status == FOV_ENOTFOUND;
}

bool reading_has_ended(const fov_source *source)
{
    fov_source_state state;
    fov_source_get_state(source, &state);
    return state.phase == FOV_SOURCE_ENDED;
}

void reading_progress(const fov_source *source, int64_t done, int64_t start_ns, const char *more)
{
    int64_t total = fov_source_get_info(source)->frames;
    double seconds = ns_to_ms(clock_now_ns() - start_ns) / 1000;
    double fps = seconds > 0 ? (double)done / seconds : 0;
    if (done % 8)
        return;
    if (total > 0 && fps > 0)
        fprintf(stderr, "\r%lld of %lld, %.1f fps%s, %.0f s to go ", (long long)done,
                (long long)total, fps, more, (double)(total - done) / fps);
    else
        fprintf(stderr, "\r%lld frames, %.1f fps%s ", (long long)done, fps, more);
}
