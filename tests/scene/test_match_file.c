/* Match files: what is refused, what a cut leaves, what is read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../temp_folder.h"
#include "scene/out.h"

static char folder[TEMP_FOLDER], path[TEMP_FOLDER + 8];

static const fov_match_about usual = {.fps = 25, .home = "A", .away = "B"};

static void write_text(const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static size_t read_text(char *text, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(text, 1, room, file);
    fclose(file);
    return size;
}

static fov_match_file *begin(void)
{
    fov_match_file *file;
    fov_error error = {0};
    unlink(path);
    if (fov_match_file_create(&file, path, &usual, &error))
        fail_msg("%s", error.message);
    return file;
}

static fov_status put(fov_match_file *file, int64_t number, fov_match_entry entry, fov_error *error)
{
    fov_match_frame frame = {.number = number,
                             .time_s = (double)number / 25,
                             .entries = &entry,
                             .count = 1,
                             .ball_known = true,
                             .ball = {50, 30, 0.11}};
    return fov_match_file_put(file, &frame, error);
}

static const fov_match_entry somebody = {.id = 3, .team = 1, .number = 10, .x = 12.25, .y = 60};

/* ---- what is refused --------------------------------------------------------------------------
 */

static void test_bad_about(void **state)
{
    (void)state;
    fov_match_about cases[] = {
        {.fps = 0},
        {.fps = NAN},
        {.fps = 2000},
        {.fps = 25, .pitch = {300, 68}},
        {.fps = 25, .pitch = {105, NAN}},
        {.fps = 25, .width = -1},
        {.fps = 25, .height = 20000},
        {.fps = 25, .home = "\xff"},
        {.fps = 25},
    };
    memset(cases[8].away, 'x', sizeof cases[8].away); /* no end */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_match_file *file = (fov_match_file *)1;
        fov_error error = {0};
        assert_int_equal(fov_match_file_create(&file, path, &cases[i], &error), FOV_EINVAL);
        assert_null(file);
        assert_true(error.message[0]);
        assert_int_equal(access(path, F_OK), -1);
    }
}

static void test_bad_paths(void **state)
{
    (void)state;
    fov_match_file *file;
    fov_error error = {0};
    char longest[700];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(fov_match_file_create(&file, longest, &usual, &error), FOV_EINVAL);
    assert_int_equal(fov_match_file_create(&file, NULL, &usual, &error), FOV_EINVAL);
    assert_int_equal(fov_match_file_create(&file, "/nonexistent/m", &usual, &error), FOV_ENOTFOUND);
    assert_int_equal(fov_match_file_resume(&file, "/nonexistent/m", NULL, &error), FOV_ENOTFOUND);
    assert_int_equal(fov_match_file_resume(&file, "/dev/zero", NULL, &error), FOV_EFORMAT);
    assert_int_equal(fov_match_file_export("/nonexistent/m", "mot", folder, &error), FOV_ENOTFOUND);
    assert_int_equal(fov_match_file_export(folder, "mot", folder, &error), FOV_EFORMAT);
    assert_int_equal(fov_match_file_export(path, "tarcab", folder, &error), FOV_ENOTFOUND);
    assert_string_equal(error.message, "no format tarcab; perhaps tracab; there are mot, "
                                       "gamestate, skillcorner, tracab, epts");
    assert_int_equal(fov_match_file_export(path, NULL, folder, &error), FOV_ENOTFOUND);
    file = begin();
    fov_match_file *other;
    assert_int_equal(fov_match_file_create(&other, path, &usual, &error), FOV_EEXISTS);
    assert_int_equal(fov_match_file_resume(&other, path, NULL, &error), FOV_EBUSY);
    assert_null(other);
    assert_int_equal(fov_match_file_export(path, "mot", folder, &error), FOV_EFORMAT); /* empty */
    assert_int_equal(put(file, 0, somebody, &error), FOV_OK);
    assert_int_equal(fov_match_file_export(path, "mot", "/nonexistent", &error), FOV_EIO);
    assert_int_equal(fov_match_file_close(&file, &error), FOV_OK);
    assert_int_equal(fov_match_file_close(&file, &error), FOV_OK);
}

