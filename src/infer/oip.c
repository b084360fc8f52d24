#include "infer/oip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { SIDE = 640 };

static const struct {
    const char *name;
    fov_dtype dtype;
} datatypes[] = {{"UINT8", FOV_U8}, {"INT8", FOV_I8},   {"FP16", FOV_F16}, {"BF16", FOV_BF16},
                 {"FP32", FOV_F32}, {"INT32", FOV_I32}, {"INT64", FOV_I64}};

const char *oip_datatype(fov_dtype dtype)
{
    for (size_t i = 0; i < sizeof datatypes / sizeof *datatypes; i++)
        if (datatypes[i].dtype == dtype)
            return datatypes[i].name;
    return NULL;
}

fov_dtype oip_dtype(const char *datatype)
{
    for (size_t i = 0; i < sizeof datatypes / sizeof *datatypes; i++)
        if (!strcmp(datatypes[i].name, datatype))
            return datatypes[i].dtype;
    return FOV_DTYPE_NONE;
}

static bool is_plain(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 0x7F)
            return false;
    return *text != '\0';
}

/* ---- what a server says about itself and its model ---- */

void oip_read_server(const char *json, size_t size, char *text, size_t room)
{
    json_value *root = json_parse(json, size, OIP_JSON_MAX, NULL);
    const char *name = "", *version = "";
    json_get_string(root, "name", &name);
    json_get_string(root, "version", &version);
    snprintf(text, room, "%.32s%s%.24s", name, *name && *version ? " " : "", version);
    text_flatten(text);
    json_free(&root);
}

void oip_read_error(const char *json, size_t size, char *text, size_t room)
{
    json_value *root = json_parse(json, size, OIP_JSON_MAX, NULL);
    const char *sentence = "";
    json_get_string(root, "error", &sentence);
    text_copy(text, room, sentence);
    text_flatten(text);
    json_free(&root);
}

/* Members that are texts; below `rt_info` also those of its members that are objects. */
static void add_members(struct metadata *meta, const json_value *object, bool deeper)
{
    if (!json_is_object(object))
        return;
    for (const json_value *m = json_at(object, 0); m; m = json_next(m)) {
        const char *key = json_key(m), *value = NULL;
        if (json_string(m, &value) || json_get_string(m, "string_value", &value))
            metadata_add(meta, key, strlen(key), value, strlen(value));
        else if (deeper)
            add_members(meta, m, false);
    }
}

void oip_read_metadata(const char *json, size_t size, struct metadata *meta)
{
    json_value *root = json_parse(json, size, OIP_JSON_MAX, NULL);
    add_members(meta, json_get(root, "rt_info"), true);
    add_members(meta, json_get(root, "parameters"), false);
    json_free(&root);
}

/* ---- shapes ---- */

/* The list "shape" of an input or output; -1 where it is open and that is allowed. */
static bool read_shape(const json_value *item, bool open, fov_tensor *t)
{
    const json_value *shape = json_get(item, "shape");
    size_t rank = json_count(shape);
    if (!json_is_array(shape) || rank > FOV_TENSOR_RANK)
        return false;
    t->rank = (int)rank;
    const json_value *dimension = json_at(shape, 0);
    for (size_t i = 0; i < rank; i++, dimension = json_next(dimension)) {
        double number;
        if (!json_number(dimension, &number) || number < (open ? -1 : 0) || number > INT32_MAX ||
            number != (double)(int64_t)number)
            return false;
        t->shape[i] = (int64_t)number;
    }
    return true;
}

/* Bytes of a tensor without open dimensions; false when there are too many. */
static bool bytes_of(const fov_tensor *t, size_t *size)
{
    size_t count = fov_dtype_size(t->dtype);
    for (int i = 0; i < t->rank; i++) {
        if (t->shape[i] < 0 || (t->shape[i] && count > OIP_TENSOR_MAX / (size_t)t->shape[i]))
            return false;
        count *= (size_t)t->shape[i];
    }
    *size = count;
    return true;
}

