#include "serve/webhook.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <fovea/log.h>

#include "base/clock.h"
#include "base/curl.h"
#include "base/text.h"

enum { STOP_MS = 1500, IDLE_MS = 1000 };

struct delivery {
    struct delivery *next;
    int tries;
    unsigned long long number;
    size_t size;
    char json[];
};

/* An address that has something to get. */
struct hook {
    struct hook *next;
    char *url, *secret;
    struct delivery *first, **end;
    size_t count;
    int64_t due_ns;  /* of the first one's next try */
    curl_easy *easy; /* of the try that runs */
    struct curl_list *fields;
    char reason[CURL_REASON_SIZE];
};

struct webhooks {
    pthread_mutex_t lock; /* of hooks and their queues; never held while waiting */
    pthread_t thread;
    bool started, stopping;
    int64_t stop_ns;
    curl_multi *multi; /* set by the thread; others wake it */
    struct hook *first;
    char prefix[20]; /* of delivery numbers, new in each process */
    unsigned long long next;
    atomic_ullong delivered, failures, given_up, dropped;
};

/* ---- the signature --------------------------------------------------------------------------- */

bool webhook_sign(const char *secret, int64_t unix_s, const char *body, size_t size,
                  char signature[WEBHOOK_SIGNATURE_MAX])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char stamp[32];
    size_t head = (size_t)snprintf(stamp, sizeof stamp, "%lld.", (long long)unix_s);
    char *text = malloc(head + size);
    if (!text)
        return false;
    memcpy(text, stamp, head);
    memcpy(text + head, body, size);
    bool ok = HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text,
                   head + size, sum, &length) != NULL;
    free(text);
    size_t used = (size_t)snprintf(signature, WEBHOOK_SIGNATURE_MAX,
                                   "t=%lld,v1=", (long long)unix_s);
    ok = ok && used + 2 * (size_t)length < WEBHOOK_SIGNATURE_MAX;
    if (ok)
        text_hex(signature + used, sum, length);
    return ok;
}

/* ---- hooks (under the lock) ------------------------------------------------------------------ */

static void drop_first(struct hook *hook)
{
    struct delivery *gone = hook->first;
    hook->first = gone->next;
    if (!hook->first)
        hook->end = &hook->first;
    hook->count--;
    free(gone);
}

