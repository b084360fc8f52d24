/* Admission: what guaranteed streams were promised, and whether one more can be. The rules are in
 * capacity.h; here are the costs they are fed with. Of a model that has run they are what its runs
 * took, else what its warm-up took and what pictures of that size take to decode. */
#include "flow/flow.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/look.h"

#define LEAST_RUNS 8        /* of a form before its runs are believed */
#define PIXEL_PS 4000       /* to decode a pixel of a JPEG, until one was: a slow core's */
#define WARM_MEAN 1.15      /* a run among others takes longer than the best of the warm-up, */
#define WARM_HIGH 1.5       /* a slow one so much */
#define PICTURE_PX 921600.0 /* 1280 × 720, when nobody knows how large pictures will be */

/* ---- costs ---------------------------------------------------------------------------------- */

static int64_t decode_ns(const fov_workers *pool, const fov_stream *s)
{
    if (s->decodes.count >= LEAST_RUNS)
        return recent_median_ns(&s->decodes);
    double pixels = (double)s->promise.width * s->promise.height;
    int64_t each_ps = pool->pixel_ps.count ? recent_median_ns(&pool->pixel_ps) : PIXEL_PS;
    return (int64_t)((pixels > 0 ? pixels : PICTURE_PX) * (double)each_ps / 1000);
}

/* What a frame takes of the model's time, as a part of its run, and what a slow run takes, whole;
 * false: not known yet. Of few runs nobody knows the slow ones. */
static bool run_ns(const struct form *form, int64_t *mean, int64_t *high)
{
    const fov_model_info *info = fov_model_get_info(form->model);
    bool few = form->runs.count < LEAST_RUNS;
    int64_t whole = recent_median_ns(&form->runs);
    *mean = recent_median_ns(&form->each);
    if (few && info->run_ms > 0 && !form->measured)
        *mean = whole = ms_to_ns(info->run_ms * WARM_MEAN);
    *high = few ? (int64_t)(WARM_HIGH * (double)whole) : recent_high_ns(&form->runs);
    *high = *high > *mean ? *high : *mean;
    return *mean > 0;
}

/* The size that the stream runs on, or is to run on when it is built. One that cannot be built is
 * wanted no more. */
static const struct slot *slot_meant(const fov_stream *s)
{
    const struct slot *sized = s->sized, *runs = stream_slot(s);
    bool comes = sized && sized->base == runs && (sized->wanted[0] || sized->wanted[1]);
    return comes ? sized : runs;
}

/* How much more a run takes at that size than at the model's own: as the pixels. */
static double growth(const struct slot *sized, const struct slot *base)
{
    double px = fov_model_get_info(slot_form(base)->model)->input_width;
    return px > 0 ? (sized->px / px) * (sized->px / px) : 1;
}

/* Workers that one run of the form occupies. */
static double width_of(const fov_workers *pool, const struct form *form)
{
    return (double)pool->worker_count / (form->runners > 0 ? form->runners : 1);
}

/* How well a cost is known. A guess is enough to tell of, not to promise on. */
enum known { UNKNOWN, GUESSED, KNOWN };

/* A run of the model under a form. A form that is not there or has not run yet is thought to need
 * as much of the machine as the other one. */
static enum known work_of(const fov_workers *pool, const struct slot *slot, fov_hint hint,
                          struct capacity_stream *out)
{
    const struct form *form = slot->forms[hint], *other = slot->forms[!hint];
    enum known known = KNOWN;
    if (form_works(form) && hint == FOV_HINT_THROUGHPUT && !form_affordable(pool, slot, form))
        form = other; /* then it is never taken */
    else if (!form_works(form))
        known = GUESSED;
    if (!form_works(form))
        form = form_works(other) ? other : slot_form(slot);
    out->width = width_of(pool, form);
    if (!run_ns(form, &out->mean_ns, &out->high_ns)) {
        known = UNKNOWN;
        if (form_works(other) && run_ns(other, &out->mean_ns, &out->high_ns)) {
            double by = width_of(pool, other) / out->width;
            out->mean_ns = (int64_t)((double)out->mean_ns * by);
            out->high_ns = (int64_t)((double)out->high_ns * by);
            known = GUESSED;
        }
    }
    return known;
}

