/* Grammar of HTTP field names and values (RFC 9110 section 5.6). */
#ifndef NET_FIELD_H
#define NET_FIELD_H

#include <stdbool.h>
#include <stddef.h>

bool field_is_token(const char *text); /* not empty */
/* Removes blanks at both ends, in place. */
char *field_trim(char *value);
/* One of a comma-separated list, any case. */
bool field_has_token(const char *list, const char *token);
/* The next element of a list separated by `separator`: blanks removed, quoted parts kept together.
 * Advances *rest; false at the end. */
bool field_next(const char **rest, char separator, const char **element, size_t *len);
/* Value of a "name=value" parameter: quotes and backslashes removed. Returns false when it does not
 * fit or is malformed. */
bool field_unquote(const char *value, size_t len, char *to, size_t size);

#endif
