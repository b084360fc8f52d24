/* Bounded strings: copying, UTF-8, numbers from text, nearest name. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies at most size-1 bytes, cut at a character border of UTF-8; always terminated.
 * Returns the length written. */
size_t text_copy(char *to, size_t size, const char *from);

/* True for well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool text_is_utf8(const uint8_t *bytes, size_t size);

/* Control characters, those behind ASCII too, become blanks: a terminal obeys both kinds. */
void text_flatten(char *text);

/* Whole string as a finite number within [least, most]; blanks around are not accepted. */
bool text_to_double(const char *text, double least, double most, double *value);
bool text_to_int(const char *text, long long least, long long most, long long *value);

/* Two hexadecimal digits a byte, terminated: 2 * count + 1 bytes. */
void text_hex(char *to, const uint8_t *bytes, size_t count);

/* The candidate nearest to `word` by edit distance, NULL when none is near enough to suggest. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* "mot, epts": the names that `name` gives, from 0 up to a NULL; cut where `size` bytes end. */
void text_list(char *to, size_t size, const char *(*name)(int i, const char **help));

/* Copies `url` without its secrets: the password of "user:password@", the query, and in the path
 * the values of names such as password= and token=, which some cameras want there. What is no URL
 * is copied as it is. */
void text_redact_url(char *to, size_t size, const char *url);

#endif
