/* Takes results until the end. Each waits until half a second later it is known where its ball was;
 * then it is written, added up, drawn and told. */
#include "football.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "reading.h"

enum { ONLY_FAILS = 8, TOLD = 5 };

#define BALL_M 0.11 /* height of the middle of a ball that lies on the ground */

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

bool football_is_stopped(void)
{
    return stopping != 0;
}

/* ---- a frame as it is written ---------------------------------------------------------------- */

static fov_match_entry entry_of(const fov_football_person *p)
{
    bool placed = p->on_pitch && fabs(p->x) < 1000 && fabs(p->y) < 1000;
    fov_match_entry e = {.id = p->id,
                         .team = p->side == FOV_TEAM_FIRST    ? 0
                                 : p->side == FOV_TEAM_SECOND ? 1
                                                              : -1,
                         .role = p->role,
                         .x = placed ? p->x : 0,
                         .y = placed ? p->y : 0,
                         .unplaced = !placed,
                         .speed_mps = p->speed_mps >= 0 && p->speed_mps <= 100 ? p->speed_mps : 0};
    if (p->state == FOV_TRACK_ACTIVE) {
        e.x1 = p->x1;
        e.y1 = p->y1;
        e.x2 = p->x2;
        e.y2 = p->y2;
        e.score = fminf(fmaxf(p->score, 0), 1);
    }
    return e;
}

/* Lost ones without a place say nothing. */
static size_t entries_of(const fov_football_frame *frame, fov_match_entry *entries)
{
    size_t count = 0;
    for (size_t i = 0; i < frame->count && count < FOV_MATCH_FILE_PEOPLE; i++) {
        const fov_football_person *p = &frame->people[i];
        if (p->id > 0 && (p->state == FOV_TRACK_ACTIVE || p->on_pitch))
            entries[count++] = entry_of(p);
    }
    return count;
}

static void add_ball(fov_match_frame *f, const fov_ball *ball)
{
    f->ball_pictured = ball->state != FOV_BALL_NONE;
    f->ball_px[0] = ball->x;
    f->ball_px[1] = ball->y;
    f->ball_size_px = fmaxf(ball->size, 0);
    f->ball_known = f->ball_pictured && ball->on_pitch;
    f->ball[0] = ball->pitch_x;
    f->ball[1] = ball->pitch_y;
    f->ball[2] = BALL_M;
}

/* ---- a frame that is through ----------------------------------------------------------------- */

static fov_status write_frame(struct football_run *r, const fov_result *result, int64_t number,
                              const fov_football_frame *frame, fov_error *error)
{
    fov_match_entry entries[FOV_MATCH_FILE_PEOPLE];
    fov_match_frame f = {.number = number,
                         .time_s = result->frame->pts_ms / 1e3,
                         .entries = entries,
                         .count = entries_of(frame, entries),
                         .ball_team = r->has_ball};
    add_ball(&f, &frame->ball);
    fov_status status = r->folder ? football_folder_put(r, &f, error) : FOV_OK;
    if (status)
        return status;
    football_sum(r, &f);
    football_sum_now(r, frame);
    return FOV_OK;
}

static fov_status finish(struct football_run *r, struct football_held *h, const fov_ball *ball,
                         fov_error *error)
{
    fov_football_frame frame = *h->result->football;
    bool fresh = h->number > r->before.last; /* else only looked at again */
    fov_status status = FOV_OK;
    if (ball)
        frame.ball = *ball;
    football_views_add(r, h->number, h->result->frame->pts_ms, &frame);
    if (fresh)
        status = write_frame(r, h->result, h->number, &frame, error);
    if (!status && r->folder && r->asked.video)
        status = football_video_add(r, h->result, &frame.ball, fresh, error);
    if (!status && fresh && !r->live)
        football_tell(r, h->result, h->number, &frame);
    fov_result_release(&h->result);
    return status;
}

static struct football_held *oldest(struct football_run *r)
{
    return &r->held[r->first_held];
}

static fov_status finish_oldest(struct football_run *r, const fov_ball *ball, fov_error *error)
{
    struct football_held *h = oldest(r);
    r->first_held = (r->first_held + 1) % FOOTBALL_HELD;
    r->held_count--;
    return finish(r, h, ball, error);
}

/* ---- results --------------------------------------------------------------------------------- */

/* All up to the time of a late answer; those that it passes over keep what was known at once. */
static fov_status finish_until(struct football_run *r, const fov_ball *late, fov_error *error)
{
    fov_status status = FOV_OK;
    while (!status && r->held_count > 0) {
        double ahead_s = oldest(r)->result->football->time_s - late->time_s;
        if (ahead_s > 1e-6)
            break;
        status = finish_oldest(r, ahead_s > -1e-6 ? late : NULL, error);
    }
    return status;
}

