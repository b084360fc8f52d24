/* What reading outputs costs: head and suppression, on outputs made up. One thread, medians. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/head.h"
#include "quantile.h"

enum { RUNS = 300, KEEP = 1000, KEEP_MORE = 5000, MOST = 300, OUTPUTS = 6 };

struct shape {
    const char *name;
    int rank;
    int64_t dimensions[4];
};

struct row {
    const char *what, *head;
    int side;
    struct shape outputs[OUTPUTS];
    int scores;  /* the output that has them */
    int hits;    /* candidates above the threshold; -1: every number */
    float quiet; /* what the other scores are */
    bool every_class;
};

static const struct row rows[] = {
    {"YOLOv8 8400 x 84, none", "yolo", 640, {{"o", 3, {1, 84, 8400}}}, 0, 0, 0.01f, false},
    {"YOLOv8 8400 x 84, 20", "yolo", 640, {{"o", 3, {1, 84, 8400}}}, 0, 20, 0.01f, false},
    {"YOLOv8 8400 x 84, 100 (goal: 0.15)",
     "yolo",
     640,
     {{"o", 3, {1, 84, 8400}}},
     0,
     100,
     0.01f,
     false},
    {"YOLOv8 8400 x 84, every cell", "yolo", 640, {{"o", 3, {1, 84, 8400}}}, 0, 8400, 0.01f, false},
    {"YOLOv8, evaluation, 20000", "yolo", 640, {{"o", 3, {1, 84, 8400}}}, 0, 20000, 0.01f, true},
    {"YOLOv5 25200 x 85, 100", "yolo", 640, {{"o", 3, {1, 25200, 85}}}, 0, 100, 0.01f, false},
    {"YOLOX 8400 x 85, 100", "yolox", 640, {{"o", 3, {1, 8400, 85}}}, 0, 100, 0.01f, false},
    {"SSD 1917 x 91, 100",
     "ssd",
     300,
     {{"b", 3, {1, 1917, 4}}, {"s", 3, {1, 1917, 91}}},
     1,
     100,
     0.01f,
     false},
    {"NanoDet-Plus 3598 x 112, 100",
     "nanodet",
     416,
     {{"o", 3, {1, 3598, 112}}},
     0,
     100,
     0.01f,
     false},
    {"YOLO-NAS 8400 x 80, 100",
     "yolonas",
     640,
     {{"b", 3, {1, 8400, 4}}, {"s", 3, {1, 8400, 80}}},
     1,
     100,
     0.01f,
     false},
    {"RT-DETR 300 x 80 logits, 100",
     "detr",
     640,
     {{"logits", 3, {1, 300, 80}}, {"pred_boxes", 3, {1, 300, 4}}},
     0,
     100,
     -6,
     false},
    {"CenterNet 80 x 128 x 128, 100",
     "centernet",
     512,
     {{"hm", 4, {1, 80, 128, 128}}, {"wh", 4, {1, 2, 128, 128}}, {"reg", 4, {1, 2, 128, 128}}},
     0,
     100,
     0.01f,
     false},
};

static uint32_t state = 1;

