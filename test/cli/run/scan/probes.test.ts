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

  const all = [...probes, ...ServiceProbes.common]
  /** Replies of a server that knows no protocol: the request, the request changed, or the same for any. */
  const meaningless: Readonly<Record<string, (request: Uint8Array) => Uint8Array>> = {
    "its request": (request) => request,
    "a part of its request": (request) => request.subarray(0, request.length - 1),
    "its request twice": (request) => Uint8Array.of(...request, ...request),
    "its request reversed": (request) => request.slice().reverse(),
    "its request inverted": (request) => request.map((byte) => 255 - byte),
    "the rot13 of its request": (request) => Rot13.rotate(request.slice()),
    zeros: (request) => new Uint8Array(request.length),
    "many zeros": () => new Uint8Array(4_096)
  }

  it.each(Object.keys(meaningless))("do not take %s for a reply of the service", (kind) => {
    const requests = all.flatMap(({ request }) => (request === undefined ? [] : [request]))
    const identified = all.flatMap(({ identify, ports, service, transport }) =>
      requests.flatMap((request) => {
        const isOfRot13 = service === "rot13" && kind.startsWith("the rot13")
        const found = identify(meaningless[kind]!(request), ports[0] ?? 9_999)
        return found === undefined || isOfRot13 ? [] : [`${service} over ${transport}`]
      })
    )
    assert.deepStrictEqual(identified, [])
  })

  it.prop(
    "do not take garbage for a reply of the service",
    [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff })), Schema.Literals([2, 7, 48, 64, 600])],
    ([seed, length]) => {
      let state = seed
      const garbage = Uint8Array.from({ length }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        return state >>> 24
      })
      for (const { identify, ports, service } of all) {
        assert.isUndefined(identify(garbage, ports[0] ?? 9_999), service)
      }
    }
  )

  it.each([
    ["a ServerHello of TLS 1.2", [22, 3, 3, 0, 49, 2, 0, 0, 45, 3, 3, 0], { service: "tls", detail: "TLS 1.2" }],
    ["an alert", [21, 3, 1, 0, 2, 2, 40], { service: "tls", detail: "TLS" }],
    ["a ClientHello", [22, 3, 1, 0, 49, 1, 0, 0, 45, 3, 3, 0], undefined],
    ["an alert without a level", [21, 3, 1, 0, 2, 0, 40], undefined],
    ["a record that is not complete", [22, 3, 3, 0], undefined]
  ])("recognize TLS by the record of a server: %s", (_, reply, expected) => {
    const tls = ServiceProbes.common.find(({ service }) => service === "tls")!
    assert.deepStrictEqual(tls.identify(Uint8Array.from(reply), 9_999), expected)
  })

  it.prop(
    "accept any bytes",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))],
    ([any]) => {
      for (const probe of all) {
        assert.doesNotThrow(() => probe.identify(Uint8Array.from(any), 443))
      }
    }
  )
})
