/* What rules cost a frame: N rules with a zone of 8 corners each, over 20 and 100 boxes. Prints
 * Markdown. */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "scene/alerts.h"
#include "scene/crossing.h"

enum { ROUNDS = 2000, BOXES_MAX = 100, RULES_MAX = 64 };

static struct zone zone_around(double x, double y)
{
    struct zone zone = {.name = "z", .count = 8};
    for (int i = 0; i < 8; i++)
        zone.points[i] = (struct zone_point){x + 0.3 * cos(i * 0.785), y + 0.3 * sin(i * 0.785)};
    return zone;
}

static double measure_us(int rules, int boxes)
{
    static struct zone zones[RULES_MAX];
    static struct alert_state states[RULES_MAX];
    fov_detection items[BOXES_MAX];
    volatile int changes = 0;
    for (int i = 0; i < rules; i++)
        zones[i] = zone_around(0.3 + 0.4 * (i % 8) / 8, 0.3 + 0.4 * i / RULES_MAX);
    for (int i = 0; i < boxes; i++)
        items[i] = (fov_detection){.x1 = (float)(i * 17 % 1200),
                                   .y1 = 10,
                                   .x2 = (float)(i * 17 % 1200 + 60),
                                   .y2 = (float)(i * 31 % 700 + 20),
                                   .score = 0.9f - 0.001f * (float)i};
    const struct alert_picture picture = {items, (size_t)boxes, 1280, 720, NULL};
    int64_t begun = clock_thread_ns();
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < rules; i++) {
            struct alert_rule rule = {.min_confidence = 0.5, .for_s = 1, .zone = &zones[i]};
            bool seen = alert_match(&rule, &picture) != NULL;
            changes += alert_step(&rule, &states[i], begun + round * 33 * NS_PER_MS, seen);
        }
    return (double)(clock_thread_ns() - begun) / 1e3 / ROUNDS;
}

/* Lines instead: `boxes` tracks walk to and fro over all of them. */
static double measure_lines_us(int lines, int boxes)
{
    static struct crossing crossings[ZONES_MAX];
    static struct zone zones[ZONES_MAX];
    fov_detection items[BOXES_MAX];
    struct crossing_event event;
    volatile int crossed = 0;
    for (int i = 0; i < lines; i++)
        zones[i] = (struct zone){
            .line = true, .count = 2, .points = {{0.3 + 0.02 * i, 0}, {0.35 + 0.02 * i, 1}}};
    int64_t begun = clock_thread_ns();
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < boxes; k++) {
            float x = 1200 * fabsf(sinf((float)(round + 7 * k) / 40));
            items[k] = (fov_detection){x, 100, x + 40, 200 + (float)k, 0.9f, 0, 0, k + 1};
        }
        for (int i = 0; i < lines; i++) {
            struct crossing_line line = crossing_line_in_picture(&zones[i], 1280, 720);
            for (int k = 0; k < boxes; k++) {
                struct crossing_sight sight = crossing_sight_in_picture(&items[k], 720);
                sight.ns = round * 33 * NS_PER_MS;
                crossed += crossing_step(&crossings[i], &line, &sight, &event) != CROSSING_NONE;
            }
        }
    }
    return (double)(clock_thread_ns() - begun) / 1e3 / ROUNDS;
}

int main(void)
{
    static const int rules[] = {1, 8, 64}, boxes[] = {20, 100};
    printf("| rules | boxes | µs a frame |\n|---|---|---|\n");
    for (int r = 0; r < 3; r++)
        for (int b = 0; b < 2; b++)
            printf("| %d | %d | %.1f |\n", rules[r], boxes[b], measure_us(rules[r], boxes[b]));
    printf("\n| lines | tracks | µs a frame |\n|---|---|---|\n");
    for (int l = 1; l <= ZONES_MAX; l *= 16)
        for (int b = 0; b < 2; b++)
            printf("| %d | %d | %.1f |\n", l, boxes[b], measure_lines_us(l, boxes[b]));
    return 0;
}
