// Package transport carries the news that steps are ready and results are in between processes. News is a hint: the rows
// of the store are the queue, and who misses a hint finds the work by looking.
package transport
