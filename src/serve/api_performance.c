/* GET /stream/performance: how the hazard sessions fare, where their time goes, and how busy the
 * machine is (document 004). */
#include <stdlib.h>

#include "base/clock.h"
#include "serve/chores.h"
#include "serve/hazard.h"
#include "serve/resources.h"
#include "serve/routes.h"

#define WINDOW_S 10

/* A GPU's driver may take its time to answer, so a thread asks it; the answer waits for it, unless
 * a question is on its way already. */
struct performance {
    struct chores *asking; /* made at the first request */
    bool asked;
    struct cpu_sample cpu;
    bool has_gpu;
    double gpu;
};

struct question {
    struct server *server;
    uint64_t request_id; /* of who waits for it */
    bool has_gpu;
    double gpu;
};

struct performance *performance_create(void)
{
    return calloc(1, sizeof(struct performance));
}

void performance_tick(struct performance *p, int64_t now)
{
    resources_cpu(&p->cpu, "", now);
}

void performance_stop(struct performance *p)
{
    chores_stop(&p->asking);
}

void performance_destroy(struct performance **p)
{
    free(*p);
    *p = NULL;
}

/* ---- the answer --------------------------------------------------------------------------------
 */

static void write_bottlenecks(struct json_writer *w, const uint64_t counts[HAZARD_STAGE_COUNT])
{
    static const char *const words[] = {
#define STAGE_WORD(name, word) word,
        HAZARD_STAGE_MAP(STAGE_WORD)
#undef STAGE_WORD
    };
    json_name(w, "bottlenecks");
    json_object_begin(w);
    for (int i = 0; i < HAZARD_STAGE_COUNT; i++)
        json_add_int(w, words[i], (int64_t)counts[i]);
    json_object_end(w);
}

static double work_ms(const fov_stats *stats)
{
    static const fov_stage work[] = {FOV_STAGE_DECODE, FOV_STAGE_PREPROCESS, FOV_STAGE_INFERENCE,
                                     FOV_STAGE_POSTPROCESS, FOV_STAGE_TRACK};
    double ms = 0;
    for (size_t i = 0; i < sizeof work / sizeof *work; i++)
        ms += stats->stage_mean_ms[work[i]];
    return ms;
}

static void write_session(struct json_writer *w, struct hazard_session *s, const fov_stats *stats)
{
    fov_workers_info info;
    fov_workers_get_info(s->workers, &info);
    json_object_begin(w);
    json_add_string(w, "session_id", s->id);
    json_add_string(w, "client_id", s->client->id);
    json_add_number(w, "seconds", ns_to_ms(clock_now_ns() - s->opened_ns) / 1e3, 1);
    json_name(w, "config");
    hazard_config_write(w, &s->config, s->adapt.fps);
    json_add_number(w, "fps_asked", s->adapt.asked, 2);
    json_add_number(w, "avg_processing_time_ms", work_ms(stats), 3);
    message_live_stats(w, stats, info.bound_ms);
    hazard_write_counts(w, &s->counts);
    write_bottlenecks(w, s->bottlenecks);
    json_object_end(w);
}

struct totals {
    int sessions;
    double fps, work;
};

static struct totals write_sessions(struct json_writer *w, struct hazard *hazard)
{
    struct totals t = {0};
    json_name(w, "sessions");
    json_array_begin(w);
    for (struct hazard_session *s = hazard->sessions; s; s = s->next) {
        fov_stats stats;
        if (!s->stream) /* the server ends */
            continue;
        fov_stream_get_stats(s->stream, WINDOW_S, &stats);
        t.sessions++;
        t.fps += stats.fps;
        t.work += stats.fps * work_ms(&stats);
        write_session(w, s, &stats);
    }
    json_array_end(w);
    return t;
}

static void write_resources(struct json_writer *w, const struct performance *p)
{
    json_name(w, "system_resources");
    json_object_begin(w);
    json_add_number(w, "cpu_usage", p->cpu.percent, 1);
    json_add_number(w, "memory_usage", resources_memory(""), 1);
    if (p->has_gpu)
        json_add_number(w, "gpu_usage", p->gpu, 1);
    else
        json_add_null(w, "gpu_usage");
    json_object_end(w);
}

static void write_performance(struct json_writer *w, struct hazard *hazard)
{
    json_object_begin(w);
    struct totals t = write_sessions(w, hazard);
    json_add_int(w, "active_sessions", t.sessions);
    json_add_number(w, "total_throughput_fps", t.fps, 2);
    json_add_number(w, "avg_processing_time_ms", t.fps > 0 ? t.work / t.fps : 0, 3);
    write_bottlenecks(w, hazard->bottlenecks);
    write_resources(w, hazard->performance);
    json_object_end(w);
}

static void answer(struct server *server, struct net_request *request)
{
    struct json_writer *w = serve_writer(server);
    write_performance(w, server->hazard);
    serve_reply(request, 200, w);
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static void answered(void *arg)
{
    struct question *q = arg;
    struct performance *p = q->server->hazard->performance;
    struct net_request *request = net_request_find(q->server->loop, q->request_id);
    p->asked = false;
    p->has_gpu = q->has_gpu;
    p->gpu = q->gpu;
    if (request)
        answer(q->server, request);
    free(q);
}

static void ask(void *arg)
{
    struct question *q = arg;
    q->has_gpu = resources_gpu("", &q->gpu);
    net_post_surely(q->server->loop, answered, q); /* `asked` would stay */
}

void get_stream_performance(struct exchange *x)
{
    struct performance *p = x->server->hazard->performance;
    struct question *q = p->asked ? NULL : calloc(1, sizeof *q);
    if (!p->asking)
        p->asking = chores_start("fovea-gpu");
    if (q) {
        *q = (struct question){.server = x->server, .request_id = net_request_id(x->request)};
        p->asked = p->asking && chores_add(p->asking, ask, q);
    }
    if (q && p->asked)
        return;
    free(q);
    answer(x->server, x->request);
}
