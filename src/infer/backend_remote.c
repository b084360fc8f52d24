/* A model on another machine, behind the Open Inference Protocol: Triton, OpenVINO Model Server and
 * others that speak KServe v2 over HTTP with binary tensors. */
#include <fovea/backend.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/cores.h"
#include "infer/oip.h"
#include "infer/oip_http.h"
#include "infer/tensor.h"

enum { WAIT_S = 5, ALIGN = OIP_ALIGN };

struct remote {
    struct oip_address address;
    char place[300]; /* "host:port", for messages */
    char url[OIP_URL];
    fov_backend_model about;
    struct metadata meta;
    struct json_writer request;
};

struct runner {
    const struct remote *model;
    struct oip_http *http;
    char *body; /* JSON of the request and, behind it, the inputs */
    size_t size;
    fov_tensor inputs[FOV_MODEL_INPUTS];
    size_t at[FOV_MODEL_INPUTS];  /* of each in the body */
    bool apart[FOV_MODEL_INPUTS]; /* has its own memory, as it would not be aligned there */
    struct oip_reply reply;
    void *moved[FOV_MODEL_OUTPUTS]; /* outputs that came unaligned */
    size_t moved_room[FOV_MODEL_OUTPUTS];
    size_t most; /* bytes of a reply */
    int64_t deadline_ns;
};

static void probe(const char *runtime_dir, fov_backend_probe *p)
{
    (void)runtime_dir;
    fov_error error;
    *p = (fov_backend_probe){0};
    if (oip_http_probe(p->version, p->library, &error) != FOV_OK) {
        text_copy(p->reason, sizeof p->reason, error.message);
        return;
    }
    p->available = true;
    p->device_count = 1;
    text_copy(p->devices[0], sizeof p->devices[0], "SERVER");
    text_copy(p->device_names[0], sizeof p->device_names[0], "a server of the network");
}

static size_t bytes_of(const fov_tensor *t)
{
    return fov_tensor_count(t) * fov_dtype_size(t->dtype);
}

/* A refusal of the server, in its own words. */
static fov_status fail_as_told(const struct remote *m, const struct oip_answer *a,
                               fov_status status, fov_error *error)
{
    char sentence[160];
    oip_read_error(a->body, a->json_size, sentence, sizeof sentence);
    const char *told = sentence[0]                       ? sentence
                       : a->code >= 300 && a->code < 400 ? "redirects are not followed"
                                                         : "without a reason";
    return fov_fail(error, status, "%.64s answers %ld: %s", m->place, a->code, told);
}

static fov_status fail_at(const struct remote *m, fov_status status, fov_error *error)
{
    fov_error reason = error ? *error : (fov_error){.message = ""};
    return fov_fail(error, status, "%.64s: %.170s", m->place, reason.message);
}

/* ---- the runner ---- */

static void runner_close(void *handle)
{
    struct runner *r = handle;
    oip_http_close(&r->http);
    for (int i = 0; i < FOV_MODEL_INPUTS; i++)
        if (r->apart[i])
            free(r->inputs[i].data);
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        free(r->moved[i]);
    oip_reply_release(&r->reply);
    free(r->body);
    free(r);
}

static void *make_aligned(size_t size)
{
    size_t room = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    void *memory = aligned_alloc(ALIGN, room ? room : ALIGN);
    if (memory)
        memset(memory, 0, room);
    return memory;
}

/* The JSON's length is a multiple of ALIGN: the first input, the picture, is written where it is
 * sent from. Others usually are small and are copied there. */
static bool make_body(struct runner *r)
{
    const struct remote *m = r->model;
    r->size = m->request.size;
    for (int i = 0; i < m->about.input_count; i++) {
        r->at[i] = r->size;
        r->size += bytes_of(&m->about.inputs[i]);
    }
    r->body = make_aligned(r->size);
    if (!r->body)
        return false;
    memcpy(r->body, m->request.text, m->request.size);
    bool made = true;
    for (int i = 0; i < m->about.input_count; i++) {
        r->inputs[i] = m->about.inputs[i];
        r->apart[i] = r->at[i] % ALIGN != 0;
        r->inputs[i].data = r->apart[i] ? make_aligned(bytes_of(&r->inputs[i]))
                                        : r->body + r->at[i];
        made = made && r->inputs[i].data;
    }
    return made;
}

/* What a reply may have at most: JSON and the described outputs, or all that is read of open ones.
 */
static size_t most_of(const fov_backend_model *about)
{
    size_t outputs = 0;
    bool open = false;
    for (int i = 0; i < about->output_count; i++) {
        size_t size = bytes_of(&about->outputs[i]);
        outputs += size;
        open = open || !size;
    }
    return OIP_JSON_MAX + (open ? (size_t)OIP_TENSOR_MAX : outputs);
}

