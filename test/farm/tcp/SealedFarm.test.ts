import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Farm from "../../../src/farm/Farm.ts"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import * as FrameReader from "../../../src/farm/tcp/wire/FrameReader.ts"
import * as MessageChannel from "../../../src/farm/tcp/wire/MessageChannel.ts"
import * as Protocol from "../../../src/farm/tcp/wire/Protocol.ts"
import * as Network from "../../../src/network/Network.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as TcpServer from "../../../src/network/TcpServer.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"
import * as Sums from "../Sums.ts"
import * as HostEvents from "./HostEvents.ts"

const { job } = Sums.make()
const numbers = 24
const key = Redacted.make("open sesame")

type Direction = "farm" | "server"

/** Returns the frames of a middle in place of one: number 0 and on of each direction, -1 for the preamble. */
type Middle = (direction: Direction, number: number, frame: Uint8Array) => ReadonlyArray<Uint8Array>

/** The frames of the handshake with a key: Hello, Proof and Challenge, Welcome. */
const handshakeFrames = 2

/** Sends the frames of one direction on. */
const pump = Effect.fnUntraced(function* (
  direction: Direction,
  from: Pick<Network.Connection, "pull">,
  to: Network.Connection,
  middle: Middle,
  rest: Uint8Array
) {
  const reader = FrameReader.make()
  let number = 0
  let bytes = rest
  while (true) {
    reader.append(bytes)
    for (let frame = reader.next(1 << 20); Result.getOrThrow(frame) !== undefined; frame = reader.next(1 << 20)) {
      const content = Result.getOrThrow(frame)!
      const header = new Uint8Array(FrameReader.headerBytes)
      new DataView(header.buffer).setUint32(0, content.length)
      const sent = middle(direction, number++, Bytes.concat([header, content]))
      if (sent.length > 0) yield* to.write(Bytes.concat(sent))
    }
    bytes = yield* from.pull
  }
})

/** Connects farms to a server, and alters the frames of the first connections. */
const serveMiddle = (serverAddress: string, middle: Middle, altered: number) => {
  let connections = 0
  const honest: Middle = (_, __, frame) => [frame]
  return TcpServer.make(
    { host: "0.0.0.0", port: 1070, drain: 0 },
    Effect.fnUntraced(function* (farm: Network.Connection) {
      const own = connections++ < altered ? middle : honest
      const network = yield* Network.Network
      const server = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(serverAddress, 1070))
      const { head, rest } = yield* MessageChannel.readHead(farm, Protocol.preamble.length, 10_000)
      const preamble = own("farm", -1, head.slice())
      if (preamble.length > 0) yield* server.write(Bytes.concat(preamble))
      yield* Effect.raceFirst(
        pump("farm", farm, server, own, rest),
        pump("server", server, farm, own, new Uint8Array(0))
      )
    }, Effect.scoped)
  )
}

/** Runs a farm on a server behind a middle. Returns the sum, or the name of the error, and the lines of the events. */
const runBehind = (
  middle: Middle,
  { altered = 1, farmKey = key }: { readonly altered?: number; readonly farmKey?: Redacted.Redacted } = {}
) =>
  Simulated.run(({ host }) =>
    Effect.gen(function* () {
      const [good, bad, farm] = yield* Effect.all([host("good"), host("bad"), host("farm")])
      const { workers } = SimWorkers.make(job, [1, 1], ({ from, to }) => 10 * (to - from))
      const server = { host: "0.0.0.0", port: 1070, job, workers, drain: 0, key }
      yield* good.start(Effect.provide(TcpWorkerServer.make(server), NodeCrypto.layer))
      yield* bad.start(serveMiddle(good.address, middle, altered))
      const { events, takeLines } = yield* HostEvents.make((event) =>
        "message" in event ? `${event._tag} ${event.message}` : event._tag
      )
      const outcome = yield* farm.run(
        Effect.gen(function* () {
          const pool = yield* TcpWorkers.make({ job, hosts: ["bad"], lease: "1 second", events, key: farmKey })
          const settings = { workers: Effect.succeed(pool), packetSize: 2, maxAttempts: 20 }
          return yield* Farm.run(job, numbers, settings)
        }).pipe(
          Effect.catchTag("FarmError", ({ reason }) => Effect.succeed(reason._tag)),
          Effect.scoped,
          Effect.provide([ServiceNames.layerBuiltIn, NodeCrypto.layer])
        )
      )
      return { outcome, lines: yield* takeLines, virtualMillis: yield* Simulated.millis }
    }).pipe(Effect.orDie)
  )

const clearDone = Bytes.concat(
  Result.getOrThrow(Protocol.encode({ _tag: "Done", id: 0, result: Uint8Array.of(4, 1, 1, 14), millis: 1 }))
)

/** Makes a middle that treats one frame in a way. */
const attacks = {
  "alters a byte of": (frame: Uint8Array, position: number) => [
    frame.with(position % frame.length, frame[position % frame.length]! ^ (1 + (position % 255)))
  ],
  drops: () => [],
  repeats: (frame: Uint8Array) => [frame, frame],
  "inserts a clear result before": (frame: Uint8Array) => [clearDone, frame]
} satisfies Record<string, (frame: Uint8Array, position: number) => ReadonlyArray<Uint8Array>>

