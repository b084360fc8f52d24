#include "infer/file_kind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "infer/protobuf.h"

enum { HEAD = 4096, FIELDS = 64, NAME = 60 };

/* `advice`: a sentence with one %s for the file's name, none for kinds that may run. */
static const struct {
    const char *name, *noun, *suffix, *advice;
} kinds[FILE_KINDS] = {
    [FILE_UNKNOWN] = {"unknown", "a file of no known kind", NULL, NULL},
    [FILE_ONNX] = {"ONNX", "an ONNX model", ".onnx", NULL},
    [FILE_ORT] = {"ONNX Runtime format", "an ONNX Runtime model", ".ort", NULL},
    [FILE_IR] = {"OpenVINO IR", "an OpenVINO IR", ".xml", NULL},
    [FILE_TFLITE] = {"TFLite", "a TFLite model", ".tflite", NULL},
    [FILE_GRAPHDEF] = {"TensorFlow graph", "a TensorFlow graph", ".pb", NULL},
    [FILE_PADDLE] = {"PaddlePaddle", "a PaddlePaddle model", ".pdmodel", NULL},
    [FILE_SAVED_MODEL] = {"TensorFlow SavedModel", "a TensorFlow SavedModel", NULL,
                          "convert its folder: python -m tf2onnx.convert --saved-model FOLDER "
                          "--output %.40s.onnx"},
    [FILE_TORCH] = {"PyTorch", "a PyTorch file", NULL,
                    "it is a program and is never opened; export it: yolo export "
                    "model=%.40s.pt format=onnx (or torch.onnx.export)"},
    [FILE_KERAS] = {"Keras", "a Keras model", NULL,
                    "export it: python -c \"import keras; "
                    "keras.saving.load_model('%.40s.keras').export('m.onnx', format='onnx')\""},
    [FILE_HDF5] = {"Keras HDF5", "a Keras model (HDF5)", NULL,
                   "export it: python -m tf2onnx.convert --keras %.40s.h5 --output model.onnx"},
    [FILE_TENSORRT] = {"TensorRT engine", "a TensorRT engine", NULL,
                       "engines belong to one GPU and one version; give the ONNX file that %.40s "
                       "was made from: fovea makes and keeps its engine"},
    [FILE_NCNN] = {"ncnn", "an ncnn model", NULL,
                   "no runtime here reads %.40s; export the original to ONNX: yolo export "
                   "model=NAME.pt format=onnx"},
    [FILE_COREML] = {"Core ML", "a Core ML model", NULL,
                     "give the ONNX file that %.40s was made from: on Apple machines ONNX Runtime "
                     "runs it through Core ML"},
    [FILE_RKNN] = {"RKNN", "a model compiled for a Rockchip NPU", NULL,
                   "that is not supported; give the ONNX file that %.40s was made from"},
    [FILE_HAILO] = {"HEF", "a model compiled for a Hailo chip", NULL,
                    "that is not supported; give the ONNX file that %.40s was made from"},
    [FILE_SAFETENSORS] = {"safetensors", "weights alone (safetensors)", NULL,
                          "the graph that computes with them is missing; export the whole model "
                          "of %.40s to ONNX"},
    [FILE_GGUF] = {"GGUF", "a language model (GGUF)", NULL,
                   "fovea finds things in pictures and cannot use %.40s"},
    [FILE_CAFFE] = {"Caffe", "a Caffe model", NULL,
                    "no runtime here reads %.40s; convert it to ONNX, or to IR with OpenVINO 2022"},
    [FILE_DARKNET] = {"Darknet", "a Darknet model", NULL,
                      "no runtime here reads %.40s; convert it to ONNX first"},
    [FILE_PICKLE] = {"Python pickle", "a Python pickle", NULL,
                     "it is a program and is never opened; export the model of %.40s to ONNX"},
    [FILE_WEIGHTS] = {"weights", "weights alone", NULL,
                      "name the file that describes the model: %.40s.xml or .pdmodel beside it"},
    [FILE_LFS_POINTER] = {"Git LFS pointer", "a Git LFS pointer, not the model itself", NULL,
                          "fetch it with `git lfs pull --include \"*%.40s*\"`"},
    [FILE_WEB_PAGE] = {"web page", "a web page, not a model", NULL,
                       "the download of %.40s was refused or led to a page about it; fetch the "
                       "file itself (\"raw\", \"download\")"},
    [FILE_ARCHIVE] = {"archive", "an archive", NULL, "unpack %.40s and name the model inside"},
    [FILE_PICTURE] = {"picture or video", "a picture or video, not a model", NULL,
                      "models end in .onnx, .xml or .tflite; %.40s is what `fovea predict` takes "
                      "as its source"},
    [FILE_EMPTY] = {"empty", "an empty file", NULL, "fetch or export %.40s again"},
};

