/* A model at several input sizes: a slot a size beside the model's own, with forms of its own, made
 * by the builder when it is first asked for. A stream turns to one when it is built: the form is
 * looked up when a frame is taken, so that no frame is lost and none runs at two sizes. */
#include "flow/flow.h"

static const int ladder[] = {640, 480, 320};

/* ---- what streams run on ---------------------------------------------------------------------
 */

struct slot *stream_base(const fov_stream *s)
{
    return s->slot ? s->slot : s->pool->default_slot;
}

struct slot *stream_slot(const fov_stream *s)
{
    struct slot *base = stream_base(s);
    bool sized = s->sized && s->sized->base == base && form_works(slot_form(s->sized));
    return sized ? s->sized : base;
}

struct form *stream_form(const fov_stream *s)
{
    return slot_form(stream_slot(s));
}

static struct slot *find(const fov_workers *pool, const struct slot *base, int px)
{
    struct slot *slot = pool->slots;
    while (slot && (slot->base != base || slot->px != px))
        slot = slot->next;
    return slot;
}

/* ---- making and forgetting --------------------------------------------------------------------
 */

static void take_out(fov_workers *pool, const struct slot *slot)
{
    struct slot **link = &pool->slots;
    while (*link != slot)
        link = &(*link)->next;
    *link = slot->next;
}

void sizes_forget(fov_workers *pool, const struct slot *base)
{
    struct slot *slot = pool->slots;
    while (slot) {
        if (slot->base != base) {
            slot = slot->next;
            continue;
        }
        take_out(pool, slot);
        for (int i = 0; i < pool->stream_count; i++)
            if (pool->streams[i]->sized == slot) {
                pool->streams[i]->sized = NULL;
                slot->refs--; /* the table's own is still there */
            }
        slot_unref(pool, slot);
        slot = pool->slots; /* the lock was released */
    }
}

/* Room for one more size of the model; false when streams use all. `idle`: what was taken out of
 * the table for it, to be let go; NULL: nothing. */
static bool make_room(fov_workers *pool, const struct slot *base, struct slot **idle)
{
    int count = 1; /* its own */
    *idle = NULL;
    for (struct slot *slot = pool->slots; slot; slot = slot->next) {
        count += slot->base == base;
        if (slot->base == base && slot->refs == 1)
            *idle = slot; /* new ones come right behind their base: the last is the oldest */
    }
    if (count < FOV_SIZES_MAX) {
        *idle = NULL;
        return true;
    }
    if (*idle)
        take_out(pool, *idle);
    return *idle != NULL;
}

/* The slot of a size, made when it is not there, with a reference for the caller. Lock held. */
static fov_status prepare(fov_workers *pool, struct slot *base, int px, struct slot **out,
                          struct slot **idle, fov_error *error)
{
    const fov_model_info *info = fov_model_get_info(slot_form(base)->model);
    struct slot *slot = find(pool, base, px);
    *idle = NULL;
    *out = NULL;
    if (!slot && !info->open_size)
        return fov_fail(error, FOV_EUNSUPPORTED, "%.80s takes %d x %d px and nothing else",
                        base->id, info->input_width, info->input_height);
    if (!slot && !make_room(pool, base, idle))
        return fov_fail(error, FOV_EBUSY, "streams use %d sizes of this model already",
                        FOV_SIZES_MAX);
    if (!slot) {
        slot = slot_resized(base, px);
        if (!slot)
            return fov_fail(error, FOV_ENOMEM, "no memory for a model");
        slot->next = base->next;
        base->next = slot;
        timer_wake(pool);
    }
    slot->refs++;
    *out = slot;
    return FOV_OK;
}

void stream_resize(fov_stream *s, int px)
{
    fov_workers *pool = s->pool;
    struct slot *base = stream_base(s), *sized = NULL, *idle = NULL;
    fov_error error;
    if (px == fov_model_get_info(slot_form(base)->model)->input_width)
        px = 0;
    if (px)
        prepare(pool, base, px, &sized, &idle, &error);
    if (sized || !px) {
        struct slot *old = s->sized;
        s->sized = sized;
        if (pool->promised)
            promises_changed(pool, pool->clock());
        slot_unref(pool, old);
    }
    slot_unref(pool, idle);
}

/* ---- the interface ----------------------------------------------------------------------------
 */

static void add_size(fov_sizes *sizes, int px, bool ready)
{
    sizes->px[sizes->count] = px;
    sizes->ready[sizes->count++] = ready;
}

void fov_workers_get_sizes(fov_workers *pool, const char *model_id, fov_sizes *sizes)
{
    *sizes = (fov_sizes){0};
    pthread_mutex_lock(&pool->lock);
    const struct slot *base = slot_find(pool, model_id);
    const fov_model_info *info = base ? fov_model_get_info(slot_form(base)->model) : NULL;
    if (info)
        add_size(sizes, info->input_width, true);
    sizes->open = info && info->open_size;
    bool square = sizes->open && info->input_width == info->input_height;
    for (size_t i = 0; square && i < sizeof ladder / sizeof *ladder; i++) {
        const struct slot *slot = find(pool, base, ladder[i]);
        if (ladder[i] < info->input_width && sizes->count < FOV_SIZES_MAX)
            add_size(sizes, ladder[i], slot && form_works(slot_form(slot)));
    }
    pthread_mutex_unlock(&pool->lock);
}

fov_status fov_workers_prepare_size(fov_workers *pool, const char *model_id, int px,
                                    fov_error *error)
{
    struct slot *made = NULL, *idle = NULL;
    if (px < 32 || px > 4096)
        return fov_fail(error, FOV_EINVAL, "an input of %d px is not in 32..4096", px);
    pthread_mutex_lock(&pool->lock);
    struct slot *base = slot_find(pool, model_id);
    fov_status status = base ? prepare(pool, base, px, &made, &idle, error)
                             : fov_fail(error, FOV_ENOTFOUND, "no model '%.100s' is loaded",
                                        model_id ? model_id : "");
    slot_unref(pool, made);
    slot_unref(pool, idle);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

int fov_stream_input_px(fov_stream *s)
{
    pthread_mutex_lock(&s->pool->lock);
    int px = fov_model_get_info(stream_form(s)->model)->input_width;
    pthread_mutex_unlock(&s->pool->lock);
    return px;
}
