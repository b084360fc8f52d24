/* What a football stream is opened with: the wish over the settings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "scene/pitch.h"
#include "serve/football.h"
#include "serve/members.h"

struct football_setup *football_setup_make(const struct football_wish *wish)
{
    struct football_setup *setup = calloc(1, sizeof *setup);
    struct feed_football *feed = calloc(1, sizeof *feed);
    if (!setup || !feed) {
        free(setup);
        free(feed);
        return NULL;
    }
    setup->wish = *wish;
    setup->feed = feed;
    if (wish->body && !(setup->wish.body = strdup(wish->body)))
        football_setup_free(&setup);
    return setup;
}

void football_setup_free(struct football_setup **setup)
{
    if (!*setup)
        return;
    football_wish_release(&(*setup)->wish);
    free((*setup)->feed);
    free(*setup);
    *setup = NULL;
}

static bool is_drawn(const char *model)
{
    return model && strcmp(model, FOOTBALL_DRAWN) == 0;
}

void football_wish_model(struct football_wish *wish, const char *model)
{
    wish->drawn = is_drawn(model);
    wish->model_given = model && model[0] && !wish->drawn;
}

void football_wish_for(struct football_wish *wish, struct room_source *source, bool has_rate,
                       const struct settings *settings)
{
    wish->tracker = source->tracker;
    source->tracker = NULL;
    text_copy(wish->appearance_model, sizeof wish->appearance_model,
              source->appearance_model ? source->appearance_model : "");
    source->appearance_model = NULL;
    if (wish->drawn)
        source->model_id = NULL;
    else if (!wish->model_given && source->conf <= 0)
        source->conf = settings_model_conf(settings, settings->football.player_model, CONF_DEFAULT);
    if (!has_rate)
        source->target_fps = settings->football.target_fps;
    if (source->max_latency_ms < 0)
        source->max_latency_ms = FOOTBALL_LATENCY_MS;
    source->football = wish;
}

static void put_teams(struct football_setup *setup)
{
    const struct football_wish *wish = &setup->wish;
    fov_football_params *p = &setup->params;
    for (int i = 0; wish->has_teams && i < 2; i++) {
        p->names[i] = wish->names[i][0] ? wish->names[i] : NULL;
        p->teams.colors[i] = wish->colors[i];
    }
    if (wish->has_teams)
        p->teams.named = wish->colored;
}

static void put_models(struct football_setup *setup, const struct settings *settings)
{
    const struct football_wish *wish = &setup->wish;
    fov_football_params *p = &setup->params;
    const struct settings_model *ball = settings_find_model(settings, wish->ball_model);
    p->player_conf = 0; /* the stream has it: as asked for, or that of its model */
    if (wish->drawn)
        p->player_model = FOOTBALL_DRAWN;
    else if (wish->model_given)
        p->player_model = NULL;
    if (wish->ball_model[0]) {
        p->ball_model = wish->ball_model;
        p->ball_conf = ball ? (float)ball->conf : 0;
    }
    if (wish->pitch_model[0])
        p->pitch_model = wish->pitch_model;
    if (wish->appearance_model[0])
        p->appearance_model = wish->appearance_model;
    if (wish->team_model[0])
        p->team_model = wish->team_model;
    setup->feed->drawn = is_drawn(p->player_model);
    if (setup->feed->drawn) /* what the settings name for real matches does not go with it */
        p->ball_model = NULL;
    if (is_drawn(p->pitch_model) != setup->feed->drawn)
        p->pitch_model = NULL;
}

static void put_labels(struct football_setup *setup)
{
    const char **to[] = {&setup->params.player_labels, &setup->params.goalkeeper_labels,
                         &setup->params.referee_labels, &setup->params.ball_labels};
    for (int i = 0; i < FOV_CLASS_COUNT; i++)
        if (setup->wish.labels[i][0])
            *to[i] = setup->wish.labels[i];
}

/* What the feed keeps of it. */
static void fill_feed(struct football_setup *setup)
{
    static const char *const sides[] = {"first", "second"};
    const fov_football_params *p = &setup->params;
    struct feed_football *feed = setup->feed;
    feed->size = pitch_size(&p->match.pitch);
    feed->still = p->still_camera;
    feed->still_said = setup->wish.still >= 0;
    text_copy(feed->tracker, sizeof feed->tracker, p->tracker.name ? p->tracker.name : "auto");
    atomic_init(&feed->kept_width, 0);
    atomic_init(&feed->kept_height, 0);
    atomic_init(&feed->width, 0);
    atomic_init(&feed->height, 0);
    atomic_init(&feed->teams, FOV_TEAMS_WAITING);
    for (int i = 0; i < 2; i++) {
        text_copy(feed->names[i], sizeof feed->names[i], p->names[i] ? p->names[i] : sides[i]);
        atomic_init(&feed->colors[i], -1);
    }
}

