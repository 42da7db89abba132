/*
 * What ICMP errors say, in iputils ping's words.
 */
#ifndef TOOLS_PING_WORDS_H
#define TOOLS_PING_WORDS_H

#include "common/prober_messages.h"

#define PING_WORDS_MAX 80

/* "Destination Host Unreachable"; into buf (PING_WORDS_MAX bytes), which it returns.
 */
const char *ping_error_words(const struct prober_result *m, char *buf);

/* What has answered, before "from": "SYN-ACK", "64 bytes"; buf as above. */
const char *ping_answer_words(const struct prober_result *m, char *buf);

#endif
