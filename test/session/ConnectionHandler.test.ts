import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Network from "../../src/network/Network.ts"
import * as Sweeper from "../../src/network/Sweeper.ts"
import * as ConnectionHandler from "../../src/session/ConnectionHandler.ts"
import type * as Session from "../../src/session/Session.ts"
import type { Continuation } from "../../src/session/StateHolder.ts"

type Message = { readonly push: number } | { readonly answer: string }

/** Says what it is told, asks when a line or a push says so. */
const session: Session.Session<number, string, Message> = {
  framing: { _tag: "Lines" },
  open: () => [0, { ask: "hello" }],
  receive: (count, input) => {
    if (input._tag === "Line") {
      return [count + 1, { text: `<${input.text}>`, ask: input.text.startsWith("ask") ? input.text : undefined }]
    }
    if (input._tag !== "Message") return [count, { text: `<${input._tag}>` }]
    if ("answer" in input.message) return [count, { text: `<${input.message.answer}>` }]
    return [count, { text: `<push ${input.message.push}>`, ask: input.message.push < 0 ? `${input.message.push}` : undefined }]
  }
}

const yields = (count: number) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.yieldNow, { discard: true })

/** A client whose lines, and whose patience to read, are the test's. */
const setup = Effect.fnUntraced(function* (
  options: {
    readonly slow?: number
    readonly answer?: (ask: string) => Effect.Effect<void>
    readonly unsent?: () => number
  } = {}
) {
  const { answer = () => Effect.void, slow = 0, unsent = () => 0 } = options
  const input = yield* Queue.unbounded<Uint8Array, Cause.Done>()
  const written: Array<string> = []
  const aborted = yield* Deferred.make<void>()
  let writing = 0
  let stepping = 0
  let tell: (told: Message) => void = () => assert.fail("nobody was attached")
  const here = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 1)
  const connection: Network.Connection = {
    local: here,
    remote: here,
    pull: Effect.map(Queue.take(input), (bytes) => bytes),
    write: Effect.fnUntraced(function* (text) {
      assert.strictEqual(++writing, 1, "two texts at a time")
      yield* yields(slow)
      written.push(`${text}`)
      writing--
    }),
    end: Effect.void,
    endRead: Effect.asVoid(Queue.end(input)),
    abort: Effect.andThen(Queue.end(input), Deferred.succeed(aborted, undefined)),
    traffic: () => ({ received: 0, sent: 0, unsent: unsent() })
  }
  const shared: Session.Shared<string, Message> = {
    attach: (_, pushes) =>
      Effect.sync(() => {
        tell = pushes
        return (ask) => Effect.as(answer(ask), { answer: `answer to ${ask}` })
      })
  }
  let state = 0
  const step = <E>([after, out]: Session.Step<number, string>, then: Continuation<string, E>) => {
    assert.strictEqual(++stepping, 1, "two steps at a time")
    state = after
    return Effect.andThen(
      yields(slow),
      Effect.suspend(() => {
        stepping--
        return then(out)
      })
    )
  }
  const client = { id: 1, remote: "", seed: 0 }
  const fiber = yield* ConnectionHandler.serve(
    { session, shared },
    { client, connection, sweeper: yield* Sweeper.make("1 second"), rate: 1_000_000 },
    {
      open: (then) => Effect.suspend(() => step(session.open(client), then)),
      receive: (said, then) => step(session.receive(state, said), then)
    }
  ).pipe(Effect.forkChild({ startImmediately: true }))
  return {
    aborted,
    fiber,
    written,
    say: (text: string) => void Queue.offerUnsafe(input, new TextEncoder().encode(text)),
    end: Queue.end(input),
    tell: (push: number) => tell({ push })
  }
})

describe("Conversation", () => {
  it.effect.prop(
    "lines and pushes in any order at any time: one step at a time, each text whole, both in order",
    [
      Schema.Array(Schema.Literals(["line", "ask", "push", "asking push", "pause"])),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
    ],
    ([events, slow]) =>
      Effect.gen(function* () {
        const { end, fiber, say, tell, written } = yield* setup({ slow, answer: () => yields(slow) })
        yield* yields(20)
        for (const [at, event] of events.entries()) {
          if (event === "pause") yield* yields(3)
          else if (event.endsWith("push")) tell(event === "push" ? at + 1 : -at - 1)
          else say(`${event} ${at}\n`)
        }
        yield* yields(200)
        yield* end
        yield* Fiber.join(fiber)
        const own = (start: string) => written.filter((text) => text.startsWith(start))
        const made = (kind: string, text: (at: number) => string) =>
          [...events.entries()].filter(([, event]) => event.endsWith(kind)).map(([at]) => text(at))
        const pushes = [...events.entries()].filter(([, event]) => event.endsWith("push"))
        assert.deepStrictEqual(
          own("<line"),
          made("line", (at) => `<line ${at}>`)
        )
        assert.deepStrictEqual(
          own("<ask"),
          made("ask", (at) => `<ask ${at}>`)
        )
        assert.deepStrictEqual(
          own("<push"),
          pushes.map(([at, event]) => `<push ${event === "push" ? at + 1 : -at - 1}>`)
        )
        const asks = events.filter((event) => event.startsWith("ask")).length
        assert.strictEqual(own("<answer").length, asks + 1)
        assert.strictEqual(written.at(-1), "<Closed>")
      }).pipe(Effect.scoped)
  )

  it.effect("a question that follows from a push holds up the lines, not the pushes", () =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      const { end, fiber, say, tell, written } = yield* setup({
        answer: (ask) => (ask === "hello" ? Effect.void : Deferred.await(goOn))
      })
      tell(-1)
      say("line\n")
      tell(2)
      yield* yields(50)
      assert.deepStrictEqual(written, ["<answer to hello>", "<push -1>", "<push 2>"])
      yield* Deferred.succeed(goOn, undefined)
      yield* yields(50)
      yield* end
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(written.slice(3), ["<answer to -1>", "<line>", "<Closed>"])
    }).pipe(Effect.scoped)
  )

  it.effect("what is done aside ends with the conversation", () =>
    Effect.gen(function* () {
      const left = yield* Deferred.make<void>()
      const { fiber, tell, written } = yield* setup({
        answer: (ask) =>
          ask === "hello" ? Effect.void : Effect.onInterrupt(Effect.never, () => Deferred.succeed(left, undefined))
      })
      tell(-1)
      yield* yields(20)
      assert.include(written, "<push -1>")
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(left)
    }).pipe(Effect.scoped)
  )

  it.effect("a defect aside is the conversation's", () =>
    Effect.gen(function* () {
      const { fiber, tell } = yield* setup({
        answer: (ask) => (ask === "hello" ? Effect.void : Effect.die("broken"))
      })
      tell(-1)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(Effect.scoped)
  )

  it.effect.each([
    ["is 257 pushes behind", 257, 0],
    ["has more than 256 KiB to take", 0, 256 * 1_024 + 1]
  ] as const)("a client that %s is cut by the next one", ([, pushes, unsent]) =>
    Effect.gen(function* () {
      const { aborted, fiber, tell } = yield* setup({ slow: 10, unsent: () => unsent })
      yield* yields(100)
      for (let push = 1; push <= pushes; push++) tell(push)
      yield* yields(2)
      assert.isFalse(yield* Deferred.isDone(aborted))
      tell(pushes + 1)
      yield* Deferred.await(aborted)
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped)
  )
})
