/** Demonstration: UDP datagrams arrive out of order. */
import * as Effect from "effect/Effect"
import * as datagramDemo from "./datagramDemo.ts"

export const misorder = Effect.fnUntraced(function* (input: { readonly json: boolean; readonly seed: number }) {
  const datagrams = yield* datagramDemo.send({ latency: ["2 millis", "20 millis"] }, input.seed)
  const order = datagramDemo.arrivals(datagrams).map(({ number }) => number)
  const overtaken = order.filter((number, at) => order.slice(0, at).some((before) => before > number))
  yield* datagramDemo.show(input, datagrams, {
    figures: { order, late: overtaken },
    before: `${datagrams.length} datagrams over a simulated link of 2 to 20 ms, seed ${input.seed}`,
    after: `sent      ${datagrams.map(({ number }) => number).join(" ")}
received  ${order.join(" ")}
${overtaken.length} arrived after a later one. A protocol that needs the order numbers datagrams and buffers the early ones.`
  })
})
