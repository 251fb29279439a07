/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What struct moor_channel_opts says that 0 stands for. */
#define DEFAULT_CAPACITY ((uint64_t)1 << 20)

static void complain_list(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void complain_list(const char *format, va_list args)
{
	fputs("mooring: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain_list(format, args);
	va_end(args);
}

int print_usage(const struct command *command)
{
	printf("usage: mooring %s\n%s\n", command->synopsis, command->summary);
	return finish_output();
}

int usage_error(const struct command *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain_list(format, args);
	va_end(args);
	fprintf(stderr, "usage: mooring %s\n", command->synopsis);
	return EXIT_USAGE;
}

struct holders {
	uint32_t role;
	char text[64];
};

static int find_holder(const struct moor_participant_info *info, void *arg)
{
	struct holders *holders = arg;

	if (info->role != holders->role)
		return 0;
	snprintf(holders->text, sizeof holders->text, " (process %" PRIu32 ")", info->pid);
	return 1;
}

static void explain_busy(const char *name)
{
	struct holders tx = {.role = MOOR_ROLE_PRODUCER}, rx = {.role = MOOR_ROLE_CONSUMER};
	struct moor_name_info info;

	if (!look_up(name, &info) || info.kind != MOOR_OBJ_CHANNEL) {
		complain("a stopped process is about to remove the last object of this name: let it go on, or end it");
		return;
	}
	(void)moor_participants(name, find_holder, &tx);
	(void)moor_participants(name, find_holder, &rx);
	complain("a channel has one sender%s and one receiver%s at a time; end the one that has the role, or use another "
	         "name",
	         tx.text, rx.text);
}

static void explain_space(uint64_t wanted)
{
	struct moor_shm_info info = {.struct_size = sizeof info};

	if (moor_shm_stat(&info) != 0)
		return;
	if (wanted)
		complain("%s: %" PRIu64 " bytes wanted, %" PRIu64 " of %" PRIu64 " free", info.directory, wanted, info.free_bytes,
		         info.total_bytes);
	else
		complain("%s: %" PRIu64 " of %" PRIu64 " bytes free", info.directory, info.free_bytes, info.total_bytes);
	complain("memory is taken when it is asked for: free some, ask for less, or set MOORING_DIR to a directory with more "
	         "room");
}

/* By which commands one takes part in an object of this kind. */
static const char *commands_of(uint32_t kind)
{
	static const char *const texts[] = {"mooring info",
	                                    "mooring cat, write, watch or create --or-open",
	                                    "mooring lock",
	                                    "mooring sem wait and post",
	                                    "mooring event wait, set and reset",
	                                    "mooring send and recv"};

	return texts[kind <= MOOR_OBJ_CHANNEL ? kind : 0];
}

static void describe(const char *name, const struct moor_name_info *info, char *text, size_t room)
{
	const int len = snprintf(text, room, "'%s' is of the kind %s", name, kind_text(info->kind));

	if (has_size(info->kind) && len > 0 && (size_t)len < room)
		snprintf(text + len, room - (size_t)len, " (%" PRIu64 " bytes)", info->size);
}

/* What the name stands for, where something else was expected. */
static void explain_kind(const char *name)
{
	struct moor_name_info info;
	char text[512];

	if (look_up(name, &info)) {
		describe(name, &info, text, sizeof text);
		complain("%s; use another name, or what is for this kind: %s", text, commands_of(info.kind));
	} else {
		complain("'mooring ls' shows what it is");
	}
}

static int find_first(const struct moor_participant_info *info, void *arg)
{
	*(uint32_t *)arg = info->pid;
	return 1;
}

static void explain_existing(const char *name)
{
	struct moor_name_info info;
	char text[512], holder[64] = "";
	uint32_t pid;

	if (!look_up(name, &info)) {
		complain("'mooring info' shows who holds it; end that, or use another name");
		return;
	}
	describe(name, &info, text, sizeof text);
	if (moor_participants(name, find_first, &pid) == 1)
		snprintf(holder, sizeof holder, ", held by process %" PRIu32, pid);
	complain("%s%s; end that, use another name, or take part in it: %s", text, holder, commands_of(info.kind));
}

static void explain_access(const char *name, bool makes, bool any_owner)
{
	const char *dir = getenv("MOORING_DIR"), *cure;
	struct moor_name_info info;

	if (!look_up(name, &info)) {
		complain("it belongs to somebody else, or MOORING_DIR (%s) is not a directory of yours that nobody else may "
		         "write to",
		         dir ? dir : "not set");
		return;
	}
	if (makes && !any_owner && info.uid != geteuid() && info.kind != MOOR_OBJ_CHANNEL)
		cure = "with --any-owner you accept that, as far as its rights let you";
	else if (info.kind == MOOR_OBJ_MAP)
		cure = "its owner can change that, with 'mooring chmod' or 'mooring acl'";
	else if (info.kind == MOOR_OBJ_CHANNEL)
		cure = "use another name, or end the processes that have it open";
	else
		cure = "its rights are those it was made with, by --mode or --acl: end it, and make it with others";
	complain("it belongs to user %" PRIu32 " and has the mode %04" PRIo32 ", you are user %u: %s", info.uid, info.mode,
	         (unsigned)geteuid(), cure);
}

static int report_failure(int err, const char *what, const char *name, uint64_t wanted, bool makes, bool any_owner)
{
	const int saved = errno;

	complain("%s '%s': %s (%s)%s%s", what, name, moor_strerror(err), moor_err_name(err),
	         err == MOOR_ESYS ? ": " : "", err == MOOR_ESYS ? strerror(saved) : "");
	switch (err) {
	case MOOR_ENAME:
		complain("a name is [Local\\|Global\\] and 1 to %d bytes without '/' and '\\'", MOOR_NAME_MAX);
		break;
	case MOOR_EBUSY:
		explain_busy(name);
		break;
	case MOOR_ENOSPC:
		explain_space(wanted);
		break;
	case MOOR_EKIND:
		explain_kind(name);
		break;
	case MOOR_ENOENT:
		complain("start the process that makes it, or create it; 'mooring ls' shows the names that live");
		break;
	case MOOR_EEXIST:
		explain_existing(name);
		break;
	case MOOR_EVERSION:
	case MOOR_EFORMAT:
		complain("this is mooring %s, layout %u; end the processes that use another one, or use another name",
		         moor_version_string(), moor_abi_version());
		break;
	case MOOR_EMISMATCH:
		complain("'mooring ls' shows the capacity that it has; leave --capacity out to take it as it is");
		break;
	case MOOR_EOVERFLOW:
		complain("the --max that it was made with leaves no room for so many: post fewer, or after somebody has waited "
		         "for it");
		break;
	case MOOR_ENOTSUP:
		complain("an access control list needs a file system that has them, and a library built with libacl; huge pages "
		         "need a tmpfs that has them: do without the option, or set MOORING_DIR to another directory");
		break;
	case MOOR_ENOMEM:
		complain("end other processes, or ask for less; 'ulimit -v' shows what this one may have");
		break;
	case MOOR_EMFILE:
	case MOOR_ENFILE:
		complain("'ulimit -n' shows how many this process may have, /proc/sys/fs/file-max the system");
		break;
	case MOOR_ESLOTS:
		complain("too many processes have it open: end some; 'mooring info' shows them");
		break;
	case MOOR_ECORRUPT:
		complain("end all that have it open, and start again; 'mooring info' shows them");
		break;
	case MOOR_EACCES:
		explain_access(name, makes, any_owner);
		break;
	default:
		break;
	}
	switch (err) {
	case MOOR_EPEERDEAD:
		return EXIT_PEER_DIED;
	case MOOR_ECLOSED:
		return EXIT_PEER_LEFT;
	case MOOR_ETIMEDOUT:
	case MOOR_EAGAIN: /* --timeout 0 */
		return EXIT_TIMED_OUT;
	default:
		return EXIT_ERROR;
	}
}

int fail(int err, const char *what, const char *name)
{
	return fail_for_space(err, what, name, 0);
}

int fail_for_space(int err, const char *what, const char *name, uint64_t wanted)
{
	return report_failure(err, what, name, wanted, false, false);
}

int fail_to_make(int err, const char *what, const char *name, uint64_t wanted, bool any_owner)
{
	return report_failure(err, what, name, wanted, true, any_owner);
}

int open_failed(const struct command *command, int err, const struct stream_options *options)
{
	if (err == MOOR_EINVAL)
		return usage_error(command, "a channel has a capacity from 4K to %s", sizeof(void *) < 8 ? "1G" : "1T");
	return fail_for_space(err, "cannot open the channel", options->name,
	                      options->channel.capacity ? options->channel.capacity : DEFAULT_CAPACITY);
}

bool parse_size(const char *option, const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	unsigned long long value;
	const char *unit;
	unsigned shift = 0;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (errno || *text < '0' || *text > '9' || *end || value > UINT64_MAX >> shift) {
		complain("%s takes a number of bytes, with K, M, G or T for powers of 1024, not '%s'", option, text);
		return false;
	}
	*ret_bytes = (uint64_t)value << shift;
	return true;
}

bool parse_seconds(const char *option, const char *text, int64_t *ret_timeout_ns)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !(value >= 0) || value > 1e9) {
		complain("%s takes seconds, as 10 or 0.5, not '%s'", option, text);
		return false;
	}
	*ret_timeout_ns = (int64_t)(value * 1e9);
	return true;
}