/* Open dimensions of an input: the first is the batch; a picture has 3 channels and a size. */
static void settle(fov_tensor *t, const fov_model_params *p)
{
    int64_t width = p->input_width > 0 ? p->input_width : SIDE;
    int64_t height = p->input_height > 0 ? p->input_height : width;
    bool packed = t->rank == 4 && t->shape[3] == 3 && t->shape[1] != 3;
    const int64_t planar_dims[4] = {1, 3, height, width}, packed_dims[4] = {1, height, width, 3};
    for (int i = 1; t->rank == 4 && i < 4; i++)
        if (t->shape[i] < 0)
            t->shape[i] = packed ? packed_dims[i] : planar_dims[i];
    if (t->rank > 0 && t->shape[0] < 0)
        t->shape[0] = p->batch > 0 ? p->batch : 1;
}

static fov_status read_port(const json_value *item, const char *kind, fov_tensor *t,
                            fov_error *error)
{
    const char *name = "", *datatype = "";
    *t = (fov_tensor){0};
    if (!json_get_string(item, "name", &name) || !json_get_string(item, "datatype", &datatype) ||
        !is_plain(name))
        return fov_fail(error, FOV_EMODEL, "the server describes an %s without name or datatype",
                        kind);
    if (strlen(name) >= sizeof t->name)
        return fov_fail(error, FOV_EUNSUPPORTED, "%s %.40s…: names have at most %zu bytes", kind,
                        name, sizeof t->name - 1);
    text_copy(t->name, sizeof t->name, name);
    t->dtype = oip_dtype(datatype);
    if (!t->dtype)
        return fov_fail(error, FOV_EUNSUPPORTED, "%s %s is %.16s, which is not read", kind, name,
                        datatype);
    if (!read_shape(item, true, t))
        return fov_fail(error, FOV_EMODEL, "%s %s: not a shape of at most %d dimensions", kind,
                        name, FOV_TENSOR_RANK);
    return FOV_OK;
}

/* All inputs or all outputs. */
static fov_status read_ports(const json_value *list, const char *kind, fov_tensor *tensors,
                             size_t room, int *count, fov_error *error)
{
    size_t size = json_count(list);
    if (!json_is_array(list) || !size)
        return fov_fail(error, FOV_EMODEL, "the server describes no %s of the model", kind);
    if (size > room)
        return fov_fail(error, FOV_EUNSUPPORTED, "the model has %zu %ss, more than %zu", size, kind,
                        room);
    fov_status status = FOV_OK;
    const json_value *item = json_at(list, 0);
    for (size_t i = 0; !status && i < size; i++, item = json_next(item)) {
        status = read_port(item, kind, &tensors[i], error);
        for (size_t k = 0; !status && k < i; k++)
            if (!strcmp(tensors[k].name, tensors[i].name))
                status = fov_fail(error, FOV_EMODEL, "the server describes %s %s twice", kind,
                                  tensors[i].name);
    }
    *count = (int)size;
    return status;
}

static fov_status settle_inputs(const fov_model_params *params, fov_backend_model *about,
                                fov_error *error)
{
    for (int i = 0; i < about->input_count; i++) {
        fov_tensor *t = &about->inputs[i];
        size_t size = 0;
        settle(t, params);
        if (!bytes_of(t, &size) || !size)
            return fov_fail(error, FOV_EUNSUPPORTED, "input %s has no fixed size, or one too large",
                            t->name);
    }
    const fov_tensor *picture = &about->inputs[0];
    about->batch = picture->rank > 0 && picture->shape[0] <= 1024 ? (int)picture->shape[0] : 1;
    return FOV_OK;
}

