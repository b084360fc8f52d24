/* QR codes as SVG and on a terminal. */
#ifndef SERVE_QR_H
#define SERVE_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* `text` as an SVG picture of 4 quiet modules around; NULL when it does not fit (over 512 bytes) or
 * memory is short. Free it. */
char *qr_svg(const char *text, size_t *size);
/* The same with half blocks, light on dark terminals too. False when it does not fit. */
bool qr_terminal(const char *text, FILE *to);

#endif
