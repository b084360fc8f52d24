/* Names of cameras to addresses, off the reading thread, and which addresses may be opened. */
#ifndef MEDIA_SOURCE_ADDRESS_H
#define MEDIA_SOURCE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <fovea/status.h>

/* Asked every 100 ms at the latest while something waits: true ends the wait (interrupted, too
 * late). The same in ffmpeg_api.h. */
typedef bool source_stop_fn(void *user);

/* Whose addresses are checked: nobody's, those of names, of literal addresses too. */
enum source_guard { GUARD_NONE, GUARD_NAMES, GUARD_ALL };

struct source_address {
    struct sockaddr_storage at;
    socklen_t size;
    char text[64]; /* numeric host */
};

/* Finds the addresses of a host. A literal address is taken as it is. `*job` is the caller's, NULL
 * at first: a look-up that was left behind, so that one source never has two under way; give it
 * back with source_resolve_forget. Guarded are addresses of this machine, link-local ones and those
 * of metadata services: refused (FOV_EDENIED), since a name's address is anybody's choice. At most
 * `max` come, IPv4 first; 0 on failure, with the reason: FOV_ENOTFOUND, FOV_EDENIED, FOV_ECLOSED
 * (stop). */
struct source_resolving;
int source_resolve(struct source_resolving **job, const char *host, int port,
                   enum source_guard guard, source_stop_fn *stop, void *user,
                   struct source_address *out, int max, fov_error *error);
void source_resolve_forget(struct source_resolving **job);

/* True for an address written as such. */
bool source_is_literal(const char *host);

/* Why an address that a name stands for is refused, NULL when it is not. */
const char *source_address_refused(const struct sockaddr *address);

/* True for a host where nobody has a certificate that the world knows: an address of home and
 * company networks or of this machine that is written as such, a name without a dot, .local, .lan.
 * What a name stands for does not count: whoever forges the answer of a name server would choose.
 */
bool source_host_private(const char *host);

/* Whether something accepts connections there, within a second. */
bool source_probe(const struct source_address *address, source_stop_fn *stop, void *user);

#endif
