import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Network from "../../../src/network/Network.ts"
import type * as Packet from "../../../src/network/Packet.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import * as Subscribers from "../../../src/status/transport/Subscribers.ts"
import * as RelayMessage from "../../../src/status/wire/RelayMessage.ts"
import { packet, relay, textOf } from "../../suites/status/StatusTransports.ts"
import { run } from "../../support/Simulated.ts"
import { bytes, control } from "../wire/RelayMessageArbitrary.ts"

/** A hand-made client of a relay. */
const openClient = Effect.fnUntraced(function* (
  host: SimHost.SimHost,
  agent: { readonly address: string },
  port = 4_000
) {
  const received: Array<string> = []
  const replies: Array<RelayMessage.ControlMessage> = []
  let socket: Network.UdpSocket | undefined
  yield* host.start(
    Effect.flatMap(Network.Network, (network) =>
      Effect.map(
        network.udp({ host: "0.0.0.0", port }, (bytes) => {
          const message = RelayMessage.decode(bytes)
          if (message?._tag === "Forwarded") received.push(`${textOf(message.packet)} of ${message.origin.address}`)
          else if (message !== undefined) replies.push(message)
        }),
        (opened) => (socket = opened)
      )
    )
  )
  const send = (bytes: Uint8Array) => socket!.send(bytes, { address: agent.address, port: 2066 })
  const request = (_tag: RelayMessage.ControlMessage["_tag"], lease: number, cookie: Uint8Array) =>
    Effect.gen(function* () {
      replies.length = 0
      yield* send(RelayMessage.encode({ _tag, lease, cookie }))
      yield* Effect.sleep("10 millis")
      return replies[0]
    })
  /** Requests a cookie for this address. */
  const cookie = Effect.map(request("Subscribe", 0, RelayMessage.zeroCookie), (reply) => {
    assert.strictEqual(reply?._tag, "Challenge")
    return reply!.cookie
  })
  const subscribe = (lease: number) => Effect.flatMap(cookie, (cookie) => request("Subscribe", lease, cookie))
  const sendText = (text: string) => Effect.andThen(send(packet(text)), Effect.sleep("10 millis"))
  return { received, replies, cookie, subscribe, request, sendText, send }
})

/** Runs a test with a relay and two hand-made clients. */
const withClients = <A>(
  use: (world: {
    readonly agent: Effect.Success<ReturnType<typeof relay>>
    readonly one: Effect.Success<ReturnType<typeof openClient>>
    readonly other: Effect.Success<ReturnType<typeof openClient>>
    readonly third: Effect.Success<ReturnType<typeof openClient>>
  }) => Effect.Effect<A, Network.NetworkError>,
  options: Parameters<typeof relay>[1] = {},
  tap?: Packet.Tap
) =>
  run(
    ({ host }) =>
      Effect.gen(function* () {
        const agent = yield* relay(yield* host("relay"), options)
        const one = yield* openClient(yield* host("one"), agent)
        const other = yield* openClient(yield* host("other"), agent)
        const third = yield* openClient(yield* host("third"), agent)
        return yield* use({ agent, one, other, third })
      }),
    "",
    { tap }
  )

