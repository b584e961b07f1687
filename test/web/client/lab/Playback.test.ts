import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Playback from "../../../../src/web/client/lab/Playback.ts"

const loaded = (plays: boolean) =>
  Playback.step(Playback.empty, { _tag: "Loaded", lengthPixels: 100, stops: [0, 30, 55, 100], plays })

const applied = (state: Playback.Playback, ...events: ReadonlyArray<Playback.Event>) =>
  events.reduce(Playback.step, state)

const tick = (elapsedMillis: number): Playback.Event => ({ _tag: "Ticked", elapsedMillis })
const toggle: Playback.Event = { _tag: "Toggled" }
const forward: Playback.Event = { _tag: "Stepped", direction: 1 }
const back: Playback.Event = { _tag: "Stepped", direction: -1 }
const seek = (positionPixels: number): Playback.Event => ({ _tag: "Sought", positionPixels })

const Position = Schema.Number
const Event = Schema.TaggedUnion({
  Ticked: { elapsedMillis: Schema.Number },
  Toggled: {},
  Replayed: {},
  Stepped: { direction: Schema.Literals([1, -1]) },
  Sought: { positionPixels: Position },
  SpeedChosen: { speed: Schema.Literals([...Playback.speeds, 0, -1, 1e9]) }
})

describe("Playback", () => {
  it("plays a loaded run from its beginning, or shows it whole", () => {
    assert.deepInclude(loaded(true), { positionPixels: 0, isPlaying: true })
    assert.deepInclude(loaded(false), { positionPixels: 100, isPlaying: false })
  })

  it("moves in proportion to time and speed, and ends at the end", () => {
    const state = applied(loaded(true), tick(50))
    assert.approximately(state.positionPixels, Playback.pixelsPerSecond * 0.05, 1e-9)
    const fast = applied(loaded(true), { _tag: "SpeedChosen", speed: 4 }, tick(50))
    assert.approximately(fast.positionPixels, Playback.pixelsPerSecond * 0.2, 1e-9)
    const ended = applied(fast, ...Array.from({ length: 40 }, () => tick(50)))
    assert.deepInclude(ended, { positionPixels: 100, isPlaying: false })
  })

  it("does not jump after a long time without frames", () => {
    assert.isBelow(applied(loaded(true), tick(60_000)).positionPixels, 10)
  })

  it("rests while it is paused", () => {
    const paused = applied(loaded(true), tick(50), toggle)
    assert.strictEqual(applied(paused, tick(50)), paused)
  })

  it("begins anew when play is pressed at the end", () => {
    assert.deepInclude(applied(loaded(false), toggle), { positionPixels: 0, isPlaying: true })
    assert.deepInclude(applied(loaded(false), seek(40), toggle), { positionPixels: 40, isPlaying: true })
    assert.deepInclude(applied(loaded(false), { _tag: "Replayed" }), { positionPixels: 0, isPlaying: true })
  })

  it("steps from stop to stop in both directions, and pauses", () => {
    const state = applied(loaded(true), forward)
    assert.deepInclude(state, { positionPixels: 30, isPlaying: false })
    assert.strictEqual(applied(state, forward, forward, forward).positionPixels, 100)
    assert.strictEqual(applied(state, seek(54), back).positionPixels, 30)
    assert.strictEqual(applied(state, back, back).positionPixels, 0)
  })

  it("keeps its speed when another run is loaded", () => {
    const state = applied(loaded(true), { _tag: "SpeedChosen", speed: 2 })
    assert.strictEqual(applied(state, { _tag: "Loaded", lengthPixels: 9, stops: [9], plays: true }).speed, 2)
  })

  it.effect.prop("stays within the run, whatever happens", [Schema.Array(Event)], ([events]) =>
    Effect.sync(() => {
      let state = loaded(true)
      for (const event of events) {
        state = Playback.step(state, event)
        assert.isTrue(state.positionPixels >= 0 && state.positionPixels <= 100, `${state.positionPixels}`)
        assert.include(Playback.speeds, state.speed)
      }
    })
  )

  it.effect.prop("returns to a stop by a step forward and a step back", [Schema.Literals([0, 30, 55])], ([stop]) =>
    Effect.sync(() => assert.strictEqual(applied(loaded(false), seek(stop), forward, back).positionPixels, stop))
  )
})
