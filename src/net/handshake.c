#include "net/handshake.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "net/deflate.h"
#include "net/http.h"

static bool refuse(struct net_request *request, int status, const char *detail)
{
    net_reply_problem(request, status, "bad_handshake", detail);
    return false;
}

/* 16 bytes in base64: 22 letters that leave no bits over, and "==". */
static bool key_is_valid(const char *key)
{
    unsigned char bytes[18];
    return key && strlen(key) == 24 && strcmp(key + 22, "==") == 0 && key[21] != '=' &&
           strchr("AQgw", key[21]) && EVP_DecodeBlock(bytes, (const unsigned char *)key, 24) == 18;
}

bool handshake_check(struct net_request *request)
{
    const char *version = net_request_header(request, "Sec-WebSocket-Version");
    if (!net_request_wants_socket(request)) {
        net_request_add_header(request, "Upgrade", "websocket");
        return refuse(request, 426, "this address speaks WebSocket only");
    }
    if (!version || strcmp(version, "13") != 0) {
        net_request_add_header(request, "Sec-WebSocket-Version", "13");
        return refuse(request, 426, "the WebSocket version is not 13");
    }
    if (!key_is_valid(net_request_header(request, "Sec-WebSocket-Key")))
        return refuse(request, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
    if (net_request_content_length(request) != 0)
        return refuse(request, 400, "a handshake has no body");
    return true;
}

static bool accept_key(const char *key, char out[32])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[24 + sizeof(guid)];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    memcpy(text, key, 24);
    memcpy(text + 24, guid, sizeof(guid));
    if (EVP_Digest(text, sizeof(text) - 1, digest, &len, EVP_sha1(), NULL) != 1)
        return false;
    EVP_EncodeBlock((unsigned char *)out, digest, (int)len);
    return true;
}

static bool agree_deflate(struct net_request *request)
{
    struct net_header header;
    char answer[DEFLATE_ANSWER_MAX];
    for (size_t i = 0; net_request_header_at(request, i, &header); i++) {
        if (strcasecmp(header.name, "Sec-WebSocket-Extensions") == 0 &&
            deflate_accept(header.value, answer)) {
            net_request_add_header(request, "Sec-WebSocket-Extensions", answer);
            return true;
        }
    }
    return false;
}

struct evbuffer *handshake_answer(struct net_request *request,
                                  const struct net_socket_params *params, bool *deflate)
{
    char accept[32] = "";
    if (!accept_key(net_request_header(request, "Sec-WebSocket-Key"), accept))
        return NULL;
    net_request_add_header(request, "Upgrade", "websocket");
    net_request_add_header(request, "Connection", "Upgrade");
    net_request_add_header(request, "Sec-WebSocket-Accept", accept);
    if (params->subprotocol)
        net_request_add_header(request, "Sec-WebSocket-Protocol", params->subprotocol);
    *deflate = params->deflate && agree_deflate(request);
    return reply_head(net_request_loop(request), request, 101, NULL, -1, false);
}