/* The same for what the stream runs on. A size that has not run yet is guessed by the model's own,
 * also one that is being built and takes more; one that takes less saves nothing until it is there.
 */
static enum known run_of(const fov_workers *pool, const fov_stream *s, fov_hint hint,
                         struct capacity_stream *out)
{
    const struct slot *runs = stream_slot(s), *meant = slot_meant(s);
    enum known known = work_of(pool, runs, hint, out);
    double by = runs != meant ? growth(meant, runs) : 1;
    if (known == UNKNOWN && runs->base) {
        known = work_of(pool, runs->base, hint, out);
        by = growth(runs, runs->base);
    } else if (by <= 1) {
        return known;
    }
    out->mean_ns = (int64_t)((double)out->mean_ns * by);
    out->high_ns = (int64_t)((double)out->high_ns * by);
    return known == KNOWN ? GUESSED : known;
}

/* What another model of a football stream adds to each of its frames. */
static void add_runs(const struct slot *slot, double runs, struct capacity_stream *out)
{
    int64_t mean, high;
    if (!slot || !run_ns(slot_form(slot), &mean, &high))
        return;
    out->mean_ns += (int64_t)(runs * (double)mean);
    out->high_ns += (int64_t)((runs > 1 ? runs : 1) * (double)high);
}

/* A football stream runs its models several times a frame, and others beside: of a newcomer that is
 * guessed. The ball is looked for in two places, tiles are one at least. */
static void guess_football(const fov_stream *s, struct capacity_stream *out)
{
    int tiles = s->look->tiles && s->look->tiles_at_once > 1 ? s->look->tiles_at_once : 1;
    out->mean_ns *= tiles;
    out->high_ns *= tiles;
    add_runs(s->helpers[HELPER_BALL], 2, out);
    add_runs(s->helpers[HELPER_PITCH], s->promise.fps > 0 ? s->look->pitch_fps / s->promise.fps : 1,
             out);
}

/* As its frames told, once they did. */
static void tell_football(const fov_stream *s, struct capacity_stream *out)
{
    int64_t mean = recent_median_ns(&s->works), high = recent_high_ns(&s->works);
    out->mean_ns = mean > out->mean_ns ? mean : out->mean_ns;
    out->high_ns = high > out->high_ns ? high : out->high_ns;
}

/* The stream under a form of the models. */
static enum known cost_of(const fov_workers *pool, const fov_stream *s, fov_hint hint,
                          struct capacity_stream *out)
{
    enum known known = run_of(pool, s, hint, out);
    int64_t decode = decode_ns(pool, s);
    int64_t delay = fov_model_get_info(stream_form(s)->model)->delay_ns;
    bool told = s->works.count >= LEAST_RUNS;
    if (s->look && !told)
        guess_football(s, out);
    out->mean_ns += decode;
    out->high_ns += decode;
    if (s->look && told)
        tell_football(s, out);
    out->fps = s->promise.fps;
    /* a result that is published later costs no worker, but time */
    out->limit_ns = s->max_latency_ns > delay ? s->max_latency_ns - delay : s->max_latency_ns;
    return known;
}

/* ---- plans ---------------------------------------------------------------------------------- */

/* Anyone may bring a frame of any model that is in use: the longest run may have just begun. Where
 * runs take all cores one at a time, no worker can be kept free of strangers. */
static void plan_make(struct plan *plan, fov_workers *pool, const fov_stream *newcomer,
                      fov_hint hint)
{
    pool->plans++;
    *plan = (struct plan){
        .hint = hint,
        .machine = {.workers = pool->worker_count, .reserved = pool->worker_count - 1}};
    const struct slot *seen = NULL; /* of the last stranger, with its slow decode: of many alike */
    int64_t seen_ns = 0;            /* one is looked at */
    for (int i = 0; i <= pool->stream_count; i++) {
        const fov_stream *s = i < pool->stream_count ? pool->streams[i] : newcomer;
        struct capacity_stream cost;
        if (!s || (s == newcomer && i < pool->stream_count))
            continue;
        int64_t slow_ns = s->view.guaranteed ? 0 : recent_high_ns(&s->decodes);
        if (!s->view.guaranteed && !s->look && slot_meant(s) == seen && slow_ns <= seen_ns)
            continue;
        enum known known = cost_of(pool, s, hint, &cost);
        if (!s->view.guaranteed) {
            seen = slot_meant(s);
            seen_ns = slow_ns;
        }
        if (cost.high_ns > plan->machine.blocking_ns)
            plan->machine.blocking_ns = cost.high_ns;
        if (cost.width > 1)
            plan->machine.reserved = 0;
        if (!s->view.guaranteed || plan->count == PROMISES_MAX)
            continue;
        text_copy(plan->names[plan->count], sizeof plan->names[0], s->name);
        plan->of[plan->count] = s;
        plan->streams[plan->count++] = cost;
        plan->unknown = plan->unknown || known == UNKNOWN;
        plan->guessed = plan->guessed || known == GUESSED;
    }
    plan->verdict = capacity_check(&plan->machine, plan->streams, plan->count);
}

