/* What is found on machines of many sorts, and what is recommended for them: from trees of files
 * and made-up runtimes, so that nothing depends on the machine that runs this. */
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

#include "device/device.h"
#include "machines.h"
#include "tree.h"

static fov_device_info info;

/* Adds runtimes written as "openvino:CPU,GPU onnxruntime:CPU". */
static void install(const char *runtimes)
{
    char text[256];
    snprintf(text, sizeof text, "%s", runtimes);
    for (char *save = NULL, *one = strtok_r(text, " ", &save); one;
         one = strtok_r(NULL, " ", &save)) {
        char *devices = strchr(one, ':');
        *devices++ = '\0';
        snprintf(info.runtimes[info.runtime_count].name, 32, "%s", one);
        fov_backend_probe *probe = &info.runtimes[info.runtime_count++].probe;
        probe->available = true;
        for (char *rest = NULL, *d = strtok_r(devices, ",", &rest); d;
             d = strtok_r(NULL, ",", &rest))
            snprintf(probe->devices[probe->device_count++], 32, "%s", d);
    }
}

static void look(const struct tree_file *files, const char *runtimes)
{
    char root[64];
    memset(&info, 0, sizeof info);
    tree_make(root);
    tree_add(root, files);
    device_look(root, &info);
    tree_remove(root);
    install(runtimes);
    device_match(&info);
    device_recommend(&info);
}

static void check_text(const struct machine *m, const char *what, const char *is,
                       const char *wanted)
{
    if (strcmp(is, wanted ? wanted : "") != 0)
        fail_msg("%s: %s is \"%s\", not \"%s\"", m->name, what, is, wanted);
}

/* "kind vendor usable;" or "kind vendor reason's beginning;" for each, in order. */
static void check_accelerators(const struct machine *m)
{
    char wanted[512];
    int i = 0;
    snprintf(wanted, sizeof wanted, "%s", m->accelerators ? m->accelerators : "");
    for (char *save = NULL, *one = strtok_r(wanted, ";", &save); one;
         one = strtok_r(NULL, ";", &save), i++) {
        const fov_accelerator *a = &info.accelerators[i];
        char is[400];
        snprintf(is, sizeof is, "%s %s %s", a->kind, a->vendor, a->usable ? "usable" : a->reason);
        if (i >= info.accelerator_count || strncmp(is, one, strlen(one)) != 0)
            fail_msg("%s: accelerator %d is \"%s\", not \"%s\"", m->name, i, is, one);
        assert_true(a->usable == (a->device[0] != '\0') && a->usable == (a->reason[0] == '\0'));
        if (!a->usable && strcmp(a->vendor, "amd") != 0 && strcmp(a->vendor, "hailo") != 0 &&
            !strstr(a->reason, "only the first"))
            assert_true(a->mend[0]); /* all others can be mended */
    }
    if (i != info.accelerator_count)
        fail_msg("%s: %d accelerators", m->name, info.accelerator_count);
}

static void machines_are_recognised(void **unused)
{
    (void)unused;
    for (const struct machine *m = machines; m->name; m++) {
        look(m->files, m->runtimes);
        check_text(m, "type", info.type, m->type);
        check_text(m, "model", info.model, m->model);
        check_text(m, "software", info.software, m->software);
        check_accelerators(m);
    }
}

static void machines_get_what_suits_them(void **unused)
{
    (void)unused;
    for (const struct machine *m = machines; m->name; m++) {
        look(m->files, m->runtimes);
        check_text(m, "runtime", info.recommended_runtime, m->runtime);
        check_text(m, "device", info.recommended_device, m->device);
        check_text(m, "format", info.recommended_format, m->format);
        check_text(m, "precision", info.recommended_precision, m->precision);
        if (info.recommended_input_size != m->input_size || info.recommended_threads != m->threads)
            fail_msg("%s: %d px, %d threads", m->name, info.recommended_input_size,
                     info.recommended_threads);
        if (!strstr(info.why, m->why))
            fail_msg("%s: why is \"%s\"", m->name, info.why);
        assert_true(strlen(info.why) + 1 < sizeof info.why); /* whole */
    }
}

