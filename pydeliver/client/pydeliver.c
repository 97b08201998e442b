/*
 * pydeliver - what a mail server starts
 *
 * DESCRIPTION
 *	To a mail server only exit status 75 means "try again": Postfix
 *	bounces every other one but 71, Exim bounces signals and its own
 *	time-out as well.  An interpreter that cannot start ends in 1 or
 *	127, one that cannot flush its output in 120.  So this program
 *	stands between: it starts the Python program installed beside it,
 *	waits within a deadline, and says 0, 67 or 77 only on a complete
 *	verdict line.  Everything else is 75.
 *
 *	Nothing but this program writes to the mail server.  The Python
 *	program and all it starts have our pipe as descriptors 1 and 2: a
 *	line "5.1.1 ..." would override the exit status, and a process
 *	that lingers with the server's pipe makes Postfix wait 1,000
 *	seconds and then bounce a message that was delivered.
 *
 *	Commands (check, ...) and --test are no deliveries; for them this
 *	becomes the Python program at once.
 * PROTOCOL
 *	The Python program writes lines to the descriptor it is told:
 *
 *	deadline SECONDS		(any number of times)
 *	verdict EXIT CODE TEXT		(once)
 *
 *	We end as soon as the verdict is complete and do not wait for its
 *	writer, who may have books to keep.  The writer looks whether we
 *	still read before it commits anything.
 * DOES NOT KNOW
 *	Rules, messages, users, or what options mean (but -o deadline=).
 * SEE ALSO
 *	RFC 3463 (codes), RFC 3164 (log lines), sysexits(3), signalfd(2).
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define EX_TEMPFAIL	75
#define LONGEST		86400		/* deadline, seconds */
#define GRACE		10		/* seconds more that a child without us may run */
#define BOOT		"/share/pydeliver/boot.py"

 /* What may be said. Where class and status differ Postfix believes the class, so they must fit. */
static const struct {
    const char *start;
    int     exit_status;
} verdicts[] = {
    {"verdict 0 2.", 0}, {"verdict 67 5.", 67}, {"verdict 75 4.", 75}, {"verdict 77 5.", 77}, {0, 0},
};

 /* Options of a delivery whose argument is the rest of the word or the next one, and options that make it something else. */
static const char with_argument[] = "dfraAoV";
static const char *const long_with_argument[] = {"--rules", "--maildir", 0};
static const char *const no_delivery[] = {"--test", "--help", "--version", "-h", 0};

 /* What a mail server, a shell or the kernel may end us with. */
static const int ending[] = {
    SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ, 0,
};

static char python[PATH_MAX];		/* beside ourselves */
static char boot[PATH_MAX];		/* the script it runs */
static pid_t child;			/* 0 until it is started */
static long deadline = 240;		/* below Exim's and OpenSMTPD's 300 */
static struct timespec started;
static char said[1024];			/* the end of the child's output */
static size_t said_length;

enum {VERDICT, SIGNALS, OUTPUT, EVENTS};
static struct pollfd events[EVENTS] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};

/* keep_output - so that the child never waits for a reader, and we know its last words */

static void keep_output(void)
{
    char    chunk[4096];
    ssize_t n = read(events[OUTPUT].fd, chunk, sizeof(chunk));
    size_t  fresh, old;

    if (n <= 0) {
	events[OUTPUT].fd = -1;			/* poll(2) passes over it */
	return;
    }
    fresh = (size_t) n < sizeof(said) ? (size_t) n : sizeof(said);
    old = said_length < sizeof(said) - fresh ? said_length : sizeof(said) - fresh;
    memmove(said, said + said_length - old, old);
    memcpy(said + old, chunk + n - fresh, fresh);
    said_length = old + fresh;
}

/* report - why, and the child's last line, to the log; syslog(3) would wait for a stopped logger */

