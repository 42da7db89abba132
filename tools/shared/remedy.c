#include "tools/shared/remedy.h"

#include <errno.h>

const char *
remedy_of_limit(int error)
{
	switch (error) {
	case EMFILE:
		return "; raise the limit of open files (ulimit -n)";
	case ENFILE:
		return "; raise the machine's limit of open files (sysctl fs.file-max)";
	case EAGAIN:
		return "; end some processes, or raise their limit (ulimit -u)";
	case ENOMEM:
		return "; end some processes, or raise the limit (ulimit -v)";
	default:
		return "";
	}
}

const char *
remedy_of_start(int error)
{
	switch (error) {
	case ENOENT:
		return "; build or install the whole package, it belongs there";
	case EACCES:
		return "; the user who runs the tool must be able to execute it";
	case ENOEXEC:
		return "; it is no program for this machine: build or install it anew";
	default:
		return remedy_of_limit(error);
	}
}
