/* Models: a file, the backend that runs it, the head that reads its output, the labels.
 * Runners: one thread's right to run a model. */
#ifndef FOVEA_MODEL_H
#define FOVEA_MODEL_H

#include <stdbool.h>
#include <fovea/detect.h>
#include <fovea/frame.h>
#include <fovea/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_model fov_model;
typedef struct fov_runner fov_runner;

typedef enum fov_precision {
    FOV_PRECISION_AUTO, /* the fastest the device offers that keeps results (bf16, f16); INT8 where
                         * an accepted INT8 form lies beside the file (NAME_int8.xml) */
    FOV_PRECISION_F32,
    FOV_PRECISION_F16,
    FOV_PRECISION_INT8
} fov_precision;

typedef enum fov_hint { FOV_HINT_LATENCY, FOV_HINT_THROUGHPUT } fov_hint;

/* What a model that is a function gets. */
typedef struct fov_own_picture {
    const fov_image *image;          /* the whole picture, valid during the call */
    int64_t limit_ns;                /* monotonic; an answer after it is of no use. 0: no limit */
    const fov_detect_params *params; /* never NULL; zero: the default */
} fov_own_picture;

/* Fills `out` up to its capacity: boxes in px of the image, score, class_id; the rest is done for
 * it (what is empty, not finite or not asked for is left out, and boxes are cut at the picture's
 * edges). Returns FOV_OK; FOV_ETIMEOUT when limit_ns passed, which makes the frame of a stream
 * `dropped, deadline`; or why it failed. Called by the threads of runners. */
typedef fov_status (*fov_own_fn)(void *user, const fov_own_picture *picture, fov_detections *out,
                                 fov_error *error);

/* A model that is a function of the caller's: its own detector in the place of a file. Zero means
 * the default. It stays unchanged as long as the model, or the workers that it was given to. */
typedef struct fov_own_model {
    fov_own_fn detect; /* required */
    void *user;
    fov_pixels pixels; /* that it wants; default: those that the picture has */
    const char *const *labels;
    int label_count;    /* 0: classes are "class_N" */
    int runners;        /* calls at once, 1..64; default 1 */
    double patience_ms; /* a call of a stream that takes longer is given up; default 10,000 */
} fov_own_model;

/* Zero means the default everywhere. Strings are copied. */
typedef struct fov_model_params {
    const char *path;         /* file, "oip://host:port/model", or "fake:key=value,..."; required */
    const fov_own_model *own; /* it is this function; `path` names nothing but the model then */
    const char *id;           /* name shown to users; default: the file's or its folder's name */
    const char *backend; /* "openvino", "onnxruntime", ...; default: by suffix and what is there */
    /* "CPU", "GPU", "NPU", "TPU", "CUDA", "TENSORRT", "COREML", "GPU.1": tried first; what follows
     * in the order serves when it is not there or fails, unless `backend` is named too. NULL: the
     * order itself (CUDA where it is, then CPU); "AUTO": with Intel's GPU and NPU before the CPU.
     */
    const char *device;
    const char *head;   /* "yolo", "ssd", "detr", ...; default: recognised from the file */
    const char *labels; /* file with one label a line; default: from the model, else COCO */
    /* How pixels become the input, where the recognised way is wrong: comma separated words out of
     * rgb bgr stretch letterbox top-left crop, mean=123.7 116.3 103.5, scale=58.4 57.1 57.4 (the
     * value is (pixel - mean) / scale), pad=114. Default: from the model. */
    const char *input;
    fov_precision precision;
    fov_hint hint;
    int threads; /* of the runtime; default: the cores this process may use (throughput: 1 a runner)
                  */
    int runners; /* throughput: how many run at once; default: the cores */
    int input_width, input_height; /* for models with a dynamic size; default 640 */
    int batch;         /* pictures a run takes, for models whose batch can be changed; default 1 */
    const char *avoid; /* "openvino:GPU onnxruntime:CUDA": not tried, as they failed before */
    const char *cache_dir; /* compiled forms; NULL: no cache */
    const char
        *runtime_dir;  /* where the runtime's libraries are; default: searched (see fovea doctor) */
    bool no_int8;      /* FOV_PRECISION_AUTO never takes the INT8 form beside a model */
    bool bind_threads; /* the runtime's threads stay on a core each, where it can do that */
    bool no_warmup;    /* skip the runs on noise that make the first frame as fast as the others */
} fov_model_params;

