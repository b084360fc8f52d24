/* Text in a column of a terminal. */
#ifndef APPS_WRAP_H
#define APPS_WRAP_H

/* Prints `text` and a line feed: lines of at most 100 columns, broken at blanks, all but the first
 * indented by `indent` blanks; the first starts where the caller stands, taken to be there too. */
void wrap_print(int indent, const char *text);

#endif
