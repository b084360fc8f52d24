/* Predictions of SoccerNet's game state reconstruction (sn-gamestate, ChallengeRules.md): metres
 * from the middle of the pitch, y towards the main camera. */
#include "scene/out.h"

static void begin(struct out *out)
{
    fputs("{\"predictions\": [", out->files[0]);
}

static void put_attributes(struct json_writer *w, const fov_match_entry *e)
{
    static const char *const roles[] = {"player", "goalkeeper", "referee", "other"};
    char number[12];
    snprintf(number, sizeof number, "%d", e->number);
    json_name(w, "attributes");
    json_object_begin(w);
    json_add_string(w, "role", roles[e->role]);
    json_add_string(w, "jersey", e->number ? number : NULL);
    json_add_string(w, "team", e->team == 0 ? "left" : e->team == 1 ? "right" : NULL);
    json_object_end(w);
}

static void put_places(struct out *out, const fov_match_entry *e)
{
    struct json_writer *w = &out->json;
    const fov_pitch_size *pitch = &out->about->pitch;
    if (e->x2 > e->x1) {
        json_name(w, "bbox_image");
        json_object_begin(w);
        json_add_number(w, "x", e->x1, 1);
        json_add_number(w, "y", e->y1, 1);
        json_add_number(w, "w", e->x2 - e->x1, 1);
        json_add_number(w, "h", e->y2 - e->y1, 1);
        json_object_end(w);
    }
    if (e->unplaced)
        return;
    json_name(w, "bbox_pitch");
    json_object_begin(w);
    json_add_number(w, "x_bottom_middle", e->x - pitch->length / 2, 3);
    json_add_number(w, "y_bottom_middle", pitch->width / 2 - e->y, 3);
    json_object_end(w);
}

static void put_entry(struct out *out, const char *image_id, const fov_match_entry *e)
{
    struct json_writer *w = &out->json;
    json_object_begin(w);
    json_add_string(w, "image_id", image_id);
    json_add_int(w, "track_id", e->id);
    json_add_string(w, "supercategory", "object");
    json_name(w, "category_id");
    json_put_raw(w, "1.0", 3);
    json_add_number(w, "confidence", e->score, 3);
    put_attributes(w, e);
    put_places(out, e);
    json_object_end(w);
}

static void frame(struct out *out, const fov_match_frame *f)
{
    char image_id[24];
    snprintf(image_id, sizeof image_id, "%06lld", (long long)f->number + 1);
    for (size_t i = 0; i < f->count; i++) {
        fputs(out->written++ ? ",\n" : "\n", out->files[0]);
        put_entry(out, image_id, &f->entries[i]);
        out_json(out, out->files[0]);
    }
}

static void end(struct out *out)
{
    fputs("\n]}\n", out->files[0]);
}

const struct out_format out_gamestate = {.name = "gamestate",
                                         .help = "predictions of SoccerNet's game state task",
                                         .files = {"gamestate.json"},
                                         .begin = begin,
                                         .frame = frame,
                                         .end = end};
