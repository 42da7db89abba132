#include "tools/fakeroute/capture.h"

#include <errno.h>
#include <stdio.h>

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

static struct capture one; /* a run has one capture at most */

struct capture *
capture_open(const char *path)
{
	static const uint16_t version[2] = {2, 4};

	one.file = fopen(path, "we");
	if (one.file == NULL)
		return NULL;
	put_u32(&one, MAGIC_NANOSECONDS);
	put(&one, version, sizeof(version));
	put_u32(&one, 0);
	put_u32(&one, 0);
	put_u32(&one, 65535);
	put_u32(&one, LINKTYPE_RAW);
	return &one;
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
	int bad;

	if (c == NULL)
		return 0;
	bad = ferror(c->file);
	return fclose(c->file) != 0 || bad ? -EIO : 0;
}
