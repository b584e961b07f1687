import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Input, Output } from "../../src/session/Session.ts"
import * as SessionMachine from "../../src/session/SessionMachine.ts"

type Machine = SessionMachine.State<string, string>
type Event = SessionMachine.Event<string, string>
type Action = SessionMachine.Action<string, string>

/** Something that happens next; it is skipped if it cannot happen now, such as an answer without an ask. */
const Happening = Schema.Literals([
  ...["line", "asking line", "closing line", "push", "asking push", "tick", "written", "written", "written"],
  ...["answered", "answered", "write failed", "too much unsent", "closed", "framing error"]
] as const)
type Happening = typeof Happening.Type

const textOf = (input: Input<string>) =>
  input._tag === "Line" ? input.text : input._tag === "Message" ? input.message : input._tag

const outputOf = (text: string): Output<string> => ({
  ask: text.includes("asking") || text === "Closed" || text === "FramingError" ? `ask of ${text}` : undefined,
  close: text.startsWith("closing")
})

/** The surroundings of a session: the step, the ask and the read in progress, and what was observed. */
class World {
  state: Machine = SessionMachine.initial
  step: string | undefined = "open"
  ask: string | undefined
  isReading = false
  hasEnded = false
  isDisconnected = false
  /** Inputs that wait, in the order of arrival: the model. */
  readonly waiting: Array<string> = []
  answerWaits = false
  readonly stepped: Array<string> = []
  readonly asked: Array<string> = []
  private count = 0

  private readonly isFinal = () => this.stepped.includes("Closed") || this.stepped.includes("FramingError")

  private send(event: Event) {
    const [state, actions] = SessionMachine.step(this.state, event)
    this.state = state
    for (const action of actions) this.perform(action)
  }

  private perform(action: Action) {
    assert.isFalse(this.hasEnded, `${action._tag} after the end`)
    switch (action._tag) {
      case "Step": {
        const text = textOf(action.input)
        assert.isUndefined(this.step, "two steps at a time")
        const isHeld = (text: string) => /line|Closed|FramingError/.test(text)
        if (text !== "Closed" || this.waiting.includes(text)) {
          const blocked = this.ask !== undefined || this.answerWaits
          assert.strictEqual(
            text,
            this.waiting.find((text) => !(blocked && isHeld(text))),
            "out of order"
          )
          this.waiting.splice(this.waiting.indexOf(text), 1)
        }
        if (text.startsWith("answer")) this.answerWaits = false
        this.step = text
        this.stepped.push(text)
        return
      }
      case "Ask":
        assert.isUndefined(this.ask, "two asks at a time")
        assert.isFalse(this.answerWaits, "an ask before the answer of the one before was stepped")
        this.ask = action.ask
        this.asked.push(action.ask)
        return
      case "Read":
        assert.deepStrictEqual([this.step, this.ask, this.waiting, this.isReading], [undefined, undefined, [], false])
        this.isReading = true
        return
      case "Disconnect":
        this.isDisconnected = true
        return
      case "End":
        assert.isUndefined(this.step, "end during a step")
        this.hasEnded = true
    }
  }

  private input(event: Exclude<Input<string>, { readonly _tag: "Message" }>) {
    if (!this.isReading) return
    this.isReading = false
    if (!this.isFinal()) this.waiting.push(textOf(event))
    this.send(event)
  }

  private push(message: string, unsentBytes: number) {
    const isAccepted =
      !this.isFinal() && !this.isDisconnected && !this.waiting.some((text) => /Closed|Framing/.test(text))
    if (isAccepted && unsentBytes === 0) this.waiting.push(message)
    if (isAccepted && unsentBytes > 0) this.dropPushes()
    this.send({ _tag: "Pushed", message, unsentBytes })
  }

  private dropPushes() {
    const rest = this.waiting.filter((text) => !/push|Tick/.test(text))
    this.waiting.splice(0, Infinity, ...rest)
  }

  private finishStep(_tag: "Written" | "WriteFailed") {
    if (this.step === undefined) return
    const output = outputOf(this.step)
    if (_tag === "WriteFailed" && !this.isFinal()) {
      this.waiting.splice(0)
      this.answerWaits = false
    }
    this.step = undefined
    this.send({ _tag, output })
  }