static const struct {
    const char *suffix;
    enum file_kind kind;
} suffixes[] = {
    {".onnx", FILE_ONNX},         {".ort", FILE_ORT},          {".xml", FILE_IR},
    {".tflite", FILE_TFLITE},     {".lite", FILE_TFLITE},      {".pb", FILE_GRAPHDEF},
    {".pdmodel", FILE_PADDLE},    {".pt", FILE_TORCH},         {".pth", FILE_TORCH},
    {".torchscript", FILE_TORCH}, {".ckpt", FILE_TORCH},       {".keras", FILE_KERAS},
    {".h5", FILE_HDF5},           {".hdf5", FILE_HDF5},        {".engine", FILE_TENSORRT},
    {".plan", FILE_TENSORRT},     {".trt", FILE_TENSORRT},     {".param", FILE_NCNN},
    {".mlmodel", FILE_COREML},    {".mlpackage", FILE_COREML}, {".rknn", FILE_RKNN},
    {".hef", FILE_HAILO},         {".gguf", FILE_GGUF},        {".safetensors", FILE_SAFETENSORS},
    {".caffemodel", FILE_CAFFE},  {".prototxt", FILE_CAFFE},   {".weights", FILE_DARKNET},
    {".cfg", FILE_DARKNET},       {".pkl", FILE_PICKLE},       {".bin", FILE_WEIGHTS},
    {".pdiparams", FILE_WEIGHTS},
};

const char *file_kind_name(enum file_kind kind)
{
    return kinds[kind].name;
}

const char *file_kind_noun(enum file_kind kind)
{
    return kinds[kind].noun;
}

const char *file_kind_suffix(enum file_kind kind)
{
    return kinds[kind].suffix;
}

enum file_kind file_kind_by_suffix(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
        if (!strcasecmp(dot, suffixes[i].suffix))
            return suffixes[i].kind;
    return FILE_UNKNOWN;
}

void file_kind_advice(enum file_kind kind, const char *path, char *text, size_t size)
{
    const char *slash = strrchr(path, '/');
    char name[NAME];
    text[0] = '\0';
    if (!kinds[kind].advice)
        return;
    snprintf(name, sizeof name, "%.*s", NAME - 1, slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot > name)
        *dot = '\0';
    const char *at = strstr(kinds[kind].advice, "%.40s"); /* where the name goes */
    snprintf(text, size, "%.*s%.40s%s", (int)(at - kinds[kind].advice), kinds[kind].advice, name,
             at + strlen("%.40s"));
}

/* ---- by bytes ---- */

struct magic {
    size_t at, size;
    const char *bytes;
    enum file_kind kind;
};

static const struct magic magics[] = {
    {0, 23, "version https://git-lfs", FILE_LFS_POINTER},
    {4, 4, "TFL3", FILE_TFLITE},
    {4, 4, "ORTM", FILE_ORT},
    {0, 4, "GGUF", FILE_GGUF},
    {0, 4, "RKNN", FILE_RKNN},
    {0, 4, "\x01HEF", FILE_HAILO},
    {0, 8, "\x89HDF\r\n\x1a\n", FILE_HDF5},
    {0, 4, "ptrt", FILE_TENSORRT},
    {0, 4, "ftrt", FILE_TENSORRT},
    {0, 8, "7767517\n", FILE_NCNN},
    {0, 9, "7767517\r\n", FILE_NCNN},
    {0, 2, "\x1f\x8b", FILE_ARCHIVE},
    {0, 6, "7z\xbc\xaf\x27\x1c", FILE_ARCHIVE},
    {0, 6,
     "\xfd"
     "7zXZ",
     FILE_ARCHIVE},
    {0, 4, "\x28\xb5\x2f\xfd", FILE_ARCHIVE},
    {257, 5, "ustar", FILE_ARCHIVE},
    {0, 3, "\xff\xd8\xff", FILE_PICTURE},
    {0, 8, "\x89PNG\r\n\x1a\n", FILE_PICTURE},
    {0, 4, "RIFF", FILE_PICTURE},
    {4, 4, "ftyp", FILE_PICTURE},
};

static bool holds(const uint8_t *bytes, size_t size, const char *text, size_t text_size)
{
    return memmem(bytes, size < HEAD ? size : HEAD, text, text_size) != NULL;
}

/* Zips: PyTorch and Keras save in them. The names of members stand in the clear, the first ones at
 * the start and all of them in the directory at the end. */
static enum file_kind kind_of_zip(const uint8_t *bytes, size_t size)
{
    size_t tail = size < HEAD * 16 ? size : HEAD * 16;
    const uint8_t *end = bytes + (size - tail);
    if (memmem(end, tail, "model.weights.h5", 16))
        return FILE_KERAS;
    if (holds(bytes, size, "data.pkl", 8) || memmem(end, tail, "data.pkl", 8) ||
        memmem(end, tail, "constants.pkl", 13))
        return FILE_TORCH;
    return FILE_ARCHIVE;
}

