/* TFLite files on processors, through LiteRT or the classic TFLite, and on Edge TPUs. */
#include <fovea/backend.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/cores.h"
#include "infer/litert_api.h"
#include "infer/tensor.h"

enum { RUNTIME_NICE = 5, FILE_MAX = INT32_MAX };

struct runner {
    struct loaded *model;
    void *instance;
    struct litert_io io;
    struct runner *next; /* in the list of idle ones */
};

struct loaded {
    const struct litert_engine *engine;
    struct litert_setup setup;
    void *bytes, *model;
    fov_backend_model about;
    pthread_mutex_t lock;
    struct runner *idle; /* compiled and not in use: opening them again costs nothing */
};

static void probe(const char *runtime_dir, fov_backend_probe *p)
{
    char tpus[LITERT_TPUS][96];
    fov_error error, none;
    const struct litert_engine *engine = &litert_compiled;
    *p = (fov_backend_probe){0};
    bool found = engine->open(runtime_dir, &error) == FOV_OK;
    if (!found) {
        engine = &litert_classic;
        found = engine->open(runtime_dir, &none) == FOV_OK;
    }
    int count = litert_tpus(runtime_dir, tpus, &none);
    p->available = found;
    if (!found) {
        text_copy(p->reason, sizeof p->reason, error.message);
        return;
    }
    text_copy(p->version, sizeof p->version, engine->version());
    text_copy(p->library, sizeof p->library, engine->library());
    for (int i = 0; i < count; i++) {
        int n = p->device_count++;
        snprintf(p->devices[n], sizeof *p->devices, count > 1 ? "EDGETPU.%d" : "EDGETPU", i);
        text_copy(p->device_names[n], sizeof *p->device_names, tpus[i]);
    }
    text_copy(p->devices[p->device_count], sizeof *p->devices, "CPU");
    text_copy(p->device_names[p->device_count++], sizeof *p->device_names, engine->name);
}

static fov_status read_file(struct loaded *m, const char *path, fov_error *error)
{
    struct stat st;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fov_fail(error, errno == ENOENT || errno == ENOTDIR ? FOV_ENOTFOUND : FOV_EIO,
                        "%s: %s", path, strerror(errno));
    fov_status status = FOV_OK;
    if (fstat(file, &st) || !S_ISREG(st.st_mode) || st.st_size < 1 || st.st_size >= FILE_MAX)
        status = fov_fail(error, FOV_EMODEL, "%s: not a file, empty, or larger than 2 GB", path);
    size_t size = status ? 0 : (size_t)st.st_size, got = 0;
    m->bytes = status ? NULL : aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (!status && !m->bytes)
        status = fov_fail(error, FOV_ENOMEM, "%s: no memory for it", path);
    for (ssize_t n = 1; !status && got < size && n > 0; got += n > 0 ? (size_t)n : 0)
        n = read(file, (char *)m->bytes + got, size - got);
    close(file);
    if (!status && got < size)
        status = fov_fail(error, FOV_EIO, "%s: cannot be read to its end", path);
    m->setup.bytes = m->bytes;
    m->setup.size = got;
    return status;
}

static fov_status check_file(struct loaded *m, const char *path, fov_error *error)
{
    fov_error reason;
    struct tflite_facts *facts = &m->setup.facts;
    fov_status status = tflite_check(m->bytes, m->setup.size, facts, &reason);
    if (!status && tflite_mend(m->bytes, m->setup.size) > 0) /* may hit what tables share */
        status = tflite_check(m->bytes, m->setup.size, facts, &reason);
    if (status)
        return fov_fail(error, status, "%s: %s", path, reason.message);
    if (facts->edge_tpu && m->setup.tpu < 0)
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "%s: compiled for an Edge TPU and runs on no other device: it needs one, "
                        "libedgetpu.so.1 and libtensorflowlite_c.so",
                        path);
    if (!facts->edge_tpu && m->setup.tpu >= 0)
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "%s: not compiled for the Edge TPU: `fovea optimize --target edgetpu` "
                        "makes a file that is",
                        path);
    return FOV_OK;
}

/* "CPU", "EDGETPU" or "EDGETPU.1". */
static fov_status read_device(struct loaded *m, const char *device, fov_error *error)
{
    long long number = 0;
    const char *dot = device ? strchr(device, '.') : NULL;
    m->setup.tpu = -1;
    if (!device || !strcasecmp(device, "CPU"))
        return FOV_OK;
    if (strncasecmp(device, "EDGETPU", 7) || (device[7] && dot != device + 7) ||
        (dot && !text_to_int(dot + 1, 0, LITERT_TPUS - 1, &number)))
        return fov_fail(error, FOV_EUNSUPPORTED, "LiteRT has no device %.20s; it has CPU, EDGETPU",
                        device);
    m->setup.tpu = (int)number;
    return FOV_OK;
}

