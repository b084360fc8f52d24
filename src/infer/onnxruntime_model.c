#include "infer/onnxruntime_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "infer/tensor.h"

enum { INPUT_BYTES_MAX = 1 << 30 };

fov_status onnxruntime_fail(fov_error *error, fov_status status, const char *what)
{
    static const struct {
        const char *said, *hint;
    } hints[] = {
        {"not a registered function/op", "; export it with standard operators only"},
        {"Unsupported model IR version", "; export it with an older opset"},
        {"is under development", "; export it with an older opset"},
    };
    char reason[150];
    const char *hint = "";
    onnxruntime_reason(reason, sizeof reason);
    /* as releases have said it since 1.24, since 1.20, before */
    if (strstr(reason, "xternal data") || strstr(reason, ORT_NO_FOLDER) ||
        strstr(reason, "model_path must not be empty"))
        return fov_fail(error, status, "%.80s keeps weights in other files: save it as one file",
                        what);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(reason, hints[i].said))
            hint = hints[i].hint;
    return fov_fail(error, status, "%.45s: %s%s", what, reason, hint);
}

bool onnxruntime_read_shape(const struct onnxruntime *ort, const ort_shape *shape, fov_tensor *t,
                            int *type, const char *names[FOV_TENSOR_RANK])
{
    size_t rank = 0;
    bool read = onnxruntime_done(ort->get_tensor_element_type(shape, type)) &&
                onnxruntime_done(ort->get_dimensions_count(shape, &rank)) &&
                rank <= FOV_TENSOR_RANK &&
                onnxruntime_done(ort->get_dimensions(shape, t->shape, rank)) &&
                (!names || onnxruntime_done(ort->get_symbolic_dimensions(shape, names, rank)));
    t->dtype = onnxruntime_dtype(*type);
    t->rank = read ? (int)rank : 0;
    for (int i = 0; i < t->rank; i++)
        t->shape[i] = t->shape[i] < 0 ? -1 : t->shape[i];
    return read;
}

static bool is_picture(const fov_tensor *t)
{
    return t->rank == 4;
}

/* Size that an open dimension gets: batch, 3 channels, the size asked for; 0: not known. */
static int64_t wanted_size(const struct ort_model *m, const fov_tensor *t, int dimension)
{
    const fov_model_params *p = m->params;
    int64_t batch = p->batch > 0 ? p->batch : 1, width = p->input_width > 0 ? p->input_width : 640;
    int64_t height = p->input_height > 0 ? p->input_height : width;
    bool packed = t->shape[3] == 3 && t->shape[1] != 3;
    const int64_t planar_dims[4] = {batch, 3, height, width};
    const int64_t packed_dims[4] = {batch, height, width, 3};
    if (!is_picture(t))
        return dimension == 0 ? batch : 0;
    return packed ? packed_dims[dimension] : planar_dims[dimension];
}

/* Closes the open dimensions of an input; false when one name would need two sizes. */
static bool close_dimensions(struct ort_model *m, fov_tensor *t, const char *names[FOV_TENSOR_RANK])
{
    const fov_tensor open = *t;
    m->about.open_size = m->about.open_size || tensor_has_open_size(t);
    for (int d = 0; d < t->rank; d++) {
        if (open.shape[d] > 0)
            continue;
        t->shape[d] = wanted_size(m, &open, d);
        int k = 0;
        while (k < m->symbol_count && strcmp(m->symbols[k].name, names[d]) != 0)
            k++;
        if (k < m->symbol_count && m->symbols[k].size != t->shape[d])
            return false;
        if (k < m->symbol_count || !names[d][0] || !t->shape[d] || k == ORT_SYMBOLS)
            continue;
        m->symbols[k].size = t->shape[d];
        text_copy(m->symbols[k].name, sizeof m->symbols[k].name, names[d]);
        m->symbol_count++;
    }
    return true;
}

static fov_status refuse_type(const struct ort_model *m, const char *name, const char *type,
                              fov_error *error)
{
    return fov_fail(error, FOV_EUNSUPPORTED,
                    "%.80s: %.40s is of type %s, which is not read; export it with float", m->file,
                    name, type);
}

