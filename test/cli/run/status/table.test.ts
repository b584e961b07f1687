import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Plane from "../../../../src/cli/run/status/map.ts"
import * as Table from "../../../../src/cli/run/status/table.ts"
import { type Change, changeDescriber, formatAge, type HostPeer, toJson } from "../../../../src/cli/run/status/text.ts"
import { HostStatus } from "../../../../src/status/HostStatus.ts"
import type { StyledLine } from "../../../../src/terminal/StyledText.ts"

const Amount = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e12 }))

const Near = Schema.Int.check(Schema.isBetween({ minimum: -5, maximum: 125 }))

/** Any peer that a table may hold, including names with terminal escapes. */
const AnyPeer = Schema.Struct({
  id: Schema.String,
  name: Schema.Union([Schema.String, Schema.Literals(["\u001b[2J", "a\nb", "x".repeat(63), "web1"])]),
  address: Schema.Struct({ address: Schema.Literals(["192.0.2.1", "fe80::1%eth0"]), port: Schema.Literal(2066) }),
  dialect: Schema.Literals(["effect-inet", "course"]),
  self: Schema.Boolean,
  state: Schema.Literals(["alive", "suspect", "down", "left"]),
  incarnation: Amount,
  interval: Amount,
  payload: Schema.UndefinedOr(Schema.Union([Schema.Struct({ x: Near, y: Near }), HostStatus])),
  invalid: Schema.UndefinedOr(Schema.String),
  conflict: Schema.Boolean,
  age: Amount,
  missed: Amount,
  stateAge: Amount,
  knownFor: Amount,
  loss: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
})

const Peers = Schema.Array(AnyPeer)

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 120 }))

const tags = ["Joined", "Restarted", "Updated", "Suspect", "Down", "Left", "Alive", "Conflict", "Forgotten"] as const

const textOf = (line: StyledLine) => line.map(({ text }) => text).join("")

