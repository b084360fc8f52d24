/* Members of a request's JSON body, checked. Each answers with 422 (or 400) when it returns false,
 * and names the member. Loop thread. */
#ifndef SERVE_MEMBERS_H
#define SERVE_MEMBERS_H

#include "serve/serve.h"

enum { MEMBERS_BODY_MAX = 65536 };

/* The body as a JSON object; an empty one is {}. NULL: answered with 400. */
json_value *member_object(struct exchange *x);

/* A text, NULL when it is not there. */
bool member_text(struct exchange *x, const json_value *json, const char *name, const char **value);

/* `value` stays as it is when the member is not there. */
bool member_number(struct exchange *x, const json_value *json, const char *name, double least,
                   double most, double *value);
bool member_bool(struct exchange *x, const json_value *json, const char *name, bool *value);

/* A member that is one of `words` (ends with NULL), or is not there. */
bool member_word(struct exchange *x, const json_value *json, const char *name,
                 const char *const *words);

#endif