/* A Mac cannot be written as files: its facts are. */
static void a_mac_uses_core_ml(void **unused)
{
    (void)unused;
    for (int with = 0; with < 2; with++) {
        memset(&info, 0, sizeof info);
        strcpy(info.type, "apple_silicon");
        strcpy(info.name, "MacBookPro18,3");
        strcpy(info.cpu, "Apple M2");
        info.cores = 8;
        device_add(&info, "gpu", "apple", "Apple GPU", "in the chip");
        device_add(&info, "npu", "apple", "Apple Neural Engine", "in the chip");
        install(with ? "onnxruntime:CPU,COREML" : "onnxruntime:CPU");
        device_match(&info);
        device_recommend(&info);
        assert_int_equal(info.accelerators[0].usable, with);
        assert_int_equal(info.accelerators[1].usable, with);
        assert_string_equal(info.recommended_runtime, "onnxruntime");
        assert_string_equal(info.recommended_device, "COREML");
        assert_string_equal(info.recommended_format, "coreml");
        assert_string_equal(info.recommended_precision, "fp16");
        assert_int_equal(info.recommended_input_size, 640);
        assert_int_equal(strstr(info.why, "cannot be used yet") != NULL, !with);
    }
}

/* As the chain of runtimes does, for a model of which nothing is asked. */
static void what_is_taken_by_itself(void **unused)
{
    (void)unused;
    static const struct {
        const char *runtimes, *runtime, *device;
    } cases[] = {
        {"openvino:CPU,GPU,NPU onnxruntime:CPU litert:CPU", "openvino", "CPU"},
        {"litert:EDGETPU,CPU onnxruntime:CPU", "onnxruntime", "CPU"},
        {"litert:EDGETPU,CPU", "litert", "CPU"},
        {"openvino:CPU onnxruntime:TENSORRT,CUDA,CPU", "onnxruntime", "CUDA"},
        {"openvino:CPU onnxruntime:COREML,CPU", "onnxruntime", "COREML"},
        {"remote:SERVER", "", ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&info, 0, sizeof info);
        install(cases[i].runtimes);
        device_select(&info);
        assert_string_equal(info.selected_runtime, cases[i].runtime);
        assert_string_equal(info.selected_device, cases[i].device);
    }
}

static const struct machine *machine(const char *name)
{
    const struct machine *m = machines;
    while (m->name && !strstr(m->name, name))
        m++;
    assert_non_null(m->name);
    look(m->files, m->runtimes);
    return m;
}

static void details_of_accelerators(void **unused)
{
    (void)unused;
    machine("numbered against");
    assert_string_equal(info.accelerators[0].name, "NVIDIA H100");
    assert_string_equal(info.accelerators[0].where, "/dev/nvidia1");
    assert_string_equal(info.accelerators[0].driver, "nvidia 550.54.14");
    assert_string_equal(info.accelerators[0].device, "CUDA:0");
    assert_string_equal(info.accelerators[1].where, "/dev/nvidia0");
    assert_string_equal(info.accelerators[1].device, "CUDA:1");
    machine("N100 with its GPU");
    assert_string_equal(info.accelerators[0].where, "/dev/dri/renderD128");
    assert_string_equal(info.accelerators[0].driver, "i915");
    machine("AMD GPU and NPU");
    assert_int_equal(info.accelerators[1].memory_mb, 24560);
    assert_non_null(strstr(info.accelerators[0].mend, "i915 or xe"));
    assert_string_equal(info.accelerators[2].name, "AMD NPU (1022:1502)");
    machine("container without /dev/dri");
    assert_non_null(strstr(info.accelerators[0].mend, "--device"));
    machine("Hailo");
    assert_string_equal(info.accelerators[0].name, "Hailo-8");
    assert_string_equal(info.accelerators[0].mend, "");
    machine("Coral USB on");
    assert_string_equal(info.accelerators[0].where, "usb 1a6e:089a");
}

static const fov_cpu_feature *feature(const char *name)
{
    static const fov_cpu_feature none;
    for (int i = 0; i < info.feature_count; i++)
        if (strcmp(info.features[i].name, name) == 0)
            return &info.features[i];
    fail_msg("no feature %s", name);
    return &none;
}

static void features_of_processors(void **unused)
{
    (void)unused;
    machine("AMX");
    static const char *const amx[] = {"avx2",        "avx_vnni", "avx512_vnni", "avx512_bf16",
                                      "avx512_fp16", "amx_tile", "amx_int8",    "amx_bf16"};
    for (size_t i = 0; i < sizeof amx / sizeof *amx; i++)
        assert_true(feature(amx[i])->usable);
    machine("old PC"); /* has avx, of which avx2 begins with the same letters */
    assert_false(feature("avx2")->usable);
    assert_string_equal(feature("avx2")->mend, "");
    machine("a container: 2"); /* of a virtual machine */
    assert_false(feature("amx_int8")->usable);
    assert_non_null(strstr(feature("amx_int8")->mend, "host"));
    assert_string_equal(info.cpu, "AMD EPYC 9654");
    assert_int_equal(info.cores, 2);
    assert_int_equal(info.cores_total, 16);
    assert_int_equal(info.memory_mb, 512);
    assert_int_equal(info.memory_total_mb, 62500);
    machine("ARM server");
    static const char *const arm[] = {"asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve"};
    for (size_t i = 0; i < sizeof arm / sizeof *arm; i++)
        assert_true(feature(arm[i])->usable);
    const struct tree_file alike[] = {
        {"/proc/cpuinfo", "Features : asimdx svebf16 svei8mm sve2\n", 0}, {NULL, NULL, 0}};
    look(alike, ""); /* names that only begin or end as those */
    for (size_t i = 0; i < sizeof arm / sizeof *arm; i++)
        assert_false(feature(arm[i])->usable);
    machine("Raspberry Pi 3");
    assert_string_equal(info.cpu, "Cortex-A53");
    assert_false(feature("asimddp")->usable);
}