static fov_status runner_open(void *model, void **handle, fov_error *error)
{
    struct runner *r = calloc(1, sizeof *r);
    if (!r)
        return fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    r->model = model;
    r->most = most_of(&r->model->about);
    fov_status status = make_body(r) ? oip_http_open(&r->http, error)
                                     : fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    if (status) {
        runner_close(r);
        return status;
    }
    *handle = r;
    return FOV_OK;
}

static void inputs(void *handle, fov_tensor *in)
{
    struct runner *r = handle;
    memcpy(in, r->inputs, (size_t)r->model->about.input_count * sizeof *in);
}

static void limit(void *handle, int64_t deadline_ns)
{
    ((struct runner *)handle)->deadline_ns = deadline_ns;
}

static void cancel(void *handle)
{
    oip_http_cancel(((struct runner *)handle)->http);
}

static fov_status exchange(struct runner *r, struct oip_answer *answer, fov_error *error)
{
    const struct remote *m = r->model;
    int64_t deadline_ns = r->deadline_ns ? r->deadline_ns : clock_now_ns() + WAIT_S * NS_PER_S;
    r->deadline_ns = 0;
    if (clock_now_ns() >= deadline_ns)
        return fov_fail(error, FOV_ETIMEOUT, "%.64s: too late to ask", m->place);
    for (int i = 1; i < m->about.input_count; i++)
        if (r->apart[i])
            memcpy(r->body + r->at[i], r->inputs[i].data, bytes_of(&r->inputs[i]));
    const struct oip_exchange x = {.url = m->url,
                                   .body = r->body,
                                   .size = r->size,
                                   .json_size = m->request.size,
                                   .most = r->most,
                                   .deadline_ns = deadline_ns};
    fov_error reason = {.message = ""};
    fov_status status = oip_http_run(r->http, &x, answer, &reason);
    if (status)
        return fov_fail(error, status == FOV_ETIMEOUT ? status : FOV_EINFER, "%.64s: %.170s",
                        m->place, reason.message);
    return answer->code == 200 ? FOV_OK : fail_as_told(m, answer, FOV_EINFER, error);
}

/* Where output i lies in the reply; behind one of odd size it is moved to where it may be read. */
static void *place_output(struct runner *r, int i, const char *binary)
{
    const fov_tensor *t = &r->reply.outputs[i];
    size_t element = fov_dtype_size(t->dtype), size = bytes_of(t);
    const char *from = binary + r->reply.offset[i];
    if (r->reply.offset[i] % element == 0)
        return (void *)(uintptr_t)from;
    if (size > r->moved_room[i]) {
        free(r->moved[i]);
        r->moved[i] = make_aligned(size);
        r->moved_room[i] = r->moved[i] ? size : 0;
    }
    if (r->moved[i] && size)
        memcpy(r->moved[i], from, size);
    return r->moved[i] ? r->moved[i] : size ? NULL : (void *)(uintptr_t)from;
}

static fov_status run(void *handle, fov_tensor *out, fov_error *error)
{
    struct runner *r = handle;
    const struct remote *m = r->model;
    struct oip_answer a;
    fov_status status = exchange(r, &a, error);
    if (status)
        return status;
    fov_error reason = {.message = ""};
    status = oip_read_reply(&r->reply, &m->about, a.body, a.json_size, a.size - a.json_size,
                            &reason);
    if (status)
        return fov_fail(error, status, "%.64s: %.170s", m->place, reason.message);
    for (int i = 0; i < m->about.output_count; i++) {
        out[i] = r->reply.outputs[i];
        out[i].data = place_output(r, i, a.body + a.json_size);
        if (!out[i].data)
            return fov_fail(error, FOV_ENOMEM, "no memory for output %s", out[i].name);
    }
    return FOV_OK;
}

/* ---- the model ---- */

static void unload(void *model)
{
    struct remote *m = model;
    metadata_release(&m->meta);
    json_release(&m->request);
    free(m);
}

static fov_status get(struct oip_http *http, const struct remote *m, const char *what,
                      struct oip_answer *answer, fov_error *error)
{
    char url[OIP_URL];
    oip_url(&m->address, what, url);
    const struct oip_exchange x = {
        .url = url, .most = OIP_JSON_MAX, .deadline_ns = clock_now_ns() + WAIT_S * NS_PER_S};
    fov_status status = oip_http_run(http, &x, answer, error);
    return status ? fail_at(m, status, error) : FOV_OK;
}

