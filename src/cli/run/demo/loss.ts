/** Demonstration: UDP loses datagrams without an error at either end. */
import * as Effect from "effect/Effect"
import * as datagramDemo from "./datagramDemo.ts"

const lossPercent = 20

export const loss = Effect.fnUntraced(function* (input: { readonly json: boolean; readonly seed: number }) {
  const datagrams = yield* datagramDemo.send({ latency: "2 millis", loss: lossPercent / 100 }, input.seed)
  const arrivals = datagramDemo.arrivals(datagrams)
  const lost = datagrams.filter(({ arrived }) => arrived === undefined).map(({ number }) => number)
  yield* datagramDemo.show(input, datagrams, {
    figures: { percent: lossPercent, sent: datagrams.length, arrived: arrivals.length, lost },
    before: `${datagrams.length} datagrams over a simulated link that loses ${lossPercent}%, seed ${input.seed}`,
    after: `${arrivals.length} of ${datagrams.length} arrived${lost.length === 0 ? "" : `; lost: ${lost.join(" ")}`}.
Every send succeeded: UDP reports a loss to neither end. A reliable protocol numbers, acknowledges and retransmits.`
  })
})