static uint32_t pick(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

/* Boxes of all sizes everywhere; scores quiet but for the hits. */
static void fill(const struct row *row, fov_tensor *out)
{
    for (int i = 0; i < OUTPUTS && row->outputs[i].name; i++) {
        float *numbers = out[i].data;
        size_t count = fov_tensor_count(&out[i]);
        for (size_t k = 0; k < count; k++)
            numbers[k] = i == row->scores ? row->quiet : (float)pick(1000) / 1000;
    }
    float *numbers = out[row->scores].data;
    bool channels = !strcmp(row->head, "yolo") && out[0].shape[1] == 84;
    bool joined = !strcmp(row->head, "yolox") || !strcmp(row->head, "yolo");
    size_t cells = (size_t)(channels ? 8400 : out[row->scores].shape[1]);
    size_t columns = (size_t)out[row->scores].shape[channels ? 1 : 2];
    for (size_t cell = 0; joined && cell < cells; cell++)
        for (size_t k = 0; k < 4; k++) {
            size_t at = channels ? k * cells + cell : cell * columns + k;
            numbers[at] = (float)pick(k < 2 ? 640 : 200) + 1;
        }
    size_t first = !joined ? 0 : channels ? 4 : 5;
    size_t classes = !strcmp(row->head, "nanodet") ? 80 : columns - first;
    for (int hit = 0; hit < row->hits; hit++) {
        bool each = row->hits == (int)cells;
        size_t cell = each ? (size_t)hit : pick((uint32_t)cells);
        size_t k = first + pick((uint32_t)classes);
        float score = 0.3f + (float)pick(6000) / 10000;
        if (!strcmp(row->head, "centernet"))
            numbers[pick(80 * 128 * 128)] = score;
        else
            numbers[channels ? k * cells + cell : cell * columns + k] = row->quiet < 0 ? 1 : score;
        if (joined && !channels)
            numbers[cell * columns + 4] = 0.95f;
    }
}

static void measure(const struct row *row)
{
    static double times[RUNS];
    fov_tensor in = {.dtype = FOV_F32, .rank = 4, .shape = {1, 3, row->side, row->side}};
    fov_tensor out[OUTPUTS] = {0};
    struct metadata meta = {.source = ""};
    struct head_setup setup = {.kernels = infer_kernels()};
    struct head_facts facts = {&in, out, 1, 0, &meta, ""};
    struct candidates found;
    const struct head *head = head_named(row->head);
    char evidence[HEAD_EVIDENCE] = "";
    fov_error error = {.message = ""};
    size_t added = 0, kept = 0;
    for (int i = 0; i < OUTPUTS && row->outputs[i].name; i++, facts.output_count++) {
        out[i] = (fov_tensor){.dtype = FOV_F32, .rank = row->outputs[i].rank};
        memcpy(out[i].shape, row->outputs[i].dimensions, sizeof row->outputs[i].dimensions);
        text_copy(out[i].name, sizeof out[i].name, row->outputs[i].name);
        out[i].data = malloc(fov_tensor_count(&out[i]) * sizeof(float));
        if (!out[i].data)
            exit(1);
    }
    fill(row, out);
    if (head->configure(&facts, &setup, &error) || head_read_input(&facts, &setup, &error) ||
        !candidates_init(&found, KEEP_MORE)) {
        fprintf(stderr, "bench_heads: %s: %s\n", row->what, error.message);
        exit(1);
    }
    if (setup.needs_probe)
        head->probe(&setup, out, evidence);
    struct head_query query = {.conf = row->every_class ? 0.02f : 0.25f,
                               .every_class = row->every_class};
    for (int i = 0; i < RUNS; i++) {
        int64_t start = clock_now_ns();
        candidates_begin(&found, row->every_class ? KEEP_MORE : KEEP, query.conf);
        head->decode(&setup, out, &query, &found);
        added = found.count;
        kept = candidates_suppress(&found, setup.nms, 0.45f, MOST);
        times[i] = ns_to_ms(clock_now_ns() - start);
    }
    printf("| %s | %zu | %zu | %.3f | %.3f |\n", row->what, added, kept, quantile(times, RUNS, 0.5),
           quantile(times, RUNS, 0.95));
    candidates_release(&found);
    for (int i = 0; i < OUTPUTS; i++)
        free(out[i].data);
}

int main(void)
{
    printf(
        "Head and suppression, ms, one thread, %s kernels. Candidates beyond %d (evaluation: %d) "
        "are dropped as they come.\n\n",
        infer_kernels()->name, KEEP, KEEP_MORE);
    printf("| output, candidates above the threshold | at the end | kept | p50 | p95 |\n");
    printf("|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        measure(&rows[i]);
    return 0;
}
