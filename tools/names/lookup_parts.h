/*
 * The inside of lookup, for the files that make it up: subject.c keeps what is asked
 * and found out and answers those who asked, query.c asks the servers, and lookup.c
 * takes the questions and looks after time and sockets. Nobody else includes it.
 */
#ifndef TOOLS_NAMES_LOOKUP_PARTS_H
#define TOOLS_NAMES_LOOKUP_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/hash.h"
#include "tools/names/databases.h"
#include "tools/names/hosts.h"
#include "tools/names/lookup.h"
#include "tools/names/resolver.h"
#include "tools/names/whois.h"

enum subject_kind {
	OF_ADDR, /* its name */
	OF_NAME, /* its addresses */
	WHOSE,   /* the AS of an address */
};

/* What is asked: the bytes are the hash key, so all padding is zero. */
struct subject_key {
	uint32_t kind;    /* enum subject_kind */
	struct addr addr; /* of OF_ADDR and WHOSE */
	uint32_t family;  /* of OF_NAME */
	char name[NAMES_NAME_MAX + 1];
};

enum subject_state {
	SUBJECT_WAITING, /* for its turn */
	SUBJECT_ASKED,   /* c-ares or whois.c works on it */
	SUBJECT_KNOWN,   /* in the cache */
};

enum query_kind {
	QUERY_PTR,
	QUERY_ADDRS,  /* A or AAAA */
	QUERY_ORIGIN, /* TXT, as the next */
	QUERY_AS_NAME,
};

/* One query of a subject; a question to the whois server counts as one. */
struct query {
	struct subject *subject;
	enum query_kind kind;
	uint32_t family; /* of the addresses wanted */
	enum names_status status;
	size_t count;
	struct addr addrs[NAMES_ADDRS_MAX];
	char name[NAMES_NAME_MAX + 1];
};

/* The queries of a subject, kept while c-ares may call back. */
struct work {
	size_t queries_count;
	unsigned int pending;
	struct query queries[2];
	struct origin origin; /* of WHOSE */
};

/* What someone asked about a subject. */
struct question {
	uint32_t number;
	bool ours; /* not the tool's: the address of the whois server */
	int64_t deadline;
	struct subject *subject;
	TAILQ_ENTRY(question) by_age;
	TAILQ_ENTRY(question) of_subject;
};
TAILQ_HEAD(question_list, question);

/* One thing to find out or found out, however many asked for it. */
struct subject {
	struct lookup *lookup;
	enum subject_state state;
	struct question_list questions;
	struct work *work;        /* SUBJECT_ASKED */
	enum names_status status; /* SUBJECT_KNOWN, with one of the three below */
	char *name;
	struct addr *addrs;
	size_t count;
	struct origin *origin;
	TAILQ_ENTRY(subject) in_order; /* of waiting or of known */
	UT_hash_handle hh;
	struct subject_key key;
};
TAILQ_HEAD(subject_list, subject);

/*
 * Invariant: a subject is in the hash; in `waiting` or `known` as its state says; and a
 * waiting one has at least one question. All questions have the same time to live, so
 * `questions` is in the order of their deadlines.
 */
struct lookup {
	struct resolver resolver;
	struct hosts *hosts;
	struct databases databases;
	struct whois *whois; /* NULL: not asked */
	struct names_configure configure;
	struct lookup_answers answers;
	int64_t timeout; /* ns */
	struct subject *subjects;
	struct subject_list waiting;
	struct subject_list known;
	struct question_list questions;
	size_t questions_count;
	size_t asked_count;
	size_t known_count;
	size_t resolver_watched; /* of the descriptors that lookup_watch told */
	bool finding_whois;      /* its server's address is being looked up */
	bool complained;         /* that zones do not tell AS numbers */
	bool closing;
};

/* ---- subject.c ---- */

/* Answers whoever asked. addrs and origin are looked at with NAMES_OK only. */
void answer_reverse(
    struct lookup *l, uint32_t number, enum names_status status, const char *name);
void answer_forward(struct lookup *l, uint32_t number, enum names_status status,
    const struct addr *addrs, size_t count);

/* origin may be NULL. The country is the databases' if they have one. */
void answer_whose(struct lookup *l, uint32_t number, enum names_status status,
    const struct addr *a, const struct origin *origin);

/* Answers one question with this outcome, or with what its subject knows. */
void answer_question(
    const struct subject *s, enum names_status status, const struct question *q);

/* Its time is over: what is known of an AS but for its name is enough. */
void answer_late(struct subject *s, const struct question *q);

/* Takes a question out of all lists. */
void question_free(struct question *q);

/* The whois server has no address; the next question tries again. */
void refuse_whois(struct lookup *l, enum names_status status);

/* Finds the subject of a key, or makes one that waits; NULL when out of memory. */
struct subject *subject_get(struct lookup *l, const struct subject_key *key);

/* Its questions get no answer. */
void subject_free(struct subject *s);

/* Whether it is DNS that works on it, when something does. */
bool is_for_dns(const struct subject *s);

/* All queries have ended: everyone who asked is told; it is kept, or freed. */
void subject_finish(struct subject *s);

/* ---- query.c ---- */

/* Asks the servers what waits, LOOKUP_BURST at most. */
void query_waiting(struct lookup *l);

/* ---- lookup.c ---- */

/* Asks DNS for the addresses of a name; `ours`: of the whois server. 0, or -ENOMEM. */
int lookup_ask_name(
    struct lookup *l, const char *name, uint32_t family, uint32_t number, bool ours);

#endif
