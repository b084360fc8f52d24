/* Made by make_nms_fixture.py. */
static const struct nms_case {
    int count, classes;
    float iou;
    int agnostic, kept;
    uint64_t fnv1a;
} nms_cases[] = {
    {1, 2, 0.5f, 0, 1, 0xAF63BD4C8601B7DFu},       {1, 2, 0.5f, 1, 1, 0xAF63BD4C8601B7DFu},
    {40, 3, 0.45f, 0, 40, 0x3E4E2878C98887B7u},    {40, 3, 0.45f, 1, 40, 0x3E4E2878C98887B7u},
    {200, 5, 0.3f, 0, 189, 0xBACFBDCD9B60921Fu},   {200, 5, 0.3f, 1, 147, 0x043F24034BF7FB0Eu},
    {700, 2, 0.6f, 0, 657, 0x4FFD62FAB14F8FADu},   {700, 2, 0.6f, 1, 627, 0xDAF12DBA2A303FEBu},
    {2500, 4, 0.45f, 0, 859, 0x956663B1987DC810u}, {2500, 4, 0.45f, 1, 642, 0x4C16B27FD3077773u},
    {2500, 1, 0.7f, 0, 965, 0xB43AF7423DD9DA70u},  {2500, 1, 0.7f, 1, 965, 0xB43AF7423DD9DA70u},
};
