/* SPDX-License-Identifier: Apache-2.0 */
/* mooring.h - everything that libmooring offers. */
#ifndef MOORING_H
#define MOORING_H

#include <mooring/abi.h>
#include <mooring/base.h>
#include <mooring/channel.h>
#include <mooring/link.h>
#include <mooring/map.h>
#include <mooring/name.h>
#include <mooring/ring.h>
#include <mooring/stream.h>
#include <mooring/sync.h>

#endif
