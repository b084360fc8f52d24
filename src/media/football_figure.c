/* People and the ball: bones in metres, drawn as limbs. Legs and arms swing with the stride. */
#include <math.h>

#include "media/football_scene.h"

#define BLACK ((struct paint_colour){16, 128, 128})

/* ---- who wears what --------------------------------------------------------------------------
 */

struct kit {
    uint32_t shirt, sleeve, shorts, socks, print;
};

/* Pairs of teams that eyes, and colours, tell apart on grass and from each other. */
static const struct kit kits[][2] = {{{0xC81E2C, 0xC81E2C, 0xF2F2F0, 0xC81E2C, 0xFFFFFF},
                                      {0xF4F5F7, 0xF4F5F7, 0x1C2C58, 0xF4F5F7, 0x14213F}},
                                     {{0x5FA8DD, 0x5FA8DD, 0xF4F4F4, 0x5FA8DD, 0x12233F},
                                      {0xF2C418, 0xF2C418, 0x16308A, 0xF4F4F4, 0x16308A}},
                                     {{0x1F3F9E, 0x1F3F9E, 0x1F3F9E, 0xF2F2F0, 0xFFFFFF},
                                      {0xE8621C, 0xE8621C, 0x2A2A2C, 0xE8621C, 0x201510}},
                                     {{0xF3F4F6, 0xF3F4F6, 0xF3F4F6, 0xF3F4F6, 0x25254A},
                                      {0xB0143F, 0xB0143F, 0xF2F2F0, 0xB0143F, 0xFFFFFF}}};
static const struct kit keepers[2] = {{0xD7E024, 0xD7E024, 0x22251C, 0xD7E024, 0x1C1F12},
                                      {0xE0559A, 0xE0559A, 0x2C1A26, 0xE0559A, 0x24101C}};
static const struct kit official = {0x1A1B1E, 0x1A1B1E, 0x1A1B1E, 0x1A1B1E, 0x1A1B1E};

static const struct kit *kit_of(int person, uint32_t seed)
{
    int team = play_team(person);
    if (team < 0)
        return &official;
    size_t pair = (seed + sizeof kits / sizeof *kits - 1) % (sizeof kits / sizeof *kits);
    return play_keeper(person) ? &keepers[team] : &kits[pair][team];
}

int figure_number(int person)
{
    static const int numbers[2][FOOTBALL_SIDE] = {{1, 2, 4, 5, 3, 7, 6, 8, 11, 10, 9},
                                                  {1, 2, 3, 5, 14, 6, 8, 10, 7, 17, 9}};
    return person < FOOTBALL_PLAYERS ? numbers[play_team(person)][person % FOOTBALL_SIDE] : 0;
}

void figure_dress(struct figure *f, int person, uint32_t seed)
{
    static const uint32_t skins[] = {0xD9A887, 0xC68E6C, 0x8A5A3F, 0x5E3B2A, 0xE0B698};
    static const uint32_t hairs[] = {0x2A1D16, 0x1A1512, 0x5A3A22, 0x1C1614, 0x9A7440};
    const struct kit *kit = kit_of(person, seed);
    uint32_t chance = scene_noise((uint32_t)person, 77, seed);
    f->number = figure_number(person);
    f->height = 1.74 + 0.17 * (chance % 1000) / 1000.0 + (play_keeper(person) ? 0.06 : 0);
    f->skin = paint_rgb(skins[(chance >> 10) % 5]);
    f->hair = paint_rgb(hairs[(chance >> 10) % 5]);
    f->shirt = paint_rgb(kit->shirt);
    f->sleeve = paint_rgb(kit->sleeve);
    f->shorts = paint_rgb(kit->shorts);
    f->socks = paint_rgb(kit->socks);
    f->print = paint_rgb(kit->print);
}

/* ---- bones -----------------------------------------------------------------------------------
 */

struct leg {
    double hip[3], knee[3], ankle[3], toe[3];
};

struct arm {
    double shoulder[3], elbow[3], hand[3];
};

