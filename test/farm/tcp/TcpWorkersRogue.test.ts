import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Farm from "../../../src/farm/Farm.ts"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import * as MessageChannel from "../../../src/farm/tcp/wire/MessageChannel.ts"
import * as PayloadCodec from "../../../src/farm/tcp/wire/PayloadCodec.ts"
import * as Protocol from "../../../src/farm/tcp/wire/Protocol.ts"
import * as Network from "../../../src/network/Network.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as TcpServer from "../../../src/network/TcpServer.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"
import * as Sums from "../Sums.ts"
import * as HostEvents from "./HostEvents.ts"

const { job } = Sums.make()

const numbers = 300
const expectedSum = Sums.expectedSum(numbers)

const frame = (message: Protocol.Message) => Bytes.concat(Result.getOrThrow(Protocol.encode(message)))

const codec = PayloadCodec.make(job)

/** The response of a host to a message, after a correct handshake: frames, or the end of the connection. */
type Behavior = (message: Protocol.Message) => ReadonlyArray<Uint8Array> | "end"

const done = (id: number, result: number) =>
  frame({ _tag: "Done", id, result: Bytes.concat(Result.getOrThrow(codec.result.encode(result))), millis: 1 })
/** A result whose bytes are not those of a number. */
const invalid = (id: number) => frame({ _tag: "Done", id, result: new TextEncoder().encode("a lie"), millis: 1 })
const pong = frame({ _tag: "Pong" })

const sumOf = (packet: Uint8Array) => {
  const { from, to } = Result.getOrThrow(codec.packet.decode(packet)) as typeof Sums.Range.Type
  return Sums.expectedSum(to) - Sums.expectedSum(from)
}

const toWork =
  (answer: (id: number, sum: number) => ReturnType<Behavior>): Behavior =>
  (message) =>
    message._tag === "Work" ? answer(message.id, sumOf(message.packet)) : message._tag === "Ping" ? [pong] : []

