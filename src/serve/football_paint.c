#include "serve/football_paint.h"

#include "base/text.h"

/* The overlay has so many colours, and takes that of class_id % COLORS: what is left of a class id
 * says the word. */
enum { COLORS = 10 };

enum word { PLAYER, FIRST, SECOND, FIRST_KEEPER, SECOND_KEEPER, REFEREE, BALL, WORDS };

enum { BALL_COLOR = 3, REFEREE_COLOR = 6, PLAYER_COLOR = 2 }; /* yellow, violet, green */

/* By hue and purity: shirts are in shadow, and the overlay's colours are all light. */
static void hue_of(uint32_t color, int hue[2])
{
    int r = (int)(color >> 16 & 0xFF), g = (int)(color >> 8 & 0xFF), b = (int)(color & 0xFF);
    int most = r > g ? r : g;
    most = most > b ? most : b;
    most = most > 0 ? most : 1;
    hue[0] = 255 * (r - g) / most;
    hue[1] = 255 * (g - b) / most;
}

static int distance(uint32_t a, uint32_t b)
{
    int from[2], to[2];
    hue_of(a, from);
    hue_of(b, to);
    int x = from[0] - to[0], y = from[1] - to[1];
    return x * x + y * y;
}

/* The overlay's colours are light ones that can be read on video: the one most like the shirts,
 * and another one for the other team. */
static int nearest(uint32_t color, int taken)
{
    int best = -1;
    for (int i = 0; i < COLORS; i++)
        if (i != taken && i != BALL_COLOR && i != REFEREE_COLOR &&
            (best < 0 ||
             distance(fov_class_color(i), color) < distance(fov_class_color(best), color)))
            best = i;
    return best;
}

static enum word word_of(const fov_football_frame *f, const fov_detection *d)
{
    size_t i = 0;
    while (i < f->count && f->people[i].id != d->track_id)
        i++;
    if (d->track_id < 0 || i == f->count)
        return PLAYER;
    const fov_football_person *p = &f->people[i];
    bool keeper = p->role == FOV_ROLE_GOALKEEPER;
    if (p->role == FOV_ROLE_REFEREE)
        return REFEREE;
    if (p->side == FOV_TEAM_FIRST)
        return keeper ? FIRST_KEEPER : FIRST;
    if (p->side == FOV_TEAM_SECOND)
        return keeper ? SECOND_KEEPER : SECOND;
    return PLAYER;
}

/* The detection that the ball was seen as: the box around its middle that is smallest. */
static size_t find_ball(const fov_football_frame *f, const fov_detections *seen, size_t count)
{
    size_t best = count;
    float least = 0;
    for (size_t i = 0; f->ball.state == FOV_BALL_SEEN && i < count; i++) {
        const fov_detection *d = &seen->items[i];
        float area = (d->x2 - d->x1) * (d->y2 - d->y1);
        if (d->track_id < 0 && f->ball.x >= d->x1 && f->ball.x <= d->x2 && f->ball.y >= d->y1 &&
            f->ball.y <= d->y2 && (best == count || area < least)) {
            best = i;
            least = area;
        }
    }
    return best;
}

void football_paint_fill(struct football_paint *paint, const fov_result *result)
{
    const fov_football_frame *f = result->football;
    const fov_detections *seen = result->detections;
    size_t count = seen->count < FOOTBALL_BOXES_MAX ? seen->count : FOOTBALL_BOXES_MAX;
    uint32_t colors[2];
    paint->set = true;
    for (int i = 0; i < 2; i++) {
        text_copy(paint->names[i], sizeof paint->names[i], f->sides[i].name);
        colors[i] = f->sides[i].color_known ? f->sides[i].color : i ? 0xFF8560 : 0x56B4E9;
    }
    paint->colors[0] = nearest(colors[0], -1);
    paint->colors[1] = nearest(colors[1], paint->colors[0]);
    for (size_t i = 0; i < count; i++)
        paint->words[i] = (uint8_t)word_of(f, &seen->items[i]);
    size_t ball = find_ball(f, seen, count);
    if (ball < count)
        paint->words[ball] = BALL;
}

void football_paint_boxes(const struct football_paint *paint, fov_detection *items, size_t count)
{
    const int colors[WORDS] = {[PLAYER] = PLAYER_COLOR,
                               [FIRST] = paint->colors[0],
                               [SECOND] = paint->colors[1],
                               [FIRST_KEEPER] = paint->colors[0],
                               [SECOND_KEEPER] = paint->colors[1],
                               [REFEREE] = REFEREE_COLOR,
                               [BALL] = BALL_COLOR};
    for (size_t i = 0; i < count && i < FOOTBALL_BOXES_MAX; i++)
        items[i].class_id = paint->words[i] * COLORS + colors[paint->words[i]];
}

const char *football_paint_label(void *user, int class_id)
{
    const struct football_paint *paint = user;
    switch ((enum word)(class_id / COLORS)) {
    case FIRST:
        return paint->names[0];
    case SECOND:
        return paint->names[1];
    case FIRST_KEEPER:
    case SECOND_KEEPER:
        return "goalkeeper";
    case REFEREE:
        return "referee";
    case BALL:
        return "ball";
    case PLAYER:
    case WORDS:
        break;
    }
    return "player";
}
