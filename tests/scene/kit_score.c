#include "kit_score.h"

#include <math.h>
#include <string.h>

#include "../../apps/quantile.h"
#include "base/clock.h"
#include "scene/cluster.h"
#include "scene/lab.h"

#define SETTLED_S 2.0
#define PLAIN_S 1.0 /* of crops that the plain way learns from */

enum { CROPS = 4096, TIMES = 8192 };

struct judge {
    struct kit_score *score;
    size_t sides[2][2];    /* [said first, second][team A, B] */
    size_t keepers[2][2];  /* named keepers: [said][keeper A, B] */
    size_t keepers_played; /* keepers taken for players of a team */
    size_t plain[2][2];
    fov_team_side last[KIT_WORLD_PLAYERS];
    int plain_last[KIT_WORLD_PLAYERS];
    float crops[CROPS * 3], centers[6];
    size_t crop_count;
    bool plain_known;
    double us[TIMES];
    size_t times;
};

static bool is_side(fov_team_side side)
{
    return side == FOV_TEAM_FIRST || side == FOV_TEAM_SECOND;
}

static void judge_referee(struct kit_score *s, fov_team_side side)
{
    s->referee++;
    s->referee_other += side == FOV_TEAM_OTHER;
    s->referee_team += is_side(side);
}

static void judge_one(struct judge *j, const fov_team *team, bool settled)
{
    struct kit_score *s = j->score;
    enum kit_role role = kit_world_role(team->track_id);
    fov_team_side *last = &j->last[team->track_id - 1];
    if (is_side(team->side) && is_side(*last) && team->side != *last)
        s->flips++;
    *last = is_side(team->side) ? team->side : *last;
    if (!settled)
        return;
    int said = team->side == FOV_TEAM_SECOND;
    if (role == KIT_REFEREE) {
        judge_referee(s, team->side);
    } else if (role == KIT_TEAM_A || role == KIT_TEAM_B) {
        s->players++;
        if (is_side(team->side))
            j->sides[said][role == KIT_TEAM_B]++;
        else
            s->wrong += team->side == FOV_TEAM_OTHER;
    } else {
        s->keeper++;
        j->keepers_played += is_side(team->side) && !team->goalkeeper;
        if (team->goalkeeper)
            j->keepers[said][role == KIT_KEEPER_B]++;
    }
}

/* ---- the plain way --------------------------------------------------------------------------- */

static void upper_half(const fov_image *image, const fov_track *t, float mean[3])
{
    double sum[3] = {0}, count = 0;
    int y1 = (int)fmaxf(t->y1, 0), y2 = (int)fminf((t->y1 + t->y2) / 2, (float)image->height);
    int x1 = (int)fmaxf(t->x1, 0), x2 = (int)fminf(t->x2, (float)image->width);
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++, count++) {
            uint8_t rgb[3];
            lab_pixel(image, x, y, rgb);
            for (int k = 0; k < 3; k++)
                sum[k] += rgb[k];
        }
    for (int k = 0; k < 3; k++)
        mean[k] = (float)(count > 0 ? sum[k] / count : 0);
}

static void learn_plain(struct judge *j)
{
    struct cluster_work work;
    struct cluster_points points = {j->crops, j->crop_count, 3};
    if (!cluster_work_create(&work, CROPS, 3))
        return;
    j->plain_known = cluster_two(&points, 0, 10, j->centers, &work);
    cluster_work_destroy(&work);
}

static void judge_plain(struct judge *j, const struct kit_shot *shot, bool settled)
{
    for (size_t i = 0; i < shot->tracks.count; i++) {
        const fov_track *t = &shot->tracks.items[i];
        enum kit_role role = kit_world_role(t->id);
        float mean[3];
        if (t->state != FOV_TRACK_ACTIVE)
            continue;
        upper_half(&shot->image, t, mean);
        if (!j->plain_known && j->crop_count < CROPS)
            memcpy(&j->crops[3 * j->crop_count++], mean, sizeof mean);
        if (!j->plain_known || (role != KIT_TEAM_A && role != KIT_TEAM_B))
            continue;
        int side = cluster_square(mean, j->centers + 3, 3) < cluster_square(mean, j->centers, 3);
        int *last = &j->plain_last[t->id - 1];
        j->score->plain_flips += *last != 0 && *last != 1 + side;
        *last = 1 + side;
        if (settled) {
            j->score->plain_players++;
            j->plain[side][role == KIT_TEAM_B]++;
        }
    }
    if (!j->plain_known && shot->time_s >= PLAIN_S)
        learn_plain(j);
}

/* ---- together -------------------------------------------------------------------------------- */

/* Which team is "first" is a matter of names: the better of both. */
static void settle(struct judge *j)
{
    struct kit_score *s = j->score;
    size_t straight = j->sides[0][0] + j->sides[1][1], crossed = j->sides[0][1] + j->sides[1][0];
    int cross = crossed > straight;
    s->crossed = cross;
    s->right = cross ? crossed : straight;
    s->wrong += cross ? straight : crossed;
    s->keeper_right = j->keepers[0][cross] + j->keepers[1][!cross];
    s->keeper_wrong = j->keepers[0][!cross] + j->keepers[1][cross] + j->keepers_played;
    straight = j->plain[0][0] + j->plain[1][1];
    crossed = j->plain[0][1] + j->plain[1][0];
    s->plain_right = crossed > straight ? crossed : straight;
}

static bool judge_frame(struct judge *j, fov_teams *teams, const struct kit_shot *shot)
{
    fov_teams_input input = {.time_s = shot->time_s,
                             .image = &shot->image,
                             .tracks = &shot->tracks,
                             .view = &shot->view};
    fov_team_list list;
    bool settled = shot->time_s >= SETTLED_S;
    int64_t begun_ns = clock_thread_ns();
    if (fov_teams_update(teams, &input, &list, NULL))
        return false;
    if (j->times < TIMES)
        j->us[j->times++] = (double)(clock_thread_ns() - begun_ns) / 1e3;
    if (list.state == FOV_TEAMS_KNOWN && j->score->known_s < 0)
        j->score->known_s = shot->time_s;
    for (size_t i = 0; i < list.count; i++)
        judge_one(j, &list.items[i], settled);
    judge_plain(j, shot, settled);
    return true;
}

bool kit_score_run(const struct kit_level *level, unsigned seed, double fps, double seconds,
                   const fov_teams_params *params, struct kit_score *score)
{
    static struct judge judge;
    size_t frames = (size_t)(seconds * fps), done = 0;
    struct kit_world *world = kit_world_create(level, seed, fps);
    struct kit_shot shot;
    fov_teams *teams = NULL;
    memset(&judge, 0, sizeof judge);
    memset(score, 0, sizeof *score);
    judge.score = score;
    score->known_s = -1;
    if (world && !fov_teams_create(&teams, params, NULL))
        while (done < frames && kit_world_next(world, &shot) && judge_frame(&judge, teams, &shot))
            done++;
    score->update_us = quantile(judge.us, judge.times, 0.5);
    score->update_us_late = quantile(judge.us, judge.times, 0.99);
    settle(&judge);
    fov_teams_destroy(&teams);
    kit_world_destroy(&world);
    return done == frames;
}
