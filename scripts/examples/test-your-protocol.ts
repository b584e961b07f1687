/** A protocol with a bug that only duplicated packets show; the check finds it, and shrinks it to one packet. */

import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { type Endpoint, Network } from "effect-inet/network"
import { SimCheck } from "effect-inet/simulation"

/** Acknowledges every block with the number of the next expected one. */
const receiver = Effect.gen(function* () {
  let wanted = 0
  const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0", port: 4000 }, ([block], from) => {
    if (block === wanted) wanted++
    socket.sendUnsafe(Uint8Array.of(wanted), from)
  })
})

/** Sends eight blocks in stop and wait, with a timeout of one second; returns the number of packets sent. */
const sender = Effect.fnUntraced(function* (to: Endpoint.Endpoint) {
  const answers = yield* Queue.unbounded<number>()
  const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0" }, ([n]) => Queue.offerUnsafe(answers, n!))
  let sent = 0
  for (let next = 0; next < 8; sent++) {
    yield* socket.send(Uint8Array.of(next), to)
    const again = { duration: "1 second", orElse: () => Effect.succeed(next) } as const
    next = yield* Effect.timeoutOrElse(Queue.take(answers), again) // The bug: a duplicate acknowledgement counts twice.
  }
  return sent
})

const check = SimCheck.check(
  Effect.fnUntraced(function* ({ host }) {
    const far = yield* host("receiver")
    yield* far.start(receiver)
    const sent = yield* (yield* host("sender")).run(sender({ address: far.address, port: 4000 }))
    if (sent > 8) yield* Effect.fail(new Error(`${sent} packets for 8 blocks, though none was lost`))
  }),
  { plan: "dup=5% receiver>sender, delay=20% 1ms..20ms, reorder=5% 10ms" }
)

await Effect.runPromise(Effect.flatMap(Effect.flip(check), ({ message }) => Console.log(message)))
