/* OpenVINO: CPU, GPU and NPU of Intel, and CPUs of others. Reads IR, ONNX and TFLite. */
#include <fovea/backend.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/cores.h"
#include "infer/openvino_api.h"
#include "infer/tensor.h"

enum { PROPERTIES = 8, RUNTIME_NICE = 5 };

struct loaded {
    const struct openvino *ov;
    ov_model *model;
    ov_compiled *compiled;
    fov_backend_model about;
    bool ranked_inputs, dynamic_outputs;
    /* what the loading thread needs and gives back */
    const fov_model_params *params;
    const char *device;
    fov_status status;
    fov_error error;
};

struct runner {
    struct loaded *model;
    ov_request *request;
    fov_tensor inputs[FOV_MODEL_INPUTS], outputs[FOV_MODEL_OUTPUTS];
    ov_tensor *in[FOV_MODEL_INPUTS], *out[FOV_MODEL_OUTPUTS];
};

/* Ends a failing function with the library's own reason behind ours. */
static fov_status fail_with_reason(fov_error *error, fov_status status, const char *what)
{
    char reason[200];
    openvino_reason(reason, sizeof reason);
    return fov_fail(error, status, "%s: %s", what, reason);
}

static void text_of_property(const struct openvino *ov, const char *device, const char *key,
                             char *text, size_t size)
{
    char *value = NULL;
    text_copy(text, size, "");
    if (ov->core_get_property(ov->core, device, key, &value) == 0 && value) {
        text_copy(text, size, value);
        ov->free(value);
    }
}

static void probe(const char *runtime_dir, fov_backend_probe *p)
{
    const struct openvino *ov;
    fov_error error;
    *p = (fov_backend_probe){0};
    if (openvino_open(runtime_dir, &ov, &error) != FOV_OK) {
        text_copy(p->reason, sizeof p->reason, error.message);
        return;
    }
    p->available = true;
    text_copy(p->version, sizeof p->version, ov->version);
    text_copy(p->library, sizeof p->library, ov->library);
    struct ov_devices devices = {0};
    if (ov->core_get_available_devices(ov->core, &devices) != 0)
        return;
    for (size_t i = 0; i < devices.count && p->device_count < 8; i++) {
        int n = p->device_count++;
        text_copy(p->devices[n], sizeof p->devices[n], devices.names[i]);
        text_of_property(ov, devices.names[i], "FULL_DEVICE_NAME", p->device_names[n],
                         sizeof p->device_names[n]);
    }
    ov->available_devices_free(&devices);
}

static bool is_dynamic(const struct ov_dimension *d)
{
    return d->least != d->most;
}

/* Name, type and shape of one input or output; false unless it has a rank that we can take. */
static bool describe_port(const struct openvino *ov, ov_port *port, fov_tensor *t)
{
    struct ov_partial_shape shape = {0};
    char *name = NULL;
    int type = -1;
    *t = (fov_tensor){0};
    if (ov->port_get_any_name(port, &name) == 0 && name) {
        text_copy(t->name, sizeof t->name, name);
        ov->free(name);
    }
    bool known = ov->port_get_element_type(port, &type) == 0 &&
                 ov->port_get_partial_shape(port, &shape) == 0;
    t->dtype = openvino_dtype(type);
    bool ranked = known && !is_dynamic(&shape.rank) && shape.rank.most <= FOV_TENSOR_RANK;
    for (int64_t i = 0; ranked && i < shape.rank.most; i++)
        t->shape[t->rank++] = is_dynamic(&shape.dims[i]) ? -1 : shape.dims[i].most;
    if (known)
        ov->partial_shape_free(&shape);
    return ranked;
}

/* Describes all inputs or all outputs; false when there are too many. `ranked`: each has a known
 * number of dimensions. */
static bool describe_ports(const struct openvino *ov, const ov_model *model, bool outputs,
                           fov_tensor *tensors, int room, int *count, bool *ranked)
{
    size_t size = 0;
    int failed = outputs ? ov->model_outputs_size(model, &size)
                         : ov->model_inputs_size(model, &size);
    if (failed || size > (size_t)room)
        return false;
    *count = (int)size;
    *ranked = true;
    for (size_t i = 0; i < size; i++) {
        ov_port *port = NULL;
        failed = outputs ? ov->model_const_output_by_index(model, i, &port)
                         : ov->model_const_input_by_index(model, i, &port);
        if (failed)
            return false;
        *ranked = describe_port(ov, port, &tensors[i]) && *ranked;
        ov->output_const_port_free(port);
    }
    return true;
}