static void report(const char *why)
{
    struct sockaddr_un log = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    char    line[sizeof(said) + 256];
    char   *end = said + said_length;
    char   *last;
    int     fd, n;

    while (end > said && (end[-1] == '\n' || end[-1] == ' '))
	end--;
    for (last = end; last > said && last[-1] != '\n'; last--)
	if (last[-1] < ' ' || last[-1] > '~')
	    last[-1] = '?';
    n = snprintf(line, sizeof(line), "<19>pydeliver[%ld]: %s%s%.*s",	/* mail.err */
		 (long) getpid(), why, last < end ? ": " : "", (int) (end - last), last);
    if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0
	&& connect(fd, (struct sockaddr *) &log, sizeof(log)) == 0)
	(void) send(fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* answer - the one line for the mail server, whether it can be written or not */

static void answer(const char *line, size_t length)
{
    if (write(STDOUT_FILENO, line, length) < 0)
	return;
}

/* give_up - no verdict: stop what still runs, then ask for another attempt */

static void give_up(const char *why)
{
    char    line[256];
    int     i;

    /*
     * Named twice, as it may not have come to setsid(2). Nobody waited for
     * it, so its number is not another's yet.
     */
    if (child > 0) {
	kill(-child, SIGKILL);
	kill(child, SIGKILL);
    }
    answer(line, snprintf(line, sizeof(line), "4.3.0 %s; it will be tried again\n", why));
    for (i = 0; i < 32 && poll(&events[OUTPUT], 1, 0) > 0; i++)
	keep_output();
    report(why);
    _exit(EX_TEMPFAIL);
}

/* seconds - a number from 1 to LONGEST and nothing else; or 0 */

static long seconds(const char *text)
{
    long    n = 0;

    do {
	if (*text < '0' || *text > '9' || (n = n * 10 + *text - '0') > LONGEST)
	    return (0);
    } while (*++text);
    return (n);
}

static int among(const char *word, const char *const *words)
{
    while (*words && strcmp(word, *words) != 0)
	words++;
    return (*words != 0);
}

/* is_delivery - is there a command or --test? A deadline is noted on the way, a wrong one left to Python. */

static int is_delivery(char **argv)
{
    char   *letter;
    char   *argument;

    if (argv[0] && argv[1] && argv[1][0] != '-' && argv[1][0] != '\0')
	return (0);				/* a command is the first word */
    while (*argv && *++argv) {
	if (among(*argv, no_delivery))
	    return (0);
	/* Letters stand together as getopt(3) reads them: -tYf- is -t -Y -f -. */
	letter = *argv;
	if (letter[0] == '-' && letter[1] != '-')
	    letter += 1 + strcspn(letter + 1, with_argument);
	else if (!among(letter, long_with_argument))
	    continue;
	if (*letter == '\0')
	    continue;
	argument = *letter != '-' && letter[1] ? letter + 1 : *++argv;
	if (argument == 0)
	    break;
	if (*letter == 'o' && strncmp(argument, "deadline=", 9) == 0 && seconds(argument + 9))
	    deadline = seconds(argument + 9);
    }
    return (1);
}

/* become_python - found by our own place alone, as PATH and environment are others' to set; returns if it fails */

static void become_python(char *form, char **argv)
{
    char  **args, **next, **arg;
    size_t  count = 8, room = sizeof(boot) - sizeof(BOOT);
    ssize_t n = readlink("/proc/self/exe", boot, room);
    char   *slash;

    if (n < 0 || (size_t) n == room)		/* it may have been cut off */
	return;
    boot[n] = '\0';
    if ((slash = strrchr(boot, '/')) == 0)
	return;
    memcpy(python, boot, slash + 1 - boot);
    memcpy(python + (slash + 1 - boot), "python3", sizeof("python3"));
    *slash = '\0';				/* PREFIX/bin */
    if ((slash = strrchr(boot, '/')) == 0)
	slash = boot;
    strcpy(slash, BOOT);

    for (arg = argv; *arg; arg++)
	count++;
    if ((args = next = malloc(count * sizeof(*args))) == 0)
	return;
    *next++ = python;				/* by a bare name it would look for its library by PATH */
    *next++ = "-I";				/* no PYTHON* variables */
    *next++ = "-S";				/* no site-packages, no .pth files */
    *next++ = "-B";				/* writes no bytecode */
    *next++ = boot;
    *next++ = form;
    for (arg = argv; *arg && *++arg; /* void */ )
	*next++ = *arg;
    *next = 0;
    execv(python, args);
}

/* run_child - our pipes instead of the server's, signals as a new process has them */

static void run_child(int verdict, int output, char **argv)
{
    char    form[32];
    sigset_t none;

    /*
     * A session of its own is a process group that we can kill whole, and
     * one without a terminal, so that a message typed at a terminal can
     * still be read.
     */
    setsid();
    sigemptyset(&none);

    /*
     * If we are killed, nobody is left to stop it. Its alarm goes on through
     * execve(2) and comes after any end we would have made.
     */
    alarm(deadline + GRACE);
    if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0
	|| fcntl(verdict, F_SETFD, 0) < 0 || sigprocmask(SIG_SETMASK, &none, 0) < 0)
	_exit(EX_TEMPFAIL);
    snprintf(form, sizeof(form), "deliver=%d", verdict);
    become_python(form, argv);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", python, strerror(errno));
    _exit(EX_TEMPFAIL);
}

/* obey - one line from the child, its newline replaced by NUL; 0 if it makes no sense */