struct bones {
    double forward[2], side[2]; /* unit; side to the left */
    struct leg legs[2];         /* left, right */
    struct arm arms[2];
    double neck[3], head[3], hips[3];
};

/* A point `ahead` and `left` of the body's middle. */
static void place(const struct figure *f, const struct bones *b, double ahead, double left,
                  double z, double at[3])
{
    for (int k = 0; k < 2; k++)
        at[k] = f->at[k] + ahead * b->forward[k] + left * b->side[k];
    at[2] = z;
}

/* How far the legs swing, 0 standing to 1 sprinting. */
static double swing_of(const struct figure *f)
{
    return fmin(1, 0.08 + f->speed / 6.5);
}

static void pose_leg(const struct figure *f, struct bones *b, int side)
{
    double h = f->height, swing = swing_of(f), phase = f->stride + (side ? 3.14159265 : 0);
    double left = (side ? -1 : 1) * 0.055 * h, thigh = 0.75 * swing * sin(phase) + 0.12 * swing;
    double bend = 0.08 + 1.5 * swing * fmax(0, cos(phase)) + 0.25 * swing;
    double shin = thigh - bend, hip_z = 0.515 * h, knee = 0.245 * h, ankle = 0.235 * h;
    struct leg *leg = &b->legs[side];
    place(f, b, 0, left, hip_z, leg->hip);
    place(f, b, knee * sin(thigh), left * 1.1, hip_z - knee * cos(thigh), leg->knee);
    double ahead = knee * sin(thigh) + ankle * sin(shin);
    double z = hip_z - knee * cos(thigh) - ankle * cos(shin);
    place(f, b, ahead, left * 1.15, z, leg->ankle);
    place(f, b, ahead + 0.085 * h * cos(shin * 0.6), left * 1.2,
          z + 0.085 * h * sin(shin * 0.6) - 0.012 * h, leg->toe);
}

static void pose_arm(const struct figure *f, struct bones *b, int side, double lean)
{
    double h = f->height, swing = swing_of(f), phase = f->stride + (side ? 0 : 3.14159265);
    double left = (side ? -1 : 1) * 0.115 * h, upper = 0.9 * swing * sin(phase) - 0.05;
    double fore = upper + 0.25 + 1.0 * swing, out = (side ? -1 : 1) * 0.05 * h;
    struct arm *arm = &b->arms[side];
    double ahead = lean, z = 0.805 * h;
    place(f, b, ahead, left, z, arm->shoulder);
    ahead += 0.165 * h * sin(upper);
    z -= 0.165 * h * cos(upper);
    place(f, b, ahead, left + out, z, arm->elbow);
    place(f, b, ahead + 0.15 * h * sin(fore), left + out * 1.1, z - 0.15 * h * cos(fore),
          arm->hand);
}

static void lift(struct bones *b, double up)
{
    double *points[] = {b->legs[0].hip,   b->legs[0].knee, b->legs[0].ankle,
                        b->legs[0].toe,   b->legs[1].hip,  b->legs[1].knee,
                        b->legs[1].ankle, b->legs[1].toe,  b->arms[0].shoulder,
                        b->arms[0].elbow, b->arms[0].hand, b->arms[1].shoulder,
                        b->arms[1].elbow, b->arms[1].hand, b->neck,
                        b->head,          b->hips};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        points[i][2] += up;
}

static void pose(const struct figure *f, struct bones *b)
{
    double size = hypot(f->facing[0], f->facing[1]) + 1e-9, h = f->height;
    double lean = 0.10 * h * swing_of(f);
    for (int k = 0; k < 2; k++)
        b->forward[k] = f->facing[k] / size;
    b->side[0] = -b->forward[1];
    b->side[1] = b->forward[0];
    for (int side = 0; side < 2; side++) {
        pose_leg(f, b, side);
        pose_arm(f, b, side, lean);
    }
    place(f, b, 0, 0, 0.52 * h, b->hips);
    place(f, b, lean, 0, 0.85 * h, b->neck);
    place(f, b, lean * 1.25, 0, 0.93 * h, b->head);
    double lowest = fmin(fmin(b->legs[0].ankle[2], b->legs[0].toe[2]),
                         fmin(b->legs[1].ankle[2], b->legs[1].toe[2]));
    lift(b, 0.03 * h - lowest); /* the lower foot stands on the grass */
}

