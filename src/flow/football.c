/* From the detections of a picture to a match: the parts of src/track and src/scene, one after
 * another, each with the time that it took. */
#include "flow/football.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/plane.h"
#include "base/text.h"
#include "flow/football_internal.h"
#include "scene/ball_tracker.h"
#include "track/camera_motion.h"
#include "track/tracker.h"

enum { SIDE_MOST = 16384, FIGURES_USUAL = 512 };

struct fov_football {
    struct football_people people;
    struct football_view view;
    fov_camera_motion *camera;
    bool let_go;          /* it stood still until the last picture */
    fov_detection *boxes; /* what moves by itself, in px of a smaller picture */
    size_t boxes_most;
    fov_ball_tracker *ball;
    fov_match *match;
    fov_pitch_size pitch;
    char names[2][FOOTBALL_NAME];
    double input_s, time_s; /* of the last picture, as told and since the first one */
    int width, height;
    bool begun;
};

const char *fov_football_part_name(fov_football_part part)
{
    static const char *const words[] = {
#define WORD(name, word) #word,
        FOV_FOOTBALL_PART_MAP(WORD)
#undef WORD
    };
    return (unsigned)part < FOV_PART_COUNT ? words[part] : "unknown";
}

/* ---- life ------------------------------------------------------------------------------------ */

static void set_names(fov_football *f, const fov_football_params *params)
{
    static const char *const usual[] = {"first", "second"};
    for (int k = 0; k < 2; k++) {
        const char *name = params->names[k] && params->names[k][0] ? params->names[k] : usual[k];
        text_copy(f->names[k], sizeof f->names[k], name);
    }
}

static fov_status make_view(fov_football *f, const fov_football_params *params, fov_error *error)
{
    struct football_view *v = &f->view;
    v->still = params->still_camera;
    v->pitch = f->pitch;
    football_view_reset(v);
    v->steps = calloc(FOOTBALL_STEPS, sizeof *v->steps);
    if (!v->steps)
        return fov_fail(error, FOV_ENOMEM, "no memory for the views of a match");
    fov_status status = params->view ? football_view_set(v, params->view, UINT64_MAX, error)
                                     : FOV_OK;
    v->kept = params->view_kept;
    return status;
}

/* Also of a camera that stands still: it may be let go. */
static fov_status make_camera(fov_football *f, fov_error *error)
{
    f->boxes_most = f->people.most;
    f->boxes = calloc(f->boxes_most, sizeof *f->boxes);
    if (!f->boxes)
        return fov_fail(error, FOV_ENOMEM, "no memory for camera motion");
    return fov_camera_motion_create(&f->camera, NULL, error);
}

static fov_status make(fov_football *f, fov_football_params *params, fov_error *error)
{
    params->ball.class_id = FOV_CLASS_BALL;
    params->match.max_people = params->match.max_people ? params->match.max_people : FIGURES_USUAL;
    f->pitch.length = params->match.pitch.length != 0 ? params->match.pitch.length : 105;
    f->pitch.width = params->match.pitch.width != 0 ? params->match.pitch.width : 68;
    set_names(f, params);
    fov_status status = fov_match_create(&f->match, &params->match, error);
    if (!status)
        status = fov_ball_create(&f->ball, &params->ball, error);
    if (!status)
        status = football_people_create(&f->people, params, error);
    if (!status)
        status = make_view(f, params, error);
    return status ? status : make_camera(f, error);
}

fov_status fov_football_create(fov_football **football, const fov_football_params *params,
                               fov_error *error)
{
    fov_football_params given = params ? *params : (fov_football_params){0};
    *football = NULL;
    fov_football *f = calloc(1, sizeof *f);
    if (!f)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match");
    fov_status status = make(f, &given, error);
    if (status)
        fov_football_destroy(&f);
    *football = f;
    return status;
}

void fov_football_destroy(fov_football **football)
{
    fov_football *f = *football;
    if (!f)
        return;
    football_people_destroy(&f->people);
    fov_camera_motion_destroy(&f->camera);
    fov_ball_destroy(&f->ball);
    fov_match_destroy(&f->match);
    free(f->view.steps);
    free(f->boxes);
    free(f);
    *football = NULL;
}

