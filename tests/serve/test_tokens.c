/* The token store and the running server's view of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "serve/auth.h"
#include "serve/serve.h"

static char folder[] = "/tmp/fovea_tokens_XXXXXX";

static int setup(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void write_store(const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tokens.json", folder);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs(text, to);
    fclose(to);
}

static void test_created_tokens_are_found_until_they_are_revoked(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_MAX], other[TOKEN_TEXT_MAX];
    struct token made, second;
    struct token_list list;
    assert_int_equal(tokens_create(folder, ROLE_PUSH, "hall", 0, "x", &made, text, NULL), FOV_OK);
    assert_int_equal(tokens_create(folder, ROLE_VIEW, "", 0, "", &second, other, NULL), FOV_OK);
    assert_int_equal(strlen(text), 47);
    assert_string_not_equal(text, other);
    assert_int_equal(tokens_load(&list, folder, NULL), FOV_OK);
    const struct token *found = tokens_find(&list, text, time(NULL));
    assert_non_null(found);
    assert_string_equal(found->id, made.id);
    assert_string_equal(found->camera, "hall");
    assert_int_equal(found->role, ROLE_PUSH);
    text[10] ^= 1;
    assert_null(tokens_find(&list, text, time(NULL)));
    assert_null(tokens_find(&list, "", time(NULL)));
    text[10] ^= 1;
    tokens_free(&list);
    assert_int_equal(tokens_revoke(folder, made.id, NULL), FOV_OK);
    assert_int_equal(tokens_revoke(folder, made.id, NULL), FOV_ENOTFOUND);
    assert_int_equal(tokens_revoke(folder, other, NULL), FOV_OK);
    assert_int_equal(tokens_load(&list, folder, NULL), FOV_OK);
    assert_int_equal(list.count, 0);
    tokens_free(&list);
}

static void test_tokens_end(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_MAX];
    struct token made;
    struct token_list list;
    assert_int_equal(tokens_create(folder, ROLE_VIEW, "", 60, "", &made, text, NULL), FOV_OK);
    assert_int_equal(tokens_load(&list, folder, NULL), FOV_OK);
    assert_non_null(tokens_find(&list, text, made.expires_s - 1));
    assert_null(tokens_find(&list, text, made.expires_s));
    tokens_free(&list);
}

static void test_broken_stores_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{",
        "[]",
        "{}",
        "{\"tokens\":5}",
        "{\"tokens\":[{}]}",
        "{\"tokens\":[5]}",
        "{\"tokens\":[{\"id\":\"a\",\"role\":\"boss\",\"sha256\":\"00\"}]}",
        "{\"tokens\":[{\"id\":\"a\",\"role\":\"view\",\"sha256\":\"00\"}]}",
        "{\"tokens\":[{\"id\":\"\",\"role\":\"view\",\"sha256\":\"00\"}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct token_list list;
        fov_error error = {0};
        write_store(texts[i]);
        if (tokens_load(&list, folder, &error) != FOV_EFORMAT || list.count != 0)
            fail_msg("%s was taken", texts[i]);
    }
}

static void test_open_stores_are_closed(void **state)
{
    (void)state;
    struct token_list list;
    struct stat about;
    char path[128];
    write_store("{\"tokens\":[]}");
    snprintf(path, sizeof path, "%s/tokens.json", folder);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(tokens_load(&list, folder, NULL), FOV_OK);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    tokens_free(&list);
}

static void test_links_in_place_of_the_store_are_not_followed(void **state)
{
    (void)state;
    struct token_list list;
    char path[128];
    snprintf(path, sizeof path, "%s/tokens.json", folder);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(tokens_load(&list, folder, NULL), FOV_EIO);
}

static void test_times_to_live(void **state)
{
    (void)state;
    int64_t s;
    assert_true(token_ttl("90", &s) && s == 90);
    assert_true(token_ttl("30m", &s) && s == 1800);
    assert_true(token_ttl("12h", &s) && s == 43200);
    assert_true(token_ttl("1d", &s) && s == 86400);
    assert_true(token_ttl("2w", &s) && s == 1209600);
    static const char *const wrong[] = {"",    "0",    "-1",           "1y",  "d",
                                        "1 d", "1.5h", "99999999999w", "521w"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong - 1; i++)
        if (token_ttl(wrong[i], &s))
            fail_msg("'%s' was taken", wrong[i]);
}

static void test_camera_names(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "a/b", "a b", "\x01", "\xff",
        "0123456789012345678901234567890123456789012345678901234567890123x"};
    struct token made;
    char text[TOKEN_TEXT_MAX];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(tokens_create(folder, ROLE_VIEW, wrong[i], 0, "", &made, text, NULL),
                         FOV_EINVAL);
    assert_int_equal(tokens_create(folder, ROLE_VIEW, "دوربین", 0, "", &made, text, NULL), FOV_OK);
}

static void test_a_running_server_sees_changes(void **state)
{
    (void)state;
    struct auth *auth;
    struct token made;
    char text[TOKEN_TEXT_MAX];
    assert_int_equal(auth_create(&auth, folder, NULL, true, NULL), FOV_OK);
    assert_true(auth_on(auth) && auth_empty(auth));
    assert_false(auth_refresh(auth, false));
    assert_int_equal(tokens_create(folder, ROLE_VIEW, "", 0, "", &made, text, NULL), FOV_OK);
    assert_null(auth_find(auth, text));
    assert_true(auth_refresh(auth, false));
    assert_non_null(auth_find(auth, text));
    assert_true(auth_alive(auth, made.id));
    write_store("{");
    assert_false(auth_refresh(auth, false));
    assert_true(auth_alive(auth, made.id));
    write_store("{\"tokens\":[]}");
    assert_true(auth_refresh(auth, false));
    assert_false(auth_alive(auth, made.id));
    auth_destroy(&auth);
    assert_null(auth);
}

static void test_wrong_tokens_are_limited_by_address(void **state)
{
    (void)state;
    struct auth *auth;
    char address[32];
    assert_int_equal(auth_create(&auth, folder, NULL, true, NULL), FOV_OK);
    assert_int_equal(auth_failed(auth, "10.0.0.1"), 0);
    assert_int_equal(auth_failed(auth, "10.0.0.1"), 1);
    assert_int_equal(auth_failed(auth, "10.0.0.2"), 0);
    for (int i = 0; i < 600; i++) { /* more addresses than records: no growth, no crash */
        snprintf(address, sizeof address, "10.1.%d.%d", i / 256, i % 256);
        assert_int_equal(auth_failed(auth, address), 0);
    }
    auth_destroy(&auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_created_tokens_are_found_until_they_are_revoked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_tokens_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_stores_are_refused_with_the_reason, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_open_stores_are_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_in_place_of_the_store_are_not_followed, setup,
                                        teardown),
        cmocka_unit_test(test_times_to_live),
        cmocka_unit_test_setup_teardown(test_camera_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_running_server_sees_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_tokens_are_limited_by_address, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
