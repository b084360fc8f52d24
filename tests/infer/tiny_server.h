/* A server of the Open Inference Protocol with one small model, which misbehaves on demand.
 *
 * Model `m`: inputs x UINT8 [1,5,5,3] and n INT64 [1,2]; outputs a UINT8 [1,3], the first bytes of
 * x, and b FP32 [1,4]: x[74], n[0], n[1], 0.5. Both n and b lie unaligned in request and reply. */
#ifndef TESTS_TINY_SERVER_H
#define TESTS_TINY_SERVER_H

enum tiny_mode {
    TINY_GOOD,
    TINY_HOLD,  /* no answer until the mode changes */
    TINY_HALF,  /* half of the answer, the rest when the mode changes */
    TINY_CLOSE, /* ends the connection after a good answer, without saying so */
};

struct tiny_server;

/* On 127.0.0.1; port 0: a free one. Ends the program when it cannot. */
struct tiny_server *tiny_start(int port);
int tiny_port(const struct tiny_server *server);
void tiny_set(struct tiny_server *server, enum tiny_mode mode);
int tiny_connections(const struct tiny_server *server); /* so far */
int tiny_inferences(const struct tiny_server *server);  /* asked for so far */

/* As if it was killed: closes everything. */
void tiny_stop(struct tiny_server **server);

#endif
