/* A stream's football from its parameters to its end. */
#include <stdlib.h>
#include <string.h>

#include "flow/football_internal.h"
#include "flow/look.h"

#define BALL_CONF 0.15f
#define PITCH_FPS 2.0
#define TILES_FROM_PX 96 /* below: models that stand for none */
#define WHOLE_PX 640     /* models from this size on see people in the whole picture */
#define WEAK_HIGH 0.35f
#define WEAK_START 0.4f
#define WEAK_BUFFER 1.0f
#define TILE_GROWTH 1.6 /* tiles are so much larger than the model's input */

static bool in_range(double value, double most)
{
    return value >= 0 && value <= most;
}

static bool is_drawn(const char *model)
{
    return model && strcmp(model, LOOK_DRAWN) == 0;
}

static bool is_named(const char *model)
{
    return model && model[0] && !is_drawn(model);
}

static fov_status check(const fov_football_params *p, fov_error *error)
{
    if (!in_range((double)p->player_conf, 1) || !in_range((double)p->ball_conf, 1))
        return fov_fail(error, FOV_EINVAL, "football: player_conf or ball_conf is not in 0..1");
    if (!in_range(p->ball_fps, 1000) || !in_range(p->pitch_fps, 1000))
        return fov_fail(error, FOV_EINVAL, "football: ball_fps or pitch_fps is not in 0..1000");
    if (p->look < FOV_LOOK_AUTO || p->look > FOV_LOOK_TILES)
        return fov_fail(error, FOV_EINVAL, "football: no such way to look");
    if ((p->tile_px != 0 && (p->tile_px < 64 || p->tile_px > 4096)) || p->tiles_at_once < 0)
        return fov_fail(error, FOV_EINVAL,
                        "football: tile_px is not in 64..4096, or tiles_at_once is below zero");
    if (p->pitch_layout < 0 || p->pitch_layout >= FOV_PITCH_LAYOUT_COUNT)
        return fov_fail(error, FOV_EINVAL, "football: no such layout of the pitch's keypoints");
    if (is_drawn(p->ball_model) || (is_drawn(p->player_model) && is_named(p->ball_model)))
        return fov_fail(error, FOV_EINVAL,
                        "football: the player_model \"" LOOK_DRAWN "\" sees the ball, too; "
                        "ball_model is to be left out");
    return FOV_OK;
}

/* Sides of a multiple of 16, so that chroma has its own. */
static void choose_tiles(struct look *look, const fov_football_params *p,
                         const fov_model_info *player)
{
    int side = player->input_width > player->input_height ? player->input_width
                                                          : player->input_height;
    look->tiles = p->look == FOV_LOOK_TILES ||
                  (p->look == FOV_LOOK_AUTO && side < WHOLE_PX && side >= TILES_FROM_PX);
    look->tile_px = p->tile_px > 0 ? p->tile_px : (int)(TILE_GROWTH * side);
    look->tile_px = (look->tile_px + 15) & ~15;
    look->tiles_at_once = p->tiles_at_once;
}

/* What small models find is right more often than they say; and they are slow, so that people have
 * gone on by more than their own width until the next picture. */
static void trust_less(fov_tracker_params *tracker)
{
    tracker->high = tracker->high > 0 ? tracker->high : WEAK_HIGH;
    tracker->start = tracker->start > 0 ? tracker->start : WEAK_START;
    tracker->buffer = tracker->buffer > 0 ? tracker->buffer : WEAK_BUFFER;
}

