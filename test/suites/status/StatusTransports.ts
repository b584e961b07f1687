/** Test suite of a transport, and its support on simulated hosts. */

import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import * as Network from "../../../src/network/Network.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as Relay from "../../../src/status/transport/Relay.ts"
import type * as Transport from "../../../src/status/transport/Transport.ts"
import * as CoursePacket from "../../../src/status/wire/CoursePacket.ts"
import { run } from "../../support/Simulated.ts"

/** Transport of one host, and its received packets. */
export interface TransportHost {
  readonly name: string
  /** Texts received, in order. */
  readonly received: Array<string>
  readonly senders: Array<Endpoint.Endpoint>
  readonly sendText: (text: string) => Effect.Effect<void>
  readonly stats: Effect.Effect<Transport.Stats>
  readonly transport: () => Transport.Transport
}

/** Encodes a text as the name in the course's packet, which every transport carries. */
export const packet = (text: string): Uint8Array => {
  const encoded = CoursePacket.encode({ name: text, x: 1, y: 2 })
  if (encoded._tag === "Failure") throw encoded.failure
  return encoded.success
}

/** Decodes the text of a packet; `?` for any other datagram. */
export const textOf = (bytes: Uint8Array) => CoursePacket.decode(bytes)?.name ?? "?"

/** Makes a receiver that records packets. */
export const inbox = () => {
  const received: Array<string> = []
  const senders: Array<Endpoint.Endpoint> = []
  const receive = (bytes: Uint8Array, peer: Endpoint.Endpoint) => {
    received.push(textOf(bytes))
    senders.push(peer)
  }
  return { received, senders, receive }
}

/** Opens a transport on a host, until the host ends. */
export const openOn = Effect.fnUntraced(function* (
  host: SimHost.SimHost,
  open: Transport.OpenTransport,
  wrap: (network: Network.Network["Service"]) => Network.Network["Service"] = (network) => network
) {
  const { received, receive, senders } = inbox()
  let transport: Transport.Transport | undefined
  yield* host.start(
    Effect.gen(function* () {
      const network = wrap(yield* Network.Network)
      transport = yield* Effect.provideService(open(receive), Network.Network, network)
    })
  )
  const opened: TransportHost = {
    name: host.name,
    received,
    senders,
    sendText: (text) => Effect.suspend(() => transport!.send(packet(text))),
    stats: Effect.suspend(() => transport!.stats),
    transport: () => transport!
  }
  return opened
})

/** Starts a relay on a host, with the same cookies in each run. */
export const relay = Effect.fnUntraced(function* (host: SimHost.SimHost, options: Relay.Options = {}) {
  let agent: Relay.RelayAgent | undefined
  yield* host.start(
    Relay.make({ host: "0.0.0.0", secret: Redacted.make("not a secret"), ...options }).pipe(
      Effect.tap((made) => Effect.sync(() => (agent = made))),
      Effect.provide(NodeCrypto.layerMac)
    )
  )
  return { address: host.address, stats: Effect.suspend(() => agent!.stats) }
})

/** Wraps a network to fail sends that `fails` selects, by destination and socket options. */
export const failingNetwork =
  (fails: (to: string, options: Network.UdpOptions) => boolean) =>
  (network: Network.Network["Service"]): Network.Network["Service"] => ({
    ...network,
    udp: (options, onDatagram, onError) =>
      Effect.map(network.udp(options, onDatagram, onError), (socket) => ({
        ...socket,
        send: (bytes, to) =>
          to !== undefined && fails(to.address, options)
            ? Effect.fail(new Network.NetworkError({ reason: "Unreachable" }))
            : socket.send(bytes, to)
      }))
  })

/** Wraps a network to show only the named interfaces. */
export const networkWithInterfaces =
  (names: () => ReadonlyArray<string>) =>
  (network: Network.Network["Service"]): Network.Network["Service"] => ({
    ...network,
    interfaces: Effect.map(network.interfaces, (all) => all.filter(({ name }) => names().includes(name)))
  })

