/* HTML pages and their files, all embedded in the program. */
#ifndef SERVE_PAGES_H
#define SERVE_PAGES_H

struct exchange;

/* Headers of every answer: the policy that pages run under. */
extern const char pages_policy[];

/* A short page that says what is wrong; 401 has a form for the token. */
void page_problem(struct exchange *x, int status, const char *code, const char *detail);

#endif
