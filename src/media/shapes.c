/* Corners of turned boxes, and the skeleton of COCO's poses. */
#include <math.h>

#include <fovea/detect.h>

void fov_detail_corners(const fov_detail *d, fov_point corners[4])
{
    static const float signs[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    float cosine = cosf(d->angle) / 2, sine = sinf(d->angle) / 2;
    for (int i = 0; i < 4; i++) {
        float x = signs[i][0] * d->width, y = signs[i][1] * d->height;
        corners[i] = (fov_point){d->center_x + x * cosine - y * sine,
                                 d->center_y + x * sine + y * cosine};
    }
}

const char *fov_keypoint_name(int i)
{
    static const char *const names[] = {
        "nose",           "left_eye",   "right_eye",   "left_ear",   "right_ear",   "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
        "right_hip",      "left_knee",  "right_knee",  "left_ankle", "right_ankle"};
    return i >= 0 && i < (int)(sizeof names / sizeof *names) ? names[i] : NULL;
}

bool fov_keypoint_line(int i, int *from, int *to)
{
    static const unsigned char lines[][2] = {
        {15, 13}, {13, 11}, {16, 14}, {14, 12}, {11, 12}, {5, 11}, {6, 12}, {5, 6}, {5, 7},
        {7, 9},   {6, 8},   {8, 10},  {0, 1},   {0, 2},   {1, 3},  {2, 4},  {3, 5}, {4, 6}};
    if (i < 0 || i >= (int)(sizeof lines / sizeof *lines))
        return false;
    *from = lines[i][0];
    *to = lines[i][1];
    return true;
}
