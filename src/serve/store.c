#include "serve/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { SEARCH_MS = 2000, UPKEEP_S = 60, UPKEEP_EVENTS = 512, RETRY_S = 30, IDLE_MS = 5000 };

struct item {
    struct item *next;
    char type[32], stream[ROOM_NAME_MAX];
    int64_t at_ms;
    size_t size;
    char json[];
};

struct ask {
    struct ask *next;
    struct store_query query;
    uint64_t request_id;
};

struct store {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    /* under the lock */
    struct item *first, **end;
    struct ask *asks, **asks_end;
    size_t items, bytes, ask_count;
    double keep_days, max_mb;
    bool hushed, stopping;
    struct store_numbers numbers;
    /* the thread's own */
    struct net_loop *loop;
    char path[512], problem[240];
    struct store_db *db;
    int64_t retry_ns, upkeep_ns;
    int since_upkeep;
    double keep, most; /* limits of this round */
    store_change_fn *on_change;
    void *user;
};

/* ---- to the loop ------------------------------------------------------------------------------
 */

/* Posts unless the loop has ended; false: the caller still owns `arg`. */
static bool post(struct store *store, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&store->lock);
    bool posted = !store->hushed && net_post(store->loop, fn, arg);
    pthread_mutex_unlock(&store->lock);
    return posted;
}

struct change {
    store_change_fn *fn;
    void *user;
    bool storing;
    char why[240];
};

static void run_change(void *arg)
{
    struct change *change = arg;
    change->fn(change->user, change->storing, change->why);
    free(change);
}

static void set_storing(struct store *store, bool storing)
{
    pthread_mutex_lock(&store->lock);
    store->numbers.storing = storing;
    pthread_mutex_unlock(&store->lock);
}

static void tell(struct store *store, bool storing, const char *why)
{
    struct change *change = malloc(sizeof *change);
    text_copy(store->problem, sizeof store->problem, storing ? "" : why);
    set_storing(store, storing);
    if (!change)
        return;
    *change = (struct change){.fn = store->on_change, .user = store->user, .storing = storing};
    text_copy(change->why, sizeof change->why, why);
    if (!post(store, run_change, change))
        free(change);
}

/* ---- the file, whatever happens to it ---------------------------------------------------------
 */

/* Nothing is written for a while. A full disk can still be read from. */
static void give_up(struct store *store, const fov_error *error)
{
    if (error->status != FOV_ELIMIT)
        store_db_close(&store->db);
    store->retry_ns = clock_now_ns() + RETRY_S * NS_PER_S;
    if (store->problem[0])
        return; /* it was said */
    fov_log(FOV_LOG_ERROR, "events", "storing stopped: %s (%s); tried again every %d s",
            error->message, store->path, RETRY_S);
    tell(store, false, error->message);
}

/* A damaged file goes out of the way and a new one is begun. */
static fov_status begin_anew(struct store *store, const fov_error *why, fov_error *error)
{
    char aside[560];
    store_db_close(&store->db);
    if (!store_db_move_aside(store->path, aside, sizeof aside))
        return fov_fail(error, FOV_EIO, "damaged (%s) and cannot be moved aside", why->message);
    fov_log(FOV_LOG_ERROR, "events", "%s was damaged (%s): it is kept as %s, a new one is begun",
            store->path, why->message, aside);
    return store_db_open(&store->db, store->path, error);
}

static bool keep_open(struct store *store)
{
    fov_error error = {0}, why;
    if (store->db || clock_now_ns() < store->retry_ns)
        return store->db != NULL;
    fov_status status = store_db_open(&store->db, store->path, &error);
    if (status == FOV_EFORMAT) {
        why = error;
        status = begin_anew(store, &why, &error);
    }
    if (status != FOV_OK)
        give_up(store, &error);
    else if (!store->problem[0])
        set_storing(store, true);
    return store->db != NULL;
}

static bool may_write(struct store *store)
{
    return (!store->problem[0] || clock_now_ns() >= store->retry_ns) && keep_open(store);
}

/* Only a write that came to its end shows that storing goes on. */
static void note_written(struct store *store)
{
    if (!store->problem[0])
        return;
    fov_log(FOV_LOG_INFO, "events", "storing goes on");
    tell(store, true, "");
}

/* After a failed call: true when it may be tried again on a fresh file. */
static bool recover(struct store *store, fov_status status, const fov_error *why)
{
    fov_error error = {0};
    if (status == FOV_EFORMAT && begin_anew(store, why, &error) == FOV_OK)
        return true;
    give_up(store, status == FOV_EFORMAT ? &error : why);
    return false;
}

