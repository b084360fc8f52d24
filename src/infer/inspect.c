#include "infer/inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "infer/metadata_beside.h"

enum { SHORT_PATH = 64, OLDEST_IR = 10 };

/* ---- what scanners note ---- */

void inspected_text(char *to, size_t size, const char *from, size_t from_size)
{
    size_t n = from_size < size - 1 ? from_size : size - 1;
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] >= ' ' && from[i] < 127 ? from[i] : '?';
    to[n] = '\0';
}

void inspected_refuse(struct inspected *found, const char *format, ...)
{
    if (found->wrong[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(found->wrong, sizeof found->wrong, format, args);
    va_end(args);
}

void inspected_add_operator(struct inspected *found, const char *domain, size_t domain_size,
                            const char *name, size_t name_size, bool known)
{
    fov_file_operator one = {.count = 1};
    inspected_text(one.name, sizeof one.name, name, name_size);
    inspected_text(one.domain, sizeof one.domain, domain, domain_size);
    if (++found->node_count > INSPECT_NODES)
        inspected_refuse(found, "it has more than %d operators", INSPECT_NODES);
    if (!known && !found->custom[0])
        snprintf(found->custom, sizeof found->custom, "%s%s%s", one.domain,
                 one.domain[0] ? "::" : "", one.name);
    for (int i = 0; i < found->operator_kinds; i++) {
        fov_file_operator *o = &found->operators[i];
        if (!strcmp(o->name, one.name) && !strcmp(o->domain, one.domain)) {
            o->count++;
            return;
        }
    }
    if (found->operator_kinds < INSPECT_OPERATORS)
        found->operators[found->operator_kinds++] = one;
}

fov_file_port *inspected_add_port(struct inspected *found, bool output, const char *name,
                                  size_t name_size)
{
    int *count = output ? &found->output_count : &found->input_count;
    fov_file_port *ports = output ? found->outputs : found->inputs;
    if ((*count)++ >= INSPECT_PORTS)
        return NULL;
    fov_file_port *port = &ports[*count - 1];
    *port = (fov_file_port){.type = "?", .rank = -1};
    inspected_text(port->name, sizeof port->name, name, name_size);
    return port;
}

void inspected_add_dimension(struct inspected *found, fov_file_port *port, int64_t size)
{
    int64_t count = 1;
    if (port->rank < 0)
        port->rank = 0;
    if (port->rank == FOV_TENSOR_RANK) {
        inspected_refuse(found, "%.40s has more than %d dimensions", port->name, FOV_TENSOR_RANK);
        return;
    }
    if (size < -1 || size > INSPECT_SIDE)
        inspected_refuse(found, "%.40s has a dimension of %lld", port->name, (long long)size);
    port->shape[port->rank++] = size < -1 || size > INSPECT_SIDE ? -1 : size;
    for (int i = 0; i < port->rank; i++)
        if (port->shape[i] > 1)
            count = count > INSPECT_COUNT / port->shape[i] ? INT64_MAX : count * port->shape[i];
    if (count > INSPECT_COUNT)
        inspected_refuse(found, "%.40s has more than 2^31 numbers", port->name);
}

fov_tensor inspected_tensor(const fov_file_port *port)
{
    fov_tensor t = {
        .rank = port->rank > 0 ? port->rank : 0, .scale = port->scale, .zero = port->zero};
    memcpy(t.shape, port->shape, sizeof t.shape);
    text_copy(t.name, sizeof t.name, port->name);
    for (fov_dtype d = FOV_U8; d <= FOV_I64; d++)
        if (!strcmp(fov_dtype_name(d), port->type))
            t.dtype = d;
    return t;
}

/* ---- files ---- */

void inspect_short_path(const char *path, char *text, size_t size)
{
    size_t length = strlen(path), room = size - 1 < SHORT_PATH ? size - 1 : SHORT_PATH;
    if (length <= room) {
        text_copy(text, size, path);
        return;
    }
    const char *from = path + (length - (room - 3)); /* "..." stands for the rest */
    const char *slash = strchr(from, '/');
    snprintf(text, size, "...%s", slash && slash[1] ? slash : from);
}

static bool scan(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size)
{
    switch (found->kind) {
    case FILE_ONNX:
        return scan_onnx(found, meta, bytes, size);
    case FILE_IR:
        return scan_xml(found, meta, bytes, size);
    case FILE_TFLITE:
        return scan_tflite(found, meta, bytes, size);
    case FILE_GRAPHDEF:
        return scan_graphdef(found, meta, bytes, size);
    case FILE_PADDLE:
        return scan_paddle(found, meta, bytes, size);
    default:
        return true;
    }
}

static fov_status refuse_damaged(const struct inspected *found, const char *name, fov_error *error)
{
    const char *noun = file_kind_noun(found->kind);
    if (found->lacks)
        return fov_fail(error, FOV_EMODEL,
                        "%s: %s, damaged: cut off, %llu bytes are missing at the least; fetch or "
                        "export it again",
                        name, noun, (unsigned long long)found->lacks);
    return fov_fail(error, FOV_EMODEL, "%s: not %s, or damaged; fetch or export it again", name,
                    noun);
}

/* The kind is one that may run, but the name says another one: runtimes go by the name. */
static fov_status check_suffix(enum file_kind kind, const char *path, const char *name,
                               fov_error *error)
{
    enum file_kind promised = file_kind_by_suffix(path);
    const char *dot = strrchr(path, '.'), *suffix = file_kind_suffix(kind);
    if (promised == kind)
        return FOV_OK;
    return fov_fail(error, FOV_EMODEL, "%s: this is %s, not what %.12s stands for; name it %s%s",
                    name, file_kind_noun(kind), dot && !strchr(dot, '/') ? dot : "its name", "*",
                    suffix);
}

/* Weights stand in another file: they are never opened, whatever it is called. */
static fov_status refuse_external(const struct inspected *found, const char *name, fov_error *error)
{
    return fov_fail(error, FOV_EUNSUPPORTED,
                    "%s: its weights are in another file (%.30s), which is not opened; put them "
                    "in: onnx.save_model(onnx.load(F), F, save_as_external_data=False)",
                    name, found->external);
}

static fov_status refuse_custom(const struct inspected *found, const char *name, fov_error *error)
{
    const char *op = found->custom;
    if (!strncmp(op, "Flex", 4))
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "%s: operator %.40s needs TensorFlow itself; convert without "
                        "SELECT_TF_OPS, or bring the model as ONNX",
                        name, op);
    if (strstr(op, "_TRT"))
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "%s: operator %.60s is a plug-in of TensorRT; export without it (nms=False,"
                        " no --include-nms): fovea suppresses boxes itself",
                        name, op);
    return fov_fail(error, FOV_EUNSUPPORTED,
                    "%s: operator %.60s is not of a known set, no runtime here has it; export "
                    "without custom operators (mmdeploy, mmcv: their plain ONNX form)",
                    name, op);
}

