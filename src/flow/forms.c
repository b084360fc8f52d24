/* Forms of a model: compiled for latency (all threads, one run at a time) while one stream is
 * busy, as N runners of one thread each while several are. The second form is built in the
 * background, then kept; a switch is one assignment, runs in progress end where they began. */
#include "flow/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <fovea/log.h>

#include "base/clock.h"
#include "base/text.h"

#define BUSY_ENTER 0.5 /* part of the time with work, smoothed over a second */
#define BUSY_LEAVE 0.2
#define CROWDED_NS (2 * NS_PER_S) /* a second stream is busy for so long: throughput form */
#define CALM_NS (5 * NS_PER_S)    /* at most one is: latency form */
#define REPAIR_NS (5 * NS_PER_S)  /* between attempts to replace a form that lost a run */
#define RETRY_NS (60 * NS_PER_S)  /* between attempts to build a second form */

static const char *const form_names[] = {"latency", "throughput"};

/* ---- one form ------------------------------------------------------------------------------ */

static void form_free(struct form *form)
{
    if (!form)
        return;
    for (int i = 0; i < form->idle_count; i++)
        fov_runner_close(&form->idle[i]);
    fov_model_close(&form->model);
    free(form->idle);
    free(form);
}

/* Opens all runners at once, so that no frame ever waits for one. */
static fov_status form_open(struct form **out, const fov_model_params *wish, fov_hint hint,
                            int workers, bool always_batch, fov_error *error)
{
    fov_model_params params = *wish;
    struct form *form = calloc(1, sizeof *form);
    if (!form)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    form->refs = 1;
    params.hint = hint;
    if (hint == FOV_HINT_THROUGHPUT && params.runners == 0)
        params.runners = workers;
    if (hint == FOV_HINT_LATENCY &&
        !always_batch) /* several frames a run is for when several streams are busy */
        params.batch = 0;
    fov_status status = fov_model_open(&form->model, &params, error);
    if (status && params.batch > 1) { /* a model that takes one at a time still serves */
        fov_log(FOV_LOG_WARN, "flow", "%s: no batch of %d: %s", wish->path, params.batch,
                error->message);
        params.batch = 0;
        status = fov_model_open(&form->model, &params, error);
    }
    if (status)
        goto fail;
    int most = fov_model_get_info(form->model)->max_runners;
    int runners = most < 1 ? 1 : most < workers ? most : workers;
    form->idle = calloc((size_t)runners, sizeof *form->idle);
    if (!form->idle) {
        status = fov_fail(error, FOV_ENOMEM, "no memory for runners");
        goto fail;
    }
    for (; form->idle_count < runners; form->idle_count++) {
        status = fov_runner_open(&form->idle[form->idle_count], form->model, error);
        if (status)
            goto fail;
    }
    form->runners = runners;
    *out = form;
#ifdef __GLIBC__
    malloc_trim(0); /* loading leaves megabytes behind */
#endif
    return FOV_OK;
fail:
    form_free(form);
    return status;
}

void form_unref(fov_workers *pool, struct form *form)
{
    if (!form || --form->refs > 0)
        return;
    pthread_mutex_unlock(&pool->lock);
    form_free(form);
    pthread_mutex_lock(&pool->lock);
}

fov_runner *form_take(struct form *form)
{
    return form->idle[--form->idle_count];
}

void form_give(struct form *form, fov_runner *runner)
{
    form->idle[form->idle_count++] = runner;
}

/* ---- slots --------------------------------------------------------------------------------- */

static bool copy_text(const char **text)
{
    return !*text || (*text = strdup(*text)) != NULL;
}

static void params_free(fov_model_params *p)
{
    const char *texts[] = {p->path,   p->id,    p->backend, p->device,    p->head,
                           p->labels, p->input, p->avoid,   p->cache_dir, p->runtime_dir};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free((void *)texts[i]);
}

static bool params_copy(fov_model_params *to, const fov_model_params *from)
{
    const char **texts[] = {&to->path,      &to->id,         &to->backend, &to->device,
                            &to->head,      &to->labels,     &to->input,   &to->avoid,
                            &to->cache_dir, &to->runtime_dir};
    size_t i = 0, n = sizeof texts / sizeof *texts;
    *to = *from;
    while (i < n && copy_text(texts[i]))
        i++;
    if (i == n)
        return true;
    for (; i < n; i++)
        *texts[i] = NULL;
    params_free(to);
    return false;
}

static void slot_free(struct slot *slot)
{
    form_free(slot->forms[0]);
    form_free(slot->forms[1]);
    params_free(&slot->params);
    free(slot->id);
    free(slot);
}

