/*
 * Texts of a fixed room that are put together piece by piece.
 */
#ifndef TOOLS_SHARED_APPEND_H
#define TOOLS_SHARED_APPEND_H

#include <stddef.h>

/* Appends to a text of room bytes, the NUL included; what does not fit is cut. */
void append_text(char *text, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