static fov_status choose_engine(struct loaded *m, const char *runtime_dir, fov_error *error)
{
    char tpus[LITERT_TPUS][96];
    fov_error none;
    const char *name = NULL;
    if (m->setup.tpu >= 0) {
        m->engine = &litert_classic;
        int count = litert_tpus(runtime_dir, tpus, error);
        if (!count)
            return FOV_ERUNTIME;
        if (m->setup.tpu >= count)
            return fov_fail(error, FOV_ERUNTIME, "there is no Edge TPU %d here, only %d of them",
                            m->setup.tpu, count);
        name = tpus[m->setup.tpu];
    } else {
        m->engine = &litert_compiled;
        fov_status status = m->engine->open(runtime_dir, error);
        if (status)
            m->engine = &litert_classic;
        if (status && m->engine->open(runtime_dir, &none) != FOV_OK)
            return status;
        name = m->engine->name;
    }
    text_copy(m->about.device_name, sizeof m->about.device_name, name);
    text_copy(m->about.version, sizeof m->about.version, m->engine->version());
    return FOV_OK;
}

static void make_setup(struct loaded *m, const fov_model_params *p)
{
    bool throughput = p->hint == FOV_HINT_THROUGHPUT && m->setup.tpu < 0;
    int cores = cores_available();
    m->about.max_runners = !throughput ? 1 : p->runners > 0 ? p->runners : cores;
    m->about.threads = p->threads > 0 ? p->threads : throughput ? 1 : cores;
    m->setup.threads = m->about.threads;
    m->setup.width = p->input_width;
    m->setup.height = p->input_height;
    m->setup.batch = p->batch;
}

static void destroy_runner(struct runner *r)
{
    r->model->engine->instance_close(r->instance);
    free(r);
}

struct opening {
    struct loaded *model;
    struct runner *runner;
    fov_status status;
    fov_error error;
};

/* Compiling happens on a thread of lower priority of its own: the runtime's workers inherit it, so
 * that inference at full load never keeps the event loop from its packets. */
static void *open_thread(void *arg)
{
    struct opening *o = arg;
    struct runner *r = o->runner;
    const struct litert_engine *engine = o->model->engine;
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + RUNTIME_NICE);
    o->status = engine->instance_open(o->model->model, &r->instance, &r->io, &o->error);
    if (!o->status)
        o->status = engine->instance_run(r->instance, &r->io, &o->error);
    return NULL;
}

static fov_status make_runner(struct loaded *m, struct runner **made, fov_error *error)
{
    struct opening o = {.model = m, .runner = calloc(1, sizeof *o.runner)};
    pthread_t thread;
    if (!o.runner)
        return fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    o.runner->model = m;
    if (pthread_create(&thread, NULL, open_thread, &o) != 0) {
        free(o.runner);
        return fov_fail(error, FOV_ENOMEM, "no thread to compile on");
    }
    pthread_join(thread, NULL);
    if (o.status) {
        destroy_runner(o.runner);
        return fov_fail(error, o.status, "%s", o.error.message);
    }
    *made = o.runner;
    return FOV_OK;
}

static void describe_tensors(const fov_tensor *from, fov_tensor *to, int count)
{
    for (int i = 0; i < count; i++) {
        to[i] = from[i];
        to[i].data = NULL;
    }
}

/* What the first runner turned out to have. */
static fov_status describe_model(struct loaded *m, const struct litert_io *io, fov_error *error)
{
    fov_backend_model *about = &m->about;
    about->input_count = io->input_count;
    about->output_count = io->output_count;
    describe_tensors(io->inputs, about->inputs, io->input_count);
    describe_tensors(io->outputs, about->outputs, io->output_count);
    const fov_tensor *in = about->inputs;
    about->batch = in->rank > 0 ? (int)in->shape[0] : 1;
    for (int i = 0; m->setup.batch > 1 && i < about->output_count; i++)
        if (!about->outputs[i].rank || about->outputs[i].shape[0] != about->batch)
            return fov_fail(error, FOV_EUNSUPPORTED, "this model takes one picture a run");
    bool whole = in->dtype == FOV_U8 || in->dtype == FOV_I8;
    text_copy(about->precision, sizeof about->precision, whole ? "int8" : "f32");
    return FOV_OK;
}