struct slot *slot_resized(const struct slot *base, int px)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot || !params_copy(&slot->params, &base->params)) {
        free(slot);
        return NULL;
    }
    char name[160];
    snprintf(name, sizeof name, "%.120s %d px", base->id, px);
    slot->params.input_width = slot->params.input_height = px;
    slot->base = base;
    slot->px = px;
    slot->id = strdup(name);
    slot->refs = 1;
    slot->active = base->active;
    slot->wanted[slot->active] = true;
    memcpy(slot->avoid, base->avoid, sizeof slot->avoid);
    if (slot->id)
        return slot;
    slot_free(slot);
    return NULL;
}

fov_status slot_open(struct slot **out, fov_workers *pool, const fov_model_params *params,
                     fov_error *error)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot || !params_copy(&slot->params, params)) {
        free(slot);
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    }
    slot->refs = 1;
    slot->active = pool->pin_throughput ? FOV_HINT_THROUGHPUT : FOV_HINT_LATENCY;
    fov_status status = form_open(&slot->forms[slot->active], &slot->params, slot->active,
                                  pool->worker_count, pool->always_batch, error);
    if (status == FOV_OK) {
        slot->id = strdup(fov_model_get_info(slot->forms[slot->active]->model)->id);
        if (!slot->id)
            status = fov_fail(error, FOV_ENOMEM, "no memory for a model");
    }
    if (status) {
        slot_free(slot);
        return status;
    }
    *out = slot;
    return FOV_OK;
}

struct slot **slot_link(fov_workers *pool, const char *id)
{
    struct slot **link = &pool->slots;
    while (*link && ((*link)->base || strcmp((*link)->id, id) != 0))
        link = &(*link)->next;
    return link;
}

struct slot *slot_find(fov_workers *pool, const char *id)
{
    if (!id || !id[0])
        return pool->default_slot;
    return *slot_link(pool, id);
}

void slot_unref(fov_workers *pool, struct slot *slot)
{
    if (!slot || --slot->refs > 0)
        return;
    pthread_mutex_unlock(&pool->lock);
    for (int h = 0; h < 2; h++)
        if (slot->forms[h]) {
            pthread_mutex_lock(&pool->lock);
            form_unref(pool, slot->forms[h]);
            slot->forms[h] = NULL;
            pthread_mutex_unlock(&pool->lock);
        }
    slot_free(slot);
    pthread_mutex_lock(&pool->lock);
}

bool form_works(const struct form *form)
{
    return form && form->runners > 0 && !form->dead;
}

/* A form that hung or lost its runners is passed over while the other one works. */
struct form *slot_form(const struct slot *slot)
{
    struct form *active = slot->forms[slot->active], *other = slot->forms[!slot->active];
    return form_works(active) || !form_works(other) ? active : other;
}

/* ---- building ------------------------------------------------------------------------------ */

/* What hung too often is not made again; another device may still be looked for. */
static bool is_over(const struct slot *slot, int hint)
{
    return slot->forms[hint] && slot->forms[hint]->dead && !slot->falling;
}

static struct slot *next_wanted(const fov_workers *pool, int64_t now, fov_hint *hint)
{
    for (struct slot *slot = pool->slots; slot; slot = slot->next)
        for (int h = 0; h < 2; h++)
            if (slot->wanted[h] && now >= slot->retry_ns && !is_over(slot, h)) {
                *hint = (fov_hint)h;
                return slot;
            }
    return NULL;
}

bool forms_wanted(const fov_workers *pool, int64_t now)
{
    fov_hint hint;
    return next_wanted(pool, now, &hint) != NULL || measure_next(pool) != NULL;
}

/* What the operator and what experience forbid. */
static void list_avoided(const struct slot *slot, char *avoid, size_t size)
{
    const char *given = slot->params.avoid ? slot->params.avoid : "";
    snprintf(avoid, size, "%s%s%s", given, given[0] && slot->avoid[0] ? " " : "", slot->avoid);
}

/* Without the lock. */
static struct form *make_form(fov_workers *pool, const struct slot *slot, fov_hint hint,
                              const char *avoid, bool behind)
{
    struct form *form = NULL;
    fov_error error = {0};
    fov_model_params params = slot->params;
    params.avoid = avoid[0] ? avoid : NULL;
    if (behind)
        setpriority(PRIO_PROCESS, 0, NICE_BUILD);
    int64_t start = clock_now_ns();
    fov_status status = form_open(&form, &params, hint, pool->worker_count, pool->always_batch,
                                  &error);
    double ms = ns_to_ms(clock_now_ns() - start);
    if (status)
        fov_log(FOV_LOG_WARN, "flow", "%s: no %s form: %s", slot->id, form_names[hint],
                error.message);
    else
        fov_log(FOV_LOG_INFO, "flow", "%s: %s form ready after %.0f ms, %d runners", slot->id,
                form_names[hint], ms, form->runners);
    return form;
}

