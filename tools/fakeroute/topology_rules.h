/*
 * The words of rules: which packets, when, and what becomes of them. Only topology.c
 * uses it.
 */
#ifndef FAKEROUTE_TOPOLOGY_RULES_H
#define FAKEROUTE_TOPOLOGY_RULES_H

#include "tools/fakeroute/topology.h"

/* A rule as it is read: the node that it may lead to is only a name yet. */
struct topology_rule_text {
	struct topology_rule rule;
	char to[TOPOLOGY_NAME_MAX + 1];
};

/*
 * Reads one word of a rule, "key=value" or a bare one, into it. Returns 0, or -EINVAL
 * and in why what was expected.
 */
int topology_rule_word(
    struct topology_rule_text *text, char *word, char *why, size_t room);

/* Whether the words of a rule make sense together: 0, or -EINVAL and why not. */
int topology_rule_check(const struct topology_rule *rule, char *why, size_t room);

#endif
