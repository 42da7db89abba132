/*
 * Pieces of text about one reply that all tools print the same way.
 */
#ifndef TOOLS_SHARED_REPLY_TEXT_H
#define TOOLS_SHARED_REPLY_TEXT_H

#include <net/if.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/prober_messages.h"

#define REPLY_ADDR_MAX (ADDR_TEXT_MAX + 4 * IF_NAMESIZE)

/* Room for the annotation of one reply: "!F-4294967295", "!<255-255>". */
#define ANNOTATION_MAX 20

/*
 * The address as getnameinfo prints it: the scope is an interface's name, escaped for
 * a terminal. Returns buf (REPLY_ADDR_MAX bytes).
 */
const char *reply_addr_text(const struct addr *a, char *buf);

/*
 * The mark that traceroute puts behind the time: "!H", "!X", "!F-1400" ..., empty for a
 * plain answer. Returns buf (ANNOTATION_MAX bytes).
 */
const char *reply_annotation(const struct prober_result *m, char *buf);

/* The word for an enum prober_reply in all formats, "time_exceeded"; NULL: none. */
const char *reply_word(uint8_t reply);

/* Likewise for an enum prober_quoted_as: "sent", "cut", "whole". */
const char *reply_quoted_word(uint8_t as);

/* Likewise for an enum prober_outcome: "answered", "lost". */
const char *outcome_word(uint8_t outcome);

#endif
