#include "common/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 16

int
array_reserve(void *array, uint32_t *room, uint32_t wanted, size_t size)
{
	uint32_t more = *room > UINT32_MAX / 2 ? UINT32_MAX : *room * 2;
	void *old, *grown;

	if (wanted <= *room)
		return 0;
	if (wanted > PTRDIFF_MAX / size)
		return -ENOMEM;
	if (more < ROOM_FIRST)
		more = ROOM_FIRST;
	if (more < wanted)
		more = wanted;
	memcpy(&old, array, sizeof(old));
	grown = reallocarray(old, more, size);
	if (grown == NULL)
		return -ENOMEM;
	memset((char *)grown + *room * size, 0, (more - *room) * size);
	memcpy(array, &grown, sizeof(grown));
	*room = more;
	// cppcheck-suppress memleak ; it is the array's now
	return 0;
}
