#include "flow/look_classes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { WORD = 64 };

/* Without blanks, '-' and '_', in small letters. */
static const char *const known[FOV_CLASS_COUNT] = {
    [FOV_CLASS_PLAYER] = "player,players,person,people,persons,human,pedestrian,footballer,"
                         "footballplayer,soccerplayer,fieldplayer,outfieldplayer,athlete",
    [FOV_CLASS_GOALKEEPER] = "goalkeeper,goalkeepers,goalie,keeper,gk",
    [FOV_CLASS_REFEREE] = "referee,referees,refree,ref,official,umpire,mainreferee,sidereferee,"
                          "assistantreferee,linesman",
    [FOV_CLASS_BALL] = "ball,balls,sportsball,football,soccerball",
};

/* A word up to a comma or the end, as the lists have it; what follows it. */
static const char *plain(char out[WORD], const char *text)
{
    size_t length = 0;
    for (; *text && *text != ','; text++)
        if (!isspace((unsigned char)*text) && *text != '-' && *text != '_' && length + 1 < WORD)
            out[length++] = (char)tolower((unsigned char)*text);
    out[length] = '\0';
    return *text ? text + 1 : text;
}

static bool lists(const char *list, const char *word)
{
    char each[WORD];
    while (*list) {
        list = plain(each, list);
        if (each[0] && strcmp(each, word) == 0)
            return true;
    }
    return false;
}

/* A label with a comma in it ("ball, football") is known by its first word. */
static int kind_of(const struct look_names *names, const char *label)
{
    char word[WORD];
    plain(word, label);
    for (int k = FOV_CLASS_COUNT - 1; k >= 0; k--) /* what is rarer first: names may be shared */
        if (lists(names->of[k][0] ? names->of[k] : known[k], word))
            return k;
    return -1;
}

fov_status look_names_read(struct look_names *names, const fov_football_params *params,
                           fov_error *error)
{
    const char *given[FOV_CLASS_COUNT] = {params->player_labels, params->goalkeeper_labels,
                                          params->referee_labels, params->ball_labels};
    for (int k = 0; k < FOV_CLASS_COUNT; k++) {
        const char *list = given[k] ? given[k] : "";
        if (text_copy(names->of[k], LOOK_NAMES, list) != strlen(list))
            return fov_fail(error, FOV_EINVAL, "football: a list of labels is over %d bytes",
                            LOOK_NAMES - 1);
    }
    return FOV_OK;
}

void look_classes_read(struct look_classes *classes, const struct look_names *names,
                       const char *const *labels, int count)
{
    memset(classes->kind, -1, sizeof classes->kind);
    memset(classes->wanted, 0, sizeof classes->wanted);
    for (int k = 0; k < FOV_CLASS_COUNT; k++)
        classes->first[k] = -1;
    for (int i = 0; i < count && i < LOOK_LABELS_MAX; i++) {
        int kind = kind_of(names, labels[i]);
        if (kind < 0)
            continue;
        classes->kind[i] = (int8_t)kind;
        classes->wanted[i / 64] |= UINT64_C(1) << (i % 64);
        if (classes->first[kind] < 0)
            classes->first[kind] = i;
    }
}

void look_classes_leave(struct look_classes *classes, bool ball)
{
    for (int i = 0; i < LOOK_LABELS_MAX; i++)
        if (classes->kind[i] >= 0 && (classes->kind[i] == FOV_CLASS_BALL) != ball) {
            classes->kind[i] = -1;
            classes->wanted[i / 64] &= ~(UINT64_C(1) << (i % 64));
        }
}

bool look_classes_people(const struct look_classes *classes)
{
    return classes->first[FOV_CLASS_PLAYER] >= 0 || classes->first[FOV_CLASS_GOALKEEPER] >= 0 ||
           classes->first[FOV_CLASS_REFEREE] >= 0;
}

static bool finds_boxes(fov_task task)
{
    return task == FOV_TASK_DETECT || task == FOV_TASK_SEGMENT || task == FOV_TASK_POSE ||
           task == FOV_TASK_ORIENTED;
}

fov_status look_classes_check(const struct look_classes *classes, const fov_model_info *info,
                              bool ball, fov_error *error)
{
    char list[160] = "";
    size_t length = 0;
    int i = 0;
    if (!finds_boxes(info->task))
        return fov_fail(error, FOV_EINVAL, "football: %.60s is a model for %s and finds no boxes",
                        info->id, fov_task_name(info->task));
    if (ball ? classes->first[FOV_CLASS_BALL] >= 0 : look_classes_people(classes))
        return FOV_OK;
    for (; i < info->label_count && length + 36 < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%.30s", i ? ", " : "",
                                   info->labels[i]);
    if (i < info->label_count)
        snprintf(list + length, sizeof list - length, ", ...");
    return fov_fail(error, FOV_EINVAL,
                    "football: %.60s knows no %s by a known name; its labels are: %s. "
                    "%s names them",
                    info->id, ball ? "ball" : "people", list,
                    ball ? "ball_labels" : "player_labels");
}

int32_t look_classes_id(const struct look_classes *classes, fov_football_class kind)
{
    if (classes->first[kind] >= 0)
        return classes->first[kind];
    if (kind == FOV_CLASS_BALL)
        return FOV_LABEL_BALL;
    for (int k = 0; k < FOV_CLASS_BALL; k++)
        if (classes->first[k] >= 0)
            return classes->first[k];
    return 0;
}