int parse_stream_options(const struct command *command, const char *own, int argc, char **argv,
                         struct stream_options *ret_options)
{
	enum { LINES = 1, MANY, CAPACITY, TIMEOUT, STATS, PROGRESS, OWN, HELP };
	const struct option known[] = {{"lines", no_argument, NULL, LINES},
	                               {"many", no_argument, NULL, MANY},
	                               {"capacity", required_argument, NULL, CAPACITY},
	                               {"timeout", required_argument, NULL, TIMEOUT},
	                               {"stats", no_argument, NULL, STATS},
	                               {"progress", no_argument, NULL, PROGRESS},
	                               {own, no_argument, NULL, OWN},
	                               {"help", no_argument, NULL, HELP},
	                               {0}};
	struct stream_options options = {.channel = MOOR_CHANNEL_OPTS(0), .timeout_ns = MOOR_FOREVER};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case LINES:
			options.lines = true;
			break;
		case MANY:
			options.channel.kind = MOOR_MPSC;
			break;
		case CAPACITY:
			if (!parse_size("--capacity", optarg, &options.channel.capacity))
				return EXIT_USAGE;
			break;
		case TIMEOUT:
			if (!parse_seconds("--timeout", optarg, &options.timeout_ns))
				return EXIT_USAGE;
			break;
		case STATS:
			options.stats = true;
			break;
		case PROGRESS:
			options.progress = true;
			break;
		case OWN:
			options.own = true;
			break;
		case HELP:
			return print_usage(command);
		default:
			return usage_error(command, "'mooring %s --help' explains the options", command->name);
		}
	}
	if (argc - optind != 1)
		return usage_error(command, "%s takes one name, not %d", command->name, argc - optind);
	options.name = argv[optind];
	*ret_options = options;
	return GO_ON;
}

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void traffic_start(struct traffic *traffic, const char *verb, bool progress)
{
	*traffic = (struct traffic){.verb = verb, .progress = progress, .last_shown = now_ns()};
}

