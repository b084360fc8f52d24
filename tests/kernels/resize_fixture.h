/* Made by make_resize_fixture.py with OpenCV 5.0.0, INTER_LINEAR. */
static const struct resize_case {
    int width, height, to_width, to_height;
    uint64_t fnv1a;
} resize_cases[] = {
    {1, 1, 5, 7, 0x128BEA2BC8DA6785u},         {2, 3, 1, 1, 0x22768C1A48C4AC10u},
    {5, 4, 13, 11, 0x0DD6F7FC9B95F684u},       {37, 23, 20, 31, 0xE67DB6CC24EFB378u},
    {64, 48, 32, 24, 0x3698BDA5412AFA29u},     {97, 61, 30, 30, 0xCB69EEE365A35A44u},
    {100, 80, 100, 80, 0xCDA2B220B83D4E56u},   {120, 90, 77, 41, 0x4A7EA61FA0BC37E6u},
    {161, 121, 300, 300, 0x917BBD85DF0A560Eu}, {333, 77, 64, 200, 0xC53D99DA75E187C9u},
    {640, 361, 300, 300, 0xBC2F79244964401Bu}, {1280, 719, 640, 360, 0x66E7234BB1363ED5u},
};