/** Records log lines as `LEVEL: text`. */
export const captureLog = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
  return { lines, layer: Logger.layer([logger]) as Layer.Layer<never> }
}

/** A transport under test, and how to open it on hosts of one LAN. */
export interface TransportCase {
  readonly name: string
  /** True if a sender receives its own packets. */
  readonly echo: boolean
  readonly open: (
    simulation: Simulation.Simulation,
    hosts: ReadonlyArray<SimHost.SimHost>
  ) => Effect.Effect<ReadonlyArray<TransportHost>>
}

const names = ["a", "b", "c", "d"]

const start = Effect.fnUntraced(function* (testCase: TransportCase, simulation: Simulation.Simulation) {
  const hosts = yield* Effect.forEach(names, (name) => simulation.host(name))
  const stations = yield* testCase.open(simulation, hosts)
  yield* Effect.sleep("1 second")
  return { hosts, stations }
})

const expectedTexts = (testCase: TransportCase, { name }: TransportHost, textOfHost: (name: string) => string) =>
  names.filter((one) => testCase.echo || one !== name).map(textOfHost)

/** Defines the suite for one transport. */
export const suite = (testCase: TransportCase) =>
  describe(testCase.name, () => {
    it.effect("delivers each packet unchanged to all others, with its source", () =>
      run((simulation) =>
        Effect.gen(function* () {
          const { hosts, stations } = yield* start(testCase, simulation)
          for (const one of stations) yield* one.sendText(`hello from ${one.name}`)
          yield* Effect.sleep("1 second")
          for (const one of stations) {
            const expected = expectedTexts(testCase, one, (name) => `hello from ${name}`)
            assert.deepStrictEqual([...one.received].sort(), expected)
            for (const [at, text] of one.received.entries()) {
              const sender = hosts.find(({ name }) => text.endsWith(name))!
              assert.strictEqual(one.senders[at]!.address, sender.address)
            }
          }
          const stats = yield* stations[0]!.stats
          assert.isAbove(stats.sent, 0)
          assert.strictEqual(stats.failed, 0)
          assert.strictEqual(stats.dropped, 0)
        })
      )
    )

    it.effect("delivers to all again after a partition", () =>
      run(
        (simulation) =>
          Effect.gen(function* () {
            const { stations } = yield* start(testCase, simulation)
            const round = (text: string) =>
              Effect.andThen(
                Effect.forEach(stations, (one) => one.sendText(`${text} ${one.name}`)),
                Effect.sleep("500 millis")
              )
            yield* round("before")
            yield* Effect.sleep("1 second")
            yield* round("during")
            for (const one of stations.slice(1)) {
              assert.include(one.received, "before a")
              assert.notInclude(one.received, "during a")
            }
            yield* Effect.sleep("2 minutes")
            // The relay's leases end meanwhile; the first packet renews them.
            yield* round("again")
            for (const one of stations) one.received.length = 0
            yield* round("after")
            for (const one of stations) {
              assert.deepStrictEqual(
                [...one.received].sort(),
                expectedTexts(testCase, one, (name) => `after ${name}`)
              )
            }
          }),
        "partition=a|*@2s..2m"
      )
    )

    it.effect("delivers from a host that crashed and restarted", () =>
      run((simulation) =>
        Effect.gen(function* () {
          const { hosts, stations } = yield* start(testCase, simulation)
          yield* hosts[0]!.crash
          yield* stations[1]!.sendText("hello?")
          yield* Effect.sleep("1 second")
          assert.notInclude(stations[0]!.received, "hello?")
          assert.include(stations[2]!.received, "hello?")
          yield* hosts[0]!.restart
          yield* Effect.sleep("1 second")
          yield* stations[0]!.sendText("back")
          yield* Effect.sleep("1 second")
          for (const one of stations.slice(1)) assert.include(one.received, "back")
        })
      )
    )
  })
