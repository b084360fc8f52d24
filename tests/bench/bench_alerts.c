/* What rules cost a frame: N rules with a zone of 8 corners each, over 20 and 100 boxes. Prints
 * Markdown. */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "scene/alerts.h"

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
    int64_t begun = clock_now_ns();
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < rules; i++) {
            struct alert_rule rule = {.min_confidence = 0.5, .for_s = 1, .zone = &zones[i]};
            bool seen = alert_match(&rule, items, (size_t)boxes, 1280, 720) != NULL;
            changes += alert_step(&rule, &states[i], begun + round * 33 * NS_PER_MS, seen);
        }
    return (double)(clock_now_ns() - begun) / 1e3 / ROUNDS;
}

int main(void)
{
    static const int rules[] = {1, 8, 64}, boxes[] = {20, 100};
    printf("| rules | boxes | µs a frame |\n|---|---|---|\n");
    for (int r = 0; r < 3; r++)
        for (int b = 0; b < 2; b++)
            printf("| %d | %d | %.1f |\n", rules[r], boxes[b], measure_us(rules[r], boxes[b]));
    return 0;
}
