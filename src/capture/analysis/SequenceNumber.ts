/** Arithmetic of TCP sequence numbers modulo 2^32 (RFC 9293, 3.4). Pure. */

/** Returns the distance from `from` to `to`, from -2^31 to 2^31 - 1. */
export const distance = (from: number, to: number): number => (to - from) | 0

/** Returns whether `one` is before `other`. */
export const isBefore = (one: number, other: number): boolean => distance(one, other) > 0

/** Returns the number that is `count` bytes after `seq`. */
export const add = (seq: number, count: number): number => (seq + count) >>> 0
