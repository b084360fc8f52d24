/* Settings files. Whatever the bytes: no crash, and what is refused is explained. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "serve/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *user, bool fatal, const char *text)
{
    *(int *)user += fatal && text[0] != '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *const env[] = {"NAME=value", "OTHER=", NULL};
    struct settings *settings;
    int findings = 0;
    fov_error error = {0};
    fov_status status = settings_parse(&settings, (const char *)data, size, "fuzz.yaml", env, count,
                                       &findings, &error);
    if ((status == FOV_OK) != (settings != NULL) || (status == FOV_EINVAL && findings == 0))
        abort();
    if (settings) {
        FILE *to = fopen("/dev/null", "w");
        if (to) {
            settings_print(settings, to);
            fclose(to);
        }
    }
    settings_free(&settings);
    return 0;
}