/* All of them come in one reply; open dimensions count as 1 here. */
static fov_status limit_outputs(const fov_backend_model *about, fov_error *error)
{
    size_t bytes = 0, left = OIP_TENSOR_MAX;
    for (int i = 0; i < about->output_count; i++) {
        fov_tensor least = about->outputs[i];
        for (int d = 0; d < least.rank; d++)
            least.shape[d] = least.shape[d] < 0 ? 1 : least.shape[d];
        if (!bytes_of(&least, &bytes) || bytes > left)
            return fov_fail(error, FOV_EUNSUPPORTED, "with output %s a reply is larger than %d MiB",
                            least.name, OIP_TENSOR_MAX >> 20);
        left -= bytes;
    }
    return FOV_OK;
}

fov_status oip_read_description(const char *json, size_t size, const fov_model_params *params,
                                fov_backend_model *about, fov_error *error)
{
    fov_error reason;
    json_value *root = json_parse(json, size, OIP_JSON_MAX, &reason);
    if (!root)
        return fov_fail(error, FOV_EMODEL, "the server's description of the model: %s",
                        reason.message);
    fov_status status = read_ports(json_get(root, "inputs"), "input", about->inputs,
                                   FOV_MODEL_INPUTS, &about->input_count, error);
    if (!status)
        status = read_ports(json_get(root, "outputs"), "output", about->outputs, FOV_MODEL_OUTPUTS,
                            &about->output_count, error);
    if (!status)
        status = settle_inputs(params, about, error);
    if (!status)
        status = limit_outputs(about, error);
    json_free(&root);
    return status;
}

/* ---- a request ---- */

static void write_input(const fov_tensor *t, struct json_writer *w)
{
    size_t size = 0;
    bytes_of(t, &size);
    json_object_begin(w);
    json_add_string(w, "name", t->name);
    json_add_string(w, "datatype", oip_datatype(t->dtype));
    json_name(w, "shape");
    json_array_begin(w);
    for (int i = 0; i < t->rank; i++)
        json_put_int(w, t->shape[i]);
    json_array_end(w);
    json_name(w, "parameters");
    json_object_begin(w);
    json_add_int(w, "binary_data_size", (int64_t)size);
    json_object_end(w);
    json_object_end(w);
}

static void write_output(const fov_tensor *t, struct json_writer *w)
{
    json_object_begin(w);
    json_add_string(w, "name", t->name);
    json_name(w, "parameters");
    json_object_begin(w);
    json_add_bool(w, "binary_data", true);
    json_object_end(w);
    json_object_end(w);
}

/* The id is always the same: some servers make one up for each reply otherwise, and a reply that
 * repeats itself need not be parsed again. */
void oip_write_request(const fov_backend_model *about, struct json_writer *w)
{
    static const char blanks[] = "                                                                ";
    json_object_begin(w);
    json_add_string(w, "id", "fovea");
    json_name(w, "inputs");
    json_array_begin(w);
    for (int i = 0; i < about->input_count; i++)
        write_input(&about->inputs[i], w);
    json_array_end(w);
    json_name(w, "outputs");
    json_array_begin(w);
    for (int i = 0; i < about->output_count; i++)
        write_output(&about->outputs[i], w);
    json_array_end(w);
    json_object_end(w);
    w->comma = false;
    if (w->size % OIP_ALIGN)
        json_put_raw(w, blanks, OIP_ALIGN - w->size % OIP_ALIGN);
}

/* ---- a reply ---- */

static int output_named(const fov_backend_model *about, const char *name)
{
    for (int i = 0; i < about->output_count; i++)
        if (!strcmp(about->outputs[i].name, name))
            return i;
    return -1;
}

/* As described: type, rank, every dimension that is not open. */
static bool fits(const fov_tensor *t, const fov_tensor *described)
{
    bool same = t->dtype == described->dtype && t->rank == described->rank;
    for (int i = 0; same && i < t->rank; i++)
        same = described->shape[i] < 0 || t->shape[i] == described->shape[i];
    return same;
}