static void test_bad_frames(void **state)
{
    (void)state;
    fov_match_file *file = begin();
    fov_error error = {0};
    const fov_match_entry cases[] = {
        {.id = 0},
        {.id = -1},
        {.id = 1, .team = 2},
        {.id = 1, .number = 100},
        {.id = 1, .number = -1},
        {.id = 1, .role = (fov_match_role)4},
        {.id = 1, .x = NAN},
        {.id = 1, .y = INFINITY},
        {.id = 1, .x = 1e9},
        {.id = 1, .speed_mps = -1},
        {.id = 1, .speed_mps = NAN},
        {.id = 1, .x1 = 5, .x2 = 4},
        {.id = 1, .y1 = NAN},
        {.id = 1, .y2 = 1e9f},
        {.id = 1, .score = 1.5f},
        {.id = 1, .score = NAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error.message[0] = '\0';
        assert_int_equal(put(file, 0, cases[i], &error), FOV_EINVAL);
        assert_true(error.message[0]);
    }
    assert_int_equal(put(file, 7, somebody, &error), FOV_OK);
    assert_int_equal(put(file, 7, somebody, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "frame 7"));
    fov_match_frame frame = {.number = 8, .time_s = NAN};
    assert_int_equal(fov_match_file_put(file, &frame, &error), FOV_EINVAL);
    frame = (fov_match_frame){.number = 8, .ball_team = 3};
    assert_int_equal(fov_match_file_put(file, &frame, &error), FOV_EINVAL);
    frame = (fov_match_frame){.number = 8, .ball_known = true, .ball = {0, NAN, 0}};
    assert_int_equal(fov_match_file_put(file, &frame, &error), FOV_EINVAL);
    frame = (fov_match_frame){.number = 8, .ball_pictured = true, .ball_px = {NAN, 0}};
    assert_int_equal(fov_match_file_put(file, &frame, &error), FOV_EINVAL);
    frame = (fov_match_frame){.number = 8, .ball_pictured = true, .ball_size_px = -1};
    assert_int_equal(fov_match_file_put(file, &frame, &error), FOV_EINVAL);
    frame = (fov_match_frame){.number = 8, .count = FOV_MATCH_FILE_PEOPLE + 1};
    assert_int_equal(fov_match_file_put(file, &frame, &error), FOV_EINVAL);
    int64_t written;
    assert_int_equal(fov_match_file_sync(file, &written, &error), FOV_OK);
    assert_int_equal(written, 7);
    fov_match_file_close(&file, NULL);
}

#define ABOUT                                                                                      \
    "{\"match\":1,\"fps\":25,\"length\":105,\"width\":68,\"picture\":[0,0],\"home\":\"\","         \
    "\"away\":\"\"}\n"

/* Lines that are no frame, each behind a good one; the message names the line. */
static void test_bad_lines(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"f\":1",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":null}",
        "{\"f\":1,\"t\":0,\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[],\"o\":0}",
        "{\"f\":1,\"t\":\"0\",\"p\":[],\"b\":null,\"o\":0}",
        "{\"f\":1.5,\"t\":0,\"p\":[],\"b\":null,\"o\":0}",
        "{\"f\":0,\"t\":0,\"p\":[],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":{},\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[1],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[[1,0,0,0,0,0,0,0,0,0,0]],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[[1,0,9,0,0,0,0,0,0,0,0,0]],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[[1,0,0.5,0,0,0,0,0,0,0,0,0]],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[[1e300,0,0,0,0,0,0,0,0,0,0,0]],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[[1,0,0,0,1e300,0,0,0,0,0,0,0]],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[[1,0,0,0,null,0,0,0,0,0,0,0]],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[[0,0,0,0,0,0,0,0,0,0,0,0]],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":[1,2],\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":[1,2,\"3\"],\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":[1,2,1e9],\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":null,\"o\":2}",
        "{\"f\":1,\"t\":1e300,\"p\":[],\"b\":null,\"o\":0}",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":null,\"o\":0,\"bp\":null}",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":null,\"o\":0,\"bp\":[1,2]}",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":null,\"o\":0,\"bp\":[1,2,-3]}",
        "{\"f\":1,\"t\":0,\"p\":[],\"b\":null,\"o\":0,\"bp\":[1,2,1e300]}",
        "{\"f\":1,\"f\":2,\"t\":0,\"p\":[],\"b\":null,\"o\":0}",
    };
    static const char good[] = "{\"f\":0,\"t\":0,\"p\":[],\"b\":null,\"o\":-1}\n";
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[1024];
        int size = snprintf(text, sizeof text, "%s%s%s\n", ABOUT, good, lines[i]);
        write_text(text, (size_t)size);
        fov_match_file *file;
        fov_error error = {0};
        if (fov_match_file_resume(&file, path, NULL, &error) != FOV_EFORMAT)
            fail_msg("taken: %s", lines[i]);
        assert_null(file);
        assert_non_null(strstr(error.message, "line 3"));
        assert_int_equal(fov_match_file_export(path, "mot", folder, &error), FOV_EFORMAT);
        char after[1024]; /* and the file is as it was */
        assert_int_equal(read_text(after, sizeof after), size);
        assert_memory_equal(after, text, (size_t)size);
    }
}