/* The look is repeated as another user, whom the node does not let in. */
static void a_node_that_may_not_be_opened_is_explained(void **unused)
{
    (void)unused;
    char root[64], path[128];
    const struct tree_file files[] = {{"/sys/class/drm/renderD128/device/vendor", "0x8086\n", 0},
                                      {"/dev/dri/renderD128", "", 0},
                                      {NULL, NULL, 0}};
    tree_make(root);
    tree_add(root, files);
    snprintf(path, sizeof path, "%s/dev/dri/renderD128", root);
    assert_int_equal(chmod(path, 0000), 0);
    uid_t me = geteuid();
    memset(&info, 0, sizeof info);
    if (me == 0)
        assert_int_equal(seteuid(65534), 0);
    device_look(root, &info);
    assert_int_equal(seteuid(me), 0);
    tree_remove(root);
    assert_int_equal(info.accelerator_count, 1);
    assert_string_equal(info.accelerators[0].reason, "this user may not open /dev/dri/renderD128");
    assert_non_null(strstr(info.accelerators[0].mend, "render"));
    install("openvino:CPU");
    device_match(&info); /* the kernel's refusal stays the reason */
    assert_non_null(strstr(info.accelerators[0].mend, "usermod"));
}

/* An OpenVINO that set-up fetched has no part for GPUs; a whole one lacks the driver only. */
static void a_runtime_without_the_part_is_told_from_a_missing_driver(void **unused)
{
    (void)unused;
    for (int whole = 0; whole < 2; whole++) {
        char root[64];
        const struct tree_file library[] = {
            {"/lib/libopenvino_c.so", "", 0},
            {whole ? "/lib/libopenvino_intel_gpu_plugin.so" : "/lib/other.so", "", 0},
            {NULL, NULL, 0}};
        tree_make(root);
        tree_add(root, library);
        memset(&info, 0, sizeof info);
        device_add(&info, "gpu", "intel", "Intel GPU", "/dev/dri/renderD128");
        install("openvino:CPU");
        snprintf(info.runtimes[0].probe.library, 256, "%s/lib/libopenvino_c.so", root);
        device_match(&info);
        tree_remove(root);
        assert_non_null(
            strstr(info.accelerators[0].mend, whole ? "intel-opencl-icd" : "pip install openvino"));
    }
}

/* A name of the runtime that only begins alike is another device. */
static void devices_match_whole_names(void **unused)
{
    (void)unused;
    memset(&info, 0, sizeof info);
    device_add(&info, "gpu", "intel", "Intel GPU", "/dev/dri/renderD128");
    install("openvino:CPU,GPUX,GPU.,GPU.x,GPU.1");
    device_match(&info);
    assert_false(info.accelerators[0].usable);
    memset(&info.runtimes, 0, sizeof info.runtimes);
    info.runtime_count = 0;
    info.accelerators[0].reason[0] = '\0';
    install("openvino:CPU,gpu.0");
    device_match(&info);
    assert_true(info.accelerators[0].usable);
    assert_string_equal(info.accelerators[0].device, "gpu.0");
}

static void lists_are_bounded(void **unused)
{
    (void)unused;
    char root[64], path[64], card[96];
    tree_make(root);
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "/proc/driver/nvidia/gpus/0000:%02x:00.0/information", i);
        snprintf(card, sizeof card, "Model: NVIDIA L4\nDevice Minor: %d\n", i);
        const struct tree_file files[] = {{path, card, 0}, {NULL, NULL, 0}};
        tree_add(root, files);
    }
    for (int i = 0; i < 40; i++) {
        char vendor[96], product[96];
        snprintf(vendor, sizeof vendor, "/sys/bus/usb/devices/%d-1/idVendor", i);
        snprintf(product, sizeof product, "/sys/bus/usb/devices/%d-1/idProduct", i);
        const struct tree_file files[] = {
            {vendor, "18d1\n", 0}, {product, "9302\n", 0}, {NULL, NULL, 0}};
        tree_add(root, files);
    }
    memset(&info, 0, sizeof info);
    device_look(root, &info);
    tree_remove(root);
    assert_int_equal(info.accelerator_count, FOV_ACCELERATORS_MAX);
}

