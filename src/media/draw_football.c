/* Players and ball of a match in their picture. */
#include "media/draw_football.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/plane.h"
#include "media/image.h"

#define BALL_COLOR 0xFFE94A
#define WAY_GAP_S 0.35 /* a longer hole in the ball's way is not bridged */

/* ---- the ball's way -------------------------------------------------------------------------- */

static void carry(fov_ball_way *way, const fov_motion *motion)
{
    for (int i = 0; i < way->count; i++) {
        double from[2] = {way->points[i].x, way->points[i].y}, to[2];
        if (!plane_apply(motion->map, from, to)) {
            way->count = 0;
            return;
        }
        way->points[i] = (fov_point){(float)to[0], (float)to[1]};
    }
}

static void drop_first(fov_ball_way *way, int n)
{
    way->count -= n;
    memmove(way->points, way->points + n, (size_t)way->count * sizeof *way->points);
    memmove(way->times_s, way->times_s + n, (size_t)way->count * sizeof *way->times_s);
}

void fov_ball_way_step(fov_ball_way *way, const fov_ball *ball, const fov_motion *motion,
                       double keep_s)
{
    int old = 0;
    if (motion && motion->kind == FOV_MOTION_NONE)
        way->count = 0;
    else if (motion)
        carry(way, motion);
    while (old < way->count && !(way->times_s[old] >= ball->time_s - keep_s))
        old++;
    if (old < way->count && way->times_s[way->count - 1] >= ball->time_s)
        old = way->count; /* the time jumped back */
    drop_first(way, old);
    if (ball->state == FOV_BALL_NONE)
        return;
    if (way->count == FOV_BALL_WAY_MAX)
        drop_first(way, 1);
    way->points[way->count] = (fov_point){ball->x, ball->y};
    way->times_s[way->count++] = ball->time_s;
}

/* ---- people ---------------------------------------------------------------------------------- */

uint32_t draw_person_color(const fov_football_frame *frame, const fov_football_person *person)
{
    static const uint32_t usual[2] = {0x56B4E9, 0xF0A30A};
    int side = person->side == FOV_TEAM_SECOND;
    if (person->side == FOV_TEAM_FIRST || person->side == FOV_TEAM_SECOND)
        return frame->sides[side].color_known ? frame->sides[side].color : usual[side];
    return person->role == FOV_ROLE_REFEREE ? DRAW_REFEREE : DRAW_NOBODY;
}

static void draw_person(const fov_image *image, const struct overlay_style *style,
                        const fov_football_frame *frame, const fov_football_person *p)
{
    char text[24];
    bool lost = p->state != FOV_TRACK_ACTIVE;
    uint32_t rgb = draw_person_color(frame, p);
    struct overlay_rect box;
    if (!overlay_box(image, p->x1, p->y1, p->x2, p->y2, &box))
        return;
    int e = style->edge, corner = lost ? (box.x2 - box.x1) / 4 + 1 : 0;
    overlay_outline(image, style,
                    (struct overlay_rect){box.x1 - e, box.y1 - e, box.x2 + e, box.y2 + e},
                    style->line + 2 * e, corner ? corner + e : 0, overlay_ink(rgb));
    overlay_outline(image, style, box, style->line, corner, rgb);
    if (lost)
        return;
    snprintf(text, sizeof text, "%s%d",
             p->role == FOV_ROLE_GOALKEEPER ? "GK "
             : p->role == FOV_ROLE_REFEREE  ? "R "
                                            : "",
             (int)p->id);
    overlay_label(image, style, box, rgb, text);
}

/* ---- the ball -------------------------------------------------------------------------------- */

enum { RING = 24 };

static void ring(const fov_image *image, fov_point middle, float radius, float thick, bool whole,
                 uint32_t rgb)
{
    for (int i = 0; i < RING; i++) {
        double a = 2 * M_PI * i / RING, b = 2 * M_PI * (i + 1) / RING;
        fov_point from = {middle.x + radius * (float)cos(a), middle.y + radius * (float)sin(a)};
        fov_point to = {middle.x + radius * (float)cos(b), middle.y + radius * (float)sin(b)};
        if (whole || i / 3 % 2 == 0)
            overlay_line(image, from, to, thick, rgb);
    }
}

static void draw_way(const fov_image *image, const struct overlay_style *style,
                     const fov_ball_way *way)
{
    for (int i = 1; i < way->count; i++)
        if (way->times_s[i] - way->times_s[i - 1] <= WAY_GAP_S)
            overlay_line(image, way->points[i - 1], way->points[i], (float)style->line, BALL_COLOR);
}

static void draw_ball(const fov_image *image, const struct overlay_style *style,
                      const fov_ball *ball)
{
    float line = (float)style->line, least = 5 * line;
    float radius = fmaxf(ball->size / 2 + 2 * line, least);
    fov_point at = {ball->x, ball->y};
    bool seen = ball->state == FOV_BALL_SEEN;
    if (ball->state == FOV_BALL_NONE || !(radius < (float)IMAGE_MAX_SIDE))
        return;
    ring(image, at, radius, line + (float)(2 * style->edge), seen, OVERLAY_INK);
    ring(image, at, radius, line, seen, BALL_COLOR);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Letters one size below what boxes of a scene have: there are two dozen people. */
static struct overlay_style style_for(const fov_image *image)
{
    int side = image->width < image->height ? image->width : image->height;
    int line = (2 * side + 360) / 720;
    return (struct overlay_style){.line = line < 2   ? 2
                                          : line > 4 ? 4
                                                     : line,
                                  .edge = 1,
                                  .font = &glyph_fonts[side <= 1200   ? 0
                                                       : side <= 2400 ? 1
                                                                      : 2]};
}

static void draw_radar(const fov_image *image, const struct overlay_style *style,
                       const fov_football_draw *draw, const fov_ball *ball)
{
    struct radar radar = radar_in(image, &draw->pitch);
    radar.style = *style;
    if (radar.place.x1 >= radar.place.x2)
        return;
    if (draw->frame->view_known) {
        radar_draw(image, &radar, draw->frame, ball);
        return;
    }
    struct overlay_rect corner = {radar.place.x2, radar.place.y1, radar.place.x2, radar.place.y1};
    corner.x1 -= overlay_width(style, "no calibration");
    overlay_label(image, style, corner, DRAW_NOBODY, "no calibration");
}

void fov_draw_football(fov_image *image, const fov_football_draw *draw)
{
    const fov_football_frame *frame = draw->frame;
    const fov_ball *ball = draw->ball ? draw->ball : &frame->ball;
    struct overlay_style style = style_for(image);
    for (size_t i = 0; i < frame->count; i++)
        draw_person(image, &style, frame, &frame->people[i]);
    if (draw->way)
        draw_way(image, &style, draw->way);
    draw_ball(image, &style, ball);
    if (!draw->no_radar)
        draw_radar(image, &style, draw, ball);
}