static bool holds(const struct plan *plan)
{
    return plan->verdict.word == CAPACITY_FITS && !plan->guessed;
}

static int reserve_of(const struct plan *plan)
{
    return capacity_reserve(&plan->machine, plan->streams, plan->count);
}

/* Under which form all promises hold: of two that do the one for latency is told of, of none the
 * one for many streams. Since strangers may bring the form for many, a promise that it would break
 * keeps it away. True: they hold. */
static bool plan_choose(struct plan *plan, fov_workers *pool, const fov_stream *newcomer)
{
    struct plan many;
    plan_make(plan, pool, newcomer, pool->pin_throughput ? FOV_HINT_THROUGHPUT : FOV_HINT_LATENCY);
    plan->guessed = plan->guessed && forms_follow(pool);
    bool one_holds = holds(plan);
    plan->reserved = reserve_of(plan);
    if (!forms_follow(pool))
        return one_holds;
    plan_make(&many, pool, newcomer, FOV_HINT_THROUGHPUT);
    many.reserved = reserve_of(&many);
    plan->calm = one_holds && !holds(&many);
    if (one_holds && !plan->calm)
        plan->reserved = many.reserved;
    if (one_holds || many.guessed)
        return one_holds;
    *plan = many;
    plan->crowd = holds(&many);
    return plan->crowd;
}

/* ---- what is said of it --------------------------------------------------------------------- */

/* Stream `i` of the plan. What the others leave for it is what all leave, and what it takes itself.
 * Whether more would fit is not told. */
static void describe(const struct plan *plan, int i, fov_admission *out)
{
    const struct capacity_stream *own = &plan->streams[i];
    double free_ns = capacity_free_ns(&plan->machine, plan->streams, plan->count, own) +
                     (double)own->mean_ns;
    *out = (fov_admission){.runs = plan->count - 1,
                           .fps = own->fps,
                           .needs_ms = ns_to_ms(own->mean_ns),
                           .free_ms = free_ns > 0 ? free_ns / 1e6 : 0,
                           .answer_ms = ns_to_ms(plan->verdict.answer_ns),
                           .load = plan->verdict.load};
}

static void describe_more(const struct plan *plan, fov_admission *out)
{
    int others = plan->count - 1;
    const struct capacity_stream *own = &plan->streams[others];
    out->fits = others +
                capacity_more(&plan->machine, plan->streams, others, own, PROMISES_MAX - others);
    out->fps_at_most = capacity_rate(&plan->machine, plan->streams, others, own);
}

static fov_status refuse(const struct plan *plan, const fov_admission *a, fov_error *error)
{
    const struct capacity_verdict *v = &plan->verdict;
    char mend[80] = "send `admission: best_effort`", why[120];
    bool own = v->stream == plan->count - 1;
    if (a->fps_at_most >= 0.5)
        snprintf(mend, sizeof mend, "send target_fps %.3g, or `admission: best_effort`",
                 (double)(int)(a->fps_at_most * 2) / 2);
    if (v->word == CAPACITY_WORK)
        snprintf(why, sizeof why, "free %.0f ms", a->free_ms);
    else if (v->word == CAPACITY_RATE)
        snprintf(why, sizeof why,
                 "but frames of %.24s would wait %.0f ms, until the next one comes",
                 own ? "its own" : plan->names[v->stream], ns_to_ms(v->wait_ns));
    else
        snprintf(why, sizeof why, "but answers of %.24s would take up to %.0f ms of %.0f",
                 own ? "its own" : plan->names[v->stream], a->answer_ms,
                 ns_to_ms(plan->streams[v->stream].limit_ns));
    return fov_fail(error, FOV_ECAPACITY,
                    "fits %d, runs %d; this one needs %.0f ms a frame, %s; %s", a->fits, a->runs,
                    a->needs_ms, why, mend);
}

