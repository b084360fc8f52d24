/* SHA-256 (FIPS 180-4) of bytes in memory: which file is this? Not for secrets. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_TEXT = 65 };

/* Writes the sum as 64 hexadecimal digits, terminated. About 4 ms a megabyte. */
void sha256_text(const void *bytes, size_t size, char text[SHA256_TEXT]);

#endif
