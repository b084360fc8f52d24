/* One of the benchmark's pictures on standard output: make_texture WIDTHxHEIGHT [SEED]. */
#include <stdio.h>
#include <stdlib.h>

#include "texture.h"

int main(int argc, char **argv)
{
    int width = 0, height = 0;
    uint8_t *bytes = NULL;
    unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (argc < 2 || sscanf(argv[1], "%dx%d", &width, &height) != 2)
        return 2;
    size_t size = texture_jpeg(width, height, 85, seed, &bytes);
    bool good = size > 0 && fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0;
    free(bytes);
    return good ? 0 : 1;
}
