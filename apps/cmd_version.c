/* fovea version */
#include <stdio.h>
#include <sys/utsname.h>

#include <fovea/device.h>
#include <fovea/fovea.h>
#include "base/json.h"
#include "commands.h"
#include "options.h"

static void print_json(const fov_device_info *info, const struct utsname *system)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "version", fov_version());
    json_add_string(&w, "compiler", __VERSION__);
    json_add_string(&w, "system", system->sysname);
    json_add_string(&w, "machine", system->machine);
    json_name(&w, "runtimes");
    json_array_begin(&w);
    for (int i = 0; i < info->runtime_count; i++) {
        json_object_begin(&w);
        json_add_string(&w, "name", info->runtimes[i].name);
        json_add_string(&w, "version", info->runtimes[i].probe.version);
        json_add_bool(&w, "available", info->runtimes[i].probe.available);
        json_add_string(&w, "reason", info->runtimes[i].probe.reason);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

int cmd_version(int argc, char **argv)
{
    static const struct usage usage = {"version", "", "Version, build and runtimes found.", NULL};
    bool json = false;
    const struct option_spec options[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON object"}, {0}};
    int count = options_parse(&usage, options, argc, argv, NULL, 0);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    fov_device_info info;
    struct utsname system;
    fov_device_probe(NULL, &info);
    uname(&system);
    if (json) {
        print_json(&info, &system);
        return 0;
    }
    printf("fovea %s (%s, %s %s)\n", fov_version(), __VERSION__, system.sysname, system.machine);
    for (int i = 0; i < info.runtime_count; i++) {
        const fov_backend_probe *p = &info.runtimes[i].probe;
        printf("%s %s\n", info.runtimes[i].name, p->available ? p->version : "not found");
    }
    return 0;
}
