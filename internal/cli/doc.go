// Package cli is the program tasker: its commands, what they print, and the codes that they exit with.
//
// Commands that read or change tasks are clients of the HTTP API. With --url or TASKER_URL they talk to that server;
// without, they serve the API to themselves, in memory, over the configured database. So they print the same either way.
package cli
