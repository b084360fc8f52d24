/* A libLiteRt.so of another release: calling it with our parameters could do anything. */
#include <stdlib.h>

__attribute__((visibility("default"))) int LiteRtCreateEnvironment(void)
{
    abort();
}
