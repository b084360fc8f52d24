#include "infer/variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#ifdef __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/text.h"
#include "infer/inspect.h"

enum { END = 64 << 10, MARK = 64 }; /* scripts/int8_mark.py makes the mark */

#if defined(__x86_64__)
/* Leaf 7, subleaf 1, EAX bit 4; clang 14 knows no name for it. */
static bool has_avx_vnni(void)
{
    unsigned a, b, c, d;
    return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && a >= 1 &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}
#endif

bool variant_fast_int8(const char **name)
{
#if defined(__x86_64__)
    *name = __builtin_cpu_supports("avx512vnni") ? "AVX512_VNNI"
            : has_avx_vnni()                     ? "AVX_VNNI"
                                                 : "no VNNI";
    return (*name)[0] == 'A';
#elif defined(__aarch64__)
    bool has = getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
    *name = has ? "ASIMDDP" : "no ASIMDDP";
    return has;
#else
    *name = "no 8 bit products";
    return false;
#endif
}

/* FNV-1a, 64 bits. */
static uint64_t add_bytes(uint64_t sum, FILE *file)
{
    int byte;
    for (int i = 0; i < END && (byte = fgetc(file)) != EOF; i++)
        sum = (sum ^ (uint64_t)byte) * UINT64_C(0x100000001B3);
    return sum;
}

/* Adds both ends of a file to the sum; returns its bytes, -1 when it cannot be read. */
static long add_file(const char *path, uint64_t *sum)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return -1;
    *sum = add_bytes(*sum, file);
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    bool read = size >= 0 && fseek(file, size > END ? size - END : 0, SEEK_SET) == 0;
    *sum = add_bytes(*sum, file);
    read = read && !ferror(file);
    fclose(file);
    return read ? size : -1;
}

/* Sizes and sum of a model's two files: one that was trained again, or is damaged, has another. */
static bool make_mark(const char *path, const char *weights, char mark[MARK])
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    long described = add_file(path, &sum), weighs = add_file(weights, &sum);
    snprintf(mark, MARK, "%ld-%ld-%016llx", described, weighs, (unsigned long long)sum);
    return described >= 0 && weighs >= 0;
}

static bool made_from(const char *beside, const char *path, const char *weights)
{
    struct metadata meta = {.source = ""};
    struct inspected *found = calloc(1, sizeof *found);
    char mark[MARK];
    const char *said = NULL;
    if (found) { /* a damaged one is refused by the loader, with its reason */
        inspect_file(found, &meta, beside, NULL);
        said = metadata_get(&meta, "fovea_int8_of");
    }
    bool same = said && make_mark(path, weights, mark) && !strcmp(said, mark);
    metadata_release(&meta);
    free(found);
    return same;
}

/* NAME.xml -> NAME_int8.xml, when that is there and was made from NAME. */
static bool find_beside(const char *path, char *beside, size_t size)
{
    char weights[4096];
    const char *dot = strrchr(path, '.');
    if (!dot || strcasecmp(dot, ".xml") != 0)
        return false;
    int stem = (int)(dot - path);
    int length = snprintf(beside, size, "%.*s_int8.xml", stem, path);
    if (length < 0 || (size_t)length >= size || access(beside, R_OK) != 0)
        return false;
    length = snprintf(weights, sizeof weights, "%.*s.bin", stem, path);
    return length > 0 && (size_t)length < sizeof weights && made_from(beside, path, weights);
}

static bool on_cpu(const fov_model_params *p)
{
    return (!p->device || !*p->device || !strcasecmp(p->device, "CPU")) &&
           (!p->backend || !*p->backend || !strcmp(p->backend, "openvino"));
}

void variant_choose(const fov_model_params *params, bool fast_int8, char *path, size_t size,
                    char reason[VARIANT_REASON])
{
    const char *has;
    variant_fast_int8(&has);
    reason[0] = '\0';
    bool found = find_beside(params->path, path, size);
    bool asked = params->precision == FOV_PRECISION_INT8;
    bool open = params->precision == FOV_PRECISION_AUTO && !params->no_int8;
    if (found && asked) {
        text_copy(reason, VARIANT_REASON, "INT8 form: asked for");
        return;
    }
    if (found && open && on_cpu(params) && fast_int8) {
        snprintf(reason, VARIANT_REASON,
                 "INT8 form: accepted when it was made, the processor has %s", has);
        return;
    }
    text_copy(path, size, params->path);
    if (found)
        snprintf(reason, VARIANT_REASON, "float form: %s",
                 !open             ? "INT8 was not asked for"
                 : !on_cpu(params) ? "INT8 was judged on OpenVINO's CPU only"
                                   : "without VNNI, INT8 gains little");
    else if (asked)
        text_copy(reason, VARIANT_REASON, "as named: there is no INT8 form beside it");
}
