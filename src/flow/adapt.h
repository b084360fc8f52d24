/* What adaptation may turn, and how a turn is told. The controllers are pure functions of what was
 * measured, a file each (adapt_*.c); they read no clock and know no stream. */
#ifndef FLOW_ADAPT_H
#define FLOW_ADAPT_H

/* One turn of one knob. */
struct adapt_change {
    const char *knob; /* "fps", "quality", "size", "conf"; static text */
    double from, to;
    double measured; /* the number that asked for it */
    const char *why; /* which number that is and what it was held against; static text */
};

#endif
