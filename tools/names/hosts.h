/*
 * /etc/hosts, read once before the sandbox is entered, and the names that mean this
 * machine by RFC 6761. Part of paris-names; nothing here opens a file after hosts_read.
 */
#ifndef TOOLS_NAMES_HOSTS_H
#define TOOLS_NAMES_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define HOSTS_FILE_MAX ((size_t)4 << 20) /* bytes; a larger file is ignored */
#define HOSTS_LINE_MAX ((size_t)1024)    /* bytes; a longer line is ignored */

struct hosts;

/*
 * Reads a file of the form of hosts(5). *out is always a table that can be asked (and
 * is the caller's to free) unless -ENOMEM is returned; other errors (-ENOENT, -EFBIG
 * for a file over HOSTS_FILE_MAX, -EINVAL for what is no regular file, -errno) leave it
 * empty. Lines that make no sense are skipped.
 */
int hosts_read(const char *path, struct hosts **out);

/* Harmless with NULL. */
void hosts_free(struct hosts *h);

/*
 * The first name on the first line that has the address, or NULL. A line without a
 * scope stands for a link-local address on every link. The text belongs to the table.
 */
const char *hosts_name(const struct hosts *h, const struct addr *a);

/*
 * The addresses of a name (case does not matter, nor one dot at its end), IPv4 before
 * IPv6 and otherwise in the file's order; family AF_UNSPEC asks for both. localhost and
 * *.localhost are 127.0.0.1 and ::1 when the file does not say otherwise (RFC 6761
 * section 6.3). Returns how many were written, at most room.
 */
size_t hosts_addrs(const struct hosts *h, const char *name, uint32_t family,
    struct addr *out, size_t room);

#endif