static void free_hook(struct hook *hook)
{
    while (hook->first)
        drop_first(hook);
    free(hook->url);
    free(hook->secret);
    free(hook);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct hook *find_hook(struct webhooks *w, const struct settings_webhook *to)
{
    struct hook **at = &w->first;
    while (*at && !(same_text((*at)->url, to->url) && same_text((*at)->secret, to->secret)))
        at = &(*at)->next;
    if (*at)
        return *at;
    struct hook *hook = calloc(1, sizeof *hook);
    if (!hook)
        return NULL;
    hook->end = &hook->first;
    hook->url = strdup(to->url);
    hook->secret = to->secret ? strdup(to->secret) : NULL;
    if (!hook->url || (to->secret && !hook->secret)) {
        free_hook(hook);
        return NULL;
    }
    return *at = hook;
}

/* The oldest that is not on its way is left out. */
static void make_room(struct webhooks *w, struct hook *hook)
{
    if (hook->count < WEBHOOK_QUEUE_MAX)
        return;
    atomic_fetch_add(&w->dropped, 1);
    if (!hook->easy) {
        drop_first(hook);
        hook->due_ns = 0;
        return;
    }
    struct delivery *second = hook->first->next;
    hook->first->next = second->next;
    if (!second->next)
        hook->end = &hook->first->next;
    hook->count--;
    free(second);
}

static void put(struct webhooks *w, const struct settings_webhook *to, const char *json,
                size_t size)
{
    struct hook *hook = find_hook(w, to);
    struct delivery *delivery = hook ? malloc(sizeof *delivery + size) : NULL;
    if (!delivery) {
        atomic_fetch_add(&w->dropped, 1);
        return;
    }
    *delivery = (struct delivery){.number = ++w->next, .size = size};
    memcpy(delivery->json, json, size);
    make_room(w, hook);
    *hook->end = delivery;
    hook->end = &delivery->next;
    hook->count++;
}

/* ---- one try --------------------------------------------------------------------------------- */

static size_t ignore_body(char *bytes, size_t one, size_t count, void *user)
{
    (void)bytes, (void)user;
    return one * count;
}

static bool make_fields(const struct webhooks *w, struct hook *hook)
{
    char signature[WEBHOOK_SIGNATURE_MAX], line[160];
    snprintf(line, sizeof line, "Fovea-Delivery: %s-%llu", w->prefix, hook->first->number);
    bool ok = curl_list_add(&hook->fields, "Content-Type: application/json") &&
              curl_list_add(&hook->fields, line) && curl_list_add(&hook->fields, "Expect:");
    if (!ok || !hook->secret)
        return ok;
    if (!webhook_sign(hook->secret, (int64_t)time(NULL), hook->first->json, hook->first->size,
                      signature))
        return false;
    snprintf(line, sizeof line, "Fovea-Signature: %s", signature);
    return curl_list_add(&hook->fields, line);
}

static bool set_options(struct hook *hook)
{
    static const struct curl_number numbers[] = {{CURL_OPTION_HTTP_VERSION, CURL_HTTP_1_1},
                                                 {CURL_OPTION_TIMEOUT_MS, WEBHOOK_TIMEOUT_MS},
                                                 {CURL_OPTION_POST, 1}};
    int64_t size = (int64_t)hook->first->size;
    bool good = curl_set_up(hook->easy, hook->reason, numbers, sizeof numbers / sizeof *numbers);
    int failed = curl.easy_setopt(hook->easy, CURL_OPTION_PROXY, CURL_NO_PROXY);
    failed |= curl.easy_setopt(hook->easy, CURL_OPTION_WRITEFUNCTION, ignore_body);
    failed |= curl.easy_setopt(hook->easy, CURL_OPTION_URL, hook->url);
    failed |= curl.easy_setopt(hook->easy, CURL_OPTION_HTTPHEADER, hook->fields);
    failed |= curl.easy_setopt(hook->easy, CURL_OPTION_POSTFIELDS, hook->first->json);
    failed |= curl.easy_setopt(hook->easy, CURL_OPTION_POSTFIELDSIZE, size);
    curl.easy_setopt(hook->easy, CURL_OPTION_QUICK_EXIT, 1L);
    return good && !failed;
}

/* What a try leaves behind. */
struct spent {
    curl_easy *easy;
    struct curl_list *fields;
};

static struct spent take_try(struct hook *hook)
{
    struct spent spent = {hook->easy, hook->fields};
    hook->easy = NULL;
    hook->fields = NULL;
    return spent;
}

/* Beside the lock: an older libcurl waits here for a name that is still looked up. */
static void free_try(struct webhooks *w, struct spent spent)
{
    if (spent.easy) {
        curl.multi_remove_handle(w->multi, spent.easy);
        curl.easy_cleanup(spent.easy);
    }
    if (spent.fields)
        curl.slist_free_all(spent.fields);
}

/* Between tries: 1, 2, 4 … s, a fifth more or less, so that many do not come at the same time. */
static int64_t pause_ns(int tries)
{
    unsigned char random = 128;
    RAND_bytes(&random, 1);
    return (NS_PER_S << (tries - 1)) * (80 + random * 40 / 255) / 100;
}

/* Asking again cannot help where the receiver says that the request itself is wrong. */
static bool may_retry(long status)
{
    return status < 400 || status >= 500 || status == 408 || status == 425 || status == 429;
}

static void failed_try(struct webhooks *w, struct hook *hook, long status, const char *reason)
{
    struct delivery *d = hook->first;
    char shown[300];
    atomic_fetch_add(&w->failures, 1);
    d->tries++;
    if (d->tries < WEBHOOK_TRIES && may_retry(status)) {
        hook->due_ns = clock_now_ns() + pause_ns(d->tries);
        return;
    }
    settings_redact_webhook(shown, sizeof shown, hook->url);
    fov_log(FOV_LOG_WARN, "alerts", "webhook %s: an alert is given up after %d tries: %s", shown,
            d->tries, reason);
    atomic_fetch_add(&w->given_up, 1);
    drop_first(hook);
    hook->due_ns = 0;
}

static void begin_try(struct webhooks *w, struct hook *hook)
{
    hook->reason[0] = '\0';
    hook->easy = curl.easy_init();
    if (hook->easy && make_fields(w, hook) && set_options(hook) &&
        curl.multi_add_handle(w->multi, hook->easy) == 0)
        return;
    free_try(w, take_try(hook)); /* nothing was looked up for it yet */
    failed_try(w, hook, 0, "not enough memory");
}

static struct spent finish_try(struct webhooks *w, struct hook *hook, int code)
{
    long status = 0;
    char reason[300];
    curl.easy_getinfo(hook->easy, CURL_INFO_RESPONSE_CODE, &status);
    struct spent spent = take_try(hook);
    if (code == 0 && status >= 200 && status < 300) {
        atomic_fetch_add(&w->delivered, 1);
        drop_first(hook);
        hook->due_ns = 0;
        return spent;
    }
    if (code == 0)
        snprintf(reason, sizeof reason, "it answered %ld%s", status,
                 status >= 300 && status < 400 ? " (redirects are not followed)" : "");
    else
        snprintf(reason, sizeof reason, "%s",
                 hook->reason[0] ? hook->reason : curl.easy_strerror(code));
    failed_try(w, hook, code == 0 ? status : 0, reason);
    return spent;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Begins what is due; forgets addresses without work. Returns ms until the next try is due. */
static int begin_due(struct webhooks *w)
{
    int active = 0, wait_ms = IDLE_MS;
    int64_t now = clock_now_ns();
    for (struct hook *h = w->first; h; h = h->next)
        active += h->easy != NULL;
    for (struct hook **at = &w->first, *h; (h = *at);) {
        if (!h->easy && !h->first) {
            *at = h->next;
            free_hook(h);
            continue;
        }
        if (!h->easy && h->due_ns <= now && active < WEBHOOK_ACTIVE_MAX) {
            begin_try(w, h);
            active += h->easy != NULL;
        } else if (!h->easy && ns_to_ms(h->due_ns - now) < wait_ms) {
            wait_ms = h->due_ns > now ? (int)ns_to_ms(h->due_ns - now) + 1 : wait_ms;
        }
        at = &h->next;
    }
    return wait_ms;
}

static void collect(struct webhooks *w)
{
    struct spent spent[WEBHOOK_ACTIVE_MAX];
    size_t count = 0;
    int left = 0;
    struct curl_message *message;
    pthread_mutex_lock(&w->lock);
    while (count < WEBHOOK_ACTIVE_MAX && (message = curl.multi_info_read(w->multi, &left))) {
        struct hook *hook = w->first;
        while (hook && hook->easy != message->easy)
            hook = hook->next;
        if (hook && message->kind == CURL_MESSAGE_DONE)
            spent[count++] = finish_try(w, hook, message->data.code);
    }
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < count; i++)
        free_try(w, spent[i]);
}

/* On the way out: what runs, and what can begin now, gets a moment. */
static bool is_over(const struct webhooks *w)
{
    if (!w->stopping)
        return false;
    for (const struct hook *h = w->first; h; h = h->next)
        if (h->easy || (h->first && h->first->tries == 0))
            return clock_now_ns() >= w->stop_ns;
    return true;
}

static void transfer(struct webhooks *w)
{
    int busy = 0, events = 0;
    for (bool over = false; !over;) {
        pthread_mutex_lock(&w->lock);
        int wait_ms = begin_due(w);
        over = is_over(w);
        wait_ms = w->stopping && wait_ms > 50 ? 50 : wait_ms;
        pthread_mutex_unlock(&w->lock);
        if (over)
            break;
        /* Returns at once for a transfer that was just begun. One perform a round: what it ends is
         * collected before anything is waited for. */
        curl.multi_poll(w->multi, NULL, 0, wait_ms, &events);
        curl.multi_perform(w->multi, &busy);
        collect(w);
    }
    for (struct hook *h = w->first; h; h = h->next)
        free_try(w, take_try(h));
}

static void *work(void *arg)
{
    struct webhooks *w = arg;
    fov_error error = {0};
    pthread_setname_np(pthread_self(), "fovea-webhooks");
    curl_multi *multi = curl_open(&error) == FOV_OK ? curl.multi_init() : NULL;
    pthread_mutex_lock(&w->lock);
    w->multi = multi;
    pthread_mutex_unlock(&w->lock);
    if (multi)
        transfer(w);
    else
        fov_log(FOV_LOG_ERROR, "alerts", "webhooks cannot be sent: %s", error.message);
    pthread_mutex_lock(&w->lock);
    w->multi = NULL;
    pthread_mutex_unlock(&w->lock);
    if (multi)
        curl.multi_cleanup(multi);
    return NULL;
}

/* ---- from outside ---------------------------------------------------------------------------- */

struct webhooks *webhooks_create(void)
{
    struct webhooks *w = calloc(1, sizeof *w);
    unsigned char random[8];
    if (!w)
        return NULL;
    pthread_mutex_init(&w->lock, NULL);
    if (RAND_bytes(random, sizeof random) != 1)
        memset(random, 0, sizeof random);
    text_hex(w->prefix, random, sizeof random);
    return w;
}

void webhooks_send(struct webhooks *w, const struct settings_webhooks *to, const char *json,
                   size_t size)
{
    if (!w || to->count == 0)
        return;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < to->count && !w->stopping; i++)
        put(w, &to->items[i], json, size);
    if (!w->started && !w->stopping)
        w->started = pthread_create(&w->thread, NULL, work, w) == 0;
    if (w->multi)
        curl.multi_wakeup(w->multi);
    pthread_mutex_unlock(&w->lock);
}

void webhooks_get_numbers(struct webhooks *w, struct webhook_numbers *numbers)
{
    *numbers = (struct webhook_numbers){atomic_load(&w->delivered), atomic_load(&w->failures),
                                        atomic_load(&w->given_up), atomic_load(&w->dropped)};
}

void webhooks_stop(struct webhooks **stopping)
{
    struct webhooks *w = *stopping;
    *stopping = NULL;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    w->stop_ns = clock_now_ns() + ms_to_ns(STOP_MS);
    if (w->multi)
        curl.multi_wakeup(w->multi);
    pthread_mutex_unlock(&w->lock);
    if (w->started)
        pthread_join(w->thread, NULL);
    for (struct hook *next; w->first; w->first = next) {
        next = w->first->next;
        free_hook(w->first);
    }
    pthread_mutex_destroy(&w->lock);
    free(w);
}