void fov_football_reset(fov_football *f)
{
    football_people_reset(&f->people);
    football_view_reset(&f->view);
    fov_camera_motion_reset(f->camera);
    f->let_go = false;
    fov_ball_reset(f->ball);
    fov_match_reset(f->match);
    f->begun = false;
    f->time_s = 0;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static fov_status check_image(const fov_image *image, fov_error *error)
{
    bool known = image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24 ||
                 image->pixels == FOV_GRAY8 || image->pixels == FOV_YUV;
    if (!known || !image->plane[0] || image->width < 1 || image->height < 1 ||
        image->width > SIDE_MOST || image->height > SIDE_MOST)
        return fov_fail(error, FOV_EINVAL, "the picture has no pixels, or not 1 to %d a side",
                        SIDE_MOST);
    return FOV_OK;
}

static fov_status check(const fov_football_input *in, fov_error *error)
{
    if (!isfinite(in->time_s))
        return fov_fail(error, FOV_EINVAL, "the time of a picture is not finite");
    if (in->width < 1 || in->height < 1 || in->width > SIDE_MOST || in->height > SIDE_MOST)
        return fov_fail(error, FOV_EINVAL, "a picture of %d x %d px; 1 to %d are possible",
                        in->width, in->height, SIDE_MOST);
    if (!in->detections || (in->detections->count && !in->detections->items))
        return fov_fail(error, FOV_EINVAL, "a match needs detections, if only none of them");
    if (in->motion && !plane_is_finite(in->motion->map))
        return fov_fail(error, FOV_EINVAL, "the camera's motion is not finite");
    return in->image ? check_image(in->image, error) : FOV_OK;
}

/* ---- a picture --------------------------------------------------------------------------------
 */

/* Seconds from the first picture on. False: time has not gone on. */
static bool advance(fov_football *f, double input_s)
{
    double step_s = f->begun ? fmax(input_s - f->input_s, 0) : 0;
    bool on = !f->begun || step_s > 0;
    f->time_s += step_s;
    f->input_s = input_s;
    f->begun = true;
    return on;
}

/* The camera's motion as given, or as the picture shows it. The first one after it stood still has
 * nothing to be compared with: it stood still until then. */
static void find_motion(fov_football *f, const fov_football_input *in, fov_motion *motion)
{
    fov_motion seen = {.map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    bool let_go = f->let_go;
    f->let_go = false;
    *motion = seen;
    motion->kind = FOV_MOTION_SIMILARITY;
    if (f->view.still)
        return;
    if (in->motion) {
        *motion = *in->motion;
        return;
    }
    const struct camera_motion_boxes boxes = {in->detections, f->boxes, f->boxes_most};
    if (in->image)
        camera_motion_scaled(f->camera, in->image, in->width, in->height, &boxes, &seen);
    if (!let_go)
        *motion = seen;
}

/* Pictures of another size: what is known in px means nothing any more. */
static void follow_size(fov_football *f, const fov_football_input *in)
{
    bool other = f->width && (f->width != in->width || f->height != in->height);
    f->width = in->width;
    f->height = in->height;
    if (other && !football_view_now(&f->view))
        fov_tracker_reset(f->people.tracker);
}

static void follow_ball(fov_football *f, const struct football_picture *picture,
                        fov_football_frame *frame)
{
    const fov_ball_input input = {.time_s = picture->time_s,
                                  .width = picture->input->width,
                                  .height = picture->input->height,
                                  .detections = picture->input->detections,
                                  .motion = picture->motion,
                                  .view = picture->view,
                                  .unlooked = picture->input->ball_unlooked};
    if (fov_ball_update(f->ball, &input, &frame->ball, &frame->late, NULL)) {
        frame->ball = (fov_ball){.time_s = picture->time_s, .detection = -1};
        frame->late = (fov_balls){0};
    }
}

static void tell_sides(const fov_football *f, fov_football_frame *frame)
{
    uint32_t colors[2] = {0};
    bool known = fov_teams_colors(f->people.teams, colors);
    for (int k = 0; k < 2; k++) {
        fov_football_side *side = &frame->sides[k];
        *side = (fov_football_side){
            .name = f->names[k], .color_known = known, .color = known ? colors[k] : 0};
        fov_match_get_team(f->match, k, &side->figures);
    }
}

static void tell(fov_football *f, const struct football_picture *picture, bool on,
                 fov_football_frame *frame)
{
    size_t spots = football_people_place(&f->people, picture);
    const double ball[2] = {frame->ball.pitch_x, frame->ball.pitch_y};
    if (on)
        fov_match_update(f->match, picture->time_s, f->people.spots, spots,
                         frame->ball.on_pitch ? ball : NULL, NULL);
    football_people_figure(&f->people, f->match);
    frame->people = f->people.people;
    frame->count = f->people.count;
    frame->teams = f->people.state;
    frame->possession = fov_match_get_ball(f->match);
    tell_sides(f, frame);
}

/* Adds the time since *since to a part, and begins the next one. */
static void part(fov_football_frame *frame, fov_football_part which, int64_t *since)
{
    int64_t now = clock_now_ns();
    frame->parts_ns[which] += now - *since;
    *since = now;
}

fov_status fov_football_update(fov_football *f, const fov_football_input *input,
                               fov_football_frame *frame, fov_error *error)
{
    int64_t since = clock_now_ns();
    fov_status status = check(input, error);
    if (!status)
        status = football_view_admits(&f->view, input, error);
    if (status)
        return status;
    bool on = advance(f, input->time_s);
    *frame = (fov_football_frame){.time_s = f->time_s, .detector = input->detector};
    struct football_picture picture = {
        .input = input, .time_s = f->time_s, .motion = &frame->motion, .pitch = f->pitch};
    find_motion(f, input, &frame->motion);
    part(frame, FOV_PART_TRACKING, &since);
    football_view_step(&f->view, input, f->time_s, &frame->motion);
    picture.view = football_view_now(&f->view);
    frame->view_known = picture.view != NULL;
    if (picture.view) {
        frame->view = *picture.view;
        frame->view_sigma_px = f->view.follow.sigma_px;
    }
    part(frame, FOV_PART_PITCH, &since);
    follow_size(f, input);
    football_people_track(&f->people, &picture);
    follow_ball(f, &picture, frame);
    part(frame, FOV_PART_TRACKING, &since);
    football_people_team(&f->people, &picture);
    part(frame, FOV_PART_TEAMS, &since);
    tell(f, &picture, on, frame);
    part(frame, FOV_PART_OTHER, &since);
    return FOV_OK;
}

/* ---- beside pictures --------------------------------------------------------------------------
 */

fov_status fov_football_set_view(fov_football *f, const fov_pitch_view *view, uint64_t seq,
                                 fov_error *error)
{
    return football_view_set(&f->view, view, seq, error);
}

void fov_football_set_still(fov_football *f, bool still)
{
    if (f->view.still == still)
        return;
    f->let_go = !still && f->begun;
    fov_camera_motion_reset(f->camera);
    football_view_still(&f->view, still);
}

const fov_match *fov_football_match(const fov_football *f)
{
    return f->match;
}

void fov_football_settle(fov_football *f, fov_balls *late)
{
    fov_match_settle(f->match);
    fov_ball_flush(f->ball, late);
}

/* ---- for streams (football_internal.h) ---------------------------------------------------------
 */

fov_pitch_size football_pitch(const fov_football *f)
{
    return f->pitch;
}

float football_high(const fov_football *f)
{
    return tracker_high(f->people.tracker);
}

void football_regions(const fov_football *f, int *side_px, int *overlap_px)
{
    *side_px = f->ball->params.tile_px;
    *overlap_px = f->ball->params.overlap_px;
}

void football_next_look(fov_football *f, double time_s, const fov_motion *motion,
                        fov_ball_look *look)
{
    const fov_ball_input input = {.time_s = f->time_s + fmax(0, time_s - f->input_s),
                                  .width = f->width,
                                  .height = f->height,
                                  .motion = motion};
    if (fov_ball_where(f->ball, &input, look, NULL) != FOV_OK)
        *look = (fov_ball_look){.x = NAN, .y = NAN};
}

bool football_view(const fov_football *f, fov_pitch_view *view, double *sigma_px)
{
    const fov_pitch_view *now = football_view_now(&f->view);
    if (!now)
        return false;
    *view = *now;
    *sigma_px = f->view.follow.sigma_px;
    return true;
}
