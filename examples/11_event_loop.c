/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 11_event_loop - a channel in an event loop of libuv.
 *
 *   ./11_event_loop receive CHANNEL            until the sender has ended
 *   ./11_event_loop send CHANNEL COUNT         COUNT messages, with pauses between bursts of them
 *
 * The loop has a timer, too, to show that it goes on while the channel is quiet. The descriptor is armed only while there
 * is nothing to receive: a busy sender makes no system call for it.
 */
#include "explain.h"

#include <inttypes.h>
#include <unistd.h>
#include <uv.h>

#define BURST 100
#define PAUSE_US 20000
#define TICK_MS 5

static moor_rx *rx;
static uint64_t received, polls, ticks;
static int ended_with;
static uv_poll_t channel;
static uv_timer_t timer;

static void stop_loop(void)
{
	uv_close((uv_handle_t *)&channel, NULL);
	uv_close((uv_handle_t *)&timer, NULL);
}

/* All that is there; then the loop polls again, or the stream has ended. */
static void take_messages(void)
{
	struct moor_msg msg;
	int err;

	do {
		while ((err = moor_rx_peek(rx, &msg)) == 0) {
			received++;
			moor_rx_release(rx);
		}
		if (err == MOOR_EAGAIN)
			err = moor_rx_arm(rx);
	} while (err == MOOR_READY);
	if (err) {
		ended_with = err;
		stop_loop();
	}
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	(void)handle;
	(void)status;
	(void)events;
	polls++;
	take_messages();
}

static void on_tick(uv_timer_t *handle)
{
	(void)handle;
	ticks++;
}

static int receive(const char *name)
{
	uv_loop_t *loop = uv_default_loop();
	int fd, err = moor_rx_open(name, NULL, &rx);

	if (err < 0)
		return explain(err, "cannot receive from the channel", name, 0);
	err = moor_rx_fd(rx, &fd);
	if (err) {
		moor_rx_close(rx);
		return explain(err, "no descriptor for the channel", name, 0);
	}
	uv_poll_init(loop, &channel, fd);
	uv_poll_start(&channel, UV_READABLE, on_readable);
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, on_tick, TICK_MS, TICK_MS);
	take_messages();
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	moor_rx_close(rx);
	printf("%" PRIu64 " messages in %" PRIu64 " polls, beside %" PRIu64 " ticks of a timer; then %s\n", received, polls,
	       ticks, moor_err_name(ended_with));
	return ended_with == MOOR_ECLOSED ? 0 : 1;
}

static int send_all(const char *name, uint64_t count)
{
	moor_tx *tx;
	int err = moor_tx_open(name, NULL, &tx);

	if (err < 0)
		return explain(err, "cannot send to the channel", name, 0);
	err = 0;
	for (uint64_t i = 0; i < count && !err; i++) {
		if (i % BURST == 0)
			usleep(PAUSE_US);
		err = moor_tx_send(tx, &i, sizeof i, MOOR_FOREVER);
	}
	moor_tx_close(tx);
	return err ? explain(err, "cannot send to the channel", name, 0) : 0;
}

int main(int argc, char **argv)
{
	uint64_t count;

	if (argc == 3 && strcmp(argv[1], "receive") == 0)
		return receive(argv[2]);
	if (argc == 4 && strcmp(argv[1], "send") == 0 && parse_number("COUNT", argv[3], 1, 1000000000, &count))
		return send_all(argv[2], count);
	fprintf(stderr, "usage: %s receive CHANNEL | send CHANNEL COUNT\n", program_name(argv[0]));
	return 2;
}
