/* Cores and memory that a process may use, from trees of control groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/machine.h"
#include "tree.h"

#define MB (INT64_C(1) << 20)
#define EIGHT_CORES                                                                                \
    {"/sys/devices/system/cpu/online", "0-7\n", 0},                                                \
    {                                                                                              \
        "/proc/meminfo", "MemTotal: 16777216 kB\n", 0                                              \
    }

struct limits_case {
    const char *name;
    struct tree_file files[10];
    int cores;
    int64_t memory_mb;
};

static const struct limits_case cases[] = {
    {"no control groups", {EIGHT_CORES}, 8, 16384},
    {"v2, none set",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "0::/\n", 0},
      {"/sys/fs/cgroup/cpu.max", "max 100000\n", 0},
      {"/sys/fs/cgroup/memory.max", "max\n", 0}},
     8,
     16384},
    {"v2 at the root of a container",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "0::/\n", 0},
      {"/sys/fs/cgroup/cpu.max", "200000 100000\n", 0},
      {"/sys/fs/cgroup/memory.max", "536870912\n", 0}},
     2,
     512},
    {"v2, part of a core counts as one",
     {EIGHT_CORES, {"/sys/fs/cgroup/cpu.max", "250000 100000\n", 0}},
     3,
     16384},
    {"v2, the quota alone", {EIGHT_CORES, {"/sys/fs/cgroup/cpu.max", "400000", 0}}, 4, 16384},
    {"v2, nested: the parent is tighter",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "0::/system.slice/fovea.service\n", 0},
      {"/sys/fs/cgroup/system.slice/cpu.max", "200000 100000\n", 0},
      {"/sys/fs/cgroup/system.slice/memory.max", "max\n", 0},
      {"/sys/fs/cgroup/system.slice/fovea.service/cpu.max", "600000 100000\n", 0},
      {"/sys/fs/cgroup/system.slice/fovea.service/memory.max", "1073741824\n", 0}},
     2,
     1024},
    {"v2, nested: the child is tighter, and memory.high counts",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "0::/a/b/c\n", 0},
      {"/sys/fs/cgroup/a/cpu.max", "600000 100000\n", 0},
      {"/sys/fs/cgroup/a/memory.max", "8589934592\n", 0},
      {"/sys/fs/cgroup/a/b/c/cpu.max", "50000 100000\n", 0},
      {"/sys/fs/cgroup/a/b/c/memory.high", "268435456\n", 0}},
     1,
     256},
    {"v2, a group outside of what the namespace shows",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "0::/../../other\n", 0},
      {"/sys/other/cpu.max", "100000 100000\n", 0},
      {"/sys/fs/cgroup/cpu.max", "300000 100000\n", 0}},
     3,
     16384},
    {"v1, as a container sees it: the path's end is the mount",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n", 0},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n", 0},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n", 0},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n", 0}},
     2,
     2048},
    {"v1, none set",
     {EIGHT_CORES,
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n", 0},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n", 0},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n", 0}},
     8,
     16384},
    {"v1, nested, under the joined name",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "2:cpu,cpuacct:/a/b\n3:cpuset:/\n4:memory:/a/b\n", 0},
      {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "100000\n", 0},
      {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n", 0},
      {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "700000\n", 0},
      {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n", 0},
      {"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "3221225472\n", 0},
      {"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "4294967296\n", 0}},
     1,
     3072},
    {"v1 and v2 together: the tightest",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "4:memory:/m\n1:cpu:/\n0::/x\n", 0},
      {"/sys/fs/cgroup/unified/x/cpu.max", "500000 100000\n", 0},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "600000\n", 0},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n", 0},
      {"/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1073741824\n", 0}},
     5,
     1024},
    {"another controller's group is not taken for cpu's",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "3:cpuset:/tight\n2:cpu:/wide\n", 0},
      {"/sys/fs/cgroup/cpu/tight/cpu.cfs_quota_us", "100000\n", 0},
      {"/sys/fs/cgroup/cpu/tight/cpu.cfs_period_us", "100000\n", 0},
      {"/sys/fs/cgroup/cpu/wide/cpu.cfs_quota_us", "400000\n", 0},
      {"/sys/fs/cgroup/cpu/wide/cpu.cfs_period_us", "100000\n", 0}},
     4,
     16384},
    {"a limit above the machine changes nothing",
     {EIGHT_CORES,
      {"/sys/fs/cgroup/cpu.max", "6400000 100000\n", 0},
      {"/sys/fs/cgroup/memory.max", "1099511627776\n", 0}},
     8,
     16384},
    {"cores that are offline do not count",
     {{"/sys/devices/system/cpu/online", "0-1,4,6-7\n", 0},
      {"/proc/meminfo", "MemTotal: 1024 kB", 0}},
     5,
     1},
    /* nonsense is as if it were not there */
    {"words",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "nonsense\n::\n:::\n0:\n0::relative\n", 0},
      {"/sys/fs/cgroup/cpu.max", "many of them\n", 0},
      {"/sys/fs/cgroup/memory.max", "lots\n", 0}},
     8,
     16384},
    {"numbers out of range",
     {EIGHT_CORES,
      {"/sys/fs/cgroup/cpu.max", "99999999999999999999999 100000\n", 0},
      {"/sys/fs/cgroup/memory.max", "-5\n", 0}},
     8,
     16384},
    {"a period of zero", {EIGHT_CORES, {"/sys/fs/cgroup/cpu.max", "100000 0\n", 0}}, 8, 16384},
    {"a negative quota", {EIGHT_CORES, {"/sys/fs/cgroup/cpu.max", "-1 100000\n", 0}}, 8, 16384},
    {"the largest numbers",
     {EIGHT_CORES,
      {"/sys/fs/cgroup/cpu.max", "9223372036854775807 1\n", 0},
      {"/sys/fs/cgroup/memory.max", "9223372036854775807\n", 0}},
     8,
     16384},
    {"empty files",
     {EIGHT_CORES,
      {"/proc/self/cgroup", "\n", 0},
      {"/sys/fs/cgroup/cpu.max", "\n", 0},
      {"/sys/fs/cgroup/memory.max", "\n", 0}},
     8,
     16384},
    {"nothing at all", {{"/proc/", "", 0}}, 1, 0},
    {"broken lists of cores",
     {{"/sys/devices/system/cpu/online", "7-0,x,-\n", 0}, {"/proc/meminfo", "MemTotal: x\n", 0}},
     1,
     0},
    {"too many cores", {{"/sys/devices/system/cpu/online", "0-99999999\n", 0}}, 1, 0},
    {"a link to itself",
     {EIGHT_CORES,
      {"/sys/fs/cgroup/cpu.max", "-> cpu.max", 0},
      {"/sys/fs/cgroup/memory.max", "-> ../cgroup/memory.max", 0}},
     8,
     16384},
};

