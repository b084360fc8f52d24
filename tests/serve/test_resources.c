/* How busy a machine is, from trees of its files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../device/tree.h"
#include "base/clock.h"
#include "serve/resources.h"

#define CORES(range)                                                                               \
    {                                                                                              \
        "/sys/devices/system/cpu/online", range "\n", 0                                            \
    }

static void plant(char root[64], const struct tree_file *files)
{
    tree_make(root);
    tree_add(root, files);
}

static void processor_of_the_machine(void **state)
{
    (void)state;
    static const struct tree_file first[] = {
        CORES("0-3"), {"/proc/stat", "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 1 1 1\n", 0}, {0}};
    static const struct tree_file then[] = {
        CORES("0-3"), {"/proc/stat", "cpu  180 10 110 870 130 0 0 0 90 0\n", 0}, {0}};
    struct cpu_sample sample = {0};
    char root[64];
    plant(root, first);
    resources_cpu(&sample, root, NS_PER_S);
    assert_true(sample.percent == 0); /* one sample says nothing */
    tree_remove(root);
    plant(root, then);
    resources_cpu(&sample, root, 2 * NS_PER_S);
    assert_true(sample.percent > 33.2 && sample.percent < 33.4); /* 100 of 300; guests count once */
    tree_remove(root);
}

static void processor_of_a_container(void **state)
{
    (void)state;
    static const struct tree_file first[] = {CORES("0-7"),
                                             {"/proc/self/cgroup", "0::/\n", 0},
                                             {"/sys/fs/cgroup/cpu.max", "200000 100000\n", 0},
                                             {"/sys/fs/cgroup/cpu.stat", "usage_usec 1000000\n", 0},
                                             {0}};
    static const struct tree_file then[] = {CORES("0-7"),
                                            {"/proc/self/cgroup", "0::/\n", 0},
                                            {"/sys/fs/cgroup/cpu.max", "200000 100000\n", 0},
                                            {"/sys/fs/cgroup/cpu.stat", "usage_usec 2500000\n", 0},
                                            {0}};
    struct cpu_sample sample = {0};
    char root[64];
    plant(root, first);
    resources_cpu(&sample, root, NS_PER_S);
    tree_remove(root);
    plant(root, then);
    resources_cpu(&sample, root, 2 * NS_PER_S);
    assert_true(sample.percent > 74.9 && sample.percent < 75.1); /* 1.5 s of two cores' second */
    tree_remove(root);
}

/* Version 1 counts nanoseconds, in a place of its own. */
static void processor_of_an_older_container(void **state)
{
    (void)state;
    struct tree_file files[] = {CORES("0-7"),
                                {"/proc/self/cgroup", "5:cpu:/a\n4:cpuacct:/a\n", 0},
                                {"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "400000\n", 0},
                                {"/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n", 0},
                                {"/sys/fs/cgroup/cpuacct/a/cpuacct.usage", "5000000000\n", 0},
                                {0}};
    struct cpu_sample sample = {0};
    char root[64];
    plant(root, files);
    resources_cpu(&sample, root, NS_PER_S);
    tree_remove(root);
    files[4].text = "6000000000\n";
    plant(root, files);
    resources_cpu(&sample, root, 2 * NS_PER_S);
    assert_true(sample.percent > 24.9 && sample.percent < 25.1);
    tree_remove(root);
}

static void memory(void **state)
{
    (void)state;
    static const struct tree_file files[] = {
        {"/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 250 kB\nSwapFree: 0 kB\n", 0}, {0}};
    static const struct tree_file none[] = {CORES("0"), {0}};
    char root[64];
    plant(root, files);
    double percent = resources_memory(root);
    assert_true(percent > 74.9 && percent < 75.1);
    tree_remove(root);
    plant(root, none);
    assert_true(resources_memory(root) == 0);
    tree_remove(root);
}

static void gpu(void **state)
{
    (void)state;
    static const struct tree_file two[] = {
        {"/sys/class/drm/card0/device/gpu_busy_percent", "12\n", 0},
        {"/sys/class/drm/card2/device/gpu_busy_percent", "87\n", 0},
        {"/sys/class/drm/card3/device/gpu_busy_percent", "nonsense\n", 0},
        {0}};
    static const struct tree_file none[] = {{"/sys/class/drm/card0/device/vendor", "0x8086\n", 0},
                                            {0}};
    double percent = -1;
    char root[64];
    plant(root, two);
    assert_true(resources_gpu(root, &percent));
    assert_true(percent == 87);
    tree_remove(root);
    plant(root, none);
    assert_false(resources_gpu(root, &percent));
    tree_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processor_of_the_machine),
        cmocka_unit_test(processor_of_a_container),
        cmocka_unit_test(processor_of_an_older_container),
        cmocka_unit_test(memory),
        cmocka_unit_test(gpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
