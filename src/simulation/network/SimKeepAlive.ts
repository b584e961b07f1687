/** Keep-alive of a simulated TCP connection, as Node sets it: ten probes, one second apart, after an idle time. */
import * as SimSegments from "./SimSegments.ts"

const probeIntervalNanos = 1_000_000_000
const maxProbes = 10

const noBytes = new Uint8Array(0)

/** Sends an empty segment; a peer that has the connection answers with another one. */
const probe = (self: SimSegments.State) => {
  const { lan, path } = self
  const { from, node, other, to } = path
  const packet = { transport: "tcp", kind: "ack", from, to, bytes: noBytes } as const
  lan.segment(packet, node, other, 0, () => {
    if (!other.up) return
    if (self.peer?.isForgotten()) return SimSegments.answer(self, "ack")
    lan.segment({ ...packet, from: to, to: from }, other, node, 0, () => {
      self.heardNanos = lan.clock.now()
    })
  })
}

/** Probes the peer when nothing has arrived from it for `idleNanos`; without any answer the connection times out. */
export const start = (self: SimSegments.State, idleNanos: number): void => {
  const { clock } = self.lan
  let unanswered = 0
  const check = () => {
    const now = clock.now()
    const idleUntil = self.heardNanos + idleNanos
    const isBusy = self.unacknowledged.length > 0
    if (now < idleUntil || isBusy) {
      unanswered = 0
      return schedule(isBusy ? now + idleNanos : idleUntil)
    }
    if (unanswered === maxProbes) return SimSegments.timeOut(self)
    unanswered++
    probe(self)
    schedule(now + probeIntervalNanos)
  }
  const schedule = (time: number) => {
    self.keepAlive = clock.schedule(time, check)
  }
  schedule(clock.now() + idleNanos)
}