fov_status promise_tell(const struct plan *plan, fov_status status, fov_admission *told,
                        fov_error *error)
{
    fov_admission here;
    if (status == FOV_OK && !told)
        return status;
    told = told ? told : &here;
    describe(plan, plan->count - 1, told);
    describe_more(plan, told);
    if (status == FOV_EBUSY)
        return fov_fail(error, FOV_ECAPACITY, "%d guaranteed streams run already", PROMISES_MAX);
    if (status == FOV_EAGAIN)
        return fov_fail(error, status, "%s: try again in a second",
                        plan->unknown || plan->measuring
                            ? "what a frame costs here is being measured"
                            : "the model's form for several streams is being compiled");
    return status == FOV_OK ? status : refuse(plan, told, error);
}

/* ---- asked by stream.c, tickets.c, watchdog.c ----------------------------------------------- */

/* The second form carries more, and is asked for when the second promise is. True: it is not there
 * yet, and may come. */
static bool want_second_form(fov_workers *pool, const fov_stream *s)
{
    struct slot *slot = stream_slot(s);
    if (!forms_follow(pool) || slot->forms[FOV_HINT_THROUGHPUT] || !pool->timer_runs)
        return false;
    slot->wanted[FOV_HINT_THROUGHPUT] = true;
    timer_wake(pool);
    return slot->retry_ns <= pool->clock();
}

/* Fresh costs of the forms that the stream may run in. True: they are on their way. */
static bool want_costs(fov_workers *pool, const fov_stream *s)
{
    const struct slot *slot = stream_slot(s);
    bool coming = false;
    for (int h = 0; h < 2; h++)
        if (slot->forms[h])
            coming = form_measure(pool, slot->forms[h], pool->clock()) || coming;
    return coming;
}

/* Nobody is refused on costs that are old or guessed. */
fov_status promise_check(fov_workers *pool, const fov_stream *newcomer, struct plan *plan)
{
    bool fits = plan_choose(plan, pool, newcomer);
    bool coming = pool->promised > 0 && want_second_form(pool, newcomer);
    if (pool->promised == PROMISES_MAX)
        return FOV_EBUSY;
    if (plan->unknown ? pool->promised == 0 : fits)
        return FOV_OK;
    plan->measuring = want_costs(pool, newcomer);
    return coming || plan->measuring || plan->unknown ? FOV_EAGAIN : FOV_ECAPACITY;
}

void promises_changed(fov_workers *pool, int64_t now)
{
    struct plan *plan = &pool->plan;
    int before = plan->reserved;
    pool->promises_ns = now;
    if (pool->promised)
        plan_choose(plan, pool, NULL);
    else
        *plan = (struct plan){0};
    if (plan->reserved < before) /* whoever was held back may run */
        pthread_cond_broadcast(&pool->work);
    if (!plan->crowd || pool->crowded)
        return;
    pool->crowded = true; /* at once: a promise does not wait until the load is seen */
    pool->changed_ns = now;
    timer_wake(pool);
}

bool promise_holds_back(const fov_workers *pool, const fov_stream *s, int strangers)
{
    return !s->view.guaranteed && strangers >= pool->worker_count - pool->plan.reserved;
}

/* From the plan that holds, which is made when streams come and go, and every 2 s; what the stream
 * itself needs is as of now. */
bool fov_stream_get_admission(fov_stream *s, fov_admission *admission)
{
    const struct plan *plan = &s->pool->plan;
    struct capacity_stream own = {0};
    *admission = (fov_admission){0};
    if (!s->view.guaranteed)
        return false;
    pthread_mutex_lock(&s->pool->lock);
    for (int i = 0; i < plan->count; i++)
        if (plan->of[i] == s)
            describe(plan, i, admission);
    if (cost_of(s->pool, s, plan->hint, &own) != UNKNOWN)
        admission->needs_ms = ns_to_ms(own.mean_ns);
    pthread_mutex_unlock(&s->pool->lock);
    return true;
}