/* The whole first name of an output, free with ov->free; NULL when it has none. */
static char *full_name(const struct openvino *ov, ov_port *port)
{
    char *name = NULL;
    return ov->port_get_any_name(port, &name) == 0 ? name : NULL;
}

static bool is_output(struct loaded *m, int i, const char *name)
{
    ov_port *port = NULL;
    if (m->ov->model_const_output_by_index(m->model, (size_t)i, &port) != 0)
        return false;
    char *own = full_name(m->ov, port);
    bool same = own && !strcmp(own, name);
    if (own)
        m->ov->free(own);
    m->ov->output_const_port_free(port);
    return same;
}

/* A tensor of a TensorFlow graph has several names, and the first one says little: those of
 * TensorFlow's detectors are what heads know. */
static void name_outputs(struct loaded *m)
{
    static const char *const names[] = {"detection_boxes", "detection_classes", "detection_scores",
                                        "num_detections", "detection_masks"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        char asked[64];
        ov_port *port = NULL;
        snprintf(asked, sizeof asked, "%s:0", names[n]);
        if (m->ov->model_const_output_by_name(m->model, asked, &port) != 0)
            continue;
        char *name = full_name(m->ov, port);
        for (int i = 0; name && i < m->about.output_count; i++)
            if (is_output(m, i, name))
                text_copy(m->about.outputs[i].name, sizeof m->about.outputs[i].name, names[n]);
        if (name)
            m->ov->free(name);
        m->ov->output_const_port_free(port);
    }
}

static bool is_graph(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && !strcasecmp(dot, ".pb");
}

/* A picture: four dimensions, three channels or one where channels stand, or all open. */
static bool is_picture(const fov_tensor *t)
{
    return t->rank == 4 && (t->shape[1] < 0 || t->shape[1] == 3 || t->shape[1] == 1 ||
                            t->shape[3] == 3 || t->shape[3] == 1);
}

/* Open dimensions of a picture become 3 channels and the size and batch that were asked for; of
 * other inputs the batch alone can be known. A batch of 1 that the file fixes is changed as well.
 */
static void close_dimensions(const fov_tensor *t, const fov_model_params *p, int64_t *dims)
{
    int64_t width = p->input_width > 0 ? p->input_width : 640;
    int64_t height = p->input_height > 0 ? p->input_height : width;
    bool packed = (t->shape[3] == 3 || t->shape[3] == 1) && t->shape[1] != 3 && t->shape[1] != 1;
    int64_t batch = p->batch > 1 ? p->batch : 1;
    const int64_t planar_dims[4] = {batch, 3, height, width};
    const int64_t packed_dims[4] = {batch, height, width, 3};
    for (int d = 0; d < t->rank; d++) {
        int64_t wanted = !is_picture(t) ? (d == 0 ? batch : -1)
                         : packed       ? packed_dims[d]
                                        : planar_dims[d];
        dims[d] = t->shape[d] >= 0 ? t->shape[d] : wanted;
    }
    if (batch > 1 && t->rank > 0 && t->shape[0] == 1)
        dims[0] = batch;
}

/* Fixes the open dimensions of all inputs at once: some graphs are sound only so. */
static bool make_static(struct loaded *m)
{
    struct ov_partial_shape shapes[FOV_MODEL_INPUTS];
    size_t ports[FOV_MODEL_INPUTS], made = 0;
    bool open = false, valid = true;
    memset(shapes, 0, sizeof shapes);
    for (int i = 0; i < m->about.input_count; i++) {
        open |= tensor_is_open(&m->about.inputs[i]) || m->params->batch > 1;
        m->about.open_size |= tensor_has_open_size(&m->about.inputs[i]);
    }
    for (int i = 0; open && valid && i < m->about.input_count; i++) {
        const fov_tensor *in = &m->about.inputs[i];
        int64_t dims[FOV_TENSOR_RANK];
        close_dimensions(in, m->params, dims);
        for (int d = 0; d < in->rank; d++)
            valid = valid && dims[d] >= 0;
        ports[made] = (size_t)i;
        valid = valid && m->ov->partial_shape_create_static(in->rank, dims, &shapes[made]) == 0;
        made += valid;
    }
    bool reshaped = !open || !valid || /* an input that stays open is named later */
                    m->ov->model_reshape_by_port_indexes(m->model, ports, shapes, made) == 0;
    for (size_t i = 0; i < made; i++)
        m->ov->partial_shape_free(&shapes[i]);
    return reshaped;
}