  happen(happening: Happening) {
    if (this.hasEnded) return
    const text = `${happening} ${++this.count}`
    switch (happening) {
      case "line":
      case "asking line":
      case "closing line":
        return this.input({ _tag: "Line", text })
      case "closed":
        return this.input({ _tag: "Closed" })
      case "framing error":
        return this.input({ _tag: "FramingError", message: "" })
      case "push":
      case "asking push":
        return this.push(text, 0)
      case "too much unsent":
        return this.push(text, SessionMachine.maxUnsentBytes + 1)
      case "tick": {
        const isAccepted =
          !this.isFinal() && !this.isDisconnected && !this.waiting.some((text) => /Closed|Framing|Tick/.test(text))
        if (isAccepted) this.waiting.push("Tick")
        return this.send({ _tag: "Tick" })
      }
      case "written":
        return this.finishStep("Written")
      case "write failed":
        return this.finishStep("WriteFailed")
      case "answered": {
        if (this.ask === undefined) return
        this.ask = undefined
        const message = `answer ${this.count}`
        if (!this.isFinal()) {
          this.waiting.push(message)
          this.answerWaits = true
        }
        return this.send({ _tag: "Answered", message })
      }
    }
  }

  /** Completes all that is in progress, and ends the input. */
  complete() {
    for (let turn = 0; turn < 200 && !this.hasEnded; turn++) {
      for (const happening of ["written", "answered", "closed"] as const) this.happen(happening)
    }
  }
}

const run = (...happenings: ReadonlyArray<Happening>) => {
  const world = new World()
  for (const happening of happenings) world.happen(happening)
  return world
}

const repeat = (count: number, happening: Happening) => Array.from({ length: count }, () => happening)

describe("SessionMachine", () => {
  it.prop(
    "steps one input at a time in order, holds lines back for asks, and ends after the last ask",
    [Schema.Array(Happening).check(Schema.isMaxLength(60))],
    ([happenings]) => {
      const world = run(...happenings)
      world.complete()
      assert.isTrue(world.hasEnded)
      assert.strictEqual(world.state.phase, "Ended")
      const last = world.stepped.at(-1) ?? "open"
      if (last.startsWith("closing")) return assert.isTrue(world.state.isSending)
      assert.include(["Closed", "FramingError"], last)
      assert.strictEqual(world.asked.at(-1), `ask of ${last}`)
      assert.strictEqual(world.state.isSending, last === "FramingError")
    },
    { arbitrary: { runs: 2_000 } }
  )

  it("makes the asks of pushes one after the other, and delivers pushes meanwhile", () => {
    const world = run("written", "asking push", "asking push", "push", "written", "written", "written")
    assert.deepStrictEqual(world.stepped, ["asking push 2", "asking push 3", "push 4"])
    assert.deepStrictEqual(world.asked, ["ask of asking push 2"])
    world.happen("answered")
    world.happen("written")
    assert.deepStrictEqual(world.asked, ["ask of asking push 2", "ask of asking push 3"])
  })

  it("ignores a second tick while one waits", () => {
    const world = run("written", "push", "tick", "tick", "written", "written", "written")
    assert.deepStrictEqual(world.stepped, ["push 2", "Tick"])
  })

  it("steps the last input at once after a failed write, and makes the asks of earlier steps", () => {
    const world = run("written", "asking push", "written", "asking push", "written", "push", "write failed")
    assert.deepStrictEqual(world.stepped, ["asking push 2", "asking push 4", "push 6", "Closed"])
    world.complete()
    assert.deepStrictEqual(world.asked, ["ask of asking push 2", "ask of asking push 4", "ask of Closed"])
  })

  it("disconnects at the push after 256 that wait, and drops those", () => {
    const world = run("written", ...repeat(257, "push"))
    assert.isFalse(world.isDisconnected)
    world.happen("push")
    world.waiting.splice(0)
    assert.isTrue(world.isDisconnected)
    assert.lengthOf(world.state.pendingInputs, 0)
    world.complete()
    assert.deepStrictEqual(world.stepped, ["push 2", "Closed"])
  })
})
