/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h - how a worker gives up what it could do. Each step can only take away more. */
#ifndef PLUGIN_HOST_SANDBOX_H
#define PLUGIN_HOST_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Before the plugin is loaded, whose constructors run as it is: limits, no new privileges, namespaces of its own, files
 * only to be read and only where shared objects are and in the plugin's folder, no system call but those of loading.
 * Returns enum confined, of what the kernel has given.
 */
uint32_t confine_for_loading(const char *plugin);
/* For good: no file at all, no system call but those of the link. */
uint32_t confine_for_good(void);

#endif