/* ---- outside bytes --------------------------------------------------------------------------- */

/* Every file that is read, and a device of every sort behind it. */
static const char *const read_files[] = {
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self/cgroup",
    "/proc/device-tree/model",
    "/proc/device-tree/compatible",
    "/etc/nv_tegra_release",
    "/sys/devices/system/cpu/online",
    "/sys/class/dmi/id/sys_vendor",
    "/sys/class/dmi/id/product_name",
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory.high",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/proc/driver/nvidia/version",
    "/proc/driver/nvidia/gpus/0000:01:00.0/information",
    "/sys/bus/pci/devices/0000:00:02.0/vendor",
    "/sys/bus/pci/devices/0000:00:02.0/device",
    "/sys/bus/pci/devices/0000:00:02.0/class",
    "/sys/bus/pci/devices/0000:00:02.0/mem_info_vram_total",
    "/sys/bus/usb/devices/1-1/idVendor",
    "/sys/bus/usb/devices/1-1/idProduct",
    "/sys/bus/usb/devices/1-1/busnum",
    "/sys/bus/usb/devices/1-1/devnum",
    "/sys/class/drm/renderD128/device/vendor",
    "/sys/class/accel/accel0/device/vendor",
};

enum { READ_FILES = sizeof read_files / sizeof *read_files, HUGE_SIZE = 200000 };

static void check_printable(const char *text, size_t size)
{
    assert_non_null(memchr(text, '\0', size));
    for (const char *p = text; *p; p++)
        assert_in_range(*p, ' ', '~');
}

static void check_sane(void)
{
    check_printable(info.type, sizeof info.type);
    check_printable(info.name, sizeof info.name);
    check_printable(info.model, sizeof info.model);
    check_printable(info.software, sizeof info.software);
    check_printable(info.cpu, sizeof info.cpu);
    check_printable(info.cpu_flags, sizeof info.cpu_flags);
    check_printable(info.why, sizeof info.why);
    assert_in_range(info.cores, 1, info.cores_total);
    assert_in_range(info.accelerator_count, 0, FOV_ACCELERATORS_MAX);
    assert_true(info.memory_mb >= 0 && info.memory_mb <= info.memory_total_mb);
    for (int i = 0; i < info.accelerator_count; i++) {
        check_printable(info.accelerators[i].name, sizeof info.accelerators[i].name);
        check_printable(info.accelerators[i].where, sizeof info.accelerators[i].where);
        check_printable(info.accelerators[i].driver, sizeof info.accelerators[i].driver);
        check_printable(info.accelerators[i].reason, sizeof info.accelerators[i].reason);
    }
    assert_true(info.recommended_format[0] && info.recommended_input_size > 0 &&
                info.recommended_threads > 0);
}

/* A tree in which every file is a link to one, whose content changes. */
static char everywhere[64];

static int make_everywhere(void **unused)
{
    (void)unused;
    char target[96];
    tree_make(everywhere);
    snprintf(target, sizeof target, "-> %s/content", everywhere);
    for (int i = 0; i < READ_FILES; i++) {
        const struct tree_file files[] = {{read_files[i], target, 0}, {NULL, NULL, 0}};
        tree_add(everywhere, files);
    }
    return 0;
}

static int remove_everywhere(void **unused)
{
    (void)unused;
    tree_remove(everywhere);
    return 0;
}

static void look_at_everything(const char *text, size_t size)
{
    char path[96];
    const struct tree_file files[] = {{"/content", text, size}, {NULL, NULL, 0}};
    snprintf(path, sizeof path, "%s/content", everywhere);
    unlink(path);
    tree_add(everywhere, files);
    memset(&info, 0, sizeof info);
    device_look(everywhere, &info);
    install("openvino:CPU");
    device_match(&info);
    device_recommend(&info);
    check_sane();
}

