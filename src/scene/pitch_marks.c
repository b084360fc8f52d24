/* What is drawn on a pitch, by law 1 of the Laws of the Game. */
#include <fovea/pitch.h>

#include <string.h>

#include "scene/pitch.h"

/* Where the circle around the spot meets the line of the penalty area: sqrt(9.15^2 - 5.5^2). */
#define ARC_HALF 7.312489
#define CIRCLE_DIAGONAL 6.470027 /* 9.15 / sqrt(2) */

/* A place: shares of length and width, and metres from there. */
struct mark {
    const char *name;
    double along, x, across, y;
};

/* One at each end of the pitch, on the line between the two goals. */
#define END(name, x)                                                                               \
    {"left_" name, 0, x, 0.5, 0},                                                                  \
    {                                                                                              \
        "right_" name, 1, -(x), 0.5, 0                                                             \
    }
/* Four: each end, on both sides of that line. */
#define FOUR(name, along, x, y)                                                                    \
    {"left_near_" name, along, x, 0.5, -(y)}, {"left_far_" name, along, x, 0.5, y},                \
        {"right_near_" name, 1 - (along), -(x), 0.5, -(y)},                                        \
    {                                                                                              \
        "right_far_" name, 1 - (along), -(x), 0.5, y                                               \
    }

static const struct mark marks[] = {
    {"left_near_corner", 0, 0, 0, 0},
    {"left_far_corner", 0, 0, 1, 0},
    {"right_near_corner", 1, 0, 0, 0},
    {"right_far_corner", 1, 0, 1, 0},
    {"near_halfway", 0.5, 0, 0, 0},
    {"far_halfway", 0.5, 0, 1, 0},
    {"centre", 0.5, 0, 0.5, 0},
    {"near_circle", 0.5, 0, 0.5, -PITCH_CIRCLE},
    {"far_circle", 0.5, 0, 0.5, PITCH_CIRCLE},
    {"left_circle", 0.5, -PITCH_CIRCLE, 0.5, 0},
    {"right_circle", 0.5, PITCH_CIRCLE, 0.5, 0},
    FOUR("circle", 0.5, -CIRCLE_DIAGONAL, CIRCLE_DIAGONAL),
    FOUR("post", 0, 0, PITCH_POST),
    FOUR("goal_area_end", 0, 0, PITCH_GOAL_AREA_HALF),
    FOUR("goal_area_corner", 0, PITCH_GOAL_AREA_LENGTH, PITCH_GOAL_AREA_HALF),
    FOUR("penalty_area_end", 0, 0, PITCH_PENALTY_AREA_HALF),
    FOUR("penalty_area_corner", 0, PITCH_PENALTY_AREA_LENGTH, PITCH_PENALTY_AREA_HALF),
    FOUR("penalty_area_arc", 0, PITCH_PENALTY_AREA_LENGTH, ARC_HALF),
    /* Not drawn: the goal area's sides, drawn on to the line of the penalty area. */
    FOUR("penalty_area_at_goal_area", 0, PITCH_PENALTY_AREA_LENGTH, PITCH_GOAL_AREA_HALF),
    END("penalty_spot", PITCH_SPOT),
    END("penalty_area_middle", PITCH_PENALTY_AREA_LENGTH),
    END("arc", PITCH_SPOT + PITCH_CIRCLE),
};
enum { MARKS = sizeof marks / sizeof *marks };

/* Numbers from 1 and a y that runs towards the camera there; here their names. */
static const char *const roboflow[] = {
    "left_far_corner",
    "left_far_penalty_area_end",
    "left_far_goal_area_end",
    "left_near_goal_area_end",
    "left_near_penalty_area_end",
    "left_near_corner",
    "left_far_goal_area_corner",
    "left_near_goal_area_corner",
    "left_penalty_spot",
    "left_far_penalty_area_corner",
    "left_far_penalty_area_at_goal_area",
    "left_near_penalty_area_at_goal_area",
    "left_near_penalty_area_corner",
    "far_halfway",
    "far_circle",
    "near_circle",
    "near_halfway",
    "right_far_penalty_area_corner",
    "right_far_penalty_area_at_goal_area",
    "right_near_penalty_area_at_goal_area",
    "right_near_penalty_area_corner",
    "right_penalty_spot",
    "right_far_goal_area_corner",
    "right_near_goal_area_corner",
    "right_far_corner",
    "right_far_penalty_area_end",
    "right_far_goal_area_end",
    "right_near_goal_area_end",
    "right_near_penalty_area_end",
    "right_near_corner",
    "left_circle",
    "right_circle",
};
enum { ROBOFLOW = sizeof roboflow / sizeof *roboflow };

fov_pitch_size pitch_size(const fov_pitch_size *size)
{
    bool given = size && (size->length != 0 || size->width != 0);
    return given ? *size : (fov_pitch_size){PITCH_USUAL_LENGTH, PITCH_USUAL_WIDTH};
}

int fov_pitch_landmark_find(const char *name)
{
    for (int i = 0; name && i < MARKS; i++)
        if (strcmp(marks[i].name, name) == 0)
            return i;
    return -1;
}

bool fov_pitch_landmark(fov_pitch_layout layout, int i, const fov_pitch_size *size,
                        const char **name, double pitch[2])
{
    int count = layout == FOV_PITCH_LANDMARKS     ? MARKS
                : layout == FOV_PITCH_ROBOFLOW_32 ? ROBOFLOW
                                                  : 0;
    if (i < 0 || i >= count)
        return false;
    const struct mark *mark =
        &marks[layout == FOV_PITCH_ROBOFLOW_32 ? fov_pitch_landmark_find(roboflow[i]) : i];
    fov_pitch_size s = pitch_size(size);
    if (name)
        *name = mark->name;
    pitch[0] = mark->along * s.length + mark->x;
    pitch[1] = mark->across * s.width + mark->y;
    return true;
}
