#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every program of examples/, run end to end with the processes that it is for.
. "$(dirname "$0")/common.sh"

timeout 60 examples/01_ping_pong pong p &
timeout 60 examples/01_ping_pong ping p 1000 >"$work/out" || fail "01_ping_pong ping"
wait $! || fail "01_ping_pong pong"
grep -q '^round trip of 8 bytes, 1000 times: median [0-9.]* us' "$work/out" || fail "01_ping_pong printed: $(cat "$work/out")"
examples/01_ping_pong 2>"$work/out"
[ $? = 2 ] || fail "01_ping_pong without arguments ends well"
grep -q '^usage: ' "$work/out" || fail "01_ping_pong without arguments says nothing"
examples/01_ping_pong ping p 10x 2>"$work/out"
[ $? = 2 ] || fail "01_ping_pong takes 10x for a number"
grep -q "^COUNT: .* not '10x'" "$work/out" || fail "01_ping_pong with a bad number printed: $(cat "$work/out")"
grep -q '^usage: 01_ping_pong pong' "$work/out" || fail "01_ping_pong names itself otherwise: $(cat "$work/out")"
echo "PASS: 01_ping_pong"