/* Dimensions of outputs that another picture changes are open, and not what zeros made of them. */
static fov_status find_open_outputs(struct loaded *m, struct runner *r, fov_error *error)
{
    if (!m->setup.facts.open_outputs)
        return FOV_OK;
    for (int i = 0; i < r->io.input_count; i++)
        tensor_fill_noise(&r->io.inputs[i]);
    fov_status status = m->engine->instance_run(r->instance, &r->io, error);
    for (int i = 0; !status && i < m->about.output_count; i++) {
        fov_tensor *told = &m->about.outputs[i];
        const fov_tensor *got = &r->io.outputs[i];
        if (got->rank != told->rank)
            return fov_fail(error, FOV_EUNSUPPORTED, "output %s changes its number of dimensions",
                            told->name);
        for (int d = 0; d < told->rank; d++)
            if (told->shape[d] != got->shape[d] || got->shape[d] <= 0)
                told->shape[d] = -1;
    }
    return status;
}

static fov_status compile(struct loaded *m, const char *path, fov_error *error)
{
    fov_error reason;
    int64_t start = clock_now_ns();
    fov_status status = m->engine->model_open(&m->setup, &m->model, &reason);
    if (!status)
        status = make_runner(m, &m->idle, &reason);
    if (!status)
        status = describe_model(m, &m->idle->io, &reason);
    if (!status)
        status = find_open_outputs(m, m->idle, &reason);
    m->about.compile_ms = ns_to_ms(clock_now_ns() - start);
    if (!status)
        return FOV_OK;
    const char *custom = m->setup.facts.custom;
    return fov_fail(error, status, "%s: %s%s%s", path, reason.message,
                    custom[0] ? "; it has the operator " : "", custom);
}

static void unload(void *model)
{
    struct loaded *m = model;
    while (m->idle) {
        struct runner *r = m->idle;
        m->idle = r->next;
        destroy_runner(r);
    }
    if (m->engine)
        m->engine->model_close(m->model);
    pthread_mutex_destroy(&m->lock);
    free(m->bytes);
    free(m);
}

static fov_status load(const fov_model_params *params, void **model, fov_error *error)
{
    int64_t start = clock_now_ns();
    struct loaded *m = calloc(1, sizeof *m);
    if (!m)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    pthread_mutex_init(&m->lock, NULL);
    fov_status status = read_device(m, params->device, error);
    if (!status)
        status = read_file(m, params->path, error);
    if (!status)
        status = check_file(m, params->path, error);
    if (!status)
        status = choose_engine(m, params->runtime_dir, error);
    if (status)
        goto fail;
    text_copy(m->about.device, sizeof m->about.device, params->device ? params->device : "CPU");
    make_setup(m, params);
    m->about.load_ms = ns_to_ms(clock_now_ns() - start);
    status = compile(m, params->path, error);
    if (status)
        goto fail;
    *model = m;
    return FOV_OK;
fail:
    unload(m);
    return status;
}

static void describe(void *model, fov_backend_model *description)
{
    *description = ((struct loaded *)model)->about;
}

static fov_status runner_open(void *model, void **handle, fov_error *error)
{
    struct loaded *m = model;
    pthread_mutex_lock(&m->lock);
    struct runner *r = m->idle;
    if (r)
        m->idle = r->next;
    pthread_mutex_unlock(&m->lock);
    fov_status status = r ? FOV_OK : make_runner(m, &r, error);
    for (int i = 0; !status && i < r->io.input_count; i++) /* nothing of who had it before */
        memset(r->io.inputs[i].data, 0,
               fov_tensor_count(&r->io.inputs[i]) * fov_dtype_size(r->io.inputs[i].dtype));
    if (!status)
        *handle = r;
    return status;
}

static void runner_close(void *handle)
{
    struct runner *r = handle;
    pthread_mutex_lock(&r->model->lock);
    r->next = r->model->idle;
    r->model->idle = r;
    pthread_mutex_unlock(&r->model->lock);
}

static void inputs(void *handle, fov_tensor *in)
{
    struct runner *r = handle;
    memcpy(in, r->io.inputs, (size_t)r->io.input_count * sizeof *in);
}

static fov_status run(void *handle, fov_tensor *out, fov_error *error)
{
    struct runner *r = handle;
    fov_status status = r->model->engine->instance_run(r->instance, &r->io, error);
    if (!status)
        memcpy(out, r->io.outputs, (size_t)r->io.output_count * sizeof *out);
    return status;
}

const fov_backend fov_backend_litert = {.abi = FOV_BACKEND_ABI,
                                        .name = "litert",
                                        .suffixes = ".tflite",
                                        .probe = probe,
                                        .load = load,
                                        .describe = describe,
                                        .runner_open = runner_open,
                                        .inputs = inputs,
                                        .run = run,
                                        .runner_close = runner_close,
                                        .unload = unload};
