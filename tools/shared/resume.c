#include "tools/shared/resume.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/log.h"
#include "tools/shared/json_trace.h"
#include "tools/shared/remedy.h"

/* Lines that are told to be wrong. */
#define TOLD_MAX 3

struct resumed_host {
	UT_hash_handle hh;
	char name[];
};

/* Whether the trace need not be made again. */
static bool
is_done(const json_t *trace)
{
	static const uint8_t unfinished[] = {
	    REASON_INTERRUPTED, REASON_HELPER_LOST, REASON_FAILED};
	const char *type = json_string_value(json_object_get(trace, "type"));
	const char *reason = json_string_value(
	    json_object_get(json_object_get(trace, "stop"), "reason"));

	if (type == NULL || reason == NULL || strcmp(type, "trace") != 0)
		return false;
	for (size_t i = 0; i < sizeof(unfinished); i++)
		if (strcmp(reason, json_reason(unfinished[i])) == 0)
			return false;
	return true;
}

static int
add(struct resume *r, const char *name)
{
	size_t len = strlen(name);
	struct resumed_host *h;

	if (resume_has(r, name))
		return 0;
	h = malloc(sizeof(*h) + len + 1);
	if (h == NULL)
		return -ENOMEM;
	memcpy(h->name, name, len + 1);
	HASH_ADD_KEYPTR(hh, r->hosts, h->name, len, h);
	return 0;
}

static int
take_line(struct resume *r, const char *text, size_t len, const char *name, size_t line)
{
	json_t *root = json_loadb(text, len, 0, NULL);
	const char *host = json_string_value(json_object_get(root, "host"));
	int error = 0;

	if (root == NULL && r->wrong++ < TOLD_MAX)
		log_line("%s:%zu: the line is no JSON, or not all of it", name, line);
	if (host != NULL && is_done(root))
		error = add(r, host);
	json_decref(root);
	return error;
}

int
resume_read(struct resume *r, int fd, const char *name)
{
	FILE *file = fdopen(fd, "r");
	char *text = NULL;
	size_t room = 0, line = 0;
	ssize_t len;
	int error = 0;

	*r = (struct resume){0};
	if (file == NULL) {
		close(fd);
		log_line("cannot read %s: %s", name, strerror(errno));
		return -errno;
	}
	while (error == 0 && (len = getline(&text, &room, file)) > 0) {
		r->torn = text[len - 1] != '\n';
		line++;
		if (len > !r->torn)
			error = take_line(r, text, (size_t)len, name, line);
	}
	if (error == 0 && !feof(file))
		error = errno != 0 ? -errno : -EIO;
	if (error != 0)
		log_line("cannot read %s%s: %s%s", name, line != 0 ? " to its end" : "",
		    strerror(-error), remedy_of_limit(-error));
	free(text);
	fclose(file);
	if (error == 0 && r->wrong > 1 && r->wrong == line) {
		log_line(
		    "--resume %s: none of its lines is JSON: it is to be the output "
		    "of --format json",
		    name);
		error = -EINVAL;
	}
	return error;
}

void
resume_clear(struct resume *r)
{
	struct resumed_host *h, *next;

	HASH_ITER (hh, r->hosts, h, next) {
		HASH_DEL(r->hosts, h);
		free(h);
	}
}

bool
resume_has(const struct resume *r, const char *host)
{
	struct resumed_host *h;

	HASH_FIND(hh, r->hosts, host, strlen(host), h);
	return h != NULL;
}