static void test_bad_first_lines(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "\n",
        "{}\n",
        "match\n",
        "{\"match\":2}\n",
        "{\"match\":1,\"fps\":0,\"length\":105,\"width\":68,\"picture\":[0,0],\"home\":\"\","
        "\"away\":\"\"}\n",
        "{\"match\":1,\"fps\":25,\"length\":105,\"width\":68,\"picture\":[0],\"home\":\"\","
        "\"away\":\"\"}\n",
        "{\"match\":1,\"fps\":25,\"length\":105,\"width\":68,\"picture\":[0,0],\"home\":1,"
        "\"away\":\"\"}\n",
        "{\"match\":1,\"fps\":25"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        fov_match_file *file;
        fov_error error = {0};
        write_text(lines[i], strlen(lines[i]));
        assert_int_equal(fov_match_file_resume(&file, path, NULL, &error), FOV_EFORMAT);
        assert_true(error.message[0]);
    }
    char *endless = malloc(MATCH_LINE_MAX + 10);
    memset(endless, '[', MATCH_LINE_MAX + 10);
    fov_match_file *file;
    fov_error error = {0};
    write_text(endless, MATCH_LINE_MAX + 10);
    assert_int_equal(fov_match_file_resume(&file, path, NULL, &error), FOV_EFORMAT);
    assert_non_null(strstr(error.message, "longer"));
    free(endless);
}

/* ---- what a crash leaves ----------------------------------------------------------------------
 */

/* Cut at any byte behind the first line, it goes on with the last frame that was whole. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    char text[2048], again[2048];
    fov_match_file *file = begin();
    for (int64_t i = 0; i < 4; i++)
        assert_int_equal(put(file, i * 2, somebody, NULL), FOV_OK);
    fov_match_file_close(&file, NULL);
    size_t size = read_text(text, sizeof text);
    size_t first = (size_t)((char *)memchr(text, '\n', size) - text) + 1;
    for (size_t cut = first; cut <= size; cut++) {
        int64_t last = -1, frames = -1;
        for (size_t i = first; i < cut; i++)
            frames += text[i] == '\n';
        write_text(text, cut);
        assert_int_equal(fov_match_file_resume(&file, path, &last, NULL), FOV_OK);
        assert_int_equal(last, frames < 0 ? -1 : frames * 2);
        for (int64_t i = frames + 1; i < 4; i++)
            assert_int_equal(put(file, i * 2, somebody, NULL), FOV_OK);
        fov_match_file_close(&file, NULL);
        assert_int_equal(read_text(again, sizeof again), size);
        assert_memory_equal(again, text, size);
    }
}

/* A full disk, played by a limit of the file's size: the frame is refused whole, and can be put
 * again when there is room. */
static void test_full_disk(void **state)
{
    (void)state;
    char before[2048], after[2048];
    struct rlimit usual_limit, small;
    fov_error error = {0};
    fov_match_file *file = begin();
    assert_int_equal(put(file, 0, somebody, &error), FOV_OK);
    size_t size = read_text(before, sizeof before);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual_limit), 0);
    small = (struct rlimit){size + 20, usual_limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(put(file, 1, somebody, &error), FOV_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual_limit), 0);
    assert_true(error.message[0]);
    assert_int_equal(read_text(after, sizeof after), size);
    assert_memory_equal(after, before, size);
    assert_int_equal(put(file, 1, somebody, &error), FOV_OK);
    assert_int_equal(fov_match_file_close(&file, &error), FOV_OK);
    int64_t last;
    assert_int_equal(fov_match_file_resume(&file, path, &last, &error), FOV_OK);
    assert_int_equal(last, 1);
    fov_match_file_close(&file, NULL);
}