static void limits_of_trees(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[64];
        tree_make(root);
        tree_add(root, cases[i].files);
        int cores = machine_cores(root);
        int64_t memory = machine_memory(root);
        tree_remove(root);
        if (cores != cases[i].cores || memory / MB != cases[i].memory_mb)
            fail_msg("%s: %d cores, %lld MB", cases[i].name, cores, (long long)(memory / MB));
    }
}

static void a_deep_group_is_walked(void **unused)
{
    (void)unused;
    char root[64], line[4096] = "0::", file[1024] = "/sys/fs/cgroup";
    for (int i = 0; i < 60; i++) {
        strcat(line, "/abcdefgh");
        strcat(file, "/abcdefgh");
    }
    strcat(line, "\n");
    strcat(file, "/cpu.max");
    const struct tree_file files[] = {
        EIGHT_CORES, {"/proc/self/cgroup", line, 0}, {file, "300000 100000\n", 0}, {NULL, NULL, 0}};
    tree_make(root);
    tree_add(root, files);
    assert_int_equal(machine_cores(root), 3);
    tree_remove(root);
}

/* A path longer than any buffer, and a file larger than any: bounded, and not believed. */
static void huge_files_are_bounded(void **unused)
{
    (void)unused;
    enum { HUGE_SIZE = 4 << 20 };
    char root[64];
    char *text = malloc(HUGE_SIZE + 1);
    assert_non_null(text);
    memset(text, 'a', HUGE_SIZE);
    text[HUGE_SIZE] = '\0';
    memcpy(text, "0::/", 4);
    const struct tree_file files[] = {EIGHT_CORES,
                                      {"/proc/self/cgroup", text, 0},
                                      {"/sys/fs/cgroup/cpu.max", text, 0},
                                      {"/sys/fs/cgroup/memory.max", text, 0},
                                      {NULL, NULL, 0}};
    tree_make(root);
    tree_add(root, files);
    assert_int_equal(machine_cores(root), 8);
    assert_int_equal(machine_memory(root) / MB, 16384);
    char small[16];
    assert_int_equal(machine_read(root, "/sys/fs/cgroup/cpu.max", small, sizeof small), 15);
    assert_int_equal(strlen(small), 15);
    tree_remove(root);
    free(text);
}

static void only_plain_files_are_read(void **unused)
{
    (void)unused;
    char root[64], path[128], text[64];
    tree_make(root);
    snprintf(path, sizeof path, "%s/pipe", root);
    assert_int_equal(mkfifo(path, 0644), 0); /* opening it would wait for a writer */
    snprintf(path, sizeof path, "%s/zero", root);
    assert_int_equal(symlink("/dev/zero", path), 0);
    const struct tree_file files[] = {{"/folder/", "", 0},
                                      {"/bytes",
                                       "  A\x01\xFF"
                                       "B \t\r\nsecond",
                                       0},
                                      {NULL, NULL, 0}};
    tree_add(root, files);
    assert_int_equal(machine_read(root, "/pipe", text, sizeof text), 0);
    assert_int_equal(machine_read(root, "/zero", text, sizeof text), 0);
    assert_int_equal(machine_read(root, "/folder", text, sizeof text), 0);
    assert_int_equal(machine_read(root, "/absent", text, sizeof text), 0);
    assert_int_equal(machine_read_line(root, "/bytes", text, sizeof text), 4);
    assert_string_equal(text, "A??B");
    tree_remove(root);
}

static void this_machine_is_within_its_bounds(void **unused)
{
    (void)unused;
    assert_in_range(machine_cores(""), 1, sysconf(_SC_NPROCESSORS_ONLN));
    assert_in_range(machine_cores_total(""), machine_cores(""), 65536);
    assert_true(machine_memory("") > 0 && machine_memory("") <= machine_memory_total(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_of_trees),
        cmocka_unit_test(a_deep_group_is_walked),
        cmocka_unit_test(huge_files_are_bounded),
        cmocka_unit_test(only_plain_files_are_read),
        cmocka_unit_test(this_machine_is_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
