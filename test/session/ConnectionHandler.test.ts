import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Network from "../../src/network/Network.ts"
import * as Sweeper from "../../src/network/Sweeper.ts"
import type { Continuation } from "../../src/session/ClientStateHolder.ts"
import * as ConnectionHandler from "../../src/session/ConnectionHandler.ts"
import type * as Session from "../../src/session/Session.ts"

type Message = { readonly push: number } | { readonly answer: string }

/** Writes every input to the client; asks if a line or a push requests it. */
const session: Session.Session<number, string, Message> = {
  framing: { _tag: "Lines" },
  open: () => [0, { ask: "hello" }],
  receive: (count, input) => {
    if (input._tag === "Line") {
      return [count + 1, { text: `<${input.text}>`, ask: input.text.startsWith("ask") ? input.text : undefined }]
    }
    if (input._tag !== "Message") return [count, { text: `<${input._tag}>` }]
    if ("answer" in input.message) return [count, { text: `<${input.message.answer}>` }]
    return [
      count,
      { text: `<push ${input.message.push}>`, ask: input.message.push < 0 ? `${input.message.push}` : undefined }
    ]
  }
}

const yields = (count: number) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.yieldNow, { discard: true })

/** A connection whose lines, write delays and send buffer the test controls. */
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
  let push: (message: Message) => void = () => assert.fail("no client is attached")
  const address = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 1)
  const connection: Network.Connection = {
    local: address,
    remote: address,
    pull: Effect.map(Queue.take(input), (bytes) => bytes),
    write: Effect.fnUntraced(function* (text) {
      assert.strictEqual(++writing, 1, "two writes at the same time")
      yield* yields(slow)
      written.push(`${text}`)
      writing--
    }),
    end: Effect.void,
    endRead: Effect.asVoid(Queue.end(input)),
    abort: Effect.andThen(Queue.end(input), Deferred.succeed(aborted, undefined)),
    traffic: () => ({ received: 0, sent: 0, unsent: unsent() }),
    context: Context.empty()
  }
  const shared: Session.Shared<string, Message> = {
    attach: (_, attachedPush) =>
      Effect.sync(() => {
        push = attachedPush
        return (ask) => Effect.as(answer(ask), { answer: `answer to ${ask}` })
      })
  }
  let state = 0
  const step = <E>([after, output]: Session.Step<number, string>, next: Continuation<string, E>) => {
    assert.strictEqual(++stepping, 1, "two steps at the same time")
    state = after
    return Effect.andThen(
      yields(slow),
      Effect.suspend(() => {
        stepping--
        return next(output)
      })
    )
  }
  const client = { id: 1, remote: "", seed: 0 }
  const fiber = yield* ConnectionHandler.serve(
    { session, shared },
    { client, connection, sweeper: yield* Sweeper.make("1 second"), rate: 1_000_000 },
    {
      open: (next) => Effect.suspend(() => step(session.open(client), next)),
      receive: (input, next) => step(session.receive(state, input), next)
    }
  ).pipe(Effect.forkChild({ startImmediately: true }))
  return {
    aborted,
    fiber,
    written,
    send: (text: string) => void Queue.offerUnsafe(input, new TextEncoder().encode(text)),
    end: Queue.end(input),
    push: (number: number) => push({ push: number })
  }
})

describe("ConnectionHandler.serve", () => {
  it.effect.prop(
    "steps one input at a time and keeps lines and pushes in order, however they interleave",
    [
      Schema.Array(Schema.Literals(["line", "ask", "push", "asking push", "pause"])),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
    ],
    ([events, slow]) =>
      Effect.gen(function* () {
        const { end, fiber, push, send, written } = yield* setup({ slow, answer: () => yields(slow) })
        yield* yields(20)
        for (const [at, event] of events.entries()) {
          if (event === "pause") yield* yields(3)
          else if (event.endsWith("push")) push(event === "push" ? at + 1 : -at - 1)
          else send(`${event} ${at}\n`)
        }
        yield* yields(200)
        yield* end
        yield* Fiber.join(fiber)
        const textsWith = (start: string) => written.filter((text) => text.startsWith(start))
        const expected = (kind: string, text: (at: number) => string) =>
          [...events.entries()].filter(([, event]) => event.endsWith(kind)).map(([at]) => text(at))
        const pushes = [...events.entries()].filter(([, event]) => event.endsWith("push"))
        assert.deepStrictEqual(
          textsWith("<line"),
          expected("line", (at) => `<line ${at}>`)
        )
        assert.deepStrictEqual(
          textsWith("<ask"),
          expected("ask", (at) => `<ask ${at}>`)
        )
        assert.deepStrictEqual(
          textsWith("<push"),
          pushes.map(([at, event]) => `<push ${event === "push" ? at + 1 : -at - 1}>`)
        )
        const asks = events.filter((event) => event.startsWith("ask")).length
        assert.strictEqual(textsWith("<answer").length, asks + 1)
        assert.strictEqual(written.at(-1), "<Closed>")
      }).pipe(Effect.scoped)
  )

  it.effect("delays lines, but not pushes, while an ask that a push caused is in progress", () =>
    Effect.gen(function* () {
      const proceed = yield* Deferred.make<void>()
      const { end, fiber, push, send, written } = yield* setup({
        answer: (ask) => (ask === "hello" ? Effect.void : Deferred.await(proceed))
      })
      push(-1)
      send("line\n")
      push(2)
      yield* yields(50)
      assert.deepStrictEqual(written, ["<answer to hello>", "<push -1>", "<push 2>"])
      yield* Deferred.succeed(proceed, undefined)
      yield* yields(50)
      yield* end
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(written.slice(3), ["<answer to -1>", "<line>", "<Closed>"])
    }).pipe(Effect.scoped)
  )

  it.effect("interrupts the ask of a push when it is interrupted", () =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const { fiber, push, written } = yield* setup({
        answer: (ask) =>
          ask === "hello"
            ? Effect.void
            : Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      })
      push(-1)
      yield* yields(20)
      assert.include(written, "<push -1>")
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(interrupted)
    }).pipe(Effect.scoped)
  )

  it.effect("fails with the defect of an ask that a push caused", () =>
    Effect.gen(function* () {
      const { fiber, push } = yield* setup({
        answer: (ask) => (ask === "hello" ? Effect.void : Effect.die("broken"))
      })
      push(-1)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(Effect.scoped)
  )

  it.effect.each([
    ["257 pending pushes", 257, 0],
    ["more than 256 KiB unsent", 0, 256 * 1_024 + 1]
  ] as const)("disconnects a client with %s at the next push", ([, pushes, unsent]) =>
    Effect.gen(function* () {
      const { aborted, fiber, push } = yield* setup({ slow: 10, unsent: () => unsent })
      yield* yields(100)
      for (let number = 1; number <= pushes; number++) push(number)
      yield* yields(2)
      assert.isFalse(yield* Deferred.isDone(aborted))
      push(pushes + 1)
      yield* Deferred.await(aborted)
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped)
  )
})
