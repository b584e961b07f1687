/** Clock of a host: virtual time with an offset, a drift and jumps. Times are nanoseconds. */

/** State of a host's clocks, which changes in place. */
export interface HostTime {
  /** Virtual time since which the drift is the same, and what the monotonic clock showed then. */
  baseNanos: number
  baseMonotonicNanos: number
  /** Speed of the host's clocks; 1.0001 gains 100 us a second. */
  rate: number
  /** Wall clock less monotonic clock. */
  offsetNanos: number
}

/** Returns the speed of a clock that gains as many microseconds a second. */
const rateOf = (driftPpm: number) => 1 + driftPpm / 1e6

/** Creates the time of a host whose clocks are right, or have an offset and a drift. */
export const make = (offsetNanos = 0, driftPpm = 0): HostTime => ({
  baseNanos: 0,
  baseMonotonicNanos: 0,
  rate: rateOf(driftPpm),
  offsetNanos
})

/** Returns what the monotonic clock shows: it drifts, but never jumps. */
export const monotonicAt = ({ baseMonotonicNanos, baseNanos, rate }: HostTime, now: number): number =>
  rate === 1 ? baseMonotonicNanos + now - baseNanos : baseMonotonicNanos + Math.round((now - baseNanos) * rate)

/** Returns what the wall clock shows, in milliseconds with a fraction. */
export const wallMillisAt = (self: HostTime, now: number): number =>
  self.offsetNanos === 0 ? monotonicAt(self, now) / 1e6 : monotonicAt(self, now) / 1e6 + self.offsetNanos / 1e6

/** Returns what the wall clock shows. */
export const wallNanosAt = (self: HostTime, now: number): bigint =>
  BigInt(monotonicAt(self, now)) + BigInt(self.offsetNanos)

/** Returns the virtual time at which the monotonic clock shows a time. */
export const virtualAt = ({ baseMonotonicNanos, baseNanos, rate }: HostTime, monotonic: number): number =>
  rate === 1
    ? baseNanos + monotonic - baseMonotonicNanos
    : baseNanos + Math.ceil((monotonic - baseMonotonicNanos) / rate)

/** Returns the virtual time at which a time has passed on the host. */
export const after = (self: HostTime, now: number, nanos: number): number =>
  self.rate === 1 ? now + nanos : virtualAt(self, monotonicAt(self, now) + nanos)

/** Changes the drift of the clocks from now on. */
export const setDrift = (self: HostTime, now: number, driftPpm: number): void => {
  self.baseMonotonicNanos = monotonicAt(self, now)
  self.baseNanos = now
  self.rate = rateOf(driftPpm)
}

/** Moves the wall clock by a time, forwards or backwards. */
export const jump = (self: HostTime, nanos: number): void => {
  self.offsetNanos += nanos
}
