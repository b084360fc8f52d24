#include "base/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* ---- files --------------------------------------------------------------------------------- */

bool machine_path(const char *root, const char *path, char *full, size_t size)
{
    int length = snprintf(full, size, "%s%s", root, path);
    return length > 0 && (size_t)length < size;
}

/* Opening a pipe or a device could wait or act, so what it is comes first; O_NONBLOCK covers a
 * change in between. */
static int open_file(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

size_t machine_read(const char *root, const char *path, char *text, size_t size)
{
    char full[MACHINE_PATH];
    size_t used = 0;
    text[0] = '\0';
    int fd = machine_path(root, path, full, sizeof full) ? open_file(full) : -1;
    if (fd < 0)
        return 0;
    while (used < size - 1) {
        ssize_t n = read(fd, text + used, size - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    close(fd);
    text[used] = '\0';
    return used;
}

size_t machine_read_line(const char *root, const char *path, char *line, size_t size)
{
    machine_read(root, path, line, size);
    line[strcspn(line, "\r\n")] = '\0';
    size_t blanks = strspn(line, " \t"), length = strlen(line) - blanks;
    memmove(line, line + blanks, length + 1);
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        line[--length] = '\0';
    for (char *p = line; *p; p++)
        *p = *p < ' ' || *p > '~' ? '?' : *p;
    return length;
}

/* ---- control groups ------------------------------------------------------------------------ */

/* A limit of one group, 0 when it sets none. */
typedef int64_t (*limit_of)(const char *root, const char *folder);

static int64_t number_in(const char *root, const char *folder, const char *name)
{
    char path[MACHINE_PATH], line[64];
    long long value;
    if (!machine_path(folder, name, path, sizeof path) ||
        !machine_read_line(root, path, line, sizeof line) ||
        !text_to_int(line, 1, INT64_MAX, &value))
        return 0; /* absent, "max", -1 or nonsense: no limit */
    return value;
}

static int64_t cores_of(int64_t quota, int64_t period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    return quota / period + (quota % period != 0);
}

static int64_t cpu_v2(const char *root, const char *folder)
{
    char path[MACHINE_PATH], line[64];
    long long quota, period = 100000; /* the kernel's, should the file name the quota alone */
    if (!machine_path(folder, "/cpu.max", path, sizeof path) ||
        !machine_read_line(root, path, line, sizeof line))
        return 0;
    char *blank = strchr(line, ' ');
    if (blank) {
        *blank = '\0';
        if (!text_to_int(blank + 1, 1, INT64_MAX, &period))
            return 0;
    }
    return text_to_int(line, 1, INT64_MAX, &quota) ? cores_of(quota, period) : 0;
}

static int64_t cpu_v1(const char *root, const char *folder)
{
    return cores_of(number_in(root, folder, "/cpu.cfs_quota_us"),
                    number_in(root, folder, "/cpu.cfs_period_us"));
}

static int64_t least(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

static int64_t memory_v2(const char *root, const char *folder)
{
    return least(number_in(root, folder, "/memory.max"), number_in(root, folder, "/memory.high"));
}

static int64_t memory_v1(const char *root, const char *folder)
{
    return number_in(root, folder, "/memory.limit_in_bytes");
}

/* The number behind `key` at the start of a line of a file, 0 when there is none. */
static int64_t number_behind(const char *root, const char *path, const char *key)
{
    char text[8192];
    long long value;
    size_t length = strlen(key);
    machine_read(root, path, text, sizeof text);
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) != 0)
            continue;
        line += length;
        line += strspn(line, " \t");
        line[strspn(line, "0123456789")] = '\0';
        return text_to_int(line, 1, INT64_MAX / 1024, &value) ? value : 0;
    }
    return 0;
}

/* What a group leaves of its limit; pages of files that it could give up count as free. */
static int64_t left_of(const char *root, const char *folder, int64_t limit, const char *usage,
                       const char *file_pages)
{
    char path[MACHINE_PATH];
    if (!limit || limit > INT64_MAX / 2 || /* v1 writes "no limit" as a huge number */
        !machine_path(folder, "/memory.stat", path, sizeof path))
        return 0;
    int64_t left = limit - number_in(root, folder, usage) + number_behind(root, path, file_pages);
    return left > 0 ? left : 1;
}

static int64_t free_v2(const char *root, const char *folder)
{
    return left_of(root, folder, number_in(root, folder, "/memory.max"), "/memory.current",
                   "inactive_file ");
}

static int64_t free_v1(const char *root, const char *folder)
{
    return left_of(root, folder, memory_v1(root, folder), "/memory.usage_in_bytes",
                   "total_inactive_file ");
}

/* The tightest limit on the way from a group up to the mount. A container may see only the end of
 * its path, directly at the mount: groups that are not there set no limit. */
static int64_t tightest(const char *root, const char *mount, const char *group, limit_of limit)
{
    char folder[MACHINE_PATH];
    if (strstr(group, "/..") || !machine_path(mount, group, folder, sizeof folder))
        text_copy(folder, sizeof folder, mount); /* outside of what this namespace shows */
    int64_t found = 0;
    size_t top = strlen(mount);
    while (strlen(folder) > top) {
        found = least(found, limit(root, folder));
        *strrchr(folder, '/') = '\0';
    }
    return least(found, limit(root, mount));
}

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (strcspn(list, ",") == length && !strncmp(list, word, length))
            return true;
    return false;
}

