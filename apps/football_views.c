/* Where the camera looked in the last seconds: views.json. A calibration is of the first picture;
 * a run that goes on later begins with the view that its first picture had. */
#include "football.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "scene/football_json.h"

enum { VIEWS_BYTES = 1 << 16 };

#define EVERY_S 1.0
#define OLDEST_S 15.0 /* from the end: what is older is not gone back to */

void football_views_add(struct football_run *r, int64_t number, double pts_ms,
                        const fov_football_frame *frame)
{
    struct football_views *v = &r->views;
    if (!frame->view_known ||
        (v->count > 0 && (double)(number - v->items[v->count - 1].number) < EVERY_S * r->fps - 0.5))
        return;
    if (v->count == FOOTBALL_VIEWS) {
        memmove(v->items, v->items + 1, (FOOTBALL_VIEWS - 1) * sizeof *v->items);
        v->count--;
    }
    v->items[v->count++] = (struct football_view){number, pts_ms, frame->view};
}

static void write_view(struct json_writer *w, const struct football_view *v)
{
    json_object_begin(w);
    json_add_int(w, "frame", v->number);
    json_add_number(w, "pts_ms", v->pts_ms, 3);
    json_name(w, "map");
    football_put_matrix(w, v->view.map);
    json_add_number(w, "k1", v->view.k1, 6);
    json_add_int(w, "width", v->view.width);
    json_add_int(w, "height", v->view.height);
    json_object_end(w);
}

fov_status football_views_write(struct football_run *r, fov_error *error)
{
    char path[1200];
    struct json_writer w = {0};
    json_object_begin(&w);
    json_name(&w, "views");
    json_array_begin(&w);
    for (int i = 0; i < r->views.count; i++)
        write_view(&w, &r->views.items[i]);
    json_array_end(&w);
    json_object_end(&w);
    football_folder_path(r, path, sizeof path, "views.json");
    fov_status status = w.failed ? fov_fail(error, FOV_ENOMEM, "no memory for views")
                                 : file_replace(path, w.text, w.size, 0666, error);
    json_release(&w);
    return status;
}

static bool read_view(const json_value *object, const fov_pitch_size *pitch,
                      struct football_view *v)
{
    const json_value *map = json_get(object, "map");
    int64_t width, height;
    double numbers[9], k1;
    for (size_t i = 0; i < 9; i++)
        if (!map || !json_number(json_at(map, i), &numbers[i]))
            return false;
    if (!json_get_int(object, "frame", &v->number) ||
        !json_get_number(object, "pts_ms", &v->pts_ms) || !json_get_number(object, "k1", &k1) ||
        !json_get_int(object, "width", &width) || !json_get_int(object, "height", &height) ||
        fov_pitch_view_from_matrix(&v->view, numbers, (int)width, (int)height, pitch, NULL))
        return false;
    v->view.k1 = k1;
    return true;
}

/* One that cannot be read is none: the match itself is whole without it. */
static json_value *read_all(const struct football_run *r)
{
    char path[1200], *text;
    size_t size;
    football_folder_path(r, path, sizeof path, "views.json");
    if (file_read(path, VIEWS_BYTES, &text, &size, NULL))
        return NULL;
    json_value *json = json_parse(text, size, VIEWS_BYTES, NULL);
    free(text);
    return json;
}

bool football_views_find(const struct football_run *r, double warm_s, struct football_view *found)
{
    json_value *json = read_all(r);
    const json_value *list = json ? json_get(json, "views") : NULL;
    double latest = (double)r->before.last - warm_s * r->fps;
    double oldest = (double)r->before.last - OLDEST_S * r->fps;
    bool any = false;
    for (const json_value *item = list ? json_at(list, 0) : NULL; item; item = json_next(item)) {
        struct football_view v;
        if (read_view(item, &r->pitch, &v) && (double)v.number <= latest &&
            (double)v.number >= oldest && (!any || v.number > found->number)) {
            *found = v;
            any = true;
        }
    }
    json_free(&json);
    return any;
}