/* Lock held, released meanwhile. The other form may stand on what failed: it is made anew when it
 * is needed. */
static void fallen_back(fov_workers *pool, struct slot *slot, fov_hint hint,
                        const struct form *form)
{
    const fov_model_info *info = fov_model_get_info(form->model);
    char why[sizeof slot->why], backend[32], device[32];
    text_copy(why, sizeof why, slot->why);
    text_copy(backend, sizeof backend, info->backend);
    text_copy(device, sizeof device, info->device);
    struct form *other = slot->forms[!hint];
    slot->forms[!hint] = NULL;
    slot->falling = false;
    slot->active = hint;
    slot->strikes = 0; /* of the device that was left */
    slots_judge(pool);
    pool->fallbacks++;
    form_unref(pool, other);
    pthread_mutex_unlock(&pool->lock);
    pool_event(pool, "fallback", "%s: %s; now on %s %s", slot->id, why, backend, device);
    pthread_mutex_lock(&pool->lock);
}

/* Nothing else was found: what failed may have been a passing trouble, so it serves on. */
static void not_fallen_back(fov_workers *pool, struct slot *slot, fov_hint hint)
{
    slot->falling = false;
    slot->avoid[0] = '\0';
    slot->fall_retry_ns = pool->clock() + RETRY_NS;
    slot->wanted[hint] = slot->wanted[hint] && !form_works(slot->forms[hint]);
    slot->retry_ns = pool->clock() + REPAIR_NS;
}

static void build_one(fov_workers *pool, struct slot *slot, fov_hint hint)
{
    char avoid[2 * AVOID_MAX];
    slot->refs++;
    list_avoided(slot, avoid, sizeof avoid);
    bool second = !slot->forms[hint], falling = slot->falling;
    pthread_mutex_unlock(&pool->lock);
    struct form *form = make_form(pool, slot, hint, avoid, second); /* second: behind the first */
    pthread_mutex_lock(&pool->lock);
    struct form *old = slot->forms[hint];
    if (!falling && slot->falling) {
        /* meanwhile the device was found broken: what was built may stand on it, and is built again
         */
        slot->retry_ns = 0;
        form_unref(pool, form);
    } else if (form && is_over(slot, hint)) { /* it died meanwhile */
        form_unref(pool, form);
    } else if (form) {
        slot->forms[hint] = form;
        slot->wanted[hint] = false;
        slot->retry_ns = 0;
        form_unref(pool, old);
        if (falling)
            fallen_back(pool, slot, hint, form);
    } else if (falling) {
        not_fallen_back(pool, slot, hint);
    } else {
        slot->retry_ns = pool->clock() + (old ? REPAIR_NS : RETRY_NS);
        slot->wanted[hint] = old || !slot->base; /* a size that does not fit never will */
    }
    slot_unref(pool, slot);
    pthread_cond_broadcast(&pool->work);
}

struct slot *form_slot(const fov_workers *pool, const struct form *form, fov_hint *hint)
{
    for (struct slot *slot = pool->slots; slot; slot = slot->next)
        for (int h = 0; h < 2; h++)
            if (slot->forms[h] == form) {
                *hint = (fov_hint)h;
                return slot;
            }
    return NULL;
}

void slots_judge(fov_workers *pool)
{
    pool->degraded = false;
    for (const struct slot *slot = pool->slots; slot; slot = slot->next)
        pool->degraded = pool->degraded || slot->strikes >= LOST_MAX;
}

/* A good run of a model that hung before. */
static void forget_strike(struct slot *slot)
{
    if (++slot->good_runs < GOOD_RUNS)
        return;
    slot->strikes--;
    slot->good_runs = 0;
}

void form_judge(fov_workers *pool, struct form *form, const fov_error *error, bool nonsense,
                int64_t now)
{
    fov_hint hint = FOV_HINT_LATENCY;
    struct slot *slot = form_slot(pool, form, &hint);
    bool failed = error->status == FOV_EINFER || error->status == FOV_ETIMEOUT;
    if (!failed) {
        form->failures = error->status == FOV_OK ? 0 : form->failures; /* others say nothing */
        if (error->status == FOV_OK && slot && slot->strikes > 0)
            forget_strike(slot);
        return;
    }
    form->failures = nonsense ? FAILURES_MAX : form->failures + 1;
    if (form->failures < FAILURES_MAX || !slot || slot->falling || now < slot->fall_retry_ns)
        return;
    const fov_model_info *info = fov_model_get_info(form->model);
    size_t used = strlen(slot->avoid);
    int more = snprintf(slot->avoid + used, sizeof slot->avoid - used, "%s%s:%s", used ? " " : "",
                        info->backend, info->device);
    if (more < 0 || (size_t)more >= sizeof slot->avoid - used) {
        slot->avoid[used] = '\0';
        return;
    }
    snprintf(slot->why, sizeof slot->why, "%s %s failed (%.100s)", info->backend, info->device,
             error->message);
    slot->falling = true;
    slot->wanted[hint] = true;
    slot->retry_ns = 0;
    timer_wake(pool);
}

