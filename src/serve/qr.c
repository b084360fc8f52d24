#include "serve/qr.h"

#include <qrcodegen/qrcodegen.h>
#include <stdlib.h>
#include <string.h>

enum { QR_TEXT_MAX = 812, QUIET = 4, QR_VERSION_MAX = 25 };

static bool encode(const char *text, uint8_t *code)
{
    uint8_t scratch[qrcodegen_BUFFER_LEN_FOR_VERSION(QR_VERSION_MAX)];
    return strlen(text) <= QR_TEXT_MAX &&
           qrcodegen_encodeText(text, scratch, code, qrcodegen_Ecc_MEDIUM, 1, QR_VERSION_MAX,
                                qrcodegen_Mask_AUTO, true);
}

char *qr_svg(const char *text, size_t *size)
{
    uint8_t code[qrcodegen_BUFFER_LEN_FOR_VERSION(QR_VERSION_MAX)];
    char *svg = NULL;
    if (!encode(text, code))
        return NULL;
    FILE *to = open_memstream(&svg, size);
    if (!to)
        return NULL;
    int side = qrcodegen_getSize(code), whole = side + 2 * QUIET;
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/>"
            "<path fill=\"#000\" d=\"",
            whole, whole, whole, whole);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int run = 0;
            while (x + run < side && qrcodegen_getModule(code, x + run, y))
                run++;
            if (run > 0)
                fprintf(to, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, run, run);
            x += run;
        }
    fprintf(to, "\"/></svg>");
    if (fclose(to) == 0)
        return svg;
    free(svg);
    return NULL;
}

bool qr_terminal(const char *text, FILE *to)
{
    uint8_t code[qrcodegen_BUFFER_LEN_FOR_VERSION(QR_VERSION_MAX)];
    if (!encode(text, code))
        return false;
    int side = qrcodegen_getSize(code);
    for (int y = -2; y < side + 2; y += 2) {
        fputs("\033[30;107m", to); /* black on white, whatever the terminal's colours */
        for (int x = -2; x < side + 2; x++) {
            bool top = qrcodegen_getModule(code, x, y), low = qrcodegen_getModule(code, x, y + 1);
            fputs(top && low ? "█" : top ? "▀" : low ? "▄" : " ", to);
        }
        fputs("\033[0m\n", to);
    }
    return true;
}
