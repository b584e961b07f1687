import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Farm from "../../../src/farm/Farm.ts"
import * as MessageChannel from "../../../src/farm/tcp/MessageChannel.ts"
import * as Protocol from "../../../src/farm/tcp/Protocol.ts"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import * as Network from "../../../src/network/Network.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as TcpServer from "../../../src/network/TcpServer.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"
import * as Sums from "../Sums.ts"

const { job } = Sums.make()

const numbers = 300
const expectedSum = Sums.expectedSum(numbers)

const frame = (message: Protocol.Message) => Result.getOrThrow(Protocol.encode(message))

/** What a host says to a message, after it has greeted as it should. */
type Behavior = (message: Protocol.Message) => ReadonlyArray<Uint8Array>

const done = (id: number, result: unknown) => frame({ _tag: "Done", id, result, millis: 1 })
const pong = frame({ _tag: "Pong" })

const toWork =
  (answer: (id: number, sum: number) => ReadonlyArray<Uint8Array>): Behavior =>
  (message) =>
    message._tag === "Work"
      ? answer(message.id, job.work(message.packet as typeof Sums.Range.Type, { stopped: () => false }))
      : message._tag === "Ping"
        ? [pong]
        : []

const behaviors: Readonly<Record<string, readonly [Behavior, RegExp]>> = {
  garbage: [toWork(() => [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n")]), /a frame of 1213486160 bytes/],
  "bad JSON": [toWork(() => [Uint8Array.of(0, 0, 0, 1, 0x7b)]), /no message of a farm/],
  "a wrong id": [toWork((id, sum) => [done(id + 1_000, sum)]), /packet \d+: was not asked for/],
  "an answer twice": [toWork((id, sum) => [done(id, sum), done(id, sum)]), /packet 0: was not asked for/],
  "a wrong message": [toWork(() => [frame({ _tag: "Proof", proof: "" })]), /Proof has no place here/],
  silence: [() => [], /silent for 1 s/],
  "work without an end": [toWork(() => []), /does not end what was cancelled/]
}

const serveRogue = (nature: Behavior) =>
  TcpServer.make(
    { host: "0.0.0.0", port: 1070, drain: 0 },
    Effect.fnUntraced(function* (connection: Network.Connection) {
      const { rest } = yield* MessageChannel.readHead(connection, Protocol.preamble.length)
      const talk = MessageChannel.make(connection, rest)
      yield* talk.next
      yield* connection.write(frame({ _tag: "Welcome", threads: 1, capacity: 64 }))
      yield* Effect.forever(
        Effect.flatMap(talk.next, (message) => connection.write(Bytes.concat([new Uint8Array(0), ...nature(message)])))
      )
    })
  )

/** A run with an honest host beside the other one, and what was told of that. */
const runBeside = (nature: Behavior) =>
  Simulated.run(({ host }) =>
    Effect.gen(function* () {
      const [honest, bad, farm] = yield* Effect.all([host("honest"), host("bad"), host("farm")])
      const { workers } = SimWorkers.make(job, [1], ({ from, to }) => 10 * (to - from))
      yield* honest.start(TcpWorkerServer.make({ host: "0.0.0.0", port: 1070, workers, drain: 0 }))
      yield* bad.start(serveRogue(nature))
      const messages: Array<string> = []
      const sum = yield* farm.run(
        Effect.gen(function* () {
          const pool = yield* TcpWorkers.make({
            job,
            hosts: ["bad", "honest"],
            lease: "1 second",
            onEvent: (event) =>
              Effect.sync(() => "message" in event && messages.push(`${event.host}: ${event.message}`))
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
      return { sum, told: messages, millis: yield* Simulated.millis }
    }).pipe(Effect.orDie)
  )

describe("TcpWorkers and hosts that are not what they say", () => {
  it.effect.each(Object.entries(behaviors))("%s: the others do the work, and it is told why", ([, [nature, why]]) =>
    Effect.gen(function* () {
      const { millis, sum, told } = yield* runBeside(nature)
      assert.strictEqual(sum, expectedSum)
      assert.match(told.join("\n"), why)
      assert.isTrue(told.every((line) => line.startsWith("bad: ")))
      // 3 s of work for the honest host, and at most the time that its connection takes to end.
      assert.isBelow(millis, 4_500)
    })
  )

  it.effect("a result that does not fit is the packet's failure, and another does it", () =>
    Effect.gen(function* () {
      const { sum, told } = yield* runBeside(toWork((id) => [done(id, "a lie")]))
      assert.strictEqual(sum, expectedSum)
      assert.deepStrictEqual(told, [])
    })
  )

  const refusal = String.fromCharCode(...frame({ _tag: "Refused", reason: "Job", message: "!".repeat(3_000) }))

  it.effect.each([
    ["says nothing", "", "silent for 5 s"],
    ["closes at once", "close", "it closed the connection when it was greeted"],
    ["speaks another language", "SSH-2.0-OpenSSH_9.2\r\n", "a frame of 1397966893 bytes: at most 4096 are allowed"],
    ["counts primes only, as the course's servers do", "\0\0\0\0\0\0\0\0", "no message of a farm"],
    ["refuses with a long text", refusal, "!!!..."]
  ])("a host that %s is no host", ([, says, why]) =>
    Effect.gen(function* () {
      const error = yield* Simulated.run(({ host }) =>
        Effect.gen(function* () {
          const [bad, farm] = yield* Effect.all([host("bad"), host("farm")])
          const bytes = Uint8Array.from(says!, (character) => character.charCodeAt(0))
          yield* bad.start(
            TcpServer.make({ host: "0.0.0.0", port: 1070, drain: 0 }, (connection) =>
              says === "close"
                ? Effect.void
                : Effect.andThen(says === "" ? Effect.void : connection.write(bytes), Effect.never)
            )
          )
          const made = TcpWorkers.make({ job, hosts: ["bad"], onEvent: () => Effect.void })
          return yield* farm.run(Effect.flip(Effect.scoped(made)).pipe(Effect.provide(ServiceNames.layerBuiltIn)))
        }).pipe(Effect.orDie)
      )
      assert.strictEqual(error.reason._tag, "NoWorkers")
      assert.include(error.message, why!)
    })
  )
})

describe("TcpWorkerServer and farms that are not what they say", () => {
  const hello = (more: object = {}) =>
    frame({ _tag: "Hello", version: 1, job: "sum", jobVersion: 1, lease: 1_000, ...more })
  const work = (id: number) => frame({ _tag: "Work", id, packet: { from: 0, to: 1 } })

  /** What a server says to these bytes, and whether it then closes within eleven seconds. */
  const answers = (...sent: ReadonlyArray<Uint8Array>) =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const [server, farm] = yield* Effect.all([host("server"), host("farm")])
        const { workers } = SimWorkers.make(job, [1], () => 50)
        yield* server.start(TcpWorkerServer.make({ host: "0.0.0.0", port: 1070, workers, drain: 0, capacity: 2 }))
        const said: Array<string> = []
        const talk = Effect.gen(function* () {
          const network = yield* Network.Network
          const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1070))
          yield* connection.write(Bytes.concat(sent))
          const { next } = MessageChannel.make(connection, new Uint8Array(0))
          yield* Effect.forever(
            Effect.map(next, (message) => said.push("message" in message ? message.message : message._tag))
          )
        }).pipe(
          Effect.scoped,
          Effect.timeoutOption("11 seconds"),
          Effect.tap(() => Effect.sync(() => said.push("is open"))),
          Effect.ignore
        )
        yield* farm.run(talk)
        return said
      })
    )

  it.effect("it says what is wrong, and closes", () =>
    Effect.gen(function* () {
      const { preamble } = Protocol
      const broken = "the protocol was broken: packet"
      assert.deepStrictEqual(yield* answers(preamble, hello(), work(7)), ["Welcome", "Done", "silent for 1 s"])
      assert.deepStrictEqual(yield* answers(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")), [])
      assert.deepStrictEqual(yield* answers(preamble, hello({ version: 2 })), ["this server speaks version 1, not 2"])
      assert.deepStrictEqual(yield* answers(preamble, hello({ job: "a\nb" })), ["this server does sum 1, not a b 1"])
      assert.match((yield* answers(preamble, Uint8Array.of(0, 0, 0, 2, 1, 2))).join(), /^no message of a farm/)
      assert.match((yield* answers(preamble, Uint8Array.of(0, 1, 0, 0))).join(), /^a frame of 65536 bytes/)
      assert.deepStrictEqual(yield* answers(preamble, hello(), work(1), work(1)), [`${broken} 1: is here already`])
      assert.deepStrictEqual(yield* answers(preamble, hello(), work(1), work(2), work(3)), [
        `${broken} 3: is more than 2`
      ])
      assert.deepStrictEqual(yield* answers(preamble, hello(), pong), [
        "the protocol was broken: Pong has no place here"
      ])
      assert.deepStrictEqual(yield* answers(preamble), ["silent for 10 s"])
      const patient = hello({ lease: 3_600_000 })
      assert.deepStrictEqual(yield* answers(preamble, patient, frame({ _tag: "Ping" })), ["Welcome", "Pong", "is open"])
    })
  )
})