/** Contains no line end and no terminal escape. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const escaped = /^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/u

const peer: HostPeer = {
  id: "00c0ffee00c0ffee",
  name: "web1",
  address: { address: "192.0.2.1", port: 2066 },
  dialect: "effect-inet",
  self: false,
  state: "alive",
  incarnation: 1,
  interval: 1_000,
  payload: { x: 40, y: 12, uptime: 90_061, load: [0.5, 0.25, 0], memory: { total: 8e9, free: 2e9 } },
  invalid: undefined,
  conflict: false,
  age: 400,
  missed: 0,
  stateAge: 5_000,
  knownFor: 3_600_000,
  loss: 0.05
}

describe("status table", () => {
  it.effect.prop("fits any peers on a screen of any size, and escapes their names", [Peers, Size, Size], (input) =>
    Effect.sync(() => {
      const [peers, columns, rows] = input
      const view = { title: "status", peers, page: 3, recent: ["one", "two"] }
      for (const lines of [Table.draw(view, columns, rows), Plane.draw(peers, columns, rows)]) {
        assert.isAtMost(lines.length, rows)
        for (const text of lines.map(textOf)) {
          assert.isAtMost(text.length, columns)
          assert.match(text, escaped)
        }
      }
      assert.lengthOf(Table.text(peers, columns).split("\n"), peers.length + 1)
    })
  )

  it.effect.prop(
    "shows different peers on each page, and all peers on all pages",
    [Size, Size],
    ([count, rows]) =>
      Effect.sync(() => {
        const peers = Array.from({ length: count }, (_, n) => ({ ...peer, name: `peer${n}.` }))
        const pages = Array.from({ length: count }, (_, page) =>
          Table.draw({ title: "", peers, page, recent: [] }, 80, Math.max(6, rows)).map(textOf).join("\n")
        )
        for (const { name } of peers) assert.isTrue(pages.some((page) => page.includes(name)))
      }),
    { arbitrary: { runs: 30 } }
  )

  it.effect("drops columns by rank, but keeps name and state", () =>
    Effect.sync(() => {
      const own = { ...peer, self: true, conflict: true }
      assert.strictEqual(
        Table.text([peer, own], 200),
        [
          "name  state  seen  load     free   up  known    x,y  loss  address",
          "web1  alive  0.4s  0.50  2.00 GB  25h    60m  40,12    5%  192.0.2.1:2066",
          "web1  alive  0.4s  0.50  2.00 GB  25h    60m  40,12                        you conflict"
        ].join("\n")
      )
      const widths = [70, 40, 12].map((width) => Table.text([peer], width).split("\n")[1])
      assert.deepStrictEqual(widths, [
        "web1  alive  0.4s  0.50  2.00 GB  25h    60m  40,12    5%",
        "web1  alive  0.4s  0.50    60m  40,12",
        "web1  alive"
      ])
      assert.strictEqual(Table.summary([peer, { ...peer, state: "down" }]), "2 peers: 1 alive, 1 down")
      assert.deepStrictEqual([0, 9_949, 9_950, 119_999, 120_000, 7.2e6, 1.728e8].map(formatAge), [
        "0.0s",
        "9.9s",
        "9s",
        "119s",
        "2m",
        "2h",
        "2d"
      ])
    })
  )
})

describe("status map", () => {
  const Name = Schema.String.check(Schema.isPattern(/^[a-z]{1,12}$/))
  const Placed = Schema.Array(Schema.Struct({ name: Name, x: Near, y: Near, self: Schema.Boolean }))

  it.effect.prop(
    "shows whole names that do not overlap, at their column",
    [Placed, Size, Size],
    ([placed, columns, rows]) =>
      Effect.sync(() => {
        const peers = placed.map(({ name, self, x, y }, at) => ({
          ...peer,
          id: `${at}`,
          name,
          self,
          payload: { x, y }
        }))
        const lines = Plane.draw(peers, columns, rows).map(textOf)
        const shown = lines.flatMap((line) => [...line.matchAll(/\S+/g)].map(({ 0: text, index: x }) => ({ text, x })))
        const isPlaced = ({ text, x }: (typeof shown)[number]) =>
          placed.some((one) => one.x === x && one.name.slice(0, columns - x) === text)
        assert.isTrue(shown.every(isPlaced))
        const isInside = ({ x, y }: (typeof placed)[number]) => x >= 0 && x < columns && y >= 0 && y < rows
        assert.isAtMost(shown.length, placed.filter(isInside).length)
      })
  )

  it("moves a name to the nearest row with room, and leaves out those that have none", () => {
    const at = (name: string, x: number, more: Partial<HostPeer> = {}) => ({
      ...peer,
      name,
      payload: { x, y: 1 },
      ...more
    })
    const peers = [
      at("down", 2, { state: "down" }),
      at("ann", 2),
      at("bob", 4),
      at("eve", 7),
      at("own", 2, { self: true })
    ]
    assert.deepStrictEqual(Plane.draw(peers, 12, 3).map(textOf), ["    bob", "  own  eve", "  ann"])
  })
})

describe("status lines", () => {
  const Changes = Schema.Array(Schema.Struct({ _tag: Schema.Literals(tags), peer: AnyPeer }))

  it.effect.prop("describe any change in at most one escaped line, and JSON without a line end", [Changes], (input) =>
    Effect.sync(() => {
      const describeChange = changeDescriber()
      for (const change of input[0]) {
        assert.match(describeChange(change) ?? "", escaped)
        assert.strictEqual(JSON.parse(JSON.stringify(toJson(change.peer))).name, change.peer.name)
      }
    })
  )

  it.effect("describe a change of name or position, and an invalid payload, but no metrics", () =>
    Effect.sync(() => {
      const describeChange = changeDescriber()
      const lineOf = (_tag: Change["_tag"], more: Partial<HostPeer> = {}) =>
        describeChange({ _tag, peer: { ...peer, ...more } })
      assert.strictEqual(lineOf("Joined"), "web1 joined from 192.0.2.1:2066")
      assert.isUndefined(lineOf("Updated", { payload: { x: 40, y: 12, load: [9, 9, 9] } }))
      assert.strictEqual(lineOf("Updated", { payload: { x: 41, y: 12 } }), "web1 moved to 41,12")
      assert.strictEqual(
        lineOf("Updated", { name: "web2", payload: { x: 41, y: 12 } }),
        "web2 changed its name from web1"
      )
      assert.strictEqual(lineOf("Updated", { invalid: "x\n" }), "web1 sent an invalid payload: x\\u000a")
      assert.strictEqual(lineOf("Down", { age: 5_200 }), "web1 is down: silent for 5.2s")
    })
  )
})
