/*
 * What the user can do about an errno that is this machine's, not the command line's.
 * Used by the tools, behind the error's own text: "Too many open files; raise ...".
 */
#ifndef TOOLS_SHARED_REMEDY_H
#define TOOLS_SHARED_REMEDY_H

/* Of limits of the process or the user: "; ...", or empty. error: positive. */
const char *remedy_of_limit(int error);

/* Of a program of ours that could not be started: limits included. */
const char *remedy_of_start(int error);

#endif