static void show_progress(struct traffic *traffic)
{
	const int64_t now = now_ns();
	const bool terminal = isatty(STDERR_FILENO);

	if (now - traffic->last_shown < (terminal ? 100000000 : 1000000000))
		return;
	traffic->last_shown = now;
	fprintf(stderr, "%smooring: %s %" PRIu64 " messages, %.1f MB%s", terminal ? "\r" : "", traffic->verb,
	        traffic->messages, (double)traffic->bytes / 1e6, terminal ? "\033[K" : "\n");
}

void traffic_begin(struct traffic *traffic)
{
	if (!traffic->start)
		traffic->start = now_ns();
}

void traffic_add(struct traffic *traffic, size_t len)
{
	traffic_begin(traffic);
	traffic->messages++;
	traffic->bytes += len;
	if (traffic->progress && traffic->messages % 64 == 0)
		show_progress(traffic);
}

void traffic_print(const struct traffic *traffic, const char *name)
{
	const double seconds = traffic->messages ? (double)(now_ns() - traffic->start) / 1e9 : 0;

	fprintf(stderr, "%smooring: %s %" PRIu64 " messages, %" PRIu64 " bytes in %.3f s",
	        traffic->progress && isatty(STDERR_FILENO) ? "\r\033[K" : "", traffic->verb, traffic->messages,
	        traffic->bytes, seconds);
	if (seconds > 0)
		fprintf(stderr, ": %.1f MB/s, %.0f messages/s", (double)traffic->bytes / 1e6 / seconds,
		        (double)traffic->messages / seconds);
	fprintf(stderr, " (%s)\n", name);
}

bool write_message(const void *data, size_t len, bool newline)
{
	/* writev(2) reads what it is given, whatever the type of its struct says. */
	struct iovec iov[2] = {{.iov_base = (void *)(uintptr_t)data, .iov_len = len},
	                       {.iov_base = (void *)(uintptr_t) "\n", .iov_len = newline}};

	while (iov[0].iov_len + iov[1].iov_len) {
		const ssize_t put = writev(STDOUT_FILENO, iov, 2);
		const size_t done = put > 0 ? (size_t)put : 0;
		const size_t first = done < iov[0].iov_len ? done : iov[0].iov_len;

		if (put < 0 && errno != EINTR) {
			complain("cannot write to standard output: %s; what was not written stays in the channel",
			         strerror(errno));
			return false;
		}
		iov[0].iov_base = (char *)iov[0].iov_base + first;
		iov[0].iov_len -= first;
		iov[1].iov_len -= done - first;
	}
	return true;
}

bool write_all(const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		const ssize_t put = write(STDOUT_FILENO, at, len);

		if (put < 0 && errno != EINTR) {
			complain("cannot write to standard output: %s", strerror(errno));
			return false;
		}
		at += put > 0 ? put : 0;
		len -= put > 0 ? (size_t)put : 0;
	}
	return true;
}

int finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_WELL;
	complain("cannot write to standard output: %s", strerror(errno));
	return EXIT_ERROR;
}
