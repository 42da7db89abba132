#include "tools/fakeroute/farend.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

#define RING_LEN (32u << 20)
#define BLOCK_LEN (64u << 10)
/* More than TPACKET2_HDRLEN and its alignment, whose macro mixes signs. */
#define FRAME_OVERHEAD 128u

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static int
set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) != 0 ? -errno : 0;
}

static int
open_ring(struct farend *f, size_t mtu)
{
	struct tpacket_req request = {.tp_block_size = BLOCK_LEN};

	f->frame_len = 2048;
	while (f->frame_len < FRAME_OVERHEAD + mtu)
		f->frame_len *= 2;
	f->frames = (unsigned int)(RING_LEN / f->frame_len);
	request.tp_frame_size = (unsigned int)f->frame_len;
	request.tp_frame_nr = f->frames;
	request.tp_block_nr = RING_LEN / BLOCK_LEN;
	if (setsockopt(f->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) !=
	    0)
		return -errno;
	f->ring = mmap(NULL, RING_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (f->ring == MAP_FAILED) {
		f->ring = NULL;
		return -errno;
	}
	f->ring_len = RING_LEN;
	return 0;
}

int
farend_open(struct farend *f, int fd, size_t mtu)
{
	int error;

	*f = (struct farend){.fd = fd};
	error = set(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
	if (error == 0)
		error = set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	/* Stamps from when the packet was sent (net.core.netdev_tstamp_prequeue), not
	 * from when a processor came to deliver it. */
	if (error == 0)
		error = set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	if (error == 0)
		error = open_ring(f, mtu);
	return error;
}

void
farend_close(struct farend *f)
{
	if (f->ring != NULL)
		munmap(f->ring, f->ring_len);
	if (f->fd >= 0)
		close(f->fd);
	f->ring = NULL;
	f->fd = -1;
}

static uint8_t *
frame(const struct farend *f)
{
	return f->ring + (size_t)f->at * f->frame_len;
}

bool
farend_receive(struct farend *f, struct farend_packet *packet)
{
	struct tpacket2_hdr *header = (struct tpacket2_hdr *)(void *)frame(f);
	struct timespec stamp;

	if ((__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) ==
	    0)
		return false;
	stamp.tv_sec = header->tp_sec;
	stamp.tv_nsec = header->tp_nsec;
	packet->stamp = clock_from_timespec(&stamp);
	packet->bytes = frame(f) + header->tp_net;
	packet->len = header->tp_snaplen - (header->tp_net - header->tp_mac);
	return true;
}

void
farend_next(struct farend *f)
{
	struct tpacket2_hdr *header = (struct tpacket2_hdr *)(void *)frame(f);

	__atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	f->at = (f->at + 1) % f->frames;
}

void
farend_send(
    struct farend *f, uint8_t *const *frames, const size_t *lens, unsigned int count)
{
	struct mmsghdr messages[FAREND_BATCH];
	struct iovec parts[FAREND_BATCH];
	unsigned int at = 0;
	int sent;

	if (count > FAREND_BATCH)
		count = FAREND_BATCH;
	memset(messages, 0, count * sizeof(*messages));
	for (unsigned int i = 0; i < count; i++) {
		parts[i].iov_base = frames[i];
		parts[i].iov_len = lens[i];
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (at < count) {
		sent = sendmmsg(f->fd, messages + at, count - at, 0);
		if (sent > 0) {
			at += (unsigned int)sent;
		} else if (errno != EINTR) {
			f->send_errors++;
			at++;
		}
	}
}

unsigned int
farend_drops(struct farend *f)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);

	if (getsockopt(f->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) != 0)
		return 0;
	return stats.tp_drops;
}
