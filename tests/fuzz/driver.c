/* Runs a fuzz target without libFuzzer: every file of the given folders, then mutations of them
 * from a fixed seed, so that `meson test` always does the same. FUZZ_RUNS: number of mutations. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 65536
#define FILES_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    uint8_t *data;
    size_t size;
} files[FILES_MAX];
static size_t files_count;
static uint64_t state = 0x9e3779b97f4a7c15;

static uint32_t pick(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

/* A copy without slack behind it, so that a sanitizer sees reads beyond the end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(1);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);
    if (!file || !data || files_count == FILES_MAX)
        exit(1);
    files[files_count].size = fread(data, 1, INPUT_MAX, file);
    files[files_count++].data = data;
    fclose(file);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not by the locale */
}

static void read_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, by_name);
    if (n < 0) {
        perror(path);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            read_file(name);
        free(entries[i]);
    }
    free(entries);
}

/* Flips, overwrites, deletes, repeats, and splices with another file. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const uint8_t telling[] = {0,   1,    '\r', '\n', ' ', '"',  '%',  ';', '-',
                                      ':', 0x7f, 0x80, 0x81, 127, 0xfe, 0xff, '0', ','};
    for (uint32_t turns = 1 + pick(6); turns > 0; turns--) {
        uint32_t at = size ? pick((uint32_t)size) : 0;
        uint32_t n = size > at ? 1 + pick((uint32_t)(size - at < 64 ? size - at : 64)) : 0;
        switch (pick(6)) {
        case 0:
            if (size)
                data[at] ^= (uint8_t)(1U << pick(8));
            break;
        case 1:
            if (size)
                data[at] = telling[pick(sizeof(telling))];
            break;
        case 2:
            memmove(data + at, data + at + n, size - at - n);
            size -= n;
            break;
        case 3:
            if (size + n <= INPUT_MAX) {
                memmove(data + at + n, data + at, size - at);
                size += n;
            }
            break;
        case 4:
            size = at;
            break;
        default: {
            size_t other = pick((uint32_t)files_count), room = INPUT_MAX - at;
            size_t len = files[other].size < room ? files[other].size : room;
            memcpy(data + at, files[other].data, len);
            size = at + len > size ? at + len : size;
        }
        }
    }
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t data[INPUT_MAX];
    const char *runs = getenv("FUZZ_RUNS");
    for (int i = 1; i < argc; i++)
        read_folder(argv[i]);
    if (files_count == 0) {
        fprintf(stderr, "no corpus\n");
        return 1;
    }
    for (size_t i = 0; i < files_count; i++)
        run(files[i].data, files[i].size);
    long count = runs ? strtol(runs, NULL, 10) : 20000;
    for (long i = 0; i < count; i++) {
        size_t from = pick((uint32_t)files_count);
        memcpy(data, files[from].data, files[from].size);
        run(data, mutate(data, files[from].size));
    }
    printf("%zu files, %ld mutations\n", files_count, count);
    for (size_t i = 0; i < files_count; i++)
        free(files[i].data);
    return 0;
}