/* ---- drawing ---------------------------------------------------------------------------------
 */

struct brush {
    struct paint *paint;
    const struct camera *camera;
    const struct figure *figure;
    double px; /* a metre, where the figure stands */
    struct paint_box box;
};

static void limb(struct brush *b, const double from[3], double thick_from, const double to[3],
                 double thick_to, struct paint_colour colour)
{
    double h = b->figure->height;
    paint_capsule(b->paint, camera_project(b->camera, from), (float)(thick_from * h * b->px),
                  camera_project(b->camera, to), (float)(thick_to * h * b->px), colour, 1, &b->box);
}

static void between(const double a[3], const double b[3], double t, double to[3])
{
    for (int k = 0; k < 3; k++)
        to[k] = a[k] + t * (b[k] - a[k]);
}

static struct paint_colour shade(struct paint_colour c, double by)
{
    c.y = (uint8_t)(16 + (c.y - 16) * by);
    return c;
}

static void draw_leg(struct brush *b, const struct leg *leg, double light)
{
    const struct figure *f = b->figure;
    double hem[3];
    between(leg->hip, leg->knee, 0.72, hem);
    limb(b, leg->ankle, 0.023, leg->toe, 0.016, BLACK);
    limb(b, hem, 0.035, leg->knee, 0.031, shade(f->skin, light));
    limb(b, leg->knee, 0.033, leg->ankle, 0.023, shade(f->socks, light));
    limb(b, leg->hip, 0.059, hem, 0.051, shade(f->shorts, light));
}

static void draw_arm(struct brush *b, const struct arm *arm, double light)
{
    const struct figure *f = b->figure;
    double cuff[3];
    between(arm->shoulder, arm->elbow, 0.75, cuff);
    limb(b, cuff, 0.024, arm->elbow, 0.023, shade(f->skin, light));
    limb(b, arm->elbow, 0.023, arm->hand, 0.02, shade(f->skin, light));
    limb(b, arm->shoulder, 0.039, cuff, 0.034, shade(f->sleeve, light));
}

/* How wide the trunk looks: all of it from the front, less from the side. `part` 0 the hips, 1 the
 * shoulders. */
static double half_width(const struct brush *b, const struct bones *bones, double part)
{
    const double *right = b->camera->right;
    double side = fabs(bones->side[0] * right[0] + bones->side[1] * right[1]);
    double ahead = sqrt(fmax(0, 1 - side * side));
    double h = b->figure->height;
    return h * (side * (0.092 + 0.04 * part) + ahead * (0.067 + 0.013 * part)) * b->px;
}

/* Points of the trunk at `down` 0 (shoulders) to 1 (hips) and `across` -1 to 1, in px. */
static struct paint_point trunk_point(const struct brush *b, const struct bones *bones,
                                      double across, double down)
{
    struct paint_point top = camera_project(b->camera, bones->neck);
    struct paint_point low = camera_project(b->camera, bones->hips);
    double half = half_width(b, bones, 1 - down);
    return (struct paint_point){(float)(top.x + down * (low.x - top.x) + across * half),
                                (float)(top.y + down * (low.y - top.y))};
}

static void draw_trunk_part(struct brush *b, const struct bones *bones, double left, double right,
                            struct paint_colour colour, float opacity)
{
    static const double downs[4] = {0, 0.1, 0.7, 1.03};
    static const double widths[4] = {0.62, 0.98, 0.94, 1};
    struct paint_point corners[8];
    for (int i = 0; i < 4; i++) {
        corners[i] = trunk_point(b, bones, right * widths[i], downs[i]);
        corners[7 - i] = trunk_point(b, bones, left * widths[i], downs[i]);
    }
    paint_box_add(&b->box, corners, 8);
    paint_convex(b->paint, corners, 8, colour, opacity);
}

