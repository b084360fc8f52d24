/* Adaptation of a room: what ten times a second is measured of a camera and its viewers goes
 * into adapt_camera.c, and what it turns is told to the camera, the stream, the viewers, the
 * statistics and all who hear events. Sources of the server's own turn their frame rate themselves
 * (fov_adaptive); here it is told. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/events.h"
#include "serve/message.h"
#include "serve/room.h"

/* ---- telling ----------------------------------------------------------------------------------
 */

static void write_change(struct json_writer *w, const struct change *change)
{
    const fov_change *turned = &change->turned;
    json_add_number(w, "at", change->at, 0);
    json_add_string(w, "knob", turned->knob);
    json_add_number(w, "from", turned->from, 2);
    json_add_number(w, "to", turned->to, 2);
    json_add_number(w, "measured", turned->measured, 1);
    json_add_string(w, "why", turned->why);
}

void room_write_changes(const struct room *room, struct json_writer *w)
{
    json_array_begin(w);
    for (size_t i = 0; room && i < room->change_count; i++) {
        json_object_begin(w);
        write_change(w, &room->changes[i]);
        json_object_end(w);
    }
    json_array_end(w);
}

void room_write_change(const struct change *change, struct json_writer *w)
{
    json_object_begin(w);
    json_add_string(w, "type", "adaptation");
    write_change(w, change);
    json_object_end(w);
}

void room_turned(struct room *room, const fov_change *turned)
{
    struct json_writer w = {0};
    if (room->change_count == CHANGES_MAX)
        memmove(room->changes, room->changes + 1, --room->change_count * sizeof *room->changes);
    struct change *change = &room->changes[room->change_count++];
    *change = (struct change){clock_unix_ms(), *turned};
    room_write_change(change, &w);
    room_note_all(room, VIEWER_CLIENT | VIEWER_SERVER, 0, &w);
    events_publish_change(room->server, room->name, "", turned);
}

/* ---- measuring --------------------------------------------------------------------------------
 */

/* Frames that were lost because the server was too slow; the others say nothing of it. */
static bool is_lost(const struct outcome *outcome)
{
    return outcome->dropped &&
           (outcome->reason == FOV_DROP_QUEUE || outcome->reason == FOV_DROP_SUPERSEDED ||
            outcome->reason == FOV_DROP_DEADLINE);
}

void tuning_saw(struct tuning *t, const struct outcome *outcome)
{
    const fov_timings *times = &outcome->timings;
    t->lost += is_lost(outcome);
    if (!outcome->delivered)
        return;
    t->delivered++;
    t->worst_ns = times->total > t->worst_ns ? times->total : t->worst_ns;
    recent_add(&t->totals, times->total);
    recent_add(&t->works, times->decode + times->preprocess + times->inference +
                              times->postprocess + times->track);
    recent_add(&t->boxes, times->postprocess);
}

/* Part of the runs' time that all streams together took since the last step. */
static double measure_load(struct tuning *t, const fov_workers_info *info, double passed_s)
{
    double busy_s = info->busy_s - t->busy_s, runs = info->runs > 0 ? info->runs : 1;
    t->busy_s = info->busy_s;
    return fmax(0, busy_s / passed_s / runs); /* a lost run takes its time along */
}

void tuning_check_viewers(struct room *room)
{
    double budget_ms = room->feed ? room->feed->query.max_latency_ms : 0;
    unsigned slow = 0, count = 0;
    for (struct viewer *v = room->viewers; v; v = v->next, count++) {
        struct adapt_viewer seen = {.sent = (double)(v->units - v->units_before),
                                    .skipped = (double)(v->skipped - v->skipped_before),
                                    .fps = v->fps,
                                    .latency_ms = v->latency_ms,
                                    .queue = v->queue,
                                    .budget_ms = budget_ms,
                                    .wait_ms = ns_to_ms(recent_high_ns(&room->tuning.totals))};
        v->sent_fps = seen.sent;
        v->units_before = v->units;
        v->skipped_before = v->skipped;
        slow += adapt_viewer_is_slow(&seen);
    }
    room->tuning.slow = count ? (double)slow / count : 0;
}

/* ---- turning ----------------------------------------------------------------------------------
 */

static void follow_ladder(struct room *room)
{
    struct tuning *t = &room->tuning;
    fov_workers *workers = room->server->workers;
    fov_sizes sizes;
    fov_workers_get_sizes(workers, room->feed->query.model_id, &sizes);
    adapt_camera_set_ladder(&t->camera, &sizes);
    /* asked for anew until it runs: another file of the same name has forgotten it */
    int px = (int)t->camera.now[ADAPT_SIZE];
    if (sizes.open && px > 0 && fov_stream_input_px(room->feed->stream) != px)
        fov_stream_set(room->feed->stream, &(fov_knobs){.input_px = px});
}

/* Of the JPEGs that the server makes. */
static void set_quality(struct feed *feed, double quality)
{
    atomic_store(&feed->quality, (int)lround(100 * quality));
}