/* One output; its place in the description is `at`. */
static fov_status read_output(const json_value *item, const fov_tensor *described, fov_tensor *t,
                              size_t *size, fov_error *error)
{
    const char *datatype = "";
    int64_t stated = -1;
    *t = *described;
    json_get_string(item, "datatype", &datatype);
    t->dtype = oip_dtype(datatype);
    if (!read_shape(item, false, t) || !fits(t, described))
        return fov_fail(error, FOV_EINFER,
                        "the server's output %s has another type or shape than it described",
                        described->name);
    if (!json_get_int(json_get(item, "parameters"), "binary_data_size", &stated))
        return fov_fail(error, FOV_EINFER,
                        "the server sends output %s without binary_data_size: it lacks the "
                        "protocol's binary tensor extension",
                        described->name);
    if (!bytes_of(t, size) || stated < 0 || (uint64_t)stated != *size)
        return fov_fail(error, FOV_EINFER,
                        "the server's output %s has %lld bytes, its shape needs %zu",
                        described->name, (long long)stated, *size);
    return FOV_OK;
}

static fov_status read_outputs(struct oip_reply *reply, const fov_backend_model *about,
                               const json_value *list, fov_error *error)
{
    bool seen[FOV_MODEL_OUTPUTS] = {false};
    reply->binary_size = 0;
    if (!json_is_array(list) || json_count(list) != (size_t)about->output_count)
        return fov_fail(error, FOV_EINFER, "the server sends %zu outputs, %d were asked for",
                        json_count(list), about->output_count);
    for (const json_value *item = json_at(list, 0); item; item = json_next(item)) {
        const char *name = "";
        json_get_string(item, "name", &name);
        int at = output_named(about, name);
        size_t size = 0;
        if (at < 0 || seen[at])
            return fov_fail(error, FOV_EINFER,
                            "the server sends an output that was not asked for, or twice");
        fov_status status = read_output(item, &about->outputs[at], &reply->outputs[at], &size,
                                        error);
        if (status)
            return status;
        if (size > OIP_TENSOR_MAX - reply->binary_size)
            return fov_fail(error, FOV_EINFER, "the server's outputs have more than %d MiB",
                            OIP_TENSOR_MAX >> 20);
        seen[at] = true;
        reply->offset[at] = reply->binary_size;
        reply->binary_size += size;
    }
    return FOV_OK;
}

/* Keeps the accepted text; without memory for it the next reply is parsed again. */
static void keep_text(struct oip_reply *reply, const char *json, size_t size)
{
    reply->size = 0;
    if (size > reply->room) {
        free(reply->text);
        reply->text = malloc(size);
        reply->room = reply->text ? size : 0;
    }
    if (!reply->text)
        return;
    memcpy(reply->text, json, size);
    reply->size = size;
}

fov_status oip_read_reply(struct oip_reply *reply, const fov_backend_model *about, const char *json,
                          size_t json_size, size_t binary_size, fov_error *error)
{
    if (reply->size && reply->size == json_size && !memcmp(reply->text, json, json_size) &&
        reply->binary_size == binary_size)
        return FOV_OK;
    reply->size = 0;
    fov_error reason;
    json_value *root = json_parse(json, json_size, OIP_JSON_MAX, &reason);
    if (!root)
        return fov_fail(error, FOV_EINFER, "the server's reply: %s", reason.message);
    fov_status status = FOV_OK;
    if (!json_is_object(root))
        status = fov_fail(error, FOV_EINFER, "the server's reply is not a JSON object");
    if (!status)
        status = read_outputs(reply, about, json_get(root, "outputs"), error);
    json_free(&root);
    if (!status && reply->binary_size != binary_size)
        status = fov_fail(error, FOV_EINFER,
                          "the server sends %zu bytes of outputs, its shapes need %zu", binary_size,
                          reply->binary_size);
    if (!status)
        keep_text(reply, json, json_size);
    return status;
}

void oip_reply_release(struct oip_reply *reply)
{
    free(reply->text);
    *reply = (struct oip_reply){0};
}
