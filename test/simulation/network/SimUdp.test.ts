import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
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

  it.effect("receives from each interface on which it has joined, until it leaves", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        yield* (yield* host("both", twice)).run(
          Effect.gen(function* () {
            const member = yield* open({ host: "0.0.0.0" })
            const senders = yield* Effect.forEach(["10.1.0.1", "10.2.0.1"], (through) =>
              open({ host: "0.0.0.0", port: 0, multicast: { interface: through } })
            )
            const [one, other] = yield* Effect.forEach(["eth0", "eth1"], (name) =>
              Effect.flatMap(Effect.flatMap(Effect.scope, Scope.fork), (scope) =>
                Effect.as(Scope.provide(member.socket.join(group, name), scope), scope)
              )
            )
            const sendToAll = Effect.fnUntraced(function* (data: string) {
              for (const sender of senders) yield* sender.sendTo(data, group)
              yield* settle
            })
            yield* sendToAll("two")
            yield* Scope.close(one!, Exit.void)
            yield* sendToAll("one")
            yield* Scope.close(other!, Exit.void)
            yield* sendToAll("none")
            assert.deepStrictEqual(member.received, ["two from 10.1.0.1", "two from 10.2.0.1", "one from 10.2.0.1"])
          })
        )
      })
    )
  )
})

describe("a simulated LAN with multicast", () => {
  const group = "239.1.2.3"

  /** Opens a socket on a host, which runs until the end, and returns what it receives. */
  const received = Effect.fnUntraced(function* (host: SimHost.SimHost, options: Network.UdpOptions, joins?: string) {
    const texts: Array<string> = []
    yield* host.start(
      Effect.gen(function* () {
        const { udp } = yield* Network.Network
        const socket = yield* udp({ port: 9, reuseAddress: true, ...options }, (data) => texts.push(text(data)))
        if (joins !== undefined) yield* socket.join(joins)
      })
    )
    return texts
  })

  it.effect("delivers to all sockets on the wildcard of a host with a member, and to no other host", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const [sender, member, other] = [yield* host("sender"), yield* host("member"), yield* host("other")]
        const joined = yield* received(member, { host: "0.0.0.0" }, group)
        const wildcard = yield* received(member, { host: "0.0.0.0" })
        const unicast = yield* received(member, { host: member.address })
        const elsewhere = yield* received(other, { host: "0.0.0.0" })
        const ipv6 = yield* received(member, { host: "::" }, "ff02::71")
        const ipv6Wildcard = yield* received(member, { host: "::" })
        yield* sender.run(
          Effect.gen(function* () {
            yield* (yield* open({ host: "0.0.0.0", port: 0 })).sendTo("four", group)
            yield* (yield* open({ host: "::", port: 0 })).sendTo("six", "ff02::71")
          })
        )
        yield* settle
        assert.deepStrictEqual([joined, wildcard, unicast, elsewhere], [["four"], ["four"], [], []])
        assert.deepStrictEqual([ipv6, ipv6Wildcard], [["six"], ["six"]])
      })
    )
  )
})

describe("a simulated refusal", () => {
  /** Sends to a closed port of another host for 10 s; returns the times in milliseconds and errors. */
  const refusals = (plan: string) =>
    run(
      Effect.fnUntraced(function* ({ host, link }) {
        const [a, b] = [yield* host("a"), yield* host("b")]
        yield* link("a", "b", { latency: "5 millis" })
        const seen: Array<string> = []
        yield* a.run(
          Effect.gen(function* () {
            const { udp } = yield* Network.Network
            const clock = yield* Clock.Clock
            const note = ({ reason }: Network.NetworkError) =>
              void seen.push(`${reason} at ${clock.currentTimeMillisUnsafe()}`)
            const socket = yield* udp({ host: "0.0.0.0", remote: { address: b.address, port: 9 } }, () => {}, note)
            yield* socket.send(bytes("x"))
            yield* settle
          })
        )
        return seen
      }),
      plan
    )

  it.effect.each([
    ["", ["Refused at 10"]],
    ["delay=20ms", ["Refused at 30"]],
    ["drop=#1", []],
    ["partition=a|b", []],
    ["crash=b@0s", []],
    ["pause=a@1ms..500ms", ["Refused at 500"]]
  ] as const)("with the plan %j is %j", ([plan, expected]) =>
    Effect.map(refusals(plan), (seen) => assert.deepStrictEqual(seen, [...expected]))
  )

  it.effect("is taken by the next send if that precedes its report", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const a = yield* host("a")
        yield* a.run(
          Effect.gen(function* () {
            const { udp } = yield* Network.Network
            const errors: Array<string> = []
            const remote = { address: "127.0.0.1", port: 9 }
            const socket = yield* udp(
              { remote },
              () => {},
              ({ reason }) => errors.push(reason)
            )
            const sends = [socket.send(bytes("one")), socket.send(bytes("two")), socket.send(bytes("three"))]
            const exits = yield* Effect.forEach(sends, Effect.exit)
            assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
            yield* settle
            assert.deepStrictEqual(errors, ["Refused"])
          })
        )
      })
    )
  )
})

describe("a simulated receive buffer", () => {
  it.effect("of a paused host overflows, and what fits is received when the host resumes", () =>
    Effect.gen(function* () {
      const [count, dropped] = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const [a, b] = [yield* host("a"), yield* host("b")]
          const inbox = yield* b.run(
            Effect.gen(function* () {
              const { udp } = yield* Network.Network
              let count = 0
              const socket = yield* udp({ host: "0.0.0.0", port: 9 }, () => count++)
              yield* a.run(
                Effect.gen(function* () {
                  const sender = yield* open({ host: "0.0.0.0", port: 0 })
                  yield* Effect.sleep("10 millis")
                  for (let i = 0; i < 400; i++) {
                    yield* sender.sendTo("x", b.address)
                    yield* Effect.sleep("1 millis")
                  }
                })
              )
              yield* settle
              return [count, yield* socket.dropped] as const
            })
          )
          return inbox
        }),
        "pause=b@5ms..800ms"
      )
      assert.deepStrictEqual([count, dropped], [256, 144])
    })
  )
})
