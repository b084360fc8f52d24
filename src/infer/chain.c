#include "infer/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"

/* When a row counts. */
enum need {
    ALWAYS,
    ASKED,    /* only when its device was asked for */
    AUTO,     /* ... or the device is "AUTO" */
    NVIDIA,   /* the driver's device is there */
    TPU_FILE, /* the file is compiled for an Edge TPU */
    INTEGER,  /* the file computes in whole numbers as its own runtime does */
    ENGINES,  /* ... and engines were built before: building takes minutes */
    APPLE,
    FAKE_GPU, /* the fake was told to have one */
};

/* Best first. A new backend or device: one row. */
static const struct row {
    const char *backend, *device;
    enum need need;
    enum chain_keeps keeps;
} rows[] = {
    {"onnxruntime", "TENSORRT", ENGINES, CHAIN_KEEPS},
    {"onnxruntime", "CUDA", NVIDIA, CHAIN_KEEPS_NOTHING},
    {"litert", "EDGETPU", TPU_FILE, CHAIN_KEEPS_NOTHING},
    {"openvino", "GPU", AUTO, CHAIN_KEEPS_CHECKED},
    {"openvino", "NPU", AUTO, CHAIN_KEEPS_CHECKED},
    {"onnxruntime", "COREML", APPLE, CHAIN_KEEPS},
    {"litert", "CPU", INTEGER, CHAIN_KEEPS_NOTHING},
    {"onnxruntime", "CPU", INTEGER, CHAIN_KEEPS_NOTHING},
    {"openvino", "CPU", ALWAYS, CHAIN_KEEPS_CHECKED},
    {"onnxruntime", "CPU", ALWAYS, CHAIN_KEEPS_NOTHING},
    {"litert", "CPU", ALWAYS, CHAIN_KEEPS_NOTHING},
    {"onnxruntime", "OPENVINO", ASKED, CHAIN_KEEPS},
    {"remote", "SERVER", ALWAYS, CHAIN_KEEPS_NOTHING},
    {"fake", "GPU", FAKE_GPU, CHAIN_KEEPS_NOTHING},
    {"fake", "CPU", ALWAYS, CHAIN_KEEPS_NOTHING},
};

enum { ROWS = sizeof rows / sizeof *rows };

/* Words for what a device is, beside its own name. */
static const struct {
    const char *word, *device;
} kinds[] = {{"GPU", "CUDA"}, {"GPU", "TENSORRT"}, {"GPU", "COREML"}, {"TPU", "EDGETPU"}};

/* ---- files and words ---- */

/* The next word of a list with blanks between; NULL after the last. */
static const char *next_word(const char **list, size_t *size)
{
    const char *word = *list + strspn(*list, " ");
    *size = strcspn(word, " ");
    *list = word + *size;
    return *size ? word : NULL;
}

/* By suffix, or by scheme ("fake:", "oip://"). */
static bool takes(const fov_backend *backend, const char *path)
{
    const char *list = backend->suffixes, *dot = strrchr(path, '.'), *word;
    size_t size;
    while ((word = next_word(&list, &size))) {
        bool suffix = *word == '.';
        if (suffix && dot && !chain_is_scheme(path) && strlen(dot) == size &&
            !strncasecmp(word, dot, size))
            return true;
        if (!suffix && !strncmp(path, word, size))
            return true;
    }
    return false;
}

bool chain_is_scheme(const char *path)
{
    for (size_t i = 0; fov_backend_at(i); i++) {
        const char *list = fov_backend_at(i)->suffixes, *word;
        size_t size;
        while ((word = next_word(&list, &size)))
            if (*word != '.' && !strncmp(path, word, size))
                return true;
    }
    return false;
}

static const fov_backend *backend_named(const char *name)
{
    for (size_t i = 0; fov_backend_at(i); i++)
        if (fov_backend_at(i)->abi == FOV_BACKEND_ABI && !strcmp(fov_backend_at(i)->name, name))
            return fov_backend_at(i);
    return NULL;
}

/* "GPU" is the row's GPU, and so is "gpu.1" (that one of several). */
static bool is_device(const char *word, size_t size, const char *device)
{
    size_t n = strlen(device);
    if (size >= n && !strncasecmp(word, device, n) && (size == n || strchr(".:", word[n])))
        return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].device, device) && strlen(kinds[i].word) == size &&
            !strncasecmp(kinds[i].word, word, size))
            return true;
    return false;
}

/* The device that was asked for; NULL when the choice is ours, or that of a server. */
static const char *asked_device(const fov_model_params *params)
{
    const char *device = strstr(params->path, "://") ? NULL : params->device;
    return device && *device && strncasecmp(device, "AUTO", 4) ? device : NULL;
}

/* `avoid` holds "openvino:GPU" for one try (`exact`: only such count) and "GPU" for a kind of
 * device. */
