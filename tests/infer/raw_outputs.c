/* What a backend's outputs are, bit by bit, for test_raw_outputs.py:
 *
 *     raw_outputs BACKEND MODEL INPUT OUTPUT [WIDTH HEIGHT]
 *
 * INPUT holds the first input's bytes; OUTPUT gets the bytes of all outputs, one after another.
 * Prints a JSON object a line: first the input, then each output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/backend.h>

static void give_up(const char *what)
{
    fprintf(stderr, "raw_outputs: %s\n", what);
    exit(1);
}

static void print(const fov_tensor *t)
{
    printf("{\"name\": \"%s\", \"dtype\": \"%s\", \"shape\": [", t->name, fov_dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++)
        printf("%s%lld", i ? ", " : "", (long long)t->shape[i]);
    printf("]}\n");
}

int main(int argc, char **argv)
{
    const fov_backend *b = NULL;
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
    static fov_backend_model about;
    fov_error error = {.message = ""};
    void *model, *runner;
    if (argc < 5)
        give_up("BACKEND MODEL INPUT OUTPUT [WIDTH HEIGHT]");
    for (size_t i = 0; fov_backend_at(i); i++)
        if (!strcmp(fov_backend_at(i)->name, argv[1]))
            b = fov_backend_at(i);
    fov_model_params params = {.path = argv[2],
                               .device = "CPU",
                               .precision = FOV_PRECISION_F32,
                               .input_width = argc > 6 ? (int)strtol(argv[5], NULL, 10) : 0,
                               .input_height = argc > 6 ? (int)strtol(argv[6], NULL, 10) : 0};
    if (!b || b->load(&params, &model, &error) || b->runner_open(model, &runner, &error))
        give_up(b ? error.message : "no such backend");
    b->describe(model, &about);
    b->inputs(runner, in);
    size_t size = fov_tensor_count(&in[0]) * fov_dtype_size(in[0].dtype);
    FILE *from = fopen(argv[3], "rb"), *to = fopen(argv[4], "wb");
    if (!from || !to || fread(in[0].data, 1, size, from) != size)
        give_up("the input has another size, or a file cannot be opened");
    if (b->run(runner, out, &error))
        give_up(error.message);
    print(&in[0]);
    for (int i = 0; i < about.output_count; i++) {
        print(&out[i]);
        fwrite(out[i].data, fov_dtype_size(out[i].dtype), fov_tensor_count(&out[i]), to);
    }
    fclose(from);
    b->runner_close(runner);
    b->unload(model);
    return fclose(to) == 0 ? 0 : 1;
}
