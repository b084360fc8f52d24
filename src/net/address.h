/* Network addresses as 16 bytes (IPv4 as ::ffff:a.b.c.d), networks, counts by address. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_TEXT 48

struct address {
    uint8_t bytes[16];
};

struct cidr {
    struct address net;
    int bits; /* of the 128 */
};

struct sockaddr;

/* "10.1.2.3", "::1", "::ffff:10.1.2.3"; len bytes of text. False when it is no address. */
bool address_parse(struct address *address, const char *text, size_t len);
/* "10.0.0.0/8", "fe80::/10", or an address alone. */
bool cidr_parse(struct cidr *cidr, const char *text);
bool cidr_holds(const struct cidr *cidr, const struct address *address);
void address_from_sockaddr(struct address *address, const struct sockaddr *from);
/* IPv4-mapped addresses are written as IPv4. */
void address_format(const struct address *address, char text[ADDRESS_TEXT]);

/* How many connections an address has. IPv6 addresses count by their /64 network: one customer owns
 * the whole of it. */
struct address_count;
struct address_counts {
    struct address_count *buckets[256];
};
unsigned address_count(const struct address_counts *counts, const struct address *address);
bool address_count_up(struct address_counts *counts, const struct address *address);
void address_count_down(struct address_counts *counts, const struct address *address);
void address_counts_free(struct address_counts *counts);

#endif
