/* ONNX Runtime: ONNX on any processor, and on what its providers reach (CUDA, TensorRT, Core ML,
 * OpenVINO). One load is for one device; trying another is the caller's business. */
#include <fovea/backend.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/cores.h"
#include "infer/onnxruntime_device.h"
#include "infer/onnxruntime_model.h"
#include "infer/tensor.h"

enum { RUNTIME_NICE = 5 };

struct runner {
    struct ort_model *model;
    ort_binding *binding;
    ort_run_options *options;
    fov_tensor inputs[FOV_MODEL_INPUTS], outputs[FOV_MODEL_OUTPUTS];
    ort_value *in[FOV_MODEL_INPUTS], *out[FOV_MODEL_OUTPUTS];
    bool any_fetched;
};

static void probe(const char *runtime_dir, fov_backend_probe *p)
{
    const struct onnxruntime *ort;
    fov_error error;
    *p = (fov_backend_probe){0};
    if (onnxruntime_open(runtime_dir, &ort, &error) != FOV_OK) {
        text_copy(p->reason, sizeof p->reason, error.message);
        return;
    }
    p->available = true;
    text_copy(p->version, sizeof p->version, ort->version);
    text_copy(p->library, sizeof p->library, ort->library);
    onnxruntime_list_devices(ort, p);
}

/* ---- making the session ---- */

/* Made from memory, and weights in other files are looked for where nothing is: a model opens no
 * path of its choice. (Releases before 1.24 do open absolute ones.) */
static fov_status make_session(struct ort_model *m, ort_options *options, ort_session **session,
                               fov_error *error)
{
    const struct onnxruntime *ort = m->ort;
    bool made = onnxruntime_done(ort->add_session_config_entry(
                    options, "session.model_external_initializers_file_folder_path",
                    ORT_NO_FOLDER)) &&
                onnxruntime_done(
                    ort->create_session_from_array(ort->env, m->bytes, m->size, options, session));
    return made ? FOV_OK : onnxruntime_fail(error, FOV_EMODEL, m->file);
}

/* A cheap session tells what the model takes: which dimensions are open, and their names. */
static fov_status look(struct ort_model *m, fov_error *error)
{
    const struct onnxruntime *ort = m->ort;
    int64_t start = clock_now_ns();
    ort_options *options = NULL;
    ort_session *session = NULL;
    fov_status status = FOV_EMODEL;
    bool set =
        onnxruntime_done(ort->create_session_options(&options)) &&
        onnxruntime_done(ort->set_session_graph_optimization_level(options, ORT_OPTIMISE_NONE)) &&
        onnxruntime_done(ort->set_intra_op_num_threads(options, 1)) &&
        onnxruntime_done(ort->add_session_config_entry(options, "session.disable_prepacking", "1"));
    status = set ? make_session(m, options, &session, error)
                 : onnxruntime_fail(error, FOV_ERUNTIME, "ONNX Runtime");
    if (!status)
        status = onnxruntime_describe(m, session, error);
    if (session)
        ort->release_session(session);
    if (options)
        ort->release_session_options(options);
    m->about.load_ms = ns_to_ms(clock_now_ns() - start);
    return status;
}

static void count_threads(struct ort_model *m)
{
    const fov_model_params *p = m->params;
    bool throughput = p->hint == FOV_HINT_THROUGHPUT;
    int cores = cores_available();
    m->about.max_runners = !throughput ? 1 : p->runners > 0 ? p->runners : cores;
    m->about.threads = p->threads > 0 ? p->threads : throughput ? 1 : cores;
}

static bool set_options(struct ort_model *m, ort_options *options)
{
    const struct onnxruntime *ort = m->ort;
    bool set = onnxruntime_done(
                   ort->set_session_graph_optimization_level(options, ORT_OPTIMISE_ALL)) &&
               onnxruntime_done(ort->set_intra_op_num_threads(options, m->about.threads)) &&
               onnxruntime_done(ort->set_inter_op_num_threads(options, 1)) &&
               /* waiting threads would burn the cores that decoding needs */
               onnxruntime_done(
                   ort->add_session_config_entry(options, "session.intra_op.allow_spinning", "0"));
    for (int i = 0; set && i < m->symbol_count; i++)
        set = onnxruntime_done(ort->add_free_dimension_override_by_name(options, m->symbols[i].name,
                                                                        m->symbols[i].size));
    return set;
}

