/* What pipelines tell of themselves. */
#include "flow/pipeline.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/machine.h"
#include "device/device.h"

void tally_init(struct tally *t)
{
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
}

void tally_release(struct tally *t)
{
    pthread_mutex_destroy(&t->lock);
}

void tally_clear(struct tally *t)
{
    pthread_mutex_lock(&t->lock);
    t->frames = 0;
    t->sum_ns = 0;
    memset(t->part_ns, 0, sizeof t->part_ns);
    memset(t->bins, 0, sizeof t->bins);
    pthread_mutex_unlock(&t->lock);
}

void tally_add(struct tally *t, int64_t called_ns, int64_t answered_ns,
               const fov_football_frame *football)
{
    pthread_mutex_lock(&t->lock);
    if (t->frames++ == 0)
        t->first_ns = called_ns;
    t->last_ns = answered_ns;
    t->sum_ns += (double)(answered_ns - called_ns);
    t->bins[stats_bin(answered_ns - called_ns)]++;
    for (int i = 0; football && i < FOV_PART_COUNT; i++)
        t->part_ns[i] += (double)football->parts_ns[i];
    pthread_mutex_unlock(&t->lock);
}

double tally_ms(const struct tally *t, double q)
{
    return t->frames ? stats_bins_ms(t->bins, t->frames, q) : 0;
}

/* The second number of statm is resident pages. */
static double resident_mb(void)
{
    char text[128];
    unsigned long pages = 0;
    if (machine_read("", "/proc/self/statm", text, sizeof text) == 0 ||
        sscanf(text, "%*u %lu", &pages) != 1)
        return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

void tally_metrics(struct tally *t, fov_pipeline_metrics *m)
{
    *m = (fov_pipeline_metrics){.gpu_memory_mb = -1, .memory_mb = resident_mb()};
    pthread_mutex_lock(&t->lock);
    double n = (double)t->frames, span_ns = (double)(t->last_ns - t->first_ns);
    if (t->frames > 0) {
        m->frames = t->frames;
        m->avg_fps = span_ns > 0 ? n / span_ns * 1e9 : 0;
        m->avg_latency_ms = t->sum_ns / n / 1e6;
        m->p95_latency_ms = tally_ms(t, 0.95);
        for (int i = 0; i < FOV_PART_COUNT; i++)
            m->part_ms[i] = t->part_ns[i] / n / 1e6;
    }
    pthread_mutex_unlock(&t->lock);
}

double pipeline_gpu_mb(fov_workers *workers)
{
    fov_model *model = fov_workers_model(workers, NULL);
    const char *device = model ? fov_model_get_info(model)->device : "";
    bool gpu = strcasestr(device, "GPU") || strcasestr(device, "CUDA") ||
               strcasestr(device, "TENSORRT");
    fov_model_close(&model);
    double mb;
    return gpu && device_gpu_memory("", &mb) ? mb : -1;
}
