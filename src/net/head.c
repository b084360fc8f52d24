#include "net/head.h"

#include <string.h>
#include <strings.h>

#include "net/field.h"
#include "net/uri.h"

/* ---- the end of the head ---- */

static ssize_t line_end(struct head_scan *scan, const uint8_t *data, size_t lf)
{
    size_t start = scan->line_start;
    if (lf == start || data[lf - 1] != '\r')
        return -400; /* a line feed alone */
    if (lf - start > HEAD_LINE_MAX)
        return start == 0 ? -414 : -431;
    if (start > 0 && (data[start] == ' ' || data[start] == '\t'))
        return -400; /* obs-fold */
    scan->line_start = lf + 1;
    if (lf - 1 == start)
        return start == 0 ? -400 : (ssize_t)(lf + 1);
    return 0;
}

ssize_t head_scan(struct head_scan *scan, const uint8_t *data, size_t len)
{
    for (; scan->pos < len; scan->pos++) {
        uint8_t c = data[scan->pos];
        if (scan->pos >= HEAD_MAX)
            return -431;
        if (c == '\n') {
            ssize_t end = line_end(scan, data, scan->pos);
            if (end != 0)
                return end;
        } else if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f) {
            return -400;
        } else if (scan->pos > 0 && data[scan->pos - 1] == '\r') {
            return -400; /* a carriage return alone */
        } else if (scan->pos - scan->line_start > HEAD_LINE_MAX) {
            return scan->line_start == 0 ? -414 : -431;
        }
    }
    return 0;
}

/* ---- request line ---- */

static int parse_method(struct head *head, const char *method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    if (!field_is_token(method))
        return 400;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(method, known[i]) == 0) {
            head->method = known[i];
            return 0;
        }
    }
    return 501;
}

static int parse_target(struct head *head, char *target, char *scratch)
{
    for (const char *c = target; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == '#')
            return 400;
    }
    char *question = strchr(target, '?');
    if (question)
        *question = 0;
    head->path = target;
    head->query = question ? question + 1 : "";
    int status = uri_decode_path(target);
    if (status)
        return status;
    size_t len = strlen(head->query);
    memcpy(scratch, head->query, len + 1);
    return uri_parse_params(scratch, head->params, HEAD_PARAMS_MAX, &head->params_count);
}

static int parse_request_line(struct head *head, char *line, char *scratch, int *minor)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version)
        return 400;
    *target++ = 0;
    *version++ = 0;
    int status = parse_method(head, line);
    if (status == 400)
        return status;
    if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8 || version[6] != '.')
        return 400;
    if (version[5] != '1' || (version[7] != '0' && version[7] != '1'))
        return 505;
    *minor = version[7] - '0';
    return status ? status : parse_target(head, target, scratch);
}

/* ---- fields ---- */

static int parse_field(struct head *head, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon)
        return 400;
    *colon = 0;
    if (!field_is_token(line)) /* a blank before the colon, too */
        return 400;
    if (head->count == HEAD_FIELDS_MAX)
        return 431;
    head->fields[head->count++] = (struct net_header){line, field_trim(colon + 1)};
    return 0;
}

static int parse_length(struct head *head, const char *value)
{
    size_t digits = strspn(value, "0123456789");
    if (head->content_length >= 0 || digits == 0 || digits > 18 || value[digits])
        return 400; /* twice, also when equal; signs; lists */
    head->content_length = 0;
    for (size_t i = 0; i < digits; i++)
        head->content_length = head->content_length * 10 + (value[i] - '0');
    return 0;
}

static int parse_host(struct head *head, const char *value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._~:[]%!$&'()*+,;=";
    if (head->host || !*value || strspn(value, allowed) != strlen(value))
        return 400;
    head->host = value;
    return 0;
}

/* What decides about the framing and the connection. */
static int read_fields(struct head *head, int minor)
{
    bool upgrade = false, websocket = false, keep = false;
    for (size_t i = 0; i < head->count; i++) {
        const char *name = head->fields[i].name, *value = head->fields[i].value;
        int status = 0;
        if (strcasecmp(name, "Content-Length") == 0) {
            status = parse_length(head, value);
        } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
            if (head->chunked || minor == 0)
                return 400;
            status = strcasecmp(value, "chunked") == 0 ? 0 : 501;
            head->chunked = true;
        } else if (strcasecmp(name, "Host") == 0) {
            status = parse_host(head, value);
        } else if (strcasecmp(name, "Expect") == 0) {
            status = strcasecmp(value, "100-continue") == 0 ? 0 : 417;
            head->expect = minor == 1;
        } else if (strcasecmp(name, "Connection") == 0) {
            head->close = head->close || field_has_token(value, "close");
            keep = keep || field_has_token(value, "keep-alive");
            upgrade = upgrade || field_has_token(value, "upgrade");
        } else if (strcasecmp(name, "Upgrade") == 0) {
            websocket = websocket || field_has_token(value, "websocket");
        }
        if (status)
            return status;
    }
    if ((head->chunked && head->content_length >= 0) || (minor == 1 && !head->host))
        return 400;
    head->upgrade = upgrade && websocket && minor == 1;
    head->close = head->close || (minor == 0 && !keep);
    return 0;
}

int head_parse(struct head *head, char *text, size_t len, char *scratch)
{
    int minor = 1, status = 0;
    *head = (struct head){.content_length = -1};
    text[len] = 0;
    char *line = text;
    for (char *end; status == 0 && *line != '\r'; line = end + 2) {
        end = strchr(line, '\r');
        if (!end)
            return 400;
        *end = 0;
        status = line == text ? parse_request_line(head, line, scratch, &minor)
                              : parse_field(head, line);
    }
    if (status)
        return status;
    return head->method ? read_fields(head, minor) : 400;
}

const char *head_field(const struct head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++) {
        if (strcasecmp(head->fields[i].name, name) == 0)
            return head->fields[i].value;
    }
    return NULL;
}
