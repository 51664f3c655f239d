// Package loopback is a core without a database: it makes up steps, and keeps what becomes of them in memory. The tests of
// the C interface run on it, since it shows the interface alone, and can be told to be slow, away or broken.
package loopback
