#include "flow/recent.h"

void recent_add(struct recent *r, int64_t ns)
{
    r->ns[r->next] = ns;
    r->next = (r->next + 1) % RECENT_MAX;
    if (r->count < RECENT_MAX)
        r->count++;
}

int64_t recent_median_ns(const struct recent *r)
{
    int64_t sorted[RECENT_MAX];
    if (r->count == 0)
        return 0;
    for (int i = 0; i < r->count; i++) {
        int j = i;
        for (; j > 0 && sorted[j - 1] > r->ns[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = r->ns[i];
    }
    return sorted[r->count / 2];
}

int64_t recent_high_ns(const struct recent *r)
{
    int64_t most = 0, second = 0;
    for (int i = 0; i < r->count; i++) {
        if (r->ns[i] > most) {
            second = most;
            most = r->ns[i];
        } else if (r->ns[i] > second) {
            second = r->ns[i];
        }
    }
    return second;
}

int64_t recent_expected_ns(const struct recent *r)
{
    if (r->count == 0)
        return 0;
    int64_t last = r->ns[(r->next + RECENT_MAX - 1) % RECENT_MAX];
    int64_t median = recent_median_ns(r);
    return last < median ? last : median;
}