/* ---- numbers on backs ------------------------------------------------------------------------
 */

/* Five rows of three cells, the highest bit is the first cell. */
static const uint16_t digits[10] = {075557, 026227, 071747, 071717, 055711,
                                    074717, 074757, 071111, 075757, 075717};

static void draw_cell(struct brush *b, const struct bones *bones, double x1, double x2, double y1,
                      double y2)
{
    struct paint_point corners[4] = {trunk_point(b, bones, x1, y1), trunk_point(b, bones, x2, y1),
                                     trunk_point(b, bones, x2, y2), trunk_point(b, bones, x1, y2)};
    paint_convex(b->paint, corners, 4, b->figure->print, 1);
}

static void draw_digit(struct brush *b, const struct bones *bones, int digit, double left)
{
    const double cell_x = 0.17, cell_y = 0.085, top = 0.24;
    for (int row = 0; row < 5; row++) {
        int bits = digits[digit] >> (12 - 3 * row) & 7;
        for (int column = 0; column < 3; column++) {
            int run = 0;
            while (column + run < 3 && bits >> (2 - column - run) & 1)
                run++;
            if (run == 0)
                continue;
            draw_cell(b, bones, left + column * cell_x, left + (column + run) * cell_x,
                      top + row * cell_y, top + (row + 1) * cell_y);
            column += run;
        }
    }
}

static void draw_number(struct brush *b, const struct bones *bones)
{
    const double *look = b->camera->forward;
    double away = bones->forward[0] * look[0] + bones->forward[1] * look[1];
    int number = b->figure->number;
    if (number == 0 || away < 0.45)
        return;
    if (number < 10) {
        draw_digit(b, bones, number, -0.255);
        return;
    }
    draw_digit(b, bones, number / 10, -0.58);
    draw_digit(b, bones, number % 10, 0.07);
}

/* ---- the whole figure ------------------------------------------------------------------------
 */

static void draw_trunk(struct brush *b, const struct bones *bones)
{
    const struct figure *f = b->figure;
    draw_trunk_part(b, bones, -1, 1, f->shirt, 1);
    draw_trunk_part(b, bones, 0.35, 1, BLACK, 0.22f); /* the side away from the sun */
    draw_number(b, bones);
}

static void draw_head(struct brush *b, const struct bones *bones)
{
    const struct figure *f = b->figure;
    double crown[3], face[3], chin[3];
    for (int k = 0; k < 2; k++) {
        crown[k] = bones->head[k] - 0.02 * f->height * bones->forward[k];
        face[k] = bones->head[k] + 0.012 * f->height * bones->forward[k];
        chin[k] = bones->head[k] + 0.02 * f->height * bones->forward[k];
    }
    crown[2] = bones->head[2] + 0.022 * f->height;
    face[2] = bones->head[2] - 0.01 * f->height;
    chin[2] = bones->head[2] - 0.03 * f->height;
    bool from_behind = bones->forward[0] * b->camera->forward[0] +
                           bones->forward[1] * b->camera->forward[1] >
                       0.2;
    limb(b, bones->neck, 0.028, chin, 0.028, shade(f->skin, 0.85));
    if (!from_behind)
        limb(b, crown, 0.046, crown, 0.046, f->hair);
    limb(b, face, 0.043, chin, 0.036, f->skin);
    if (from_behind)
        limb(b, crown, 0.047, face, 0.043, f->hair);
}

struct paint_box figure_draw(struct paint *p, const struct camera *c, const struct figure *f)
{
    double foot[3] = {f->at[0], f->at[1], 0.9}, depth = camera_depth(c, foot);
    struct brush b = {.paint = p, .camera = c, .figure = f, .box = PAINT_NOWHERE};
    struct bones bones;
    if (depth < 2)
        return b.box;
    b.px = c->view.focal_px / depth;
    pose(f, &bones);
    /* The side that is further away comes first. */
    double away = bones.side[0] * c->forward[0] + bones.side[1] * c->forward[1];
    int far = away > 0 ? 0 : 1, near = 1 - far;
    draw_arm(&b, &bones.arms[far], 0.8);
    draw_leg(&b, &bones.legs[far], 0.82);
    draw_leg(&b, &bones.legs[near], 1);
    draw_trunk(&b, &bones);
    draw_head(&b, &bones);
    draw_arm(&b, &bones.arms[near], 1);
    return b.box;
}

