#include "tools/names/databases.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

/* ---- files that are cut short ---------------------------------------------------- */

static const struct databases *mapped; /* for the handler */

static bool
is_inside(const struct database *d, const void *address)
{
	uintptr_t start = (uintptr_t)d->file, at = (uintptr_t)address;

	return d->file != NULL && at >= start && at - start < d->len;
}

/*
 * A page of a file that is not there any more was read. That was done by our reader and
 * by nothing that holds a lock, so what is called here need not be safe in a handler of
 * any signal. Another SIGBUS kills when it comes again (SA_RESETHAND).
 */
static void
on_bus_error(int number, siginfo_t *info, void *context)
{
	const struct database *d = NULL;

	(void)number;
	(void)context;
	if (mapped == NULL || info->si_code <= 0) /* from another process */
		return;
	if (is_inside(&mapped->of_numbers, info->si_addr))
		d = &mapped->of_numbers;
	else if (is_inside(&mapped->of_countries, info->si_addr))
		d = &mapped->of_countries;
	if (d == NULL)
		return;
	log_line("%s: the file was cut short while it was in use, or cannot be read "
		 "any more; replace such a file, do not write into it",
	    d->option);
	_exit(EXIT_EXPLAINED);
}

static int
catch_bus_errors(const struct databases *d)
{
	struct sigaction action = {.sa_flags = (int)(SA_SIGINFO | SA_RESETHAND)};

	mapped = d;
	action.sa_sigaction = on_bus_error;
	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : -errno;
}

/* ---- life ------------------------------------------------------------------------ */

/* The descriptor is closed in any case. */
static int
map(struct database *d, const char *option, int fd)
{
	struct stat info;
	int error = 0;

	d->option = option;
	if (fstat(fd, &info) != 0) {
		error = -errno;
	} else if (S_ISREG(info.st_mode) && info.st_size > 0) {
		d->len = (size_t)info.st_size;
		d->file = mmap(NULL, d->len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (d->file == MAP_FAILED) {
			error = -errno;
			d->file = NULL;
		}
	} else {
		error = -EINVAL;
	}
	close(fd);
	return error;
}

int
databases_map(struct databases *d, uint8_t which, int fd)
{
	int error = which != 0 ? catch_bus_errors(d) : 0;

	if (error == 0 && (which & NAMES_DATABASE_NUMBERS) != 0)
		error = map(&d->of_numbers, "--asn-db", fd++);
	if (error == 0 && (which & NAMES_DATABASE_COUNTRIES) != 0)
		error = map(&d->of_countries, "--country-db", fd);
	return error;
}

static void
open_one(struct database *d)
{
	if (d->file == NULL)
		return;
	d->usable = mmdb_open(&d->db, d->file, d->len) == 0;
	if (!d->usable)
		log_line(
		    "%s: this is no MaxMind DB file of version 2, or a broken one; "
		    "going on without it",
		    d->option);
}

void
databases_open(struct databases *d)
{
	open_one(&d->of_numbers);
	open_one(&d->of_countries);
}

void
databases_unmap(struct databases *d)
{
	if (d->of_numbers.file != NULL)
		munmap(d->of_numbers.file, d->of_numbers.len);
	if (d->of_countries.file != NULL)
		munmap(d->of_countries.file, d->of_countries.len);
	*d = (struct databases){0};
	mapped = NULL;
}

/* ---- answers --------------------------------------------------------------------- */

/* What a file's answer means; a broken file is told once. */
static enum names_status
judge(struct database *d, const struct addr *a, int error)
{
	char text[ADDR_TEXT_MAX];

	if (error == 0)
		return NAMES_OK;
	if (error == -ENOENT)
		return NAMES_NOT_FOUND;
	if (!d->complained)
		log_line("%s: the file is broken, at least where it is about %s",
		    d->option, addr_to_text(a, text));
	d->complained = true;
	return NAMES_FAILED;
}

enum names_status
databases_number(struct databases *d, const struct addr *a, struct origin *origin)
{
	if (!d->of_numbers.usable)
		return NAMES_FAILED;
	return judge(
	    &d->of_numbers, a, origin_add_number(origin, &d->of_numbers.db, a));
}

enum names_status
databases_country(struct databases *d, const struct addr *a, struct origin *origin)
{
	struct database *chosen =
	    d->of_countries.file != NULL ? &d->of_countries : &d->of_numbers;

	if (!chosen->usable)
		return chosen->file != NULL ? NAMES_FAILED : NAMES_NOT_FOUND;
	return judge(chosen, a, origin_add_country(origin, &chosen->db, a));
}
