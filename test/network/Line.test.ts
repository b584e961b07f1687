import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Line from "../../src/network/Line.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Sweeper from "../../src/network/Sweeper.ts"
import { assertNoLeaks } from "../support/Handles.ts"
import { ChunkSizes, LineBytes, MaxLength, referenceLines, split } from "../support/Lines.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("192.0.2.1", 23)

/** A connection whose peer is the test. */
const peer = Effect.gen(function* () {
  const queue = yield* Queue.unbounded<Uint8Array, Network.NetworkError | Cause.Done>()
  const written: Array<Uint8Array | string> = []
  const connection: Network.Connection = {
    local: address,
    remote: address,
    pull: Queue.take(queue),
    write: (bytes) => Effect.sync(() => void written.push(bytes)),
    end: Effect.void,
    endRead: Effect.asVoid(Queue.end(queue)),
    abort: Effect.void,
    traffic: () => ({ received: 0, sent: 0, unsent: 0 }),
    context: Context.empty()
  }
  return {
    connection,
    written,
    send: (text: string) => void Queue.offerUnsafe(queue, new TextEncoder().encode(text)),
    sendBytes: (bytes: Uint8Array) => void Queue.offerUnsafe(queue, bytes),
    fin: Queue.end(queue),
    reset: Queue.fail(queue, new Network.NetworkError({ reason: "Reset", address }))
  }
})

/** Result of a read: the line, `Done`, or the tag of the error's reason. */
const outcome = <E>(next: Effect.Effect<string, E | Line.LineError | Cause.Done>) =>
  Effect.match(next, {
    onSuccess: (line) => line,
    onFailure: (error) =>
      Cause.isDone(error) ? "Done" : error instanceof Line.LineError ? error.reason._tag : String(error)
  })

const readAll = Effect.fnUntraced(function* ({ next }: Line.Lines) {
  const lines: Array<string> = []
  const end = yield* outcome(Effect.forever(Effect.map(next, (line) => lines.push(line))))
  return { lines, end }
})

const never: Sweeper.Sweeper = { now: () => 0, add: () => () => {} }

