#include "serve/sights.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static const char *const football_names[FOV_CLASS_COUNT] = {[FOV_CLASS_PLAYER] = "player",
                                                            [FOV_CLASS_GOALKEEPER] = "goalkeeper",
                                                            [FOV_CLASS_REFEREE] = "referee",
                                                            [FOV_CLASS_BALL] = "ball"};

/* ---- names ------------------------------------------------------------------------------------
 */

const char *sights_class_name(const fov_model *model, int32_t class_id)
{
    if (model)
        return fov_model_label(model, class_id);
    return class_id >= 0 && class_id < FOV_CLASS_COUNT ? football_names[class_id] : "other";
}

static bool find_football(const char *name, void (*add)(void *user, int32_t id), void *user)
{
    bool everybody = strcasecmp(name, "person") == 0, found = everybody;
    for (int32_t id = 0; id < FOV_CLASS_COUNT; id++)
        if ((everybody && id != FOV_CLASS_BALL) || strcasecmp(football_names[id], name) == 0) {
            found = true;
            add(user, id);
        }
    return found;
}

bool sights_find_class(const fov_model *model, const char *name,
                       void (*add)(void *user, int32_t id), void *user)
{
    enum { CLASSES_MAX = 64 * ALERT_CLASS_WORDS };
    const fov_model_info *info = model ? fov_model_get_info(model) : NULL;
    long long number;
    bool found = false;
    if (!info)
        return find_football(name, add, user);
    for (int id = 0; id < info->label_count && id < CLASSES_MAX; id++)
        if (strcasecmp(info->labels[id], name) == 0) {
            found = true;
            add(user, id);
        }
    if (!found && strncmp(name, "class_", 6) == 0 &&
        text_to_int(name + 6, info->label_count, CLASSES_MAX - 1, &number)) {
        found = true;
        add(user, (int32_t)number);
    }
    return found;
}

/* ---- what is seen -----------------------------------------------------------------------------
 */

static int32_t class_of(const fov_football_person *person)
{
    return person->role == FOV_ROLE_GOALKEEPER ? FOV_CLASS_GOALKEEPER
           : person->role == FOV_ROLE_REFEREE  ? FOV_CLASS_REFEREE
                                               : FOV_CLASS_PLAYER;
}

/* People that were seen in this picture, and the ball if it was. */
static size_t take_football(struct sights *room, const fov_football_frame *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->count && count < SIGHTS_PEOPLE - 1; i++) {
        const fov_football_person *p = &f->people[i];
        if (p->state == FOV_TRACK_ACTIVE)
            room->people[count++] = (fov_detection){.x1 = p->x1,
                                                    .y1 = p->y1,
                                                    .x2 = p->x2,
                                                    .y2 = p->y2,
                                                    .score = p->score,
                                                    .class_id = class_of(p),
                                                    .class_id_raw = class_of(p),
                                                    .track_id = p->id};
    }
    const fov_ball *b = &f->ball;
    float half = b->size / 2;
    if (b->state == FOV_BALL_SEEN)
        room->people[count++] = (fov_detection){.x1 = b->x - half,
                                                .y1 = b->y - half,
                                                .x2 = b->x + half,
                                                .y2 = b->y + half,
                                                .score = b->confidence,
                                                .class_id = FOV_CLASS_BALL,
                                                .class_id_raw = FOV_CLASS_BALL,
                                                .track_id = SIGHTS_BALL_ID};
    return count;
}

/* Where they stand: as football has it, smoothed over time, else by their feet. A ball that may be
 * in the air is nowhere: what lies behind it in the picture is not where it is. */
static void place_football(struct sights *room, size_t count, const fov_football_frame *f)
{
    size_t k = 0;
    zones_to_metres(&f->view, room->people, count, room->metres);
    for (size_t i = 0; i < f->count && k < count; i++) {
        const fov_football_person *p = &f->people[i];
        if (p->state != FOV_TRACK_ACTIVE)
            continue;
        if (p->on_pitch)
            room->metres[k] = (struct zone_point){p->x, p->y};
        k++;
    }
    if (count > 0 && room->people[count - 1].track_id == SIGHTS_BALL_ID)
        room->metres[count - 1] = f->ball.on_pitch
                                      ? (struct zone_point){f->ball.pitch_x, f->ball.pitch_y}
                                      : (struct zone_point){(double)NAN, (double)NAN};
}

struct alert_picture sights_of(struct sights *room, const struct watch_frame *frame, bool metres)
{
    const fov_football_frame *f = frame->football;
    struct alert_picture picture = {.items = frame->items,
                                    .count = frame->count,
                                    .width = frame->width,
                                    .height = frame->height};
    if (!f)
        return picture;
    picture.items = room->people;
    picture.count = take_football(room, f);
    if (metres && f->view_known) {
        place_football(room, picture.count, f);
        picture.metres = room->metres;
    }
    return picture;
}