static fov_status hold(struct football_run *r, fov_result *result, fov_error *error)
{
    fov_status status = FOV_OK;
    const fov_balls late = result->football->late;
    int64_t number = (int64_t)result->frame->number;
    football_renumber(r, result, number);
    if (r->held_count == FOOTBALL_HELD)
        status = finish_oldest(r, NULL, error);
    r->has_ball = result->football->possession.team;
    r->held[(r->first_held + r->held_count++) % FOOTBALL_HELD] = (struct football_held){result,
                                                                                        number};
    r->failures = 0;
    if (r->live && number > r->before.last)
        football_tell(r, result, number, result->football); /* nobody is kept waiting */
    for (size_t i = 0; i < late.count && !status; i++)
        status = finish_until(r, &late.items[i], error);
    return status;
}

static fov_status report(struct football_run *r, const fov_result *result, fov_error *error)
{
    if (r->failed++ < TOLD)
        fprintf(stderr, "fovea: %s\n", result->message);
    if (++r->failures >= ONLY_FAILS ||
        (!reading_goes_on(result->status) && result->status != FOV_EINFER))
        return fov_fail(error, result->status ? result->status : FOV_EINFER, "%s", result->message);
    return FOV_OK;
}

/* The result is given back, now or when it is through. */
static fov_status handle(struct football_run *r, fov_result *result, fov_error *error)
{
    r->taken++;
    if (result->outcome == FOV_DELIVERED && result->football)
        return hold(r, result, error);
    fov_status status = report(r, result, error);
    fov_result_release(&result);
    return status;
}

/* Nothing follows: the ball's last pictures are told now. */
static fov_status finish_all(struct football_run *r, fov_error *error)
{
    fov_ball late[FOOTBALL_HELD];
    size_t count = fov_stream_settle_football(r->stream, late, FOOTBALL_HELD);
    fov_status status = FOV_OK;
    for (size_t i = 0; i < count && !status; i++)
        status = finish_until(r, &late[i], error);
    while (!status && r->held_count > 0)
        status = finish_oldest(r, NULL, error);
    return status;
}

static void drop_held(struct football_run *r)
{
    for (; r->held_count > 0; r->held_count--) {
        fov_result_release(&oldest(r)->result);
        r->first_held = (r->first_held + 1) % FOOTBALL_HELD;
    }
}

static fov_status take_all(struct football_run *r, fov_error *error)
{
    fov_status status = FOV_OK;
    while (!status && !ferror(stdout)) {
        fov_result *result = NULL;
        if (stopping)
            football_stop_reading(r); /* what is under way is still taken */
        status = fov_stream_get(r->stream, 100, &result, error);
        if (!status)
            status = handle(r, result, error);
        else if (status == FOV_EAGAIN)
            status = FOV_OK;
    }
    if (status == FOV_EOS)
        status = FOV_OK;
    if (!status)
        status = finish_all(r, error);
    drop_held(r);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static fov_status run(struct football_run *r, fov_error *error)
{
    if (!r->stream)
        return FOV_OK; /* no picture at all */
    fov_status status = football_start_reading(r, error);
    if (!status)
        status = take_all(r, error);
    r->whole = status == FOV_OK;
    football_stop_reading(r);
    if (!status && r->read_error.status) {
        *error = r->read_error;
        status = error->status;
    }
    if (!status && ferror(stdout))
        status = fov_fail(error, FOV_EIO, "standard output was closed");
    return status;
}

/* What was written is made use of, whatever ended the run. */
static fov_status end(struct football_run *r, fov_status status, fov_error *error)
{
    fov_error why = {0};
    if (r->stream)
        fov_stream_close_stats(&r->stream, 60, &r->stats);
    if (r->match)
        fov_match_settle(r->match);
    fov_status synced = football_folder_sync(r, &why);
    if (!synced)
        synced = football_video_close(r, &why);
    if (!synced && r->folder && r->sums.frames > 0)
        synced = football_write_end(r, &why);
    r->whole = r->whole && !synced;
    if (status)
        return status;
    *error = why;
    return synced;
}

int football_run(struct football_run *r)
{
    fov_error error = {0};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    r->progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    fov_status status = football_open(r, &error);
    if (status) {
        fprintf(stderr, "fovea: %s\n", error.message);
        football_close(r, NULL);
        return fov_status_exit(status);
    }
    r->start_ns = r->told_ns = clock_now_ns();
    status = end(r, run(r, &error), &error);
    football_tell_end(r);
    if (status)
        fprintf(stderr, "fovea: %s\n", error.message);
    int code = status ? r->sums.now ? 1 : fov_status_exit(status) : r->failed || r->broken ? 1 : 0;
    football_close(r, NULL);
    return code;
}
