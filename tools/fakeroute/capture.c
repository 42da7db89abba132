#include "tools/fakeroute/capture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"

#define MAGIC_NANOSECONDS 0xa1b23c4dU
#define LINKTYPE_RAW 101

struct capture {
	FILE *file;
};

static void
put(struct capture *c, const void *data, size_t len)
{
	(void)fwrite(data, 1, len, c->file);
}

static void
put_u32(struct capture *c, uint32_t value)
{
	put(c, &value, sizeof(value));
}

struct capture *
capture_open(const char *path)
{
	static const uint16_t version[2] = {2, 4};

	struct capture *c = malloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->file = fopen(path, "we");
	if (c->file == NULL) {
		free(c);
		return NULL;
	}
	put_u32(c, MAGIC_NANOSECONDS);
	put(c, version, sizeof(version));
	put_u32(c, 0);
	put_u32(c, 0);
	put_u32(c, 65535);
	put_u32(c, LINKTYPE_RAW);
	return c;
}

void
capture_write(struct capture *c, const uint8_t *bytes, size_t len, int64_t realtime)
{
	put_u32(c, (uint32_t)(realtime / NS_PER_SECOND));
	put_u32(c, (uint32_t)(realtime % NS_PER_SECOND));
	put_u32(c, (uint32_t)len);
	put_u32(c, (uint32_t)len);
	put(c, bytes, len);
}

int
capture_close(struct capture *c)
{
	bool bad;

	if (c == NULL)
		return 0;
	bad = ferror(c->file) != 0;
	bad = fclose(c->file) != 0 || bad;
	free(c);
	return bad ? -EIO : 0;
}
