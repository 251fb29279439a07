/* SPDX-License-Identifier: Apache-2.0 */
#include "lockbench.h"

#include <boost/interprocess/sync/named_mutex.hpp>

static boost::interprocess::named_mutex *mutex;

void bench_boost_open(const char *name)
{
	delete mutex;
	mutex = new boost::interprocess::named_mutex(boost::interprocess::open_or_create, name);
}

void bench_boost_lock(void)
{
	mutex->lock();
}

void bench_boost_unlock(void)
{
	mutex->unlock();
}

void bench_boost_remove(const char *name)
{
	boost::interprocess::named_mutex::remove(name);
}
