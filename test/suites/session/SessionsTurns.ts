/** Tests of turns: lines in, answers out, for any division into packets. */
import { assert } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as ConcurrencyModel from "../../../src/session/ConcurrencyModel.ts"
import { readAll } from "../../support/Hosts.ts"
import { split } from "../../support/Lines.ts"
import * as Sessions from "../../support/Sessions.ts"
import { type Subject, start } from "./SessionsSubjects.ts"

const Script = Schema.Struct({
  lines: Schema.Array(Schema.Literals(["a", "", "é b", "silent", "nothing", "add 3", "add -1", "bye"])),
  sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })))
})

/** Sends the lines in pieces of these sizes, then FIN. Returns everything that the client reads. */
const sendLines = Effect.fnUntraced(function* (
  server: ConcurrencyModel.SessionServer,
  lines: ReadonlyArray<string>,
  sizes: ReadonlyArray<number>
) {
  const connection = yield* Sessions.connect(server)
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""))
  for (const piece of split(bytes, sizes)) {
    yield* Effect.ignore(connection.write(piece))
    yield* Effect.yieldNow
  }
  yield* connection.end
  return yield* Sessions.reader(connection).rest
}, Effect.scoped)

export const suite = ({ serve, test, traits }: Subject) => {
  const { manyClients = 60 } = traits
  test(
    "sends the greeting first, then an answer to each line",
    Effect.gen(function* () {
      const server = yield* start(serve)
      const connection = yield* Sessions.connect(server)
      const { rest, to } = Sessions.reader(connection)
      assert.strictEqual(yield* to("\n"), "hello\n")
      for (const [line, answer] of [
        ["one", "1: one\n"],
        ["two", "2: two\n"]
      ] as const) {
        yield* connection.write(`${line}\r\n`)
        assert.strictEqual(yield* to("\n"), answer)
      }
      yield* connection.write("bye\n")
      assert.strictEqual(yield* rest, "bye\n")
    })
  )

  test(
    "answers several lines in one packet and a line in pieces, without telnet commands",
    Effect.gen(function* () {
      const connection = yield* Sessions.connect(yield* start(serve))
      const { rest, to } = Sessions.reader(connection)
      yield* connection.write("a\nb\nadd 2\nc")
      assert.strictEqual(yield* to("sum 2\n"), "hello\n1: a\n2: b\nadding\nsum 2\n")
      yield* connection.write(Uint8Array.of(255, 241, 100))
      yield* connection.write("\nbye\nlost\n")
      assert.strictEqual(yield* rest, "4: cd\nbye\n")
    })
  )

  test(
    "sends what a fold of the session over the lines returns, for any script in any pieces",
    Effect.gen(function* () {
      const server = yield* start(serve, {}, { rate: 1_000_000 })
      const result = yield* Arbitrary.checkEffect(
        Arbitrary.schema(Script),
        Effect.fnUntraced(function* ({ lines, sizes }) {
          return (yield* sendLines(server, lines, sizes)) === Sessions.transcript({}, lines)
        }),
        { runs: Math.min(40, manyClients) }
      )
      assert.strictEqual(result._tag, "Passed", JSON.stringify(result))
    })
  )

  test(
    "splits reads at their maximum length, one character per byte in both directions",
    Effect.gen(function* () {
      const connection = yield* Sessions.connect(yield* start(serve, { maxReadLength: 4 }))
      yield* connection.write("abcdefghij")
      // In telnet, 0xff is sent twice (RFC 854).
      yield* connection.write(Uint8Array.of(0xe9, 0xff, 0xff))
      yield* connection.end
      const text = (yield* readAll(connection)).toString("latin1")
      const parts = [...text.matchAll(/^\d+: (.*)$/gm)].map(([, part]) => part!)
      assert.strictEqual(parts.join(""), "abcdefghij\xe9\xff")
      assert.isTrue(
        parts.every(({ length }) => length <= 4),
        text
      )
    })
  )

  test(
    "serves many clients at the same time, each with its own transcript",
    Effect.gen(function* () {
      const server = yield* start(serve, {}, { rate: 1_000_000 })
      const scripts = Array.from({ length: manyClients }, (_, id) =>
        Array.from({ length: 5 + (id % 7) }, (_, at) => (at === id % 5 ? `add ${id}` : `${id} says ${at}`))
      )
      const all = yield* Effect.forEach(scripts, (lines, id) => sendLines(server, lines, [1 + id, 7, 7]), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        all,
        scripts.map((lines) => Sessions.transcript({}, lines))
      )
    })
  )

  test(
    "numbers clients from 1 and derives their seeds from the server's seed",
    Effect.gen(function* () {
      const idsAndSeeds = Effect.fnUntraced(function* (seed: number, clients = 2) {
        const server = yield* start(serve, {}, { seed })
        const texts: Array<string> = []
        for (let client = 0; client < clients; client++) texts.push(yield* sendLines(server, ["who"], []))
        return texts.map((text) => text.split(/[ \n]/).slice(2, 4).map(Number))
      })
      const [one, again, other] = [yield* idsAndSeeds(7), yield* idsAndSeeds(7), yield* idsAndSeeds(8, 1)]
      assert.deepStrictEqual(one.map(([id]) => id).sort(), [1, 2])
      const seeds = (all: typeof one) => all.sort(([a = 0], [b = 0]) => a - b).map(([, seed]) => seed)
      assert.deepStrictEqual(seeds(one), seeds(again))
      assert.strictEqual(new Set([...seeds(one), ...seeds(other)]).size, 3)
    })
  )

  if (traits.maxConcurrentClients === 1) {
    test(
      "serves waiting clients in the order of their connections",
      Effect.gen(function* () {
        const { order, shared } = Sessions.makeShared()
        const server = yield* start(serve, {}, {}, shared)
        const first = yield* Sessions.connect(server)
        yield* first.write("add 1\n")
        const { rest, to } = Sessions.reader(first)
        yield* to("sum 1\n")
        const others = yield* Effect.forEach([2, 3, 4, 5, 6], () =>
          Effect.tap(Sessions.connect(server), (connection) => connection.write("add 1\nbye\n"))
        )
        yield* first.write("bye\n")
        yield* rest
        for (const other of others) {
          assert.strictEqual(yield* Sessions.reader(other).rest, "hello\nadding\nsum 1\nbye\n")
        }
        assert.deepStrictEqual(order, [1, 2, 3, 4, 5, 6])
      })
    )

    test(
      "delays the second client until the first has gone, also if another left in between",
      Effect.gen(function* () {
        const server = yield* start(serve)
        const first = yield* Sessions.connect(server)
        const one = Sessions.reader(first)
        yield* one.to("hello\n")
        yield* Effect.scoped(Sessions.connect(server))
        const second = yield* Sessions.connect(server)
        yield* second.write("hi\n")
        for (let turn = 1; turn < 20; turn++) {
          yield* first.write("x\n")
          yield* one.to(`${turn}: x\n`)
          assert.strictEqual(second.traffic().received, 0)
        }
        yield* first.write("bye\n")
        assert.strictEqual(yield* one.rest, "bye\n")
        assert.strictEqual(yield* Sessions.reader(second).to("hi\n"), "hello\n1: hi\n")
      })
    )
  }
}
