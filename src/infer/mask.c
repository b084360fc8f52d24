#include "infer/mask.h"

#include <math.h>
#include <string.h>

#include "infer/outline.h"

/* Source px to cells: centre of the first pixel, and cells a pixel; cell i's centre is at i. */
struct axis {
    float first, step;
};

static struct axis axis_of(int left, float src_per_model_px, float cells_per_model_px)
{
    float step = cells_per_model_px / src_per_model_px;
    return (struct axis){(float)left * cells_per_model_px + step / 2 - 0.5f, step};
}

static struct axis across(const struct mask_field *f, const struct letterbox *box)
{
    return axis_of(box->place.left, box->place.step_x, f->cells_per_px_x);
}

static struct axis down(const struct mask_field *f, const struct letterbox *box)
{
    return axis_of(box->place.top, box->place.step_y, f->cells_per_px_y);
}

/* Pixels whose index lies in [x1, x2), as Ultralytics crops. */
struct span {
    int first, end;
};

static struct span pixels_of(float from, float to, int size)
{
    struct span s = {(int)ceilf(from), (int)ceilf(to)};
    s.first = s.first < 0 ? 0 : s.first;
    s.end = s.end > size ? size : s.end;
    return s;
}

static void window(struct axis a, struct span s, int cells, int *first, int *count)
{
    float from = floorf(a.first + a.step * (float)s.first);
    float to = floorf(a.first + a.step * (float)(s.end - 1)) + 1;
    int low = from < 0 ? 0 : from > (float)(cells - 1) ? cells - 1 : (int)from;
    int high = to < 0 ? 0 : to > (float)(cells - 1) ? cells - 1 : (int)to;
    *first = low;
    *count = high - low + 1;
}

bool mask_window(struct mask_field *f, const struct letterbox *box, const fov_detection *within,
                 int grid_width, int grid_height)
{
    struct span x = pixels_of(within->x1, within->x2, box->src_width);
    struct span y = pixels_of(within->y1, within->y2, box->src_height);
    if (x.first >= x.end || y.first >= y.end)
        return false;
    f->cells_per_px_x = (float)grid_width / (float)box->spec.width;
    f->cells_per_px_y = (float)grid_height / (float)box->spec.height;
    window(across(f, box), x, grid_width, &f->left, &f->width);
    window(down(f, box), y, grid_height, &f->top, &f->height);
    return true;
}

size_t mask_scratch(int width, int height)
{
    size_t column = (size_t)height * sizeof(float), trace = outline_scratch(width, height);
    return column > trace ? column : trace;
}

/* ---- runs ---- */

struct writer {
    uint32_t *runs;
    size_t count, room;
    uint32_t end; /* of what is written, in pixels column by column */
    bool full;
};

/* Pixels [from, to) of the whole picture are inside. */
static void write_run(struct writer *w, uint32_t from, uint32_t to)
{
    if (from >= to)
        return;
    if (w->count && from == w->end) { /* goes on from the foot of the last column */
        w->runs[w->count - 1] += to - from;
    } else if (w->count + 3 <= w->room) { /* the rest of the picture has to fit as well */
        w->runs[w->count++] = from - w->end;
        w->runs[w->count++] = to - from;
    } else {
        w->full = true;
    }
    w->end = to;
}

/* One column of pixels, blended out of two of cells. */
static void blend(const struct mask_field *f, float position, float *column)
{
    float at = position - (float)f->left, most = (float)(f->width - 1);
    at = at < 0 ? 0 : at > most ? most : at;
    int low = (int)at < f->width - 1 ? (int)at : f->width > 1 ? f->width - 2 : 0;
    float share = at - (float)low;
    const float *a = f->values + (size_t)low * (size_t)f->height;
    const float *b = f->width > 1 ? a + f->height : a;
    for (int y = 0; y < f->height; y++)
        column[y] = a[y] + (b[y] - a[y]) * share;
}

/* First pixel whose centre lies behind `position` (in cells). */
static int pixel_after(struct axis a, float position)
{
    return (int)floorf((position - a.first) / a.step) + 1;
}

/* Between two cells the field is a line, so it changes sign once: no need to look at pixels. */
static void write_column(struct writer *w, const struct mask_field *f, struct axis a,
                         const float *column, uint32_t start, struct span rows)
{
    bool inside = column[0] > 0;
    int from = rows.first;
    for (int y = 1; y < f->height; y++) {
        if ((column[y] > 0) == inside)
            continue;
        float share = fminf(fmaxf(column[y - 1] / (column[y - 1] - column[y]), 0), 1);
        int at = pixel_after(a, (float)(f->top + y - 1) + share);
        at = at < rows.first ? rows.first : at > rows.end ? rows.end : at;
        if (inside)
            write_run(w, start + (uint32_t)from, start + (uint32_t)at);
        from = at;
        inside = !inside;
    }
    if (inside)
        write_run(w, start + (uint32_t)from, start + (uint32_t)rows.end);
}

static bool write_runs(const struct mask_field *f, const struct letterbox *box,
                       const fov_detection *within, struct writer *w, float *column)
{
    struct span x = pixels_of(within->x1, within->x2, box->src_width);
    struct span y = pixels_of(within->y1, within->y2, box->src_height);
    struct axis to_x = across(f, box), to_y = down(f, box);
    uint32_t height = (uint32_t)box->src_height, all = height * (uint32_t)box->src_width;
    for (int i = x.first; i < x.end && !w->full; i++) {
        blend(f, to_x.first + to_x.step * (float)i, column);
        write_column(w, f, to_y, column, (uint32_t)i * height, y);
    }
    if (w->full || !w->count)
        return false;
    if (w->end < all)
        w->runs[w->count++] = all - w->end;
    return true;
}

/* ---- the outline ---- */

static float clamp(float value, float least, float most)
{
    return fminf(fmaxf(value, least), most); /* `least` for NaN, which huge numbers become */
}

/* Cells to source px, onto the box where the mask was cut there. */
static void place_points(const struct mask_field *f, const struct letterbox *box,
                         const fov_detection *within, fov_point *points, size_t count)
{
    struct axis x = across(f, box), y = down(f, box);
    for (size_t i = 0; i < count; i++) {
        float px = (points[i].x + (float)f->left - x.first) / x.step + 0.5f;
        float py = (points[i].y + (float)f->top - y.first) / y.step + 0.5f;
        points[i] = (fov_point){clamp(px, within->x1, within->x2),
                                clamp(py, within->y1, within->y2)};
    }
}

void mask_write(const struct mask_field *f, const struct letterbox *box,
                const fov_detection *within, fov_details *d, fov_detail *detail, void *scratch)
{
    struct writer w = {.runs = d->runs + d->run_count, .room = d->run_capacity - d->run_count};
    if (!write_runs(f, box, within, &w, scratch)) {
        d->cut |= w.full;
        return;
    }
    detail->run = (uint32_t)d->run_count;
    detail->run_count = (uint32_t)w.count;
    d->run_count += w.count;
    if (d->point_capacity - d->point_count < MASK_POINTS) {
        d->cut = true;
        return;
    }
    fov_point *points = d->points + d->point_count;
    size_t count = outline_trace(f->values, f->width, f->height, points, MASK_POINTS, scratch);
    place_points(f, box, within, points, count);
    detail->point = (uint32_t)d->point_count;
    detail->point_count = (uint32_t)count;
    d->point_count += count;
}