static void malformed_contents(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"\n", 0},
        {"\0\0\0\0", 4},
        {"\xFF\xFE\x80\x00\xC3", 5},
        {"0x", 0},
        {"0x8086", 0}, /* no line feed */
        {"0x8086\n", 0},
        {"0x10de\n", 0},
        {"0x1002\n", 0},
        {"-1\n", 0},
        {"18446744073709551616\n", 0},
        {":\n::\n:::\n", 0},
        {"Model\nDevice Minor\nmodel name\nflags\nMemTotal:\nCPU part\n", 0},
        {"Model:\nDevice Minor:\nmodel name:\nflags:\nFeatures:\nCPU part:", 0},
        {"Model: %s%n%d\nDevice Minor: -1\nmodel name: %s%n\nflags: %n avx2\n", 0},
        {"# R\n", 0},
        {"# R99999999999 (release), REVISION: 1.2.3.4.5.6.7.8.9.10\n", 0},
        {"# R35 (release), REVISION: ", 0},
        {"Raspberry Pi", 0},
        {"NVIDIA Jetson \x1b[31m nvidia,tegra234", 0},
        {"NVRM version: ................................................ 1.2", 0},
        {"../../../../etc/passwd\n", 0},
        {"-> /dev/zero", 0},
        {"-> .", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        look_at_everything(cases[i].text, cases[i].size);
}

/* Files without an end, for what is read: long lines, many lines, random bytes. */
static void huge_contents(void **unused)
{
    (void)unused;
    char *text = malloc(HUGE_SIZE);
    assert_non_null(text);
    static const char *const starts[] = {
        "",        "flags\t: ", "model name\t: ", "Raspberry Pi ", "# R35, REVISION: ",
        "Model: ", "0::/",      "MemTotal: 1"};
    static const char fills[] = "a \n\xFF"
                                "0,-/:";
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
        for (size_t f = 0; f + 1 < sizeof fills; f++) {
            memset(text, fills[f], HUGE_SIZE);
            memcpy(text, starts[s], strlen(starts[s]));
            look_at_everything(text, HUGE_SIZE);
        }
    uint32_t state = 1;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < HUGE_SIZE; i++)
            text[i] = (char)((state = state * 1664525u + 1013904223u) >> 24);
        look_at_everything(text, HUGE_SIZE);
    }
    free(text);
}

static void links_and_names_of_all_sorts(void **unused)
{
    (void)unused;
    static const struct tree_file files[] = {
        {"/sys/bus/pci/devices", "-> devices", 0},
        {"/sys/bus/usb/devices/loop", "-> ../devices/loop", 0},
        {"/sys/bus/usb/devices/1-1/idVendor", "-> idProduct", 0},
        {"/sys/bus/usb/devices/1-1/idProduct", "-> idVendor", 0},
        {"/sys/class/drm/renderD\x01\xFF\n/device/vendor", "0x8086\n", 0},
        {"/sys/class/drm/renderD128/device", "-> ../../drm", 0},
        {"/proc/driver/nvidia/gpus/%s%n/information", "Model: x", 0},
        {"/proc/driver/nvidia/gpus/"
         "an-entry-whose-name-is-much-longer-than-any-address-of-a-bus-could-ever-be/information",
         "Model: y\n", 0},
        {"/proc/cpuinfo/a/folder", "", 0},
        {NULL, NULL, 0}};
    look(files, "");
    check_sane();
    look((const struct tree_file[]){{"/proc", "-> .", 0}, {"/sys", "-> sys", 0}, {NULL, NULL, 0}},
         "");
    check_sane();
}

static void memory_of_cards(void **state)
{
    (void)state;
    static const struct tree_file two[] = {
        {"/sys/class/drm/card0/device/mem_info_vram_used", "1048576\n", 0},
        {"/sys/class/drm/card2/device/mem_info_vram_used", "3221225472\n", 0},
        {"/sys/class/drm/card3/device/mem_info_vram_used", "-5\n", 0},
        {NULL, NULL, 0}};
    double mb = 0;
    char root[64];
    tree_make(root);
    assert_false(device_gpu_memory(root, &mb));
    tree_add(root, two);
    assert_true(device_gpu_memory(root, &mb));
    assert_true(mb == 3072);
    tree_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines_are_recognised),
        cmocka_unit_test(machines_get_what_suits_them),
        cmocka_unit_test(a_mac_uses_core_ml),
        cmocka_unit_test(what_is_taken_by_itself),
        cmocka_unit_test(details_of_accelerators),
        cmocka_unit_test(features_of_processors),
        cmocka_unit_test(a_node_that_may_not_be_opened_is_explained),
        cmocka_unit_test(a_runtime_without_the_part_is_told_from_a_missing_driver),
        cmocka_unit_test(devices_match_whole_names),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(memory_of_cards),
        cmocka_unit_test_setup_teardown(malformed_contents, make_everywhere, remove_everywhere),
        cmocka_unit_test_setup_teardown(huge_contents, make_everywhere, remove_everywhere),
        cmocka_unit_test(links_and_names_of_all_sorts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
