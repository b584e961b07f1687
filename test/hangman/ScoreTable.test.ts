import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ScoreJournalFormat from "../../src/hangman/ScoreJournalFormat.ts"
import * as ScoreTable from "../../src/hangman/ScoreTable.ts"

const Result = Schema.Struct({
  name: Schema.Literals(["", "ann", "bob", "cyd", "dan", "eve", "日本", "__proto__"]),
  word: Schema.Literals(["peach", "plum"]),
  won: Schema.Boolean,
  wrong: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))
})
const Results = Schema.Array(Result)

/** Reference implementation: the ranking computed from all games at once. */
const reference = (results: ReadonlyArray<ScoreTable.Result>) => {
  const names = [...new Set(results.map(({ name }) => name))].filter((name) => name !== "")
  const rows = names.map((name) => {
    const own = results.filter((result) => result.name === name)
    const wrong = own.reduce((sum, result) => sum + result.wrong, 0)
    return { name, games: own.length, wins: own.filter(({ won }) => won).length, wrong }
  })
  return rows.sort((a, b) => b.wins - a.wins || a.wrong - b.wrong || (a.name < b.name ? -1 : 1))
}

const fill = (results: ReadonlyArray<ScoreTable.Result>, table = ScoreTable.make()) => {
  const ranks = results.map(table.record)
  return { table, ranks }
}

describe("ScoreTable", () => {
  it.effect.prop("ranks every game as the reference implementation", [Results], ([results]) =>
    Effect.sync(() => {
      const { ranks, table } = fill(results)
      results.forEach(({ name }, at) => {
        const ranked = reference(results.slice(0, at + 1)).findIndex((row) => row.name === name) + 1
        assert.strictEqual(ranks[at], ranked)
      })
      assert.deepStrictEqual(table.best(20), reference(results))
      const wins = results.filter(({ won }) => won).length
      const players = reference(results).length
      assert.deepStrictEqual(table.totals(), { games: results.length, wins, players })
    })
  )

  it.effect.prop("continues from its rows and totals like the original table", [Results, Results], ([before, after]) =>
    Effect.sync(() => {
      const { table: first } = fill(before, ScoreTable.make(undefined, 3))
      const copy = ScoreTable.make({ rows: first.rows(), totals: first.totals() }, 3)
      for (const result of after) assert.strictEqual(copy.record(result), first.record(result))
      assert.deepStrictEqual(copy.rows(), first.rows())
      assert.deepStrictEqual(copy.totals(), first.totals())
    })
  )

  it("replaces the least recently seen name, and winners last, when it is full", () => {
    const game = (name: string, won: boolean) => ({ name, word: "plum", won, wrong: 1 })
    const { table } = fill(
      [game("winner", true), game("old", false), game("new", false), game("old", false), game("next", false)],
      ScoreTable.make(undefined, 3)
    )
    assert.sameMembers(
      table.rows().map(({ name }) => name),
      ["winner", "old", "next"]
    )
    for (const name of ["a", "b", "c"]) table.record(game(name, true))
    assert.deepStrictEqual(
      table.rows().map(({ name }) => name),
      ["a", "b", "c"]
    )
    assert.deepStrictEqual(table.totals(), { games: 8, wins: 4, players: 3 })
  })

  it("keeps ten thousand names", () => {
    const table = ScoreTable.make()
    for (let at = 0; at < 11_000; at++) table.record({ name: `p${at}`, word: "plum", won: at % 2 === 0, wrong: at % 7 })
    assert.strictEqual(table.totals().players, ScoreTable.maxPlayers)
    assert.strictEqual(table.totals().games, 11_000)
  })
})

describe("ScoreJournalFormat", () => {
  const text = (before: ReadonlyArray<ScoreTable.Result>, after: ReadonlyArray<ScoreTable.Result>) =>
    ScoreJournalFormat.snapshot(fill(before).table, 3) +
    after.map((result, game) => ScoreJournalFormat.encodeGame({ run: 4, client: 1, game, ...result })).join("")
  const past = (text: string) => {
    const read = ScoreJournalFormat.replay(text)
    if (typeof read === "string") return assert.fail(read)
    return read
  }

  it.effect.prop("decodes what it encodes", [Results, Results], ([before, after]) =>
    Effect.sync(() => {
      const { gameLines: games, run, table, tornLines: torn } = past(text(before, after))
      const { table: wanted } = fill([...before, ...after])
      assert.deepStrictEqual([games, run, torn], [after.length, after.length === 0 ? 3 : 4, 0])
      assert.deepStrictEqual(table.best(20), wanted.best(20))
      assert.deepStrictEqual(table.totals(), wanted.totals())
    })
  )

  it.effect.prop(
    "decodes the complete lines of a text that is cut after its header",
    [Results, Schema.Int],
    ([all, n]) =>
      Effect.sync(() => {
        const bytes = Buffer.from(text([], all))
        const head = bytes.indexOf("\n") + 1
        const cut = bytes.subarray(0, head + (Math.abs(n) % (bytes.length - head + 1)))
        const whole = cut.subarray(head).filter((byte) => byte === 10).length
        const { gameLines: games, tornLines: torn } = past(cut.toString())
        assert.deepStrictEqual([games, torn], [whole, cut.at(-1) === 10 ? 0 : 1])
      })
  )

  it.effect.prop("counts a repeated game once", [Results], ([results]) =>
    Effect.sync(() => {
      const once = text([], results)
      const games = once.slice(once.indexOf("\n") + 1)
      assert.deepStrictEqual(past(once + games).table.totals(), past(once).table.totals())
    })
  )

  const lines = text(
    [],
    [
      { name: "ann", word: "plum", won: true, wrong: 1 },
      { name: "bob", word: "plum", won: true, wrong: 1 }
    ]
  ).split("\n")

  it("reports a changed byte, except in the last line", () => {
    const changed = (at: number) => lines.map((line, i) => (i === at ? line.replace("plum", "PLUM") : line)).join("\n")
    assert.strictEqual(ScoreJournalFormat.replay(changed(1)), "line 2 is damaged: remove that line or the file")
    assert.deepStrictEqual([past(changed(2)).gameLines, past(changed(2)).tornLines], [1, 1])
  })

  it("drops a line of which a crash has left zeros, and keeps those after it", () => {
    const lost = lines.map((line, i) => (i === 1 ? line.replace("plum", "\0\0\0\0") : line)).join("\n")
    assert.deepStrictEqual([past(lost).gameLines, past(lost).tornLines], [1, 1])
  })

  it.effect.each(["hello", "hello\n", "\n", `${lines[1]}\n`, "\u0000".repeat(100)])("rejects %j", (text) =>
    Effect.sync(() => assert.strictEqual(ScoreJournalFormat.replay(text), "not a scoreboard file: invalid first line"))
  )
})