const Attack = Schema.Struct({
  direction: Schema.Literals(["farm", "server"]),
  number: Schema.Int.check(Schema.isBetween({ minimum: -1, maximum: 12 })),
  position: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 << 20 })),
  kind: Schema.Literals(Object.keys(attacks) as ReadonlyArray<keyof typeof attacks>)
})

describe("A farm with a key behind a middle that alters frames", () => {
  it.effect.prop(
    "merges nothing wrong, and ends the connection with one line",
    [Attack],
    ([attack]) =>
      Effect.gen(function* () {
        let wasMet = false
        const { lines, outcome } = yield* runBehind((direction, number, frame) => {
          if (direction !== attack.direction || number !== attack.number) return [frame]
          wasMet = true
          return attacks[attack.kind](frame, attack.position)
        })
        assert.strictEqual(outcome, Sums.expectedSum(numbers))
        if (!wasMet || attack.number < handshakeFrames) return
        const ends = lines.filter((line) => line !== "Connected")
        // The run may end before the other side receives the frame.
        assert.isAtMost(ends.length, 1, lines.join("\n"))
        if (ends.length === 0) return
        // A length that is altered waits for bytes that never come, until a lease ends.
        assert.match(ends[0]!, /sealed frame \d+ was altered, repeated or lost|frame too long|timed out|did not end/)
      }),
    { arbitrary: { runs: 25 } }
  )

  it.effect.prop(
    "gives no host up for a bit that is altered during the handshake",
    [
      Schema.Struct({
        direction: Schema.Literals(["farm", "server"]),
        number: Schema.Int.check(Schema.isBetween({ minimum: -1, maximum: handshakeFrames - 1 })),
        bit: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 * 400 }))
      })
    ],
    ([{ bit, direction, number }]) =>
      Effect.gen(function* () {
        const { lines, outcome } = yield* runBehind((from, index, frame) => {
          const at = (bit >> 3) % frame.length
          return [from === direction && index === number ? frame.with(at, frame[at]! ^ (1 << (bit & 7))) : frame]
        })
        assert.strictEqual(outcome, Sums.expectedSum(numbers))
        assert.notInclude(lines.join("\n"), "Gone")
      }),
    { arbitrary: { runs: 40 } }
  )

  it.effect("gives a host with another key up soon, with one reason", () =>
    Effect.gen(function* () {
      const farmKey = Redacted.make("open barley")
      const { lines, outcome, virtualMillis } = yield* runBehind((_, __, frame) => [frame], { farmKey })
      assert.strictEqual(outcome, "NoWorkers")
      const reason = "authentication failed: wrong key"
      assert.deepStrictEqual(lines, [`Unreachable ${reason}`, `Gone ${reason}`])
      // The delays before the second and the third attempt are 200 and 400 ms, varied by a fifth.
      assert.isBelow(virtualMillis, 1_000)
    })
  )

  it.effect("sends nothing in the clear after the handshake", () =>
    Effect.gen(function* () {
      const clear: Array<string> = []
      const { outcome } = yield* runBehind((direction, number, frame) => {
        const text = new TextDecoder("latin1").decode(frame)
        if (text.includes("_tag")) clear.push(`${direction} ${number} ${/"_tag":"(\w+)"/.exec(text)?.[1]}`)
        return [frame]
      })
      assert.strictEqual(outcome, Sums.expectedSum(numbers))
      assert.deepStrictEqual(clear, ["farm 0 Hello", "server 0 Challenge", "farm 1 Proof", "server 1 Welcome"])
    })
  )

  it.effect("is refused without a sealed connection, whatever the middle takes away or adds", () =>
    Effect.gen(function* () {
      const json = (message: Protocol.Message) => Protocol.encodeUnsafe(message)
      const parsed = (frame: Uint8Array) => JSON.parse(new TextDecoder().decode(frame.subarray(4)))
      const welcome = json({ _tag: "Welcome", threads: 2, capacity: 64, maxInFlightBytes: 1_000_000 })
      const everyConnection = { altered: Number.POSITIVE_INFINITY }
      // The farm seems to have no key.
      const withoutNonce = yield* runBehind((direction, number, frame) => {
        if (direction !== "farm" || number !== 0) return [frame]
        const { nonce: _, ...hello } = parsed(frame)
        return [json(hello)]
      }, everyConnection)
      assert.match(withoutNonce.lines.join(), /authentication required/)
      // The server seems to have no key.
      const withoutChallenge = yield* runBehind(
        (direction, _, frame) => (direction === "server" ? [welcome] : [frame]),
        everyConnection
      )
      assert.match(withoutChallenge.lines.join(), /authentication failed: the server has no key/)
      // The server seems to allow more than it does.
      const withOtherWelcome = yield* runBehind(
        (direction, number, frame) =>
          direction === "server" && number === 1 ? [json({ ...parsed(frame), maxInFlightBytes: 2 ** 40 })] : [frame],
        everyConnection
      )
      assert.match(withOtherWelcome.lines.join(), /authentication failed: the server has another key/)
      for (const { outcome } of [withoutNonce, withoutChallenge, withOtherWelcome]) {
        assert.strictEqual(outcome, "NoWorkers")
      }
    })
  )
})