static bool describe_model(struct loaded *m)
{
    fov_backend_model *about = &m->about;
    bool ranked = false;
    bool described = describe_ports(m->ov, m->model, false, about->inputs, FOV_MODEL_INPUTS,
                                    &about->input_count, &m->ranked_inputs) &&
                     describe_ports(m->ov, m->model, true, about->outputs, FOV_MODEL_OUTPUTS,
                                    &about->output_count, &ranked);
    m->dynamic_outputs = !ranked;
    return described;
}

static fov_status refuse_size(const fov_model_params *p, fov_error *error)
{
    char what[120];
    int width = p->input_width > 0 ? p->input_width : 640;
    snprintf(what, sizeof what,
             "an input of %dx%d px does not fit this model; most want multiples of 32 (--imgsz)",
             width, p->input_height > 0 ? p->input_height : width);
    return fail_with_reason(error, FOV_EMODEL, what);
}

static fov_status read_model(struct loaded *m, fov_error *error)
{
    int64_t start = clock_now_ns();
    const char *path = m->params->path;
    if (m->ov->core_read_model(m->ov->core, path, NULL, &m->model) != 0)
        return fail_with_reason(error, FOV_EMODEL, path);
    if (!describe_model(m))
        return fov_fail(error, FOV_EUNSUPPORTED, "%s: more than %d inputs or %d outputs", path,
                        FOV_MODEL_INPUTS, FOV_MODEL_OUTPUTS);
    if (!make_static(m) || !describe_model(m))
        return refuse_size(m->params, error);
    if (is_graph(path))
        name_outputs(m);
    for (int i = 0; i < m->about.output_count; i++)
        m->dynamic_outputs |= !fov_tensor_count(&m->about.outputs[i]);
    for (int i = 0; i < m->about.input_count; i++)
        if (!fov_tensor_count(&m->about.inputs[i]) ||
            (!m->ranked_inputs && !m->about.inputs[i].rank))
            return fov_fail(error, FOV_EUNSUPPORTED, "%s: input %s has no fixed size", path,
                            m->about.inputs[i].name);
    m->about.batch = m->about.inputs[0].rank == 4 ? (int)m->about.inputs[0].shape[0] : 1;
    m->about.load_ms = ns_to_ms(clock_now_ns() - start);
    return FOV_OK;
}

struct settings {
    struct ov_property list[PROPERTIES];
    size_t count;
    char threads[16], streams[16];
};

static void set(struct settings *s, const char *key, const char *value)
{
    s->list[s->count++] = (struct ov_property){key, value};
}

static void make_settings(struct settings *s, struct loaded *m)
{
    const fov_model_params *p = m->params;
    static const char *const precisions[] = {
        [FOV_PRECISION_F32] = "f32", [FOV_PRECISION_F16] = "f16", [FOV_PRECISION_INT8] = NULL};
    bool throughput = p->hint == FOV_HINT_THROUGHPUT;
    int cores = cores_available();
    m->about.max_runners = !throughput ? 1 : p->runners > 0 ? p->runners : cores;
    m->about.threads = p->threads > 0 ? p->threads : throughput ? 1 : cores;
    snprintf(s->threads, sizeof s->threads, "%d",
             throughput ? m->about.threads * m->about.max_runners : m->about.threads);
    snprintf(s->streams, sizeof s->streams, "%d", m->about.max_runners);
    set(s, "PERFORMANCE_HINT", throughput ? "THROUGHPUT" : "LATENCY");
    if (!strcmp(m->device, "CPU")) {
        set(s, "INFERENCE_NUM_THREADS", s->threads);
        set(s, "NUM_STREAMS", s->streams);
        /* Unless asked for: decoding needs the same cores. */
        set(s, "ENABLE_CPU_PINNING", p->bind_threads ? "YES" : "NO");
    }
    if (p->precision != FOV_PRECISION_AUTO && precisions[p->precision])
        set(s, "INFERENCE_PRECISION_HINT", precisions[p->precision]);
    if (p->cache_dir)
        set(s, "CACHE_DIR", p->cache_dir);
}

/* The variadic form counts every string; absent ones at the end are never read. */
static int compile_variadic(struct loaded *m, const struct settings *s)
{
    const struct ov_property *l = s->list;
    return m->ov->core_compile_model(
        m->ov->core, m->model, m->device, 2 * s->count, &m->compiled, l[0].key, l[0].value,
        l[1].key, l[1].value, l[2].key, l[2].value, l[3].key, l[3].value, l[4].key, l[4].value,
        l[5].key, l[5].value, l[6].key, l[6].value, l[7].key, l[7].value);
}