/* ---- work -------------------------------------------------------------------------------------
 */

static fov_status write_once(struct store *store, const struct item *items, int *count,
                             fov_error *error)
{
    fov_status status = store_db_begin(store->db, error);
    *count = 0;
    for (const struct item *at = items; at && !status; at = at->next) {
        status = store_db_add(store->db, at->type, at->stream, at->at_ms, at->json, at->size,
                              error);
        *count += status == FOV_OK;
        if (status == FOV_EINVAL)
            status = FOV_OK; /* no JSON: left out alone */
    }
    if (!status)
        status = store_db_commit(store->db, error);
    if (status)
        store_db_rollback(store->db);
    return status;
}

static void count(struct store *store, int stored, int lost, int64_t deleted)
{
    pthread_mutex_lock(&store->lock);
    store->numbers.stored += (uint64_t)stored;
    store->numbers.lost += (uint64_t)lost;
    store->numbers.deleted += (uint64_t)deleted;
    pthread_mutex_unlock(&store->lock);
}

/* Writes and frees the items. */
static void write_items(struct store *store, struct item *items)
{
    fov_error error = {0};
    int all = 0, stored = 0;
    fov_status status = FOV_ECLOSED;
    for (const struct item *at = items; at; at = at->next)
        all++;
    if (items && may_write(store)) {
        status = write_once(store, items, &stored, &error);
        if (status != FOV_OK && recover(store, status, &error) &&
            (status = write_once(store, items, &stored, &error)) != FOV_OK)
            give_up(store, &error);
        if (status == FOV_OK)
            note_written(store);
    }
    stored = status == FOV_OK ? stored : 0;
    store->since_upkeep += stored;
    count(store, stored, all - stored, 0);
    for (struct item *next; items; items = next) {
        next = items->next;
        free(items);
    }
}

static void upkeep(struct store *store)
{
    fov_error error = {0};
    int64_t deleted = 0, now = clock_now_ns();
    if (store->since_upkeep < UPKEEP_EVENTS && now < store->upkeep_ns)
        return;
    store->since_upkeep = 0;
    store->upkeep_ns = now + UPKEEP_S * NS_PER_S;
    if (!may_write(store))
        return;
    double before = clock_unix_ms() - store->keep * 86400e3;
    fov_status status = store_db_trim(store->db, (int64_t)before, (int64_t)(store->most * 1048576),
                                      &deleted, &error);
    count(store, 0, 0, deleted);
    if (status != FOV_OK)
        recover(store, status, &error);
}

struct answer {
    struct net_loop *loop;
    uint64_t request_id;
    struct json_writer w;
    fov_status status;
    fov_error error;
};

static void run_answer(void *arg)
{
    struct answer *a = arg;
    struct net_request *request = net_request_find(a->loop, a->request_id);
    if (request && a->status == FOV_OK)
        serve_reply(request, 200, &a->w);
    else if (request)
        net_reply_error(request, a->status, &a->error);
    json_release(&a->w);
    free(a);
}

/* The members of the answer; what cannot be read is an empty list with its reason. */
static fov_status search(struct store *store, const struct store_query *query,
                         struct json_writer *w, fov_error *error)
{
    int64_t total = 0;
    fov_status status = FOV_OK;
    bool on = store->keep > 0 && keep_open(store);
    json_reset(w);
    json_object_begin(w);
    json_name(w, "events");
    if (on) {
        status = store_db_find(store->db, query, SEARCH_MS, w, &total, error);
    } else {
        json_array_begin(w);
        json_array_end(w);
    }
    const char *problem = store->keep <= 0    ? "events.keep_days is 0: nothing is stored"
                          : store->problem[0] ? store->problem
                                              : NULL;
    json_add_int(w, "total", total);
    json_add_bool(w, "stored", problem == NULL);
    json_add_string(w, "problem", problem);
    json_object_end(w);
    return status;
}

static void answer(struct store *store, const struct ask *ask)
{
    struct answer *a = calloc(1, sizeof *a);
    if (!a)
        return; /* the client's time limit ends it */
    a->loop = store->loop;
    a->request_id = ask->request_id;
    a->status = search(store, &ask->query, &a->w, &a->error);
    if (a->status != FOV_OK && a->status != FOV_ETIMEOUT && a->status != FOV_ENOMEM) {
        recover(store, a->status, &a->error);
        a->status = search(store, &ask->query, &a->w, &a->error);
    }
    if (!post(store, run_answer, a)) {
        json_release(&a->w);
        free(a);
    }
}

/* ---- the thread -------------------------------------------------------------------------------
 */

