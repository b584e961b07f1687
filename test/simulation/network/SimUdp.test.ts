import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import { bytes, run, text } from "../../support/Simulated.ts"

/** A socket that keeps what it hears, as `text from address`. */
const open = Effect.fnUntraced(function* (options: Network.UdpOptions) {
  const heard: Array<string> = []
  const network = yield* Network.Network
  const socket = yield* network.udp({ reuseAddress: true, broadcast: true, port: 9, ...options }, (data, from) =>
    heard.push(`${text(data)} from ${from.address}`)
  )
  return { socket, heard, say: (what: string, address: string) => socket.send(bytes(what), { address, port: 9 }) }
})

const soon = Effect.sleep("1 second")

describe("a simulated socket bound to a broadcast address", () => {
  for (const [address, source] of [
    ["10.0.255.255", "10.0.0.1"],
    ["127.255.255.255", "127.0.0.1"]
  ] as const) {
    it.effect(`${address}: sends with the interface's address, and hears only what is sent to it`, () =>
      run(({ host }) =>
        Effect.gen(function* () {
          const one = yield* host("one")
          yield* one.run(
            Effect.gen(function* () {
              const bound = yield* open({ host: address })
              const sibling = yield* open({ host: address })
              const wildcard = yield* open({ host: "0.0.0.0" })
              yield* bound.say("all", address)
              yield* wildcard.say("too", address)
              yield* wildcard.say("limited", "255.255.255.255")
              yield* wildcard.say("unicast", "10.0.0.1")
              yield* soon
              const expected = [`all from ${source}`, `too from ${source}`]
              assert.deepStrictEqual([bound.heard, sibling.heard], [expected, expected])
              assert.deepStrictEqual(wildcard.heard, [...expected, "limited from 10.0.0.1", "unicast from 10.0.0.1"])
            })
          )
        })
      )
    )
  }
})

describe("simulated multicast on two interfaces", () => {
  const twice = { addresses: ["10.1.0.1/24", "10.2.0.1/24"] }
  const group = "239.1.2.3"

  it.effect("leaves by the interface that is chosen", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const heard: Array<string> = []
        for (const network of ["1", "2"]) {
          const member = Effect.gen(function* () {
            const { udp } = yield* Network.Network
            const socket = yield* udp({ host: "0.0.0.0", port: 9 }, (data) => heard.push(`${network}: ${text(data)}`))
            yield* socket.join(group)
          })
          yield* (yield* host(network, { addresses: [`10.${network}.0.2/24`] })).start(member)
        }
        yield* (yield* host("both", twice)).run(
          Effect.gen(function* () {
            for (const through of ["10.1.0.1", "10.2.0.1", undefined]) {
              const { say } = yield* open({ host: "0.0.0.0", port: 0, multicast: { interface: through } })
              yield* say(`${through}`, group)
              yield* soon
            }
          })
        )
        assert.deepStrictEqual(heard, ["1: 10.1.0.1", "2: 10.2.0.1", "1: undefined"])
      })
    )
  )

  it.effect("who has joined twice and leaves once is still a member", () =>
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
            yield* member.say("two", group)
            yield* soon
            yield* Scope.close(one!, Exit.void)
            yield* member.say("one", group)
            yield* soon
            yield* Scope.close(other!, Exit.void)
            yield* member.say("none", group)
            yield* soon
            assert.deepStrictEqual(member.heard, ["two from 10.1.0.1", "one from 10.1.0.1"])
          })
        )
      })
    )
  )
})
