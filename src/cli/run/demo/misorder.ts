/** A network without connections lets datagrams overtake each other. */
import * as Effect from "effect/Effect"
import * as Numbered from "./datagramDemo.ts"

export const misorder = Effect.fnUntraced(function* (input: { readonly json: boolean; readonly seed: number }) {
  const datagrams = yield* Numbered.send({ latency: ["2 millis", "20 millis"] }, input.seed)
  const order = Numbered.arrivals(datagrams).map(({ number }) => number)
  const late = order.filter((number, at) => order.slice(0, at).some((before) => before > number))
  yield* Numbered.show(input, datagrams, {
    figures: { order, late },
    before: `${datagrams.length} datagrams over a simulated link of 2 to 20 ms, seed ${input.seed}`,
    after: `sent      ${datagrams.map(({ number }) => number).join(" ")}
received  ${order.join(" ")}
${late.length} came after a later one. Who cares for order numbers them, and keeps the early ones until the late are there.`
  })
})
