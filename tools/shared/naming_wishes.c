#include "tools/shared/naming_wishes.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/shared/options.h"

#define LOOKUP_MS 5000 /* the whole look-up of one name */

/* What traceroute(8) has. */
#define WHOIS_SERVER "whois.radb.net"
#define WHOIS_PORT 43

/* The value of a variable; what is set to nothing is not set. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* RA_SERVICE: a number, or a service of services(5). */
static int
find_port(const char *text, uint16_t *out)
{
	struct servent entry, *service = NULL;
	char room[1024];
	int64_t number;

	if (options_read_whole(text, UINT16_MAX, &number) == 0 && number != 0) {
		*out = (uint16_t)number;
		return 0;
	}
	(void)getservbyname_r(text, "tcp", &entry, room, sizeof(room), &service);
	if (service == NULL)
		return -EINVAL;
	*out = ntohs((uint16_t)service->s_port);
	return 0;
}

static int
find_whois(struct names_configure *m, char *error)
{
	const char *server = variable("RA_SERVER");
	const char *service = variable("RA_SERVICE");
	char shown[OPTIONS_SHOWN_MAX];

	m->whois_port = WHOIS_PORT;
	if (server == NULL)
		server = WHOIS_SERVER;
	if (strlen(server) > NAMES_NAME_MAX) {
		snprintf(error, NAMING_WISHES_ERROR_MAX,
		    "RA_SERVER: '%s' is no name or address of 1 to %d bytes",
		    options_show(server, shown), NAMES_NAME_MAX);
		return -EINVAL;
	}
	snprintf(m->whois_server, sizeof(m->whois_server), "%s", server);
	if (service == NULL || find_port(service, &m->whois_port) == 0)
		return 0;
	snprintf(error, NAMING_WISHES_ERROR_MAX,
	    "RA_SERVICE: '%s' is neither a port from 1 to 65535 nor a service of "
	    "/etc/services",
	    options_show(service, shown));
	return -EINVAL;
}

/* Opens a file that paris-names will map; nothing of it is read here. */
static int
open_database(const char *option, const char *path, int *out, char *error)
{
	char shown[OPTIONS_SHOWN_MAX], who[64] = "";
	const char *trouble = NULL;
	struct stat info;

	*out = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*out < 0 || fstat(*out, &info) != 0)
		trouble = strerror(errno);
	else if (!S_ISREG(info.st_mode))
		trouble = "it is no regular file";
	else if (info.st_size == 0)
		trouble = "it is empty";
	if (trouble == NULL)
		return 0;
	if (*out < 0 && errno == EACCES)
		snprintf(
		    who, sizeof(who), " for uid %u, as whom it is read", geteuid());
	snprintf(error, NAMING_WISHES_ERROR_MAX, "%s: cannot use '%s': %s%s", option,
	    options_show(path, shown), trouble, who);
	return -EINVAL;
}

static int
open_databases(struct naming_wishes *w, const struct trace_options *o, char *error)
{
	int *next = w->databases;

	if (o->asn_db != NULL) {
		if (open_database("--asn-db", o->asn_db, next, error) != 0)
			return -EINVAL;
		w->configure.databases |= NAMES_DATABASE_NUMBERS;
		next++;
	}
	if (o->country_db != NULL && o->country) {
		if (open_database("--country-db", o->country_db, next, error) != 0)
			return -EINVAL;
		w->configure.databases |= NAMES_DATABASE_COUNTRIES;
	}
	return 0;
}

int
naming_wishes_prepare(
    struct naming_wishes *w, const struct trace_options *o, char *error)
{
	const char *servers = o->resolver != NULL ? o->resolver : "";

	*w = (struct naming_wishes){.names = !o->numeric,
	    .as = o->as_lookups,
	    .as_names = o->as_names,
	    .country = o->country,
	    .databases = {-1, -1, -1},
	    .configure = {.timeout_ms = LOOKUP_MS}};
	snprintf(w->configure.servers, sizeof(w->configure.servers), "%s", servers);
	if (!o->as_lookups && !o->country)
		return 0;
	w->configure.as_source = o->as_source;
	w->configure.as_names =
	    o->as_lookups && (o->as_names || o->format == FORMAT_JSON);
	if (o->as_source == NAMES_FROM_WHOIS && find_whois(&w->configure, error) != 0)
		return -EINVAL;
	return open_databases(w, o, error);
}

void
naming_wishes_clear(struct naming_wishes *w)
{
	for (size_t i = 0; i < 2; i++)
		if (w->databases[i] > 0)
			close(w->databases[i]);
	*w = (struct naming_wishes){.databases = {-1, -1, -1}};
}