bool forms_build(fov_workers *pool)
{
    struct slot *slot;
    struct form *form;
    fov_hint hint;
    while (!pool->stopping)
        if ((form = measure_next(pool)) != NULL) {
            if (!measure_run(pool, form))
                return false;
        } else if ((slot = next_wanted(pool, pool->clock(), &hint)) != NULL) {
            build_one(pool, slot, hint);
        } else {
            break;
        }
    return true;
}

/* ---- following the load -------------------------------------------------------------------- */

bool forms_follow(const fov_workers *pool)
{
    return !pool->pin_latency && !pool->pin_throughput && pool->worker_count > 1;
}

/* The time since the last tick counts as what the stream did then: the timer sleeps only while
 * nobody has work. */
static int count_busy(fov_workers *pool, int64_t passed)
{
    double part = passed > NS_PER_S ? 1 : (double)passed / 1e9;
    double limit = pool->crowded ? BUSY_LEAVE : BUSY_ENTER;
    int busy = 0;
    for (int i = 0; i < pool->stream_count; i++) {
        fov_stream *s = pool->streams[i];
        s->busy += ((s->worked ? 1 : 0) - s->busy) * part;
        s->worked = s->box.count > 0 || s->view.running > 0;
        busy += s->busy >= limit;
    }
    return busy;
}

/* Crowded, and calm again, only after the load was so for a while. */
static void follow(fov_workers *pool, int64_t now, bool several)
{
    if (several == pool->crowded) {
        pool->changed_ns = now;
        return;
    }
    if (now - pool->changed_ns >= (several ? CROWDED_NS : CALM_NS)) {
        pool->crowded = several;
        pool->changed_ns = now;
    }
}

bool form_affordable(const fov_workers *pool, const struct slot *slot, const struct form *form)
{
    const fov_model_info *info = fov_model_get_info(form->model);
    if (info->batch == 1)
        return true;
    int64_t cost = recent_median_ns(&form->work);
    if (!cost)
        cost = ms_to_ns(info->warmup_ms / 5); /* about: it had at most so many runs */
    for (int i = 0; i < pool->stream_count; i++) {
        const fov_stream *s = pool->streams[i];
        bool here = stream_slot(s) == slot;
        if (here && s->max_latency_ns && 2 * cost > s->max_latency_ns)
            return false;
    }
    return true;
}

/* Returns the slot whose form changed, to be told. */
static struct slot *adopt(fov_workers *pool, struct slot *slot)
{
    fov_hint hint = pool->crowded ? FOV_HINT_THROUGHPUT : FOV_HINT_LATENCY;
    const struct form *crowd = slot->forms[FOV_HINT_THROUGHPUT];
    if (crowd && !form_affordable(pool, slot, crowd))
        hint = FOV_HINT_LATENCY;
    if (hint == FOV_HINT_THROUGHPUT && !crowd)
        slot->wanted[hint] = true;
    if (pool->plan.calm) /* until it is there, and known to keep promises too */
        hint = FOV_HINT_LATENCY;
    if (slot->active == hint)
        return NULL;
    if (!slot->forms[hint]) {
        slot->wanted[hint] = true;
        return NULL;
    }
    slot->active = hint;
    pthread_cond_broadcast(&pool->work);
    return slot;
}

static bool is_used(const fov_workers *pool, const struct slot *slot)
{
    for (int i = 0; i < pool->stream_count; i++) {
        const fov_stream *s = pool->streams[i];
        if (stream_slot(s) == slot && s->busy >= BUSY_LEAVE)
            return true;
    }
    return false;
}

void forms_tick(fov_workers *pool, int64_t now, int64_t passed, char *news, size_t size)
{
    news[0] = '\0';
    if (!forms_follow(pool))
        return;
    follow(pool, now, count_busy(pool, passed) >= 2 || pool->plan.crowd);
    for (struct slot *slot = pool->slots; slot; slot = slot->next)
        if (slot_form(slot) && (!pool->crowded || is_used(pool, slot)) && adopt(pool, slot))
            snprintf(news, size, "%s: %s form, %d runners", slot->id, form_names[slot->active],
                     slot->forms[slot->active]->runners);
}

bool forms_settled(const fov_workers *pool)
{
    return !forms_follow(pool) || !pool->crowded;
}
