/* The pitch from above, in a corner of the picture: lines by law 1, people, the ball. */
#include "media/draw_football.h"

#include <math.h>
#include <stdio.h>

#include "base/pitch_law.h"

#define GROUND 0x1D4A33
#define CHALK 0x9FBFAD
#define SEEN 0x2C6A49 /* the part that the camera sees */
#define TEXT 0xF4F7F5
#define BALL 0xFFFFFF
#define MARGIN_M 4.0
#define PART 0.25 /* of the picture's width */

enum { LEAST_PX = 90, ROUND = 40 };

struct radar radar_in(const fov_image *image, const fov_pitch_size *pitch)
{
    struct radar r = {.pitch = *pitch};
    if (!(r.pitch.length > 0))
        r.pitch.length = PITCH_USUAL_LENGTH;
    if (!(r.pitch.width > 0))
        r.pitch.width = PITCH_USUAL_WIDTH;
    double across = r.pitch.length + 2 * MARGIN_M, down = r.pitch.width + 2 * MARGIN_M;
    int gap = image->width / 80;
    r.scale = fmin(PART * image->width / across, 0.45 * image->height / down);
    int width = (int)(r.scale * across), height = (int)(r.scale * down);
    if (width >= LEAST_PX)
        r.place = (struct overlay_rect){image->width - gap - width, gap, image->width - gap,
                                        gap + height};
    return r;
}

fov_point radar_at(const struct radar *r, double x, double y)
{
    return (fov_point){(float)(r->place.x1 + (x + MARGIN_M) * r->scale),
                       (float)(r->place.y2 - (y + MARGIN_M) * r->scale)};
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void line(const fov_image *image, const struct radar *r, double x1, double y1, double x2,
                 double y2)
{
    float thick = image->width >= 3000 ? 3 : image->width >= 1200 ? 2 : 1;
    overlay_line(image, radar_at(r, x1, y1), radar_at(r, x2, y2), thick, CHALK);
}

static void rectangle(const fov_image *image, const struct radar *r, double x1, double y1,
                      double x2, double y2)
{
    line(image, r, x1, y1, x2, y1);
    line(image, r, x2, y1, x2, y2);
    line(image, r, x2, y2, x1, y2);
    line(image, r, x1, y2, x1, y1);
}

/* Those parts of a circle of the law's radius whose x is within [from, to]. */
static void circle(const fov_image *image, const struct radar *r, double x, double y, double from,
                   double to)
{
    for (int i = 0; i < ROUND; i++) {
        double a = 2 * M_PI * i / ROUND, b = 2 * M_PI * (i + 1) / ROUND;
        double x1 = x + PITCH_CIRCLE * cos(a), x2 = x + PITCH_CIRCLE * cos(b);
        if (fmin(x1, x2) >= from - 0.4 && fmax(x1, x2) <= to + 0.4)
            line(image, r, x1, y + PITCH_CIRCLE * sin(a), x2, y + PITCH_CIRCLE * sin(b));
    }
}

static void draw_lines(const fov_image *image, const struct radar *r)
{
    static const double deep[2] = {PITCH_PENALTY_AREA_LENGTH, PITCH_GOAL_AREA_LENGTH};
    static const double half[2] = {PITCH_PENALTY_AREA_HALF, PITCH_GOAL_AREA_HALF};
    double length = r->pitch.length, width = r->pitch.width, middle = width / 2;
    rectangle(image, r, 0, 0, length, width);
    line(image, r, length / 2, 0, length / 2, width);
    circle(image, r, length / 2, middle, 0, length);
    for (int i = 0; i < 2; i++) {
        rectangle(image, r, 0, middle - half[i], deep[i], middle + half[i]);
        rectangle(image, r, length - deep[i], middle - half[i], length, middle + half[i]);
    }
    circle(image, r, PITCH_SPOT, middle, PITCH_PENALTY_AREA_LENGTH, length);
    circle(image, r, length - PITCH_SPOT, middle, 0, length - PITCH_PENALTY_AREA_LENGTH);
    line(image, r, PITCH_SPOT, middle, PITCH_SPOT, middle);
    line(image, r, length - PITCH_SPOT, middle, length - PITCH_SPOT, middle);
}

/* ---- what the camera sees -------------------------------------------------------------------- */

/* Row by row, for the part of the pitch that lies in the picture is no simple shape: it ends at the
 * horizon and bends with the lens. */
static void draw_seen(const fov_image *image, const struct radar *r, const fov_pitch_view *view)
{
    const struct overlay_rect *p = &r->place;
    enum { step = 2 };
    for (int y = p->y1; y < p->y2; y += step) {
        int from = -1;
        for (int x = p->x1; x <= p->x2; x += step) {
            double at[2] = {(x + 0.5 * step - p->x1) / r->scale - MARGIN_M,
                            (p->y2 - y - 0.5 * step) / r->scale - MARGIN_M};
            double px[2];
            bool seen = x < p->x2 && fov_pitch_to_px(view, at, px) && px[0] >= 0 && px[1] >= 0 &&
                        px[0] < image->width && px[1] < image->height;
            if (seen && from < 0)
                from = x;
            if (seen || from < 0)
                continue;
            int below = y + step < p->y2 ? y + step : p->y2;
            overlay_fill(image, (struct overlay_rect){from, y, x < p->x2 ? x : p->x2, below}, SEEN);
            from = -1;
        }
    }
}

/* ---- people ---------------------------------------------------------------------------------- */

static void dot(const fov_image *image, fov_point at, float radius, uint32_t rgb)
{
    overlay_line(image, at, at, 2 * radius + 2, overlay_ink(rgb));
    overlay_line(image, at, at, 2 * radius, rgb);
}

static bool is_near(const struct radar *r, double x, double y)
{
    return x > -MARGIN_M && y > -MARGIN_M && x < r->pitch.length + MARGIN_M &&
           y < r->pitch.width + MARGIN_M; /* false for NaN */
}

/* All dots before the first name: a name is never covered. */
static void draw_people(const fov_image *image, const struct radar *r,
                        const fov_football_frame *frame, bool names)
{
    float radius = fmaxf(2.5f, (float)(1.1 * r->scale));
    char text[16];
    for (size_t i = 0; i < frame->count; i++) {
        const fov_football_person *p = &frame->people[i];
        if (!p->on_pitch || !is_near(r, p->x, p->y))
            continue;
        fov_point at = radar_at(r, p->x, p->y);
        bool lost = p->state != FOV_TRACK_ACTIVE;
        if (!names) {
            dot(image, at, lost ? radius * 0.6f : radius, draw_person_color(frame, p));
        } else if (!lost) {
            snprintf(text, sizeof text, "%d", (int)p->id);
            overlay_text(image, &r->style, (int)(at.x + radius + 2), (int)(at.y + radius + 1), TEXT,
                         text);
        }
    }
}

void radar_draw(const fov_image *image, const struct radar *r, const fov_football_frame *frame,
                const fov_ball *ball)
{
    overlay_fill(image, r->place, GROUND);
    draw_seen(image, r, &frame->view);
    draw_lines(image, r);
    draw_people(image, r, frame, false);
    if (r->scale >= 3)
        draw_people(image, r, frame, true);
    if (ball && ball->on_pitch && is_near(r, ball->pitch_x, ball->pitch_y))
        dot(image, radar_at(r, ball->pitch_x, ball->pitch_y), fmaxf(2, (float)(0.7 * r->scale)),
            BALL);
}
