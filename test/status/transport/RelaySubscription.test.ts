import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as RelaySubscription from "../../../src/status/transport/RelaySubscription.ts"
import * as RelayMessage from "../../../src/status/wire/RelayMessage.ts"

const leaseMillis = 30_000

/** A message of the relay or of an attacker; `cookie` is a seed, and undefined stands for the client's cookie. */
const Input = Schema.Union([
  Schema.Struct({
    _tag: Schema.Literals(["Challenge", "Granted", "Full", "Subscribe", "Leave"]),
    cookie: Schema.UndefinedOr(Schema.Literals([1, 2])),
    lease: Schema.Literals([1_000, 60_000]),
    /** False for a challenge of a relay that has no lease of the client. */
    isLeased: Schema.Boolean
  }),
  Schema.TaggedStruct("Timeout", {})
])

const cookieOf = (seed: number) => new Uint8Array(RelayMessage.sizeBytes.cookie).fill(seed)

/** Applies an input as the driver does: a message that is not accepted changes nothing. */
const apply = (state: RelaySubscription.State, input: typeof Input.Type) => {
  if (input._tag === "Timeout") return RelaySubscription.step(state, { _tag: "Timeout" }, leaseMillis)
  const { _tag } = input
  const lease = _tag === "Challenge" && !input.isLeased ? 0 : input.lease
  const message = { _tag, lease, cookie: input.cookie === undefined ? state.cookie : cookieOf(input.cookie) }
  const accepted = RelaySubscription.accept(state, message)
  return accepted === undefined ? undefined : RelaySubscription.step(accepted, { _tag: "Reply", message }, leaseMillis)
}

const requests = (actions: ReadonlyArray<RelaySubscription.Action>) =>
  actions.filter(({ _tag }) => _tag === "Subscribe").length

describe("RelaySubscription", () => {
  it.prop(
    "follows the model of a subscription for any sequence of replies and timeouts",
    [Schema.Array(Input)],
    ([all]) => {
      let state = RelaySubscription.initial
      const model = { isSubscribed: false, timeouts: 0, challenges: 0 }
      for (const input of all) {
        const applied = apply(state, input)
        if (applied === undefined) {
          assert.isTrue(input._tag === "Challenge" ? model.challenges >= 3 : input._tag !== "Timeout")
          continue
        }
        assert.notInclude(["Subscribe", "Leave"], input._tag)
        if (input._tag === "Granted") assert.notDeepEqual(state.cookie, RelayMessage.zeroCookie)
        const [next, actions] = applied
        const wasSubscribed = model.isSubscribed
        if (input._tag === "Timeout") {
          Object.assign(model, { timeouts: model.timeouts + 1, challenges: 0 })
          if (model.timeouts > 3) model.isSubscribed = false
        } else if (input._tag === "Challenge")
          Object.assign(model, {
            challenges: model.challenges + 1,
            isSubscribed: wasSubscribed && input.isLeased
          })
        else Object.assign(model, { timeouts: 0, challenges: 0, isSubscribed: input._tag === "Granted" })
        assert.strictEqual(next.isSubscribed, model.isSubscribed)
        assert.strictEqual(requests(actions), input._tag === "Timeout" || input._tag === "Challenge" ? 1 : 0)
        assert.strictEqual(
          actions.some(({ _tag }) => _tag === "ResendPacket"),
          input._tag === "Granted" && !wasSubscribed
        )
        assert.isTrue(next.waitMillis > 0 && next.waitMillis <= Math.max(5_000, leaseMillis / 3))
        state = next
      }
    }
  )

  it("doubles the timeout of a request up to 5 seconds, and reports the fourth silence", () => {
    let state = RelaySubscription.initial
    const waits: Array<number> = []
    const problems: Array<string | undefined> = []
    for (let request = 1; request <= 6; request++) {
      const [next, actions] = RelaySubscription.step(state, { _tag: "Timeout" }, leaseMillis)
      for (const action of actions) if (action._tag === "Report") problems.push(`${request}: ${action.problem}`)
      waits.push(next.waitMillis)
      state = next
    }
    assert.deepStrictEqual(waits, [500, 1_000, 2_000, 4_000, 5_000, 5_000])
    assert.deepStrictEqual(problems, ["4: no reply", "5: no reply", "6: no reply"])
  })
})