static fov_status compile_model(struct loaded *m, fov_error *error)
{
    int64_t start = clock_now_ns();
    struct settings s = {.count = 0};
    make_settings(&s, m);
    int failed = m->ov->core_compile_model_props
                     ? m->ov->core_compile_model_props(m->ov->core, m->model, m->device, s.count,
                                                       s.list, &m->compiled)
                     : compile_variadic(m, &s);
    if (failed)
        return fail_with_reason(error, FOV_EMODEL, m->device);
    m->about.compile_ms = ns_to_ms(clock_now_ns() - start);
    return FOV_OK;
}

static void describe_compiled(struct loaded *m)
{
    fov_backend_model *about = &m->about;
    text_copy(about->version, sizeof about->version, m->ov->version);
    text_copy(about->device, sizeof about->device, m->device);
    text_of_property(m->ov, m->device, "FULL_DEVICE_NAME", about->device_name,
                     sizeof about->device_name);
    char *value = NULL;
    text_copy(about->precision, sizeof about->precision, "?");
    if (m->ov->compiled_model_get_property(m->compiled, "INFERENCE_PRECISION_HINT", &value) == 0 &&
        value) {
        text_copy(about->precision, sizeof about->precision, value);
        m->ov->free(value);
    }
}

static void runner_close(void *handle)
{
    struct runner *r = handle;
    const struct openvino *ov = r->model->ov;
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        if (r->out[i])
            ov->tensor_free(r->out[i]);
    if (r->request)
        ov->infer_request_free(r->request);
    for (int i = 0; i < FOV_MODEL_INPUTS; i++) {
        if (r->in[i])
            ov->tensor_free(r->in[i]);
        free(r->inputs[i].data);
    }
    free(r);
}

/* Our memory as the request's input: nothing is copied. */
static bool bind_input(struct runner *r, int i)
{
    const struct openvino *ov = r->model->ov;
    fov_tensor *t = &r->inputs[i];
    *t = r->model->about.inputs[i];
    size_t size = fov_tensor_count(t) * fov_dtype_size(t->dtype);
    t->data = size ? aligned_alloc(64, (size + 63) & ~(size_t)63) : NULL;
    struct ov_shape shape = {0};
    if (!t->data || ov->shape_create(t->rank, t->shape, &shape) != 0)
        return false;
    memset(t->data, 0, size);
    bool bound = ov->tensor_create_from_host_ptr(openvino_number(t->dtype), shape, t->data,
                                                 &r->in[i]) == 0 &&
                 ov->infer_request_set_input_tensor_by_index(r->request, (size_t)i, r->in[i]) == 0;
    ov->shape_free(&shape);
    return bound;
}

/* The shape that an output turned out to have. */
static bool read_shape(const struct openvino *ov, const ov_tensor *tensor, fov_tensor *t)
{
    struct ov_shape shape = {0};
    if (ov->tensor_get_shape(tensor, &shape) != 0)
        return false;
    bool fits = shape.rank >= 0 && shape.rank <= FOV_TENSOR_RANK;
    t->rank = fits ? (int)shape.rank : 0;
    for (int d = 0; d < t->rank; d++)
        t->shape[d] = shape.dims[d];
    ov->shape_free(&shape);
    return fits;
}

static bool fetch_output(struct runner *r, int i)
{
    const struct openvino *ov = r->model->ov;
    if (r->out[i])
        ov->tensor_free(r->out[i]);
    r->out[i] = NULL;
    r->outputs[i] = r->model->about.outputs[i];
    if (ov->infer_request_get_output_tensor_by_index(r->request, (size_t)i, &r->out[i]) != 0)
        return false;
    if (r->model->dynamic_outputs && !read_shape(ov, r->out[i], &r->outputs[i]))
        return false;
    return ov->tensor_data(r->out[i], &r->outputs[i].data) == 0;
}

