"""What valgrind and the sanitizers have to say."""

import re

# In a log file or in what a program wrote to standard error.
SANITIZER = re.compile(
    r"^.*(?:ERROR: \w+Sanitizer|runtime error: |SUMMARY: \w+Sanitizer).*$", re.MULTILINE)
# Descriptors that nobody closed; 0 to 2 and inherited ones are not the program's.
LEFT_OPEN = re.compile(
    r"^==\d+== Open (?:file descriptor|\S+ socket|\S+ file descriptor) (\d+).*\n"
    r"((?:==\d+==  .*\n?)*)", re.MULTILINE)
# Its summary of descriptors is no finding.
HARMLESS = re.compile(r"^==\d+==\s*(?:FILE DESCRIPTORS: .*)?$")


def sanitizer_environment(logs):
    common = "exitcode=99:halt_on_error=1:print_stacktrace=1"
    address = ("detect_leaks=1:abort_on_error=0:handle_abort=0:strict_string_checks=1:"
               "detect_stack_use_after_return=1:check_initialization_order=1")
    return {
        "ASAN_OPTIONS": f"{common}:{address}:log_path={logs}/asan",
        "UBSAN_OPTIONS": f"{common}:log_path={logs}/ubsan",
        "TSAN_OPTIONS": f"{common}:log_path={logs}/tsan",
        "LSAN_OPTIONS": "print_suppressions=0",
    }


def in_text(text):
    """Sanitizer reports in a program's standard error: our servants are started with an
    empty environment, so theirs come that way."""
    found = SANITIZER.findall(text)
    return ["a sanitizer reports: " + found[0].strip()] if found else []


def valgrind_findings(text):
    left = []
    for number, detail in LEFT_OPEN.findall(text):
        if int(number) > 2 and "<inherited from parent>" not in detail:
            left.append(f"descriptor {number} left open\n{detail.rstrip()}")
    # Other lines are its remarks about itself, such as a system call that it does not
    # know, or the program's: a program started without standard output gets the log.
    rest = [line for line in LEFT_OPEN.sub("", text).splitlines()
            if line.startswith("==") and not HARMLESS.match(line)]
    return left + (["\n".join(rest)] if rest else [])


def findings(logs):
    """Texts of what was reported into a folder of logs by any process."""
    found = []
    for log in sorted(logs.iterdir()):
        text = log.read_text(errors="replace")
        if log.name.startswith("valgrind."):
            found += [f"valgrind, process {log.suffix[1:]}:\n{finding}"
                      for finding in valgrind_findings(text)]
        elif text.strip():
            found.append(f"{log.name}:\n{text.strip()}")
    return found
