/*
 * The simulator of tools/fakeroute without sockets, on a clock of the test's own:
 * packets are built and judged here byte by byte. One network at a time.
 */
#ifndef TESTS_SUPPORT_FAKENET_H
#define TESTS_SUPPORT_FAKENET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/testing.h"
#include "tools/fakeroute/simulator.h"

#define FAKENET_ROOM 2048

struct fakenet {
	struct topology *topology;
	struct network *network;
	struct simulator *simulator;
	/* What became of the last packet. */
	enum simulator_result result;
	size_t hops;
};

extern struct fakenet fakenet;

/* Makes the network of a text without errors, and takes it down. */
void fakenet_build(const char *text);
void fakenet_demolish(void);

/* ---- packets of the host: 192.0.2.2 and 2001:db8::2 ------------------------------ */

struct packet {
	uint8_t bytes[FAKENET_ROOM];
	size_t len;
};

void put16(uint8_t *at, unsigned int value);
unsigned int get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);
struct addr addr(const char *text);

/* Begins a packet with len zero bytes behind its IP header. */
void packet_begin(
    struct packet *p, const char *dst, uint8_t ttl, uint8_t protocol, size_t len);

/* Where the transport header begins. */
uint8_t *packet_transport(struct packet *p);

/* The TTL, and the protocol or next header. */
uint8_t *packet_ttl(struct packet *p);
uint8_t packet_protocol(const struct packet *p);

/*
 * Writes the right checksums: the IPv4 header's, and the one of UDP, UDP-Lite, TCP or
 * ICMP.
 */
void packet_seal(struct packet *p);

/* From port `port` to 40000, with payload bytes 'x'. */
void packet_udp(
    struct packet *p, const char *dst, uint8_t ttl, unsigned int port, size_t payload);

/* Identifier 77, payload of 8 zeros. */
void packet_echo(struct packet *p, const char *dst, uint8_t ttl, unsigned int sequence);

/* From port 50000, with SYN = 2, RST = 4, ACK = 16, FIN = 1. */
void packet_tcp(struct packet *p, const char *dst, unsigned int port, uint8_t flags,
    uint32_t sequence, uint32_t acknowledgment, size_t payload);

/* Gives a packet to the network, in memory of just its size. */
void fakenet_give(const struct packet *p, int64_t now);

/* ---- its replies ----------------------------------------------------------------- */

/* Takes the next reply due by a time, as it is; false if there is none. */
bool fakenet_take_raw(int64_t now, struct packet *out);

/* Likewise, and its lengths and checksums must be right. */
bool fakenet_take(int64_t now, struct packet *out);

/* Gives a packet at time 0 and takes its one reply. */
void fakenet_ask(const struct packet *p, struct packet *reply);

/* Gives a packet that must not be answered. */
void fakenet_ask_nothing(const struct packet *p, enum simulator_result why);

/* The source of a packet must be this address; likewise its destination. */
void must_be_from(const struct packet *p, const char *text);
void must_be_to(const struct packet *p, const char *text);

/* The type and code of an ICMP packet must be those of its family. */
void must_be_icmp(struct packet *p, unsigned int type4, unsigned int code4,
    unsigned int type6, unsigned int code6);

/* The packet that an ICMP error quotes, as far as it does. */
void packet_quoted(struct packet *error, struct packet *out);

#endif
