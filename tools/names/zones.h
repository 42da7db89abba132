/*
 * Names of the zones in which DNS tells what an address is: its name, and whose it is.
 * Part of paris-names.
 */
#ifndef TOOLS_NAMES_ZONES_H
#define TOOLS_NAMES_ZONES_H

#include <stdint.h>

#include "common/addr.h"

/* "f." for each half of 16 bytes, and "origin6.asn.cymru.com" with its NUL. */
#define ZONES_NAME_MAX 96

/* Where an address has its PTR (RFC 1035 section 3.5, RFC 3596 section 2.5). */
void zones_reverse(const struct addr *a, char name[ZONES_NAME_MAX]);

/* Where Team Cymru tells by TXT who announces an address, and what an AS is called. */
void zones_origin(const struct addr *a, char name[ZONES_NAME_MAX]);
void zones_as(uint32_t number, char name[ZONES_NAME_MAX]);

#endif
