/* The model that the commands run: from their options, the environment and what set-up fetched. */
#ifndef APPS_CHOSEN_MODEL_H
#define APPS_CHOSEN_MODEL_H

#include <fovea/stream.h>

struct settings;

/* Options of predict, benchmark, eval, models inspect. NULL and 0: the default. */
struct chosen_model {
    const char *model;     /* file, name in models.dir or among the fetched ones, address */
    const char *id;        /* shown to users; NULL: by the file */
    const char *backend;   /* "openvino", "onnxruntime"; NULL: the best that is there */
    const char *device;    /* "CPU" */
    const char *precision; /* "auto", "fp32", "fp16", "int8" */
    const char *head;      /* "ssd", "yolo", "yolox"; NULL: recognised */
    const char *labels;    /* file; NULL: from the model */
    const char *input;     /* "bgr,scale=255": words of fov_model_params.input; NULL: recognised */
    int imgsz;             /* px a side, for models of dynamic size */
    int batch;             /* pictures a run takes; 0: one */
    const char *avoid;     /* as fov_model_params.avoid */
    bool exact;            /* f32 unless `precision` says otherwise */
    bool conf_given, iou_given; /* kept, whatever a recording says; set by its owner */
    double conf, iou;           /* 0: replaced by the environment's or the built-in value */
};

/* Fills what is left at its default, and opens the model. Returns FOV_EINVAL (a wrong word or
 * environment variable), FOV_ENOTFOUND, or what fov_model_open returns. */
fov_status chosen_model_open(struct chosen_model *chosen, fov_model **model, fov_error *error);

/* The same as workers; their params name no model. Returns what fov_workers_create returns, too. */
fov_status chosen_model_start(struct chosen_model *chosen, fov_workers_params *params,
                              fov_workers **workers, fov_error *error);

/* The same beside the models that workers have. Returns what fov_workers_add_model returns, too. */
fov_status chosen_model_add(struct chosen_model *chosen, fov_workers *workers, fov_error *error);

/* The same without any runtime: what the file is. As fov_inspect. */
fov_status chosen_model_inspect(struct chosen_model *chosen, fov_inspection **inspection,
                                fov_error *error);

/* The settings of the environment; free with settings_free. Returns FOV_EINVAL, FOV_ENOMEM. */
fov_status chosen_settings(struct settings **settings, fov_error *error);

#endif
