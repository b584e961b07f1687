import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as WorkerMessage from "../../../src/session/workers/WorkerMessage.ts"

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const Message = Schema.Struct({
  text: Schema.String,
  at: Schema.Date,
  ratio: Schema.Number,
  seen: Schema.Option(Schema.Int)
})
const Ask = Schema.Struct({ name: Schema.NonEmptyString })

describe("WorkerMessage", () => {
  it.effect.prop("decodes the asks and messages that it encoded, through JSON", [Message, Ask], ([message, ask]) =>
    Effect.sync(() => {
      const { decodeAsk, decodeMessage, encodeAsk, encodeMessage } = WorkerMessage.codecs({
        ask: Ask,
        message: Message
      })
      const back = Result.getOrThrow(decodeMessage(json(Result.getOrThrow(encodeMessage(message)))))
      assert.isTrue(Equal.equals(back, message), JSON.stringify(back))
      assert.deepStrictEqual(decodeAsk(json(Result.getOrThrow(encodeAsk(ask)))), Result.succeed(ask))
      assert.isTrue(Result.isFailure(decodeAsk({ name: "" })))
      assert.isTrue(Result.isFailure(encodeAsk({ name: 1 })))
    })
  )

  it("keeps the durations of limits, also an infinite one", () => {
    const limits = WorkerMessage.limitsOf(
      { idleTimeout: "Infinity", writeTimeout: "2 seconds", drain: 7, seed: 3, rate: 5 },
      "lab"
    )
    assert.deepStrictEqual(json(limits), {
      idleTimeout: "Infinity",
      writeTimeout: 2_000,
      drain: 7,
      service: "lab",
      seed: 3,
      rate: 5
    })
  })

  it("encodes an address with its port, or as a path", () => {
    const address = NetAddress.inetAddressFromIpStringUnsafe("::1", 7)
    assert.deepStrictEqual(WorkerMessage.encodeAddress(address), { host: "::1", port: 7 })
    assert.deepStrictEqual(WorkerMessage.encodeAddress(NetAddress.unixPathAddress("/run/x")), { path: "/run/x" })
  })
})