const behaviors: Readonly<Record<string, readonly [Behavior, RegExp]>> = {
  "bytes of another protocol": [
    toWork(() => [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n")]),
    /frame too long: 1213486160 bytes/
  ],
  "invalid JSON": [toWork(() => [Uint8Array.of(0, 0, 0, 1, 0x7b)]), /malformed message/],
  "an unknown id": [toWork((id, sum) => [done(id + 1_000, sum)]), /packet \d+: not requested/],
  "a duplicate outcome": [toWork((id, sum) => [done(id, sum), done(id, sum)]), /packet 0: not requested/],
  "an unexpected message": [toWork(() => [frame({ _tag: "Proof", proof: "" })]), /unexpected Proof message/],
  "the end of the connection": [toWork(() => "end"), /^bad: the host closed the connection$/m],
  "no message at all": [() => [], /timed out: no message within 1 s/],
  "no outcome of cancelled work": [toWork(() => []), /cancelled packets did not end/]
}

const serveRogue = (behavior: Behavior, threads: number) =>
  TcpServer.make(
    { host: "0.0.0.0", port: 1070, drain: 0 },
    Effect.fnUntraced(function* (connection: Network.Connection) {
      const { rest } = yield* MessageChannel.readHead(connection, Protocol.preamble.length, 10_000)
      const channel = MessageChannel.make(connection, rest)
      yield* channel.next
      channel.setLimits({ frameBytes: Protocol.frameLimitBytes.session, packetBytes: 1_000 })
      yield* connection.write(frame({ _tag: "Welcome", threads, capacity: 64, maxInFlightBytes: 1_000_000 }))
      yield* Effect.forever(
        Effect.flatMap(channel.next, (message): Effect.Effect<void, Network.NetworkError | Cause.Done> => {
          const frames = behavior(message)
          return frames === "end" ? Cause.done() : connection.write(Bytes.concat([new Uint8Array(0), ...frames]))
        })
      )
    })
  )

/** Runs a farm on an honest host and on a rogue one; returns the sum, the messages and the virtual time. */
const runBeside = (behavior: Behavior, threads = 1) =>
  Simulated.run(({ host }) =>
    Effect.gen(function* () {
      const [honest, bad, farm] = yield* Effect.all([host("honest"), host("bad"), host("farm")])
      const { workers } = SimWorkers.make(job, [1], ({ from, to }) => 10 * (to - from))
      yield* honest.start(TcpWorkerServer.make({ host: "0.0.0.0", port: 1070, job, workers, drain: 0 }))
      yield* bad.start(serveRogue(behavior, threads))
      const { events, takeLines } = yield* HostEvents.make((event) => `${event.host}: ${HostEvents.messageOf(event)}`)
      const sum = yield* farm.run(
        Effect.gen(function* () {
          const pool = yield* TcpWorkers.make({
            job,
            hosts: ["bad", "honest"],
            lease: "1 second",
            events
          })
          const workers = Effect.succeed(pool)
          return yield* Farm.run(job, numbers, {
            workers,
            packetSize: 1,
            lease: "300 millis",
            targetDuration: "1 hour",
            maxAttempts: 20
          })
        }).pipe(Effect.provide(ServiceNames.layerBuiltIn))
      )
      const messages = (yield* takeLines).filter((line) => !line.endsWith(": Connected"))
      return { sum, messages, virtualMillis: yield* Simulated.millis }
    }).pipe(Effect.orDie)
  )

describe("TcpWorkers with a rogue host", () => {
  it.effect.each(Object.entries(behaviors))(
    "disconnects a host that sends %s, reports it, and uses the other",
    ([, [behavior, why]]) =>
      Effect.gen(function* () {
        const { virtualMillis, sum, messages } = yield* runBeside(behavior)
        assert.strictEqual(sum, expectedSum)
        assert.match(messages.join("\n"), why)
        assert.isTrue(messages.every((line) => line.startsWith("bad: ")))
        // Virtual time: 3 s of work for the honest host, and the time until the rogue connection ends.
        assert.isBelow(virtualMillis, 4_500)
      })
  )

  it.effect("counts an invalid result as a failed attempt, and retries the packet on the other host", () =>
    Effect.gen(function* () {
      const { sum, messages } = yield* runBeside(toWork((id) => [invalid(id)]))
      assert.strictEqual(sum, expectedSum)
      assert.deepStrictEqual(messages, [])
    })
  )

  it.effect("loses a host that claims 1,024 threads and answers nothing", () =>
    Effect.gen(function* () {
      const { messages, sum } = yield* runBeside(
        toWork(() => []),
        1_024
      )
      assert.strictEqual(sum, expectedSum)
      assert.match(messages.join("\n"), /^bad: cancelled packets did not end/)
    })
  )

  it.effect("ignores more ids of packets than a call takes as arguments", () =>
    Effect.gen(function* () {
      const working = frame({ _tag: "Working", ids: Array.from({ length: 150_000 }, (_, id) => id) })
      const { messages, sum } = yield* runBeside(toWork((id, sum) => [id === 0 ? working : pong, done(id, sum)]))
      assert.strictEqual(sum, expectedSum)
      assert.deepStrictEqual(messages, [])
    })
  )

  const refusal = String.fromCharCode(...frame({ _tag: "Refused", reason: "Job", message: "!".repeat(3_000) }))

  it.effect.each([
    ["sends nothing", "", "timed out: no message within 5 s"],
    ["closes at once", "close", "bad: connection closed during the handshake"],
    ["speaks another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "frame too long: 1397966893 bytes (limit 4096)"],
    ["speaks the course's protocol", "\0\0\0\0\0\0\0\0", "malformed message"],
    ["refuses with a long text", refusal, "!!!..."]
  ])("refuses a host that %s", ([, content, why]) =>
    Effect.gen(function* () {
      const error = yield* Simulated.run(({ host }) =>
        Effect.gen(function* () {
          const [bad, farm] = yield* Effect.all([host("bad"), host("farm")])
          const bytes = Uint8Array.from(content!, (character) => character.charCodeAt(0))
          yield* bad.start(
            TcpServer.make({ host: "0.0.0.0", port: 1070, drain: 0 }, (connection) =>
              content === "close"
                ? Effect.void
                : Effect.andThen(content === "" ? Effect.void : connection.write(bytes), Effect.never)
            )
          )
          const { events } = yield* HostEvents.make(HostEvents.messageOf)
          const made = TcpWorkers.make({ job, hosts: ["bad"], events })
          return yield* farm.run(Effect.flip(Effect.scoped(made)).pipe(Effect.provide(ServiceNames.layerBuiltIn)))
        }).pipe(Effect.orDie)
      )
      assert.strictEqual(error.reason._tag, "NoWorkers")
      assert.include(error.message, why!)
    })
  )
})

describe("TcpWorkerServer with a rogue farm", () => {
  const hello = (more: object = {}) =>
    frame({ _tag: "Hello", version: Protocol.version, job: "sum", jobVersion: 1, lease: 1_000, ...more })
  const work = (id: number) =>
    frame({ _tag: "Work", id, packet: Bytes.concat(Result.getOrThrow(codec.packet.encode({ from: 0, to: 1 }))) })

  /** Sends bytes to a server; returns its messages, and `is open` if it does not close within 11 virtual seconds. */
  const answers = (...sent: ReadonlyArray<Uint8Array>) =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const [server, farm] = yield* Effect.all([host("server"), host("farm")])
        const { workers } = SimWorkers.make(job, [1], () => 50)
        yield* server.start(TcpWorkerServer.make({ host: "0.0.0.0", port: 1070, job, workers, drain: 0, capacity: 2 }))
        const received: Array<string> = []
        const session = Effect.gen(function* () {
          const network = yield* Network.Network
          const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1070))
          yield* connection.write(Bytes.concat(sent))
          const { next, setLimits } = MessageChannel.make(connection, new Uint8Array(0))
          setLimits({ frameBytes: 1 << 20, packetBytes: 1_000 })
          yield* Effect.forever(
            Effect.map(next, (message) => {
              if (message._tag !== "Working") received.push("message" in message ? message.message : message._tag)
            })
          )
        }).pipe(
          Effect.scoped,
          Effect.timeoutOption("11 seconds"),
          Effect.tap(() => Effect.sync(() => received.push("is open"))),
          Effect.ignore
        )
        yield* farm.run(session)
        return received
      })
    )

  it.effect("sends the error, and closes the connection", () =>
    Effect.gen(function* () {
      const { preamble } = Protocol
      const broken = "protocol violation: packet"
      assert.deepStrictEqual(yield* answers(preamble, hello(), work(7)), [
        "Welcome",
        "Done",
        "timed out: no message within 1 s"
      ])
      assert.deepStrictEqual(yield* answers(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")), [])
      assert.deepStrictEqual(yield* answers(preamble, hello({ version: 1 })), [
        "unsupported protocol version 1: this server speaks version 3"
      ])
      assert.deepStrictEqual(yield* answers(preamble, hello({ job: "a\nb" })), [
        "wrong job a b 1: this server runs sum 1"
      ])
      assert.match((yield* answers(preamble, Uint8Array.of(0, 0, 0, 2, 1, 2))).join(), /^malformed message/)
      assert.match((yield* answers(preamble, Uint8Array.of(0, 1, 0, 0))).join(), /^frame too long: 65536 bytes/)
      assert.deepStrictEqual(yield* answers(preamble, hello(), work(1), work(1)), [
        "Welcome",
        `${broken} 1: duplicate id`
      ])
      assert.deepStrictEqual(yield* answers(preamble, hello(), work(1), work(2), work(3)), [
        "Welcome",
        `${broken} 3: more than 2 packets in flight`
      ])
      assert.deepStrictEqual(yield* answers(preamble, hello(), pong), [
        "Welcome",
        "protocol violation: unexpected Pong message"
      ])
      assert.deepStrictEqual(yield* answers(preamble), ["timed out: no message within 10 s"])
      const longLease = hello({ lease: 3_600_000 })
      assert.deepStrictEqual(yield* answers(preamble, longLease, frame({ _tag: "Ping" })), [
        "Welcome",
        "Pong",
        "is open"
      ])
    })
  )
})