/* What a model turned out to be. Pointers live as long as the model. */
typedef struct fov_model_info {
    const char *id, *path;   /* path: of the file that runs */
    const char *file_reason; /* why that one of a model's forms; "" when it has one only */
    fov_task task;
    int keypoints;                 /* of each detection (pose) */
    int embedding;                 /* numbers of the vector (embed) */
    const char *head;              /* "ssd" */
    const char *head_evidence;     /* why this head: "rt_info model_type=ssd" */
    int head_confidence;           /* 0..100: how far that evidence goes */
    const char *backend;           /* "openvino" */
    const char *backend_version;   /* "2026.4.1-..." */
    const char *fallback;          /* why better choices do not run it, "" when none was missed */
    const char *device;            /* "CPU" */
    const char *device_name;       /* "AMD EPYC ..." */
    const char *precision;         /* effective: "bf16", "int8" */
    int input_width, input_height; /* px of the model's input */
    bool open_size;                /* the file leaves that open: another one may be asked for */
    bool letterbox;                /* aspect kept and padded; else stretched or cropped */
    const char *fit;               /* "stretched", "aspect kept, padded", "cropped", ... */
    const char *layout;            /* "nhwc" or "nchw" */
    const char *color;             /* "rgb", "bgr" or "gray" */
    fov_dtype input_dtype;
    const char *const *labels;
    int label_count;
    const char *label_source; /* "the model's metadata", "a file beside the model", ... */
    int threads,
        max_runners;  /* max_runners: runs that may be in flight at once; 1 for latency form */
    int batch;        /* pictures a run takes */
    int64_t delay_ns; /* fake only: results are to be published this much later (delay line) */
    double load_ms, compile_ms, warmup_ms;
    double run_ms;      /* the quickest run of the warm-up, 0: there was none */
    double patience_ms; /* a run of a stream that takes longer is given up; 0: by its history */
    const char *shapes; /* "image u8[1,300,300,3] -> boxes f32[1,1917,4], ..." */
    const char
        *scale; /* what becomes of a pixel: "as it is", "/ 255", "(- 123.7 ...) / 58.4 ..." */
} fov_model_info;

/* Opens, recognises, compiles and warms up a model.
 * Returns FOV_ENOTFOUND, FOV_EMODEL, FOV_ERUNTIME, FOV_EUNSUPPORTED, FOV_ENOMEM with the reason and
 * what would mend it. Thread-safety: safe. Blocks: yes (0.3 s for the default model). */
FOV_API fov_status fov_model_open(fov_model **model, const fov_model_params *params,
                                  fov_error *error);

/* True for a model's address ("oip://host:port/model", "fake:"), false for a file's path or a name.
 * Thread-safety: safe. Blocks: no. */
FOV_API bool fov_model_is_address(const char *path);

/* Where the model of a name is, as the command line and the server look for it: an entry of the
 * settings in the environment, a file, an address, a name in models.dir, in
 * ~/.local/share/fovea/models and among what set-up fetched. NULL or "": the default model. `path`
 * gets up to `size` bytes. Returns FOV_ENOTFOUND with what would bring it, FOV_EINVAL (a setting of
 * the environment). Thread-safety: safe. Blocks: on the disk. */
FOV_API fov_status fov_model_find(const char *name, char *path, size_t size, fov_error *error);

/* Tells of each model that is on this machine under a name: in models.dir, in
 * ~/.local/share/fovea/models, among what set-up fetched. A name that several of them have is told
 * again with the same path. Returns FOV_EINVAL (a setting of the environment). Thread-safety: safe.
 * Blocks: on the disk. */
FOV_API fov_status fov_model_list(void (*told)(void *user, const char *name, const char *path),
                                  void *user, fov_error *error);

/* One more reference. Thread-safety: safe. Blocks: no. */
FOV_API fov_model *fov_model_ref(fov_model *model);

/* Drops a reference, sets *model to NULL, accepts NULL. The last one frees it (after its runners).
 * Thread-safety: safe. Blocks: briefly. */
FOV_API void fov_model_close(fov_model **model);

/* Never NULL; valid while the model is. Thread-safety: safe. Blocks: no. */
FOV_API const fov_model_info *fov_model_get_info(const fov_model *model);

/* Label of a class id, or "class_N". Never NULL. Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_model_label(const fov_model *model, int class_id);

/* Opens a runner. Allocates all it needs for frames of any size up to 1080p.
 * Returns FOV_EBUSY when max_runners are open already, FOV_ENOMEM, FOV_EINFER.
 * Thread-safety: safe. Blocks: briefly. */
FOV_API fov_status fov_runner_open(fov_runner **runner, fov_model *model, fov_error *error);

/* Closes a runner, sets *runner to NULL, accepts NULL. Thread-safety: its thread. Blocks: briefly.
 */
FOV_API void fov_runner_close(fov_runner **runner);

/* Makes the model's input of decoded pixels, as fov_runner_detect does before it runs, and shows
 * it. image: at least 1×1, at most 40 megapixels. input: views the runner's memory until its next
 * call. Returns FOV_EINVAL. Thread-safety: one thread at a time a runner. Blocks: no. */
FOV_API fov_status fov_runner_prepare(fov_runner *runner, const fov_image *image, fov_tensor *input,
                                      fov_error *error);

