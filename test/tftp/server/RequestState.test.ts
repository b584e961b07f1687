import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import type { ReceivedRequest } from "../../../src/tftp/server/RequestHandler.ts"
import * as RequestState from "../../../src/tftp/server/RequestState.ts"
import type * as Transfer from "../../../src/tftp/transfer/Transfer.ts"

const summary: Transfer.Summary = { bytes: 0, resent: 0, malformed: 0, rtt: undefined, blksize: 512, windowsize: 1 }

const transfer: Transfer.Transfer = {
  receive: constVoid,
  summary: () => summary,
  handshakeDone: () => true,
  run: Effect.succeed(summary)
}

const received: ReceivedRequest = {
  request: { _tag: "RRQ", filename: "f", mode: "octet", options: [] },
  peer: { address: "192.0.2.7", port: 2_000 },
  listenSocket: { host: "192.0.2.1", socket: undefined as never, receiveBuffer: undefined as never }
}

const events = {
  opened: { _tag: "Opened", transfer },
  validated: { _tag: "Validated" },
  giveWay: { _tag: "GiveWay", mayReply: true },
  giveWaySilently: { _tag: "GiveWay", mayReply: false },
  succeeded: { _tag: "Succeeded" },
  ended: { _tag: "Ended" },
  repeated: { _tag: "RequestReceived", received, isRepeated: true },
  another: { _tag: "RequestReceived", received, isRepeated: false }
} as const satisfies Record<string, RequestState.Event>

type Name = keyof typeof events

/** Applies events in order; returns the states and the tags of the actions of each. */
const run = (names: ReadonlyArray<Name>) => {
  let state = RequestState.initial
  return names.map((name) => {
    const [next, actions] = RequestState.transition(state, events[name])
    state = next
    return { name, state: state._tag, actions: actions.map(({ _tag }) => _tag) }
  })
}

const last = (...names: ReadonlyArray<Name>) => run(names).at(-1)

describe("RequestState", () => {
  it("counts the end of a request at its success, or else at the end of its fiber", () => {
    assert.deepStrictEqual(
      run(["opened", "succeeded", "ended"]).map(({ actions, state }) => [state, ...actions]),
      [["Transferring"], ["Dallying", "CountEnded"], ["Ended"]]
    )
    assert.deepStrictEqual(last("opened", "ended"), { name: "ended", state: "Ended", actions: ["CountEnded"] })
    assert.deepStrictEqual(last("ended"), { name: "ended", state: "Ended", actions: ["CountEnded"] })
  })

  it("counts a repeated request as a duplicate while the first is in progress", () => {
    assert.deepStrictEqual(last("repeated")?.actions, ["CountDuplicate"])
    assert.deepStrictEqual(last("opened", "repeated")?.actions, ["CountDuplicate"])
  })

  it("interrupts a request that opens or dallies for the next request", () => {
    assert.deepStrictEqual(last("another")?.actions, ["CountEnded", "Interrupt", "Start"])
    for (const next of ["another", "repeated"] as const) {
      assert.deepStrictEqual(last("opened", "succeeded", next)?.actions, ["Interrupt", "Start"])
    }
  })

  it("ends a transfer by an ERROR for the next request, without an ERROR to the client", () => {
    const [transferring] = RequestState.transition(RequestState.initial, events.opened)
    const [state, actions] = RequestState.transition(transferring, events.another)
    assert.deepStrictEqual(state, { _tag: "Superseded", transfer })
    assert.deepStrictEqual(
      actions.map(({ _tag }) => _tag),
      ["CountEnded", "Receive", "Start"]
    )
  })

  it("lets a silent client give way, before and after its transfer has begun, and no other", () => {
    assert.deepStrictEqual(last("giveWay"), { name: "giveWay", state: "GaveWay", actions: ["CountEnded", "Interrupt"] })
    assert.deepStrictEqual(last("opened", "giveWay")?.actions, ["CountEnded", "Interrupt"])
    assert.deepStrictEqual(last("opened", "giveWaySilently")?.actions, ["CountEnded", "Receive"])
    for (const before of [
      ["opened", "validated"],
      ["opened", "validated", "succeeded"],
      ["opened", "another"],
      ["giveWay"],
      ["ended"]
    ] as const) {
      assert.deepStrictEqual(last(...before, "giveWay")?.actions, [], before.join(", "))
    }
  })

  it("starts the next request of a client that has given way", () => {
    assert.deepStrictEqual(last("giveWay", "repeated")?.actions, ["Start"])
    assert.deepStrictEqual(last("opened", "giveWay", "another")?.actions, ["Start"])
  })

  it.prop(
    "counts each end once, and starts no request beside one that it neither stopped nor has seen end",
    [Arbitrary.array(Arbitrary.schema(Schema.Literals(Struct.keys(events))))],
    ([names]) => {
      const steps = run([...names, "ended"])
      assert.lengthOf(
        steps.filter(({ actions }) => actions.includes("CountEnded")),
        1
      )
      for (const [index, { actions, name, state }] of steps.entries()) {
        const before = steps[index - 1]?.state ?? "Opening"
        if (actions.includes("Start")) {
          assert.isTrue(
            before === "Ended" ||
              before === "Superseded" ||
              before === "GaveWay" ||
              actions.includes("Interrupt") ||
              actions.includes("Receive")
          )
        }
        if (name === "repeated" || name === "another") {
          const isSuperseded = name === "another" && (before === "Opening" || before === "Transferring")
          assert.strictEqual(state, isSuperseded ? "Superseded" : before)
          assert.notStrictEqual(actions.includes("Start"), actions.includes("CountDuplicate"))
        } else assert.notInclude(actions, "Start")
        if (before === "Ended") assert.strictEqual(state, "Ended")
      }
    }
  )
})