static fov_status fill(struct look *look, const fov_stream_params *params,
                       const fov_model_info *player, fov_error *error)
{
    fov_football_params p = *params->football;
    p.still_camera = p.still_camera || params->still_camera;
    look->has_ball = is_named(p.ball_model);
    look->has_pitch = is_named(p.pitch_model);
    look->ball_fps = p.ball_fps;
    look->layout = p.pitch_layout;
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
    if (!status && player && !look->drawn) /* a model for it may be there already, or not yet */
        choose_tiles(look, &p, player);
    if (!status && look->tiles && !look->has_ball && p.ball.tile_px == 0) {
        p.ball.tile_px = look->tile_px;
        p.ball.overlap_px = look->tile_px / 4;
    }
    if (!status && look->tiles)
        trust_less(&p.tracker);
    if (!status)
        status = look_names_read(&look->names, &p, error);
    if (!status)
        status = fov_football_create(&look->football, &p, error);
    if (status)
        return status;
    look->pitch = football_pitch(look->football);
    football_regions(look->football, &look->region_px, &look->region_overlap_px);
    return FOV_OK;
}

fov_status look_make(struct look **out, const fov_stream_params *params,
                     const fov_model_info *player, fov_error *error)
{
    if (!params->football)
        return FOV_OK;
    struct look *look = calloc(1, sizeof *look);
    if (!look)
        return fov_fail(error, FOV_ENOMEM, "no memory for football");
    atomic_init(&look->refs, 1);
    look->spare = LOOK_SPARE;
    pthread_mutex_init(&look->lock, NULL);
    pthread_mutex_init(&look->serial, NULL);
    pthread_cond_init(&look->idle, NULL);
    fov_status status = fill(look, params, player, error);
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

float look_high(const struct look *look)
{
    return football_high(look->football);
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
    fov_model_close(&look->known.model);
    fov_model_close(&look->ball_known.model);
    football_copy_release(&look->copy);
    pthread_cond_destroy(&look->idle);
    pthread_mutex_destroy(&look->serial);
    pthread_mutex_destroy(&look->lock);
    free(look);
}

/* Keypoints that a layout names. */
static int points_of(fov_pitch_layout layout)
{
    double at[2];
    int count = 0;
    while (fov_pitch_landmark(layout, count, NULL, NULL, at))
        count++;
    return count;
}

static fov_status accepts_pitch(const struct look *look, const fov_model_info *info,
                                fov_error *error)
{
    int points = points_of(look->layout);
    if (info->task == FOV_TASK_POSE && info->keypoints == points)
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL,
                    "football: %.60s is to give the pitch's %d keypoints; it is a model for %s "
                    "with %d",
                    info->id, points, fov_task_name(info->task), info->keypoints);
}

static fov_status accepts(const struct look *look, const fov_model_info *info, bool ball,
                          fov_error *error)
{
    struct look_classes classes;
    look_classes_read(&classes, &look->names, info->labels, info->label_count);
    return look_classes_check(&classes, info, ball, error);
}

fov_status look_accepts(const struct look *look, const fov_model_info *player,
                        const fov_model_info *ball, const fov_model_info *pitch, fov_error *error)
{
    fov_status status = accepts(look, player, false, error);
    if (!status && ball)
        status = accepts(look, ball, true, error);
    return !status && pitch ? accepts_pitch(look, pitch, error) : status;
}

/* With the lock. */
static bool is_due(struct look_beat *beat, double fps, int64_t time_ns)
{
    int64_t passed = time_ns - beat->time_ns;
    bool due = !beat->begun || passed < 0 || (double)passed >= 1e9 / fps;
    if (due) {
        beat->begun = true;
        beat->time_ns = time_ns;
    }
    return due;
}

bool look_pitch_due(struct look *look, int64_t time_ns)
{
    pthread_mutex_lock(&look->lock);
    bool due = is_due(&look->pitch_beat, look->pitch_fps, time_ns);
    bool more = !due && look->hurries && look->spare > 0;
    look->spare += due ? look->spare < LOOK_SPARE : more ? -1 : 0;
    pthread_mutex_unlock(&look->lock);
    return due || more;
}

bool look_ball_due(struct look *look, int64_t time_ns)
{
    pthread_mutex_lock(&look->lock);
    bool due = look->ball_fps <= 0 || is_due(&look->ball_beat, look->ball_fps, time_ns);
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
