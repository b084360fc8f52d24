/* {"match":1,"fps":25,"length":105,"width":68,"picture":[1920,1080],"home":"…","away":"…"}, then a
 * line a frame: {"f":12,"t":0.48,"p":[[id,team,role,number,x,y,speed,x1,y1,x2,y2,score],…],
 * "b":[x,y,z],"o":0,"bp":[u,v,size]}; "b" is null when nobody knows where on the pitch the ball is,
 * "bp" is left out when it is not known in the picture either; x and y are null without a view. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "scene/match_lines.h"

enum { FIELDS = 12 };

#define FAR_M 1000.0 /* no place is further */
#define FAR_PX 100000.0

/* ---- checks ---------------------------------------------------------------------------------- */

static bool within(double value, double least, double most)
{
    return value >= least && value <= most;
}

static bool name_is_good(const char *name, size_t size)
{
    return memchr(name, '\0', size) && text_is_utf8((const uint8_t *)name, strlen(name));
}

fov_status match_check_about(const fov_match_about *a, fov_error *error)
{
    if (!within(a->fps, 0.1, 1000))
        return fov_fail(error, FOV_EINVAL, "fps is %g; it may be 0.1 to 1000", a->fps);
    if (!within(a->pitch.length, 20, 200) || !within(a->pitch.width, 20, 200))
        return fov_fail(error, FOV_EINVAL, "the pitch is %g x %g m; a side may be 20 to 200",
                        a->pitch.length, a->pitch.width);
    if (a->width < 0 || a->height < 0 || a->width > 16384 || a->height > 16384)
        return fov_fail(error, FOV_EINVAL, "the picture is %d x %d px; a side may be 0 to 16384",
                        a->width, a->height);
    if (!name_is_good(a->home, sizeof a->home) || !name_is_good(a->away, sizeof a->away))
        return fov_fail(error, FOV_EINVAL, "a team's name is no UTF-8 of at most 63 bytes");
    return FOV_OK;
}

static fov_status check_entry(const fov_match_entry *e, fov_error *error)
{
    const char *wrong = NULL;
    if (e->id < 1)
        wrong = "id";
    else if (e->team < -1 || e->team > 1)
        wrong = "team";
    else if (e->role < FOV_ROLE_PLAYER || e->role > FOV_ROLE_OTHER)
        wrong = "role";
    else if (e->number < 0 || e->number > 99)
        wrong = "number";
    else if (!e->unplaced && (!within(e->x, -FAR_M, FAR_M) || !within(e->y, -FAR_M, FAR_M)))
        wrong = "place";
    else if (!within(e->speed_mps, 0, 100))
        wrong = "speed";
    else if (!within(e->x1, -FAR_PX, FAR_PX) || !within(e->y1, -FAR_PX, FAR_PX) ||
             !within(e->x2, e->x1, FAR_PX) || !within(e->y2, e->y1, FAR_PX))
        wrong = "box";
    else if (!within(e->score, 0, 1))
        wrong = "score";
    return wrong ? fov_fail(error, FOV_EINVAL, "the %s of person %d is out of range", wrong, e->id)
                 : FOV_OK;
}