struct round {
    struct item *items;
    struct ask *asks;
    bool stopping;
};

/* Waits for work and takes all there is. */
static struct round take(struct store *store)
{
    int64_t until = clock_after_ms(IDLE_MS);
    pthread_mutex_lock(&store->lock);
    int code = 0;
    while (!store->first && !store->asks && !store->stopping && code == 0)
        code = clock_cond_wait(&store->changed, &store->lock, until);
    struct round round = {store->first, store->asks, store->stopping};
    store->first = NULL;
    store->end = &store->first;
    store->asks = NULL;
    store->asks_end = &store->asks;
    store->items = store->bytes = store->ask_count = 0;
    store->keep = store->keep_days;
    store->most = store->max_mb;
    pthread_mutex_unlock(&store->lock);
    return round;
}

static void *work(void *arg)
{
    struct store *store = arg;
    pthread_setname_np(pthread_self(), "fovea-events");
    if (store->keep > 0)
        upkeep(store);
    for (bool stopping = false; !stopping;) {
        struct round round = take(store);
        stopping = round.stopping;
        write_items(store, round.items);
        for (struct ask *next; round.asks; round.asks = next) {
            next = round.asks->next;
            answer(store, round.asks);
            free(round.asks);
        }
        if (store->keep > 0 && !stopping)
            upkeep(store);
    }
    store_db_close(&store->db);
    return NULL;
}

/* ---- from outside -----------------------------------------------------------------------------
 */

struct store *store_start(struct net_loop *loop, const char *folder, double keep_days,
                          double max_mb, store_change_fn *on_change, void *user)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    snprintf(store->path, sizeof store->path, "%s/events.db", folder);
    store->loop = loop;
    store->end = &store->first;
    store->asks_end = &store->asks;
    store->on_change = on_change;
    store->user = user;
    store->keep_days = store->keep = keep_days;
    store->max_mb = store->most = max_mb;
    pthread_mutex_init(&store->lock, NULL);
    clock_cond_init(&store->changed);
    if (pthread_create(&store->thread, NULL, work, store) == 0)
        return store;
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
    free(store);
    return NULL;
}

void store_set_limits(struct store *store, double keep_days, double max_mb)
{
    pthread_mutex_lock(&store->lock);
    store->keep_days = keep_days;
    store->max_mb = max_mb;
    pthread_mutex_unlock(&store->lock);
}

void store_add(struct store *store, const char *type, const char *stream, int64_t at_ms,
               const char *json, size_t size)
{
    struct item *item = malloc(sizeof *item + size);
    if (item) {
        item->next = NULL;
        item->at_ms = at_ms;
        item->size = size;
        text_copy(item->type, sizeof item->type, type);
        text_copy(item->stream, sizeof item->stream, stream);
        memcpy(item->json, json, size);
    }
    pthread_mutex_lock(&store->lock);
    bool room = item && store->items < STORE_QUEUE_MAX && store->bytes + size <= STORE_QUEUE_BYTES;
    if (store->keep_days > 0 && room) {
        *store->end = item;
        store->end = &item->next;
        store->items++;
        store->bytes += size;
        pthread_cond_signal(&store->changed);
        item = NULL;
    } else if (store->keep_days > 0) {
        store->numbers.lost++;
    }
    pthread_mutex_unlock(&store->lock);
    free(item);
}

bool store_ask(struct store *store, const struct store_query *query, uint64_t request_id)
{
    struct ask *ask = malloc(sizeof *ask);
    if (!ask)
        return false;
    *ask = (struct ask){.query = *query, .request_id = request_id};
    pthread_mutex_lock(&store->lock);
    bool room = store->ask_count < STORE_ASKS_MAX;
    if (room) {
        *store->asks_end = ask;
        store->asks_end = &ask->next;
        store->ask_count++;
        pthread_cond_signal(&store->changed);
    }
    pthread_mutex_unlock(&store->lock);
    if (!room)
        free(ask);
    return room;
}

void store_get_numbers(struct store *store, struct store_numbers *numbers)
{
    pthread_mutex_lock(&store->lock);
    *numbers = store->numbers;
    pthread_mutex_unlock(&store->lock);
}

void store_hush(struct store *store)
{
    if (!store)
        return;
    pthread_mutex_lock(&store->lock);
    store->hushed = true;
    pthread_mutex_unlock(&store->lock);
}

void store_stop(struct store **stopping)
{
    struct store *store = *stopping;
    *stopping = NULL;
    if (!store)
        return;
    pthread_mutex_lock(&store->lock);
    store->hushed = store->stopping = true;
    pthread_cond_signal(&store->changed);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
    free(store);
}
