/*
 * The far end of the interface: a packet socket with a receive ring, so that bursts of
 * the host are not lost for want of socket memory, and batched sending. Measured on
 * Linux 6.18: a ring for sending costs more (2.7 us a packet, against 2.3 with
 * sendmmsg, of which the host's receiving is one half), and PACKET_QDISC_BYPASS gains
 * nothing.
 */
#ifndef FAKEROUTE_FAREND_H
#define FAKEROUTE_FAREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAREND_BATCH 128

struct farend {
	int fd;
	uint8_t *ring;
	size_t ring_len, frame_len;
	unsigned int frames, at;
	unsigned int send_count;
	uint64_t send_errors;
};

/*
 * Takes over a bound packet socket for packets up to mtu. Returns 0 or -errno. What is
 * already opened is given back by farend_close.
 */
int farend_open(struct farend *f, int fd, size_t mtu);
void farend_close(struct farend *f);

/* One received IP packet, in place: valid until farend_next. */
struct farend_packet {
	const uint8_t *bytes;
	size_t len;
	int64_t stamp; /* CLOCK_REALTIME: when the kernel had it */
};

/* False when nothing is there now. */
bool farend_receive(struct farend *f, struct farend_packet *packet);
void farend_next(struct farend *f);

/*
 * Sends frames with their Ethernet headers, as many as the kernel takes; a frame that
 * it refuses is counted in send_errors and skipped.
 */
void farend_send(
    struct farend *f, uint8_t *const *frames, const size_t *lens, unsigned int count);

/* Packets that came while the ring was full, since the last call. */
unsigned int farend_drops(struct farend *f);

#endif