static bool is_avoided(const char *avoid, const struct row *row, bool exact)
{
    const char *list = avoid ? avoid : "", *word;
    size_t size, n = strlen(row->backend);
    while ((word = next_word(&list, &size))) {
        const char *colon = memchr(word, ':', size);
        if (!colon ? !exact && is_device(word, size, row->device)
                   : (size_t)(colon - word) == n && !strncmp(word, row->backend, n) &&
                         is_device(colon + 1, size - n - 1, row->device))
            return true;
    }
    return false;
}

/* ---- what this machine has ---- */

static bool has_nvidia(void)
{
    return access("/dev/nvidia0", F_OK) == 0 || access("/dev/nvhost-gpu", F_OK) == 0;
}

static const fov_backend_probe *probe_of(struct chain *chain, const fov_backend *backend)
{
    if (chain->probed != backend)
        backend->probe(chain->params->runtime_dir, chain->probe);
    chain->probed = backend;
    return chain->probe;
}

struct cache_key chain_cache_key(const fov_model_params *params, const struct chain_link *link)
{
    static const char *const words[] = {"auto", "f32", "f16", "int8"};
    size_t precision = (size_t)params->precision;
    return (struct cache_key){.model = params->path,
                              .backend = link->backend->name,
                              .version = link->version,
                              .device = link->device,
                              .precision = precision < 4 ? words[precision] : "other",
                              .whole = link->keeps == CHAIN_KEEPS};
}

/* Engines of this very model, as TensorRT keeps them in the folder that it would be given. */
static bool has_engines(struct chain *chain, const struct row *row)
{
    struct chain_link link = {.backend = backend_named(row->backend), .keeps = row->keeps};
    const char *root = chain->params->cache_dir;
    if (!root || !has_nvidia())
        return false;
    text_copy(link.version, sizeof link.version, probe_of(chain, link.backend)->version);
    text_copy(link.device, sizeof link.device, row->device);
    struct cache_key key = chain_cache_key(chain->params, &link);
    return cache_holds(root, &key, ".engine");
}

/* TFLite files of whole numbers, and ONNX that quantises, run in the runtimes that they were made
 * for faster (docs/models.md) and with their numbers; OpenVINO 2026.4 even loses objects in a file
 * with QDQ pairs. Weights alone as bytes change nothing. */
static bool is_integer(const struct inspected *found)
{
    if (!found || (found->kind != FILE_TFLITE && found->kind != FILE_ONNX))
        return false;
    return found->quantised[0] && strcmp(found->quantised, "int8 weights") != 0;
}

static bool is_needed(struct chain *chain, const struct row *row)
{
    switch (row->need) {
    case ALWAYS:
        return true;
    case ASKED:
        return false;
    case AUTO:
        return chain->params->device && !strncasecmp(chain->params->device, "AUTO", 4);
    case NVIDIA:
        return has_nvidia();
    case TPU_FILE:
        return chain->found && chain->found->edge_tpu;
    case INTEGER:
        return is_integer(chain->found);
    case ENGINES:
        return has_engines(chain, row);
    case APPLE:
#ifdef __APPLE__
        return true;
#else
        return false;
#endif
    case FAKE_GPU:
        return strstr(chain->params->path, "gpu_") != NULL;
    }
    return false;
}

/* Whether the row's turn comes: it is needed, or its device was asked for; of the two rows of a
 * processor only the first that counts. */
static bool is_due(struct chain *chain, const struct row *row, bool asked)
{
    bool only_needed = row->need == INTEGER || row->need == ENGINES;
    const char *device = chain->params->device;
    if (row->need == ENGINES && asked && !strncasecmp(device, row->device, strlen(row->device)))
        only_needed = false; /* by its own name, not as one of the GPU's: whoever waits knows it */
    if ((only_needed || !asked) && !is_needed(chain, row))
        return false;
    for (const struct row *before = rows; before < row; before++)
        if (before->need == INTEGER && !strcmp(before->backend, row->backend) &&
            !strcmp(before->device, row->device) && is_needed(chain, before))
            return false;
    return true;
}

/* The device's name as the runtime has it: the one asked for, else the first of its kind. */
static bool find_device(const fov_backend_probe *p, const struct row *row, const char *asked,
                        char *device, size_t size)
{
    size_t n = strlen(row->device);
    bool one = asked && strpbrk(asked, ".:") && is_device(asked, strlen(asked), row->device);
    for (int i = 0; i < p->device_count; i++) {
        const char *name = p->devices[i];
        bool fits = one ? !strcasecmp(name, asked)
                        : !strncmp(name, row->device, n) && (!name[n] || strchr(".:", name[n]));
        if (fits) {
            text_copy(device, size, name);
            return true;
        }
    }
    return false;
}

/* ---- the walk ---- */

static void note(struct chain *chain, const char *backend, const char *device, const char *reason)
{
    size_t used = strlen(chain->missed);
    snprintf(chain->missed + used, sizeof chain->missed - used, "%s%s %s: %s", used ? "; " : "",
             backend, device, reason);
}