describe("Line", () => {
  it.effect.prop(
    "returns the lines of the decoder, then the same end at each further read",
    [LineBytes, ChunkSizes, MaxLength, Schema.Literals(["deliver", "drop", "fail"])],
    Effect.fnUntraced(function* ([bytes, sizes, maxLength, unterminated]) {
      const { connection, fin, sendBytes } = yield* peer
      split(bytes, sizes).forEach(sendBytes)
      yield* fin
      const lines = yield* Line.make(connection, { maxLength, unterminated, sweeper: never })
      const expected = referenceLines(bytes, maxLength, true, unterminated)
      assert.deepStrictEqual(yield* readAll(lines), expected)
      assert.deepStrictEqual(yield* readAll(lines), { lines: [], end: expected.end })
    }, Effect.scoped),
    { arbitrary: { runs: 300 } }
  )

  it.effect("fails at the peer's FIN within a line, unless it may deliver or drop that line, and at a reset", () =>
    Effect.gen(function* () {
      for (const [unterminated, lines, end] of [
        [undefined, ["hello"], "Unterminated"],
        ["fail", ["hello"], "Unterminated"],
        ["deliver", ["hello", "world"], "Done"],
        ["drop", ["hello"], "Done"]
      ] as const) {
        const one = yield* peer
        one.send("hello\nwor")
        one.send("ld")
        yield* one.fin
        const read = yield* readAll(yield* Line.make(one.connection, { unterminated }))
        assert.deepStrictEqual<unknown>(read, { lines, end })
      }
      const other = yield* peer
      other.send("hello\nworld")
      yield* other.reset
      assert.deepStrictEqual(yield* readAll(yield* Line.make(other.connection, { unterminated: "deliver" })), {
        lines: ["hello"],
        end: "NetworkError: 192.0.2.1:23: connection reset by the peer"
      })
    })
  )

  it.effect("stops pulling after a line that is too long", () =>
    Effect.gen(function* () {
      const { connection } = yield* peer
      for (const { byte, pulls } of [
        { byte: 97, pulls: 1025 },
        { byte: 13, pulls: 1026 }
      ]) {
        let pulled = 0
        const pull = Effect.sync(() => {
          pulled++
          return Uint8Array.of(byte)
        })
        const { next } = yield* Line.make({ ...connection, pull })
        const error = yield* Effect.flip(next)
        assert.isTrue(error instanceof Line.LineError)
        assert.strictEqual((error as Error).message, "line too long: no end within 1024 bytes")
        assert.strictEqual(yield* outcome(next), "TooLong")
        assert.strictEqual(pulled, pulls)
      }
    })
  )

  it.effect("replies to telnet commands before it returns the line", () =>
    Effect.gen(function* () {
      const { connection, sendBytes, written } = yield* peer
      const { next } = yield* Line.make(connection)
      sendBytes(Uint8Array.of(97, 255, 253))
      sendBytes(Uint8Array.of(3, 10, 255, 251, 24))
      assert.strictEqual(yield* next, "a")
      assert.deepStrictEqual(written, [Uint8Array.of(255, 252, 3, 255, 254, 24)])
    })
  )

  it.effect("continues when a telnet reply cannot be sent", () =>
    Effect.gen(function* () {
      const { connection, sendBytes } = yield* peer
      const write = () => Effect.fail(new Network.NetworkError({ reason: "Closed", address }))
      const { next } = yield* Line.make({ ...connection, write })
      sendBytes(Uint8Array.of(255, 253, 3, 97, 10))
      assert.strictEqual(yield* next, "a")
    })
  )

  it.effect("counts the lines as data, not telnet commands and parts of lines", () =>
    Effect.gen(function* () {
      const { connection, send, sendBytes } = yield* peer
      const data: { count: number | undefined } = { count: undefined }
      const { next } = yield* Line.make(connection, { data })
      assert.strictEqual(data.count, 0)
      sendBytes(Uint8Array.of(255, 241))
      send("a\nb\nc")
      yield* next
      yield* next
      assert.strictEqual(data.count, 2)
    })
  )

  it.effect("removes its check from the sweeper when its scope closes", () =>
    Effect.gen(function* () {
      const { connection } = yield* peer
      const checks = new Set<(now: number) => void>()
      const sweeper: Sweeper.Sweeper = {
        now: () => 0,
        add: (check) => {
          checks.add(check)
          return () => void checks.delete(check)
        }
      }
      const scope = yield* Scope.make()
      yield* Scope.provide(Line.make(connection, { sweeper }), scope)
      assert.strictEqual(checks.size, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(checks.size, 0)
    })
  )
})

/** A reader with a deadline of ten seconds, checked every second, and its results so far. */
const slow = Effect.gen(function* () {
  const { connection, send, sendBytes } = yield* peer
  const sweeper = yield* Sweeper.make("1 second")
  const { next } = yield* Line.make(connection, { deadline: "10 seconds", sweeper })
  const seen: Array<string> = []
  const see = (line: string) => seen.push(`${line} at ${sweeper.now() / 1000}`)
  const read = Effect.andThen(Effect.map(outcome(next), see), Effect.void)
  return { next, read, seen, send, sendBytes }
})

describe("Line deadline", () => {
  it.effect("starts at the first byte and is not extended by further bytes", () =>
    Effect.gen(function* () {
      const { next, read, seen, send } = yield* slow
      yield* Effect.forkChild(read)
      yield* TestClock.adjust("2500 millis")
      for (let i = 0; i < 10; i++) {
        send("x")
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(seen, [])
      send("x")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["TooSlow at 13"])
      const error = yield* Effect.flip(next)
      assert.strictEqual(
        (error as Error).message,
        "line too slow: no end within 10s of its first byte",
        "the error is permanent"
      )
    })
  )

  it.effect("does not apply before the first byte of a line or after its end", () =>
    Effect.gen(function* () {
      const { read, seen, send } = yield* slow
      yield* Effect.forkChild(Effect.forever(read))
      yield* TestClock.adjust("1 hour")
      send("a")
      yield* TestClock.adjust("9 seconds")
      send("b\r\nc\n")
      yield* TestClock.adjust("1 hour")
      send("\r")
      yield* TestClock.adjust("5 seconds")
      send("\n")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(seen, ["ab at 3609", "c at 3609", " at 7214"])
    })
  )

  it.effect("starts anew for a line that begins in the chunk with the end of the previous line", () =>
    Effect.gen(function* () {
      const { read, seen, send, sendBytes } = yield* slow
      send("a")
      yield* Effect.forkChild(Effect.forever(Effect.andThen(read, Effect.sleep("3 seconds"))))
      yield* TestClock.adjust("5 seconds")
      // The final 10 of the chunk is the option of a telnet command, not an end of line.
      sendBytes(Uint8Array.of(98, 10, 99, 255, 253, 10))
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(seen, ["ab at 5"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["ab at 5", "TooSlow at 15"])
    })
  )

  it.effect("does not count the time between two reads", () =>
    Effect.gen(function* () {
      const { read, seen, send } = yield* slow
      send("a\nb")
      yield* read
      send("c\nd")
      yield* TestClock.adjust("1 minute")
      yield* read
      const reading = yield* Effect.forkChild(read)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(reading)
      send("e\n")
      yield* TestClock.adjust("1 minute")
      yield* read
      assert.deepStrictEqual(seen, ["a at 0", "bc at 60", "de at 125"])
    })
  )

  it.effect("runs from the first byte of a telnet command that does not end", () =>
    Effect.gen(function* () {
      const { read, seen, sendBytes } = yield* slow
      yield* Effect.forkChild(read)
      sendBytes(Uint8Array.of(255, 250))
      for (let second = 1; second <= 10; second++) {
        yield* TestClock.adjust("1 second")
        sendBytes(Uint8Array.of(24))
      }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["TooSlow at 10"])
    })
  )

  it.effect("applies to a client that sends only telnet commands, one a second", () =>
    Effect.gen(function* () {
      for (const halves of [[Uint8Array.of(255, 241)], [Uint8Array.of(255), Uint8Array.of(241)]]) {
        const { read, seen, sendBytes } = yield* slow
        yield* Effect.forkChild(read)
        for (let second = 0; second <= 12; second++) {
          for (const half of halves) {
            sendBytes(half)
            yield* TestClock.adjust(1_000 / halves.length)
          }
        }
        assert.strictEqual(seen.length, 1)
        assert.match(seen[0]!, /^TooSlow/)
      }
    })
  )

  it.effect("does not apply to a person who types long after the negotiation", () =>
    Effect.gen(function* () {
      const { read, seen, send, sendBytes } = yield* slow
      yield* Effect.forkChild(Effect.forever(read))
      sendBytes(Uint8Array.of(255, 251, 24, 255, 253, 3))
      yield* TestClock.adjust("1 hour")
      send("h")
      yield* TestClock.adjust("5 seconds")
      send("i\n")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["hi at 3605"])
    })
  )

  it.effect("uses its own sweeper by default", () =>
    Effect.gen(function* () {
      const { connection, send } = yield* peer
      const { next } = yield* Line.make(connection, { deadline: Duration.seconds(2) })
      const reading = yield* Effect.forkChild(outcome(next))
      send("x")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(reading), "TooSlow")
    })
  )

  it.live("expires on the host's network", () =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const listener = yield* network.listen({ port: 0 })
      const near = yield* network.connect(listener.address)
      const far = yield* listener.accept
      const sweeper = yield* Sweeper.make("5 millis")
      const { next } = yield* Line.make(far, { deadline: "20 millis", sweeper })
      yield* near.write("whole\nhal")
      assert.strictEqual(yield* outcome(next), "whole")
      assert.strictEqual(yield* outcome(next), "TooSlow")
      yield* far.write("too slow\r\n")
      assert.strictEqual(yield* (yield* Line.make(near)).next, "too slow")
    }).pipe(Effect.scoped, assertNoLeaks, Effect.provide(NodeNetwork.layer))
  )
})