static int files_in_folder(void)
{
    DIR *dir = opendir(folder);
    int count = -2; /* "." and ".." */
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* The same while a file for another program is written: there is none then, and no part of one. */
static void test_full_disk_at_export(void **state)
{
    (void)state;
    char name[96];
    struct rlimit usual_limit, small;
    fov_error error = {0};
    fov_match_file *file = begin();
    assert_int_equal(put(file, 0, somebody, &error), FOV_OK);
    assert_int_equal(fov_match_file_close(&file, &error), FOV_OK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual_limit), 0);
    small = (struct rlimit){20, usual_limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 1; fov_match_format(i, NULL); i++) { /* all but boxes, of which there are none */
        error.message[0] = '\0';
        assert_int_equal(fov_match_file_export(path, fov_match_format(i, NULL), folder, &error),
                         FOV_EIO);
        assert_true(error.message[0]);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual_limit), 0);
    assert_int_equal(files_in_folder(), 1);
    snprintf(name, sizeof name, "%s/gamestate.json", folder);
    assert_int_equal(fov_match_file_export(path, "gamestate", folder, &error), FOV_OK);
    assert_int_equal(unlink(name), 0);
}

/* What is read is what was put, to the digits that are kept. */
static void test_there_and_back(void **state)
{
    (void)state;
    fov_match_file *file = begin();
    fov_match_entry entries[FOV_MATCH_FILE_PEOPLE];
    for (int i = 0; i < FOV_MATCH_FILE_PEOPLE; i++)
        entries[i] = (fov_match_entry){.id = i + 1,
                                       .team = i % 3 - 1,
                                       .number = i % 100,
                                       .role = (fov_match_role)(i % 4),
                                       .x = i * 0.413 - 3,
                                       .y = 70 - i * 0.21,
                                       .speed_mps = i * 0.03,
                                       .x1 = (float)i,
                                       .y1 = 10,
                                       .x2 = (float)i + 12.5f,
                                       .y2 = 40.3f,
                                       .score = 0.625f};
    fov_match_frame frame = {.number = 5,
                             .time_s = 0.2,
                             .entries = entries,
                             .count = FOV_MATCH_FILE_PEOPLE,
                             .ball_team = -1};
    assert_int_equal(fov_match_file_put(file, &frame, NULL), FOV_OK);
    fov_match_file_close(&file, NULL);
    static struct match_reader r;
    assert_int_equal(match_reader_open(&r, path, NULL), FOV_OK);
    assert_string_equal(r.about.home, "A");
    assert_true(r.about.pitch.length == 105 && r.about.pitch.width == 68);
    assert_int_equal(match_reader_next(&r, NULL), FOV_OK);
    assert_int_equal(r.frame.count, FOV_MATCH_FILE_PEOPLE);
    assert_false(r.frame.ball_known);
    for (int i = 0; i < FOV_MATCH_FILE_PEOPLE; i++) {
        const fov_match_entry *a = &entries[i], *b = &r.entries[i];
        assert_true(a->id == b->id && a->team == b->team && a->number == b->number &&
                    a->role == b->role);
        assert_true(fabs(a->x - b->x) < 6e-4 && fabs(a->y - b->y) < 6e-4 &&
                    fabs(a->speed_mps - b->speed_mps) < 6e-3);
        assert_true(fabsf(a->x2 - b->x2) < 0.06f && fabsf(a->score - b->score) < 1e-3f);
    }
    assert_int_equal(match_reader_next(&r, NULL), FOV_EOS);
    match_reader_close(&r);
}

/* Of a format's file, how often `text` stands in it. */
static int written(const char *format, const char *name, const char *text)
{
    static char bytes[8192];
    char file[128];
    int count = 0;
    fov_error error = {0};
    if (fov_match_file_export(path, format, folder, &error))
        fail_msg("%s: %s", format, error.message);
    snprintf(file, sizeof file, "%s/%s", folder, name);
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes - 1, f);
    fclose(f);
    bytes[size] = '\0';
    for (const char *at = bytes; (at = strstr(at, text)); at++)
        count++;
    return count;
}

