#include "tools/shared/append.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
append_text(char *text, size_t room, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, room - len, format, args);
	va_end(args);
}
