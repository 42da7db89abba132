/*
 * uthash, which has no way to report that memory is short: the process says so in one
 * line and ends. Included instead of <uthash.h>, by every program.
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include "common/log.h"

#define uthash_fatal(message) log_out_of_memory()
#include <uthash.h>

#endif