/* One input or output: name, type, shape; open dimensions of inputs are closed. */
static fov_status describe_port(struct ort_model *m, ort_session *session, bool output, size_t i,
                                fov_error *error)
{
    const struct onnxruntime *ort = m->ort;
    fov_tensor *t = output ? &m->about.outputs[i] : &m->about.inputs[i];
    char **name = output ? &m->output_names[i] : &m->input_names[i], *theirs = NULL;
    const char *dimensions[FOV_TENSOR_RANK] = {"", "", "", "", "", "", "", ""};
    ort_type *type = NULL;
    const ort_shape *shape = NULL;
    int kind = 0, number = 0;
    *t = (fov_tensor){0};
    ort_status *failed = output ? ort->session_get_output_name(session, i, ort->allocator, &theirs)
                                : ort->session_get_input_name(session, i, ort->allocator, &theirs);
    if (!onnxruntime_done(failed))
        return onnxruntime_fail(error, FOV_EMODEL, m->file);
    free(*name);
    *name = strdup(theirs);
    onnxruntime_done(ort->allocator_free(ort->allocator, theirs));
    if (!*name)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    text_copy(t->name, sizeof t->name, *name);
    failed = output ? ort->session_get_output_type_info(session, i, &type)
                    : ort->session_get_input_type_info(session, i, &type);
    if (!onnxruntime_done(failed))
        return onnxruntime_fail(error, FOV_EMODEL, m->file);
    fov_status status = FOV_OK;
    bool tensor = onnxruntime_done(ort->get_onnx_type_from_type_info(type, &kind)) &&
                  kind == ORT_TYPE_TENSOR &&
                  onnxruntime_done(ort->cast_type_info_to_tensor_info(type, &shape)) && shape;
    if (!tensor || !onnxruntime_read_shape(ort, shape, t, &number, dimensions))
        status = refuse_type(m, *name, "no tensor of at most 8 dimensions", error);
    else if (t->dtype == FOV_DTYPE_NONE)
        status = refuse_type(m, *name, onnxruntime_type_name(number), error);
    else if (!output && !close_dimensions(m, t, dimensions))
        status = fov_fail(error, FOV_EUNSUPPORTED,
                          "%.80s: %.40s gives one name to sides that must be equal then; ask for a "
                          "square input",
                          m->file, *name);
    ort->release_type_info(type);
    return status;
}

/* Sizes are what the caller asked for, and no absurd ones. */
static fov_status check_inputs(struct ort_model *m, fov_error *error)
{
    for (int i = 0; i < m->about.input_count; i++) {
        const fov_tensor *t = &m->about.inputs[i];
        size_t size = fov_tensor_count(t) * fov_dtype_size(t->dtype);
        if (!size || size > INPUT_BYTES_MAX)
            return fov_fail(error, FOV_EUNSUPPORTED,
                            "%.80s: input %.40s has no size that can be run", m->file, t->name);
        if (is_picture(t) && m->params->batch > 0 && t->shape[0] != m->params->batch)
            return fov_fail(error, FOV_EUNSUPPORTED,
                            "%.80s takes %d pictures a run, not %d; export it with an open batch",
                            m->file, (int)t->shape[0], m->params->batch);
    }
    const fov_tensor *first = &m->about.inputs[0];
    m->about.batch = m->about.input_count && is_picture(first) ? (int)first->shape[0] : 1;
    return FOV_OK;
}

fov_status onnxruntime_describe(struct ort_model *m, ort_session *session, fov_error *error)
{
    size_t ins = 0, outs = 0;
    if (!onnxruntime_done(m->ort->session_get_input_count(session, &ins)) ||
        !onnxruntime_done(m->ort->session_get_output_count(session, &outs)))
        return onnxruntime_fail(error, FOV_EMODEL, m->file);
    if (ins > FOV_MODEL_INPUTS || outs > FOV_MODEL_OUTPUTS)
        return fov_fail(error, FOV_EUNSUPPORTED, "%.80s: more than %d inputs or %d outputs",
                        m->file, FOV_MODEL_INPUTS, FOV_MODEL_OUTPUTS);
    m->about.input_count = (int)ins;
    m->about.output_count = (int)outs;
    fov_status status = FOV_OK;
    for (size_t i = 0; !status && i < ins; i++)
        status = describe_port(m, session, false, i, error);
    for (size_t i = 0; !status && i < outs; i++)
        status = describe_port(m, session, true, i, error);
    return status ? status : check_inputs(m, error);
}
