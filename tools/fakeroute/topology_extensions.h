/*
 * The words of the statement "extension": one object of an ICMP extension structure, or
 * all of one. Only topology.c uses it.
 */
#ifndef FAKEROUTE_TOPOLOGY_EXTENSIONS_H
#define FAKEROUTE_TOPOLOGY_EXTENSIONS_H

#include "tools/fakeroute/topology.h"

/* An object as it is read. */
struct topology_object_text {
	int kinds; /* how many of mpls, interface, object, structure were said */
	bool interface, object, sized;
	unsigned int role;
	size_t labels_count;
	struct topology_label labels[TOPOLOGY_LABELS_MAX];
	bool has_index, has_mtu;
	uint32_t index, mtu;
	struct addr addr[2]; /* IPv4, IPv6; family AF_UNSPEC: none */
	char name[TOPOLOGY_INTERFACE_NAME_MAX + 1];
	size_t data_len;
	uint8_t data[TOPOLOGY_OBJECT_MAX];
	struct topology_object out;
};

/*
 * Reads one word of an extension, "key=value", into it. Returns 0, or -EINVAL and in
 * why what was expected.
 */
int topology_extension_word(
    struct topology_object_text *text, char *word, char *why, size_t room);

/*
 * Makes text->out of the words: 0, or -EINVAL and why they do not make sense together.
 */
int topology_extension_make(struct topology_object_text *text, char *why, size_t room);

/* Writes the data of an RFC 4950 object; returns its length. */
size_t topology_labels_write(
    const struct topology_label *labels, size_t count, uint8_t *out, size_t room);

#endif