/* Without a view of the pitch people have boxes and the ball its px, and no metres are made up. */
static void test_places_that_nobody_knows(void **state)
{
    (void)state;
    fov_match_file *file = begin();
    fov_match_entry entries[2] = {somebody, somebody};
    for (int i = 0; i < 2; i++) {
        entries[i].x1 = 10;
        entries[i].x2 = 20;
        entries[i].y2 = 30;
    }
    entries[1].id = 4;
    entries[1].unplaced = true;
    entries[1].x = NAN;
    fov_match_frame frame = {.entries = entries,
                             .count = 2,
                             .ball_pictured = true,
                             .ball_px = {812.3f, 90.5f},
                             .ball_size_px = 7};
    assert_int_equal(fov_match_file_put(file, &frame, NULL), FOV_OK);
    fov_match_file_close(&file, NULL);
    static struct match_reader r;
    assert_int_equal(match_reader_open(&r, path, NULL), FOV_OK);
    assert_int_equal(match_reader_next(&r, NULL), FOV_OK);
    assert_true(!r.entries[0].unplaced && r.entries[1].unplaced && r.entries[1].x2 == 20);
    assert_true(r.entries[0].x == 12.25 && r.entries[1].x == 0 && !r.frame.ball_known);
    assert_true(r.frame.ball_pictured && fabsf(r.frame.ball_px[0] - 812.3f) < 0.06f &&
                r.frame.ball_px[1] == 90.5f && r.frame.ball_size_px == 7);
    match_reader_close(&r);
    assert_int_equal(written("mot", "mot.txt", "\n"), 2);
    assert_int_equal(written("gamestate", "gamestate.json", "bbox_image"), 2);
    assert_int_equal(written("gamestate", "gamestate.json", "bbox_pitch"), 1);
    assert_int_equal(written("skillcorner", "skillcorner.jsonl", "is_detected\":true"), 1);
    assert_int_equal(written("tracab", "tracab.dat", ";"), 2); /* one of them, and the ball */
    assert_int_equal(written("epts", "epts.txt", ";NaN,NaN:"), 1);
}

static void test_formats_are_listed(void **state)
{
    (void)state;
    const char *help = NULL;
    int count = 0;
    while (fov_match_format(count, &help))
        count++;
    assert_int_equal(count, 5);
    assert_non_null(help);
    assert_string_equal(fov_match_format(0, NULL), "mot");
    assert_null(fov_match_format(-1, NULL));
}

/* A file is read twice, and may be another one the second time. */
static void test_names_that_the_roster_has_not(void **state)
{
    (void)state;
    static const struct out_format *const formats[] = {&out_mot, &out_gamestate, &out_skillcorner,
                                                       &out_tracab, &out_epts};
    struct out_person one = {.id = 3, .team = 1};
    const struct out_roster roster = {&one, 1, 0, 0, 0};
    fov_match_entry entries[2] = {somebody, {.id = 4, .team = 1, .x = 33.25, .y = 7}};
    fov_match_frame frame = {.entries = entries, .count = 2, .ball_team = -1};
    fov_match_about about = usual;
    about.pitch = (fov_pitch_size){105, 68};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct out out = {.about = &about, .roster = &roster, .ball_team = -1};
        for (int k = 0; k < OUT_FILES; k++)
            assert_non_null(out.files[k] = tmpfile());
        formats[i]->begin(&out);
        formats[i]->frame(&out, &frame);
        formats[i]->end(&out);
        assert_false(out.failed);
        for (int k = 0; k < OUT_FILES; k++)
            assert_int_equal(fclose(out.files[k]), 0);
        json_release(&out.json);
    }
    assert_ptr_equal(out_find(&roster, 3), &one);
    assert_null(out_find(&roster, 4));
}

/* The writer forgets that memory ran out when it is emptied; the export must not. */
static void test_an_export_without_memory_fails(void **state)
{
    (void)state;
    struct out out = {.json = {.failed = true}};
    FILE *file = tmpfile();
    assert_non_null(file);
    out_json(&out, file);
    out_json(&out, file);
    assert_true(out.failed);
    fclose(file);
    json_release(&out.json);
}

static void test_heat_map_of_another_size(void **state)
{
    (void)state;
    float seconds[4] = {0};
    fov_match_heat heat = {.seconds = seconds, .columns = 2, .rows = 2};
    fov_error error = {0};
    const fov_pitch_size pitch = {105, 68}, tiny = {2, 2};
    assert_int_equal(fov_match_heat_png(&heat, &pitch, path, &error), FOV_EINVAL);
    heat.seconds = NULL;
    assert_int_equal(fov_match_heat_png(&heat, &tiny, path, &error), FOV_EINVAL);
    heat.seconds = seconds;
    assert_int_equal(fov_match_heat_png(&heat, &tiny, "/nonexistent/a.png", &error), FOV_EIO);
}

static int make_folder(void **state)
{
    (void)state;
    if (!temp_folder_make(folder))
        return -1;
    snprintf(path, sizeof path, "%s/match", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    return temp_folder_drop(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_about),
        cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_bad_first_lines),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_full_disk_at_export),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_places_that_nobody_knows),
        cmocka_unit_test(test_formats_are_listed),
        cmocka_unit_test(test_names_that_the_roster_has_not),
        cmocka_unit_test(test_an_export_without_memory_fails),
        cmocka_unit_test(test_heat_map_of_another_size),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