/* The path in /proc/self/cgroup ("4:cpu,cpuacct:/a/b", for v2 "0::/a/b") of one controller, and the
 * list of controllers that names its mount; both "" when it is not listed. */
static void own_group(const char *root, const char *controller, char *list, char *group,
                      size_t size)
{
    char text[8192];
    list[0] = group[0] = '\0';
    machine_read(root, "/proc/self/cgroup", text, sizeof text);
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path || path[1] != '/')
            continue;
        *path++ = '\0';
        if (*controller ? has_word(names + 1, controller) : !names[1]) {
            text_copy(list, size, names + 1);
            text_copy(group, size, path);
            return;
        }
    }
}

static int64_t limit_v2(const char *root, limit_of limit)
{
    char list[MACHINE_PATH], group[MACHINE_PATH];
    own_group(root, "", list, group, sizeof group);
    return least(tightest(root, "/sys/fs/cgroup", group, limit),
                 tightest(root, "/sys/fs/cgroup/unified", group, limit));
}

static int64_t limit_v1(const char *root, const char *controller, limit_of limit)
{
    char list[MACHINE_PATH], group[MACHINE_PATH], mount[MACHINE_PATH + 32];
    own_group(root, controller, list, group, sizeof group);
    snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", controller);
    int64_t found = tightest(root, mount, group, limit);
    if (!list[0] || strchr(list, '/'))
        return found;
    snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", list);
    return least(found, tightest(root, mount, group, limit));
}

/* ---- what there is ------------------------------------------------------------------------- */

/* Counts a list of ranges, "0-3,6". */
static int count_ranges(const char *list)
{
    long count = 0;
    while (*list) {
        char range[32], *dash;
        long long first, last;
        text_copy(range, sizeof range, list);
        range[strcspn(range, ",")] = '\0';
        if ((dash = strchr(range, '-')))
            *dash = '\0';
        if (!text_to_int(range, 0, 65535, &first) ||
            !text_to_int(dash ? dash + 1 : range, first, 65535, &last))
            return 0;
        count += (long)(last - first + 1);
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return count < 65536 ? (int)count : 0;
}

int machine_cores_total(const char *root)
{
    char line[256];
    machine_read_line(root, "/sys/devices/system/cpu/online", line, sizeof line);
    long count = count_ranges(line);
    if (count < 1 && !*root)
        count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

int machine_cores(const char *root)
{
    int64_t cores = machine_cores_total(root);
#ifdef __linux__
    cpu_set_t set;
    if (!*root && sched_getaffinity(0, sizeof set, &set) == 0)
        cores = CPU_COUNT(&set);
#endif
    int64_t quota = least(limit_v2(root, cpu_v2), limit_v1(root, "cpu", cpu_v1));
    cores = least(quota, cores);
    return cores > 0 ? (int)cores : 1;
}

int64_t machine_memory_total(const char *root)
{
    int64_t kilobytes = number_behind(root, "/proc/meminfo", "MemTotal:");
    if (kilobytes)
        return kilobytes * 1024;
    long pages = *root ? 0 : sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (int64_t)pages * size : 0;
}

int64_t machine_memory(const char *root)
{
    int64_t limit = least(limit_v2(root, memory_v2), limit_v1(root, "memory", memory_v1));
    return least(limit, machine_memory_total(root));
}

int64_t machine_memory_free(const char *root)
{
    int64_t kilobytes = number_behind(root, "/proc/meminfo", "MemAvailable:");
    if (kilobytes)
        kilobytes += number_behind(root, "/proc/meminfo", "SwapFree:");
    int64_t left = least(limit_v2(root, free_v2), limit_v1(root, "memory", free_v1));
    return least(left, kilobytes * 1024);
}

int64_t machine_group_cpu_us(const char *root)
{
    char list[MACHINE_PATH], group[MACHINE_PATH], path[2 * MACHINE_PATH];
    own_group(root, "", list, group, sizeof group);
    if (strstr(group, "/..")) /* outside of what this namespace shows */
        group[0] = '\0';
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.stat", group);
    int64_t used = number_behind(root, path, "usage_usec ");
    if (!used) /* a container may see the end of its path only, at the mount */
        used = number_behind(root, "/sys/fs/cgroup/cpu.stat", "usage_usec ");
    if (used)
        return used;
    own_group(root, "cpuacct", list, group, sizeof group);
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpuacct%s", group);
    used = number_in(root, path, "/cpuacct.usage");
    return (used ? used : number_in(root, "/sys/fs/cgroup/cpuacct", "/cpuacct.usage")) / 1000;
}
