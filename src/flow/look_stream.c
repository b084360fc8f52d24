/* A stream's football from its parameters to its end. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/look.h"

#define BALL_CONF 0.15f
#define PITCH_FPS 2.0

static bool in_range(double value, double most)
{
    return value >= 0 && value <= most;
}

static fov_status check(const fov_football_params *p, fov_error *error)
{
    if (!in_range((double)p->player_conf, 1) || !in_range((double)p->ball_conf, 1))
        return fov_fail(error, FOV_EINVAL, "football: player_conf or ball_conf is not in 0..1");
    if (!in_range(p->ball_fps, 1000) || !in_range(p->pitch_fps, 1000))
        return fov_fail(error, FOV_EINVAL, "football: ball_fps or pitch_fps is not in 0..1000");
    if (p->look < FOV_LOOK_AUTO || p->look > FOV_LOOK_TILES)
        return fov_fail(error, FOV_EINVAL, "football: no such way to look");
    return FOV_OK;
}

static bool is_drawn(const char *model)
{
    return model && strcmp(model, LOOK_DRAWN) == 0;
}

static fov_status fill(struct look *look, const fov_stream_params *params, fov_error *error)
{
    fov_football_params p = *params->football;
    p.still_camera = p.still_camera || params->still_camera;
    look->way = p.look;
    look->ball_conf = p.ball_conf > 0 ? p.ball_conf : BALL_CONF;
    look->pitch_fps = p.pitch_fps > 0 ? p.pitch_fps : PITCH_FPS;
    look->drawn = is_drawn(p.player_model);
    look->pitch_drawn = is_drawn(p.pitch_model);
    look->on_detections = p.on_detections;
    look->user = p.user;
    if (look->pitch_drawn && !look->drawn)
        return fov_fail(error, FOV_EINVAL,
                        "football: pitch_model \"" LOOK_DRAWN "\" goes with a player_model "
                        "\"" LOOK_DRAWN "\" alone");
    fov_status status = check(&p, error);
    if (!status)
        status = look_names_read(&look->names, &p, error);
    return status ? status : fov_football_create(&look->football, &p, error);
}

fov_status look_make(struct look **out, const fov_stream_params *params, fov_error *error)
{
    if (!params->football)
        return FOV_OK;
    struct look *look = calloc(1, sizeof *look);
    if (!look)
        return fov_fail(error, FOV_ENOMEM, "no memory for football");
    atomic_init(&look->refs, 1);
    pthread_mutex_init(&look->lock, NULL);
    pthread_mutex_init(&look->serial, NULL);
    pthread_cond_init(&look->idle, NULL);
    fov_status status = fill(look, params, error);
    if (status)
        look_unref(&look);
    *out = look;
    return status;
}

fov_status look_open_drawn(fov_workers *pool, fov_error *error)
{
    const fov_model_params params = {.path = FOV_FOOTBALL_DRAWN, .id = LOOK_DRAWN};
    struct slot *slot = NULL;
    pthread_mutex_lock(&pool->lock);
    bool there = slot_find(pool, LOOK_DRAWN) != NULL;
    pthread_mutex_unlock(&pool->lock);
    fov_status status = there ? FOV_OK : slot_open(&slot, pool, &params, error);
    if (!slot)
        return status;
    slot->hidden = true;
    pthread_mutex_lock(&pool->lock);
    struct slot **link = slot_link(pool, LOOK_DRAWN);
    if (*link) /* another stream was quicker */
        slot_unref(pool, slot);
    else
        *link = slot;
    pthread_mutex_unlock(&pool->lock);
    return FOV_OK;
}

struct look *look_ref(struct look *look)
{
    atomic_fetch_add(&look->refs, 1);
    return look;
}

void look_unref(struct look **out)
{
    struct look *look = *out;
    *out = NULL;
    if (!look || atomic_fetch_sub(&look->refs, 1) > 1)
        return;
    fov_football_destroy(&look->football);
    fov_model_close(&look->model);
    football_copy_release(&look->copy);
    pthread_cond_destroy(&look->idle);
    pthread_mutex_destroy(&look->serial);
    pthread_mutex_destroy(&look->lock);
    free(look);
}

fov_status look_accepts(struct look *look, const fov_model_info *info, fov_error *error)
{
    struct look_classes classes;
    look_classes_read(&classes, &look->names, info->labels, info->label_count);
    return look_classes_check(&classes, info, false, error);
}

bool look_pitch_due(struct look *look, int64_t time_ns)
{
    pthread_mutex_lock(&look->lock);
    int64_t passed = time_ns - look->pitch_ns;
    bool due = !look->pitch_seen || passed < 0 || (double)passed >= 1e9 / look->pitch_fps;
    if (due) {
        look->pitch_seen = true;
        look->pitch_ns = time_ns;
    }
    pthread_mutex_unlock(&look->lock);
    return due;
}

const char *fov_football_detector_name(fov_football_detector detector)
{
    static const char *const words[] = {
#define DETECTOR_WORD(name, word) #word,
        FOV_FOOTBALL_DETECTOR_MAP(DETECTOR_WORD)
#undef DETECTOR_WORD
    };
    return (unsigned)detector < FOV_DETECTOR_COUNT ? words[detector] : "unknown";
}
