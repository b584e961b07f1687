import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import { bytes, run, text } from "../../support/Simulated.ts"

/** Opens a socket that records what it receives, as `text from address`. */
const open = Effect.fnUntraced(function* (options: Network.UdpOptions) {
  const received: Array<string> = []
  const network = yield* Network.Network
  const socket = yield* network.udp({ reuseAddress: true, broadcast: true, port: 9, ...options }, (data, from) =>
    received.push(`${text(data)} from ${from.address}`)
  )
  return { socket, received, sendTo: (data: string, address: string) => socket.send(bytes(data), { address, port: 9 }) }
})

const settle = Effect.sleep("1 second")

describe("a simulated socket bound to a broadcast address", () => {
  for (const [address, source] of [
    ["10.0.255.255", "10.0.0.1"],
    ["127.255.255.255", "127.0.0.1"]
  ] as const) {
    it.effect(`${address} sends from the interface's address, and receives only datagrams for it`, () =>
      run(({ host }) =>
        Effect.gen(function* () {
          const one = yield* host("one")
          yield* one.run(
            Effect.gen(function* () {
              const bound = yield* open({ host: address })
              const sibling = yield* open({ host: address })
              const wildcard = yield* open({ host: "0.0.0.0" })
              yield* bound.sendTo("all", address)
              yield* wildcard.sendTo("too", address)
              yield* wildcard.sendTo("limited", "255.255.255.255")
              yield* wildcard.sendTo("unicast", "10.0.0.1")
              yield* settle
              const expected = [`all from ${source}`, `too from ${source}`]
              assert.deepStrictEqual([bound.received, sibling.received], [expected, expected])
              assert.deepStrictEqual(wildcard.received, [...expected, "limited from 10.0.0.1", "unicast from 10.0.0.1"])
            })
          )
        })
      )
    )
  }
})

describe("a simulated multicast socket on two interfaces", () => {
  const twice = { addresses: ["10.1.0.1/24", "10.2.0.1/24"] }
  const group = "239.1.2.3"

  it.effect("sends through the chosen interface", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const received: Array<string> = []
        for (const network of ["1", "2"]) {
          const member = Effect.gen(function* () {
            const { udp } = yield* Network.Network
            const socket = yield* udp({ host: "0.0.0.0", port: 9 }, (data) =>
              received.push(`${network}: ${text(data)}`)
            )
            yield* socket.join(group)
          })
          yield* (yield* host(network, { addresses: [`10.${network}.0.2/24`] })).start(member)
        }
        yield* (yield* host("both", twice)).run(
          Effect.gen(function* () {
            for (const through of ["10.1.0.1", "10.2.0.1", undefined]) {
              const { sendTo } = yield* open({ host: "0.0.0.0", port: 0, multicast: { interface: through } })
              yield* sendTo(`${through}`, group)
              yield* settle
            }
          })
        )
        assert.deepStrictEqual(received, ["1: 10.1.0.1", "2: 10.2.0.1", "1: undefined"])
      })
    )
  )

  it.effect("remains a member after joining twice and leaving once", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        yield* (yield* host("both", twice)).run(
          Effect.gen(function* () {
            const member = yield* open({ host: "0.0.0.0" })
            const [one, other] = yield* Effect.forEach(["eth0", "eth1"], (name) =>
              Effect.flatMap(Effect.flatMap(Effect.scope, Scope.fork), (scope) =>
                Effect.as(Scope.provide(member.socket.join(group, name), scope), scope)
              )
            )
            yield* member.sendTo("two", group)
            yield* settle
            yield* Scope.close(one!, Exit.void)
            yield* member.sendTo("one", group)
            yield* settle
            yield* Scope.close(other!, Exit.void)
            yield* member.sendTo("none", group)
            yield* settle
            assert.deepStrictEqual(member.received, ["two from 10.1.0.1", "one from 10.1.0.1"])
          })
        )
      })
    )
  )
})
