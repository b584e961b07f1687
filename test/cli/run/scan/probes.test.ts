import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Reply from "../../../../src/board/Reply.ts"
import { probes } from "../../../../src/cli/run/scan/probes.ts"
import * as Guess from "../../../../src/guess/Guess.ts"
import * as ServiceProbes from "../../../../src/inspect/scan/ServiceProbes.ts"
import * as CourseProtocol from "../../../../src/primes/CourseProtocol.ts"
import * as Rot13 from "../../../../src/rot13/Rot13.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

const probeOf = (service: string) => probes.find((probe) => probe.service === service)!

/** Returns the reply of a service of this package to the request of its probe. */
const replies: Readonly<Record<string, (request: Uint8Array) => Uint8Array>> = {
  rot13: (request) => Rot13.rotate(request.slice()),
  board: () => bytes(`${Reply.format({ _tag: "Hello", number: 3, size: 5 })}\n`),
  guess: (request) => bytes(`${Guess.verdictOf(1, Guess.atoi(new TextDecoder().decode(request)))}\n`),
  primes: () => CourseProtocol.encodeResponse(4),
  hangman: () => bytes(" -----   12\n")
}

describe("probes of the services of this package", () => {
  it.each(Object.keys(replies))("recognize %s, and no other service by that reply", (service) => {
    const probe = probeOf(service)
    const reply = replies[service]!(probe.request ?? new Uint8Array(0))
    assert.strictEqual(probe.identify(reply, 0)?.service, service)
    const others = [...probes, ...ServiceProbes.common].filter((one) => one.service !== service)
    assert.deepStrictEqual(
      others.filter((one) => one.identify(reply, 0) !== undefined).map((one) => one.service),
      []
    )
  })

  it.prop(
    "accept any bytes",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))],
    ([any]) => {
      for (const probe of [...probes, ...ServiceProbes.common]) {
        assert.doesNotThrow(() => probe.identify(Uint8Array.from(any), 443))
      }
    }
  )
})
