/* The Open Inference Protocol (KServe v2) with binary tensors: its addresses and its texts, without
 * the network. All bytes of a server are untrusted. Source: kserve.github.io, "Open Inference
 * Protocol"; Triton's extensions "binary tensor data" and "model configuration". */
#ifndef INFER_OIP_H
#define INFER_OIP_H

#include <stdbool.h>
#include <fovea/backend.h>

#include "base/json.h"
#include "infer/metadata.h"

enum {
    OIP_JSON_MAX = 1 << 20,     /* bytes of a reply's JSON */
    OIP_TENSOR_MAX = 256 << 20, /* bytes of one input, of all outputs together */
    OIP_NAME = 128,             /* of a model or version, with the terminator */
    OIP_URL = 640,              /* "http://host:port/v2/models/…" with the terminator */
    OIP_ALIGN = 64,             /* the binary part of a request starts at a multiple of this */
};

/* oip://host:port/model[/version] or oips://…, taken apart. */
struct oip_address {
    bool tls;
    char host[256]; /* with its brackets if it is an IPv6 address */
    int port;
    char model[OIP_NAME], version[OIP_NAME]; /* version "": the server's choice */
};

/* Returns FOV_EMODEL with what is wrong; text before an '@' is never repeated. */
fov_status oip_read_address(const char *text, struct oip_address *address, fov_error *error);

/* "http://host:port/v2" when `what` is NULL, else the model's own address and what follows it:
 * "" (description), "/config", "/infer". */
void oip_url(const struct oip_address *address, const char *what, char url[OIP_URL]);

/* Fills inputs and outputs of `about` from the server's description of the model. Open dimensions
 * (-1) of inputs are settled: the first is the batch (params->batch, else 1), a picture's size is
 * the one asked for, else 640. Open dimensions of outputs stay -1. Returns FOV_EMODEL for a text
 * that is no description, FOV_EUNSUPPORTED with the name of what cannot be used. */
fov_status oip_read_description(const char *json, size_t size, const fov_model_params *params,
                                fov_backend_model *about, fov_error *error);

/* Adds what the model says about itself: `rt_info` of a description (OpenVINO Model Server),
 * `parameters` of a configuration (Triton). Texts that say nothing are no error. */
void oip_read_metadata(const char *json, size_t size, struct metadata *meta);

/* "name version" of the server; "" when the text does not say. */
void oip_read_server(const char *json, size_t size, char *text, size_t room);

/* The sentence of a server that refuses ({"error": …}), in one line; "" when there is none. */
void oip_read_error(const char *json, size_t size, char *text, size_t room);

/* JSON of a request for all outputs as binary, padded with blanks to a multiple of OIP_ALIGN. */
void oip_write_request(const fov_backend_model *about, struct json_writer *w);

/* A reply's JSON that was accepted, kept so that the same text again costs one comparison and no
 * allocation: servers repeat it word for word. Starts as {0}. */
struct oip_reply {
    fov_tensor outputs[FOV_MODEL_OUTPUTS]; /* in the order of the description, data NULL */
    size_t offset[FOV_MODEL_OUTPUTS];      /* of each in the binary part */
    size_t binary_size;                    /* of all of them */
    char *text;
    size_t size, room;
};

/* Checks the JSON of a reply with `binary_size` bytes behind it against the description: every
 * output once, in any order, of the described type and shape (any size where it is -1), with
 * exactly the bytes that its shape needs, and nothing else. Returns FOV_EINFER with the reason. */
fov_status oip_read_reply(struct oip_reply *reply, const fov_backend_model *about, const char *json,
                          size_t json_size, size_t binary_size, fov_error *error);
void oip_reply_release(struct oip_reply *reply);

/* "FP32" of a type, NULL for FOV_DTYPE_NONE; and the other way round, FOV_DTYPE_NONE for others. */
const char *oip_datatype(fov_dtype dtype);
fov_dtype oip_dtype(const char *datatype);

#endif
