// Package event publishes domain events: what applications want to know of a step, as its template declares.
//
// [DomainEventSystem] takes a step whose result was accepted, decides which of its declared events apply, lets publishers
// shape them, checks their payloads and routes them: durable ones to a queue that survives restarts, fast ones to the
// in-process [Bus], broadcast ones to both under one id. All of it is fire and forget: what goes wrong here is logged and
// counted, and never reaches the step.
package event