/* The .bin of an IR: there, a file, and as long as the .xml says. */
static fov_status check_weights(struct inspected *found, const char *path, const char *name,
                                fov_error *error)
{
    char bin[4096];
    struct stat st;
    const char *dot = strrchr(path, '.');
    int n = snprintf(bin, sizeof bin, "%.*s.bin", (int)(dot - path), path);
    if (!found->weights_end || n < 0 || (size_t)n >= sizeof bin)
        return FOV_OK;
    if (stat(bin, &st) || !S_ISREG(st.st_mode))
        return fov_fail(error, FOV_EMODEL,
                        "%s: its weights are missing: the .bin of the same name belongs beside it",
                        name);
    if (st.st_size < found->weights_end)
        return fov_fail(error, FOV_EMODEL,
                        "%s: the .bin beside it is cut off or of another model: %lld bytes, the "
                        ".xml needs %lld",
                        name, (long long)st.st_size, (long long)found->weights_end);
    found->bytes += st.st_size;
    return FOV_OK;
}

static fov_status check_ir_version(const struct inspected *found, const char *name,
                                   fov_error *error)
{
    int version = 0;
    if (sscanf(found->version, "version %d", &version) != 1 || version >= OLDEST_IR)
        return FOV_OK;
    return fov_fail(error, FOV_EMODEL,
                    "%s: IR version %d is too old for today's runtimes (10 and 11 run); make it "
                    "anew from the original: `ovc model.onnx`",
                    name, version);
}

/* What the scanner found stands against running it. */
static fov_status judge(struct inspected *found, const char *path, const char *name,
                        fov_error *error)
{
    if (found->external[0])
        return refuse_external(found, name, error);
    if (found->custom[0] && !found->edge_tpu)
        return refuse_custom(found, name, error);
    if (found->kind != FILE_IR)
        return FOV_OK;
    fov_status status = check_ir_version(found, name, error);
    return status ? status : check_weights(found, path, name, error);
}