static fov_status compile(struct ort_model *m, fov_error *error)
{
    int64_t start = clock_now_ns();
    ort_options *options = NULL;
    fov_status status = FOV_ERUNTIME;
    count_threads(m);
    bool set = onnxruntime_done(m->ort->create_session_options(&options)) &&
               set_options(m, options);
    status = set ? onnxruntime_use_device(m->ort, options, m->device, m->params, m->about.threads,
                                          m->about.precision, error)
                 : onnxruntime_fail(error, FOV_ERUNTIME, "ONNX Runtime");
    if (!status)
        status = make_session(m, options, &m->session, error);
    if (!status)
        status = onnxruntime_describe(m, m->session, error);
    if (options)
        m->ort->release_session_options(options);
    m->about.compile_ms = ns_to_ms(clock_now_ns() - start);
    return status;
}

/* ---- runners ---- */

static void drop_fetched(struct runner *r)
{
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        if (r->out[i] && r->model->fetched[i]) {
            r->model->ort->release_value(r->out[i]);
            r->out[i] = NULL;
        }
}

static void runner_close(void *handle)
{
    struct runner *r = handle;
    if (!r)
        return;
    const struct onnxruntime *ort = r->model->ort;
    drop_fetched(r);
    if (r->binding)
        ort->release_io_binding(r->binding);
    if (r->options)
        ort->release_run_options(r->options);
    for (int i = 0; i < FOV_MODEL_INPUTS; i++) {
        if (r->in[i])
            ort->release_value(r->in[i]);
        free(r->inputs[i].data);
    }
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        if (r->out[i]) {
            ort->release_value(r->out[i]);
            free(r->outputs[i].data);
        }
    free(r);
}

/* Our memory as a tensor of the library: nothing is copied. */
static bool make_tensor(struct runner *r, fov_tensor *t, ort_value **value)
{
    const struct onnxruntime *ort = r->model->ort;
    size_t size = fov_tensor_count(t) * fov_dtype_size(t->dtype);
    t->data = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (!t->data)
        return false;
    memset(t->data, 0, size);
    bool made = onnxruntime_done(ort->create_tensor_with_data(ort->memory, t->data, size, t->shape,
                                                              (size_t)t->rank,
                                                              onnxruntime_number(t->dtype), value));
    if (!made) {
        free(t->data);
        t->data = NULL;
    }
    return made;
}

static bool bind_to_device(struct runner *r, int i)
{
    const struct ort_model *m = r->model;
    return onnxruntime_done(
        m->ort->bind_output_to_device(r->binding, m->output_names[i], m->ort->memory));
}

/* In the order of the model, as the library gives outputs in the order of their binding. */
static bool bind_ports(struct runner *r)
{
    struct ort_model *m = r->model;
    bool bound = true;
    for (int i = 0; bound && i < m->about.input_count; i++) {
        r->inputs[i] = m->about.inputs[i];
        bound = make_tensor(r, &r->inputs[i], &r->in[i]) &&
                onnxruntime_done(m->ort->bind_input(r->binding, m->input_names[i], r->in[i]));
    }
    for (int i = 0; bound && i < m->about.output_count; i++) {
        r->outputs[i] = m->about.outputs[i];
        r->any_fetched |= m->fetched[i];
        bound = m->fetched[i] ? bind_to_device(r, i)
                              : make_tensor(r, &r->outputs[i], &r->out[i]) &&
                                    onnxruntime_done(m->ort->bind_output(
                                        r->binding, m->output_names[i], r->out[i]));
    }
    return bound;
}

static fov_status runner_open(void *model, void **handle, fov_error *error)
{
    struct ort_model *m = model;
    struct runner *r = calloc(1, sizeof *r);
    if (!r)
        return fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    r->model = m;
    bool made = onnxruntime_done(m->ort->create_io_binding(m->session, &r->binding)) &&
                onnxruntime_done(m->ort->create_run_options(&r->options)) && bind_ports(r);
    if (!made) {
        onnxruntime_fail(error, FOV_EINFER, "ONNX Runtime gives no runner");
        runner_close(r);
        return FOV_EINFER;
    }
    *handle = r;
    return FOV_OK;
}

