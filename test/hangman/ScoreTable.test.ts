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

/** The ranking as its rule says it, from all games at once. */
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
  const ranks = results.map(table.finish)
  return { table, ranks }
}

describe("ScoreTable", () => {
  it.effect.prop("ranks after every game as the rule says", [Results], ([results]) =>
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

  it.effect.prop("goes on from its rows as if it had never stopped", [Results, Results], ([before, after]) =>
    Effect.sync(() => {
      const { table: first } = fill(before, ScoreTable.make(undefined, 3))
      const copy = ScoreTable.make({ rows: first.rows(), totals: first.totals() }, 3)
      for (const result of after) assert.strictEqual(copy.finish(result), first.finish(result))
      assert.deepStrictEqual(copy.rows(), first.rows())
      assert.deepStrictEqual(copy.totals(), first.totals())
    })
  )

  it("full, it forgets who was not seen for longest, and winners last", () => {
    const game = (name: string, won: boolean) => ({ name, word: "plum", won, wrong: 1 })
    const { table } = fill(
      [game("winner", true), game("old", false), game("new", false), game("old", false), game("next", false)],
      ScoreTable.make(undefined, 3)
    )
    assert.sameMembers(
      table.rows().map(({ name }) => name),
      ["winner", "old", "next"]
    )
    for (const name of ["a", "b", "c"]) table.finish(game(name, true))
    assert.deepStrictEqual(
      table.rows().map(({ name }) => name),
      ["a", "b", "c"]
    )
    assert.deepStrictEqual(table.totals(), { games: 8, wins: 4, players: 3 })
  })

  it("ten thousand names are kept, and no more", () => {
    const table = ScoreTable.make()
    for (let at = 0; at < 11_000; at++) table.finish({ name: `p${at}`, word: "plum", won: at % 2 === 0, wrong: at % 7 })
    assert.strictEqual(table.totals().players, ScoreTable.maxNames)
    assert.strictEqual(table.totals().games, 11_000)
  })
})

describe("ScoreText", () => {
  const text = (before: ReadonlyArray<ScoreTable.Result>, after: ReadonlyArray<ScoreTable.Result>) =>
    ScoreJournalFormat.snapshot(fill(before).table, 3) +
    after.map((result, game) => ScoreJournalFormat.game({ run: 4, client: 1, game, ...result })).join("")
  const past = (text: string) => {
    const read = ScoreJournalFormat.replay(text)
    if (typeof read === "string") return assert.fail(read)
    return read
  }

  it.effect.prop("what was written is read back", [Results, Results], ([before, after]) =>
    Effect.sync(() => {
      const { games, run, table, torn } = past(text(before, after))
      const { table: wanted } = fill([...before, ...after])
      assert.deepStrictEqual([games, run, torn], [after.length, after.length === 0 ? 3 : 4, 0])
      assert.deepStrictEqual(table.best(20), wanted.best(20))
      assert.deepStrictEqual(table.totals(), wanted.totals())
    })
  )

  it.effect.prop(
    "cut anywhere after its head, it has the games of its whole lines",
    [Results, Schema.Int],
    ([all, n]) =>
      Effect.sync(() => {
        const bytes = Buffer.from(text([], all))
        const head = bytes.indexOf("\n") + 1
        const cut = bytes.subarray(0, head + (Math.abs(n) % (bytes.length - head + 1)))
        const whole = cut.subarray(head).filter((byte) => byte === 10).length
        const { games, torn } = past(cut.toString())
        assert.deepStrictEqual([games, torn], [whole, cut.at(-1) === 10 ? 0 : 1])
      })
  )

  it.effect.prop("a game that is there twice counts once", [Results], ([results]) =>
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

  it("a changed byte is damage, but at the end", () => {
    const changed = (at: number) => lines.map((line, i) => (i === at ? line.replace("plum", "PLUM") : line)).join("\n")
    assert.strictEqual(ScoreJournalFormat.replay(changed(1)), "line 2 is damaged: take it out, or the whole file away")
    assert.deepStrictEqual([past(changed(2)).games, past(changed(2)).torn], [1, 1])
  })

  it.effect.each(["hello", "hello\n", "\n", `${lines[1]}\n`, "\u0000".repeat(100)])("%j is no scoreboard", (text) =>
    Effect.sync(() =>
      assert.strictEqual(ScoreJournalFormat.replay(text), "not a scoreboard: its first line is not that of one")
    )
  )
})