static void obey(struct room *room, const fov_change *turned)
{
    struct feed *feed = room->feed;
    double to = turned->to;
    if (strcmp(turned->knob, "conf") == 0) {
        feed->query.conf = (float)to;
        fov_stream_set(feed->stream, &(fov_knobs){.conf = (float)to});
    } else if (strcmp(turned->knob, "size") == 0) {
        fov_stream_set(feed->stream, &(fov_knobs){.input_px = (int)to});
    } else if (strcmp(turned->knob, "quality") == 0) {
        set_quality(feed, to);
    }
    if (!room->camera)
        return;
    size_t word = strcspn(turned->why, ":");
    char *reason = room->camera->reason;
    text_copy(reason, sizeof room->camera->reason, turned->why);
    if (word < sizeof room->camera->reason)
        reason[word] = '\0';
    camera_control(room->camera);
}

static void step(void *arg)
{
    struct room *room = arg;
    struct tuning *t = &room->tuning;
    int64_t now = clock_now_ns();
    double passed_s = (double)(now - t->step_ns) / 1e9;
    fov_workers_info info;
    fov_change turned;
    if (!room->feed || passed_s <= 0)
        return;
    fov_workers_get_info(room->server->workers, &info);
    follow_ladder(room);
    struct adapt_sample sample = {.passed_s = passed_s,
                                  .delivered = t->delivered,
                                  .lost = t->lost,
                                  .worst_ms = ns_to_ms(t->worst_ns),
                                  .budget_ms = room->feed->query.max_latency_ms,
                                  .work_ms = ns_to_ms(recent_median_ns(&t->works)),
                                  .boxes_ms = ns_to_ms(recent_median_ns(&t->boxes)),
                                  .load = measure_load(t, &info, passed_s),
                                  .runs = info.runs,
                                  .slow = t->slow};
    t->step_ns = now;
    t->delivered = t->lost = 0;
    t->worst_ns = 0;
    bool changed = adapt_camera_step(&t->camera, &sample, &turned);
    if (t->camera.want_px)
        fov_workers_prepare_size(room->server->workers, room->feed->query.model_id,
                                 t->camera.want_px, NULL);
    if (!changed)
        return;
    obey(room, &turned);
    room_turned(room, &turned);
}

/* ---- start and end ----------------------------------------------------------------------------
 */

void tuning_start(struct room *room, const struct stream_query *query, bool pushed, bool conf_asked)
{
    const struct settings *s = room->server->settings;
    const struct settings_camera *camera = settings_find_camera(s, room->name);
    struct tuning *t = &room->tuning;
    struct adapt_camera_params params = {
        .home = {[ADAPT_FPS] = s->realtime.target_fps,
                 [ADAPT_QUALITY] = QUALITY_DEFAULT / 100.0,
                 [ADAPT_CONF] = (double)query->conf},
        .held = {
            [ADAPT_FPS] = !pushed, [ADAPT_SIZE] = !pushed, [ADAPT_CONF] = !pushed || conf_asked}};
    tuning_stop(room);
    if (camera) {
        const double pins[ADAPT_KNOBS] = {[ADAPT_FPS] = camera->pin_fps,
                                          [ADAPT_QUALITY] = camera->pin_quality,
                                          [ADAPT_SIZE] = camera->pin_size,
                                          [ADAPT_CONF] = camera->pin_conf};
        if (camera->fps > 0)
            params.home[ADAPT_FPS] = camera->fps;
        for (int knob = 0; knob < ADAPT_KNOBS; knob++)
            if (pins[knob] > 0) {
                params.home[knob] = pins[knob];
                params.held[knob] = true;
            }
        params.held[ADAPT_CONF] |= camera->profile == PROFILE_CLINICAL;
    }
    *t = (struct tuning){0};
    adapt_camera_start(&t->camera, &params);
}

/* The size that the settings pin, into the room's feed. */
static void pin_size(struct room *room)
{
    const struct settings_camera *camera = settings_find_camera(room->server->settings, room->name);
    fov_sizes sizes;
    if (!camera || camera->pin_size <= 0)
        return;
    fov_workers_get_sizes(room->server->workers, room->feed->query.model_id, &sizes);
    if (!sizes.open && sizes.count > 0 && sizes.px[0] != camera->pin_size)
        fov_log(FOV_LOG_WARN, "serve",
                "camera %s: pin.size %d is not to be had: its model takes %d px", room->name,
                camera->pin_size, sizes.px[0]);
    fov_stream_set(room->feed->stream, &(fov_knobs){.input_px = camera->pin_size});
}

void tuning_run(struct room *room)
{
    struct tuning *t = &room->tuning;
    fov_workers_info info;
    fov_workers_get_info(room->server->workers, &info);
    t->busy_s = info.busy_s;
    t->step_ns = clock_now_ns();
    set_quality(room->feed, t->camera.now[ADAPT_QUALITY]);
    pin_size(room);
    t->timer = net_timer_start(room->server->loop, (unsigned)lround(1e3 * ADAPT_PERIOD_S), true,
                               step, room);
    follow_ladder(room);
}

void tuning_stop(struct room *room)
{
    net_timer_stop(&room->tuning.timer);
}