fov_status match_check_frame(const fov_match_frame *f, int64_t last, fov_error *error)
{
    if (f->number <= last || f->number > INT64_C(1) << 52)
        return fov_fail(error, FOV_EINVAL, "frame %lld does not follow frame %lld",
                        (long long)f->number, (long long)last);
    if (!within(f->time_s, -1e12, 1e12))
        return fov_fail(error, FOV_EINVAL, "the time of frame %lld is out of range",
                        (long long)f->number);
    if (f->count > FOV_MATCH_FILE_PEOPLE)
        return fov_fail(error, FOV_EINVAL, "%zu people in a frame; at most %d", f->count,
                        FOV_MATCH_FILE_PEOPLE);
    for (int k = 0; k < 3 && f->ball_known; k++)
        if (!within(f->ball[k], -FAR_M, FAR_M))
            return fov_fail(error, FOV_EINVAL, "the ball of frame %lld is out of range",
                            (long long)f->number);
    if (f->ball_pictured &&
        (!within(f->ball_px[0], -FAR_PX, FAR_PX) || !within(f->ball_px[1], -FAR_PX, FAR_PX) ||
         !within(f->ball_size_px, 0, FAR_PX)))
        return fov_fail(error, FOV_EINVAL, "the ball in picture %lld is out of range",
                        (long long)f->number);
    if (f->ball_team < -1 || f->ball_team > 1)
        return fov_fail(error, FOV_EINVAL, "ball_team is %d; it may be -1 to 1", f->ball_team);
    for (size_t i = 0; i < f->count; i++) {
        fov_status status = check_entry(&f->entries[i], error);
        if (status)
            return status;
    }
    return FOV_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

void match_write_about(struct json_writer *w, const fov_match_about *a)
{
    json_object_begin(w);
    json_add_int(w, "match", 1);
    json_add_number(w, "fps", a->fps, 6);
    json_add_number(w, "length", a->pitch.length, 4);
    json_add_number(w, "width", a->pitch.width, 4);
    json_name(w, "picture");
    json_array_begin(w);
    json_put_int(w, a->width);
    json_put_int(w, a->height);
    json_array_end(w);
    json_add_string(w, "home", a->home);
    json_add_string(w, "away", a->away);
    json_object_end(w);
}

static void write_entry(struct json_writer *w, const fov_match_entry *e)
{
    json_array_begin(w);
    json_put_int(w, e->id);
    json_put_int(w, e->team);
    json_put_int(w, e->role);
    json_put_int(w, e->number);
    json_put_number(w, e->unplaced ? NAN : e->x, 3);
    json_put_number(w, e->unplaced ? NAN : e->y, 3);
    json_put_number(w, e->speed_mps, 2);
    json_put_number(w, e->x1, 1);
    json_put_number(w, e->y1, 1);
    json_put_number(w, e->x2, 1);
    json_put_number(w, e->y2, 1);
    json_put_number(w, e->score, 3);
    json_array_end(w);
}

void match_write_frame(struct json_writer *w, const fov_match_frame *f)
{
    json_object_begin(w);
    json_add_int(w, "f", f->number);
    json_add_number(w, "t", f->time_s, 4);
    json_name(w, "p");
    json_array_begin(w);
    for (size_t i = 0; i < f->count; i++)
        write_entry(w, &f->entries[i]);
    json_array_end(w);
    json_name(w, "b");
    if (f->ball_known) {
        json_array_begin(w);
        for (int k = 0; k < 3; k++)
            json_put_number(w, f->ball[k], 3);
        json_array_end(w);
    } else {
        json_put_null(w);
    }
    json_add_int(w, "o", f->ball_team);
    if (f->ball_pictured) {
        const float bp[3] = {f->ball_px[0], f->ball_px[1], f->ball_size_px};
        json_name(w, "bp");
        json_array_begin(w);
        for (int k = 0; k < 3; k++)
            json_put_number(w, bp[k], 1);
        json_array_end(w);
    }
    json_object_end(w);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool number_at(const json_value *array, size_t i, double *value)
{
    const json_value *item = json_at(array, i);
    return item && json_number(item, value);
}

/* Whole numbers that an int holds. */
static bool int_at(const json_value *array, size_t i, int *value)
{
    double number;
    if (!number_at(array, i, &number) || number != floor(number) || fabs(number) > 1e9)
        return false;
    *value = (int)number;
    return true;
}

static bool read_entry(const json_value *array, fov_match_entry *e)
{
    double numbers[8];
    int ints[4];
    if (!json_is_array(array) || json_count(array) != FIELDS)
        return false;
    bool unplaced = json_is_null(json_at(array, 4)) && json_is_null(json_at(array, 5));
    for (size_t i = 0; i < 4; i++)
        if (!int_at(array, i, &ints[i]))
            return false;
    for (size_t i = 0; i < 8; i++)
        if (i < 2 && unplaced)
            numbers[i] = 0;
        else if (!number_at(array, i + 4, &numbers[i]) || fabs(numbers[i]) > 1e9)
            return false;
    if (ints[2] < FOV_ROLE_PLAYER || ints[2] > FOV_ROLE_OTHER)
        return false;
    *e = (fov_match_entry){.id = ints[0],
                           .team = ints[1],
                           .number = ints[3],
                           .role = (fov_match_role)ints[2],
                           .x = numbers[0],
                           .y = numbers[1],
                           .speed_mps = numbers[2],
                           .x1 = (float)numbers[3],
                           .y1 = (float)numbers[4],
                           .x2 = (float)numbers[5],
                           .y2 = (float)numbers[6],
                           .score = (float)numbers[7],
                           .unplaced = unplaced};
    return true;
}

static bool read_people(const json_value *array, fov_match_entry *entries, size_t *count)
{
    *count = array && json_is_array(array) ? json_count(array) : SIZE_MAX;
    if (*count > FOV_MATCH_FILE_PEOPLE)
        return false;
    size_t i = 0;
    for (const json_value *item = json_at(array, 0); i < *count; item = json_next(item), i++)
        if (!read_entry(item, &entries[i]))
            return false;
    return true;
}

static bool read_ball(const json_value *value, fov_match_frame *f)
{
    f->ball_known = value && !json_is_null(value);
    if (!f->ball_known)
        return value != NULL;
    return json_is_array(value) && json_count(value) == 3 && number_at(value, 0, &f->ball[0]) &&
           number_at(value, 1, &f->ball[1]) && number_at(value, 2, &f->ball[2]);
}

static bool read_pictured(const json_value *value, fov_match_frame *f)
{
    double numbers[3];
    f->ball_pictured = value != NULL;
    if (!value)
        return true;
    for (size_t i = 0; i < 3; i++)
        if (!json_is_array(value) || json_count(value) != 3 || !number_at(value, i, &numbers[i]) ||
            fabs(numbers[i]) > 1e9)
            return false;
    f->ball_px[0] = (float)numbers[0];
    f->ball_px[1] = (float)numbers[1];
    f->ball_size_px = (float)numbers[2];
    return true;
}

static bool read_members(const json_value *line, fov_match_entry *entries, fov_match_frame *f)
{
    int64_t owner;
    if (!json_get_int(line, "f", &f->number) || !json_get_number(line, "t", &f->time_s) ||
        !json_get_int(line, "o", &owner) || owner < -1 || owner > 1)
        return false;
    f->ball_team = (int32_t)owner;
    f->entries = entries;
    return read_people(json_get(line, "p"), entries, &f->count) &&
           read_ball(json_get(line, "b"), f) && read_pictured(json_get(line, "bp"), f);
}

fov_status match_read_frame(const char *line, size_t size, int64_t last, fov_match_entry *entries,
                            fov_match_frame *frame, fov_error *error)
{
    fov_error why = {0};
    memset(frame, 0, sizeof *frame);
    json_value *json = json_parse(line, size, MATCH_LINE_MAX, &why);
    if (!json)
        return fov_fail(error, FOV_EFORMAT, "%s", why.message);
    bool whole = read_members(json, entries, frame);
    json_free(&json);
    if (!whole)
        return fov_fail(error, FOV_EFORMAT, "no frame: f, t, p, b or o is missing or wrong");
    return match_check_frame(frame, last, &why) ? fov_fail(error, FOV_EFORMAT, "%s", why.message)
                                                : FOV_OK;
}

static bool read_name(const json_value *line, const char *key, char to[64])
{
    const char *text;
    return json_get_string(line, key, &text) && text_copy(to, 64, text) == strlen(text);
}

static bool read_about(const json_value *line, fov_match_about *a)
{
    int64_t version;
    const json_value *picture = json_get(line, "picture");
    return json_get_int(line, "match", &version) && version == 1 &&
           json_get_number(line, "fps", &a->fps) &&
           json_get_number(line, "length", &a->pitch.length) &&
           json_get_number(line, "width", &a->pitch.width) && picture && json_is_array(picture) &&
           json_count(picture) == 2 && int_at(picture, 0, &a->width) &&
           int_at(picture, 1, &a->height) && read_name(line, "home", a->home) &&
           read_name(line, "away", a->away);
}

fov_status match_read_about(const char *line, size_t size, fov_match_about *about, fov_error *error)
{
    fov_error why = {0};
    memset(about, 0, sizeof *about);
    json_value *json = json_parse(line, size, MATCH_LINE_MAX, &why);
    if (!json)
        return fov_fail(error, FOV_EFORMAT, "%s", why.message);
    bool whole = read_about(json, about);
    json_free(&json);
    if (!whole)
        return fov_fail(error, FOV_EFORMAT, "it does not begin as a match does");
    return match_check_about(about, &why) ? fov_fail(error, FOV_EFORMAT, "%s", why.message)
                                          : FOV_OK;
}