static int obey(char *line, size_t length)
{
    size_t  start, i;

    for (i = 0; i < length; i++)
	if (line[i] < ' ' || line[i] > '~')
	    return (0);
    if (strncmp(line, "deadline ", 9) == 0 && seconds(line + 9)) {
	deadline = seconds(line + 9);
	return (1);
    }
    for (i = 0; verdicts[i].start; i++) {
	start = strlen(verdicts[i].start);
	if (strncmp(line, verdicts[i].start, start) != 0)
	    continue;
	if (verdicts[i].exit_status != 0) {
	    line[length] = '\n';
	    answer(line + start - 2, length + 1 - (start - 2));
	}
	_exit(verdicts[i].exit_status);
    }
    return (0);
}

/* read_verdict - what has come so far; returns if that is sound and no verdict yet */

static void read_verdict(void)
{
    static char buffer[1024];			/* twice what our own program says */
    static size_t length;
    ssize_t n = read(events[VERDICT].fd, buffer + length, sizeof(buffer) - length);
    char   *newline;

    if (n < 0 && errno == EINTR)
	return;
    if (n <= 0)
	give_up("the delivery program ended without a verdict");
    length += n;
    while ((newline = memchr(buffer, '\n', length)) != 0) {
	*newline = '\0';
	if (!obey(buffer, newline - buffer))
	    give_up("the delivery program gave no sound verdict");
	length -= newline + 1 - buffer;
	memmove(buffer, newline + 1, length);
    }
    if (length == sizeof(buffer))
	give_up("the delivery program gave no sound verdict");
}

/* prepare - signals, descriptors and the time, before there is a child; the two pipes are returned */

static void prepare(int *verdict, int *output)
{
    struct pollfd standard[] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
    sigset_t signals, blocked;
    int     i;

    /*
     * Signals come by a descriptor, so that none is lost between a look and
     * a sleep. First of all: until here one still ends us in its own way.
     */
    sigemptyset(&signals);
    for (i = 0; ending[i]; i++)
	sigaddset(&signals, ending[i]);
    blocked = signals;
    sigaddset(&blocked, SIGPIPE);
    sigprocmask(SIG_BLOCK, &blocked, 0);
    clock_gettime(CLOCK_MONOTONIC, &started);

    /* For the child, which inherits them. An ignored SIGCHLD would also free its number. */
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGALRM, SIG_DFL);

    /* No pipe of ours may become descriptor 0, 1 or 2. */
    if (poll(standard, 3, 0) < 0)
	give_up("the standard descriptors cannot be examined");
    for (i = 0; i < 3; i++)
	if ((standard[i].revents & POLLNVAL) && open("/dev/null", O_RDWR) != i)
	    give_up("a standard descriptor is closed");
#ifdef SYS_close_range
    /* What the server forgot to close is not for the child (Linux 5.11; 4 is CLOSE_RANGE_CLOEXEC). */
    (void) syscall(SYS_close_range, 3U, ~0U, 4U);
#endif
    if ((events[SIGNALS].fd = signalfd(-1, &signals, SFD_CLOEXEC)) < 0
	|| pipe2(verdict, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
	give_up("there are too few descriptors");
}

/* supervise - never returns */

static void supervise(char **argv)
{
    int     verdict[2], output[2];
    struct timespec now;
    long    left;

    prepare(verdict, output);

    /*
     * fork(2) although vfork(2) is quicker: with that we would sleep until
     * the interpreter is loaded, deaf to the deadline if its disk hangs.
     */
    if ((child = fork()) < 0)
	give_up("the delivery program cannot be started");
    if (child == 0)
	run_child(verdict[1], output[1], argv);
    close(verdict[1]);
    close(output[1]);
    events[VERDICT].fd = verdict[0];
    events[OUTPUT].fd = output[0];

    for (;;) {
	clock_gettime(CLOCK_MONOTONIC, &now);
	left = deadline * 1000 - (now.tv_sec - started.tv_sec) * 1000
	    - (now.tv_nsec - started.tv_nsec) / 1000000;
	if (poll(events, EVENTS, left > 0 ? (int) left : 0) < 0) {
	    if (errno != EINTR)
		give_up("the delivery program cannot be waited for");
	    continue;
	}
	/* The verdict goes first: when it is written, the message is delivered. */
	if (events[VERDICT].revents)
	    read_verdict();
	if (events[SIGNALS].revents)
	    give_up("the delivery was interrupted");
	if (events[OUTPUT].revents)
	    keep_output();
	if (left <= 0)
	    give_up("the delivery took too long");
    }
}

int     main(int argc, char **argv)
{
    (void) argc;
    if (is_delivery(argv))
	supervise(argv);
    become_python("run", argv);
    dprintf(STDERR_FILENO, "pydeliver: cannot run %s: %s\n", python, strerror(errno));
    return (EX_TEMPFAIL);
}
