/* Percent-encoding of paths and query parameters (RFC 3986). */
#ifndef SERVE_PERCENT_H
#define SERVE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes `length` bytes once; `plus`: a plus sign is a blank (forms). Broken escapes stay as they
 * are. False when it does not fit or holds a NUL. */
bool percent_decode(char *to, size_t size, const char *from, size_t length, bool plus);

/* Encodes all but letters, digits, - . _ ~ and the characters of `keep`. Cut at whole escapes.
 * Returns the length written. */
size_t percent_encode(char *to, size_t size, const char *from, const char *keep);

#endif
