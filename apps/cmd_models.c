/* fovea models list | pull NAME | inspect FILE */
#include <stdio.h>
#include <string.h>

#include "chosen_model.h"
#include "commands.h"
#include "inspection.h"
#include "models.h"
#include "options.h"

int cmd_models(int argc, char **argv)
{
    static const struct usage usage = {
        "models", "list | pull NAME | inspect FILE",
        "Models: which there are, with licences; fetches one; what a file is.",
        "pull checks size and SHA-256 and goes on with a download that broke off; then the other\n"
        "commands find the model by its name.\n\n"
        "  fovea models list\n"
        "  fovea models pull nanodet_m_320\n"
        "  fovea models inspect yolo11n.onnx\n"
        "  fovea models inspect best.xml --no-run\n"};
    bool json = false, no_run = false;
    const char *accepted = NULL;
    struct chosen_model chosen = {0};
    const struct option_spec options[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON object a line"},
        {"device", OPTION_TEXT, &chosen.device, 0, 0, "DEVICE", "inspect: CPU, GPU, NPU"},
        {"backend", OPTION_TEXT, &chosen.backend, 0, 0, "B",
         "inspect: openvino, onnxruntime (best present)"},
        {"precision", OPTION_TEXT, &chosen.precision, 0, 0, "P", "inspect: auto, fp32, fp16, int8"},
        {"head", OPTION_TEXT, &chosen.head, 0, 0, "H", "inspect: read as ssd, yolo, yolox"},
        {"input", OPTION_TEXT, &chosen.input, 0, 0, "WORDS", "inspect: bgr,letterbox,scale=255"},
        {"labels", OPTION_TEXT, &chosen.labels, 0, 0, "FILE", "inspect: one label a line"},
        {"imgsz", OPTION_INT, &chosen.imgsz, 32, 4096, "N", "inspect: size of a dynamic input"},
        {"accept-licence", OPTION_TEXT, &accepted, 0, 0, "LICENCE", "pull: you agree to this one"},
        {"no-run", OPTION_FLAG, &no_run, 0, 0, NULL, "inspect: the file alone, without a runtime"},
        {0}};
    const char *words[2];
    int count = options_parse(&usage, options, argc, argv, words, 2);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    if (count == 1 && !strcmp(words[0], "list"))
        return models_list(json);
    if (count == 2 && !strcmp(words[0], "pull"))
        return models_pull(words[1], accepted, json);
    if (count == 2 && !strcmp(words[0], "inspect")) {
        chosen.model = words[1];
        return inspection_print(&chosen, no_run, json, models_licence);
    }
    fprintf(stderr, "usage: fovea models list | pull NAME | inspect FILE (--help tells more)\n");
    return 2;
}