void football_recall(struct football_setup *setup, const struct view_book *book, const char *name,
                     const char *url)
{
    struct feed_football *feed = setup->feed;
    view_key_make(&feed->key, name, url);
    const struct kept_view *kept = view_book_find(book, &feed->key);
    feed->has_kept = kept != NULL;
    if (kept)
        feed->kept = *kept;
}

/* Its model is that of the settings unless one was asked for. */
static void put_player_model(struct football_setup *setup, char *model)
{
    fov_football_params *p = &setup->params;
    if (setup->feed->drawn || !p->player_model || model[0])
        return;
    text_copy(model, MODEL_ID_MAX, p->player_model);
    p->player_model = NULL;
}

fov_status football_prepare(struct football_setup *setup, const struct settings *settings,
                            const char *url, char *model, fov_error *error)
{
    static const char match[] = "pattern:football";
    const struct football_wish *wish = &setup->wish;
    fov_status status = settings_football(settings, &setup->base, error);
    if (status != FOV_OK)
        return status;
    fov_football_params *p = &setup->params;
    *p = setup->base.params;
    put_models(setup, settings);
    put_labels(setup);
    put_teams(setup);
    if (wish->tracker)
        p->tracker.name = wish->tracker;
    if (wish->still >= 0)
        p->still_camera = wish->still;
    if (wish->size.length > 0)
        p->match.pitch = wish->size;
    fill_feed(setup);
    char next = strncmp(url, match, sizeof match - 1) == 0 ? url[sizeof match - 1] : 'x';
    if (setup->feed->drawn && next != '\0' && next != '?')
        return fov_fail(error, FOV_EINVAL,
                        "the model 'drawn' sees "
                        "pattern:football alone: name a model that finds "
                        "people, or leave model_id out");
    put_player_model(setup, model);
    return FOV_OK;
}

/* The calibration of a wish; *given false: there is none. */
static fov_status wished_view(struct football_setup *setup, const struct football_place *place,
                              bool *given, fov_error *error)
{
    const struct football_wish *wish = &setup->wish;
    fov_pitch_quality quality;
    fov_error why = {0};
    const fov_pitch_params of = {
        .size = place->size, .width = place->width, .height = place->height};
    *given = wish->body || wish->file;
    if (!wish->body && wish->file)
        return settings_read_view(wish->file, &of, &setup->view, error);
    if (!wish->body)
        return FOV_OK;
    json_value *json = json_parse(wish->body, strlen(wish->body), MEMBERS_BODY_MAX, error);
    if (!json)
        return error->status;
    fov_status status = football_read_view(json_get(json, "homography"), place, &setup->view,
                                           &quality, &why);
    json_free(&json);
    return status ? fov_fail(error, status, "homography: %s", why.message) : FOV_OK;
}

/* What somebody has set on the page goes before the settings, but where the camera may have been
 * turned since: theirs is said to be that of the first picture. */
static void judge_kept(struct football_setup *setup, int width, int height)
{
    struct feed_football *feed = setup->feed;
    const fov_pitch_size *pitch = &feed->kept.pitch;
    char *why = feed->kept_why;
    size_t size = sizeof feed->kept_why;
    if (setup->wish.body)
        text_copy(why, size, "the stream was started with another one");
    else if ((setup->wish.file || setup->base.has_view) && !feed->still)
        text_copy(why, size, "the settings name another one, and the camera may have been turned");
    else if (fabs(pitch->length - feed->size.length) >= 0.01 ||
             fabs(pitch->width - feed->size.width) >= 0.01)
        snprintf(why, size, "it is of a pitch of %g x %g m, and this one is %g x %g", pitch->length,
                 pitch->width, feed->size.length, feed->size.width);
    else
        football_kept_why(&feed->kept, width, height, why, size);
    if (why[0])
        fov_log(FOV_LOG_WARN, "views", "%s: the kept calibration is not used: %s", feed->key.source,
                why);
}

static bool take_kept(struct football_setup *setup, int width, int height)
{
    struct feed_football *feed = setup->feed;
    if (!feed->has_kept)
        return false;
    judge_kept(setup, width, height);
    if (feed->kept_why[0])
        return false;
    setup->view = feed->kept.view;
    setup->params.view_kept = true;
    atomic_store(&feed->kept_width, width ? 0 : setup->view.width);
    atomic_store(&feed->kept_height, setup->view.height);
    return true;
}

fov_status football_prepare_view(struct football_setup *setup, int width, int height,
                                 fov_error *error)
{
    struct football_place place = {setup->feed->size, width, height};
    fov_football_params *p = &setup->params;
    bool given;
    if (take_kept(setup, width, height)) {
        p->view = &setup->view;
        return FOV_OK;
    }
    fov_status status = wished_view(setup, &place, &given, error);
    if (status != FOV_OK)
        return status;
    if (!given && setup->base.has_view)
        setup->view = setup->base.view;
    p->view = given || setup->base.has_view ? &setup->view : NULL;
    if (!p->view || p->view->width == 0 || width == 0 ||
        (p->view->width == width && p->view->height == height))
        return FOV_OK;
    return fov_pitch_view_resize(&setup->view, width, height, error);
}
