/*
 * Writes packets as a capture file (pcap with nanosecond stamps, raw IP) that tcpdump
 * and wireshark read.
 */
#ifndef FAKEROUTE_CAPTURE_H
#define FAKEROUTE_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

struct capture;

/* Returns NULL with errno set. */
struct capture *capture_open(const char *path);

/* One IP packet at a time of day in nanoseconds. Errors show at capture_close. */
void capture_write(
    struct capture *c, const uint8_t *bytes, size_t len, int64_t realtime);

/* Returns 0, or -EIO when not all could be written. NULL is fine. */
int capture_close(struct capture *c);

#endif
