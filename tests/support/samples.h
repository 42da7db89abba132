/*
 * One of each message of the prober's channel in which every member says something that
 * is understood: for the round trip of a message, and as a seed of its fuzzer.
 */
#ifndef TESTS_SUPPORT_SAMPLES_H
#define TESTS_SUPPORT_SAMPLES_H

#include "common/addr.h"

/* The address of a text that is one. */
struct addr sample_addr(const char *text);

/* Each fills a struct prober_NAME; sample_split a struct prober_start with fragments.
 */
void sample_plan(void *out);
void sample_start(void *out);
void sample_split(void *out);
void sample_stop(void *out);
void sample_started(void *out);
void sample_result(void *out);
void sample_done(void *out);

#endif
