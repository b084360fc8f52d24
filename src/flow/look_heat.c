/* Heat maps of a match that goes on. */
#include <string.h>

#include "flow/look.h"

fov_status fov_stream_get_heat(fov_stream *s, int team, int32_t id, float *seconds, size_t capacity,
                               int *columns, int *rows, fov_error *error)
{
    struct look *look = s->look;
    fov_match_heat heat = {0};
    if (!look)
        return fov_fail(error, FOV_EUNSUPPORTED, "%s: not a stream of football", s->name);
    pthread_mutex_lock(&look->serial);
    const fov_match *match = fov_football_match(look->football);
    fov_status status = id ? fov_match_get_heat(match, id, &heat)
                           : fov_match_get_team_heat(match, team, &heat);
    size_t bins = (size_t)heat.columns * (size_t)heat.rows;
    if (status == FOV_OK && bins > capacity)
        status = FOV_ELIMIT;
    if (status == FOV_OK)
        memcpy(seconds, heat.seconds, bins * sizeof *seconds);
    pthread_mutex_unlock(&look->serial);
    *columns = heat.columns;
    *rows = heat.rows;
    if (status == FOV_ENOTFOUND)
        return fov_fail(error, status, "nobody has the name %d", (int)id);
    return status ? fov_fail(error, status, "heat map: %s", fov_status_text(status)) : FOV_OK;
}