/* Texts: pages of servers, IR, Darknet's settings. */
static enum file_kind kind_of_text(const uint8_t *bytes, size_t size)
{
    static const char *const pages[] = {"<!doctype html", "<html",       "<head",
                                        "{\"message\":",  "{\"error\":", "<error>"};
    size_t blank = 0;
    if (size >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3))
        blank = 3;
    while (blank < size && blank < HEAD && strchr(" \t\r\n", bytes[blank]) && bytes[blank])
        blank++;
    const char *text = (const char *)bytes + blank;
    size -= blank;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (size >= strlen(pages[i]) && !strncasecmp(text, pages[i], strlen(pages[i])))
            return FILE_WEB_PAGE;
    bool xml = size >= 5 && !memcmp(text, "<?xml", 5);
    if (xml && (holds((const uint8_t *)text, size, "<Error>", 7) ||
                holds((const uint8_t *)text, size, "<html", 5)))
        return FILE_WEB_PAGE;
    if ((xml && holds((const uint8_t *)text, size, "<net", 4)) ||
        (size >= 5 && !memcmp(text, "<net ", 5)))
        return FILE_IR;
    if (size >= 5 && !memcmp(text, "[net]", 5))
        return FILE_DARKNET;
    return FILE_UNKNOWN;
}

/* A TensorRT engine as Ultralytics writes it: length of a JSON text, the text, the engine.
 * safetensors: the same with 8 bytes of length, and nothing of it is missing. */
static enum file_kind kind_behind_json(const uint8_t *bytes, size_t size)
{
    struct reader r = {bytes, bytes + size};
    uint64_t length;
    if (size >= 9 && bytes[8] == '{' && read_fixed(&r, 8, &length) && length < size)
        return FILE_SAFETENSORS;
    r.at = bytes;
    if (size >= 5 && bytes[4] == '{' && read_fixed(&r, 4, &length) && length + 8 < size &&
        (!memcmp(bytes + 4 + length, "ftrt", 4) || !memcmp(bytes + 4 + length, "ptrt", 4)))
        return FILE_TENSORRT;
    return FILE_UNKNOWN;
}

static bool starts_with(struct reader message, uint64_t number)
{
    struct field f;
    return read_field(&message, &f) && f.number == number;
}

/* Formats in protobuf have no magic: the fields of the first bytes tell them apart. A last field
 * that is cut off counts. */
static enum file_kind kind_of_message(const uint8_t *bytes, size_t size)
{
    struct reader file = {bytes, bytes + size};
    struct field f, first;
    uint64_t seen = 0;
    bool apple = false, ended = read_field(&file, &first);
    if (!ended)
        return FILE_UNKNOWN;
    seen |= first.number < 64 ? UINT64_C(1) << first.number : 0;
    for (int i = 0; i < FIELDS && read_field(&file, &f); i++) {
        seen |= f.number < 64 ? UINT64_C(1) << f.number : 0;
        apple = apple || (f.number >= 200 && f.number < 4000);
    }
    if (f.lacks && f.number < 64)
        seen |= UINT64_C(1) << f.number;
    bool numbered = first.number == 1 && first.bytes.at == first.bytes.end; /* a version */
    if (numbered && apple)
        return FILE_COREML;
    if (numbered && (seen & UINT64_C(1) << 7))
        return FILE_ONNX;
    if (numbered && first.value == 1 && (seen & 4))
        return FILE_SAVED_MODEL;
    if (first.number == 1 && !numbered && starts_with(first.bytes, 1)) {
        struct field name;
        struct reader node = first.bytes;
        bool block = read_field(&node, &name) && name.bytes.at == name.bytes.end;
        return block ? FILE_PADDLE : FILE_GRAPHDEF; /* a block's number, or a node's name */
    }
    return FILE_UNKNOWN;
}

/* Kinds whose weights carry no header: the name is all there is. */
static enum file_kind kind_by_name_alone(const char *path)
{
    enum file_kind kind = file_kind_by_suffix(path);
    bool plain = kind == FILE_WEIGHTS || kind == FILE_DARKNET || kind == FILE_CAFFE ||
                 kind == FILE_TENSORRT || kind == FILE_RKNN || kind == FILE_NCNN ||
                 kind == FILE_COREML;
    return plain ? kind : FILE_UNKNOWN;
}

enum file_kind file_kind_of(const uint8_t *bytes, size_t size, const char *path)
{
    if (!size)
        return FILE_EMPTY;
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];
        if (size >= m->at + m->size && !memcmp(bytes + m->at, m->bytes, m->size))
            return m->kind;
    }
    if (size >= 4 && !memcmp(bytes, "PK\x03\x04", 4))
        return kind_of_zip(bytes, size);
    if (size >= 16 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5)
        return memmem(bytes, 16, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10) ? FILE_TORCH
                                                                                 : FILE_PICKLE;
    enum file_kind kind = kind_of_text(bytes, size);
    if (!kind)
        kind = kind_behind_json(bytes, size);
    if (!kind)
        kind = kind_of_message(bytes, size);
    return kind ? kind : kind_by_name_alone(path);
}