static void inputs(void *handle, fov_tensor *in)
{
    struct runner *r = handle;
    memcpy(in, r->inputs, (size_t)r->model->about.input_count * sizeof *in);
}

/* What is bound to a device keeps the memory of the last run, whose size may not fit the next. */
static bool bind_fetched(struct runner *r)
{
    bool bound = true;
    drop_fetched(r);
    for (int i = 0; bound && i < r->model->about.output_count; i++)
        bound = !r->model->fetched[i] || bind_to_device(r, i);
    return bound;
}

static bool read_fetched(struct runner *r, int i)
{
    static uint64_t nothing; /* an output without elements */
    const struct onnxruntime *ort = r->model->ort;
    fov_tensor *t = &r->outputs[i];
    ort_shape *shape = NULL;
    int type = 0;
    t->data = NULL;
    bool read = onnxruntime_done(ort->get_tensor_type_and_shape(r->out[i], &shape)) &&
                onnxruntime_read_shape(ort, shape, t, &type, NULL) &&
                onnxruntime_done(ort->get_tensor_mutable_data(r->out[i], &t->data));
    if (shape)
        ort->release_tensor_type_and_shape_info(shape);
    if (read && !t->data && fov_tensor_count(t) == 0)
        t->data = &nothing;
    return read && t->data;
}

/* Takes over the outputs of the last run; binding them again before it has kept their places. */
static bool fetch(struct runner *r)
{
    struct ort_model *m = r->model;
    ort_value **values = NULL;
    size_t count = 0;
    if (!onnxruntime_done(
            m->ort->get_bound_output_values(r->binding, m->ort->allocator, &values, &count)))
        return false;
    bool read = count == (size_t)m->about.output_count;
    for (size_t i = 0; i < count; i++) {
        if (read && m->fetched[i])
            r->out[i] = values[i];
        else
            m->ort->release_value(values[i]);
    }
    if (values)
        onnxruntime_done(m->ort->allocator_free(m->ort->allocator, values));
    for (int i = 0; read && i < m->about.output_count; i++)
        read = !m->fetched[i] || read_fetched(r, i);
    return read;
}

static fov_status run(void *handle, fov_tensor *out, fov_error *error)
{
    struct runner *r = handle;
    const struct onnxruntime *ort = r->model->ort;
    onnxruntime_done(ort->run_options_unset_terminate(r->options)); /* by a cancel that came late */
    if (r->any_fetched && !bind_fetched(r))
        return onnxruntime_fail(error, FOV_EINFER, "ONNX Runtime");
    if (!onnxruntime_done(ort->run_with_binding(r->model->session, r->options, r->binding)))
        return onnxruntime_fail(error, FOV_EINFER, "ONNX Runtime");
    if (r->any_fetched && !fetch(r))
        return onnxruntime_fail(error, FOV_EINFER, "ONNX Runtime gives no outputs");
    memcpy(out, r->outputs, (size_t)r->model->about.output_count * sizeof *out);
    return FOV_OK;
}

static void cancel(void *handle)
{
    struct runner *r = handle;
    onnxruntime_done(r->model->ort->run_options_set_terminate(r->options));
}

/* ---- loading ---- */

/* Keeps the dimensions that came out; those that differ from what is known stay open. */
static void learn_shapes(struct ort_model *m, const fov_tensor *out, bool first)
{
    for (int i = 0; i < m->about.output_count; i++) {
        fov_tensor *t = &m->about.outputs[i];
        bool fixed = fov_tensor_count(t) > 0 && t->rank == out[i].rank &&
                     !memcmp(t->shape, out[i].shape, (size_t)t->rank * sizeof *t->shape);
        if (first && fixed)
            m->fetched[i] = false;
        for (int d = 0; d < out[i].rank && !fixed; d++)
            t->shape[d] = out[i].shape[d] > 0 &&
                                  (first || (d < t->rank && t->shape[d] == out[i].shape[d]))
                              ? out[i].shape[d]
                              : -1;
        t->rank = out[i].rank;
    }
}

/* Two runs: the runtime makes its threads here, and tells the shapes that it could not tell before.
 * Outputs of known shapes are written straight into our memory from then on. */