/* The server's name, the model's description and, where the server has it, its configuration. */
static fov_status ask(struct remote *m, const fov_model_params *params, struct oip_http *http,
                      fov_error *error)
{
    struct oip_answer a;
    fov_status status = get(http, m, NULL, &a, error);
    if (status)
        return status;
    if (a.code == 200)
        oip_read_server(a.body, a.json_size, m->about.version, sizeof m->about.version);
    status = get(http, m, "", &a, error);
    if (status)
        return status;
    if (a.code != 200)
        return fail_as_told(m, &a, a.code == 404 ? FOV_ENOTFOUND : FOV_EMODEL, error);
    status = oip_read_description(a.body, a.json_size, params, &m->about, error);
    if (status)
        return fail_at(m, status, error);
    oip_read_metadata(a.body, a.json_size, &m->meta);
    if (get(http, m, "/config", &a, NULL) == FOV_OK && a.code == 200)
        oip_read_metadata(a.body, a.json_size, &m->meta);
    return FOV_OK;
}

static bool has_open_outputs(const fov_backend_model *about)
{
    for (int i = 0; i < about->output_count; i++)
        if (tensor_is_open(&about->outputs[i]))
            return true;
    return false;
}

/* Dimensions that two runs on different pictures agree on are the model's; others stay open. */
static void settle_outputs(struct remote *m, const fov_tensor *first, const fov_tensor *second)
{
    for (int i = 0; i < m->about.output_count; i++)
        for (int d = 0; d < m->about.outputs[i].rank; d++)
            if (first[i].shape[d] == second[i].shape[d] && first[i].shape[d] > 0)
                m->about.outputs[i].shape[d] = first[i].shape[d];
}

/* A first run, so that a server that cannot run the model says so now. */
static fov_status try_out(struct remote *m, fov_error *error)
{
    fov_tensor first[FOV_MODEL_OUTPUTS], second[FOV_MODEL_OUTPUTS];
    void *handle;
    fov_status status = runner_open(m, &handle, error);
    if (status)
        return status;
    status = run(handle, first, error);
    if (!status && has_open_outputs(&m->about)) {
        for (int i = 0; i < m->about.input_count; i++)
            tensor_fill_noise(&((struct runner *)handle)->inputs[i]);
        status = run(handle, second, error);
        if (!status)
            settle_outputs(m, first, second);
    }
    runner_close(handle);
    return status;
}

static void describe_place(struct remote *m, const fov_model_params *params)
{
    fov_backend_model *about = &m->about;
    int cores = cores_available();
    text_copy(about->device, sizeof about->device, "SERVER");
    text_copy(about->device_name, sizeof about->device_name, m->place);
    text_copy(about->precision, sizeof about->precision, "as served");
    about->threads = 1;
    about->max_runners = params->hint != FOV_HINT_THROUGHPUT ? 1
                         : params->runners > 0               ? params->runners
                                                             : cores;
}

static fov_status load(const fov_model_params *params, void **model, fov_error *error)
{
    struct oip_http *http = NULL;
    int64_t start = clock_now_ns();
    struct remote *m = calloc(1, sizeof *m);
    if (!m)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    fov_status status = oip_read_address(params->path, &m->address, error);
    if (status)
        goto fail;
    snprintf(m->place, sizeof m->place, "%s:%d", m->address.host, m->address.port);
    oip_url(&m->address, "/infer", m->url);
    status = oip_http_open(&http, error);
    if (!status)
        status = ask(m, params, http, error);
    if (status)
        goto fail;
    oip_write_request(&m->about, &m->request);
    if (m->request.failed) {
        status = fov_fail(error, FOV_ENOMEM, "no memory for a request");
        goto fail;
    }
    m->about.load_ms = ns_to_ms(clock_now_ns() - start);
    status = try_out(m, error);
    if (status)
        goto fail;
    describe_place(m, params);
    oip_http_close(&http);
    *model = m;
    return FOV_OK;
fail:
    oip_http_close(&http);
    unload(m);
    return status;
}

static void describe(void *model, fov_backend_model *description)
{
    *description = ((struct remote *)model)->about;
}

static void metadata(void *model, fov_backend_say say, void *user)
{
    const struct metadata *meta = &((struct remote *)model)->meta;
    for (int i = 0; i < meta->count; i++)
        say(user, meta->entries[i].key, meta->entries[i].value);
}

const fov_backend fov_backend_remote = {.abi = FOV_BACKEND_ABI,
                                        .name = "remote",
                                        .suffixes = "oip:// oips://",
                                        .probe = probe,
                                        .load = load,
                                        .describe = describe,
                                        .runner_open = runner_open,
                                        .inputs = inputs,
                                        .run = run,
                                        .limit = limit,
                                        .cancel = cancel,
                                        .runner_close = runner_close,
                                        .unload = unload,
                                        .metadata = metadata};
