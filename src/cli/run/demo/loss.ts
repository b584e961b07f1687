/** A network without connections loses datagrams, and tells nobody. */
import * as Effect from "effect/Effect"
import * as Numbered from "./datagramDemo.ts"

const percent = 20

export const loss = Effect.fnUntraced(function* (input: { readonly json: boolean; readonly seed: number }) {
  const datagrams = yield* Numbered.send({ latency: "2 millis", loss: percent / 100 }, input.seed)
  const came = Numbered.arrivals(datagrams)
  const lost = datagrams.filter(({ arrived }) => arrived === undefined).map(({ number }) => number)
  yield* Numbered.show(input, datagrams, {
    figures: { percent, sent: datagrams.length, arrived: came.length, lost },
    before: `${datagrams.length} datagrams over a simulated link that loses ${percent}%, seed ${input.seed}`,
    after: `${came.length} of ${datagrams.length} came${lost.length === 0 ? "" : `; lost: ${lost.join(" ")}`}.
Every send succeeded: UDP tells neither end. Who needs all of them numbers them, waits for answers, sends again.`
  })
})