static fov_status run_first(struct ort_model *m, fov_error *error)
{
    fov_tensor out[FOV_MODEL_OUTPUTS];
    void *handle;
    bool static_outputs = true;
    for (int i = 0; i < m->about.output_count; i++)
        m->fetched[i] = true;
    fov_status status = runner_open(m, &handle, error);
    if (status)
        return status;
    struct runner *r = handle;
    status = run(r, out, error);
    bool fetched[FOV_MODEL_OUTPUTS];
    if (!status)
        learn_shapes(m, out, true);
    for (int i = 0; i < m->about.output_count; i++) {
        fetched[i] = m->fetched[i];
        static_outputs = static_outputs && !fetched[i];
        m->fetched[i] = true; /* as this runner was opened */
    }
    if (!status && !static_outputs) {
        for (int i = 0; i < m->about.input_count; i++)
            tensor_fill_noise(&r->inputs[i]);
        status = run(r, out, error);
        if (!status)
            learn_shapes(m, out, false);
    }
    runner_close(r);
    memcpy(m->fetched, fetched, sizeof fetched);
    return status;
}

/* On a thread of lower priority of its own: the runtime's workers inherit it, so that inference at
 * full load never keeps the event loop from its packets. */
static void *load_thread(void *arg)
{
    struct ort_model *m = arg;
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + RUNTIME_NICE);
    m->status = look(m, &m->error);
    if (!m->status)
        m->status = compile(m, &m->error);
    if (!m->status)
        m->status = run_first(m, &m->error);
    return NULL;
}

static fov_status map_file(struct ort_model *m, fov_error *error)
{
    const char *path = m->params->path, *slash = strrchr(path, '/');
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    m->file = slash ? slash + 1 : path;
    if (fd < 0)
        return fov_fail(error, FOV_ENOTFOUND, "%.180s: no such file, or not readable", path);
    void *bytes = MAP_FAILED;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return fov_fail(error, FOV_EMODEL, "%.180s is not a file with something in it", path);
    m->bytes = bytes;
    m->size = (size_t)st.st_size;
    return FOV_OK;
}

static void unload(void *model)
{
    struct ort_model *m = model;
    if (!m)
        return;
    if (m->session)
        m->ort->release_session(m->session);
    for (int i = 0; i < FOV_MODEL_INPUTS; i++)
        free(m->input_names[i]);
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        free(m->output_names[i]);
    if (m->bytes)
        munmap((void *)(uintptr_t)m->bytes, m->size);
    free(m);
}

static fov_status load_on_thread(struct ort_model *m, fov_error *error)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, load_thread, m) != 0)
        return fov_fail(error, FOV_ENOMEM, "no thread to load on");
    pthread_join(thread, NULL);
    return m->status ? fov_fail(error, m->status, "%s", m->error.message) : FOV_OK;
}

static fov_status load(const fov_model_params *params, void **model, fov_error *error)
{
    struct ort_model *m = calloc(1, sizeof *m);
    if (!m)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    m->params = params;
    m->device = params->device ? params->device : "CPU";
    fov_status status = onnxruntime_open(params->runtime_dir, &m->ort, error);
    if (!status)
        status = map_file(m, error);
    if (!status)
        status = load_on_thread(m, error);
    if (status) {
        unload(m);
        return status;
    }
    fov_backend_model *about = &m->about;
    text_copy(about->version, sizeof about->version, m->ort->version);
    text_copy(about->device, sizeof about->device, m->device);
    onnxruntime_name_device(m->device, about->device_name, sizeof about->device_name);
    munmap((void *)(uintptr_t)m->bytes, m->size);
    m->bytes = NULL;
    m->params = NULL;
    m->device = m->file = NULL;
    *model = m;
    return FOV_OK;
}

static void describe(void *model, fov_backend_model *description)
{
    *description = ((struct ort_model *)model)->about;
}

const fov_backend fov_backend_onnxruntime = {.abi = FOV_BACKEND_ABI,
                                             .name = "onnxruntime",
                                             .suffixes = ".onnx",
                                             .probe = probe,
                                             .load = load,
                                             .describe = describe,
                                             .runner_open = runner_open,
                                             .inputs = inputs,
                                             .run = run,
                                             .cancel = cancel,
                                             .runner_close = runner_close,
                                             .unload = unload};