/* Detects in decoded pixels (any fov_pixels): letterbox, run, head, NMS, undo.
 * image: at least 1×1, at most 40 megapixels; it may be a scaled decode of a picture of
 * src_width × src_height px: boxes come out in source pixels.
 * params: NULL for the defaults. out: caller's array. timings: may be NULL; preprocess, inference
 * and postprocess are filled. Returns FOV_EINVAL, FOV_EINFER (also for non-finite outputs). No
 * allocation after the first frames. Thread-safety: one thread at a time a runner. Blocks: for the
 * run. */
FOV_API fov_status fov_runner_detect(fov_runner *runner, const fov_image *image, int src_width,
                                     int src_height, const fov_detect_params *params,
                                     fov_detections *out, fov_timings *timings, fov_error *error);

/* Detects in an encoded picture or the frame's pixels: decodes at the smallest of 1/1, 1/2, 1/4,
 * 1/8 that the model's input needs (params->exact: 1/1), then as fov_runner_detect. `out_width`,
 * `out_height` (may be NULL) get the source size. Timings: decode as well.
 * Returns also FOV_EFORMAT, FOV_EUNSUPPORTED, FOV_ELIMIT from the decoder.
 * Thread-safety: one thread at a time a runner. Blocks: for the run. */
FOV_API fov_status fov_runner_detect_frame(fov_runner *runner, const fov_frame *frame,
                                           const fov_detect_params *params, fov_detections *out,
                                           int *out_width, int *out_height, fov_timings *timings,
                                           fov_error *error);

/* One picture of several that go through a model together. */
typedef struct fov_item {
    const fov_frame *frame;          /* as for fov_runner_detect_frame; or NULL and */
    const fov_image *image;          /* as for fov_runner_detect, of a picture of */
    int width, height;               /* so many px; with a frame: filled with its size */
    const fov_detect_params *params; /* NULL for the defaults */
    fov_detections *out;
    fov_timings *timings; /* may be NULL; inference is the whole run's, which all waited for */
    fov_error error;      /* filled: status FOV_OK, or why this picture has no detections */
} fov_item;

/* Detects in up to fov_model_info.batch pictures with one run. A picture that cannot be decoded has
 * its own error and costs the others nothing. Returns FOV_EINVAL for wrong arguments, FOV_EINFER
 * when the run failed (all items have that error then), else FOV_OK.
 * Thread-safety: one thread at a time a runner. Blocks: for the run. */
FOV_API fov_status fov_runner_detect_items(fov_runner *runner, fov_item *items, int count,
                                           fov_error *error);

/* ---- what a file is, without any runtime ---------------------------------------------------- */

/* An input or an output as the file names it. */
typedef struct fov_file_port {
    char name[64];
    char type[12];                  /* "f32", "i64", "string", "?" */
    int rank;                       /* -1: the file does not say */
    int64_t shape[FOV_TENSOR_RANK]; /* -1: open */
    float scale;                    /* quantised: real = scale * (value - zero); 0: not */
    int32_t zero;
} fov_file_port;

typedef struct fov_file_operator {
    char name[40], domain[40];
    int count;
} fov_file_operator;

typedef struct fov_inspection fov_inspection;

/* Pointers live as long as the inspection. */
typedef struct fov_inspection_info {
    const char *format;                    /* "ONNX", "Git LFS pointer", "unknown" */
    const char *version;                   /* "IR 8, opset 12", "" */
    const char *producer;                  /* "pytorch 1.13", "" */
    const char *quantised;                 /* "int8, QDQ", "" */
    const char *custom_operator;           /* "mmdeploy::TRTBatchedNMS", "" */
    const char *external_data;             /* another file that holds weights, "" */
    const char *licence;                   /* as the file says, "" */
    const char *task, *description;        /* as the file says, "" */
    int64_t bytes;                         /* of all its files */
    const fov_file_port *inputs, *outputs; /* the first 32 of each */
    int input_count, output_count;
    const fov_file_operator *operators; /* most frequent first */
    int operator_kinds, node_count;
    const fov_model_info *reading; /* how it would be read, fields of the runtime empty; or NULL */
    const char *problem;           /* why there is no reading, "" */
    bool refused;                  /* the file itself is the reason: no runtime would see it */
} fov_inspection_info;

/* Says what the file of `params` is by fovea's own scanners: nothing is run, no runtime is opened.
 * `*inspection` holds what was found, also when the file is refused (the status and `error` then
 * say why, as fov_model_open would); NULL only for FOV_ENOMEM, and FOV_EINVAL for no path or
 * a model behind a scheme ("fake:"). Free with
 * fov_inspection_close. Thread-safety: safe. Blocks: for reading the file. */
FOV_API fov_status fov_inspect(fov_inspection **inspection, const fov_model_params *params,
                               fov_error *error);

/* Never NULL; valid while the inspection is. Thread-safety: safe. Blocks: no. */
FOV_API const fov_inspection_info *fov_inspection_get_info(const fov_inspection *inspection);

/* Frees it, sets *inspection to NULL, accepts NULL. Thread-safety: no other call. Blocks: no. */
FOV_API void fov_inspection_close(fov_inspection **inspection);

#ifdef __cplusplus
}
#endif
#endif
