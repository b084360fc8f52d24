/* What is said of a match: JSON a frame, or a line now and then, and the end. */
#include "football.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "scene/football_json.h"
#include "serve/message.h"

enum { BEST = 5, CLOCK = 32 };

#define TELL_NS (5 * NS_PER_S)
#define KMH 3.6

/* "1:02:03.4" */
static const char *clock_text(double s, char text[CLOCK])
{
    int64_t tenths = llround(fmax(s, 0) * 10), minutes = tenths / 600;
    if (minutes >= 60)
        snprintf(text, CLOCK, "%" PRId64 ":%02d:%02d.%d", minutes / 60, (int)(minutes % 60),
                 (int)(tenths / 10 % 60), (int)(tenths % 10));
    else
        snprintf(text, CLOCK, "%d:%02d.%d", (int)minutes, (int)(tenths / 10 % 60),
                 (int)(tenths % 10));
    return text;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_json(struct football_run *r, const fov_result *result, int64_t number,
                     const fov_football_frame *frame)
{
    struct json_writer *w = &r->line;
    json_reset(w);
    json_object_begin(w);
    json_add_string(w, "source", r->shown);
    json_add_int(w, "frame", number);
    json_add_number(w, "pts_ms", result->frame->pts_ms, 3);
    json_add_int(w, "width", result->width);
    json_add_int(w, "height", result->height);
    json_name(w, "detections");
    message_detections(w, result->detections, 0, result->model, result->width, result->height);
    message_crops(w, &result->crops);
    football_write(w, frame, &r->pitch, result->width, result->height);
    json_name(w, "timings_ms");
    json_object_begin(w);
    message_timings(w, &result->timings);
    json_object_end(w);
    if (r->folder && r->written >= 0)
        json_add_int(w, "written", r->written);
    else
        json_add_null(w, "written");
    json_object_end(w);
    if (w->failed)
        return;
    fwrite(w->text, 1, w->size, stdout);
    putchar('\n');
    if (r->live)
        fflush(stdout);
}

/* ---- a line now and then --------------------------------------------------------------------- */

static void count_people(const fov_football_frame *frame, int counts[3])
{
    for (size_t i = 0; i < frame->count; i++) {
        const fov_football_person *p = &frame->people[i];
        if (p->state == FOV_TRACK_ACTIVE)
            counts[p->side == FOV_TEAM_FIRST ? 0 : p->side == FOV_TEAM_SECOND ? 1 : 2]++;
    }
}

static void put_line(struct football_run *r, const fov_result *result,
                     const fov_football_frame *frame)
{
    static const char *const ball[] = {"not known", "seen", "thought of", "between two sights"};
    char at[CLOCK];
    int counts[3] = {0};
    count_people(frame, counts);
    printf("%s  ", clock_text(result->frame->pts_ms / 1e3, at));
    if (frame->teams == FOV_TEAMS_KNOWN || counts[0] + counts[1] > 0)
        printf("%d %s, %d %s, %d others", counts[0], r->names[0], counts[1], r->names[1],
               counts[2]);
    else
        printf("%d people", counts[2]);
    printf("; ball %s", ball[frame->ball.state]);
    if (r->has_ball >= 0)
        printf(", %s have it", r->names[r->has_ball]);
    if (!frame->view_known)
        printf("; no calibration");
    if (r->folder && r->written >= 0)
        printf("; on disk up to frame %" PRId64, r->written);
    putchar('\n');
    fflush(stdout);
}

static void show_progress(const struct football_run *r, int64_t number)
{
    const fov_source_info *info = fov_reader_get_info(r->reader);
    double seconds = ns_to_ms(clock_now_ns() - r->start_ns) / 1e3;
    double fps = seconds > 0 ? (double)r->sums.now / seconds : 0;
    double last = info->frames > 0 && info->fps > 0 ? (double)info->frames / info->fps * r->fps : 0;
    if (r->asked.seconds > 0 && !r->live)
        last = last > 0 ? fmin(last, r->asked.seconds * r->fps) : r->asked.seconds * r->fps;
    if (last > 0 && fps > 0)
        fprintf(stderr, "\r%" PRId64 " of %.0f, %.1f fps, %.0f s to go \033[K", number + 1, last,
                fps, fmax(0, (last - (double)number) / fps));
    else
        fprintf(stderr, "\r%" PRId64 " frames, %.1f fps \033[K", r->sums.now, fps);
}

void football_tell(struct football_run *r, const fov_result *result, int64_t number,
                   const fov_football_frame *frame)
{
    int64_t now = clock_now_ns();
    if (r->asked.json)
        put_json(r, result, number, frame);
    if (r->progress && r->sums.now % 4 == 0)
        show_progress(r, number);
    if (r->asked.json || now - r->told_ns < TELL_NS)
        return;
    r->told_ns = now;
    put_line(r, result, frame);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void tell_teams(FILE *to, const struct football_run *r)
{
    const struct football_sums *s = &r->sums;
    for (int team = 0; team < 2; team++) {
        fov_match_team t;
        if (fov_match_get_team(r->match, team, &t) != FOV_OK)
            continue;
        fprintf(to, "  %-12s %4.1f at once", r->names[team],
                (double)s->at_once[team] / (double)s->frames);
        if (s->color_known[team])
            fprintf(to, ", shirts #%06x", (unsigned)(s->colors[team] & 0xFFFFFF));
        if (t.ball_s > 0)
            fprintf(to, ", ball %.0f %% (%.0f s)", 100 * t.ball_share, t.ball_s);
        if (t.seen_s > 0)
            fprintf(to, ", %.2f km, %d %s", t.distance_m / 1e3, t.sprints,
                    t.sprints == 1 ? "sprint" : "sprints");
        fputc('\n', to);
    }
    fprintf(to, "  %-12s %4.1f at once\n", "others", (double)s->at_once[2] / (double)s->frames);
}

static int by_way(const void *a, const void *b)
{
    double x = ((const fov_match_person *)a)->distance_m,
           y = ((const fov_match_person *)b)->distance_m;
    return (x < y) - (x > y);
}

static void tell_best(FILE *to, const struct football_run *r)
{
    fov_match_person *people;
    size_t count = football_figures(r, &people);
    if (count > 0)
        qsort(people, count, sizeof *people, by_way);
    for (size_t i = 0; i < count && i < BEST && people[i].distance_m > 0; i++) {
        const fov_match_person *p = &people[i];
        fprintf(to, "  #%-4d %-8s %7.0f m in %.0f s, at most %.1f km/h, %d %s\n", (int)p->id,
                p->team == 0 || p->team == 1 ? r->names[p->team] : "", p->distance_m, p->seen_s,
                KMH * p->top_mps, p->sprints, p->sprints == 1 ? "sprint" : "sprints");
    }
    free(people);
}

static const char *why_no_teams(fov_teams_state state)
{
    switch (state) {
    case FOV_TEAMS_WAITING:
        return "too few players were seen for long enough";
    case FOV_TEAMS_GREY:
        return "the pictures have no colour";
    case FOV_TEAMS_NO_PITCH:
        return "no one colour fills the ground, or people stand elsewhere";
    case FOV_TEAMS_ALIKE:
        return "no two kits differ enough";
    case FOV_TEAMS_KNOWN:
        break;
    }
    return "their kits are, but nobody was seen in one for long enough";
}

static void tell_people(FILE *to, const struct football_run *r)
{
    const struct football_sums *s = &r->sums;
    fprintf(to, "people: %zu names\n", s->names);
    if (s->at_once[0] + s->at_once[1] > 0)
        tell_teams(to, r);
    else
        fprintf(to, "  %.1f at once; teams are not known: %s\n",
                (double)s->at_once[2] / (double)s->frames, why_no_teams(s->teams));
    if (s->placed == 0)
        fprintf(to, "  no distances, speeds and possession: %s\n",
                r->asked.calibration || r->asked.pitch_model
                    ? "where on the pitch the camera looked was not known"
                    : "there was no calibration (--calibration FILE)");
    else
        tell_best(to, r);
}

static void tell_frames(FILE *to, const struct football_run *r)
{
    const fov_stats *t = &r->stats;
    uint64_t dropped = 0;
    for (int i = 0; i < FOV_DROP_COUNT; i++)
        dropped += t->dropped[i];
    fprintf(to,
            "frames: %" PRIu64 " in = %" PRIu64 " analysed + %" PRIu64 " dropped + %" PRIu64
            " failed",
            t->accepted, t->delivered, dropped, t->failed);
    for (int i = 0, told = 0; i < FOV_DROP_COUNT; i++)
        if (t->dropped[i])
            fprintf(to, "%s%s %" PRIu64, told++ ? ", " : " (dropped: ", fov_drop_name((fov_drop)i),
                    t->dropped[i]);
    fprintf(to, "%s; ", dropped ? ")" : "");
    if (r->broken)
        fprintf(to, "%" PRId64 " could not be read; ", r->broken);
    fprintf(to, "%.1f s\n", ns_to_ms(clock_now_ns() - r->start_ns) / 1e3);
}

static void tell_looks(FILE *to, const struct football_run *r)
{
    const fov_stats *t = &r->stats;
    if (r->asked.appearance || r->asked.team_model)
        fprintf(to, "appearance: %" PRIu64 " of %" PRIu64 " boxes that needed it were looked at\n",
                t->crops_taken, t->crops_wanted);
}

static void tell_parts(FILE *to, const struct football_run *r)
{
    double total = 0;
    fprintf(to, "a frame:");
    for (int i = 0; i < FOV_PART_COUNT; i++) {
        double ms = (double)r->sums.parts_ns[i] / 1e6 / (double)r->sums.now;
        total += ms;
        fprintf(to, " %s %.1f,", fov_football_part_name((fov_football_part)i), ms);
    }
    fprintf(to, " in all %.1f ms\n", total);
}

static void tell_detector(FILE *to, const struct football_run *r)
{
    if (r->sums.detector == FOV_DETECTOR_WEAK)
        fprintf(to, "detector: weak. Players were looked for with a small model, in tiles of the "
                    "picture; --model names a better one\n");
    else if (r->sums.detector == FOV_DETECTOR_DRAWN)
        fprintf(to, "detector: none. The drawn match told what a detector might have seen\n");
}

/* Where it broke off, the last frames may be missing. */
static void tell_folder(FILE *to, const struct football_run *r)
{
    if (r->whole)
        fprintf(to, "written to %s/: all %" PRId64 " frames\n", r->asked.out, r->sums.frames);
    else if (r->written >= 0)
        fprintf(to, "on disk in %s/ up to frame %" PRId64 "; not all was written\n", r->asked.out,
                r->written);
}

void football_tell_end(struct football_run *r)
{
    FILE *to = r->asked.json ? stderr : stdout;
    const struct football_sums *s = &r->sums;
    char from[CLOCK], until[CLOCK];
    if (r->progress)
        fprintf(stderr, "\r\033[K");
    if (s->frames == 0) {
        fprintf(to, "%s has no pictures: nobody was seen\n", r->shown);
        return;
    }
    fprintf(to, "%s: %" PRId64 " %s at %g a second, %s to %s\n", r->shown, s->frames,
            s->frames == 1 ? "frame" : "frames", r->fps, clock_text(s->first_s, from),
            clock_text(s->last_s, until));
    if (r->before.last >= 0)
        fprintf(to, "went on after frame %" PRId64 ": %" PRId64 " new\n", r->before.last, s->now);
    if (s->at_once[0] + s->at_once[1] + s->at_once[2] == 0)
        fprintf(to, "people: nobody was seen\n");
    else
        tell_people(to, r);
    if (s->now > 0)
        fprintf(to, "ball: seen in %.0f %% of the frames, its place known in %.0f %%\n",
                100.0 * (double)s->seen / (double)s->now,
                100.0 * (double)s->known / (double)s->frames);
    tell_frames(to, r);
    tell_looks(to, r);
    if (s->now > 0)
        tell_parts(to, r);
    tell_detector(to, r);
    if (r->asked.out)
        tell_folder(to, r);
}