describe("Relay", () => {
  it.effect("stops forwarding when a lease ends and after `Leave`", () =>
    withClients(({ agent, one, other, third }) =>
      Effect.gen(function* () {
        assert.deepInclude(yield* one.subscribe(60_000), { _tag: "Granted", lease: 60_000 })
        assert.deepInclude(yield* other.subscribe(5_000), { _tag: "Granted", lease: 5_000 })
        const cookie = yield* third.cookie
        yield* third.request("Subscribe", 60_000, cookie)
        yield* one.sendText("1")
        yield* Effect.sleep("4 seconds")
        yield* one.sendText("2")
        yield* third.request("Leave", 0, new Uint8Array(32))
        yield* third.request("Leave", 0, yield* one.cookie)
        yield* Effect.sleep("900 millis")
        yield* one.sendText("3")
        yield* third.request("Leave", 0, cookie)
        yield* Effect.sleep("100 millis")
        yield* one.sendText("4")
        assert.deepStrictEqual(other.received, ["1 of 10.0.0.2", "2 of 10.0.0.2", "3 of 10.0.0.2"])
        assert.deepStrictEqual(third.received, ["1 of 10.0.0.2", "2 of 10.0.0.2", "3 of 10.0.0.2"])
        assert.deepStrictEqual(one.received, [])
        yield* other.sendText("5")
        assert.strictEqual(other.replies.at(-1)?._tag, "Challenge")
        const { forwarded, malformed, unsubscribed, subscribers } = yield* agent.stats
        assert.deepStrictEqual(
          { forwarded, malformed, unsubscribed, subscribers },
          {
            forwarded: 6,
            malformed: 2,
            unsubscribed: 1,
            subscribers: 1
          }
        )
      })
    )
  )

  it.effect("limits leases to a minimum and a maximum, and renews them", () =>
    withClients(
      ({ agent, one, other }) =>
        Effect.gen(function* () {
          assert.deepInclude(yield* one.subscribe(0), { _tag: "Granted", lease: 1_000 })
          assert.deepInclude(yield* other.subscribe(0xffff_ffff), { _tag: "Granted", lease: 10_000 })
          for (let i = 0; i < 4; i++) {
            yield* Effect.sleep("9 seconds")
            yield* other.subscribe(10_000)
          }
          assert.strictEqual((yield* agent.stats).subscribers, 1)
          assert.strictEqual((yield* agent.stats).granted, 6)
        }),
      { maxLease: "10 seconds" }
    )
  )

  it.effect("accepts a cookie from its address and port only, and for two minutes at most", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const agent = yield* relay(yield* host("relay"))
        const at = yield* host("one")
        const [one, sibling] = [yield* openClient(at, agent), yield* openClient(at, agent, 4_001)]
        const other = yield* openClient(yield* host("other"), agent)
        const cookie = yield* one.cookie
        for (const thief of [sibling, other]) {
          assert.strictEqual((yield* thief.request("Subscribe", 1_000, cookie))?._tag, "Challenge")
        }
        for (let at = 0; at < cookie.length; at++) {
          const wrong = cookie.with(at, cookie[at]! ^ 1)
          assert.strictEqual((yield* one.request("Subscribe", 1_000, wrong))?._tag, "Challenge")
        }
        yield* Effect.sleep("59 seconds")
        assert.strictEqual((yield* one.request("Subscribe", 1_000, cookie))?._tag, "Granted")
        yield* Effect.sleep("61 seconds")
        assert.strictEqual((yield* one.request("Subscribe", 1_000, cookie))?._tag, "Challenge")
        assert.strictEqual((yield* agent.stats).granted, 1)
      })
    )
  )

  const forgery = Schema.Union([
    Schema.Struct({ kind: Schema.Literal("control"), control }),
    Schema.Struct({ kind: Schema.Literal("bytes"), bytes: bytes(0, 100) }),
    Schema.Struct({ kind: Schema.Literal("status"), bytes: bytes(0, 80) }),
    Schema.Struct({ kind: Schema.Literal("course") })
  ])
  const bytesOf = (one: typeof forgery.Type) => {
    switch (one.kind) {
      case "control":
        return RelayMessage.encode({ ...one.control, cookie: Uint8Array.from(one.control.cookie) })
      case "bytes":
        return Uint8Array.from(one.bytes)
      case "status":
        return Uint8Array.from([0x00, 0x45, 0x49, 0x53, 1, ...one.bytes])
      case "course":
        return packet("forged")
    }
  }
  it.effect.prop(
    "sends an unvalidated address no more bytes than it received, and forwards nothing from it",
    [Schema.Array(forgery).check(Schema.isMinLength(1), Schema.isMaxLength(30))],
    ([forgeries]) => {
      let [sent, received] = [0, 0]
      const tap: Packet.Tap = ({ bytes, from, to }) => {
        if (to.address === "10.0.0.3") sent += bytes.length
        if (from.address === "10.0.0.3") received += bytes.length
      }
      return withClients(
        ({ agent, one, other }) =>
          Effect.gen(function* () {
            yield* one.subscribe(60_000)
            for (const forgery of forgeries) {
              sent = 0
              received = 0
              yield* other.send(bytesOf(forgery))
              yield* Effect.sleep("10 millis")
              assert.isAtMost(sent, received)
            }
            assert.deepStrictEqual(one.received, [])
            const stats = yield* agent.stats
            assert.deepInclude(stats, { forwarded: 0, subscribers: 1, received: forgeries.length + 2 })
          }),
        {},
        tap
      )
    },
    { arbitrary: { runs: 40 } }
  )

  it.effect("rejects a subscriber when it is full, and keeps the others", () =>
    withClients(
      ({ agent, one, other, third }) =>
        Effect.gen(function* () {
          yield* one.subscribe(60_000)
          yield* other.subscribe(5_000)
          for (let i = 0; i < 3; i++) assert.strictEqual((yield* third.subscribe(60_000))?._tag, "Full")
          assert.strictEqual((yield* one.subscribe(60_000))?._tag, "Granted")
          yield* other.sendText("hello")
          assert.deepStrictEqual([one.received.length, third.received.length], [1, 0])
          yield* Effect.sleep("5 seconds")
          assert.strictEqual((yield* third.subscribe(60_000))?._tag, "Granted")
          const { full, subscribers } = yield* agent.stats
          assert.deepStrictEqual({ full, subscribers }, { full: 3, subscribers: 2 })
        }),
      { maxSubscribers: 2, maxSubscribersPerAddress: 1 }
    )
  )

  it.effect("gives an address a quarter of its leases, and the others to the rest", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const agent = yield* relay(yield* host("relay"), { maxSubscribers: 8 })
        const [greedy, modest] = [yield* host("greedy"), yield* host("modest")]
        const replies: Array<string | undefined> = []
        for (const port of [4_000, 4_001, 4_002]) {
          const client = yield* openClient(greedy, agent, port)
          replies.push((yield* client.subscribe(port === 4_000 ? 5_000 : 60_000))?._tag)
        }
        replies.push((yield* (yield* openClient(modest, agent)).subscribe(60_000))?._tag)
        assert.deepStrictEqual(replies, ["Granted", "Granted", "Full", "Granted"])
        yield* Effect.sleep("7 seconds")
        const later = yield* openClient(greedy, agent, 4_003)
        assert.strictEqual((yield* later.subscribe(60_000))?._tag, "Granted")
        const { full, subscribers } = yield* agent.stats
        assert.deepStrictEqual({ full, subscribers }, { full: 1, subscribers: 3 })
      })
    )
  )

  const subnets = ["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "2001:db8:1::", "2001:db8:1:0:ffff::9", "2001:db8:1:1::9"]
  const siteOf = [0, 1, 0, 2, 2, 3]
  const move = Arbitrary.all({
    host: Arbitrary.schema(Schema.Literals([0, 1, 2, 3, 4, 5])),
    port: Arbitrary.schema(Schema.Literals([1, 2, 3, 4])),
    action: Arbitrary.schema(Schema.Literals(["grant", "grant", "grant", "leave"])),
    after: Arbitrary.schema(Schema.Literals([0, 1, 400, 3_000]))
  })
  it.prop(
    "never gives an IPv4 address or an IPv6 /64 more than its share, and frees what ends",
    [Arbitrary.array(move, { maxLength: 60 })],
    ([moves]) => {
      const options = { maxSubscribers: 12, maxSubscribersPerAddress: 3, maxPacketsPerSecond: 1 }
      const subscribers = Subscribers.make(options)
      let now = 0
      for (const { action, after, host, port } of moves) {
        now += after
        const peer = { address: subnets[host]!, port }
        if (action === "leave") subscribers.leave(peer, RelayMessage.zeroCookie, now)
        const bySite = [0, 0, 0, 0]
        const count = () => {
          bySite.fill(0)
          subscribers.forEach(now, ({ endpoint }) => bySite[siteOf[subnets.indexOf(endpoint.address)]!]!++)
          return bySite[siteOf[host]!]!
        }
        const before = count()
        const granted = action === "grant" && subscribers.grant(peer, RelayMessage.zeroCookie, 1_000, now)
        assert.isAtMost(count(), 3)
        // No token was taken, so that a subscriber whose lease has ended keeps no place.
        if (action === "grant" && before < 3) assert.isTrue(granted)
      }
    }
  )

  it.effect("limits the packets of each subscriber, and leaving does not reset the limit", () =>
    withClients(
      ({ agent, one, other, third }) =>
        Effect.gen(function* () {
          yield* one.subscribe(60_000)
          yield* third.subscribe(60_000)
          const burst = (count: number) => Effect.replicateEffect(one.send(packet("x")), count, { discard: true })
          const cookie = yield* other.cookie
          yield* other.request("Subscribe", 60_000, cookie)
          yield* burst(50)
          yield* Effect.sleep("10 millis")
          assert.strictEqual(other.received.length, 10)
          yield* third.sendText("others are not held back")
          assert.strictEqual(other.received.length, 11)
          yield* one.request("Leave", 0, yield* one.cookie)
          yield* one.subscribe(60_000)
          yield* burst(50)
          yield* Effect.sleep("10 millis")
          assert.isAtMost(other.received.length, 12)
          yield* Effect.sleep("500 millis")
          other.received.length = 0
          yield* burst(50)
          yield* Effect.sleep("10 millis")
          assert.approximately(other.received.length, 5, 1)
          const { forwarded, rateLimited } = yield* agent.stats
          assert.isAbove(rateLimited, 130)
          assert.strictEqual(forwarded % 2, 0)
        }),
      { maxPacketsPerSecond: 10 }
    )
  )

  it("keeps the rate limit of a subscriber that left and returns, also after a sweep", () => {
    const subscribers = Subscribers.make({ maxSubscribers: 10, maxSubscribersPerAddress: 10, maxPacketsPerSecond: 10 })
    const peer = { address: "10.0.0.1", port: 1 }
    const grant = (now: number) => subscribers.grant(peer, RelayMessage.zeroCookie, 60_000, now)
    const forwardedAt = (now: number) =>
      Array.from({ length: 50 }, () => subscribers.admit(peer, now)).filter((one) => typeof one === "object").length
    assert.isTrue(grant(0))
    assert.strictEqual(forwardedAt(0), 10)
    assert.isTrue(subscribers.leave(peer, RelayMessage.zeroCookie, 0))
    subscribers.sweep(200)
    assert.strictEqual(subscribers.count(200), 0)
    assert.isTrue(grant(200))
    assert.strictEqual(forwardedAt(200), 2)
    assert.strictEqual(forwardedAt(100_000), 0)
  })

  it.effect("forwards packets unread, and drops those larger than a status packet", () =>
    withClients(({ agent, one, other }) =>
      Effect.gen(function* () {
        yield* one.subscribe(60_000)
        yield* other.subscribe(60_000)
        const status = (length: number) => {
          const bytes = new Uint8Array(length).fill(7)
          bytes.set([0x00, 0x45, 0x49, 0x53])
          return bytes
        }
        for (const length of [4, 44, 1_401, 60_000]) yield* one.send(status(length))
        yield* Effect.sleep("10 millis")
        assert.deepStrictEqual(other.received, [])
        for (const length of [45, 1_400]) yield* one.send(status(length))
        yield* Effect.sleep("10 millis")
        assert.strictEqual(other.received.length, 2)
        assert.strictEqual((yield* agent.stats).malformed, 4)
      })
    )
  )
})