static fov_status inspect_bytes(struct inspected *found, struct metadata *meta, const char *path,
                                const uint8_t *bytes, size_t size, fov_error *error)
{
    char name[SHORT_PATH + 1], advice[160];
    inspect_short_path(path, name, sizeof name);
    enum file_kind promised = file_kind_by_suffix(path);
    found->kind = file_kind_of(bytes, size, path);
    file_kind_advice(found->kind, path, advice, sizeof advice);
    if (advice[0])
        return fov_fail(error, found->kind >= FILE_LFS_POINTER ? FOV_EMODEL : FOV_EUNSUPPORTED,
                        "%s: %s; %s", name, file_kind_noun(found->kind), advice);
    if (found->kind == FILE_UNKNOWN && file_kind_suffix(promised)) {
        found->kind = promised;
        return refuse_damaged(found, name, error);
    }
    if (found->kind == FILE_UNKNOWN)
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "%s: not a model that is known; ONNX (.onnx), OpenVINO (.xml) and TFLite "
                        "(.tflite) are",
                        name);
    bool whole = scan(found, meta, bytes, size);
    fov_status status = check_suffix(found->kind, path, name, error);
    if (status)
        return status;
    if (found->wrong[0])
        return fov_fail(error, FOV_EMODEL, "%s: refused as it is damaged or absurd: %s", name,
                        found->wrong);
    return whole ? judge(found, path, name, error) : refuse_damaged(found, name, error);
}

/* The first file of a folder whose suffix is that of a kind that may run. */
static bool find_inside(const char *path, char *name, size_t size)
{
    DIR *folder = opendir(path);
    bool found = false;
    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        found = file_kind_suffix(file_kind_by_suffix(entry->d_name)) != NULL;
        if (found)
            inspected_text(name, size, entry->d_name, strlen(entry->d_name));
    }
    if (folder)
        closedir(folder);
    return found;
}

/* A folder: exporters make them, and people name them. */
static fov_status refuse_folder(struct inspected *found, const char *path, fov_error *error)
{
    static const char *const inside[] = {"saved_model.pb", "Manifest.json", "model.ncnn.param"};
    static const enum file_kind kinds[] = {FILE_SAVED_MODEL, FILE_COREML, FILE_NCNN};
    char name[SHORT_PATH + 1], file[4096], advice[160];
    inspect_short_path(path, name, sizeof name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int n = snprintf(file, sizeof file, "%s/%s", path, inside[i]);
        if (n < 0 || (size_t)n >= sizeof file || access(file, F_OK))
            continue;
        found->kind = kinds[i];
        file_kind_advice(kinds[i], path, advice, sizeof advice);
        return fov_fail(error, FOV_EUNSUPPORTED, "%s: %s; %s", name, file_kind_noun(kinds[i]),
                        advice);
    }
    if (find_inside(path, file, 64))
        return fov_fail(error, FOV_EMODEL, "%s: a folder; name the model inside it: %s", name,
                        file);
    return fov_fail(error, FOV_EMODEL, "%s: a folder, and no model inside (.xml, .onnx, .tflite)",
                    name);
}

static fov_status inspect_open(struct inspected *found, struct metadata *meta, int file,
                               const char *path, fov_error *error)
{
    struct stat st;
    char name[SHORT_PATH + 1];
    inspect_short_path(path, name, sizeof name);
    if (fstat(file, &st) == 0 && S_ISDIR(st.st_mode))
        return refuse_folder(found, path, error);
    if (!S_ISREG(st.st_mode))
        return fov_fail(error, FOV_EIO, "%s: not a file", name);
    found->bytes = st.st_size;
    if (!st.st_size)
        return inspect_bytes(found, meta, path, (const uint8_t *)"", 0, error);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return fov_fail(error, FOV_EMODEL, "%s: the file cannot be read", name);
    fov_status status = inspect_bytes(found, meta, path, bytes, (size_t)st.st_size, error);
    munmap(bytes, (size_t)st.st_size);
    return status;
}

fov_status inspect_file(struct inspected *found, struct metadata *meta, const char *path,
                        fov_error *error)
{
    *meta = (struct metadata){.source = ""};
    *found = (struct inspected){.version = ""};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return fov_fail(error, errno == ENOENT || errno == ENOTDIR ? FOV_ENOTFOUND : FOV_EIO,
                        "%s: %s", path, strerror(errno));
    fov_status status = inspect_open(found, meta, file, path, error);
    close(file);
    if (!status)
        metadata_read_beside(meta, path);
    return status;
}
