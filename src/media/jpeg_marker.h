/* Markers of a JPEG: ITU-T T.81, table B.1. */
#ifndef MEDIA_JPEG_MARKER_H
#define MEDIA_JPEG_MARKER_H

enum {
    JPEG_TEM = 0x01,
    JPEG_SOF0 = 0xC0, /* baseline */
    JPEG_SOF1 = 0xC1, /* extended */
    JPEG_SOF2 = 0xC2, /* progressive */
    JPEG_SOF3 = 0xC3, /* lossless */
    JPEG_DHT = 0xC4,
    JPEG_SOF5 = 0xC5, /* hierarchical from here on */
    JPEG_JPG = 0xC8,
    JPEG_SOF9 = 0xC9, /* arithmetic from here on */
    JPEG_DAC = 0xCC,
    JPEG_SOF15 = 0xCF,
    JPEG_RST0 = 0xD0,
    JPEG_RST7 = 0xD7,
    JPEG_SOI = 0xD8,
    JPEG_EOI = 0xD9,
    JPEG_SOS = 0xDA,
    JPEG_DQT = 0xDB,
    JPEG_DRI = 0xDD,
    JPEG_APP0 = 0xE0,
    JPEG_APP1 = 0xE1,
    JPEG_APP14 = 0xEE,
    JPEG_APP15 = 0xEF,
    JPEG_COM = 0xFE
};

#endif