static fov_status runner_open(void *model, void **handle, fov_error *error)
{
    struct loaded *m = model;
    struct runner *r = calloc(1, sizeof *r);
    if (!r)
        return fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    r->model = m;
    bool made = m->ov->compiled_model_create_infer_request(m->compiled, &r->request) == 0;
    for (int i = 0; made && i < m->about.input_count; i++)
        made = bind_input(r, i);
    for (int i = 0; made && !m->dynamic_outputs && i < m->about.output_count; i++)
        made = fetch_output(r, i);
    if (!made) {
        fail_with_reason(error, FOV_EINFER, "OpenVINO gives no request");
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

static fov_status run(void *handle, fov_tensor *out, fov_error *error)
{
    struct runner *r = handle;
    const struct openvino *ov = r->model->ov;
    if (ov->infer_request_infer(r->request) != 0)
        return fail_with_reason(error, FOV_EINFER, "OpenVINO");
    for (int i = 0; r->model->dynamic_outputs && i < r->model->about.output_count; i++)
        if (!fetch_output(r, i))
            return fov_fail(error, FOV_EINFER, "OpenVINO: no output %d of up to 8 dimensions", i);
    memcpy(out, r->outputs, (size_t)r->model->about.output_count * sizeof *out);
    return FOV_OK;
}

static void cancel(void *handle)
{
    struct runner *r = handle;
    r->model->ov->infer_request_cancel(r->request);
}

/* The graph as it was read: of no use once it is compiled, and 15 MB for the default model. */
static void forget_graph(struct loaded *m)
{
    if (m->model)
        m->ov->model_free(m->model);
    m->model = NULL;
}

static void unload(void *model)
{
    struct loaded *m = model;
    if (m->compiled)
        m->ov->compiled_model_free(m->compiled);
    forget_graph(m);
    free(m);
}

/* One run, so that the runtime makes its threads here. */
static fov_status run_once(struct loaded *m, fov_error *error)
{
    void *handle;
    fov_tensor out[FOV_MODEL_OUTPUTS];
    fov_status status = runner_open(m, &handle, error);
    if (status)
        return status;
    status = run(handle, out, error);
    runner_close(handle);
    return status;
}

/* Compiling happens on a thread of lower priority of its own: the runtime's workers inherit it, so
 * that inference at full load never keeps the event loop from its packets. */
static void *load_thread(void *arg)
{
    struct loaded *m = arg;
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + RUNTIME_NICE);
    m->status = compile_model(m, &m->error);
    if (!m->status)
        m->status = run_once(m, &m->error);
    return NULL;
}

static fov_status compile_on(struct loaded *m, const char *device)
{
    pthread_t thread;
    m->device = device;
    if (pthread_create(&thread, NULL, load_thread, m) != 0)
        return fov_fail(&m->error, FOV_ENOMEM, "no thread to compile on");
    pthread_join(thread, NULL);
    if (m->status && m->compiled) {
        m->ov->compiled_model_free(m->compiled);
        m->compiled = NULL;
    }
    return m->status;
}

static const char *known_device(const char *device, const fov_backend_probe *p)
{
    for (int i = 0; i < p->device_count; i++)
        if (!strncasecmp(p->devices[i], device, strlen(device)))
            return p->devices[i];
    return NULL;
}

static fov_status compile_there(struct loaded *m, const fov_backend_probe *p, fov_error *error)
{
    const char *wanted = m->params->device ? m->params->device : "CPU";
    const char *found = known_device(wanted, p);
    if (!found)
        return fov_fail(error, FOV_EUNSUPPORTED, "OpenVINO has no device %.20s here; it has %s%s%s",
                        wanted, p->device_count > 0 ? p->devices[0] : "none",
                        p->device_count > 1 ? ", " : "", p->device_count > 1 ? p->devices[1] : "");
    fov_status status = compile_on(m, found);
    return status ? fov_fail(error, status, "%s", m->error.message) : FOV_OK;
}

static fov_status load(const fov_model_params *params, void **model, fov_error *error)
{
    fov_backend_probe *p = malloc(sizeof *p);
    struct loaded *m = calloc(1, sizeof *m);
    fov_status status = FOV_ENOMEM;
    if (!p || !m) {
        fov_fail(error, status, "no memory for a model");
        goto fail;
    }
    m->params = params;
    status = openvino_open(params->runtime_dir, &m->ov, error);
    if (status)
        goto fail;
    probe(params->runtime_dir, p);
    status = read_model(m, error);
    if (!status)
        status = compile_there(m, p, error);
    if (status)
        goto fail;
    describe_compiled(m);
    forget_graph(m);
    m->params = NULL;
    m->device = NULL;
    free(p);
    *model = m;
    return FOV_OK;
fail:
    free(p);
    if (m)
        unload(m);
    return status;
}

static void describe(void *model, fov_backend_model *description)
{
    *description = ((struct loaded *)model)->about;
}

const fov_backend fov_backend_openvino = {.abi = FOV_BACKEND_ABI,
                                          .name = "openvino",
                                          .suffixes = ".xml .onnx .tflite .pb .pdmodel",
                                          .probe = probe,
                                          .load = load,
                                          .describe = describe,
                                          .runner_open = runner_open,
                                          .inputs = inputs,
                                          .run = run,
                                          .cancel = cancel,
                                          .runner_close = runner_close,
                                          .unload = unload};