/* ---- shadows and the ball --------------------------------------------------------------------
 */

/* Where the sun throws what is a metre high. */
static const double SUN[2] = {0.85, 0.42};

/* A capsule that lies on the ground. */
static void ground_capsule(struct paint *p, const struct camera *c, const double a[2],
                           double radius_a, const double b[2], double radius_b, float opacity)
{
    double corners[12][3] = {{0}}, dx = b[0] - a[0], dy = b[1] - a[1], turn = atan2(dy, dx);
    struct paint_point points[16];
    for (int i = 0; i < 12; i++) {
        const double *end = i < 6 ? b : a;
        double radius = i < 6 ? radius_b : radius_a;
        double angle = turn - 1.5708 + (i < 6 ? i : i - 1) * 0.62832;
        corners[i][0] = end[0] + radius * cos(angle);
        corners[i][1] = end[1] + radius * sin(angle);
    }
    int count = camera_polygon(c, (const double(*)[3])corners, 12, points);
    paint_convex(p, points, count, BLACK, opacity);
}

void figure_shadow(struct paint *p, const struct camera *c, const struct figure *f)
{
    struct bones b;
    double hips[2], neck[2], head[2];
    pose(f, &b);
    for (int k = 0; k < 2; k++) {
        hips[k] = b.hips[k] + SUN[k] * b.hips[2];
        neck[k] = b.neck[k] + SUN[k] * b.neck[2];
        head[k] = b.head[k] + SUN[k] * b.head[2];
    }
    for (int i = 0; i < 2; i++) {
        double toe[2], knee[2];
        for (int k = 0; k < 2; k++) {
            toe[k] = b.legs[i].ankle[k] + SUN[k] * fmax(0, b.legs[i].ankle[2] - 0.05);
            knee[k] = b.legs[i].knee[k] + SUN[k] * b.legs[i].knee[2];
        }
        ground_capsule(p, c, toe, 0.07, knee, 0.09, 0.3f);
        ground_capsule(p, c, knee, 0.09, hips, 0.12, 0.3f);
    }
    ground_capsule(p, c, hips, 0.17, neck, 0.22, 0.36f);
    ground_capsule(p, c, neck, 0.08, head, 0.12, 0.36f);
}

void ball_shadow(struct paint *p, const struct camera *c, const double at[3])
{
    double on[2] = {at[0] + SUN[0] * at[2], at[1] + SUN[1] * at[2]};
    float soft = (float)fmax(0.15, 0.42 - 0.03 * at[2]);
    ground_capsule(p, c, on, PLAY_BALL_RADIUS * 1.1, (double[2]){on[0] + 0.05, on[1] + 0.02},
                   PLAY_BALL_RADIUS * 1.1, soft);
}

void ball_draw(struct paint *p, const struct camera *c, const double at[3])
{
    double depth = camera_depth(c, at);
    if (depth < 2)
        return;
    float radius = (float)(PLAY_BALL_RADIUS * c->view.focal_px / depth);
    struct paint_point middle = camera_project(c, at);
    struct paint_point low = {middle.x + 0.2f * radius, middle.y + 0.35f * radius};
    paint_capsule(p, middle, radius, middle, radius, paint_rgb(0xC9CCD0), 1, NULL);
    middle.x -= 0.1f * radius;
    middle.y -= 0.15f * radius;
    paint_capsule(p, middle, 0.85f * radius, middle, 0.85f * radius, paint_rgb(0xFFFFFF), 1, NULL);
    if (radius > 4)
        paint_capsule(p, low, 0.3f * radius, low, 0.3f * radius, paint_rgb(0x3A3D42), 0.8f, NULL);
}
