#include "tools/live/terminal.h"

#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <term.h>
#include <unistd.h>

static SCREEN *screen;

int
terminal_check(char *error, size_t room)
{
	const char *type = getenv("TERM");
	int found;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		snprintf(error, room,
		    "--live: standard %s is not a terminal; without --live the trace "
		    "is printed anywhere",
		    isatty(STDOUT_FILENO) ? "input" : "output");
		return -ENOTTY;
	}
	if (setupterm(NULL, STDOUT_FILENO, &found) != OK) {
		snprintf(error, room,
		    "--live: the terminal's type, TERM=%.40s, is not known: set TERM, "
		    "for example to xterm or vt100",
		    type != NULL ? type : "");
		return -EINVAL;
	}
	if (cursor_address == NULL) {
		snprintf(error, room,
		    "--live: a terminal of the type TERM=%.40s cannot move its cursor: "
		    "set TERM, for example to xterm or vt100; or leave --live out",
		    type != NULL ? type : "");
		del_curterm(cur_term);
		return -EINVAL;
	}
	del_curterm(cur_term);
	return 0;
}

void
terminal_begin(void)
{
	screen = newterm(NULL, stdout, stdin);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, true);
	nodelay(stdscr, true);
}

void
terminal_end(void)
{
	if (screen == NULL)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void
terminal_size(int *width, int *height)
{
	getmaxyx(stdscr, *height, *width);
	*width = *width > 1 ? *width : 1;
	*height = *height > 1 ? *height : 1;
}

void
terminal_erase(void)
{
	erase();
}

void
terminal_line(int row, const char *text, bool strong)
{
	int width, height;

	terminal_size(&width, &height);
	if (row < 0 || row >= height)
		return;
	if (strong)
		attron(A_BOLD);
	mvaddnstr(row, 0, text, width);
	if (strong)
		attroff(A_BOLD);
}

void
terminal_show(void)
{
	refresh();
}

int
terminal_key(void)
{
	int key = getch();

	switch (key) {
	case ERR:
		return TERMINAL_NOTHING;
	case KEY_UP:
		return TERMINAL_UP;
	case KEY_DOWN:
		return TERMINAL_DOWN;
	default:
		return key >= 0 && key < 128 ? key : TERMINAL_OTHER;
	}
}

bool
terminal_is_gone(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, 0) > 0 &&
	       (in.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}