void chain_miss(struct chain *chain, const struct chain_link *link, const char *reason)
{
    note(chain, link->backend->name, link->device, reason);
}

/* A row whose turn it is. What the user would miss is noted: a device that was asked for, and a
 * processor's or a server's runtime that cannot be opened; other absences are the normal case. */
static bool try_row(struct chain *chain, const struct row *row, bool asked, struct chain_link *link)
{
    const fov_backend *backend = backend_named(row->backend);
    const fov_backend_probe *p = probe_of(chain, backend);
    link->backend = backend;
    link->keeps = row->keeps;
    text_copy(link->version, sizeof link->version, p->version);
    if (p->available &&
        find_device(p, row, asked_device(chain->params), link->device, sizeof link->device))
        return true;
    bool missed = asked || !strcmp(row->device, "CPU") || !strcmp(row->device, "SERVER");
    if (!p->available && missed)
        note(chain, row->backend, row->device, p->reason);
    else if (p->available && asked) {
        char reason[96];
        snprintf(reason, sizeof reason, "no such device here; there is %s%s%s",
                 p->device_count > 0 ? p->devices[0] : "none", p->device_count > 1 ? ", " : "",
                 p->device_count > 1 ? p->devices[1] : "");
        note(chain, row->backend, row->device, reason);
    }
    return false;
}

/* With backend and device both named, nothing else will do. */
static bool is_strict(const fov_model_params *params)
{
    return params->backend && asked_device(params);
}

/* Rows that this pass looks at. */
static bool is_in_pass(const struct chain *chain, const struct row *row, bool asked)
{
    const fov_model_params *params = chain->params;
    const fov_backend *backend = backend_named(row->backend);
    return backend && takes(backend, params->path) && asked == (chain->pass == 0) &&
           (!params->backend || !strcmp(params->backend, row->backend));
}

static void end_pass(struct chain *chain, const char *device)
{
    if (chain->pass == 0 && device && !chain->known)
        note(chain, "no runtime runs such a file on", device,
             is_strict(chain->params) ? "name another device" : "another one serves");
    chain->pass++;
    chain->row = 0;
}

bool chain_next(struct chain *chain, struct chain_link *link)
{
    const fov_model_params *params = chain->params;
    const char *device = asked_device(params);
    for (int passes = is_strict(params) ? 1 : 2; chain->pass < passes; end_pass(chain, device))
        while (chain->row < ROWS) {
            const struct row *row = &rows[chain->row++];
            bool asked = device && is_device(device, strlen(device), row->device);
            if (!is_in_pass(chain, row, asked))
                continue;
            chain->any = true;
            chain->known |= asked;
            if (!is_due(chain, row, asked))
                continue;
            if (is_avoided(params->avoid, row, true))
                note(chain, row->backend, row->device, "failed while it ran");
            else if (!is_avoided(params->avoid, row, false) && try_row(chain, row, asked, link))
                return true;
        }
    return false;
}

static fov_status check_device(const char *device, fov_error *error)
{
    for (int i = 0; device && i < ROWS; i++)
        if (is_device(device, strlen(device), rows[i].device))
            return FOV_OK;
    return device ? fov_fail(error, FOV_EINVAL,
                             "no device is called \"%.40s\"; there are CPU, GPU, NPU, TPU, CUDA, "
                             "TENSORRT, COREML, EDGETPU and AUTO",
                             device)
                  : FOV_OK;
}

fov_status chain_begin(struct chain *chain, const fov_model_params *params,
                       const struct inspected *found, fov_error *error)
{
    *chain = (struct chain){.params = params, .found = found};
    if (params->backend && !backend_named(params->backend))
        return fov_fail(error, FOV_EUNSUPPORTED, "no backend \"%.40s\" in this build",
                        params->backend);
    fov_status status = check_device(asked_device(params), error);
    if (status)
        return status;
    chain->probe = malloc(sizeof *chain->probe);
    return chain->probe ? FOV_OK : fov_fail(error, FOV_ENOMEM, "no memory for a model");
}

void chain_end(struct chain *chain)
{
    free(chain->probe);
    chain->probe = NULL;
}

fov_status chain_fail(const struct chain *chain, fov_error *error)
{
    const fov_model_params *p = chain->params;
    const char *path = strchr(p->path, '@') ? "this" : p->path; /* may hold a password */
    if (chain->missed[0])
        return fov_fail(error, is_strict(p) ? FOV_EUNSUPPORTED : FOV_ERUNTIME, "%s", chain->missed);
    if (chain->any && p->avoid)
        return fov_fail(error, FOV_ERUNTIME, "nothing runs this model without %s", p->avoid);
    if (p->backend)
        return fov_fail(error, FOV_EUNSUPPORTED, "%.120s: not a model that backend %s runs", path,
                        p->backend);
    return fov_fail(error, FOV_EUNSUPPORTED,
                    "%s: not a model that can be run; OpenVINO (.xml), ONNX (.onnx) and TFLite "
                    "(.tflite) can",
                    path);
}
