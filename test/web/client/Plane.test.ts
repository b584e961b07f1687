import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Plane from "../../../src/web/client/Plane.ts"
import type * as PageState from "../../../src/web/PageState.ts"

const peer = (name: string, x?: number, y?: number): PageState.Peer => ({
  service: "status",
  id: name,
  name,
  address: "10.0.0.1:2066",
  state: "alive",
  self: false,
  conflict: false,
  ageMillis: 0,
  intervalMillis: 1_000,
  missed: 0,
  ...(x === undefined || y === undefined ? {} : { x, y })
})

describe("Plane", () => {
  it("places peers that have a position", () => {
    const places = Plane.places([peer("a", 0, 0), peer("b"), peer("c", 75, 23)])
    assert.deepStrictEqual(
      places.map(({ isLeft, name, x, y }) => [name, x, y, isLeft]),
      [
        ["a", 5, 5, false],
        ["c", 755, 235, true]
      ]
    )
  })

  it.prop("places any position within the picture", [Schema.Finite, Schema.Finite], ([x, y]) => {
    const [place] = Plane.places([peer("a", x, y)])
    assert.isTrue(place!.x > 0 && place!.x < Plane.width)
    assert.isTrue(place!.y > 0 && place!.y < Plane.height)
  })

  it("cuts long names between characters", () => {
    const [place] = Plane.places([peer("🐢".repeat(100), 1, 1)])
    assert.strictEqual(place!.name, `${"🐢".repeat(13)}…`)
  })

  it("gives each name of peers at one place a line of its own", () => {
    const places = Plane.places([peer("ada", 40, 12), peer("brian", 40, 12), peer("grace", 41, 12), peer("far", 0, 12)])
    assert.deepStrictEqual(
      places.map(({ name, nameOffset }) => [name, nameOffset]),
      [
        ["ada", 0],
        ["brian", 26],
        ["grace", -26],
        ["far", 0]
      ]
    )
  })

  it("leaves out the names that do not fit", () => {
    const names = Plane.places(Array.from({ length: 200 }, (_, index) => peer(`peer ${index}`, 40, 12)))
    assert.strictEqual(names.filter(({ name }) => name !== "").length, 9)
  })

  it("says nothing until a peer has left the first position", () => {
    assert.isFalse(Plane.hasMoved([]))
    assert.isFalse(Plane.hasMoved([peer("ada", 40, 12), peer("brian", 40, 12), peer("grace")]))
    assert.isTrue(Plane.hasMoved([peer("ada", 40, 12), peer("brian", 40, 13)]))
  })
})
